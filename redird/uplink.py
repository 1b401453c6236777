"""The link to one server through its life: dialled when needed, again after it was lost.

Its name is the redirector's instance at that server, each dialling is a newer epoch: what an
older, half-open link of ours still holds is freed before we ask for more. A link that had
something to lose is dialled anew for `reconnect_max_s`: meanwhile whoever asks waits, and what
was asked when it was lost is asked again. `Questions` (the tables) says what that means.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import trio

from redird.asked import Questions, answer
from redird.dialled import Attempt, Outage, Over, checked, hearing
from redird.reclaims import Patience
from redird.repeating import DONE_BY_THE_LOSS, Standing, must_not_twice
from redird.wire.dialling import unwrapped
from redird.wire.errors import LinkLost, Refused
from redird.wire.link import Answer, FollowUp, Link
from redird.wire.messages import Message, Negotiated
from redird.wire.status import Status

R = TypeVar("R", bound=Message)
CAPABILITIES = ("batch", "describe", "lease", "uses")
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
        patience: Patience | None = None,
    ) -> None:
        self.name = name
        self.instance = instance
        self.private = private
        self.requests_sent = 0
        self.epoch = epoch
        self.outage: Outage | None = None
        self.capabilities: frozenset[str] = frozenset()
        self._open_link = open_link
        self._questions = questions
        self._spawn = spawn
        self._patience = patience or Patience(0.0)
        more = ("recall",) if recall else ()
        self._offer = (*CAPABILITIES, *more)
        self._link: Link | None = None
        self._why = name  # it is not there
        self._server = ""  # the instance of whom we spoke to last
        self._attempt: Attempt | None = None
        self._dialling = trio.Lock()
        self._closed = False

    # --- dialling ---

    @property
    def is_up(self) -> bool:
        """Whether it can be asked over."""
        return self._link is not None and self._link.lost is None

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
            raise Refused(Status.STATUS_CONNECTION_DISCONNECTED, self._why)
        return self._link

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
        self._link = link
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
            self.outage = Outage(why, trio.current_time())
            self._spawn(self._recover, self.outage)
        else:
            self.capabilities = frozenset()
            self._questions.link_lost(self.name, "")

    async def _recover(self, outage: Outage) -> None:
        """Dial until what came over the lost link is taken up again, or the time is over."""
        try:
            with trio.move_on_at(outage.began + self._patience.max_s):
                while self._is_worth_it() and not await self._try(outage):
                    chance = self._questions.chance()
                    await trio.sleep(self._patience.pause_s(outage.attempts, chance))
        finally:
            if self._link is None:
                self._give_up(outage)

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
        except LinkLost:
            pass
        finally:
            if self._link is None:
                attempt.scope.cancel()
        return self._link is not None

    def _give_up(self, outage: Outage) -> None:
        self.capabilities = frozenset()
        tried_s = trio.current_time() - outage.began
        why = f"{self.name}: the link was lost ({outage.why}), tried again for {tried_s:.1f} s"
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

    # --- asking ---

    def _serve(self, link: Link, request: Message) -> Answer:
        return answer(self._questions, self.name, request)

    async def _ask(
        self,
        request: Message,
        expected: type[R],
        on_reply: Callable[[R], None] | None = None,
        then: FollowUp | None = None,
    ) -> R:
        """Ask over the link there is; a request under a tree never dials anew."""
        link = self._link
        if link is None:
            return await self._ask_again(request, expected, on_reply, then, sent=False)
        self.requests_sent += 1 + (then is not None)
        try:
            reply = await link.request(request, hearing(expected, on_reply), then)
        except LinkLost:
            return await self._ask_again(request, expected, on_reply, then, sent=True)
        return checked(reply, expected)

    async def _ask_again(
        self,
        request: Message,
        expected: type[R],
        on_reply: Callable[[R], None] | None,
        then: FollowUp | None,
        *,
        sent: bool,
    ) -> R:
        """Wait for the link, then ask what is asked then of what was meant now."""
        if isinstance(request, DONE_BY_THE_LOSS):
            why = f"{self.name}: the link was lost, and what was held over it is free"
            raise Refused(Status.STATUS_CONNECTION_DISCONNECTED, why)
        standing = self._standing(request)
        while True:
            if sent and must_not_twice(request):
                raise Refused(Status.STATUS_CONNECTION_DISCONNECTED, self.name)
            await self.wait_recovered()
            link = self._link
            if link is None:
                raise Refused(Status.STATUS_CONNECTION_DISCONNECTED, self._why)
            if isinstance(standing, Refused):
                raise standing
            done = standing.answer()
            if done is not None:
                return checked(done, expected)
            self.requests_sent += 1
            try:
                request = standing.request()
                reply = await link.request(request, hearing(expected, on_reply))
                return checked(reply, expected)
            except LinkLost:
                sent = True

    def _standing(self, request: Message) -> Standing | Refused:
        try:
            return self._questions.standing(self.name, request)
        except Refused as no:
            return no
