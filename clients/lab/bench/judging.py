"""How fast a long history is judged: by all checkers, on one core, in processor time.

The history is of many users on a share that is too small for them; every operation takes effect
when it is answered, and several are under way at once, so that all of it is in order.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from clients.lab.bench.yardstick import Bench, Result
from clients.lab.checking.history import BLOCK_BYTES, first_line, line, read
from clients.lab.checking.judging import Judged, judge

OPERATIONS = 1_000_000
LIMIT_S = 60.0
USERS, USES_MAX = 60, 40
FILES, BLOCKS = 30, 8
WORK = 40  # operations on files in one session
STEP_NS = 40_000
WORKS = ("write", "write", "read", "read", "read", "fsync", "stat")


def lines(operations: int) -> Iterator[str]:
    """Return the lines of a history of so many operations."""
    crowd = _Crowd(Random(1))
    yield first_line(1, {"preset": "sp6", "uses_max": USES_MAX})
    while crowd.operations < operations:
        yield from crowd.step()


class _Crowd:
    """Users who take turns; what is held and written is kept as a server would."""

    def __init__(self, random: Random) -> None:
        self.operations = 0
        self.at_ns = 0
        self._random = random
        self._users = [_User(number) for number in range(USERS)]
        self._held: dict[int, _User] = {}
        self._values: dict[tuple[str, int], int] = {}
        self._sizes: dict[str, int] = {}
        self._last = self._trees = 0

    def step(self) -> Iterator[str]:
        """One user asks or is answered."""
        self.at_ns += STEP_NS
        user = self._random.choice(self._users)
        if user.asked is None:
            self.operations += 1
            user.ask(self.operations, self._random)
            yield self._line("invoke", user, **user.fields)
        else:
            yield from self._answer(user)

    def _line(self, kind: str, user: "_User", **fields: Any) -> str:
        told = {"type": kind, "at_ns": self.at_ns, "op": user.op, "process": user.process}
        return line({**told, "f": user.asked, **fields})

    def _answer(self, user: "_User") -> Iterator[str]:
        f = user.asked
        answer: dict[str, Any] = {}
        if f == "connect" and len(self._held) >= USES_MAX:
            yield self._line("fail", user, status="STATUS_REQUEST_NOT_ACCEPTED", receipt=0)
            user.refused()
            return
        if f == "connect":
            self._trees += 1
            user.tree = self._trees
            self._held[user.tree] = user
            yield self._fact("use_admitted", user)
        elif f == "logoff":
            if self._held.pop(user.tree, None) is not None:
                yield self._fact("use_released", user)
            answer = {"residue": 0}
        yield self._line("ok", user, **answer, **self._effect(user))
        user.done()

    def _fact(self, kind: str, user: "_User") -> str:
        told = {"kind": kind, "tree": user.tree, "user": user.name, "uses": len(self._held)}
        return line(
            {"type": "fact", "from": "server", "at_ns": self.at_ns, "share": "docs", **told}
        )

    def _effect(self, user: "_User") -> dict[str, Any]:
        path, block = user.path, (user.path, user.fields.get("offset", 0))
        if user.asked in ("logon", "connect", "open"):
            self._last += 1
            kind = {"logon": "session", "connect": "connection", "open": "handle"}[user.asked]
            user.given = self._last
            return {kind: self._last}
        if user.asked == "write":
            self._values[block] = user.op
            self._sizes[path] = max(self._sizes.get(path, 0), block[1] + BLOCK_BYTES)
        elif user.asked == "read":
            return {"value": self._values.get(block, 0)}
        elif user.asked == "stat":
            return {"size": self._sizes.get(path, 0)}
        return {}


class _User:
    """One user, who does the same in every session."""

    def __init__(self, number: int) -> None:
        self.name = f"user{number}"
        self.process = f"host{number % 2 + 1}/{self.name}#1"
        self.asked: str | None = None
        self.fields: dict[str, Any] = {}
        self.op = self.tree = self.given = self.session = self.handle = 0
        self.path = ""
        self._next = "logon"
        self._left = 0

    def ask(self, op: int, random: Random) -> None:
        """Begin what comes next."""
        self.op, self.asked = op, self._next
        if self.asked == "open":
            self.path = f"file{random.randrange(FILES)}"
        at: dict[str, Any] = {"share": "docs"}
        if self.asked in ("connect", "open", "logoff"):
            at["session"] = self.session
        if self.asked not in ("logon", "connect", "logoff"):
            at["path"] = self.path
        if self.asked in ("read", "write", "fsync", "close"):
            at["handle"] = self.handle
        if self.asked in ("read", "write"):
            at["offset"] = BLOCK_BYTES * random.randrange(BLOCKS)
        if self.asked == "write":
            at["value"] = op
        if self.asked == "open":
            at |= {"access": "rw", "exclusive": False}
        self.fields = at
        self._work = random.choice(WORKS)

    def refused(self) -> None:
        """The share is full: leave."""
        self.asked, self._next = None, "logoff"

    def done(self) -> None:
        """What comes after this."""
        f, self.asked = self.asked, None
        if f == "logon":
            self.session, self._next, self._left = self.given, "connect", WORK
        elif f == "open":
            self.handle, self._next = self.given, self._work
        elif f in ("connect", "logoff"):
            self._next = "open" if f == "connect" else "logon"
        elif f == "close":
            self._next = "open" if self._left > 0 else "logoff"
        else:
            self._left -= 1
            self._next = "close" if self._left % 8 == 0 else self._work


def measure(operations: int = OPERATIONS) -> tuple[float, Judged]:
    """Write such a history and judge it; returns the seconds of processor time it took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        with path.open("w") as file:
            file.writelines(f"{one}\n" for one in lines(operations))
        with path.open("rb") as stored:
            began = time.process_time()
            judged = judge(read(stored))
            return time.process_time() - began, judged


async def check(bench: Bench) -> Result:
    """All checkers over a history of a million operations, in processor time."""
    took_s, judged = measure()
    assert not judged.failed(), judged.failed()
    more = {
        "operations": judged.operations,
        "operations_per_s": round(judged.operations / took_s),
        "checkers": len(judged.verdicts),
        "limit_s": LIMIT_S,
    }
    return Result("check", took_s, "s", LIMIT_S, "the limit for a million operations", more)
