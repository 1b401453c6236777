"""What users do in a card, one function a verb; what is refused is raised.

A user's session is kept after its logoff: whoever goes on using it learns what that gives.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from clients.errors import session_errors
from clients.file import File
from clients.lab.cards import vocabulary
from clients.lab.cards.outcome import SUCCESS
from clients.lab.cards.vocabulary import SERVER_PLACE, Step
from clients.lab.cards.world import SHARE
from clients.lab.staging.cable import Cable
from clients.lab.staging.programs import Redirector
from clients.lab.staging.stage import SERVER, Stage
from clients.session import Session
from redird.wire import files as f
from redird.wire import messages as m

_READS = f.FILE_READ_DATA | f.FILE_READ_ATTRIBUTES
_WRITES = _READS | f.WRITES | f.FILE_WRITE_ATTRIBUTES


class Skipped(Exception):
    """What the step needs is not there: an earlier one was refused."""


@dataclass(slots=True, eq=False)
class Person:
    """One user at one place, with what is open. `upstream`: the cable of a link of its own."""

    name: str
    place: str = ""
    session: Session | None = None
    files: dict[str, File] = field(default_factory=dict)
    upstream: Cable | None = None
    again: int = 0  # how often it has asked for its connection once more

    def there(self) -> Session:
        """The session, which an earlier step may not have got."""
        if self.session is None:
            raise Skipped(f"{self.name} is not logged on")
        return self.session

    def file(self, step: Step) -> File:
        """The file a step names."""
        if step.words["file"] not in self.files:
            raise Skipped(f"{step.words['file']} is not open")
        return self.files[step.words["file"]]


@dataclass(slots=True)
class Scene:
    """Where a card is played: the stage, its hosts that run, and who has come."""

    stage: Stage
    hosts: dict[str, Redirector]
    people: dict[str, Person] = field(default_factory=dict)

    def person(self, name: str) -> Person:
        """Somebody, also if not come yet."""
        return self.people.setdefault(name, Person(name))


@dataclass(frozen=True, slots=True)
class Done:
    """What a user's act gave."""

    outcome: str = SUCCESS
    detail: str = ""


Act = Callable[[Scene, Person, Step], Awaitable[Done]]


def at(path: str) -> str:
    """The full name of a file on the share."""
    return rf"\\{SERVER}\{SHARE}\{path}"


# --- sessions ---------------------------------------------------------------------------------


async def log_on(scene: Scene, person: Person, step: Step) -> Done:
    """Come over a link of one's own; an earlier session's link ends."""
    leave(scene, person)
    person.place = step.place
    if person.place == SERVER_PLACE:
        client = await scene.stage.direct_client()
        person.session = await client.logon(vocabulary.user_of(person.name))
        return Done()
    host = scene.hosts[person.place]
    known = set(host.upstream)
    client = await scene.stage.client(host)
    person.session = await client.logon(vocabulary.user_of(person.name))
    person.upstream = next((one for one in host.upstream if one not in known), None)
    return Done()


def leave(scene: Scene, person: Person) -> None:
    """End a session's link, if there is one."""
    if person.session is not None:
        person.session.client.link.close("left")
    person.session, person.upstream, person.again = None, None, 0
    person.files.clear()


async def log_off(scene: Scene, person: Person, step: Step) -> Done:
    """Log off; files left open stay in the user's hands."""
    proof = await person.there().logoff()
    residue = f"{SUCCESS} with residue" if proof.residue else SUCCESS
    return Done(residue, "; ".join(proof.residue))


async def connect(scene: Scene, person: Person, step: Step) -> Done:
    """Connect to the share."""
    await person.there().connect(SERVER, SHARE)
    return Done()


async def connect_again(scene: Scene, person: Person, step: Step) -> Done:
    """Ask for the connection once more, as a drive letter beside the UNC name does."""
    session = person.there()
    with session_errors(SHARE):
        await session.client.ask(m.Connect(session.number, SERVER, SHARE), m.Connected)
    person.again += 1
    return Done()


async def disconnect(scene: Scene, person: Person, step: Step) -> Done:
    """Give the share back, or one of several claims to it."""
    session, force = person.there(), step.verb == "force"
    if not person.again or force:
        await session.disconnect(SERVER, SHARE, force=force)
        return Done()
    tree = await session.connect(SERVER, SHARE)
    with session_errors(SHARE):
        await session.client.ask(m.Disconnect(tree), m.Disconnected)
    person.again -= 1
    return Done()


