"""Q248371, by real processes: users who log off and on in quick succession, at a share's limit.

For each preset a share server is started over a directory of real files, and a redirector that
leads to it: here, or as part of a terminal server on a named host. Users, no more than the
limit, log on, work on files and log off, and log on again at once; a user who is refused comes
back after a pause. The clients keep their own history, which judges every refusal and must
agree with the server's receipts.
"""

import functools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from clients.lab.daemons import GUEST, address, leading_to, sample_files, share_server
from clients.lab.history import Attempt, Summary, summary, verdicts
from clients.lab.terminal.desks import (
    FILES_EACH,
    WORK_S,
    Desks,
    Seen,
    Told,
    drain_max_s,
    sit,
)
from clients.lab.terminal.hosted import Terminal, TerminalError, terminal
from clients.lab.timeline import Timeline
from deploy.hosts.host import Host, HostError
from redird.presets import PRESETS, Expects

RECALL_WAIT_S = 10.0  # real seconds, and enough for a redirector on a slow host
BUDGET_S = 40.0  # for all presets together, when the time scale is left to us
OVERHEAD_S = 3.0  # of one preset: two processes start and stop
SILENCE_MAX_S = 90.0  # of a host, beyond what the policy's times explain
HOST_MAX_S = 3600.0  # of all that one host does, beyond the same
T = TypeVar("T")
OnAttempt = Callable[[str, str], None]  # host ("" for here), preset


@dataclass(frozen=True, slots=True)
class Options:
    """What to reproduce, and on which hosts; `dormant_s` is the policy's, before scaling."""

    presets: tuple[str, ...]
    limit: int
    users: int
    cycles: int
    dormant_s: float
    time_scale: float
    seed: int = 1
    hosts: tuple[str, ...] = ()  # none: here, by this process itself

    def desks(self, preset: str) -> Desks:
        """Who sits at the desks under a preset."""
        return Desks(
            preset, self.limit, self.users, self.cycles, self.dormant_s, self.time_scale,
            self.seed,
        )  # fmt: skip


@dataclass(slots=True)
class Run:
    """What one preset's run gave, on one host."""

    preset: str
    summary: Summary
    ghost_slot_seconds: float
    round_trips_saved: int
    takes_others_handles: bool | None
    timeline: Timeline
    refusals: list[tuple[float, str]]
    attempts: list[Attempt] = field(default_factory=list)
    host: str = ""

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


@dataclass(slots=True)
class Found:
    """What all of it gave: a run of each preset on each host, but for those that were lost."""

    runs: list[Run] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)  # host: what became of it

    @property
    def ok(self) -> bool:
        """Whether every preset did what it promises, everywhere."""
        return not self.lost and all(run.ok for run in self.runs)

    def rows(self) -> dict[str, dict[str, dict[str, Any]]]:
        """The figures by host and preset; those of a lost host may be few, or none."""
        return {**{host: {} for host in self.lost}, **by_host(self.runs, Run.row)}


def default_time_scale(presets: int, cycles: int, dormant_s: float) -> float:
    """Return the scale with which the whole command takes less than a minute."""
    policy_s = cycles * WORK_S + dormant_s + 2 * max(dormant_s / 6, 1.0)
    each_s = max(BUDGET_S / presets - OVERHEAD_S, 1.0)
    return min(1.0, float(f"{each_s / policy_s:.2g}"))


class Seat(Protocol):
    """Where users sit and their redirector runs."""

    async def sit(self, desks: Desks, server: str, logs: Path, told: Told) -> Seen:
        """Let users at desks come and go, against a share server at an address of ours."""


class Here:
    """In this process, beside a redirector that logs to `logs`."""

    async def sit(self, desks: Desks, server: str, logs: Path, told: Told) -> Seen:
        """Do."""
        async with leading_to(server, desks.redirector(), logs=logs) as redirector:
            return await sit(desks, redirector, told)


