"""Asking over a link that may be lost: what was asked then, and since, is answered once.

Whoever asks while a link is being recovered waits, and asks what he means, whatever the numbers
of that are then. What must not be done twice is asked under a number by which the server knows
it again; one that cannot, or has forgotten, is not asked twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from redird.dialled import checked, hearing
from redird.once import OnceNumbers
from redird.repeating import DONE_BY_THE_LOSS, ONCE, Standing, must_not_twice
from redird.uplink import Uplink
from redird.wire import messages as m
from redird.wire.errors import LinkLost, Refused
from redird.wire.link import FollowUp, Link
from redird.wire.messages import Message
from redird.wire.status import Status

R = TypeVar("R", bound=Message)


@dataclass(slots=True, eq=False)
class Asked(Generic[R]):
    """A request on its way. `once`: it must not be done twice; `number`: the server knows it by
    that; `memory`: of the server that it was sent to, 0 if to none yet.
    """

    request: Message
    expected: type[R]
    on_reply: Callable[[R], None] | None
    once: bool = False
    number: int = 0
    memory: int = 0


class Asking(Uplink):
    """A link to a server, asked over."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._once = OnceNumbers(self.epoch)

    async def _ask(
        self,
        request: Message,
        expected: type[R],
        on_reply: Callable[[R], None] | None = None,
        then: FollowUp | None = None,
        *,
        once: bool = False,
    ) -> R:
        """Ask over the link there is; a request under a tree never dials anew.

        `once`: done twice it would be wrong, as others may have changed the same meanwhile.
        """
        link = self._link
        once = once or (type(request) in ONCE and must_not_twice(request))
        if link is None or once:
            return await self._ask_carefully(Asked(request, expected, on_reply, once), then)
        self.requests_sent += 1 + (then is not None)
        try:
            reply = await link.request(request, hearing(expected, on_reply), then)
        except LinkLost:
            asked = Asked(request, expected, on_reply, memory=self.memory)
            return await self._ask_again(asked)
        return checked(reply, expected)

    def acknowledging(self) -> m.Once:
        """Return what tells the server which of its answers have arrived."""
        return self._once.acknowledging()

    async def _ask_carefully(self, asked: Asked[R], then: FollowUp | None) -> R:
        """Ask what must not be done twice, or when there is a link again."""
        if asked.once and "durable" in self._offer:
            asked.number = self._once.begin()
        try:
            if self._link is not None:
                try:
                    return await self._send(self._link, asked, asked.request, then)
                except LinkLost:
                    pass
            return await self._ask_again(asked)
        finally:
            self._once.end(asked.number)

    async def _send(
        self, link: Link, asked: Asked[R], request: Message, then: FollowUp | None = None
    ) -> R:
        heard = hearing(asked.expected, asked.on_reply)
        self.requests_sent += 1 + (then is not None)
        again, asked.memory = asked.memory > 0, self.memory
        if again and isinstance(request, m.Lock | m.Unlock) and request.kind == "nt":
            return await self._lock_again(link, asked, request)
        if not asked.number or "once" not in self.capabilities:
            return checked(await link.request(request, heard, then), asked.expected)
        if again and isinstance(request, m.Create):
            return await self._create_again(link, asked, request)
        once = self._once.asking(asked.number, request)
        return checked(await link.request(once, heard, then), asked.expected)

    async def _ask_again(self, asked: Asked[R]) -> R:
        """Wait for the link, then ask what is asked then of what was meant now."""
        if isinstance(asked.request, DONE_BY_THE_LOSS):
            why = f"{self.name}: the link was lost, and what was held over it is free"
            raise Refused(Status.STATUS_CONNECTION_DISCONNECTED, why)
        standing = self._standing(asked.request)
        while True:
            await self.wait_recovered()
            if self._link is None:
                raise self._gone()
            if isinstance(standing, Refused):
                raise standing
            done = standing.answer()
            if done is not None:
                return checked(done, asked.expected)
            self._require_safe(asked)
            try:
                return await self._send(self._link, asked, standing.request())
            except LinkLost:
                continue

    def _require_safe(self, asked: Asked[R]) -> None:
        """Refuse to ask again what may have been done, and nobody knows any more."""
        if not asked.memory or not asked.once:
            return
        known = asked.number and asked.memory == self.memory and "once" in self.capabilities
        if not known:
            raise Refused(Status.STATUS_CONNECTION_DISCONNECTED, self.name)

    def _standing(self, request: Message) -> Standing | Refused:
        try:
            return self._questions.standing(self.name, request)
        except Refused as no:
            return no

    async def _lock_again(self, link: Link, asked: Asked[R], request: m.Lock | m.Unlock) -> R:
        """An nt lock may have been granted already, or given up: do not do that twice."""
        heard = hearing(asked.expected, asked.on_reply)
        try:
            if isinstance(request, m.Unlock):
                return checked(await link.request(request, heard), asked.expected)
            where = (request.kind, request.owner, request.offset, request.length)
            await link.request(m.Unlock(request.tree, request.handle, *where))
        except Refused as no:
            if no.status is not Status.STATUS_RANGE_NOT_LOCKED:
                raise
            if isinstance(request, m.Unlock):
                done: Message = m.Unlocked()
                if heard is not None:
                    heard(done)
                return checked(done, asked.expected)
        return checked(await link.request(request, heard), asked.expected)

    async def _create_again(self, link: Link, asked: Asked[R], request: m.Create) -> R:
        """Ask for a file that may be open already, under the tree of an earlier link.

        Until that is known nothing is believed of its lease.
        """

        def created(reply: Message) -> None:
            if isinstance(reply, m.Created) and asked.on_reply is not None:
                heard: Any = self._questions.without_lease(self.name, reply)
                asked.on_reply(heard)

        reply = await link.request(self._once.asking(asked.number, request), created)
        if isinstance(reply, m.Created):
            try:
                await self._questions.adopt(self.name, link, request.tree, reply.handle)
            except LinkLost:  # it is known now, and reclaimed with all others
                await self.wait_recovered()
        return checked(reply, asked.expected)
