"""Cuts a trial that fails down to what it takes: actions, users, faults, knobs toward plain.

What is left out leaves its time behind: what follows stays where it was on the clock, so that
it still meets the faults and timers that it met. The same checker must find it.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TypeVar

from clients.faults.schedule import Planned
from clients.lab.exercising.actions import Action, Plan, UserPlan
from clients.lab.simulating.knobs import Knobs, plainer
from clients.lab.simulating.trial import Trial

T = TypeVar("T")
Fails = Callable[[Trial], bool]
ROUND_S = 0.1  # what pauses are rounded to


class Shrinker:
    """Shrinks one trial by at most so many replays; `trial` is the smallest that failed."""

    def __init__(self, trial: Trial, fails: Fails, replays_max: int) -> None:
        self.trial = trial
        self.replays = 0
        self._fails = fails
        self._replays_max = replays_max
        self._tried = {repr(trial)}

    def shrink(self) -> Trial:
        """Cut down until nothing more can go, or the replays are used up."""
        before = None
        while before != self.trial and self.replays < self._replays_max:
            before = self.trial
            self._less(self._with_faults, self.trial.faults)
            self._less(self._with_users, [one.name for one in self.trial.plan.users])
            self._less(self._with_kinds, sorted(_kinds(self.trial.plan)))
            self._less(self._with_actions, self.trial.plan.numbers)
            self._plainer()
            self._pauses()
        return self.trial

    def _try(self, candidate: Trial) -> bool:
        """Keep a smaller trial if it fails as well."""
        said = repr(candidate)
        if said in self._tried or self.replays >= self._replays_max:
            return False
        self._tried.add(said)
        self.replays += 1
        if not self._fails(candidate):
            return False
        self.trial = candidate
        return True

    def _less(self, made: Callable[[Sequence[T]], Trial], items: Collection[T]) -> None:
        """Leave out runs of items, long ones first, down to single ones."""
        kept = list(items)
        size = len(kept)
        while size >= 1:
            at = 0
            while at < len(kept):
                fewer = kept[:at] + kept[at + size :]
                if self._try(made(fewer)):
                    kept = fewer
                else:
                    at += size
            size //= 2

    def _with_faults(self, faults: Sequence[Planned]) -> Trial:
        return replace(self.trial, faults=tuple(faults))

    def _with_users(self, names: Sequence[str]) -> Trial:
        users = [one for one in self.trial.plan.users if one.name in names]
        return replace(self.trial, plan=Plan(tuple(users)))

    def _with_kinds(self, kinds: Sequence[str]) -> Trial:
        users = self.trial.plan.users
        numbers = [one.number for user in users for one in user.actions if one.do in kinds]
        return self._with_actions(numbers)

    def _with_actions(self, numbers: Sequence[int]) -> Trial:
        return replace(self.trial, plan=in_time(self.trial.plan, frozenset(numbers)))

    def _plainer(self) -> None:
        again = True
        while again:
            again = any(self._try(self._with_knobs(one)) for one in plainer(self.trial.knobs))

    def _with_knobs(self, knobs: Knobs) -> Trial:
        return replace(self.trial, knobs=knobs)

    def _pauses(self) -> None:
        """Rounder pauses, or none at all."""
        self._try(self._with_pauses(lambda pause_s: round(pause_s / ROUND_S) * ROUND_S))
        for number in self.trial.plan.numbers:
            self._try(self._with_pauses(lambda _: 0.0, number))

    def _with_pauses(self, changed: Callable[[float], float], number: int = 0) -> Trial:
        def change(action: Action) -> Action:
            if number not in (0, action.number):
                return action
            return replace(action, pause_s=round(changed(action.pause_s), 6))

        users = [
            replace(user, actions=tuple(map(change, user.actions)))
            for user in self.trial.plan.users
        ]
        return replace(self.trial, plan=Plan(tuple(users)))


def _kinds(plan: Plan) -> set[str]:
    return {action.do for user in plan.users for action in user.actions}


def in_time(plan: Plan, numbers: Collection[int]) -> Plan:
    """Return the plan with just those actions, each at the time it had."""
    return Plan(tuple(_in_time(user, numbers) for user in plan.users)).tidied()


def _in_time(user: UserPlan, numbers: Collection[int]) -> UserPlan:
    kept, waited_s = [], 0.0
    for action in user.actions:
        waited_s += action.pause_s
        if action.number in numbers:
            kept.append(replace(action, pause_s=round(waited_s, 6)))
            waited_s = 0.0
    return replace(user, actions=tuple(kept))
