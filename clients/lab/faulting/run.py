"""One run: daemons, users, faults; then all is healed, time passes, and what is left is written
down.

The history is written as it happens, so that a run that is cut short leaves what it saw.
"""

import functools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import IO, Any

import trio

from clients import session
from clients.faults import kinds
from clients.faults.injecting import SERVER
from clients.faults.playing import Played, play, possible
from clients.faults.schedule import Planned
from clients.lab.checking.history import in_order
from clients.lab.checking.recorder import Recorder
from clients.lab.daemons import SERVER as FILES
from clients.lab.daemons import SHARE
from clients.lab.exercising.actors import Place, act
from clients.lab.exercising.plans import Plan, plan
from clients.lab.faulting.ending import wait_quiet, write_disk, write_facts
from clients.lab.faulting.field import RealField, real_field
from clients.lab.faulting.journal import Journal
from clients.lab.faulting.options import ANSWER_MAX_S, Options
from clients.lab.faulting.sampling import Samples

AGAIN_MAX = 3  # times that a kind which had nothing to bite on comes again
AFTER_MAX_S = 15.0  # for users to come to their end, after the last fault


@dataclass(slots=True)
class Run:
    """What there is to be seen of a run, while it lasts and after it."""

    options: Options
    began_wall_ns: int = 0
    phase: str = "starting"
    schedule: tuple[Planned, ...] = ()
    skipped: dict[str, str] = field(default_factory=dict)
    played: Played = field(default_factory=Played)
    now: dict[int, str] = field(default_factory=dict)  # under way: fault number, its kind
    operations: int = 0
    samples: Samples | None = None
    deaths: list[str] = field(default_factory=list)
    left: dict[str, dict[str, int]] = field(default_factory=dict)
    whole: bool = False  # it came to its end


Show = Callable[[Run], Awaitable[None]]


async def run_faults(run: Run, out: Path, show: Show) -> None:
    """Run into the folder `out`; `show` is run beside it. Raises StartFailed, ScheduleError."""
    began, run.began_wall_ns = time.monotonic_ns(), time.time_ns()
    with (
        (out / "history.jsonl").open("w", encoding="utf-8") as history,
        Journal(out / "journal.jsonl") as journal,
        TemporaryDirectory(prefix="redlab-") as folder,
    ):
        recorder = Recorder(lambda: time.monotonic_ns() - began, _writer(history, run))
        run.samples = Samples(run.options.limit, began)
        recorder.setting(run.options.seed, **run.options.setting)
        told = functools.partial(_told, recorder)
        try:
            async with (
                real_field(run.options.layout, Path(folder), journal.note, told) as place,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(show, run)
                nursery.start_soon(run.samples.follow, place.programs[SERVER])
                await _run(run, place, recorder)
                nursery.cancel_scope.cancel()
        finally:
            _keep_logs(Path(folder), out)
    _put_in_order(out / "history.jsonl")


def _put_in_order(history: Path) -> None:
    """Facts were written after what they tell of."""
    lines = history.read_text(encoding="utf-8").splitlines()
    history.write_text("".join(f"{line}\n" for line in in_order(lines)), encoding="utf-8")


def _writer(history: IO[str], run: Run) -> Callable[[str], object]:
    def write(line: str) -> None:
        history.write(line + "\n")
        run.operations += '"type":"invoke"' in line

    return write


def _told(recorder: Recorder, program: str, event: str, epoch: int) -> None:
    if program == SERVER:
        recorder.server(event, epoch)
    else:
        recorder.program(program, event, epoch)


async def _run(run: Run, place: RealField, recorder: Recorder) -> None:
    asked = {name: kinds.ALL[name] for name in run.options.kinds} or kinds.ALL
    there, run.skipped = possible(asked, place)
    run.schedule = run.options.schedule(there)
    run.phase = "faults"
    work = plan(Random(f"users {run.options.seed}"), run.options.knobs)
    try:
        async with trio.open_nursery() as nursery:
            users = trio.CancelScope()
            nursery.start_soon(_exercise, users, work, place, recorder)
            began = trio.current_time()
            await _play(run, place, recorder)
            run.phase = "healed"
            await place.heal()
            ends_at = max(trio.current_time(), began + run.options.duration_s)
            users.deadline = ends_at + AFTER_MAX_S
        run.phase = "quiet"
        run.left = await wait_quiet(place, recorder)
        write_disk(place.share_folder, recorder)
        await write_facts(place, recorder, run.began_wall_ns)
        run.whole = True
    finally:
        run.deaths = [line for one in place.programs.values() for line in one.deaths]


async def _play(run: Run, place: RealField, recorder: Recorder) -> None:
    """Play the schedule, and those kinds again that were asked for and had nothing to bite."""
    numbers: dict[Planned, int] = {}

    def tell(planned: Planned, target: str, event: str) -> None:
        number = numbers.setdefault(planned, len(numbers) + 1)
        recorder.fault(planned.kind, target, event, number)
        if event == "fired":
            run.now[number] = planned.kind
        else:
            run.now.pop(number, None)

    await play(run.schedule, kinds.ALL, place, tell, run.played)
    for attempt in range(AGAIN_MAX):
        if again := run.options.again(run.played, run.skipped, attempt):
            await play(again, kinds.ALL, place, tell, run.played)


async def _exercise(
    scope: trio.CancelScope, work: Plan, place: RealField, recorder: Recorder
) -> None:
    there = Place(server=FILES, share=SHARE, answer_max_s=ANSWER_MAX_S)
    with scope:
        async with trio.open_nursery() as nursery:
            for user in work.users:
                dial = functools.partial(session.dial, place.client_address(user.host))
                nursery.start_soon(act, user, there, dial, recorder)


def _keep_logs(folder: Path, out: Path) -> None:
    logs: Any = out / "logs"
    logs.mkdir(exist_ok=True)
    for log in folder.glob("*.log"):
        (logs / log.name).write_bytes(log.read_bytes())
