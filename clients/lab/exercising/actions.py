"""What users do, as data: actions in order, of several users at several hosts.

Any part of a plan's actions is a plan too, as an actor skips what cannot be done.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import Any

LOCK_FROM = 2**30  # ranges are locked beyond all data, so that no read or write is refused
LOCK_BYTES = 64


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a user does, `pause_s` after the one before.

    `number` is unique in the plan. `key` tells the files a user has open apart. `value` is what
    a write writes, `target` what a rename renames to. Whoever has no answer after `patience_s`
    hangs up, and asks for a logoff just before if `parting`; 0 is as long as anybody waits.
    """

    number: int
    do: str
    pause_s: float = 0.0
    key: int = 0
    path: str = ""
    target: str = ""
    access: str = "rw"
    exclusive: bool = False
    offset: int = 0
    value: int = 0
    patience_s: float = 0.0
    parting: bool = False


@dataclass(frozen=True, slots=True)
class UserPlan:
    """What one user does, in order."""

    host: str
    name: str
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What everybody does."""

    users: tuple[UserPlan, ...]

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of all actions."""
        return tuple(one.number for user in self.users for one in user.actions)

    def without(self, numbers: Collection[int]) -> "Plan":
        """Return the plan with those actions left out, and users who have none left."""
        gone = frozenset(numbers)
        return Plan(tuple(_kept(user, gone) for user in self.users)).tidied()

    def only(self, numbers: Collection[int]) -> "Plan":
        """Return the plan with just those actions."""
        return self.without(frozenset(self.numbers) - frozenset(numbers))

    def tidied(self) -> "Plan":
        """Return the plan without users who do nothing."""
        return Plan(tuple(user for user in self.users if user.actions))

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain data; what an action leaves at its default is left out."""
        return {
            "users": [
                {
                    "host": user.host,
                    "name": user.name,
                    "actions": [_said(action) for action in user.actions],
                }
                for user in self.users
            ]
        }

    @staticmethod
    def of_json(data: dict[str, Any]) -> "Plan":
        """Return the plan that `to_json` said."""
        return Plan(
            tuple(
                UserPlan(
                    user["host"],
                    user["name"],
                    tuple(Action(**action) for action in user["actions"]),
                )
                for user in data["users"]
            )
        )


def _kept(user: UserPlan, gone: frozenset[int]) -> UserPlan:
    return replace(user, actions=tuple(one for one in user.actions if one.number not in gone))


def _said(action: Action) -> dict[str, Any]:
    usual = asdict(Action(action.number, action.do))
    said = {key: value for key, value in asdict(action).items() if value != usual[key]}
    return {"number": action.number, "do": action.do, **said}