@dataclass(frozen=True, slots=True)
class There:
    """At a terminal server on a host."""

    terminal: Terminal

    async def sit(self, desks: Desks, server: str, logs: Path, told: Told) -> Seen:
        """Do."""
        await self.terminal.prepare("desks", server, desks.redirector())
        policy_s = WORK_S * desks.time_scale + drain_max_s(desks)
        found = await self.terminal.go(asdict(desks), SILENCE_MAX_S + policy_s, told)
        return Seen.of(found)


async def reproduce(
    options: Options, hosts: Sequence[Host], logs: Path, on_attempt: OnAttempt
) -> Found:
    """Run every preset in turn, here or on one of the hosts after the other.

    A host that dies costs what was still to be run there. `on_attempt` is called after each
    attempt. Raises StartFailed.
    """
    found = Found()
    if not hosts:
        await _all_presets(options, Here(), "", logs, on_attempt, found.runs)
        return found
    each_s = options.cycles * options.users * WORK_S * options.time_scale
    limit_s = HOST_MAX_S + len(options.presets) * each_s
    for host in hosts:
        folder = logs / host.name
        folder.mkdir(parents=True, exist_ok=True)
        try:
            async with terminal(host, folder / "terminal.log", limit_s) as one:
                seat = There(one)
                await _all_presets(options, seat, host.name, folder, on_attempt, found.runs)
        except (HostError, TerminalError) as error:
            found.lost[host.name] = str(error)
    return found


async def _all_presets(
    options: Options,
    seat: Seat,
    host: str,
    logs: Path,
    on_attempt: OnAttempt,
    runs: list[Run],
) -> None:
    for preset in options.presets:
        told = functools.partial(on_attempt, host, preset)
        seen = await _run_preset(options.desks(preset), seat, logs, told)
        runs.append(_run(options, preset, host, seen))


async def _run_preset(desks: Desks, seat: Seat, logs: Path, told: Told) -> Seen:
    chance = random.Random(f"{desks.seed}/{desks.preset}")
    folder = logs / desks.preset
    folder.mkdir(parents=True, exist_ok=True)
    recalls = PRESETS[desks.preset].policy.slot_recall
    async with share_server(
        server={
            "accounts": {name: {"guest": True} for name in (GUEST, *desks.names())},
            "recall_wait_s": RECALL_WAIT_S if recalls else 0,
        },
        uses_max=desks.limit,
        files=sample_files(desks.users, FILES_EACH, chance),
        logs=folder,
    ) as server:
        return await seat.sit(desks, address(server.process, "tcp"), folder, told)


def _run(options: Options, preset: str, host: str, seen: Seen) -> Run:
    """Judge what was seen, by the clients' own history."""
    refused = [one for one in seen.attempts if one.outcome == "refused"]
    judged = verdicts(seen.attempts, refused, options.limit)
    timeline = Timeline(seen.facts, seen.began_ns)
    return Run(
        preset,
        summary(seen.attempts, options.limit),
        timeline.ghost_slot_seconds(options.time_scale),
        seen.round_trips_saved,
        seen.takes_others_handles,
        timeline,
        [
            (one.connect_sent - seen.began, verdict)
            for one, verdict in zip(refused, judged, strict=True)
        ],
        seen.attempts,
        host,
    )


def by_host(runs: Sequence[Run], of: Callable[[Run], T]) -> dict[str, dict[str, T]]:
    """Something of each run, by host ("" for here) and preset."""
    found: dict[str, dict[str, T]] = {}
    for run in runs:
        found.setdefault(run.host, {})[run.preset] = of(run)
    return found


def as_json(found: Found) -> dict[str, Any]:
    """Return the documented object."""
    rows = found.rows()
    if "" in rows:
        return {"presets": rows[""], "ok": found.ok}
    errors = {host: {"error": reason} for host, reason in found.lost.items()}
    hosts = {host: {"presets": rows[host], **errors.get(host, {})} for host in rows}
    return {"hosts": hosts, "ok": found.ok}


def details(options: Options, found: Found) -> Mapping[str, Any]:
    """Return everything for `results.json`: the object, the options and the history."""
    asked = {key: value for key, value in asdict(options).items() if key != "hosts" or value}
    history = by_host(found.runs, lambda run: [asdict(one) for one in run.attempts])
    return {**as_json(found), "options": asked, "history": history.get("", history)}
