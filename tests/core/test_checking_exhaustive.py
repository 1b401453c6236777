"""The fast checkers say what a search through every order says, of small random histories.

Half of the histories are of an object that works, half of one that errs at random, so that both
outcomes are there in hundreds.
"""

from collections import Counter
from math import inf
from random import Random
from typing import Any

import pytest

from clients.lab.checking.always import CHECKERS
from clients.lab.checking.exhaustive import Call, register, slots
from clients.lab.checking.history import first_line, line, read
from clients.lab.checking.judging import judge

OPS = 7
BLOCK = {"share": "docs", "path": "a", "offset": 0}


class History:
    """A history as it is written, and the same as calls for the reference."""

    def __init__(self, random: Random, limit: int | None = None) -> None:
        self.random = random
        self.lines = [first_line(0, {"preset": "sp6", "uses_max": limit})]
        self.calls: dict[int, Call] = {}
        self.asked: dict[int, tuple[str, str]] = {}  # process and operation
        self.took: dict[str, int] = {}
        self.last = 0

    def ask(self, process: str, f: str, **fields: Any) -> int:
        self.last += 1
        self.asked[self.last] = process, f
        self._write("invoke", self.last, process, f, fields)
        self.calls[self.last] = Call(f, len(self.lines))
        return self.last

    def answer(self, op: int, does: str, told: int, kind: str = "ok", **fields: Any) -> None:
        process, f = self.asked.pop(op)
        self._write(kind, op, process, f, fields)
        answered = inf if kind == "unknown" else len(self.lines)
        self.calls[op] = Call(does, self.calls[op].asked, answered, told)

    def _write(self, kind: str, op: int, process: str, f: str, fields: dict) -> None:
        told = {"type": kind, "at_ns": len(self.lines), "op": op, "process": process, "f": f}
        self.lines.append(line({**told, **fields}))

    def passes(self, *names: str) -> bool:
        judged = judge(read(self.lines), {name: CHECKERS[name] for name in names}, {})
        return all(one.result == "pass" for one in judged.verdicts.values())


# --- a register -------------------------------------------------------------------------------


