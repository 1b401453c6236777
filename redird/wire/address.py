"""Addresses in words, `tcp:127.0.0.1:4450` and `unix:/run/redird.sock`, and what stands behind
them: listeners to serve on, streams to talk over, and the user at the other end of a unix one.
"""

import errno
import os
import socket
import stat
import struct
from dataclasses import dataclass

import trio

from redird.wire.errors import LinkLost

BACKLOG = 4096
_CREDENTIALS = struct.Struct("=iII")  # pid, uid and gid: struct ucred, alike on all of Linux


class AddressError(Exception):
    """An address that is malformed or taken; the text says which and what to do."""


@dataclass(frozen=True, slots=True)
class Address:
    """`kind` is tcp or unix; `host` is a path for unix, and `port` 0 then."""

    kind: str
    host: str
    port: int = 0

    def __str__(self) -> str:
        return f"tcp:{self.host}:{self.port}" if self.kind == "tcp" else f"unix:{self.host}"


def parse(text: str) -> Address:
    """Read an address in words; raises AddressError."""
    kind, _, rest = text.partition(":")
    if kind == "unix" and rest:
        if len(os.fsencode(rest)) > 107:
            raise AddressError(f"{text}: a unix socket's path has at most 107 bytes")
        return Address("unix", rest)
    host, _, port = rest.rpartition(":")
    if kind == "tcp" and host and port.isascii() and port.isdigit() and int(port) < 65536:
        return Address("tcp", host.strip("[]"), int(port))
    raise AddressError(f"{text!r} is not an address: write tcp:HOST:PORT or unix:/PATH")


async def listen(address: Address) -> list[trio.SocketListener]:
    """Open listeners there (port 0: any free one); raises AddressError if it is taken."""
    try:
        if address.kind == "tcp":
            return await trio.open_tcp_listeners(
                address.port, host=address.host, backlog=BACKLOG
            )
        return [await _listen_unix(address.host)]
    except OSError as error:
        reason = _reason(error)
        advice = "; give another, or stop what listens there" if reason == "in use" else ""
        raise AddressError(f"cannot listen on {address}: {reason}{advice}") from None


async def _listen_unix(path: str) -> trio.SocketListener:
    made = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        await _remove_stale(path)
        await made.bind(path)
        os.chmod(path, 0o666)  # who may is decided by user and password, not by the file
        made.listen(BACKLOG)
    except BaseException:
        made.close()
        raise
    return trio.SocketListener(made)


async def _remove_stale(path: str) -> None:
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise FileExistsError(errno.EADDRINUSE, "a file that is no socket is in the way")
        (await trio.open_unix_socket(path)).socket.close()
    except FileNotFoundError:
        return
    except ConnectionRefusedError:
        os.unlink(path)  # nobody listens: a socket left by a killed process
        return
    raise OSError(errno.EADDRINUSE, "in use")


def bound_address(listener: trio.SocketListener) -> Address:
    """Return where a listener really listens."""
    name = listener.socket.getsockname()
    return Address("unix", name) if isinstance(name, str) else Address("tcp", name[0], name[1])


async def dial(address: Address, connect_max_s: float = 10) -> trio.SocketStream:
    """Open a stream to there; raises LinkLost with the reason in words."""
    try:
        with trio.fail_after(connect_max_s):
            if address.kind == "tcp":
                return await trio.open_tcp_stream(address.host, address.port)
            return await trio.open_unix_socket(address.host)
    except trio.TooSlowError:
        raise LinkLost(f"{address} did not answer within {connect_max_s:g} s") from None
    except OSError as error:
        raise LinkLost(f"cannot reach {address}: {_reason(error)}") from None


def peer_uid(stream: trio.abc.Stream) -> int | None:
    """Return the user id at the other end of a unix socket, None for any other stream."""
    if not isinstance(stream, trio.SocketStream) or stream.socket.family != socket.AF_UNIX:
        return None
    size = _CREDENTIALS.size
    credentials = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return int(_CREDENTIALS.unpack(credentials)[1])


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "in use"
    cause = error.__cause__
    if isinstance(cause, OSError):
        return _reason(cause)
    if isinstance(cause, BaseExceptionGroup) and isinstance(cause.exceptions[0], OSError):
        return _reason(cause.exceptions[0])
    return (error.strerror or str(error)).lower()
