"""Plays a card on a stage in virtual time, and notes what came of each step.

Every preset has a fresh stage. A step is bounded, so that a card ends whatever happens; what
its stage finds wrong at the end (a leftover, a table at odds with itself) is told too.
"""

from collections.abc import Callable
from typing import Any

import trio
from structlog.testing import capture_logs
from trio.testing import wait_all_tasks_blocked

from clients.errors import SessionError
from clients.lab.cards import blockwise, world
from clients.lab.cards.acting import ACTS, Done, Person, Scene, Skipped
from clients.lab.cards.card import Card
from clients.lab.cards.directing import direct, heal, see
from clients.lab.cards.outcome import DONE, SKIPPED, Happening, Played, after
from clients.lab.cards.vocabulary import Step
from clients.lab.staging.stage import SERVER, Stage, stage
from clients.lab.staging.virtual import run
from redird.wire.errors import LinkLost, Refused

STEP_MAX_S = 600.0
NO_ANSWER = f"no answer within {STEP_MAX_S:g} s"


def play(card: Card, preset: str, seed: int = 0) -> Played:
    """Play a card under a preset."""
    happenings: list[Happening] = []
    trouble = ""
    with capture_logs() as log:
        try:
            run(_play, card, preset, seed, happenings.append, seed=seed)
        except* AssertionError as group:
            trouble = _first(group)
    errors = [entry["event"] for entry in log if entry["log_level"] in ("error", "critical")]
    if errors and not trouble:
        trouble = f"a daemon logged {errors[0]}"
    return Played(preset, tuple(sorted(happenings, key=lambda one: one.step)), trouble)


def _first(group: BaseExceptionGroup[AssertionError]) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"the stage: {error}" if str(error) else "the stage: a table is at odds with itself"


async def _play(card: Card, preset: str, seed: int, note: Callable[[Happening], None]) -> None:
    async with stage(world.server(card, preset), None, seed=seed) as opened:
        hosts = {}
        for name in world.hosts(card):
            made = world.redirector(card, preset, name)
            hosts[name] = await opened.add_redirector(made)
        await Player(card, opened, Scene(opened, hosts), note).play()
        heal(opened)


class Player:
    """One card being played; `note` hears of each step when it has ended."""

    def __init__(
        self, card: Card, opened: Stage, scene: Scene, note: Callable[[Happening], None]
    ) -> None:
        self._card = card
        self._stage = opened
        self._scene = scene
        self._note = note
        self._under_way = 0
        self._ended = trio.lowlevel.ParkingLot()
        self._began = trio.current_time()

    async def play(self) -> None:
        """Do all steps, and wait for what was begun meanwhile."""
        async with trio.open_nursery() as nursery:
            for number, step in enumerate(self._card.steps, 1):
                if step.meanwhile:  # several in a row begin at the same instant
                    self._under_way += 1
                    nursery.start_soon(self._do_meanwhile, number, step)
                    continue
                await wait_all_tasks_blocked()  # what was begun has come as far as it can
                await self._do(number, step)

    async def _do_meanwhile(self, number: int, step: Step) -> None:
        await self._do(number, step)
        self._under_way -= 1
        self._ended.unpark_all()

    async def _do(self, number: int, step: Step) -> None:
        began = trio.current_time() - self._began
        done = await self._done(step)
        ended = trio.current_time() - self._began
        outcomes = tuple(one.outcome for one in done)
        details = dict.fromkeys(one.detail for one in done if one.detail)
        self._note(Happening(number, began, ended, outcomes, "; ".join(details)))

    async def _done(self, step: Step) -> list[Done]:
        kind = step.form.kind
        if kind == "user":
            return await self._act(step)
        if kind == "look":
            return [Done(await see(self._scene, step))]
        if step.verb == "wait":
            await trio.sleep(float(step.words["seconds"]))
        elif step.verb == "join":
            while self._under_way:
                await self._ended.park()
        else:
            await direct(self._scene, step, self._card)
        return [Done(DONE)]

    # --- users ---

    async def _act(self, step: Step) -> list[Done]:
        """Let the step's users act: one after the other, or all at once if meanwhile."""
        people = [self._scene.person(name) for name in step.people]
        if not step.meanwhile:
            return [await self._act_one(person, step) for person in people]
        done: dict[Person, Done] = {}

        async def act(person: Person) -> None:
            done[person] = await self._act_one(person, step)

        async with trio.open_nursery() as nursery:
            for person in people:
                nursery.start_soon(act, person)
        return [done[person] for person in people]

    async def _act_one(self, person: Person, step: Step) -> Done:
        began = trio.current_time()
        done = Done(NO_ANSWER)
        with trio.move_on_after(STEP_MAX_S):
            try:
                act = ACTS.get(step.verb) or blockwise.ACTS[step.verb]
                done = await act(self._scene, person, step)
            except (SessionError, Refused) as no:
                took_s = trio.current_time() - began
                refused = await self._refused(person, no)
                return Done(after(refused.outcome, took_s), refused.detail)
            except LinkLost as lost:
                done = Done("STATUS_CONNECTION_DISCONNECTED", str(lost))
            except Skipped as why:
                return Done(SKIPPED, str(why))
        return Done(after(done.outcome, trio.current_time() - began), done.detail)

    async def _refused(self, person: Person, no: SessionError | Refused) -> Done:
        """A refusal at the limit has a receipt, with the verdict on it."""
        number = no.detail.get("receipt")
        if person.session is None or not isinstance(number, int):
            return Done(no.status.name, no.status.text)
        client = person.session.client
        try:
            receipt = await client.receipt(number, "" if client.direct else SERVER)
        except (SessionError, LinkLost) as lost:
            return Done(no.status.name, f"no receipt: {lost}")
        return Done(f"{no.status.name} {receipt['verdict']}", _census(receipt))


def _census(receipt: dict[str, Any]) -> str:
    """Who was behind the slots, and when the first of them is free."""
    behind = [(receipt["live"], "live"), (receipt["unknown"], "unknown")]
    ghosts = receipt["ghosts"]
    behind.insert(1, (ghosts, "ghost" if ghosts == 1 else "ghosts"))
    counts = ", ".join(f"{count} {word}" for count, word in behind if count) or "none"
    first_s = receipt["earliest_release_s"]
    free = "" if first_s is None else f"; the first is free in {first_s:.4g} s"
    return f"behind the limit of {receipt['uses_max']}: {counts}{free}"
