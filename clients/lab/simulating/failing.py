"""What is made of a trial that failed: shrunk, told, and saved to be run again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clients.faults import kinds
from clients.lab.simulating.carding import card_of
from clients.lab.simulating.playing import Shown, play
from clients.lab.simulating.seeds import Seed
from clients.lab.simulating.shrinking import Shrinker
from clients.lab.simulating.telling import story
from clients.lab.simulating.trial import Trial, of_seed
from clients.lab.simulating.watching import Failure
from clients.swarm.executors import Workers, wait_done

REPLAYS_MAX = 300
SHRUNK_MAX = 5  # of one search, each by another checker
END_NS = 2**62


@dataclass(frozen=True, slots=True)
class Told:
    """What one trial showed, told."""

    seed: int
    failure: Failure | None
    story: tuple[str, ...]

    def row(self) -> dict[str, Any]:
        """As one object."""
        found = self.failure
        row = None if found is None else {"checker": found.checker, "why": found.why}
        return {"seed": self.seed, "failure": row, "story": list(self.story)}


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A smaller trial that fails by the same checker, its story, and what it took.

    `card`: it as a scenario card that fails too; empty if a card cannot say it, and `why_not`.
    """

    seed: int
    trial: Trial
    failure: Failure
    story: tuple[str, ...]
    history: tuple[str, ...]
    replays: int
    card: str = ""
    why_not: str = ""

    @property
    def operations(self) -> int:
        """How many things happen in it."""
        return self.trial.size

    @property
    def heading(self) -> str:
        """What failed, and how small it is."""
        size = f"{self.operations} operations, {self.trial.knobs.preset}"
        return f"{self.failure.checker}: {self.failure.why} ({size})"


def told_of(trial: Trial) -> Told:
    """Play a trial and tell it."""
    shown = play(trial, kinds.ALL)
    return Told(trial.seed, shown.failure, _story(shown))


def _story(shown: Shown) -> tuple[str, ...]:
    until_ns = shown.failure.at_ns if shown.failure is not None else 0
    return tuple(story(shown.lines, until_ns or END_NS))


async def shrink_all(
    failed: Sequence[Seed], workers: Workers, replays_max: int
) -> list[Shrunk]:
    """Shrink the first that failed by each checker."""
    firsts: dict[str, Seed] = {}
    for one in sorted(failed, key=lambda one: one.seed):
        assert one.failure is not None
        firsts.setdefault(one.failure.checker, one)
    found = []
    for one in list(firsts.values())[:SHRUNK_MAX]:
        future = workers.submit(shrink_seed, one.seed, replays_max)
        await wait_done(future)
        shrunk = future.result()
        found += [shrunk] if shrunk is not None else []
    return found


def shrink_seed(seed: int, replays_max: int) -> Shrunk | None:
    """Shrink the trial of a seed; None if it does not fail."""
    return shrink(of_seed(seed, kinds.ALL), replays_max)


def shrink(trial: Trial, replays_max: int) -> Shrunk | None:
    """Shrink a trial that fails; None if it does not."""
    best = play(trial, kinds.ALL)
    if best.failure is None:
        return None
    checker = best.failure.checker

    def fails(candidate: Trial) -> bool:
        nonlocal best
        found = play(candidate, kinds.ALL)
        if found.failure is None or found.failure.checker != checker:
            return False
        best = found
        return True

    shrinker = Shrinker(trial, fails, replays_max)
    smallest = shrinker.shrink()
    failure, history = best.failure, tuple(best.lines)
    assert failure is not None
    card, why_not = card_of(smallest, failure, history)
    return Shrunk(
        trial.seed, smallest, failure, _story(best), history, shrinker.replays, card, why_not
    )


def save(found: Shrunk, folder: Path) -> list[Path]:
    """Write the trial, its story, its history, and the card if there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"seed-{found.seed}"
    texts = {
        f"{stem}.json": json.dumps(found.trial.to_json(), indent=1),
        f"{stem}.txt": "\n".join((found.heading, found.why_not, *found.story)),
        f"{stem}.jsonl": "\n".join(found.history),
    }
    if found.card:
        texts[f"{stem}.toml"] = found.card.rstrip("\n")
    for name, text in texts.items():
        (folder / name).write_text(text + "\n")
    return [folder / name for name in texts]
