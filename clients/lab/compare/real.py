"""A trace by real processes: a share server and a redirector, every logon over its own link."""

import math
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import trio

from clients.lab.compare.events import EventLog
from clients.lab.compare.logons import Played, changes_of
from clients.lab.compare.play import Players, Way
from clients.lab.compare.virtual import RECALL_WAIT_S, Setting, files_of, policy_of, users_of
from clients.lab.compare.visiting import FILE_BYTES, file_name
from clients.lab.daemons import SERVER, SHARE, Daemons, running
from clients.lab.timeline import Timeline
from clients.session import Client, dial
from clients.swarm.trace import Trace
from redird.presets import PRESETS

DRAIN_MARGIN_S = 2.0
LOOK_S = 0.05


async def play_for_real(
    trace: Trace,
    setting: Setting,
    time_scale: float,
    seed: int,
    logs: Path,
    write: Callable[[str], object] | None,
    on_attempt: Callable[[], None],
) -> Played:
    """Start both daemons, play a trace, wait until nothing is held. Raises StartFailed.

    What the daemons log is written to the folder `logs`.
    """
    recalls = PRESETS[setting.preset].policy.slot_recall
    async with running(
        server={
            "accounts": {user: {"guest": True} for user in users_of(trace)},
            "recall_wait_s": RECALL_WAIT_S if recalls else 0,
        },
        redirector={
            "preset": setting.preset,
            "time_scale": time_scale,
            "policy": policy_of(setting),
        },
        uses_max=setting.limit,
        files={file_name(file): bytes(FILE_BYTES) for file in files_of(trace)},
        logs=logs,
    ) as daemons:
        return await _play(trace, setting, time_scale, seed, daemons, write, on_attempt)


async def _play(
    trace: Trace,
    setting: Setting,
    time_scale: float,
    seed: int,
    daemons: Daemons,
    write: Callable[[str], object] | None,
    on_attempt: Callable[[], None],
) -> Played:
    def door() -> AbstractAsyncContextManager[Client]:
        return dial(daemons.redirector_unix)

    began, began_ns = trio.current_time(), time.time_ns()
    log = EventLog(lambda: (trio.current_time() - began) / time_scale, write)
    way = Way(door, SERVER, SHARE, setting.hold_s, time_scale)
    players = Players(way, seed, log, on_attempt)
    await players.play(trace)
    spent_s = trio.current_time() - began
    await _wait_empty(setting, time_scale, daemons)
    ended_ns = time.time_ns()
    facts = await daemons.redirector_view("facts")
    found = (await daemons.redirector_view("status"))[0]
    return Played(
        setting.preset,
        setting.limit,
        players.logons,
        changes_of(facts, began_ns, time_scale),
        Timeline(facts, began_ns, ended_ns),
        found["creates_avoided"],
        found["round_trips_saved"],
        found["requests_sent"],
        spent_s / time_scale,
        spent_s,
        time_scale=time_scale,
    )


async def _wait_empty(setting: Setting, time_scale: float, daemons: Daemons) -> None:
    """Wait until the dormant files are closed and every slot is back."""
    policy = PRESETS[setting.preset].policy
    age_s = policy.dormant_age_max_s if setting.dormant_s is None else setting.dormant_s
    policy_s = age_s + 2 * policy.scavenger_tick_s
    with trio.move_on_after(math.ceil(policy_s * time_scale + DRAIN_MARGIN_S)):
        while await daemons.server_view("connections"):  # noqa: ASYNC110 - in another process
            await trio.sleep(LOOK_S)
