"""A shrunk trial as a scenario card, where the language of cards can say it.

The history says when who asked what, and whether others asked meanwhile. Every outcome is
expected as it was, but for what the trial failed by: a card that then fails by nothing else
tells the same story, and is kept.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from clients.lab.cards import card as cards
from clients.lab.cards import vocabulary, world, writing
from clients.lab.cards.card import DEFAULT, Card
from clients.lab.cards.outcome import SUCCESS, differences
from clients.lab.cards.playing import play
from clients.lab.cards.vocabulary import CardError, Step
from clients.lab.checking.history import BLOCK_BYTES
from clients.lab.simulating import world as trials
from clients.lab.simulating.trial import Trial
from clients.lab.simulating.watching import Failure

QUIET_S = 150.0
SAYS = {
    "logon": "logon",
    "connect": "connect",
    "disconnect": "disconnect",
    "logoff": "logoff",
    "close": "close",
    "read": "get",
    "write": "put",
    "fsync": "fsync",
    "stat": "stat",
    "rename": "replace",
    "unlink": "delete",
}


_OF_SERVER = ("recall_wait_s", "lease_break_wait_s", "journal")
_OF_REDIRECTOR = (
    "link_per_session",
    "cache_max_bytes",
    "write_behind_max_bytes",
    "write_behind_max_s",
    "logoff_max_s",
)


class Unsaid(Exception):
    """There are no words for it in a card; says for what."""


@dataclass(slots=True)
class _Op:
    """One operation of the history. `ends_ns` is when it was answered."""

    asked: dict[str, Any]
    at_ns: int
    ends_ns: int = 2**62
    outcome: dict[str, Any] = field(default_factory=dict)


def card_of(trial: Trial, failure: Failure, lines: Sequence[str]) -> tuple[str, str]:
    """Return a card that fails as the trial does, or why there is none."""
    try:
        made = _card(trial, failure, list(_operations(lines)))
        cards.require_sense(made)
        world.check(made, made.name)
    except (Unsaid, CardError) as no:
        return "", f"no card: {no}"
    broken = differences(made, play(made, trial.knobs.preset, trial.seed))
    if not broken:
        return "", "no card: played as one it does not fail"
    allowed = ("inside", "slots_left", "files_left", "right_", "the stage", "a daemon")
    if strange := [one for one in broken if not one.startswith(allowed)]:
        return "", f"no card: played as one it goes another way ({strange[0]})"
    return writing.render(made), ""


def _operations(lines: Sequence[str]) -> Iterator[_Op]:
    ops: dict[int, _Op] = {}
    for event in map(json.loads, lines[1:]):
        if event["type"] == "invoke":
            ops[event["op"]] = _Op(event, event["at_ns"])
        elif event["type"] in ("ok", "fail", "unknown"):
            ops[event["op"]].ends_ns, ops[event["op"]].outcome = event["at_ns"], event
    yield from sorted(ops.values(), key=lambda op: op.at_ns)


def _card(trial: Trial, failure: Failure, ops: list[_Op]) -> Card:
    if trial.faults:
        names = ", ".join(sorted({one.kind for one in trial.faults}))
        raise Unsaid(f"its faults ({names}) have no words")
    settings: dict[str, Any] = _settings(trial)
    steps = _Steps(failure, ops)
    made = [*steps.all(), *_ending()]
    expected = steps.expected | {"inside": "nothing", "slots_left": "0", "files_left": "0"}
    return Card(
        name=f"seed-{trial.seed}",
        title=f"Seed {trial.seed}: {failure.checker}",
        sources=(f"redlab simulate --seed {trial.seed}",),
        story=f"Found by {failure.checker}: {failure.why}.".replace("\\", "/"),
        steps=tuple(made),
        expected={DEFAULT: expected},
        presets=(trial.knobs.preset,),
        hosts=trial.knobs.hosts,
        **settings,
    )


def _settings(trial: Trial) -> dict[str, dict[str, Any]]:
    """What the trial's daemons were told that cards do not tell theirs."""
    knobs = trial.knobs
    server = trials.server(knobs, [])
    redirector = trials.redirector(knobs, "host1")
    told = {
        "server": _differing(server, _OF_SERVER),
        "redirector": _differing(redirector, _OF_REDIRECTOR),
    }
    if knobs.delay_s or knobs.jitter_s:
        raise Unsaid("its links are slow from the beginning")
    return told | {"share": {"uses_max": knobs.uses_max}, "policy": dict(redirector.policy)}


