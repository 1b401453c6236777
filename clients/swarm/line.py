"""The line between whoever leads a swarm and its workers: snapshots up, the end down.

A worker sends its measures as lines of JSON now and then. It stops when the line is closed, so
that a swarm ends with its leader, whatever ended that. A worker that cannot reach the leader
works without a line: it is not seen meanwhile, and cannot be stopped before its time.
"""

import hmac
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

import trio

from redird.wire import address
from redird.wire.errors import LinkLost

SNAPSHOT_S = 0.5
SNAPSHOT_BYTES_MAX = 1_000_000
Snapshot = Mapping[str, Any]


class Lead:
    """The leader's end of all lines: the latest snapshot of each worker."""

    def __init__(self, token: str, address: str) -> None:
        self.address = address
        self.snapshots: dict[int, Snapshot] = {}
        self._token = token
        self._streams: set[trio.abc.Stream] = set()
        self._stopped = False

    async def stop(self) -> None:
        """Let every worker end early, also those that call only now."""
        self._stopped = True
        for stream in list(self._streams):
            await trio.aclose_forcefully(stream)

    async def _serve(self, stream: trio.SocketStream) -> None:
        self._streams.add(stream)
        try:
            await self._listen(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError, ValueError):
            pass  # the line is down; how the worker fares its future will say
        finally:
            self._streams.discard(stream)
            await trio.aclose_forcefully(stream)

    async def _listen(self, stream: trio.SocketStream) -> None:
        async with aclosing(lines(stream, SNAPSHOT_BYTES_MAX)) as told:
            shard = self._greeted(json.loads(await anext(told, b"null")))
            if shard is not None and not self._stopped:
                async for line in told:
                    self.snapshots[shard] = json.loads(line)

    def _greeted(self, hello: object) -> int | None:
        """The number of the worker's shard, if it is a worker of ours."""
        match hello:
            case {"token": str(token), "shard": int(shard)}:
                known = hmac.compare_digest(token.encode(), self._token.encode())
                return shard if known else None
        return None


async def lines(stream: trio.abc.ReceiveStream, bytes_max: int) -> AsyncGenerator[bytes, None]:
    """The lines that come; nothing more comes of one longer than about `bytes_max`."""
    waiting = bytearray()
    while (part := await stream.receive_some()) and len(waiting) <= bytes_max:
        waiting += part
        if b"\n" in part:
            *whole, rest = bytes(waiting).split(b"\n")
            waiting = bytearray(rest)
            for line in whole:
                yield line


@asynccontextmanager
async def leading(at: str, token: str) -> AsyncIterator[Lead]:
    """Listen for workers at `at`; at the end of the block all of them are stopped."""
    listeners = await address.listen(address.parse(at))
    lead = Lead(token, str(address.bound_address(listeners[0])))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, lead._serve, listeners)
        try:
            yield lead
        finally:
            nursery.cancel_scope.cancel()


async def report(
    at: str, hello: Snapshot, snapshot: Callable[[], Snapshot], stop: Callable[[], None]
) -> None:
    """A worker's end: tell the leader how it goes until cancelled; `stop` if the line ends."""
    try:
        stream = await address.dial(address.parse(at))
    except LinkLost:
        return
    async with stream, trio.open_nursery() as nursery:
        nursery.start_soon(_listen_for_end, stream, stop)
        try:
            await stream.send_all(json.dumps(hello).encode() + b"\n")
            while True:
                await stream.send_all(json.dumps(snapshot()).encode() + b"\n")
                await trio.sleep(SNAPSHOT_S)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            stop()


async def _listen_for_end(stream: trio.SocketStream, stop: Callable[[], None]) -> None:
    try:
        while await stream.receive_some():
            pass
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    stop()
