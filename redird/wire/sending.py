"""Sending what an exchange has to say: at once, at the end of a turn, or when there is room.

A write wakes the peer, which costs more than most requests do. So what several tasks say in one
turn leaves in one write; whoever is alone with the link does not wait for others.
"""

from collections.abc import Callable
from typing import Any

import trio

from redird.wire.exchange import Exchange
from redird.wire.writing import Unsent, writer_to


class Sender:
    """The writing side of a link; `close` is told why if the stream breaks.

    `before_sending` is called in each turn before anything of it leaves.
    `drained` is where to park until some of what is owed was taken.
    """

    def __init__(
        self,
        exchange: Exchange,
        stream: trio.abc.Stream,
        close: Callable[[str], None],
        before_sending: Callable[[], None],
    ) -> None:
        self.nursery: trio.Nursery | None = None
        self.drained = trio.lowlevel.ParkingLot()
        self._exchange = exchange
        self._stream = stream
        self._close = close
        self._before_sending = before_sending
        self._write_now = writer_to(stream)
        self._unsent = Unsent()
        self._gathering = False  # what is said in this turn is written at its end
        self._gatherer: trio.lowlevel.Task | None = None
        self._ended = False

    def end(self) -> None:
        """Nothing is written any more."""
        self._ended = True

    @property
    def owed(self) -> int:
        """How many bytes the stream has not taken yet."""
        return self._unsent.size + self._exchange.outgoing_bytes

    def flush(self) -> None:
        """Write what there is, now if the stream takes it, else from a task of its own."""
        buffers = self._exchange.take_outgoing()
        if buffers and not self._ended:
            self._before_sending()  # which may end it
        if not buffers or self._ended:
            return
        if self._unsent.size:
            self._unsent.add(buffers)
            return
        try:
            rest = self._write_now(buffers)
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._close(f"the stream broke: {error}")
            return
        if rest:
            assert self.nursery is not None
            self._unsent.add(rest)
            self.nursery.start_soon(self._write_rest)

    def flush_soon(self) -> None:
        """Write now, or if others have requests under way at the end of the turn."""
        if self._gathering or not self._exchange.outgoing_bytes:
            return
        if not self._exchange.busy or self.nursery is None:
            self.flush()
            return
        self._gathering = True
        if self._gatherer is not None:
            trio.lowlevel.reschedule(self._gatherer)
        else:
            self.nursery.start_soon(self._gather)

    async def _gather(self) -> None:
        def leave(_: Any) -> trio.lowlevel.Abort:
            self._gatherer = None
            return trio.lowlevel.Abort.SUCCEEDED

        try:
            while True:
                self._gathering = False
                self.flush()
                self._gatherer = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(leave)
        finally:
            self.flush()

    async def _write_rest(self) -> None:
        try:
            while piece := self._unsent.next_piece():
                await self._stream.send_all(piece)
                self._unsent.sent(piece)
                self.drained.unpark_all()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._close(f"the stream broke: {error.__cause__ or error}")
