"""Of refusals at the limit: none without a reason, and receipts tell what clients saw."""

from clients.lab.checking.checker import Checker, Listeners, Run
from clients.lab.checking.counting import Span, Steps, covering
from clients.lab.checking.history import Event
from clients.lab.checking.operation import Operation
from clients.lab.history import GENUINE, SPURIOUS, UNDECIDED, agree


def window(op: Operation) -> Span:
    """When a refusal was decided: somewhen in this range."""
    return (op.invoked_ns, op.invoked), (op.returned_ns, op.returned)


class NoSpuriousRefusal(Checker):
    """Nobody is refused at the limit while fewer can hold a slot.

    Under a preset that leaves connections behind for what is dormant (Q248371) such refusals
    are expected and counted, but not longer after a logoff than an age and a tick.
    """

    name = "no_spurious_refusal"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.found = 0  # refusals with fewer logged on than the limit, where they are expected
        self._refused = 0

    def listeners(self) -> Listeners:
        return {}

    def finish(self) -> None:
        for share in sorted({op.asked["share"] for op in self.run.holders.refused}):
            refused = [op for op in self.run.holders.refused if op.asked["share"] == share]
            self._refused += len(refused)
            held = [one for one in self.run.holders.all if one.share == share]
            ranges = [window(op) for op in refused]
            used = Steps((one.begins, one.free) for one in held).peaks(ranges)
            live = Steps((one.begins, one.logged_off) for one in held).peaks(ranges)
            for op, counts in zip(refused, zip(used, live, strict=True), strict=True):
                self._look(op, *counts, self.setting.limit(share))

    def _look(self, op: Operation, used: int, live: int, limit: int | None) -> None:
        share = op.asked["share"]
        if limit is None:
            self.broken(
                f"{op.who} was refused at a limit {share} does not have", op.returned_ns
            )
        elif used < limit:
            why = (
                f"{op.who} was refused {share} though at most {used} of {limit} slots can have"
            )
            self.broken(f"{why} been held", op.returned_ns, op.who, share)
        elif live < limit:
            self.found += 1

    def passed(self) -> str:
        refused = f"{self._refused:,} refusals"
        if not self.setting.refuses_spuriously:
            return f"{refused}, none with fewer than the limit holding a slot"
        return (
            f"{refused}, {self.found:,} of them with fewer logged on than the limit (Q248371),"
            f" as {self.setting.preset} is known for"
        )


class ReceiptsAgree(Checker):
    """What a receipt says of a refusal is not against what clients saw themselves."""

    name = "receipts_agree"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._receipts: dict[int, Event] = {}
        self._compared = self._undecided = 0

    def listeners(self) -> Listeners:
        return {"receipt": self._keep}

    def _keep(self, event: Event) -> None:
        self._receipts[event["op"]] = event

    def finish(self) -> None:
        share = self.setting.share
        limit = self.setting.limit(share)
        if limit is None:
            return
        told = [op for op in self.run.holders.refused if op.number in self._receipts]
        refused = [op for op in told if op.asked["share"] == share]
        held = [one for one in self.run.holders.all if one.share == share]
        ranges = [window(op) for op in refused]
        sure = covering(self.run.holders.sure(share), ranges)
        live = Steps((one.begins, one.logged_off) for one in held).peaks(ranges)
        for op, surely, perhaps in zip(refused, sure, live, strict=True):
            own = GENUINE if surely >= limit else SPURIOUS if perhaps < limit else UNDECIDED
            self._compare(op, own, f"{surely} to {perhaps} of {limit}")

    def _compare(self, op: Operation, own: str, counts: str) -> None:
        receipt = self._receipts[op.number]
        self._compared += 1
        self._undecided += UNDECIDED in (own, receipt["verdict"])
        if self.run.disruptions.touched(op.invoked_ns, op.returned_ns):
            return
        if not agree(receipt["verdict"], own):
            why = (
                f"{op.who} was refused, receipt {receipt['number']} says {receipt['verdict']},"
                f" but clients saw {counts} logged on: {own}"
            )
            self.broken(why, op.returned_ns, op.who)

    def passed(self) -> str:
        return f"{self._compared:,} receipts compared, {self._undecided:,} undecided"
