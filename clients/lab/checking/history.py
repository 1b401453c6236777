"""A history: one JSON object a line, in the order of `at_ns`, nanoseconds since the run began.

=========  ====================================================================================
type       fields beside `type` and `at_ns`
=========  ====================================================================================
(first)    format, version, seed, setting: what the run was (see `setting`); no type
invoke     op, process ("host1/alice#3"), f, and what was asked
ok         op, process, f, and the answer
fail       op, process, f, status (an NT status by name); receipt: its number, 0 if none
unknown    op, process, f: nobody will ever say whether it was done
receipt    op (the refused connect), process, number, verdict, and the receipt's own counts
fact       from ("server", "host1"), kind, and what the table's own fact says
server     event (started, killed), epoch
program    from (a redirector), event (started, killed), epoch
link       from, to, event (up, lost); by: who saw it, if known
message    wire, name, dir (up, down): one arrived
fault      kind, target, event (fired, healed), n: its number in the schedule
quiet      from, baseline, and the counts at the end: slots, handles, dormant, sessions, ...
disk       path, blocks: the value of each, as the server's disk holds them
=========  ====================================================================================

A file is an array of blocks; `value` is the unique number of the write whose text fills one, 0
where nobody has written, -1 for what no write can have left. `offset` is in bytes.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

FORMAT, VERSION = "redird-history", 1
LINE_BYTES_MAX = 4 * 1024 * 1024
SETTING = "setting"  # the type of the first line's event
BLOCK_BYTES = 64

_scan: Any = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # json.loads does the same, and more that is not needed
_SHARE, _PATH = ("share", str), ("path", str)
_FILE = (_SHARE, _PATH, ("handle", int))
_RANGE = (*_FILE, ("offset", int), ("length", int))
Fields = tuple[tuple[str, type], ...]
ASKED: dict[str, Fields] = {
    "logon": (),
    "connect": (("session", int), _SHARE),
    "disconnect": (("session", int), _SHARE, ("connection", int)),
    "logoff": (("session", int),),
    "open": (("session", int), _SHARE, _PATH, ("access", str), ("exclusive", bool)),
    "close": _FILE,
    "read": (*_FILE, ("offset", int)),
    "write": (*_FILE, ("offset", int), ("value", int)),
    "fsync": _FILE,
    "stat": (_SHARE, _PATH),
    "rename": (_SHARE, _PATH, ("target", str)),
    "unlink": (_SHARE, _PATH),
    "lock": (*_RANGE, ("exclusive", bool)),
    "unlock": _RANGE,
}
ANSWERED: dict[str, Fields] = {
    "logon": (("session", int),),
    "connect": (("connection", int),),
    "logoff": (("residue", int),),
    "open": (("handle", int),),
    "read": (("value", int),),
    "stat": (("size", int),),
}
OPERATIONS = tuple(ASKED)
_OP: Fields = (("op", int), ("process", str))
_FROM, _EVENT, _EPOCH = ("from", str), ("event", str), ("epoch", int)
_OTHERS: dict[str, Fields] = {
    "receipt": (*_OP, ("number", int), ("verdict", str)),
    "fact": (_FROM, ("kind", str)),
    "server": (_EVENT, _EPOCH),
    "program": (_FROM, _EVENT, _EPOCH),
    "link": (_FROM, ("to", str), _EVENT),
    "message": (("wire", str), ("name", str), ("dir", str)),
    "fault": (("kind", str), ("target", str), _EVENT),
    "quiet": (_FROM, ("baseline", dict)),
    "disk": (_PATH, ("blocks", list)),
}
_EVENTS = {
    "server": ("started", "killed"),
    "program": ("started", "killed"),
    "link": ("up", "lost"),
    "fault": ("fired", "healed"),
}
_NEEDED: dict[tuple[str, str], Fields] = {
    **{("invoke", f): _OP + asked for f, asked in ASKED.items()},
    **{("ok", f): _OP + ANSWERED.get(f, ()) for f in OPERATIONS},
    **{("fail", f): (*_OP, ("status", str)) for f in OPERATIONS},
    **{("unknown", f): _OP for f in OPERATIONS},
    **{(kind, ""): needed for kind, needed in _OTHERS.items()},
}
_OF_OPERATIONS = ("invoke", "ok", "fail", "unknown")


class HistoryError(ValueError):
    """The file is no history, or a line of it is wrong; says which line and which field."""


@dataclass(slots=True, eq=False)
class Event:
    """One line: its number, its type, when, and all its fields.

    `what` tells events of one type apart: the operation, a fact's kind, or what happened.
    """

    line: int
    type: str
    what: str
    at_ns: int
    fields: dict[str, Any]

    def __getitem__(self, field: str) -> Any:
        """Return a field that its type needs, so it is there."""
        return self.fields[field]


def read(lines: Iterable[bytes | str]) -> Iterator[Event]:
    """Return the events of a history, its setting first; raises HistoryError."""
    number, last_ns = 0, 0
    for number, line in enumerate(lines, 1):
        fields = _parsed(number, line)
        if number == 1:
            yield _first(fields)
            continue
        event = _event(number, fields)
        if event.at_ns < last_ns:
            raise _wrong(number, f"`at_ns` {event.at_ns} is before {last_ns}, the line above")
        last_ns = event.at_ns
        yield event
    if not number:
        raise HistoryError("it is empty: a history begins with a line that names its format")


def _parsed(number: int, line: bytes | str) -> dict[str, Any]:
    if len(line) > LINE_BYTES_MAX:
        raise _wrong(number, f"longer than {LINE_BYTES_MAX:,} bytes")
    try:
        text = line if isinstance(line, str) else line.decode()
        fields, end = _scan(text, 0)
        if text[end:].strip():
            json.loads(text)  # which says what is wrong
    except (ValueError, RecursionError, StopIteration) as error:
        reason = error if error.args and not isinstance(error, StopIteration) else "no value"
        raise _wrong(number, f"not JSON ({reason})") from None
    if not isinstance(fields, dict):
        raise _wrong(number, f"a JSON object is needed, not {type(fields).__name__}")
    return fields


def _first(fields: dict[str, Any]) -> Event:
    if fields.get("format") != FORMAT:
        raise _wrong(1, f'`format` must be "{FORMAT}": this is no history of a run')
    if fields.get("version") != VERSION:
        found = fields.get("version")
        raise _wrong(1, f"`version` {found!r} cannot be read, {VERSION} can")
    _require(1, "the first line", fields, (("setting", dict),))
    return Event(1, SETTING, "", 0, fields)


def _event(number: int, fields: dict[str, Any]) -> Event:
    kind = fields.get("type")
    at_ns = fields.get("at_ns")
    if at_ns.__class__ is not int or at_ns < 0:
        raise _wrong(number, f"`at_ns` must be whole nanoseconds, not {at_ns!r}")
    what = fields.get("f", "") if kind in _OF_OPERATIONS else ""
    try:
        needed = _NEEDED[kind, what]  # type: ignore[index]
    except (KeyError, TypeError):
        raise _unknown(number, kind, what) from None
    for field, of in needed:
        if fields.get(field).__class__ is not of:
            _require(number, f"{kind} {what}".rstrip(), fields, needed)
    if not what:
        what = _happened(number, str(kind), fields)
    return Event(number, str(kind), what, at_ns, fields)


def _happened(number: int, kind: str, fields: dict[str, Any]) -> str:
    named = {"fact": "kind", "message": "name"}.get(kind, "event")
    what = str(fields.get(named, ""))
    if kind in _EVENTS and what not in _EVENTS[kind]:
        known = " or ".join(_EVENTS[kind])
        raise _wrong(number, f"`event` of a {kind} is {known}, not {what!r}")
    return what


def _require(number: int, what: str, fields: dict[str, Any], needed: Fields) -> None:
    for field, of in needed:
        if field not in fields:
            raise _wrong(number, f"{what} needs the field `{field}`")
        if fields[field].__class__ is not of:
            found = f"{fields[field]!r}"
            shown = found if len(found) <= 40 else found[:40] + "..."
            raise _wrong(number, f"`{field}` of {what} must be {of.__name__}, not {shown}")


def _unknown(number: int, kind: object, what: object) -> HistoryError:
    if kind in _OF_OPERATIONS:
        return _wrong(number, f"`f` {what!r} is no operation ({', '.join(OPERATIONS)})")
    known = ", ".join([*_OF_OPERATIONS, *_OTHERS])
    return _wrong(number, f"`type` {kind!r} is not one of {known}")


def _wrong(number: int, what: str) -> HistoryError:
    return HistoryError(f"line {number}: {what}")


# --- writing ----------------------------------------------------------------------------------


def line(fields: dict[str, Any]) -> str:
    """Return one line of a history, without its end."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def first_line(seed: int, setting: dict[str, Any]) -> str:
    """Return the line that every history begins with."""
    return line({"format": FORMAT, "version": VERSION, "seed": seed, "setting": setting})


def in_order(lines: Iterable[str]) -> list[str]:
    """Sort the lines of a run that were written by several hands; the first one stays."""
    first, *rest = lines
    return [first, *sorted(rest, key=_at_ns)]


def _at_ns(text: str) -> int:
    at_ns: int = json.loads(text)["at_ns"]
    return at_ns
