"""One visit from a shell: log on, work, log off, whatever comes between.

What goes wrong becomes one line on standard error and an exit status: 1, or 128 and the
signal's number, as shells have it. A first signal ends the work but not the logoff, a second
one both.
"""

import functools
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

import trio

from clients.errors import ConnectRefused, LinkFailed, SessionError, session_errors
from clients.names import Unc, parse
from clients.receipt import words
from clients.session import Session, logon
from redird.wire.console import printable
from redird.wire.dialling import unwrapped
from redird.wire.process import fail, leave_quietly

PROGRAM = "redclient"
SIGNALS = (signal.SIGINT, signal.SIGTERM)
T = TypeVar("T")
Work = Callable[[Session], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs on, and at which daemon."""

    at: str
    user: str
    password: str


def visit(login: Login, names: tuple[str, ...], work: Work[T]) -> T:
    """Do `work` on `names` between logon and logoff; leaves the program if that fails."""
    for text in (login.at, login.user, login.password, *names):
        _require_utf8(text)
    caught: list[int] = []
    outcome: list[T] = []
    steps = functools.partial(_log_on_and_work, login, names, work, outcome)
    try:
        trio.run(_until_signalled, steps, caught)
    except SessionError as error:
        _explain(error)
    except BrokenPipeError:
        leave_quietly(signal.SIGPIPE)
    except OSError as error:
        fail(PROGRAM, printable(f"{error.filename or 'this side'}: {error.strerror or error}"))
    except KeyboardInterrupt:
        caught.append(signal.SIGINT)
    if caught:
        leave_quietly(caught[0])
    return outcome[0]


def _require_utf8(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        fail(PROGRAM, f"{text!r} is not UTF-8: no name on a share is like that")


def _explain(error: SessionError) -> NoReturn:
    """One line; after it, if a limit was reached, the receipt."""
    print(f"{PROGRAM}: {printable(str(error))}", file=sys.stderr)
    for receipt in getattr(error, "__notes__", ()):
        print(receipt, file=sys.stderr)
    raise SystemExit(1)


# --- between logon and logoff -----------------------------------------------------------------


async def _until_signalled(steps: Callable[[], Awaitable[None]], caught: list[int]) -> None:
    with unwrapped():
        async with trio.open_nursery() as nursery:
            await nursery.start(_cancel_at_signal, nursery.cancel_scope, caught)
            await steps()
            nursery.cancel_scope.cancel()


async def _cancel_at_signal(
    scope: trio.CancelScope,
    caught: list[int],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    with trio.open_signal_receiver(*SIGNALS) as signals:
        task_status.started()
        caught.append(await anext(signals))
    scope.cancel()


async def _log_on_and_work(
    login: Login, names: tuple[str, ...], work: Work[T], outcome: list[T]
) -> None:
    with session_errors():
        places = [parse(name) for name in names]
    session: Session | None = None
    try:
        async with logon(login.at, login.user, login.password, places[0].server) as session:
            with_receipt = _connect_and_work(session, places, login.password, work)
            outcome.append(await with_receipt)
    except LinkFailed as lost:
        if session is not None:
            raise
        fail(PROGRAM, f"{lost.subject} ({lost.status.name}); start the daemon, or give --at")
    finally:
        _tell_residue(session)


async def _connect_and_work(
    session: Session, places: list[Unc], password: str, work: Work[T]
) -> T:
    try:
        for place in places:
            await session.connect(place.server, place.share, password)
        return await work(session)
    except ConnectRefused as refused:
        await _note_receipt(session, refused)
        raise


async def _note_receipt(session: Session, refused: ConnectRefused) -> None:
    """Ask who holds the slots, as long as there is a link to ask over."""
    server = parse(refused.subject).server
    try:
        refused.add_note(words(await session.client.receipt(refused.receipt, server)))
    except SessionError as error:
        refused.add_note(f"The receipt cannot be had: {printable(str(error))}")


def _tell_residue(session: Session | None) -> None:
    proof = session.proof if session is not None else None
    for line in proof.residue if proof is not None else ():
        print(f"{PROGRAM}: left at logoff: {printable(line)}", file=sys.stderr)
