"""Who held a slot: surely, and perhaps, as far as the clients' own history says.

A connection surely holds one from its answer until the last thing that was begun by it and
later went well; not while anything disturbed the run, as a link may have been lost and the slot
with it, and with slot recall only while a file is open. It perhaps holds one from its request
until it has surely been given back, and of who vanished until everybody must have noticed.
"""

from dataclasses import dataclass, field
from math import inf

from clients.lab.checking.counting import Place, Span
from clients.lab.checking.disruptions import Disruptions
from clients.lab.checking.operation import Operation
from clients.lab.checking.setting import Setting
from clients.lab.checking.verdict import NANO

NEVER: Place = (inf, inf)


@dataclass(slots=True, eq=False)
class Held:
    """One connection. `live` ends with its session, `used` when its slot must be free."""

    share: str
    who: str
    begins: Place
    answered: Place | None = None  # when it was admitted
    logged_off: Place = NEVER
    free: Place = NEVER
    surely: list[Span] = field(default_factory=list)
    since: Place | None = None  # of the sure span that is going on
    last: Place = NEVER
    opens: int = 0

    @property
    def admitted(self) -> bool:
        """Whether its user was told so."""
        return self.answered is not None

    @property
    def admission(self) -> Span:
        """All the time in which it may have been admitted, before its user knew."""
        assert self.answered is not None
        at_ns, line = self.answered
        return self.begins, (at_ns, line - 0.5)


class Holders:
    """Builds the connections of a run as its operations end."""

    def __init__(self, setting: Setting, disruptions: Disruptions) -> None:
        self._setting = setting
        self._disruptions = disruptions
        self._by_process: dict[str, dict[str, Held]] = {}
        self.all: list[Held] = []
        self.refused: list[Operation] = []  # at a share's limit
        self._vanish_ns = round(setting.vanish_s * NANO)
        self._residue_ns = round(setting.residue_s * NANO) if setting.refuses_spuriously else 0

    def ended(self, op: Operation) -> None:
        """An operation has an outcome."""
        if op.f == "connect":
            self._connected(op)
        elif op.f in ("logoff", "disconnect"):
            self._left(op)
        elif op.outcome == "ok" and op.f != "logon":
            self._worked(op)
        if op.outcome == "unknown":
            self._vanished(op)

    def pending(self, op: Operation) -> None:
        """An operation has no outcome when the history ends."""
        if op.f == "connect":
            self.all.append(Held(op.asked["share"], op.who, _begun(op)))

    def sure(self, share: str) -> list[Span]:
        """The spans in which connections surely held slots of a share."""
        found = []
        for held in self.all:
            if held.share == share:
                found += held.surely
                if held.since is not None:
                    found.append((held.since, held.last))
        return found

    # --- what an outcome means ---

    def _connected(self, op: Operation) -> None:
        share = op.asked["share"]
        if op.at_limit:
            self.refused.append(op)
        if op.refused and not self._disruptions.touched(op.invoked_ns, op.returned_ns):
            return  # else it may have been asked twice, and admitted when nobody heard it
        held = Held(share, op.who, _begun(op))
        self.all.append(held)
        if op.outcome == "ok":
            held.answered = _done(op)
            shares = self._by_process.setdefault(op.process, {})
            if share in shares:  # that one was lost, which its user has noticed
                self._end_later(shares[share], op)
            shares[share] = held
            self._anchor(held, op)
        else:
            self._end_later(held, op)

    def _worked(self, op: Operation) -> None:
        held = self._by_process.get(op.process, {}).get(op.asked["share"])
        if held is not None:
            if op.f == "open":
                held.opens += 1
            self._anchor(held, op)
            if op.f == "close":
                held.opens -= 1
                self._interrupt_idle(held)

    def _anchor(self, held: Held, op: Operation) -> None:
        """It went well, so the slot was held, and all the time since the one before."""
        if held.since is not None:
            if not self._disruptions.touched(int(held.last[0]), op.returned_ns):
                held.last = _begun(op)
                return
            held.surely.append((held.since, held.last))
        idle = self._setting.recalls and held.opens == 0
        held.since = None if idle else (op.returned_ns, op.returned)
        held.last = (op.returned_ns, op.returned)

    def _interrupt_idle(self, held: Held) -> None:
        if self._setting.recalls and held.opens == 0 and held.since is not None:
            held.surely.append((held.since, held.last))
            held.since = None

    def _left(self, op: Operation) -> None:
        shares = self._by_process.get(op.process, {})
        gone = list(shares) if op.f == "logoff" else [op.asked["share"]]
        if op.refused and op.f == "disconnect":  # it has files open, say: all is as it was
            return
        for share in gone:
            held = shares.pop(share, None)
            if held is None:
                continue
            in_time = op.outcome == "ok" and not self._setting.cut_short(op.took_ns)
            calm = in_time and not self._disruptions.touched(
                int(held.begins[0]), op.returned_ns
            )
            if calm and held.since is not None:
                held.last = max(held.last, _begun(op))
            held.logged_off = _done(op) if op.outcome == "ok" else _later(op, self._vanish_ns)
            late_ns = self._residue_ns if calm else self._vanish_ns
            held.free = _later(op, late_ns) if late_ns else _done(op)

    def _vanished(self, op: Operation) -> None:
        """Its link was lost: whatever the process held goes in its time."""
        for held in self._by_process.pop(op.process, {}).values():
            self._end_later(held, op)

    def _end_later(self, held: Held, op: Operation) -> None:
        held.logged_off = held.free = _later(op, self._vanish_ns)


def _begun(op: Operation) -> Place:
    return op.invoked_ns, op.invoked


def _done(op: Operation) -> Place:
    return op.returned_ns, op.returned


def _later(op: Operation, after_ns: int) -> Place:
    return op.returned_ns + after_ns, inf
