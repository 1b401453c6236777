"""The kernel's end of a mount: packets are read, served and answered, until it is unmounted.

Whoever reads also serves. A request that is answered at once costs no task; the moment one has
to wait, the reading passes to another task, so that nothing waits behind it (as in
`wire.link`). A program that dies while it waits must not be kept by a slow server: the kernel
says that it got a signal, and its request is given up if that is deadly, or if it waits for a
lock. Other signals change nothing, as on a local disk.
"""

import errno
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import structlog
import trio

from redird.fuse.errnos import NotDone, errno_of
from redird.fuse.kernel import BUFFER_BYTES, Opcode
from redird.fuse.protocol import Conversation
from redird.fuse.requests import Request
from redird.wire.errors import LinkLost, Refused
from redird.wire.suspension import noticing

log = structlog.get_logger()
Perform = Callable[[Request], "bytes | Awaitable[bytes] | None"]
TURN_MAX = 16  # requests served before other tasks get a turn
SPARE_READERS_MAX = 4
UNDER_WAY_MAX = 4096  # requests that wait for something at once; more are told to try again
DEATH_LOOK_S = 0.5  # how often a process that was signalled is looked at
_SIGKILL_BIT = 1 << signal.SIGKILL - 1  # what a deadly signal becomes for every thread
_GONE = {errno.ENODEV, errno.ECONNABORTED}
_PASSED = {errno.ENOENT, errno.EINTR}  # the request was taken back; a signal


class Device:
    """One descriptor of /dev/fuse, non-blocking and mounted."""

    def __init__(self, descriptor: int, conversation: Conversation, perform: Perform) -> None:
        self._descriptor = descriptor
        self._conversation = conversation
        self._perform = perform
        self._buffer = bytearray(BUFFER_BYTES)
        self._under_way: dict[int, tuple[Request, trio.CancelScope]] = {}
        self._spare: list[trio.lowlevel.Task] = []
        self._nursery: trio.Nursery | None = None

    async def run(self) -> None:
        """Serve until the mount is gone."""
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self._read_and_serve)

    async def _read_and_serve(self) -> None:
        turn = 0
        while True:
            packet = self._next_packet()
            if packet is None:
                turn = 0
                await trio.lowlevel.wait_readable(self._descriptor)
                continue
            if not packet:
                self._end()
                return
            request = self._conversation.receive(packet)
            if request is not None and await self._serve(request):
                if len(self._spare) >= SPARE_READERS_MAX:
                    return
                await self._wait_to_read()
                turn = 0
            self._flush()
            turn += 1
            if turn >= TURN_MAX:
                turn = 0
                await trio.lowlevel.checkpoint()

    def _next_packet(self) -> memoryview | None:
        """Return a packet, None if there is none now; an empty one: the mount is gone."""
        try:
            count = os.readv(self._descriptor, [self._buffer])
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno in _PASSED:
                return None
            if error.errno in _GONE:
                return memoryview(b"")
            raise
        return memoryview(self._buffer)[:count]

    def _end(self) -> None:
        assert self._nursery is not None
        self._nursery.cancel_scope.cancel()

    # --- serving ---

    async def _serve(self, request: Request) -> bool:
        """Answer one request; returns whether the reading was passed on meanwhile."""
        passed_on = False

        def pass_on() -> None:
            nonlocal passed_on
            passed_on = True
            self._pass_reading_on()

        if request.opcode == Opcode.INTERRUPT:
            self._interrupted(request.body.unique)
            return False
        try:
            payload = await self._result(request, pass_on)
        except NotDone as no:
            self._conversation.fail(request.unique, no.error)
        else:
            if payload is not None:
                self._conversation.answer(request.unique, payload)
        if passed_on:
            self._flush()
        return passed_on

    async def _result(self, request: Request, pass_on: Callable[[], None]) -> bytes | None:
        """Return the payload of the answer, None if none is expected; raises NotDone."""
        if len(self._under_way) >= UNDER_WAY_MAX:
            raise NotDone(errno.EAGAIN)
        try:
            result = self._perform(request)
            if result is None or isinstance(result, bytes):
                return result
            return await self._wait_for(request, result, pass_on)
        except Refused as no:
            raise NotDone(errno_of(no)) from None
        except LinkLost:
            raise NotDone(errno.EIO) from None

    async def _wait_for(
        self, request: Request, result: Awaitable[bytes], pass_on: Callable[[], None]
    ) -> bytes:
        with trio.CancelScope() as scope:
            self._under_way[request.unique] = request, scope
            try:
                return await noticing(result, pass_on)
            finally:
                del self._under_way[request.unique]
        raise NotDone(errno.EINTR)

    def _pass_reading_on(self) -> None:
        assert self._nursery is not None
        self._flush()
        if self._spare:
            trio.lowlevel.reschedule(self._spare.pop())
        else:
            self._nursery.start_soon(self._read_and_serve)

    async def _wait_to_read(self) -> None:
        task = trio.lowlevel.current_task()
        self._spare.append(task)

        def leave(_: object) -> trio.lowlevel.Abort:
            self._spare.remove(task)
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(leave)

    # --- signals ---

    def _interrupted(self, unique: int) -> None:
        if unique not in self._under_way:
            return
        request, scope = self._under_way[unique]
        if request.opcode == Opcode.SETLKW or _is_dying(request.pid):
            scope.cancel()
            return
        assert self._nursery is not None
        self._nursery.start_soon(self._watch_for_death, request)

    async def _watch_for_death(self, request: Request) -> None:
        """The kernel tells of the first signal only; the deadly one may come later."""
        while request.unique in self._under_way:
            if _is_dying(request.pid):
                self._under_way[request.unique][1].cancel()
                return
            await trio.sleep(DEATH_LOOK_S)

    # --- writing ---

    def _flush(self) -> None:
        for pieces in self._conversation.take_outgoing():
            try:
                os.writev(self._descriptor, pieces)
            except OSError as error:
                # ENOENT: whoever asked is gone. EINVAL: the kernel does not like the answer.
                if error.errno not in _PASSED | _GONE:
                    log.warning("answer_not_taken", reason=os.strerror(error.errno or 0))


def _is_dying(thread: int) -> bool:
    """Whether a deadly signal waits for a thread to come back; one that is gone is past it."""
    if not thread:  # of another pid namespace: nobody can say
        return False
    with suppress(OSError):
        lines = Path(f"/proc/{thread}/status").read_text().splitlines()
        pending = [line.split()[1] for line in lines if line.startswith(("SigPnd:", "ShdPnd:"))]
        return any(int(signals, 16) & _SIGKILL_BIT for signals in pending)
    return True
