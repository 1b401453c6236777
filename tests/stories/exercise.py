"""A plan done on a stage with two redirectors, and the whole history of it."""

import functools
from random import Random
from typing import Any

import trio

from clients.lab.checking.recorder import Recorder
from clients.lab.exercising.actors import Place, act, by_awaiting
from clients.lab.exercising.blocks import values_of
from clients.lab.exercising.plans import Knobs, plan, user_names
from clients.lab.staging import virtual
from clients.lab.staging.stage import Stage
from clients.session import Session
from tests.playbook import at, enter_directly, play, redirector

GRACE_S = 75.0  # until nothing can be dormant any more


def history(seed: int, preset: str, knobs: Knobs, place: Place) -> list[str]:
    """Do a plan in virtual time and return the lines of its history."""
    return virtual.run(functools.partial(_story, seed, preset, knobs, place), seed=seed)


async def _story(seed: int, preset: str, knobs: Knobs, place: Place) -> list[str]:
    lines: list[str] = []
    began = trio.current_time()
    recorder = Recorder(lambda: round((trio.current_time() - began) * 1e9), lines.append)
    options: dict[str, Any] = {"recall_wait_s": 1.0} if preset == "recall" else {}
    recorder.setting(seed, preset=preset, uses_max=knobs.limit, **options)
    options["users"] = (*user_names(knobs), "reader")
    async with play(preset, knobs.limit, seed=seed, server_options=options) as s:
        await s.add_redirector(redirector(preset))
        await _exercise(s, seed, knobs, place, recorder)
        await trio.sleep(GRACE_S)
        _quiet(s, knobs, recorder)
        await _disk(s, recorder)
    return lines


async def _exercise(
    s: Stage, seed: int, knobs: Knobs, place: Place, recorder: Recorder
) -> None:
    random = Random(seed)
    hosts = dict(zip(knobs.hosts, s.redirectors, strict=True))
    s.server.ledger.on_fact = functools.partial(recorder.fact, "server")
    for name, host in hosts.items():
        host.state.facts.on_fact = functools.partial(recorder.fact, name)
        host.delay_s = random.choice((0.0, 0.001, 0.02))
    async with trio.open_nursery() as nursery:
        for user in plan(random, knobs).users:
            dial = by_awaiting(functools.partial(s.client, hosts[user.host]))
            nursery.start_soon(act, user, place, dial, recorder)


def _quiet(s: Stage, knobs: Knobs, recorder: Recorder) -> None:
    slots = s.server.ledger.statistics()["uses"]
    held = {
        "slots": slots,
        "handles": len(s.server.handles),
        "sessions": len(s.server.sessions),
    }
    recorder.quiet("server", held, {})
    for name, host in zip(knobs.hosts, s.redirectors, strict=True):
        found = host.state.statistics()
        kept = ("dormant", "sessions", "connections", "opens")
        recorder.quiet(name, {key: found[key] for key in kept}, {})


async def _disk(s: Stage, recorder: Recorder) -> None:
    """What is there when everybody has gone, as somebody sees it with no cache between."""
    reader = await enter_directly(s, "reader")
    for entry in await reader.listdir(at()):
        recorder.disk(entry.name, values_of(await _content(reader, at(entry.name))))
    await reader.logoff()


async def _content(reader: Session, name: str) -> bytes:
    async with reader.open(name, "rb") as file:
        content: bytes = await file.read()
        return content
