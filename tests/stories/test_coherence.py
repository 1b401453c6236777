"""Nobody sees a stale byte, size or name: many users of one share, against a plain model.

Two users behind a Windows 10 redirector, two behind an NT 4.0 one and one with none do what
Hypothesis thinks of, with messages late by chance. One after the other, each must see what the
model says. All at once, there must be an order, of those that overlapping allows, in which the
model says what each saw.
"""

from collections.abc import Callable, Sequence
from itertools import count
from random import Random
from typing import Any

import trio
import trio.testing
from hypothesis import given, note, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from redird.wire import files as f
from tests.stories.actors import DELAYS_S, WAYS, Actor, company
from tests.stories.filemodel import Call, Model, Op, brief, explanation

VIRTUAL_MAX_S = 3_600.0
ATTRIBUTES = f.FILE_READ_ATTRIBUTES
READ, WRITE = ATTRIBUTES | f.FILE_READ_DATA, ATTRIBUTES | f.FILE_WRITE_DATA | f.FILE_APPEND_DATA
BOTH = READ | WRITE
ACCESSES = (*6 * (BOTH,), *4 * (READ,), WRITE, READ | f.DELETE, BOTH | f.DELETE, ATTRIBUTES)
SHARES = (*9 * (f.SHARE_ALL,), 0, f.FILE_SHARE_READ, f.FILE_SHARE_READ | f.FILE_SHARE_WRITE)
DISPOSITIONS = (
    *6 * (f.FILE_OPEN_IF,),
    *3 * (f.FILE_OPEN,),
    f.FILE_CREATE,
    f.FILE_OVERWRITE,
    f.FILE_OVERWRITE_IF,
)
FOLDERS = ("d", "e")
FILES = ("a", "a", "a", "b", "d/a")
NAMES = (*FILES, *FOLDERS, "e/b")
PAGE = 4096
OFFSETS = (0, 0, 0, 1, PAGE - 1, PAGE, 16 * PAGE - 3, 16 * PAGE)
LENGTHS = (1, 16, 100, PAGE, 5 * PAGE)
SIZES = (0, 1, 50, PAGE, PAGE + 1, 20 * PAGE)
PAUSES_S = (0.1, 1.0, 12.0, 40.0)
ON_FILES = (
    *6 * ("read",),
    *4 * ("write", "size", "close"),
    *2 * ("append", "truncate"),
    "flush",
    "doom",
)
ON_NAMES = (
    *3 * ("stat", "unlink", "sleep"),
    *2 * ("rename", "list", "mkdir"),
    "resize",
    "chmod",
    "rmdir",
    "relogon",
)


