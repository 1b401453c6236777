"""A trace on a stage: the daemons' own code in this process, in virtual time.

    played = play(trace, Setting("sp5", limit=10), seed=1, write=file.write)

The same trace, setting and seed give the same run, and the same events byte for byte.
"""

import functools
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import structlog
import trio

from clients.lab.compare.events import EventLog
from clients.lab.compare.logons import Played, changes_of
from clients.lab.compare.play import Players, Way, user_name
from clients.lab.compare.visiting import FILE_BYTES, file_name
from clients.lab.staging import virtual
from clients.lab.staging.stage import SERVER, Stage, stage
from clients.lab.timeline import Timeline
from clients.session import Client
from clients.swarm.trace import Trace
from redird.config import Config as RedirectorConfig
from redird.presets import PRESETS
from shareserver.config import AccountConfig, ShareConfig
from shareserver.config import Config as ServerConfig
from shareserver.store import StoreFile

SHARE = "docs"
RECALL_WAIT_S = 2.0
ECHO_S, SILENCE_MAX_S = 600.0, 2000.0  # nobody falls silent on a stage
SESSIONS_MAX = 10_000_000


@dataclass(frozen=True, slots=True)
class Setting:
    """Under what a trace is played; without `dormant_s` the preset's own age holds.

    `wired`: redirector and server talk over memory streams, as they must for a `delay_s`; else
    what one asks the other are calls, which takes half the time.
    """

    preset: str
    limit: int
    dormant_s: float | None = None
    hold_s: float = 0.0
    delay_s: float = 0.0  # between redirector and server, one way
    wired: bool = False


def play(
    trace: Trace,
    setting: Setting,
    *,
    seed: int = 0,
    write: Callable[[str], object] | None = None,
    on_attempt: Callable[[], None] = lambda: None,
) -> Played:
    """Play a trace; `write` gets each event's line."""
    with quietly():
        return virtual.run(play_on_stage, trace, setting, seed, write, on_attempt, seed=seed)


async def play_on_stage(
    trace: Trace,
    setting: Setting,
    seed: int,
    write: Callable[[str], object] | None,
    on_attempt: Callable[[], None],
) -> Played:
    """Play a trace in the run that there is."""
    began, spent_from = trio.current_time(), time.perf_counter()
    facts: list[dict[str, Any]] = []
    swift = not setting.wired and setting.delay_s == 0
    log = EventLog(lambda: trio.current_time() - began, write)
    async with stage(
        _server(trace, setting), _redirector(setting), seed=seed, swift=swift
    ) as opened:
        state = opened.redirector.state
        opened.redirector.delay_s = setting.delay_s
        _listen(opened, log, facts)
        _make_files(opened, files_of(trace))
        way = Way(_door(opened), SERVER, SHARE, setting.hold_s)
        players = Players(way, seed, log, on_attempt)
        start_ns = opened.wall_now()
        await players.play(trace)
        simulated_s = trio.current_time() - began
        await opened.wait_left()
        found = state.statistics()
        return Played(
            setting.preset,
            setting.limit,
            players.logons,
            changes_of(facts, start_ns),
            Timeline(facts, start_ns, opened.wall_now()),
            found["creates_avoided"],
            found["round_trips_saved"],
            found["requests_sent"],
            simulated_s,
            time.perf_counter() - spent_from,
            timed=setting.delay_s > 0,
        )


def files_of(trace: Trace) -> list[int]:
    """Which files a trace visits."""
    return sorted({visit.file for planned in trace.sessions for visit in planned.visits})


def users_of(trace: Trace) -> list[str]:
    """Who logs on in a trace."""
    return [user_name(user) for user in sorted({one.user for one in trace.sessions})]


def policy_of(setting: Setting) -> dict[str, float]:
    """What the setting changes of its preset."""
    return {} if setting.dormant_s is None else {"dormant_age_max_s": setting.dormant_s}


def _server(trace: Trace, setting: Setting) -> ServerConfig:
    recalls = PRESETS[setting.preset].policy.slot_recall
    return ServerConfig(
        shares={SHARE: ShareConfig("/", setting.limit)},
        accounts={user: AccountConfig(guest=True) for user in users_of(trace)},
        sessions_max=SESSIONS_MAX,
        echo_s=ECHO_S,
        peer_silence_max_s=SILENCE_MAX_S,
        recall_wait_s=RECALL_WAIT_S if recalls else 0.0,
    )


def _redirector(setting: Setting) -> RedirectorConfig:
    return RedirectorConfig(
        preset=setting.preset,
        policy=dict(policy_of(setting)),
        sessions_max=SESSIONS_MAX,
        echo_s=ECHO_S,
        peer_silence_max_s=SILENCE_MAX_S,
        server_silence_max_s=SILENCE_MAX_S,
    )


def _listen(opened: Stage, log: EventLog, facts: list[dict[str, Any]]) -> None:
    def heard(fact: dict[str, Any]) -> None:
        facts.append(fact)
        log.fact("redirector", fact)

    opened.redirector.state.facts.on_fact = heard
    opened.server.ledger.on_fact = functools.partial(log.fact, "server")


def _make_files(opened: Stage, files: Iterable[int]) -> None:
    store = opened.server.stores[SHARE]
    for file in files:
        made: StoreFile = store.open(
            file_name(file), writable=True, create="must", directory=False
        )[0]
        made.write(0, bytes(FILE_BYTES))
        made.close()


def _door(opened: Stage) -> Callable[[], AbstractAsyncContextManager[Client]]:
    """One client for everybody: its requests are calls, there is no link to be lost."""
    client = opened.local_client()
    return lambda: nullcontext(client)


@contextmanager
def quietly() -> Iterator[None]:
    """Let the daemons log errors only: thousands of sessions would fill the terminal."""
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield
    finally:
        structlog.configure(wrapper_class=before)
