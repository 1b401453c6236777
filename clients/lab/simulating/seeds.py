"""Many seeds, on whatever executor: what each showed, in few words."""

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import trio

from clients.faults import kinds
from clients.lab.simulating.playing import Shown, play
from clients.lab.simulating.trial import of_seed
from clients.lab.simulating.watching import Failure
from clients.swarm.executors import Workers, wait_done

PIECE = 20  # seeds that are handed over at once


@dataclass(frozen=True, slots=True)
class Seed:
    """One seed's trial, in few words. `digest` is its history's."""

    seed: int
    preset: str
    failure: Failure | None
    sometimes: dict[str, int]
    fired: dict[str, int]
    simulated_s: float
    digest: str


@dataclass(slots=True)
class Found:
    """What a range of seeds has shown so far."""

    seeds: int = 0
    failed: list[Seed] = field(default_factory=list)
    sometimes: Counter[str] = field(default_factory=Counter)
    fired: Counter[str] = field(default_factory=Counter)
    presets: Counter[str] = field(default_factory=Counter)
    simulated_s: float = 0.0
    digests: dict[int, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """What all histories were, in few characters."""
        told = "".join(f"{seed} {digest}\n" for seed, digest in sorted(self.digests.items()))
        return blake2b(told.encode(), digest_size=16).hexdigest()

    def add(self, one: Seed) -> None:
        """One more has been played."""
        self.seeds += 1
        if one.failure is not None:
            self.failed.append(one)
        self.sometimes.update(one.sometimes)
        self.fired.update(one.fired)
        self.presets[one.preset] += 1
        self.simulated_s += one.simulated_s
        self.digests[one.seed] = one.digest


def play_one(seed: int) -> Seed:
    """Play the trial of one seed."""
    trial = of_seed(seed, kinds.ALL)
    return summary(seed, trial.knobs.preset, play(trial, kinds.ALL))


def summary(seed: int, preset: str, shown: Shown) -> Seed:
    """Say in few words what a trial has shown."""
    history = "\n".join(shown.lines).encode()
    return Seed(
        seed,
        preset,
        shown.failure,
        dict(shown.sometimes),
        shown.fired,
        shown.simulated_s,
        blake2b(history, digest_size=16).hexdigest(),
    )


def play_some(seeds: Sequence[int], first_only: bool) -> list[Seed]:
    """Play some seeds in turn, up to the first that fails if only that is wanted."""
    played = []
    for seed in seeds:
        played.append(play_one(seed))
        if first_only and played[-1].failure is not None:
            break
    return played


async def play_all(
    seeds: Sequence[int],
    workers: Workers,
    on_seed: Callable[[Seed], None],
    *,
    first_only: bool = False,
) -> None:
    """Play seeds on workers; a worker that dies ends it with what its executor raises."""
    pieces = iter(_pieces(seeds, workers.processes))
    async with trio.open_nursery() as nursery:
        for _ in range(workers.processes):
            nursery.start_soon(
                functools.partial(_work, pieces, workers, on_seed, nursery, first_only)
            )


async def _work(
    pieces: Iterator[Sequence[int]],
    workers: Workers,
    on_seed: Callable[[Seed], None],
    nursery: trio.Nursery,
    first_only: bool,
) -> None:
    for piece in pieces:
        future = workers.submit(play_some, piece, first_only)
        await wait_done(future)
        for one in future.result():
            on_seed(one)
            if first_only and one.failure is not None:
                nursery.cancel_scope.cancel()


def _pieces(seeds: Sequence[int], processes: int) -> Iterator[Sequence[int]]:
    size = max(1, min(PIECE, len(seeds) // max(1, processes)))
    for start in range(0, len(seeds), size):
        yield seeds[start : start + size]


def differing(one: Found, other: Found) -> list[int]:
    """Return the seeds whose histories differ between two runs of the same."""
    return [seed for seed, digest in one.digests.items() if other.digests.get(seed) != digest]