class Register:
    """A block, its users, and caches that sometimes err; some answers are lost."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.history = History(self.random)
        self.errs = self.random.random() < 0.5
        self.value, self.written = 0, [0]
        self.under_way: dict[str, list] = {}  # by process: operation, what it writes, effect

    def run(self) -> None:
        while self.history.last < OPS or self.under_way:
            process = self.random.choice(USERS[:3])
            pending = self.under_way.get(process)
            if pending is None:
                self.begin(process)
            elif pending[2] is None:
                pending[2] = self.effect(pending[1])
            else:
                op, new, effect = self.under_way.pop(process)
                self.answer(op, new, effect)

    def begin(self, process: str) -> None:
        if self.history.last >= OPS:
            return
        if self.random.random() < 0.5:
            new = self.history.last + 1
            op = self.history.ask(process, "write", **BLOCK, handle=new, value=new)
            self.written.append(new)
            self.under_way[process] = [op, new, None]
        else:
            op = self.history.ask(process, "read", **BLOCK, handle=0)
            self.under_way[process] = [op, None, None]

    def effect(self, new: int | None) -> int:
        if new is not None:
            self.value = new
        elif self.errs and self.random.random() < 0.5:
            return self.random.choice(self.written)
        return self.value

    def answer(self, op: int, new: int | None, effect: int) -> None:
        lost = self.random.random() < 0.15
        if new is not None:
            self.history.answer(op, "write", new, "unknown" if lost else "ok")
        elif lost:  # an unanswered read tells nothing
            self.history.answer(op, "read", 0, "unknown")
            del self.history.calls[op]
        else:
            self.history.answer(op, "read", effect, value=effect)


def test_registers_are_judged_as_by_search():
    outcomes: Counter[bool] = Counter()
    for seed in range(5000):
        made = Register(seed)
        made.run()

        expected = register(made.history.calls.values())
        assert expected == made.history.passes("reads_in_order"), seed
        outcomes[expected] += 1
    assert min(outcomes.values()) > 500, outcomes


# --- slots ------------------------------------------------------------------------------------


class Slots:
    """A share with a limit, its users, and a server that sometimes errs.

    An operation takes effect somewhen between its request and its answer, and whoever was
    admitted logs off in the end. `alone`: no two that change what is held overlap.
    """

    def __init__(self, seed: int, *, refusals: bool, alone: bool) -> None:
        self.random = Random(seed)
        self.limit = self.random.choice((1, 2))
        self.history = History(self.random, self.limit)
        self.errs = self.random.random() < 0.5
        self.refusals, self.alone = refusals, alone
        self.held: dict[str, int] = {}
        self.under_way: dict[str, list] = {}  # by process: operation, intention, effect

    def run(self) -> None:
        while self.history.last < OPS or self.under_way or self.held:
            process = self.random.choice(USERS)
            pending = self.under_way.get(process)
            if pending is None:
                self.begin(process)
            elif pending[2] is None:
                pending[2] = self.effect(process, *pending[:2])
            else:
                self.answer(process, *self.under_way.pop(process))

    def begin(self, process: str) -> None:
        changing = any(intention != "refuse" for _, intention, _ in self.under_way.values())
        refuse = self.refusals and process not in self.held and self.random.random() < 0.4
        if self.history.last >= OPS and process not in self.held:
            return
        if self.alone and changing and not refuse:
            return
        if process in self.held:
            op = self.history.ask(process, "logoff", session=1)
            self.under_way[process] = [op, "release", None]
        else:
            op = self.history.ask(process, "connect", session=1, share="docs")
            self.under_way[process] = [op, "refuse" if refuse else "take", None]

    def effect(self, process: str, op: int, intention: str) -> str:
        if intention == "release":
            self.history.took[process] = self.held.pop(process)
            return "release"
        full = len(self.held) >= self.limit
        if self.errs and self.random.random() < 0.4:
            full = not full
        if full == (intention == "refuse"):
            if not full:
                self.held[process] = op
            return intention
        return "neither"

    def answer(self, process: str, op: int, _: str, effect: str) -> None:
        if effect == "take":
            self.history.answer(op, "take", op, connection=1)
        elif effect == "release":
            self.history.answer(op, "release", self.history.took[process], residue=0)
        elif effect == "refuse":
            self.history.answer(op, "refuse", op, "fail", status="STATUS_REQUEST_NOT_ACCEPTED")
        else:
            self.history.answer(op, "take", op, "fail", status="STATUS_BAD_NETWORK_NAME")
            del self.history.calls[op]


USERS = [f"h1/u{number}#1" for number in range(4)]


def some_slots(seed: int, *, refusals: bool, alone: bool) -> tuple[History, int]:
    made = Slots(seed, refusals=refusals, alone=alone)
    made.run()
    return made.history, made.limit


SLOTS = ("holders_within_limit", "no_spurious_refusal")


@pytest.mark.parametrize(("refusals", "alone"), [(False, False), (True, True)])
def test_slots_are_judged_as_by_search(refusals, alone):
    """Without refusals, or with no two changes at once, what is sure decides alone."""
    outcomes: Counter[bool] = Counter()
    for seed in range(2500):
        history, limit = some_slots(seed, refusals=refusals, alone=alone)

        expected = slots(history.calls.values(), limit)
        assert expected == history.passes(*SLOTS), seed
        outcomes[expected] += 1
    assert min(outcomes.values()) > 250, outcomes


def test_no_history_of_slots_is_accused_that_can_have_happened():
    """Where changes overlap and are refused beside, the checkers may miss but never accuse."""
    outcomes: Counter[tuple[bool, bool]] = Counter()
    for seed in range(2500):
        history, limit = some_slots(seed, refusals=True, alone=False)
        outcomes[slots(history.calls.values(), limit), history.passes(*SLOTS)] += 1

    assert 0 == outcomes[True, False]
    assert outcomes[True, True] > 500
    assert outcomes[False, False] > 250
    assert outcomes[False, True] < outcomes[False, False] / 10, outcomes


def test_the_reference_knows_what_cannot_be():
    stale = [Call("write", 1, 2, 7), Call("read", 3, 4, 0)]
    assert not register(stale)
    assert register([Call("write", 1, 5, 7), Call("read", 3, 4, 0)])
    assert register([Call("write", 1, inf, 7), Call("read", 3, 4, 0), Call("read", 5, 6, 7)])
    assert not register(
        [Call("write", 1, inf, 7), Call("read", 3, 4, 7), Call("read", 5, 6, 0)]
    )
    assert not slots([Call("take", 1, 2, 1), Call("take", 3, 4, 3)], 1)
    assert slots([Call("take", 1, 2, 1), Call("take", 3, 6, 3), Call("release", 4, 5, 1)], 1)
    assert not slots([Call("refuse", 1, 2, 1)], 1)
    assert slots([Call("refuse", 1, 3, 1), Call("take", 2, 4, 2)], 1)
