"""What happens to hosts and their links, what the admin does, and what can be seen."""

import functools
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any, cast

import trio

from clients.lab.cards import vocabulary, world
from clients.lab.cards.acting import Scene, leave
from clients.lab.cards.card import Card
from clients.lab.cards.vocabulary import Step
from clients.lab.simulating.agreeing import Seen
from clients.lab.simulating.invariants import ALWAYS
from clients.lab.staging.cable import Cable
from clients.lab.staging.stage import Stage
from redird.wire import messages as m
from redird.wire.link import Link
from shareserver.service import administration
from shareserver.state import Peer

START_S = 1.0  # until a host that starts again is there; its epoch grows with the clock


# --- hosts ------------------------------------------------------------------------------------


def cut(scene: Scene, step: Step) -> None:
    """Break the host's links to the server."""
    for cable in scene.hosts[step.words["host"]].upstream:
        cable.cut()


def cut_of(scene: Scene, step: Step) -> None:
    """Break the link that a user comes over: its own, or the one everybody shares."""
    own = scene.person(step.words["one"]).upstream
    shared = scene.hosts[step.words["host"]].upstream[-1:]
    for cable in shared if own is None else [own]:
        cable.cut()


def change_lanes(scene: Scene, step: Step) -> None:
    """Hold back what goes over the host's links, or let it through."""
    message = step.words.get("message", "")
    for cable in scene.hosts[step.words["host"]].upstream:
        _LANES[step.verb](cable, message)


_LANES: dict[str, Callable[[Cable, str], None]] = {
    "silent": lambda cable, _: cable.hold(),
    "heard": lambda cable, _: cable.release(),
    "withhold": lambda cable, message: cable.up.hold(message),
    "miss": lambda cable, message: cable.down.hold(message),
}


def slow(scene: Scene, step: Step) -> None:
    """Make the host's links slow, those to come too."""
    host = scene.hosts[step.words["host"]]
    host.delay_s = float(step.words["seconds"])
    for cable in host.upstream:
        cable.delay(host.delay_s)


def heal(opened: Stage) -> None:
    """A card's faults end with it, so that everybody can leave in time."""
    for host in opened.redirectors:
        host.delay_s = 0.0
        for cable in host.upstream:
            cable.delay(0.0)
            cable.release()


async def die(scene: Scene, step: Step) -> None:
    """A power cut: the server hears nothing more, not even an end."""
    name = step.words["host"]
    host = scene.hosts[name]
    for cable in host.upstream:
        cable.hold()
        await cable.near.aclose()
    for person in scene.people.values():
        if person.place == name and person.session is not None:
            leave(scene, person)


async def restart(scene: Scene, step: Step, card: Card) -> None:
    """Start the redirector of a host again, empty."""
    name = step.words["host"]
    await trio.sleep(START_S)
    preset = scene.hosts[name].state.preset.name
    again = await scene.stage.add_redirector(world.redirector(card, preset, name))
    scene.hosts[name] = again


# --- the admin --------------------------------------------------------------------------------


async def administer(scene: Scene, step: Step) -> None:
    """Kill the server, or start it again; or close something there, whoever holds it."""
    if step.verb in ("kill", "start"):
        await run_server(scene, step.verb == "start")
        return
    kind = {"end_session": "session", "end_use": "connection", "end_file": "file"}[step.verb]
    for number in list(_numbers(scene, step)):
        await administration.force_close(
            scene.stage.server, _admin(), m.ForceClose(kind, number)
        )


async def run_server(scene: Scene, start: bool) -> None:
    """Let the server run, or not any more; one that does, or does not, goes on so."""
    runs = scene.stage._server.nursery is not None
    if start and not runs:
        await scene.stage.restart_server()
    elif not start and runs:
        await scene.stage.kill_server()


def _numbers(scene: Scene, step: Step) -> Iterable[int]:
    state = scene.stage.server
    if step.verb == "end_file":
        path = step.words["path"]
        return [one.number for one in state.handles.all() if one.path == path]
    user = vocabulary.user_of(step.words["one"])
    held = state.sessions.values() if step.verb == "end_session" else state.ledger.all()
    return [one.number for one in held if one.user == user]


def _admin() -> Peer:
    """Somebody at the server's own machine."""
    return Peer(0, cast(Link, None), "the admin", 0, 0)


# --- what is seen -----------------------------------------------------------------------------


def total(scene: Scene, counter: str) -> int:
    """Sum a counter of the redirectors that run."""
    return sum(host.state.statistics()[counter] for host in scene.hosts.values())


def kept(scene: Scene) -> str:
    """The dormant files of all hosts."""
    hosts = scene.hosts.values()
    return _listed(one.path for host in hosts for one in host.state.dormant.all())


def _listed(names: Iterable[str]) -> str:
    return " ".join(sorted(names)) or "none"


def peak(scene: Scene) -> int:
    """The most slots that were taken at once."""
    return max((fact["uses"] for fact in scene.stage.server.ledger.facts(0)), default=0)


async def holders(scene: Scene) -> str:
    """Who holds the slots, and in which state; equal ones in a row are counted."""
    ask = m.Enumerate("slots", 0)
    found = await administration.enumerate_view(scene.stage.server, _admin(), ask)
    assert isinstance(found, m.Enumerated)
    shown = [f"{row['shown_user']} {row['state']}" for row in found.rows]
    counted = [(one, len(list(alike))) for one, alike in groupby(shown)]
    told = (f"{count} x {one}" if count > 1 else one for one, count in counted)
    return ", ".join(told) or "nobody"


def inside(scene: Scene) -> str:
    """The first thing that is at odds in the daemons' own tables."""
    found = (line for check in ALWAYS.values() for line in check(scene.stage, Seen()))
    return next(found, "nothing")


async def see(scene: Scene, step: Step) -> str:
    """Return what a look shows."""
    if step.verb == "holders":
        return await holders(scene)
    if step.verb == "sent":
        return str(scene.stage.requests[step.words["message"]])
    return str(_SIGHTS[step.verb](scene))


_SIGHTS: dict[str, Callable[[Scene], Any]] = {
    "slots": lambda scene: scene.stage.server.ledger.uses(world.SHARE),
    "peak": peak,
    "dormant": functools.partial(total, counter="dormant"),
    "handles": lambda scene: len(scene.stage.server.handles),
    "sessions": functools.partial(total, counter="sessions"),
    "users": lambda scene: len(Counter(s.user for s in scene.stage.server.sessions.values())),
    "links": lambda scene: len(scene.stage.server.peers),
    "kept": kept,
    "inside": inside,
}


async def direct(scene: Scene, step: Step, card: Card) -> None:
    """Do what no user does."""
    if step.form.kind == "admin":
        await administer(scene, step)
    elif step.verb == "restart":
        await restart(scene, step, card)
    elif step.verb == "die":
        await die(scene, step)
    else:
        _FAULTS[step.verb](scene, step)


_FAULTS: dict[str, Callable[[Scene, Step], None]] = {
    "cut": cut,
    "cut_of": cut_of,
    "silent": change_lanes,
    "heard": change_lanes,
    "withhold": change_lanes,
    "miss": change_lanes,
    "slow": slow,
}
