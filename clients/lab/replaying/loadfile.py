"""A NetBench load file: one operation a line, with the status that it had on the wire.

    OP ARGUMENT... STATUS

An operation below is the grammar of its line: its fields are the arguments in order, a path (in
double quotes) where the field is a text, else a number, decimal or 0x. Paths start at the root
of a share and join their components by backslashes; here they are relative and joined by "/".
A handle is the file's own name for an open file. Empty lines and those that start with # say
nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields

from redird.wire.status import Status


class LoadfileError(Exception):
    """A line that means nothing: its number, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What one line does."""


@dataclass(frozen=True, slots=True)
class NTCreateX(Operation):
    """Open or make a file or folder; options and disposition as in `wire.files`."""

    path: str
    options: int
    disposition: int
    handle: int


@dataclass(frozen=True, slots=True)
class Close(Operation):
    """Close a handle."""

    handle: int


@dataclass(frozen=True, slots=True)
class ReadX(Operation):
    """Read; `count`: how many bytes came."""

    handle: int
    offset: int
    length: int
    count: int


@dataclass(frozen=True, slots=True)
class WriteX(Operation):
    """Write; `count`: how many bytes went."""

    handle: int
    offset: int
    length: int
    count: int


@dataclass(frozen=True, slots=True)
class Flush(Operation):
    """Bring an open file to the disk."""

    handle: int


@dataclass(frozen=True, slots=True)
class LockX(Operation):
    """Lock a range."""

    handle: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class UnlockX(Operation):
    """Give it up."""

    handle: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class QueryPath(Operation):
    """Ask about a path; whatever the level, the answer here has it."""

    path: str
    level: int


@dataclass(frozen=True, slots=True)
class QueryFile(Operation):
    """Ask about an open file."""

    handle: int
    level: int


@dataclass(frozen=True, slots=True)
class QueryVolume(Operation):
    """Ask about the disk under the share."""

    level: int


@dataclass(frozen=True, slots=True)
class SetFile(Operation):
    """Set times and attributes of an open file: levels BASIC_LEVELS and no others, because
    the line does not say what another level's value was.
    """

    handle: int
    level: int


@dataclass(frozen=True, slots=True)
class FindFirst(Operation):
    """List what matches the pattern in the last component; `count`: how many came."""

    path: str
    level: int
    entries_max: int
    count: int


@dataclass(frozen=True, slots=True)
class Rename(Operation):
    """Rename; an existing target stands in the way."""

    path: str
    target: str


@dataclass(frozen=True, slots=True)
class Unlink(Operation):
    """Delete what the last component names, maybe by a pattern. `attributes`: which kinds of
    hidden things are meant too; nothing is hidden here.
    """

    path: str
    attributes: int


@dataclass(frozen=True, slots=True)
class Deltree(Operation):
    """Delete a folder and all below it, if it is there."""

    path: str


@dataclass(frozen=True, slots=True)
class Mkdir(Operation):
    """See to it that a folder is there."""

    path: str


@dataclass(frozen=True, slots=True)
class Line:
    """An operation, and the status that it had."""

    number: int
    operation: Operation
    expected: Status


OPERATIONS: dict[str, type[Operation]] = {
    "NTCreateX": NTCreateX,
    "Close": Close,
    "ReadX": ReadX,
    "WriteX": WriteX,
    "Flush": Flush,
    "LockX": LockX,
    "UnlockX": UnlockX,
    "QUERY_PATH_INFORMATION": QueryPath,
    "QUERY_FILE_INFORMATION": QueryFile,
    "QUERY_FS_INFORMATION": QueryVolume,
    "SET_FILE_INFORMATION": SetFile,
    "FIND_FIRST": FindFirst,
    "Rename": Rename,
    "Unlink": Unlink,
    "Deltree": Deltree,
    "Mkdir": Mkdir,
}
NAMES = {kind: name for name, kind in OPERATIONS.items()}
BASIC_LEVELS = (0x101, 1004)  # MS-CIFS's own, and MS-FSCC's 4 passed through by MS-SMB
IO_BYTES_MAX = 1024 * 1024

_WORD = re.compile(r'"([^"]*)"|(\S+)')
_FORMS = {name: fields(kind) for name, kind in OPERATIONS.items()}


def parse(lines: Iterable[str], lines_max: int | None = None) -> list[Line]:
    """Read a load file, its first `lines_max` lines if that is given; raises LoadfileError."""
    found: list[Line] = []
    known: dict[str, tuple[Operation, Status]] = {}  # most lines come again
    for number, text in enumerate(lines, 1):
        if lines_max is not None and number > lines_max:
            break
        if not text.strip() or text.startswith("#"):
            continue
        try:
            if text not in known:
                known[text] = _parsed(text)
            found.append(Line(number, *known[text]))
        except ValueError as error:
            raise LoadfileError(f"line {number}: {error}") from None
    return found


def _parsed(text: str) -> tuple[Operation, Status]:
    name, *arguments, status = _words(text)
    kind = OPERATIONS.get(name)
    if kind is None:
        raise ValueError(f"there is no operation {name}")
    form = _FORMS[name]
    if len(arguments) != len(form):
        wanted = " ".join(field.name for field in form)
        raise ValueError(f"{name} takes {wanted} and a status")
    values = [
        _path(one) if field.type is str else _number(field.name, one)
        for field, one in zip(form, arguments, strict=True)
    ]
    return _sensible(kind(*values)), _status(status)


def _words(text: str) -> list[str]:
    """Cut a line at its blanks; what is in quotes is one word and keeps the first of them."""
    words = ['"' + one[1] if one[2] is None else one[2] for one in _WORD.finditer(text)]
    if len(words) < 2:
        raise ValueError("an operation, its arguments and a status are needed")
    return words


def _path(word: str) -> str:
    if not word.startswith('"\\'):
        raise ValueError(f"a path in quotes that starts with \\ is needed, not {word.strip()}")
    return "/".join(part for part in word[1:].split("\\") if part)


def _number(name: str, word: str) -> int:
    try:
        number = int(word, 0)
    except ValueError:
        raise ValueError(f"{name} must be a number, not {word}") from None
    if number < 0:
        raise ValueError(f"{name} must not be negative: {word}")
    return number


def _sensible(operation: Operation) -> Operation:
    if isinstance(operation, ReadX | WriteX) and operation.length > IO_BYTES_MAX:
        raise ValueError(f"length must be at most {IO_BYTES_MAX}: {operation.length}")
    if isinstance(operation, SetFile) and operation.level not in BASIC_LEVELS:
        levels = " and ".join(map(str, BASIC_LEVELS))
        raise ValueError(f"only levels {levels} can be set, not {operation.level}")
    return operation


def _status(word: str) -> Status:
    name = word.removeprefix("NT_")
    name = "STATUS_SUCCESS" if name == "STATUS_OK" else name
    if not word.startswith("NT_") or name not in Status.__members__:
        raise ValueError(f"there is no status {word}")
    return Status[name]


def status_name(status: Status) -> str:
    """Return a status as load files write it."""
    return "NT_STATUS_OK" if status is Status.STATUS_SUCCESS else f"NT_{status.name}"
