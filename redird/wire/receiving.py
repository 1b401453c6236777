"""Receiving from a stream: a socket is asked when it has something, not tried before."""

import os

import trio


class Receiver:
    """What comes over one stream. Raises as `trio.abc.ReceiveStream.receive_some` does."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._socket = stream.socket if isinstance(stream, trio.SocketStream) else None
        self._more = False  # the last call got all that it asked for

    async def receive_some(self, bytes_max: int) -> bytes:
        """Wait for some bytes; none is the end of the stream.

        Whoever is waited for has sent nothing yet, nearly always: trying first would be a
        system call and an exception for nothing, and trio's own call ends with another turn.
        """
        if self._socket is None:
            return bytes(await self._stream.receive_some(bytes_max))
        while True:
            if self._more:
                await trio.lowlevel.checkpoint()
            else:
                await trio.lowlevel.wait_readable(self._socket)
            data = self._read_now(self._socket.fileno(), bytes_max)
            if data is not None:
                return data

    def _read_now(self, descriptor: int, bytes_max: int) -> bytes | None:
        if descriptor < 0:
            raise trio.ClosedResourceError
        try:
            data = os.read(descriptor, bytes_max)
        except BlockingIOError:
            self._more = False
            return None
        except OSError as error:
            raise trio.BrokenResourceError from error
        self._more = len(data) == bytes_max
        return data