def _differing(config: Any, names: tuple[str, ...]) -> dict[str, Any]:
    usual = type(config)()
    known = {one.name for one in fields(config)} & set(names)
    return {
        name: getattr(config, name)
        for name in sorted(known)
        if getattr(config, name) != getattr(usual, name)
    }


def _ending() -> Iterator[Step]:
    yield vocabulary.make("join", {})
    yield vocabulary.make("inside", {}, label="inside")
    yield vocabulary.make("wait", {"seconds": f"{QUIET_S:g}"})
    yield vocabulary.make("slots", {}, label="slots_left")
    yield vocabulary.make("handles", {}, label="files_left")


class _Steps:
    """Operations as steps, and what is expected of them."""

    def __init__(self, failure: Failure, ops: list[_Op]) -> None:
        self._failure, self._ops = failure, ops
        self.expected: dict[str, str] = {}
        self._blocks: dict[tuple[str, int], _Op] = {}

    def all(self) -> Iterator[Step]:
        """Make the steps, with the pauses between them."""
        now_ns = 0
        for number, op in enumerate(self._ops):
            if op.at_ns > now_ns:
                seconds = f"{(op.at_ns - now_ns) / 1e9:.6f}".rstrip("0").rstrip(".")
                yield vocabulary.make("wait", {"seconds": seconds})
                now_ns = op.at_ns
            later = self._ops[number + 1].at_ns if number + 1 < len(self._ops) else 2**62
            yield self._step(number, op, meanwhile=op.ends_ns > max(later, now_ns))
            if op.ends_ns <= later:
                now_ns = max(now_ns, op.ends_ns)

    def _step(self, number: int, op: _Op, *, meanwhile: bool) -> Step:
        f = op.asked["f"]
        verb = self._opens(op) if f == "open" else SAYS.get(f, "")
        if not verb:
            raise Unsaid(f"{f} has no words")
        label = self._expect(number, op)
        return vocabulary.make(verb, self._words(verb, op), label=label, meanwhile=meanwhile)

    @staticmethod
    def _opens(op: _Op) -> str:
        return "alone" if op.asked.get("exclusive") else "open"

    def _words(self, verb: str, op: _Op) -> dict[str, str]:
        host, _, user = op.asked["process"].partition("#")[0].partition("/")
        if verb == "logon":
            return {"newcomer": f"{user}@{host}"}
        words = {"user": user}
        if verb in ("open", "alone"):
            handle = op.outcome.get("handle", 0)
            purpose = "writing" if op.asked["access"] == "rw" else "reading or making"
            return words | {
                "path": op.asked["path"],
                "purpose": purpose,
                "file": f"H{handle}" if handle else f"X{op.asked['op']}",
            }
        if verb in ("close", "get", "put", "fsync"):
            words["file"] = f"H{op.asked['handle']}"
        if verb in ("get", "put"):
            words["block"] = str(op.asked["offset"] // BLOCK_BYTES)
        if verb == "put":
            words["value"] = str(op.asked["value"])
        if verb in ("stat", "replace", "delete"):
            words["path"] = op.asked["path"]
        if verb == "replace":
            words["target"] = op.asked["target"]
        return words

    # --- what is expected ---

    def _expect(self, number: int, op: _Op) -> str:
        """Name an outcome that is not plain success, and say what it ought to be."""
        if op.asked["f"] == "write" and op.outcome.get("type") == "ok":
            self._blocks[op.asked["path"], op.asked["offset"]] = op
        if op.asked["f"] == "read":
            return self._expect_value(number, op)
        if op.outcome.get("type") == "ok":
            return ""
        if op.outcome.get("type") != "fail":
            raise Unsaid("an operation that was never answered")
        if self._is_what_failed(op):
            self.expected[f"right_{number}"] = SUCCESS
            return f"right_{number}"
        status = op.outcome["status"]
        full = status == "STATUS_REQUEST_NOT_ACCEPTED"
        self.expected[f"step_{number}"] = f"{status} genuine" if full else status
        return f"step_{number}"

    def _is_what_failed(self, op: _Op) -> bool:
        near = abs(op.ends_ns - self._failure.at_ns) < 1e9
        return near and "refus" in self._failure.checker + self._failure.why

    def _expect_value(self, number: int, op: _Op) -> str:
        if op.outcome.get("type") != "ok":
            raise Unsaid("a read that was refused")
        written = self._blocks.get((op.asked["path"], op.asked["offset"]))
        value = written.asked["value"] if written is not None else 0
        self.expected[f"right_{number}"] = f"{SUCCESS} {value}"
        return f"right_{number}"