async def lose(scene: Scene, person: Person, step: Step) -> Done:
    """Lose the link to the host, or to the server."""
    client = person.there().client
    if client.link.lost:
        raise Skipped(f"{person.name} has lost the link already")
    scene.stage.cable(client).cut()
    return Done()


# --- files ------------------------------------------------------------------------------------


async def open_file(scene: Scene, person: Person, step: Step) -> Done:
    """Open a file under a name of the card's."""
    words = step.words
    person.files.pop(words["file"], None)
    opened = await _open(person, words["path"], words["purpose"], step.verb == "alone")
    person.files[words["file"]] = opened
    return Done()


async def _open(person: Person, path: str, purpose: str, alone: bool = False) -> File:
    session = person.there()
    tree = await session.connect(SERVER, SHARE)
    writes = purpose == "writing"
    request = m.Create(
        tree,
        path,
        _WRITES if writes else _READS,
        0 if alone else f.SHARE_ALL,
        f.FILE_OPEN if purpose == "reading" else f.FILE_OPEN_IF,
        f.FILE_NON_DIRECTORY_FILE,
    )
    with session_errors(path):
        created = await session.client.ask(request, m.Created)
    return File(session.client, tree, created, at(path), appends=False)


async def read(scene: Scene, person: Person, step: Step) -> Done:
    """Read an open file from its beginning."""
    file = person.file(step)
    await file.seek(0)
    return Done(detail=_quoted(await file.read()))


def _quoted(data: bytes) -> str:
    return f'"{data.decode()}"' if data else "nothing in it"


async def write(scene: Scene, person: Person, step: Step) -> Done:
    """Write one's name to an open file."""
    file = person.file(step)
    await file.seek(0)
    await file.write(_signature(person))
    return Done()


def _signature(person: Person) -> bytes:
    return f"of {person.name}".encode()


async def lock(scene: Scene, person: Person, step: Step) -> Done:
    """Lock all of an open file."""
    await person.file(step).lock()
    return Done()


async def close(scene: Scene, person: Person, step: Step) -> Done:
    """Close an open file."""
    await person.file(step).aclose()
    del person.files[step.words["file"]]
    return Done()


async def look(scene: Scene, person: Person, step: Step) -> Done:
    """Open, read and close a file."""
    file = await _open(person, step.words["path"], "reading")
    try:
        return Done(detail=_quoted(await file.read()))
    finally:
        await file.aclose()


async def visit(scene: Scene, person: Person, step: Step) -> Done:
    """Open, write and close files: what may become dormant does."""
    await _visit(person, step.words["paths"].split())
    return Done()


async def visit_many(scene: Scene, person: Person, step: Step) -> Done:
    """Visit so many files that nobody else does."""
    own = person.name.replace("#", "-")
    await _visit(person, [f"{own}-{n}" for n in range(1, int(step.words["count"]) + 1)])
    return Done()


async def _visit(person: Person, paths: list[str]) -> None:
    for path in paths:
        file = await _open(person, path, "writing")
        await file.write(_signature(person))
        await file.aclose()


async def change_name(scene: Scene, person: Person, step: Step) -> Done:
    """Delete, rename, make or remove a name."""
    session, name = person.there(), at(step.words["path"])
    if step.verb in ("rename", "replace"):
        over = step.verb == "replace"
        await session.rename(name, at(step.words["target"]), replace=over)
    elif step.verb == "delete":
        await session.unlink(name)
    elif step.verb == "make":
        await session.mkdir(name)
    else:
        await session.rmdir(name)
    return Done()


ACTS: dict[str, Act] = {
    "logon": log_on,
    "logoff": log_off,
    "connect": connect,
    "again": connect_again,
    "disconnect": disconnect,
    "force": disconnect,
    "open": open_file,
    "alone": open_file,
    "read": read,
    "write": write,
    "lock": lock,
    "close": close,
    "look": look,
    "visit": visit,
    "visit_many": visit_many,
    "delete": change_name,
    "rename": change_name,
    "replace": change_name,
    "make": change_name,
    "remove": change_name,
    "lose": lose,
}
