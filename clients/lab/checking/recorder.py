"""Writes a history as it happens."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clients.lab.checking.history import first_line, line

_COUNTS = ("uses", "uses_max", "live", "ghosts", "unknown")
TOLD_BY_RECEIPTS = ("number", "verdict", "complete", *_COUNTS)
NOT_OF_FACTS = ("at_ns", "number")  # on the program's own clock, and of its own count


class Recorder:
    """Writes one line for each call; `now_ns` is the time since the run began.

    Operations are numbered here, and their outcome's line repeats who asked for what.
    """

    def __init__(self, now_ns: Callable[[], int], write: Callable[[str], object]) -> None:
        self._now_ns = now_ns
        self._write = write
        self._last = 0
        self._under_way: dict[int, tuple[str, str]] = {}

    def setting(self, seed: int, **setting: Any) -> None:
        """Write the first line: what this run is."""
        self._write(first_line(seed, setting))

    # --- operations ---

    def invoke(self, process: str, f: str, **asked: Any) -> int:
        """An operation begins; returns its number."""
        self._last += 1
        self._under_way[self._last] = process, f
        self._note("invoke", {"op": self._last, "process": process, "f": f, **asked})
        return self._last

    def ok(self, op: int, **answer: Any) -> None:
        """It was done."""
        self._outcome("ok", op, answer)

    def fail(self, op: int, status: str, receipt: int = 0) -> None:
        """It was refused; `receipt` numbers the record of a refusal at a share's limit."""
        self._outcome("fail", op, {"status": status, "receipt": receipt})

    def unknown(self, op: int, reason: str = "") -> None:
        """Its link was lost, or it was given up: perhaps it was done, perhaps not."""
        self._outcome("unknown", op, {"reason": reason})

    def receipt(self, op: int, process: str, receipt: Mapping[str, Any]) -> None:
        """Write what the server's receipt says of the refused connect `op`."""
        told = {key: receipt[key] for key in TOLD_BY_RECEIPTS}
        self._note("receipt", {"op": op, "process": process, **told})

    def _outcome(self, kind: str, op: int, more: Mapping[str, Any]) -> None:
        process, f = self._under_way.pop(op)
        self._note(kind, {"op": op, "process": process, "f": f, **more})

    # --- what else happens ---

    def fact(self, source: str, fact: Mapping[str, Any], at_ns: int | None = None) -> None:
        """A table of `source` ("server", "host1") noted something; now, or at `at_ns`."""
        told = {key: value for key, value in fact.items() if key not in NOT_OF_FACTS}
        self._note("fact", {**told, "from": source}, at_ns)

    def server(self, event: str, epoch: int) -> None:
        """The share server has started, or was killed."""
        self._note("server", {"event": event, "epoch": epoch})

    def program(self, name: str, event: str, epoch: int) -> None:
        """A redirector has started, or was killed."""
        self._note("program", {"from": name, "event": event, "epoch": epoch})

    def link(self, source: str, to: str, event: str, by: str = "") -> None:
        """A link from `source` to `to` is up, or lost; `by`: who saw it."""
        self._note("link", {"from": source, "to": to, "event": event, "by": by})

    def message(self, wire: str, name: str, direction: str) -> None:
        """A message arrived; `direction` is up (to whoever listens) or down."""
        self._note("message", {"wire": wire, "name": name, "dir": direction})

    def fault(self, kind: str, target: str, event: str, n: int, **more: Any) -> None:
        """A fault, number `n` of the schedule, has fired or was healed."""
        told = {"kind": kind, "target": target, "event": event, "n": n}
        self._note("fault", {**more, **told})

    # --- the end ---

    def quiet(
        self, source: str, counts: Mapping[str, int], baseline: Mapping[str, int]
    ) -> None:
        """What a program still holds after everybody has gone, and what it held before."""
        self._note("quiet", {**counts, "from": source, "baseline": dict(baseline)})

    def disk(self, path: str, blocks: Sequence[int], share: str = "") -> None:
        """What the server's disk holds of a file, the value of each block."""
        more = {"share": share} if share else {}
        self._note("disk", {"path": path, "blocks": list(blocks), **more})

    def _note(self, what: str, fields: Mapping[str, Any], at_ns: int | None = None) -> None:
        at_ns = self._now_ns() if at_ns is None else at_ns
        self._write(line({**fields, "type": what, "at_ns": at_ns}))
