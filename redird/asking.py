"""Asking over a link that may be lost: what was asked then, and since, is answered once.

Whoever asks while a link is being recovered waits, and asks what he means, whatever the numbers
of that are then. What must not be done twice is not asked twice.
"""

from collections.abc import Callable
from typing import TypeVar

from redird.dialled import checked, hearing
from redird.repeating import DONE_BY_THE_LOSS, Standing, must_not_twice
from redird.uplink import Uplink
from redird.wire.errors import LinkLost, Refused
from redird.wire.link import FollowUp
from redird.wire.messages import Message
from redird.wire.status import Status

R = TypeVar("R", bound=Message)


class Asking(Uplink):
    """A link to a server, asked over."""

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
                raise self._gone()
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
