"""The link to one server through its life: dialled when needed, again after it was lost.

Its name is the redirector's instance at that server, each dialling is a newer epoch: what an
older, half-open link of ours still holds is freed before we ask for more. A link that had
something to lose is dialled anew for `reconnect_max_s`: meanwhile whoever asks waits, and what
was asked when it was lost is asked again. `Questions` (the tables) says what that means.
"""

import math
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import trio

from redird.asked import Questions, answer
from redird.dialled import Attempt, Outage, Over
from redird.reclaims import Patience
from redird.wire.dialling import unwrapped
from redird.wire.errors import LinkLost, Refused
from redird.wire.keepalive import confirm
from redird.wire.link import Answer, Link
from redird.wire.messages import Message, Negotiated
from redird.wire.status import Status

R = TypeVar("R", bound=Message)
CAPABILITIES = ("batch", "describe", "lease", "uses")
RECOVERY = ("durable", "journal", "once")
ONE_DIAL_MAX_S = 10.0
OpenLink = Callable[..., AbstractAsyncContextManager[tuple[Link, Negotiated]]]


class Uplink:
    """One link to one server; `capabilities` are what both sides can do."""

    def __init__(
        self,
        name: str,
        instance: str,
        epoch: int,
        open_link: OpenLink,
        questions: Questions,
        spawn: Callable[..., None],
        *,
        recall: bool,
        private: bool = False,
        silence_max_s: float = math.inf,
        patience: Patience | None = None,
    ) -> None:
        self.name = name
        self.instance = instance
        self.private = private
        self.requests_sent = 0
        self.epoch = epoch
        self.memory = 1  # grows when the server has forgotten all that it knew
        self.outage: Outage | None = None
        self.capabilities: frozenset[str] = frozenset()
        self._open_link = open_link
        self._questions = questions
        self._spawn = spawn
        self._silence_max_s = silence_max_s
        self._patience = patience or Patience(0.0)
        more = RECOVERY if self._patience.max_s > 0 else ()
        self._offer = (*CAPABILITIES, *more, *(("recall",) if recall else ()))
        self._link: Link | None = None
        self._why = ""  # it was given up
        self._server = ""  # the instance of whom we spoke to last
        self._attempt: Attempt | None = None
        self._confirming: trio.Event | None = None
        self._dialling = trio.Lock()
        self._calm_at = -math.inf  # a link lost again before that is not dialled at once
        self._hasty = 0  # how many in a row were
        self._closed = False

    # --- dialling ---

    @property
    def is_up(self) -> bool:
        """Whether it can be asked over."""
        return self._link is not None and self._link.lost is None

    def row(self, now: float) -> dict[str, Any]:
        """Return what an administrator sees of it."""
        outage = self.outage
        state = "up" if self.is_up else "recovering" if outage is not None else "down"
        return {
            "server": self.name,
            "state": state,
            "epoch": self.epoch,
            "requests_sent": self.requests_sent,
            "lost_for_s": round(now - outage.began, 3) if outage is not None else None,
            "dials": outage.attempts if outage is not None else 0,
            "waiting": outage.waiting if outage is not None else 0,
            "why": outage.why if outage is not None else "",
        }

    async def ready(self) -> Link:
        """Return the link, dialled if need be; raises Refused if there is no way there."""
        if self._link is not None and self._link.lost is None:
            return self._link
        await self.wait_recovered()
        async with self._dialling:
            await self.wait_recovered()
            if self._link is None and not self._closed:
                await self._dial()
        if self._link is None or self._closed:
            raise self._gone()
        return self._link

    def _gone(self) -> Refused:
        """Return what to say while there is no link."""
        told = {"advice": self._why} if self._why else {}
        return Refused(Status.STATUS_CONNECTION_DISCONNECTED, self.name, told)

    async def _dial(self) -> None:
        attempt = self._begin()
        await attempt.dialled.wait()
        if attempt.error is not None and not self._closed:
            no = Refused(Status.STATUS_BAD_NETWORK_PATH, str(attempt.error))
            raise no from attempt.error

    def _begin(self) -> Attempt:
        self.epoch += 1
        self._attempt = attempt = Attempt(self.epoch, self.outage is None)
        self._spawn(self._hold, attempt)
        return attempt

    async def _hold(self, attempt: Attempt) -> None:
        """Own a link for as long as it lasts."""
        try:
            with attempt.scope, unwrapped():
                async with self._open_link(
                    capabilities=self._offer,
                    handler=self._serve,
                    instance=self.instance,
                    epoch=attempt.epoch,
                ) as attempt.opened:
                    if attempt.usable:
                        self._use(*attempt.opened)
                    if self._closed:
                        self.close()
                    attempt.dialled.set()
                    await attempt.opened[0].wait_lost()
        except (LinkLost, Refused) as error:
            attempt.error = error
        finally:
            if attempt.opened is None and attempt.error is None:
                attempt.error = LinkLost("given up")
            if attempt.opened is not None and self._link is attempt.opened[0]:
                self._lost(self._link.lost or "it ended")
            attempt.dialled.set()
            attempt.ended.set()

    def _use(self, link: Link, peer: Negotiated) -> None:
        if peer.instance != self._server and "journal" not in peer.capabilities:
            self.memory += 1  # of what was asked once
        self._link, self._why = link, ""
        self._server = peer.instance
        self.capabilities = frozenset(peer.capabilities)

    def close(self) -> None:
        """Leave the server for good."""
        self._closed = True
        if self._link is not None:
            self._link.close("the redirector left")
        if self._attempt is not None:
            self._attempt.scope.cancel()

    # --- the loss ---

    def _lost(self, why: str) -> None:
        self._link = None
        recovers = not self._closed and self._patience.max_s > 0
        if recovers and self._questions.suspend(self.name, why):
            now = trio.current_time()
            self._hasty = self._hasty + 1 if now < self._calm_at else 0
            self.outage = Outage(why, now)
            self._spawn(self._recover, self.outage)
        else:
            self.capabilities = frozenset()
            self._questions.link_lost(self.name, "")

    async def _recover(self, outage: Outage) -> None:
        """Dial until what came over the lost link is taken up again, or the time is over."""
        try:
            with trio.move_on_at(outage.began + self._patience.max_s):
                if self._hasty:
                    await self._pause(self._hasty)
                while self._is_worth_it() and not await self._try(outage):
                    await self._pause(outage.attempts)
        finally:
            if self._link is None:
                self._give_up(outage)

    async def _pause(self, attempts: int) -> None:
        await trio.sleep(self._patience.pause_s(attempts, self._questions.chance()))

    def _is_worth_it(self) -> bool:
        return not self._closed and self._questions.is_worth_it(self.name)

    async def _try(self, outage: Outage) -> bool:
        """Dial once and take everything up; whether that went well."""
        outage.attempts += 1
        attempt = self._begin()
        try:
            with trio.move_on_after(ONE_DIAL_MAX_S):
                await attempt.dialled.wait()
            if attempt.opened is None:
                return False
            link, peer = attempt.opened
            over = Over(link, peer, attempt.epoch, peer.instance != self._server)
            commit = await self._questions.take_up(self.name, over)
            if link.lost is None and not self._closed:
                self._use(link, peer)
                self._questions.recovered(self.name, outage, commit())
                self._end(outage)
                self._calm_at = trio.current_time() + self._patience.pause_max_s
        except LinkLost:
            pass
        finally:
            if self._link is None:
                attempt.scope.cancel()
        return self._link is not None

    def _give_up(self, outage: Outage) -> None:
        self.capabilities = frozenset()
        tried_s = trio.current_time() - outage.began
        why = f"{self.name} was dialled again for {tried_s:.1f} s, after: {outage.why}"
        self._why = why
        self._questions.link_lost(self.name, why if self._is_worth_it() else "")
        self._end(outage)

    def _end(self, outage: Outage) -> None:
        self.outage = None
        outage.over.set()

    async def wait_recovered(self) -> None:
        """Wait until a lost link is there again or was given up."""
        if self._link is not None and self._attempt is not None and self._link.lost:
            await self._attempt.ended.wait()  # its loss is about to be noticed
        outage = self.outage
        if outage is not None:
            outage.waiting += 1
            try:
                await outage.over.wait()
            finally:
                outage.waiting -= 1

    # --- trust ---

    @property
    def trusted_until(self) -> float:
        """Until when the server surely keeps what it promised, as far as is known."""
        if self._link is None:
            return math.inf if self.outage is None else -math.inf
        silent_at = self._link.confirmed.at + self._silence_max_s
        return silent_at if self._link.lost is None else -math.inf

    async def wait_trusted(self) -> None:
        """Wait until the link is trusted again, or given up."""
        while self.trusted_until <= trio.current_time():
            if self._link is None or not self.is_up:
                await self.wait_recovered()
            elif self._confirming is not None:
                await self._confirming.wait()
            else:
                await self._confirm(self._link)

    async def _confirm(self, link: Link) -> None:
        """Ask once for all who wait."""
        self._confirming = asked = trio.Event()
        try:
            await confirm(link)
        finally:
            self._confirming = None
            asked.set()

    # --- being asked ---

    def _serve(self, link: Link, request: Message) -> Answer:
        return answer(self._questions, self.name, request)
