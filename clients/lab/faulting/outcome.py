"""What came of a run, as the documented JSON object and as sentences."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clients.faults.kinds import ALL
from clients.lab.checking.history import read
from clients.lab.checking.judging import Judged, judge
from clients.lab.checking.verdict import PASS
from clients.lab.faulting.run import Run
from clients.lab.faulting.seen import Seen, seen_in

TRIES = 10  # of a sort of operation: if none succeeds, the run proves nothing


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run and what was made of its history."""

    run: Run
    judged: Judged
    seen: Seen

    @property
    def found(self) -> list[str]:
        """What is wrong beside the checkers' verdicts."""
        never = [f"{name} never came about" for name in self.asked_in_vain]
        cut = [] if self.run.whole else ["the run was cut short"]
        never += [
            f"{f} never succeeded (tried {sum(counts.values())} times): this proves nothing"
            for f, counts in self.seen.outcomes.items()
            if not counts["ok"] and sum(counts.values()) >= TRIES
        ]
        over = self.run.samples.over if self.run.samples else []
        return [*self.run.played.broken, *self.run.deaths, *over, *never, *cut]

    @property
    def asked_in_vain(self) -> list[str]:
        """Kinds asked for by name that are possible here and never once bit."""
        counts = self.run.played.counts
        asked = self.run.options.kinds if self.run.whole else ()
        fired = {name for name, one in counts.items() if one.fired}
        return [name for name in asked if name not in fired | set(self.run.skipped)]

    @property
    def failed(self) -> list[str]:
        """The checkers that failed."""
        return self.judged.failed()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.found and not self.failed

    @property
    def sentence(self) -> str:
        """What happened, in a line."""
        counts = self.run.played.counts.values()
        fired, healed = sum(one.fired for one in counts), sum(one.healed for one in counts)
        kinds = sum(bool(one.fired) for one in counts)
        most = self.run.samples.most if self.run.samples else 0
        passed = sum(one.result == PASS for one in self.judged.verdicts.values())
        return (
            f"{fired} faults of {kinds} kinds fired, {healed} healed;"
            f" {self.judged.operations:,} operations, at most {most} slots in use; {passed} of"
            f" {len(self.judged.verdicts)} checkers passed, {len(self.failed)} failed;"
            f" {self.judged.lost_bytes:,} acknowledged bytes lost."
        )

    def as_json(self) -> dict[str, Any]:
        """The documented object."""
        counts = self.run.played.counts
        return {
            "ok": self.ok,
            "seed": self.run.options.seed,
            "faults": {
                name: {"fired": counts[name].fired, "healed": counts[name].healed}
                for name in sorted(counts)
            },
            "skipped": self.run.skipped,
            "checkers": {name: one.result for name, one in self.judged.verdicts.items()},
            "failed": {name: self.judged.verdicts[name].why for name in self.failed},
            "found": self.found,
            "lost_bytes": self.judged.lost_bytes,
            "operations": self.judged.operations,
            "partial": not self.run.whole,
        }


def outcome_of(run: Run, out: Path) -> Outcome:
    """Judge what a run has written; raises HistoryError."""
    history = out / "history.jsonl"
    with history.open(encoding="utf-8") as lines:
        judged = judge(read(lines))
    with history.open(encoding="utf-8") as lines:
        seen = seen_in(read(lines))
    return Outcome(run, judged, seen)


def in_life(kind: str) -> str:
    """The first line of what a kind is in life."""
    said = sys.modules[ALL[kind].__class__.__module__].__doc__ or ""
    return " ".join(said.strip().split("\n\n")[0].split())
