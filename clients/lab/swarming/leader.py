"""Whoever leads a swarm: hands out the shards, watches, and gathers what comes back.

A signal ends a swarm early: what it found so far is kept. A second one ends it at once. A
worker that dies costs its own shard only; one that does not come back in time counts as dead.
"""

import secrets
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import trio

from clients.lab.swarming.crew import Crew, ShardLost
from clients.lab.swarming.options import Options
from clients.lab.swarming.outcome import OfHost, Outcome, by_host, outcome
from clients.lab.swarming.site import Site
from clients.lab.swarming.slots import SlotWatch
from clients.lab.swarming.watch import Watch
from clients.swarm.line import Lead, leading
from clients.swarm.worker import Shard, shard_trace

HEAD_START_S = 0.5  # for shards to be handed out before the first session is due,
HEAD_START_EACH_S = 1e-4  # and for each session that is planned before
LAST_LOOK_MAX_S = 5.0
SLACK_S = 30.0  # beyond all that a shard may take

Show = Callable[[Lead, Watch, float], Awaitable[None]]


@dataclass(slots=True)
class Load:
    """A swarm that ran."""

    outcome: Outcome
    watch: Watch
    begins_at: float
    signal: int | None = None
    hosts: dict[str, OfHost] = field(default_factory=dict)  # of each named host


@dataclass(slots=True)
class _Shards:
    """What came of the shards so far."""

    results: list[dict[str, Any]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    signal: int | None = None


async def lead_swarm(
    options: Options, crew: Crew, site: Site, line_at: str, show: Show
) -> Load:
    """Run the whole swarm against `site`; `show` is run beside it."""
    await crew.get_ready()
    token = secrets.token_hex(16)
    watch = _watch(site)
    shards = _Shards()
    async with leading(line_at, token) as lead, trio.open_nursery() as nursery:
        begins_at = time.time() + _head_start_s(options) * crew.slowness
        nursery.start_soon(watch.follow)
        nursery.start_soon(show, lead, watch, begins_at)
        nursery.start_soon(_stop_at_signal, lead, shards, nursery.cancel_scope)
        made = _shards(options, len(crew.hosts), site, begins_at, lead.address, token)
        async with trio.open_nursery() as waiting:
            for shard in made:
                waiting.start_soon(_run, crew, shard, options, shards)
        nursery.cancel_scope.cancel()
    with trio.move_on_after(LAST_LOOK_MAX_S):
        await watch.look()
    interrupted = shards.signal is not None or any(one["stopped"] for one in shards.results)
    found = outcome(shards.results, shards.lost, options.limit, interrupted)
    return Load(found, watch, begins_at, shards.signal, by_host(shards.results, crew.hosts))


def _watch(site: Site) -> Watch:
    target = site.target
    if site.server:
        return SlotWatch(site.server, target.share, site.ours)
    return Watch(target.address, target.share, site.ours)


def _head_start_s(options: Options) -> float:
    planned = len(options.trace.sessions) if options.trace else options.workload.users
    return HEAD_START_S + HEAD_START_EACH_S * planned


def _shards(
    options: Options, count: int, site: Site, begins_at: float, lead: str, token: str
) -> list[Shard]:
    return [
        Shard(
            number,
            count,
            options.seed,
            options.workload,
            None if options.trace is None else shard_trace(options.trace, number, count),
            site.target,
            options.bounds,
            begins_at,
            lead,
            token,
        )
        for number in range(count)
    ]


def shard_max_s(options: Options) -> float:
    """How long a shard may take, from its begin on; then it counts as lost."""
    bounds = options.bounds
    return options.workload.duration_s + bounds.grace_s + bounds.ending_max_s + SLACK_S


async def _run(crew: Crew, shard: Shard, options: Options, shards: _Shards) -> None:
    all_s = shard_max_s(options)
    with trio.move_on_after(all_s):
        try:
            shards.results.append(await crew.work(shard))
        except ShardLost as error:
            shards.lost.append(f"shard {shard.number}: {error}")
        return
    shards.lost.append(f"shard {shard.number} did not come back in {all_s:.0f} s")


async def _stop_at_signal(lead: Lead, shards: _Shards, scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        shards.signal = await anext(signals)
        await lead.stop()
        await anext(signals)
        scope.cancel()
