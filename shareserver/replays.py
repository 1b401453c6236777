"""Replies to what must not be done twice, kept until whoever asked says that they arrived.

A request is known by its lessee and the number that the lessee gave it. Asked again over a
newer link it is answered with its first reply. Who is away is remembered for a while.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from redird.wire.errors import Refused
from redird.wire.messages import Created, Message
from redird.wire.status import Status

ONCE_MAX = 4096  # replies of one lessee that were not acknowledged
REPLAYS_MAX = 262_144  # of all together


@dataclass(slots=True)
class Execution:
    """One request. `before`: how things were, if it was being served when the server died."""

    name: str
    reply: Message | None = None
    is_served: bool = True  # at this moment, as long as there is no reply
    before: dict[str, Any] | None = None


@dataclass(slots=True)
class _Asker:
    answered: int = 0  # all up to this number will not be asked again
    executions: dict[int, Execution] = field(default_factory=dict)
    made: dict[int, int] = field(default_factory=dict)  # handle: by which number
    passed: dict[int, None] = field(default_factory=dict)  # handles that were not taken up


class ReplayTable:
    """What each lessee has asked once. `now` is seconds on any one clock.

    `on_left_out` hears of a lessee that is forgotten with all it asked.
    """

    def __init__(self, age_max_s: float) -> None:
        self._age_max_s = age_max_s
        self._askers: dict[str, _Asker] = {}
        self._away: dict[str, float] = {}  # until when, the first one due first
        self._count = 0
        self._done = self._repeated = 0
        self.on_left_out: Callable[[str], None] = lambda lessee: None

    # --- asking ---

    def acknowledge(self, lessee: str, answered: int) -> list[int]:
        """All replies up to that number have arrived; returns which were kept till now."""
        asker = self._askers.get(lessee)
        if asker is None:
            asker = self._askers[lessee] = _Asker()
        if answered <= asker.answered:
            return []
        asker.answered = answered
        arrived = [one for one in asker.executions if one <= answered]
        for number in arrived:
            self._forget(asker, number)
        return arrived

    def find(self, lessee: str, number: int, name: str) -> Execution | None:
        """Return what became of a request if it is known; refuses another's number."""
        asker = self._askers.get(lessee)
        if asker is None:
            return None
        if number <= asker.answered:
            raise Refused(Status.STATUS_INVALID_PARAMETER, f"number {number} was answered")
        found = asker.executions.get(number)
        if found is not None and found.name != name:
            raise Refused(
                Status.STATUS_INVALID_PARAMETER, f"number {number} was a {found.name}"
            )
        self._repeated += found is not None
        return found

    def begin(self, lessee: str, number: int, name: str) -> None:
        """It is being served from now on; raises Refused if there is no room for its reply."""
        asker = self._askers.setdefault(lessee, _Asker())
        while self._count >= REPLAYS_MAX and self._away:
            self._leave_out(next(iter(self._away)))
        if len(asker.executions) >= ONCE_MAX or self._count >= REPLAYS_MAX:
            raise Refused(
                Status.STATUS_INSUFFICIENT_RESOURCES,
                f"{len(asker.executions)} replies wait to be acknowledged",
            )
        asker.executions[number] = Execution(name)
        self._count += 1

    def finish(self, lessee: str, number: int, reply: Message) -> bool:
        """It is done, and this is its reply; False if nobody will ask for it again."""
        asker = self._askers.get(lessee)
        execution = None if asker is None else asker.executions.get(number)
        if asker is None or execution is None:
            return False
        execution.reply = reply
        self._done += 1
        if isinstance(reply, Created):
            asker.made[reply.handle] = number
        return True

    def abandon(self, lessee: str, number: int) -> bool:
        """It ended before anything was done; returns whether it is forgotten.

        What may have been done before the server died is not.
        """
        asker = self._askers.get(lessee)
        execution = None if asker is None else asker.executions.get(number)
        if asker is None or execution is None:
            return False
        execution.is_served = False
        if execution.before is None:
            self._forget(asker, number)
        return execution.before is None

    def is_unanswered(self, lessee: str, handle: int) -> bool:
        """Whether its redirector may not know yet that it has this handle."""
        asker = self._askers.get(lessee)
        return asker is not None and handle in asker.made

    def pass_over(self, lessee: str, handle: int) -> None:
        """Its redirector is back and did not ask for it: it may not know yet that it has it."""
        self._askers[lessee].passed[handle] = None

    def take_up(self, lessee: str, handle: int) -> None:
        """It asked for a handle after all."""
        if lessee in self._askers:
            self._askers[lessee].passed.pop(handle, None)

    def take_unwanted(self, lessee: str) -> list[int]:
        """Take the handles that were passed over, and that it knows of by now."""
        asker = self._askers[lessee]
        found = [handle for handle in asker.passed if handle not in asker.made]
        for handle in found:
            del asker.passed[handle]
        return found

    def resume(self, lessee: str, number: int) -> None:
        """It was begun before the server died, and is being served again."""
        self._askers[lessee].executions[number].is_served = True

    def restore(
        self,
        lessee: str,
        number: int,
        name: str,
        before: dict[str, Any],
        reply: Message | None,
        now: float,
    ) -> None:
        """What is known of a request from before this start; its lessee is away."""
        self.begin(lessee, number, name)
        self.leave(lessee, now)
        if reply is None:
            execution = self._askers[lessee].executions[number]
            execution.before, execution.is_served = before, False
        else:
            self.finish(lessee, number, reply)

    def _forget(self, asker: _Asker, number: int) -> None:
        reply = asker.executions.pop(number).reply
        self._count -= 1
        if isinstance(reply, Created):
            del asker.made[reply.handle]

    # --- coming and going ---

    def come(self, lessee: str) -> None:
        """It is there, perhaps again."""
        self._away.pop(lessee, None)

    def leave(self, lessee: str, now: float) -> None:
        """Its last link is lost."""
        self._away.pop(lessee, None)
        asker = self._askers.get(lessee)
        if asker is not None and asker.executions:
            self._away[lessee] = now + self._age_max_s
        elif asker is not None:
            del self._askers[lessee]

    def next_due(self) -> float | None:
        """Return when the next one is forgotten, or None if none is away."""
        return next(iter(self._away.values()), None)

    def expire(self, now: float) -> list[str]:
        """Forget all who were away for too long; returns who they were."""
        due = []
        for lessee, until in self._away.items():
            if until > now:
                break
            due.append(lessee)
        for lessee in due:
            self._leave_out(lessee)
        return due

    def _leave_out(self, lessee: str) -> None:
        del self._away[lessee]
        self._count -= len(self._askers.pop(lessee).executions)
        self.on_left_out(lessee)

    # --- what is seen ---

    def statistics(self) -> dict[str, int]:
        """Return flat counters."""
        return {
            "replies_kept": self._count,
            "once_done": self._done,
            "once_repeated": self._repeated,
        }

    def validate(self) -> None:
        """Assert that counts and bounds are right and that what is answered is forgotten."""
        askers = self._askers.values()
        assert self._count == sum(len(one.executions) for one in askers) <= REPLAYS_MAX
        assert set(self._away) <= set(self._askers)
        assert list(self._away.values()) == sorted(self._away.values())
        for one in askers:
            assert len(one.executions) <= ONCE_MAX
            assert all(number > one.answered for number in one.executions)
            assert one.made == {
                execution.reply.handle: number
                for number, execution in one.executions.items()
                if isinstance(execution.reply, Created)
            }
