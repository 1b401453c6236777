"""One exchange over one trio stream.

Whoever reads also serves: the reading task decodes a request and runs its handler in place, and
all replies of a turn leave in one write. A handler may be a coroutine. As long as it does not
suspend nothing is spawned; the moment it does, the reading passes to another task (leader and
followers), so that nothing waits behind it. Trio's exceptions become `LinkLost` here and
nowhere else.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from redird.wire.confirming import Confirmed
from redird.wire.errors import LinkLost, Refused, RemoteProtocolError
from redird.wire.exchange import Exchange, refusal, reply_bytes
from redird.wire.messages import Echo, Echoed, Message, RefusedReply
from redird.wire.receiving import Receiver
from redird.wire.sending import Sender
from redird.wire.suspension import noticing
from redird.wire.waiting import Waiter

Answer = Message | Awaitable[Message]
FollowUp = tuple[Message, Callable[[Message], None]]
Handler = Callable[["Link", Message], Answer]
READ_BYTES = 64 * 1024
OUTGOING_MAX = 4 * 1024 * 1024  # bytes waiting for a slow reader before we stop reading from it
SPARE_READERS_MAX = 4


class Link:
    """One exchange over one stream; `run` serves the peer's requests until the link ends."""

    def __init__(
        self,
        stream: trio.abc.Stream,
        handler: Handler,
        *,
        listening: bool,
        before_sending: Callable[[], None] = lambda: None,
    ) -> None:
        self.exchange = Exchange(listening=listening)
        self.heard_at = trio.current_time()
        self.confirmed = Confirmed(self.heard_at)
        self.admit_by: float | None = None  # absolute deadline of a peer not yet authenticated
        self.lost: str | None = None
        self._stream = stream
        self._receiver = Receiver(stream)
        self._sender = Sender(self.exchange, stream, self.close, before_sending)
        self._handler = handler
        self._listening = listening
        self._promised = 0  # bytes that requests under way may be answered with
        self._waiters: dict[int, Waiter] = {}
        self._room = trio.lowlevel.ParkingLot()
        self._spare: list[trio.lowlevel.Task] = []
        self._nursery: trio.Nursery | None = None
        self._echoing = False
        self._gone = trio.Event()

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> str:
        """Read and serve until the link ends; returns why, in words.

        RemoteProtocolError (the peer's mistake) is reported the same way; anything else that a
        handler raises, but for Refused, is a bug and propagates.
        """
        try:
            async with trio.open_nursery() as self._nursery:
                self._sender.nursery = self._nursery
                self._nursery.start_soon(self._read)
                task_status.started()
        except* (LinkLost, RemoteProtocolError):
            pass  # whoever raised it left the reason
        finally:
            self._lose("the link was closed here")
            self._fail_waiters()
            self._gone.set()
            await trio.aclose_forcefully(self._stream)
        return self.lost or ""

    async def wait_lost(self) -> str:
        """Wait until the link has ended; returns why."""
        await self._gone.wait()
        return self.lost or ""

    def close(self, reason: str) -> None:
        """End the link now; `run` returns the reason."""
        self._sender.flush()
        self._lose(reason)
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()

    def _lose(self, reason: str) -> None:
        self.lost = self.lost or reason
        self._sender.end()

    def _fail_waiters(self) -> None:
        waiters, self._waiters = self._waiters, {}
        for waiter in waiters.values():
            waiter.wake()
        self._room.unpark_all()
        self._sender.drained.unpark_all()

    # --- asking ---

    async def request(
        self,
        message: Message,
        on_reply: Callable[[Message], None] | None = None,
        then: FollowUp | None = None,
    ) -> Message:
        """Send a request and wait for its reply; `then` is sent with it, and not waited for.

        `on_reply` is called by the reading task the moment the reply is decoded, before any
        later message of the peer is looked at, and also if whoever asked was cancelled before.
        Raises Refused if the answer is no, LinkLost if the link ends first.
        """
        while not self.exchange.may_request and self.lost is None:
            await self._room.park()
        if self._owed() > OUTGOING_MAX:
            await self._wait_for_room()
        if self.lost is None:
            waiter = Waiter(on_reply)
            number = self.exchange.request(message)
            self._waiters[number] = waiter
            if then is not None and self.exchange.may_request:
                self._waiters[self.exchange.request(then[0])] = Waiter(then[1])
            self._sender.flush_soon()
            if self.lost is None:
                await waiter.wait(lambda: self._abandon(number, waiter))
            if type(waiter.reply) is RefusedReply:
                raise refusal(waiter.reply)
            if waiter.reply is not None:
                return waiter.reply
        raise LinkLost(self.lost or "the link ended")

    def send(self, message: Message, on_reply: Callable[[Message], None]) -> bool:
        """Send a request for whose reply nobody waits; False if it would have to wait.

        Whatever is sent after it arrives after it. If the link ends first nobody is told.
        """
        may_request = self.exchange.may_request and self.lost is None
        if not may_request or self._owed() > OUTGOING_MAX:
            return False
        self._waiters[self.exchange.request(message)] = Waiter(on_reply)
        self._sender.flush()
        return True

    def _abandon(self, number: int, waiter: Waiter) -> None:
        if waiter.on_reply is None and self._waiters.pop(number, None) is not None:
            self.exchange.abandon(number)

    def notify(self, message: Message) -> None:
        """Send a message that has no answer."""
        if self.lost is None:
            self.exchange.notify(message)
            self._sender.flush()

    def _resolve(self, number: int, message: Message) -> None:
        self._waiters.pop(number).resolve(message)
        if number > self.confirmed.above:
            self.confirmed.answered(number)
        if self._room:
            self._room.unpark()

    # --- serving ---

    async def _read(self) -> None:
        try:
            await self._read_and_serve()
        except BaseException as error:  # before the nursery closes: nobody must flush any more
            told = isinstance(error, LinkLost | RemoteProtocolError)
            self._lose(str(error) if told else "the link was closed here")
            raise

    async def _read_and_serve(self) -> None:
        exchange = self.exchange
        while True:
            event = exchange.next_event()
            if event is None:
                self._sender.flush_soon()
                await self._receive()
                continue
            number, message = event
            if number < 0:
                self._resolve(-number, message)
                continue
            if self._listening and self._owed() > OUTGOING_MAX:
                await self._wait_for_room()
            if await self._serve(number, message):
                self._sender.flush_soon()
                self._sender.drained.unpark_all()
                if len(self._spare) >= SPARE_READERS_MAX:
                    return
                await self._wait_to_read()

    async def _receive(self) -> None:
        try:
            data = await self._receiver.receive_some(max(READ_BYTES, self.exchange.missing))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise LinkLost(f"the stream broke: {error.__cause__ or error}") from None
        if not data:
            part = self.exchange.partial
            raise LinkLost(
                f"the peer left within a frame ({part} bytes of it came)"
                if part
                else "the peer closed the link"
            )
        self.heard_at = trio.current_time()
        self.exchange.receive_data(bytes(data))

    async def _serve(self, number: int, message: Message) -> bool:
        """Answer one request; returns whether the reading was passed on meanwhile."""
        passed_on = False
        promised = reply_bytes(message)
        self._promised += promised

        def pass_on() -> None:
            nonlocal passed_on
            passed_on = True
            self._pass_reading_on()

        try:
            answer = Echoed() if type(message) is Echo else self._handler(self, message)
            if not isinstance(answer, Message):
                answer = await noticing(answer, pass_on)
        except Refused as no:
            answer = RefusedReply(int(no.status), no.subject, no.detail)
        finally:
            self._promised -= promised
        if number:
            self.exchange.reply(number, answer)
        return passed_on

    def _pass_reading_on(self) -> None:
        assert self._nursery is not None
        if self._spare:
            trio.lowlevel.reschedule(self._spare.pop())
        else:
            self._nursery.start_soon(self._read)

    async def _wait_to_read(self) -> None:
        task = trio.lowlevel.current_task()
        self._spare.append(task)

        def leave(_: Any) -> trio.lowlevel.Abort:
            self._spare.remove(task)
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(leave)

    # --- writing ---

    async def _wait_for_room(self) -> None:
        """Wait until the peer has read enough; only the dialled side stops reading for it, or
        both might, each until the other reads.
        """
        self._sender.flush()
        while self._owed() > OUTGOING_MAX and self.lost is None:
            await self._sender.drained.park()
            self.heard_at = trio.current_time()  # it took something, or we had work to do

    def _owed(self) -> int:
        return self._sender.owed + self._promised

    # --- keepalive ---

    def due_at(self, silence_max_s: float) -> float:
        """Return when the link has to end if its peer goes on as now."""
        silent_at = self.heard_at + silence_max_s
        return silent_at if self.admit_by is None else min(silent_at, self.admit_by)

    def judge_silence(self, now: float, echo_s: float, silence_max_s: float) -> None:
        """Ask a silent peer whether it is there; end the link of one silent for too long."""
        silent_s = now - self.heard_at
        if self.admit_by is not None and now >= self.admit_by:
            self.close("no logon in time")
        elif silent_s >= silence_max_s:
            self.close(f"the peer was silent for {silent_s:.1f} s")
        elif silent_s >= echo_s and not self._echoing and self.exchange.negotiated:
            self._echoing = True
            self._waiters[self.exchange.request(Echo())] = Waiter(self._echoed)
            self._sender.flush()

    def ask_for_a_sign(self, now: float) -> None:
        """Ask the peer whether it hears us; `confirmed` knows when it has answered."""
        exchange = self.exchange
        if self.lost is None and exchange.negotiated and exchange.may_request:
            self.confirmed.mark(exchange.requests, now)
            self._waiters[exchange.request(Echo())] = Waiter()
            self._sender.flush()

    def _echoed(self, _: Message) -> None:
        self._echoing = False
