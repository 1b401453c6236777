"""The yardstick: an echo of msgpack arrays over trio streams, and nothing else.

It has what any such server has (a length before each message, one pack and one unpack at each
end) and none of what ours adds. Run as a program it is the server.
"""

import json
import struct
import time

import msgpack
import trio

LENGTH = struct.Struct("!I")
MESSAGE = [1, "Read", 2, 3, 0, 64]


async def serve_stream(stream: trio.SocketStream) -> None:
    """Echo each message until the peer leaves."""
    async with stream:
        while data := await stream.receive_some(65536):
            packed = msgpack.packb(msgpack.unpackb(data[LENGTH.size :]))
            await stream.send_all(LENGTH.pack(len(packed)) + packed)


async def serve() -> None:
    """Listen on a free port and say where."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    print(json.dumps({"ready": True, "listening": [f"tcp:127.0.0.1:{port}"]}), flush=True)
    await trio.serve_listeners(serve_stream, listeners)


async def round_trips_per_s(port: int, seconds: float) -> float:
    """Measure serial round trips with an echo server for a while."""
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        count, began = 0, time.perf_counter()
        while (spent := time.perf_counter() - began) < seconds:
            packed = msgpack.packb(MESSAGE)
            await stream.send_all(LENGTH.pack(len(packed)) + packed)
            msgpack.unpackb((await stream.receive_some(65536))[LENGTH.size :])
            count += 1
        return count / spent


if __name__ == "__main__":
    trio.run(serve)
