"""Q248371, by real processes: users who log off and on in quick succession, at a share's limit.

For each preset a share server and a redirector are started over a directory of real files.
Users, no more than the limit, log on, work on files and log off, and log on again at once; a
user who is refused comes back after a pause. The clients keep their own history, which judges
every refusal and must agree with the server's receipts.
"""

import functools
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import trio

from clients.errors import ConnectRefused, SessionError
from clients.file import File
from clients.lab.daemons import GUEST, SERVER, SHARE, Daemons, running, sample_files
from clients.lab.history import Attempt, Summary, summary, verdicts
from clients.lab.timeline import Timeline
from clients.session import Client, Session, dial
from redird.presets import PRESETS, Expects

FILES_EACH = 3
WORK_S = 5.0  # of the policy's time: how long a session works, and a refused user waits
RECALL_WAIT_S = 2.0  # a transport timeout, hence real seconds
BUDGET_S = 40.0  # for all presets together, when the time scale is left to us
OVERHEAD_S = 3.0  # of one preset: two processes start and stop
DRAIN_MARGIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Options:
    """What to reproduce; `dormant_s` is the policy's, before scaling."""

    presets: tuple[str, ...]
    limit: int
    users: int
    cycles: int
    dormant_s: float
    time_scale: float
    seed: int = 1


@dataclass(slots=True)
class Run:
    """What one preset's run gave."""

    preset: str
    summary: Summary
    ghost_slot_seconds: float
    round_trips_saved: int
    takes_others_handles: bool | None
    timeline: Timeline
    refusals: list[tuple[float, str]]
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def expects(self) -> Expects:
        """What the preset promises."""
        return PRESETS[self.preset].expects

    @property
    def ok(self) -> bool:
        """Whether the preset did what it promises, and nobody disagrees about it."""
        expects, done = self.expects, self.summary
        as_expected = done.spurious > 0 if expects.spurious_refusals else done.spurious == 0
        taken = self.takes_others_handles
        as_expected &= taken is None or taken is expects.takes_others_handles
        as_expected &= expects.takes_others_handles or not self.interrupted
        return as_expected and not done.disagreements and not done.failed

    @property
    def interrupted(self) -> int:
        """How many sessions lost a file while they worked on it."""
        return sum(one.outcome == "admitted" and one.reason != "" for one in self.attempts)

    def first_receipt(self) -> dict[str, Any] | None:
        """Return the receipt of the first refusal."""
        return next((one.receipt for one in self.attempts if one.receipt), None)

    def row(self) -> dict[str, Any]:
        """Return the figures in their documented form."""
        done = self.summary
        return {
            "logons": done.logons,
            "refused": done.refused,
            "spurious": done.spurious,
            "undecided": done.undecided,
            "slots_after_logoff": done.slots_after_logoff,
            "ghost_slot_seconds": round(self.ghost_slot_seconds, 1),
            "round_trips_saved": self.round_trips_saved,
            "takes_others_handles": self.takes_others_handles,
            "interrupted": self.interrupted,
            "failed": done.failed,
            "disagreements": done.disagreements,
            "expected": self.expects.words(),
            "ok": self.ok,
        }


def default_time_scale(presets: int, cycles: int, dormant_s: float) -> float:
    """Return the scale with which the whole command takes less than a minute."""
    policy_s = cycles * WORK_S + dormant_s + 2 * max(dormant_s / 6, 1.0)
    each_s = max(BUDGET_S / presets - OVERHEAD_S, 1.0)
    return min(1.0, float(f"{each_s / policy_s:.2g}"))


async def reproduce(
    options: Options, logs: Path, on_attempt: Callable[[str], None]
) -> list[Run]:
    """Run every preset in turn; `on_attempt(preset)` is called after each attempt."""
    return [
        await _run_preset(options, preset, logs, functools.partial(on_attempt, preset))
        for preset in options.presets
    ]


async def _run_preset(
    options: Options, preset: str, logs: Path, on_attempt: Callable[[], None]
) -> Run:
    chance = random.Random(f"{options.seed}/{preset}")
    folder = logs / preset
    folder.mkdir(parents=True, exist_ok=True)
    recalls = PRESETS[preset].policy.slot_recall
    async with running(
        server={
            "accounts": {name: {"guest": True} for name in (GUEST, *_names(options))},
            "recall_wait_s": RECALL_WAIT_S if recalls else 0,
        },
        redirector={
            "preset": preset,
            "time_scale": options.time_scale,
            "policy": {"dormant_age_max_s": options.dormant_s},
        },
        uses_max=options.limit,
        files=sample_files(options.users, FILES_EACH, chance),
        logs=folder,
    ) as daemons:
        return await _load(options, preset, daemons, on_attempt)


def _names(options: Options) -> list[str]:
    return [f"user{number}" for number in range(options.users)]


