"""Sights around slots: the last one, refusals and why, and how slots come back.

They need the ledger's facts (use_admitted, use_released), receipts, the redirectors' facts
(connection_state) and, for recalls, messages.
"""

from clients.lab.checking.checker import Listeners, Run
from clients.lab.checking.history import Event
from clients.lab.checking.operation import Operation
from clients.lab.checking.sometimes.sight import Sight
from clients.lab.checking.verdict import NANO

QUICK_NS = NANO


class LimitReached(Sight):
    """The last slot of a share was given."""

    name = "limit_reached"

    def listeners(self) -> Listeners:
        return {"fact use_admitted": self._look}

    def _look(self, event: Event) -> None:
        self.see(event["uses"] == self.run.setting.limit(event["share"]))


class LastSlotContended(Sight):
    """Several wanted the last slot at once; one was refused."""

    name = "last_slot_contended"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._asking: dict[int, Operation] = {}
        self._contended: set[int] = set()

    def listeners(self) -> Listeners:
        return {
            "invoke connect": self._ask,
            "end connect": self._answer,
            "fact use_admitted": self._look,
        }

    def _ask(self, op: Operation) -> None:
        self._asking[op.number] = op

    def _look(self, event: Event) -> None:
        if event["uses"] == self.run.setting.limit(event["share"]) and len(self._asking) > 1:
            self._contended |= self._asking.keys()

    def _answer(self, op: Operation) -> None:
        self._asking.pop(op.number, None)
        self.see(op.at_limit and op.number in self._contended)
        self._contended.discard(op.number)


class RefusedForResidue(Sight):
    """Somebody was refused while slots were held for users who had logged off."""

    name = "refused_for_residue"

    def listeners(self) -> Listeners:
        return {"receipt": self._look}

    def _look(self, event: Event) -> None:
        self.see(event.fields.get("ghosts"))


class RefusedGenuinely(Sight):
    """Somebody was refused by users who were all logged on."""

    name = "refused_genuinely"

    def listeners(self) -> Listeners:
        return {"receipt": self._look}

    def _look(self, event: Event) -> None:
        self.see(event["verdict"] == "genuine")


class SlotRecalled(Sight):
    """The server asked for slots back."""

    name = "slot_recalled"

    def listeners(self) -> Listeners:
        return {"message SlotRecall": self.always}


class LeftBehind(Sight):
    """A logoff left a connection behind for what was dormant on it."""

    name = "connection_left_behind"

    def listeners(self) -> Listeners:
        return {"fact connection_state": self._look}

    def _look(self, event: Event) -> None:
        self.see(event["state"] == "orphan")


class QuickReturn(Sight):
    """A user logged on again within a second of logging off, as those of Q248371 did."""

    name = "quick_return"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._off_ns: dict[str, int] = {}

    def listeners(self) -> Listeners:
        return {"ok logoff": self._off, "invoke logon": self._on}

    def _off(self, op: Operation) -> None:
        self._off_ns[op.user] = op.returned_ns

    def _on(self, op: Operation) -> None:
        self.see(op.invoked_ns - self._off_ns.get(op.user, -QUICK_NS - 1) <= QUICK_NS)


class VanishedFreed(Sight):
    """A slot was freed of a user whose link had been lost."""

    name = "vanished_freed"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._held: dict[str, set[int]] = {}
        self._vanished: set[int] = set()

    def listeners(self) -> Listeners:
        return {
            "fact use_admitted": self._take,
            "unknown": self._vanish,
            "fact use_released": self._free,
        }

    def _take(self, event: Event) -> None:
        self._held.setdefault(event["user"], set()).add(event["tree"])

    def _vanish(self, op: Operation) -> None:
        self._vanished |= self._held.pop(op.user, set())

    def _free(self, event: Event) -> None:
        self.see(event["tree"] in self._vanished)
        self._held.get(event["user"], set()).discard(event["tree"])
