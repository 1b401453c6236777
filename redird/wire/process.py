"""How every daemon starts and stops: it says where it listens; a signal ends it in order."""

import json
import logging
import os
import resource
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NoReturn, Protocol

import trio

from redird.wire.address import AddressError, bound_address, listen, parse


class Main(Protocol):
    """A daemon's main task."""

    async def __call__(self, *, task_status: trio.TaskStatus[None]) -> None: ...


@asynccontextmanager
async def listening(addresses: tuple[str, ...]) -> AsyncIterator[list[trio.SocketListener]]:
    """Listen on all of them or none; raises AddressError. Unix sockets leave no file behind."""
    if not addresses:
        raise AddressError("no address to listen on: give `listen`")
    opened: list[trio.SocketListener] = []
    files: list[str] = []
    try:
        for text in addresses:
            address = parse(text)
            opened += await listen(address)
            if address.kind == "unix":
                files.append(address.host)
        yield opened
    finally:
        for listener in opened:
            await trio.aclose_forcefully(listener)
        for file in files:
            with suppress(FileNotFoundError):
                os.unlink(file)


def announce(
    program: str, listeners: list[trio.SocketListener], as_json: bool, more: str
) -> None:
    """Say on standard output that the daemon is ready and where."""
    where = [str(bound_address(listener)) for listener in listeners]
    ready = {"ready": True, "program": program, "pid": os.getpid(), "listening": where}
    text = f"{program} listens on {' and '.join(where)}{more}"
    try:
        print(json.dumps(ready) if as_json else text, flush=True)
    except OSError:  # nobody hears it; who knows the address is served all the same
        _forget_output()


async def until_signalled(
    main: Main, ready: Callable[[], None], stop: Callable[[], Awaitable[None]]
) -> None:
    """Run `main`, call `ready` when it has started; end both in order at SIGTERM or SIGINT.

    At the signal `stop` is run (it must be bounded), then `main` is cancelled. A second signal
    does not wait for `stop`.
    """
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            await nursery.start(main)
            ready()
            await anext(signals)
            async with trio.open_nursery() as stopping:
                stopping.start_soon(_cancel_at_signal, signals, stopping)
                await stop()
                stopping.cancel_scope.cancel()
            nursery.cancel_scope.cancel()


async def _cancel_at_signal(signals: AsyncIterator[int], nursery: trio.Nursery) -> None:
    await anext(signals)
    nursery.cancel_scope.cancel()


def raise_open_files_limit() -> None:
    """A session costs a descriptor: use all that the system grants."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def default_socket(program: str) -> str:
    """Return where a daemon of this user listens for administrators by default."""
    runtime = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return f"unix:{runtime}/redird-{os.getuid()}/{program}.sock"


def free_socket(program: str) -> str:
    """Make the default socket's private folder; beside a daemon that runs, name one of our own.

    Raises AddressError if the folder belongs to somebody else.
    """
    path = Path(parse(default_socket(program)).host)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.stat().st_uid != os.getuid():
        raise AddressError(f"{path.parent} belongs to somebody else: set XDG_RUNTIME_DIR")
    taken = _has_listener(path)  # not only a file that a killed daemon left
    return f"unix:{path.with_name(f'{program}-{os.getpid()}.sock') if taken else path}"


def _has_listener(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:  # a full backlog, or somebody else's
            return True
    return True


def output(program: str, text: str) -> None:
    """Print `text`; if its reader has gone the program ends quietly."""
    if sys.stdout is None:
        fail(program, "standard output is closed")
    try:
        print(text, flush=True)
    except BrokenPipeError:
        leave_quietly(signal.SIGPIPE)
    except OSError as error:
        _forget_output()
        fail(program, f"standard output: {(error.strerror or '').lower()}")


def leave_quietly(number: int) -> NoReturn:
    """End the program as a shell reports the end by signal `number`."""
    _forget_output()
    raise SystemExit(128 + number)


def _forget_output() -> None:
    """What is still buffered goes nowhere, instead of failing once more at the very end."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def keep_standard_streams() -> None:
    """Let nothing that we or what we start open get the number of a closed standard stream."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stderr = sys.stderr or os.fdopen(2, "w")


def fail(program: str, reason: object) -> NoReturn:
    """Say in one line why a command cannot go on, and leave with status 1."""
    print(f"{program}: {reason}", file=sys.stderr)
    raise SystemExit(1)


def configure_logging() -> None:
    """Log to standard error: for people at a terminal, else one JSON object a line."""
    import structlog  # half of the time a short command takes to start; only daemons log

    keep_standard_streams()
    terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer()
            if terminal
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )

    def one_line(record: logging.LogRecord) -> bool:  # trio would show a traceback
        structlog.get_logger().warning("accept_failed", reason=record.getMessage())
        return False

    logging.getLogger("trio.serve_listeners").addFilter(one_line)
