"""Small histories, written by hand: one call a line, a tick of a millisecond between them."""

from typing import Any

from clients.lab.checking.history import first_line, line, read
from clients.lab.checking.judging import Judged, judge
from clients.lab.checking.verdict import Verdict

TICK_NS = 1_000_000
FILE = {"share": "docs", "path": "a"}


class Story:
    """A history in the making; `at` moves its clock, in seconds."""

    def __init__(self, **setting: Any) -> None:
        self.lines = [first_line(0, {"preset": "sp6", "uses_max": 1} | setting)]
        self.now_ns = 0
        self.last = 0
        self.open: dict[int, tuple[str, str]] = {}

    def at(self, seconds: float) -> "Story":
        """What follows is at that time."""
        self.now_ns = max(self.now_ns, round(seconds * 1e9))
        return self

    def note(self, kind: str, /, **fields: Any) -> "Story":
        """Something happens."""
        self.now_ns += TICK_NS
        source = {"from": fields.pop("source")} if "source" in fields else {}
        self.lines.append(line({"type": kind, "at_ns": self.now_ns, **fields, **source}))
        return self

    # --- operations ---

    def ask(self, who: str, f: str, **asked: Any) -> int:
        """An operation begins."""
        self.last += 1
        process = who if "/" in who else f"host1/{who}#1"
        self.open[self.last] = process, f
        self.note("invoke", op=self.last, process=process, f=f, **_usual(f) | asked)
        return self.last

    def end(self, op: int, kind: str = "ok", **told: Any) -> "Story":
        """It has an outcome."""
        process, f = self.open.pop(op)
        return self.note(kind, op=op, process=process, f=f, **told)

    def do(self, who: str, f: str, told: dict[str, Any] | None = None, **asked: Any) -> "Story":
        """An operation that goes well."""
        answer = {"logon": {"session": 1}, "logoff": {"residue": 0}}.get(f, {})
        return self.end(self.ask(who, f, **asked), **(answer if told is None else told))

    def refuse(self, who: str, f: str, status: str, **asked: Any) -> int:
        """An operation that is refused."""
        op = self.ask(who, f, **asked)
        self.end(op, "fail", status=status)
        return op

    def enter(self, who: str, number: int = 1) -> "Story":
        """Log on, connect, and open the file a."""
        self.do(who, "logon", {"session": number})
        self.do(who, "connect", {"connection": number}, session=number)
        return self.do(who, "open", {"handle": number, "size": 0}, session=number)

    def leave(self, who: str, number: int = 1) -> "Story":
        """Log off."""
        return self.do(who, "logoff", session=number)

    # --- facts ---

    def slot(self, what: str, tree: int, user: str, uses: int, share: str = "docs") -> "Story":
        """The server's ledger admits or releases."""
        fact = {"kind": f"use_{what}", "tree": tree, "user": user, "uses": uses}
        return self.note("fact", source="server", share=share, session=1, **fact)

    def state(self, state: str, user: str = "ann", connection: int = 1) -> "Story":
        """A redirector's connection changes."""
        fact = {"kind": "connection_state", "connection": connection, "state": state}
        return self.note("fact", source="host1", share="docs", session=1, user=user, **fact)

    def fault(self, event: str, kind: str = "reset", target: str = "w") -> "Story":
        """A fault fires or is healed."""
        return self.note("fault", kind=kind, target=target, event=event, n=1)

    # --- judging ---

    def judged(self) -> Judged:
        """What all checkers say."""
        return judge(read(self.lines))

    def verdict(self, checker: str) -> Verdict:
        """What one says."""
        return self.judged().verdicts[checker]


def _usual(f: str) -> dict[str, Any]:
    """What an operation asks for if nothing else is said."""
    session, at = {"session": 1}, {"share": "docs"}
    by_handle = {**FILE, "handle": 1}
    block, span = {"offset": 0}, {"offset": 0, "length": 64}
    usual: dict[str, dict[str, Any]] = {
        "logon": {},
        "connect": {**session, **at},
        "disconnect": {**session, **at, "connection": 1},
        "logoff": session,
        "open": {**session, **FILE, "access": "rw", "exclusive": False},
        "read": {**by_handle, **block},
        "write": {**by_handle, **block},
        "stat": FILE,
        "rename": {**FILE, "target": "b"},
        "unlink": FILE,
        "lock": {**by_handle, **span, "exclusive": True},
        "unlock": {**by_handle, **span},
    }
    return usual.get(f, by_handle)
