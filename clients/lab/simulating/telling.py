"""A history as a story: one line an event, in columns, only what matters.

0.113  host1/user1#1  connect docs
0.113  server         use_admitted            tree 1 of user1, 1 of docs
0.113  host1/user1#1  connect docs            ok: connection 2
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

LINES_MAX = 200
MARKS = {"fired": "!!", "healed": "ok"}
_DULL = {"type", "at_ns", "op", "process", "f", "share", "from", "kind", "number", "session"}
_MESSAGES = {  # that tell something; each is told once, as it arrives where it is asked
    *("CloseBatch", "TreeConnect", "TreeDisconnect", "Logoff", "LeaseBreak", "SlotRecall"),
    *("Reclaim", "Once"),
}


def story(lines: Sequence[str], until_ns: int) -> Iterator[str]:
    """Tell a history up to a time, at most the last LINES_MAX lines of that."""
    told = [one for one in map(_told, map(json.loads, lines[1:])) if one is not None]
    told = [one for one in told if one[0] <= until_ns / 1e9]
    if len(told) > LINES_MAX:
        yield f"          ... {len(told) - LINES_MAX} lines before"
        told = told[-LINES_MAX:]
    who = max((len(one[1]) for one in told), default=0)
    what = min(44, max((len(one[2]) for one in told), default=0))
    for at_s, name, does, more in told:
        yield f"{at_s:10.4f}  {name:{who}}  {does:{what}}  {more}".rstrip()


def _told(event: dict[str, Any]) -> tuple[float, str, str, str] | None:
    at_s = event["at_ns"] / 1e9
    found = _TELL.get(event["type"], _nothing)(event)
    return None if found is None else (at_s, *found)


Told = tuple[str, str, str] | None


def _nothing(event: dict[str, Any]) -> Told:
    return None


def _asked(event: dict[str, Any]) -> Told:
    words = [event[key] for key in ("path", "target") if event.get(key)]
    if event["f"] in ("connect", "disconnect"):
        words = [event.get("share", "")]
    words += [f"at {event['offset']}"] if event["f"] in ("read", "write") else []
    words += [f"= {event['value']}"] if event["f"] == "write" else []
    return event["process"], " ".join([event["f"], *map(str, words)]), ""


def _outcome(event: dict[str, Any]) -> Told:
    said = event.get("status") or event.get("reason") or _rest(event)
    return event["process"], f"  {event['f']}: {event['type']}", str(said)


def _fact(event: dict[str, Any]) -> Told:
    return event["from"], event["kind"], _rest(event)


def _program(event: dict[str, Any]) -> Told:
    return event.get("from", "server"), event["event"], ""


def _fault(event: dict[str, Any]) -> Told:
    return MARKS[event["event"]], event["kind"], event["target"]


def _message(event: dict[str, Any]) -> Told:
    if event["name"] not in _MESSAGES:
        return None
    arrow = ">" if event["dir"] == "up" else "<"
    return event["wire"], f"{arrow} {event['name']}", ""


def _receipt(event: dict[str, Any]) -> Told:
    return event["process"], f"  receipt {event['number']}", _rest(event)


def _quiet(event: dict[str, Any]) -> Told:
    left = {key: value for key, value in event.items() if type(value) is int and value}
    left.pop("at_ns", None)
    return event["from"], "is quiet", ", ".join(f"{n} {key}" for key, n in left.items())


def _rest(event: dict[str, Any]) -> str:
    shown = {key: value for key, value in event.items() if key not in _DULL}
    return ", ".join(f"{key} {value}" for key, value in shown.items() if value not in ("", 0))


_TELL = {
    "invoke": _asked,
    "ok": _outcome,
    "fail": _outcome,
    "unknown": _outcome,
    "receipt": _receipt,
    "fact": _fact,
    "server": _program,
    "program": _program,
    "fault": _fault,
    "message": _message,
    "quiet": _quiet,
}