class Chooser:
    """Thinks of operations. What is written is numbered, so that it can be told apart."""

    def __init__(self) -> None:
        self._random = Random(0)
        self._last = 0

    def begin(self, seed: int, place: int) -> None:
        """What is chosen from now on follows from these two."""
        self._random = Random(seed * 1000 + place)

    def any_of(self, choices: Sequence[Any]) -> Any:
        return self._random.choice(choices)

    def yes_or_no(self) -> bool:
        return self._random.random() < 0.5

    def number(self) -> int:
        self._last += 1
        return self._last

    def data(self, length: int) -> bytes:
        tag = f"<{self.number():03}>".encode()
        return (tag * (length // len(tag) + 1))[:length]

    def on_file(self, actor: int, key: int) -> Op:
        verb = self.any_of(ON_FILES)
        arguments: dict[str, Callable[[], tuple[Any, ...]]] = {
            "read": lambda: (self.any_of(OFFSETS), self.any_of((*LENGTHS, 40 * PAGE))),
            "write": lambda: (self.any_of(OFFSETS), self.data(self.any_of(LENGTHS))),
            "append": lambda: (self.data(self.any_of(LENGTHS)),),
            "truncate": lambda: (self.any_of(SIZES),),
            "doom": lambda: (True,),
        }
        return Op(actor, verb, (key, *arguments.get(verb, tuple)()))

    def on_name(self, actor: int) -> Op:
        verb = self.any_of(ON_NAMES)
        arguments: dict[str, Callable[[], tuple[Any, ...]]] = {
            "stat": lambda: (self.any_of(NAMES),),
            "unlink": lambda: (self.any_of(FILES), self.yes_or_no()),
            "rename": lambda: (
                *(self.any_of(NAMES), self.any_of(NAMES)),
                *(self.yes_or_no(), self.yes_or_no()),
            ),
            "list": lambda: (self.any_of(("", *FOLDERS)),),
            "mkdir": lambda: (self.any_of(FOLDERS),),
            "rmdir": lambda: (self.any_of(FOLDERS),),
            "resize": lambda: (self.any_of(FILES), self.any_of(SIZES)),
            "chmod": lambda: (self.any_of(FILES), self.any_of((0o600, 0o640, 0o644))),
            "sleep": lambda: (self.any_of(PAUSES_S),),
        }
        return Op(actor, verb, arguments.get(verb, tuple)())

    def opening(self, actor: int) -> Op:
        how = (*map(self.any_of, (ACCESSES, SHARES, DISPOSITIONS)),)
        doomed = bool(how[0] & f.DELETE) and self.any_of((False, False, True))
        return Op(actor, "open", (self.number(), self.any_of(FILES), *how, doomed))


# A schedule is a list of seeds, one for each operation; a 0 is left out: it can shrink.
seeds = st.lists(st.integers(0, 2**30), min_size=50, max_size=50)


def schedule(seeds: list[int]) -> list[tuple[Op, Any]]:
    """Operations, each with what the model says that its actor must see."""
    choose, model, plan = Chooser(), Model(), []
    for place, seed in enumerate(seeds):
        if not seed:
            continue
        choose.begin(seed, place)
        kind = choose.any_of(("file", "file", "file", "open", "name"))
        actor = choose.any_of(range(len(WAYS)))
        if kind == "name":
            op = choose.on_name(actor)
        elif kind == "open" or len(model.opens) < 2:
            op = choose.opening(actor)
        else:
            key = choose.any_of(list(model.opens))
            op = choose.on_file(model.opens[key].actor, key)
        plan.append((op, model.do(op)))
    return plan


def run(play: Any, *args: Any) -> Any:
    """Run an example in virtual time; nothing may be logged that is worth a look."""

    async def in_time() -> Any:
        with trio.fail_after(VIRTUAL_MAX_S):
            return await play(*args)

    with capture_logs() as entries:
        seen = trio.run(in_time, clock=trio.testing.MockClock(autojump_threshold=0))
    assert [] == [one for one in entries if one["log_level"] not in ("debug", "info")]
    return seen


# --- one after the other ----------------------------------------------------------------------


@settings(max_examples=120)
@given(seeds, st.integers(0, 2**16))
def test_one_after_the_other_each_sees_what_the_model_says(seeds, seed):
    plan = schedule(seeds)
    for number, (op, expected) in enumerate(plan, 1):
        note(f"{number:2}. {op} -> {brief(expected)}")
    wrong = run(in_turn, plan, seed)
    assert wrong is None, wrong


async def in_turn(plan: list[tuple[Op, Any]], seed: int) -> str | None:
    async with company(seed) as (stage, actors):
        for number, (op, expected) in enumerate(plan, 1):
            seen = await actors[op.actor].do(op)
            if seen != expected:
                return f"{number}. {op}: {brief(seen)}, should be {brief(expected)}"
            stage.validate()
    return None


# --- all at once ------------------------------------------------------------------------------


def overlapping(seeds: list[int]) -> list[Op]:
    """Operations whose order is each actor's own; whether a file was opened is seen then."""
    choose, plan = Chooser(), []
    opened: list[tuple[int, int]] = []  # actors and their keys
    for place, seed in enumerate(seeds):
        if not seed:
            continue
        choose.begin(seed, place)
        kind = choose.any_of(("file", "file", "file", "open", "name"))
        if kind == "name":
            op = choose.on_name(choose.any_of(range(len(WAYS))))
        elif kind == "open" or len(opened) < 2:
            op = choose.opening(choose.any_of(range(len(WAYS))))
            opened.append((op.actor, op.args[0]))
        else:
            actor, key = choose.any_of(opened)
            op = choose.on_file(actor, key)
            if op.verb == "close":
                opened.remove((actor, key))
        plan.append(op)
    return plan


@settings(max_examples=100)
@given(seeds, st.integers(0, 2**16))
def test_all_at_once_there_is_an_order_that_explains_what_each_sees(seeds, seed):
    calls = run(at_once, overlapping(seeds), seed)
    explained = explanation(calls, Model())
    for call in [*explained, *(call for call in calls if call not in explained)]:
        note(str(call))
    assert len(calls) == len(explained), f"no order explains more than {len(explained)}"


async def at_once(plan: list[Op], seed: int) -> list[Call]:
    calls: list[Call] = []
    events = count()

    async def play(actor: Actor, ops: list[Op], random: Random) -> None:
        for op in ops:
            if actor.can(op):
                await trio.sleep(random.choice(DELAYS_S))
                calls.append(call := Call(op, next(events)))
                call.result = await actor.do(op)
                call.ended = next(events)

    async with company(seed) as (stage, actors):
        async with trio.open_nursery() as nursery:
            for number, actor in enumerate(actors):
                ops = [op for op in plan if op.actor == number]
                nursery.start_soon(play, actor, ops, Random(seed + number))
        stage.validate()
    return calls
