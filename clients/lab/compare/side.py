"""Every preset's run of one trace: in turn, or by several processes at once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from clients.lab.compare.logons import Played
from clients.lab.compare.real import play_for_real
from clients.lab.compare.virtual import Setting, play
from clients.lab.theory.running import each
from clients.swarm.executors import executor
from clients.swarm.trace import Trace

Advance = Callable[[str, int], None]  # preset, how many attempts have ended
EVERY = 100  # attempts


def in_turn(
    trace: Trace, settings: Sequence[Setting], seed: int, events: Path | None, on: Advance
) -> list[Played]:
    """Play under each setting in this process."""
    runs = []
    for setting in settings:
        with _events(events, setting) as write:
            count = _Counting(setting.preset, on)
            runs.append(play(trace, setting, seed=seed, write=write, on_attempt=count))
            count.flush()
    return runs


async def at_once(
    trace: Trace,
    settings: Sequence[Setting],
    seed: int,
    events: Path | None,
    on: Advance,
    processes: int,
    dask: str | None,
) -> list[Played | None]:
    """Play under the settings by several processes; None for what was lost with one of them.

    Raises ExecutorError.
    """

    def done(played: Played) -> None:
        on(played.preset, len(trace.sessions))

    with executor(processes, dask) as workers:
        pieces = [(trace, setting, seed, events) for setting in settings]
        return await each(workers, _play_one, pieces, done)


async def for_real(
    trace: Trace,
    settings: Sequence[Setting],
    time_scale: float,
    seed: int,
    logs: Path,
    events: Path | None,
    on: Advance,
) -> list[Played]:
    """Play under each setting by daemons as processes; raises StartFailed."""
    runs = []
    for setting in settings:
        with _events(events, setting) as write:
            count, folder = _Counting(setting.preset, on), _made(logs / setting.preset)
            runs.append(
                await play_for_real(trace, setting, time_scale, seed, folder, write, count)
            )
            count.flush()
    return runs


def _play_one(trace: Trace, setting: Setting, seed: int, events: Path | None) -> Played:
    with _events(events, setting) as write:
        return play(trace, setting, seed=seed, write=write)


@contextmanager
def _events(folder: Path | None, setting: Setting) -> Iterator[Callable[[str], object] | None]:
    if folder is None:
        yield None
        return
    with (folder / f"{setting.preset}.jsonl").open("w", encoding="utf-8") as file:
        yield file.write


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class _Counting:
    """Tells of attempts a hundred at a time: a terminal is slow."""

    def __init__(self, preset: str, on: Advance) -> None:
        self._preset = preset
        self._on = on
        self._count = 0

    def __call__(self) -> None:
        self._count += 1
        if self._count == EVERY:
            self.flush()

    def flush(self) -> None:
        self._on(self._preset, self._count)
        self._count = 0