async def _load(
    options: Options, preset: str, daemons: Daemons, on_attempt: Callable[[], None]
) -> Run:
    began_ns, began = time.time_ns(), trio.current_time()
    attempts: list[Attempt] = []
    async with trio.open_nursery() as nursery:
        for user in range(options.users):
            nursery.start_soon(_user, options, daemons, user, attempts, on_attempt)
    status = (await daemons.redirector_view("status"))[0]
    await _wait_empty(options, daemons)
    facts = await daemons.redirector_view("facts")
    taken = await _takes_others_handles(daemons) if options.limit > 1 else None
    refused = [one for one in attempts if one.outcome == "refused"]
    judged = verdicts(attempts, refused, options.limit)
    timeline = Timeline(facts, began_ns)
    return Run(
        preset,
        summary(attempts, options.limit),
        timeline.ghost_slot_seconds(options.time_scale),
        status["round_trips_saved"],
        taken,
        timeline,
        [
            (one.connect_sent - began, verdict)
            for one, verdict in zip(refused, judged, strict=True)
        ],
        sorted(attempts, key=lambda one: one.connect_sent),
    )


async def _user(
    options: Options,
    daemons: Daemons,
    user: int,
    attempts: list[Attempt],
    on_attempt: Callable[[], None],
) -> None:
    """One user at one desk: every logon comes over a link of its own."""
    chance = random.Random(f"{options.seed}/{user}")
    for _ in range(options.cycles):
        attempt = Attempt(f"user{user}", trio.current_time())
        attempts.append(attempt)
        try:
            async with dial(daemons.redirector_unix) as client:
                await _one_logon(options, client, user, attempt, chance)
        except SessionError as error:
            attempt.outcome = "failed"
            attempt.reason = str(error)
        on_attempt()


async def _one_logon(
    options: Options, client: Client, user: int, attempt: Attempt, chance: random.Random
) -> None:
    session = await client.logon(attempt.user)
    attempt.connect_sent = trio.current_time()
    try:
        await session.connect(SERVER, SHARE)
    except ConnectRefused as refused:
        attempt.connect_answered = trio.current_time()
        attempt.outcome = "refused"
        attempt.receipt = await client.receipt(refused.receipt, SERVER)
        await session.logoff()
        await trio.sleep(WORK_S * options.time_scale)
        return
    attempt.connect_answered = trio.current_time()
    attempt.outcome = "admitted"
    try:
        await _work(session, user, WORK_S * options.time_scale, chance)
    except SessionError as error:  # under sp3 and w2k another's logoff takes files away
        attempt.reason = str(error)
    attempt.logoff_sent = trio.current_time()
    proof = await session.logoff()
    attempt.logoff_answered = trio.current_time()
    attempt.uses_read = sum(share.uses_after for share in proof.shares)


async def _work(session: Session, user: int, seconds: float, chance: random.Random) -> None:
    """Open, read, write and close files until the time is over, the last at its end."""
    done_at = trio.current_time() + seconds
    for turn in range(2):
        for number in range(FILES_EACH):
            name = rf"\\{SERVER}\{SHARE}\user{user}-{number}.txt"
            async with session.open(name, "r+b") as file:
                content = await file.read()
                await file.seek(chance.randrange(len(content)))
                await file.write(f"turn {turn}".encode())
        async with session.open(rf"\\{SERVER}\{SHARE}\all.txt", "rb") as shared:
            await shared.read()
        if turn == 0:
            await trio.sleep_until(done_at)


async def _wait_empty(options: Options, daemons: Daemons) -> None:
    """Wait until the dormant files are closed and every slot is back."""
    policy_s = options.dormant_s * options.time_scale * 1.5 + DRAIN_MARGIN_S
    with trio.move_on_after(policy_s):
        while await daemons.server_view("connections"):  # noqa: ASYNC110 - in another process
            await trio.sleep(0.05)


async def _takes_others_handles(daemons: Daemons) -> bool:
    """Two users read one file; the first logs off: does the second lose it?"""
    name = rf"\\{SERVER}\{SHARE}\all.txt"
    async with dial(daemons.redirector_unix) as client:
        first, second = await client.logon(GUEST), await client.logon(GUEST)
        async with first.open(name, "rb"), second.open(name, "rb") as file:
            await first.logoff()
            taken = not await _is_readable(file)
            await second.logoff()
            return taken


async def _is_readable(file: File) -> bool:
    try:
        await file.read()
    except SessionError:
        return False
    return True


def as_json(runs: list[Run]) -> dict[str, Any]:
    """Return the documented object."""
    return {
        "presets": {run.preset: run.row() for run in runs},
        "ok": all(run.ok for run in runs),
    }


def details(options: Options, runs: list[Run]) -> Mapping[str, Any]:
    """Return everything for `results.json`: the object, the options and the history."""
    return {
        **as_json(runs),
        "options": asdict(options),
        "history": {run.preset: [asdict(one) for one in run.attempts] for run in runs},
    }
