"""Whoever leads a swarm: hands out the shards, watches, and gathers what comes back.

A signal ends a swarm early: what it found so far is kept. A second one ends it at once. A
worker that dies costs its own shard only; one that does not come back in time counts as dead.
"""

import secrets
import signal
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import trio

from clients.lab.swarming.options import Options
from clients.lab.swarming.outcome import Outcome, outcome
from clients.lab.swarming.site import Site
from clients.lab.swarming.watch import Watch
from clients.swarm.executors import Workers, wait_done
from clients.swarm.line import Lead, leading
from clients.swarm.worker import Shard, ready, run_shard, shard_trace

HEAD_START_S = 0.5  # for shards to be handed out before the first session is due,
HEAD_START_EACH_S = 1e-4  # and for each session that is planned before
READY_MAX_S = 60.0
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


@dataclass(slots=True)
class _Shards:
    """What came of the shards so far."""

    results: list[dict[str, Any]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    signal: int | None = None


async def lead_swarm(
    options: Options, workers: Workers, site: Site, line_at: str, show: Show
) -> Load:
    """Run the whole swarm against `site`; `show` is run beside it."""
    await _get_ready(workers)
    token = secrets.token_hex(16)
    watch = Watch(site.target.address, site.target.share, site.ours)
    shards = _Shards()
    async with leading(line_at, token) as lead, trio.open_nursery() as nursery:
        begins_at = time.time() + _head_start_s(options)
        nursery.start_soon(watch.follow)
        nursery.start_soon(show, lead, watch, begins_at)
        nursery.start_soon(_stop_at_signal, lead, shards, nursery.cancel_scope)
        made = _shards(options, workers.processes, site, begins_at, lead.address, token)
        async with trio.open_nursery() as waiting:
            for shard in made:
                waiting.start_soon(_run, workers.submit(run_shard, shard), shard, shards)
        nursery.cancel_scope.cancel()
    with trio.move_on_after(LAST_LOOK_MAX_S):
        await watch.look()
    interrupted = shards.signal is not None or any(one["stopped"] for one in shards.results)
    found = outcome(shards.results, shards.lost, options.limit, interrupted)
    return Load(found, watch, begins_at, shards.signal)


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


async def _get_ready(workers: Workers) -> None:
    """Let every worker load its code before the clock starts."""
    futures = [workers.submit(ready) for _ in range(workers.processes)]
    with trio.move_on_after(READY_MAX_S):
        for future in futures:
            await wait_done(future)


async def _run(future: "Future[dict[str, Any]]", shard: Shard, shards: _Shards) -> None:
    workload, bounds = shard.workload, shard.bounds
    all_s = workload.duration_s + bounds.grace_s + bounds.ending_max_s + SLACK_S
    with trio.move_on_after(all_s):
        await wait_done(future)
    if not future.done():
        shards.lost.append(f"shard {shard.number} did not come back in {all_s:.0f} s")
    elif (error := future.exception()) is not None:
        what = str(error) or type(error).__name__
        shards.lost.append(f"shard {shard.number}: {what.splitlines()[0]}")
    else:
        shards.results.append(future.result())


async def _stop_at_signal(lead: Lead, shards: _Shards, scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        shards.signal = await anext(signals)
        await lead.stop()
        await anext(signals)
        scope.cancel()
