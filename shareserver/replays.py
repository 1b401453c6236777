"""Replies to what must not be done twice, kept until whoever asked says that they arrived.

A request is known by its lessee and the number that the lessee gave it. Asked again over a
newer link it is answered with its first reply. Who is away is remembered for a while.
"""

from dataclasses import dataclass, field

from redird.wire.errors import Refused
from redird.wire.messages import Created, Message
from redird.wire.status import Status

ONCE_MAX = 4096  # replies of one lessee that were not acknowledged
REPLAYS_MAX = 262_144  # of all together


@dataclass(slots=True)
class Execution:
    """One request; `reply` is None while it is being served."""

    name: str
    reply: Message | None = None


@dataclass(slots=True)
class _Asker:
    answered: int = 0  # all up to this number will not be asked again
    executions: dict[int, Execution] = field(default_factory=dict)
    made: dict[int, int] = field(default_factory=dict)  # handle: by which number


class ReplayTable:
    """What each lessee has asked once. `now` is seconds on any one clock."""

    def __init__(self, age_max_s: float) -> None:
        self._age_max_s = age_max_s
        self._askers: dict[str, _Asker] = {}
        self._away: dict[str, float] = {}  # until when, the first one due first
        self._count = 0
        self._done = self._repeated = 0

    # --- asking ---

    def acknowledge(self, lessee: str, answered: int) -> None:
        """All replies up to that number have arrived."""
        asker = self._askers.get(lessee)
        if asker is None:
            asker = self._askers[lessee] = _Asker()
        if answered <= asker.answered:
            return
        asker.answered = answered
        for number in [one for one in asker.executions if one <= answered]:
            self._forget(asker, number)

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

    def abandon(self, lessee: str, number: int) -> None:
        """It ended before anything was done: asked again, it is served anew."""
        asker = self._askers.get(lessee)
        if asker is not None and number in asker.executions:
            self._forget(asker, number)

    def is_unanswered(self, lessee: str, handle: int) -> bool:
        """Whether its redirector may not know yet that it has this handle."""
        asker = self._askers.get(lessee)
        return asker is not None and handle in asker.made

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
