"""Of slots given back: once each, by a logoff, and when somebody has gone without a word."""

from collections.abc import Iterable

from clients.lab.checking.checker import Checker, Listeners, Run
from clients.lab.checking.history import Event
from clients.lab.checking.operation import Operation
from clients.lab.checking.verdict import NANO, clock


class OneReleaseEach(Checker):
    """Numbers of slots only grow, and each is given back at most once, after it was given."""

    name = "one_release_each"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._held: set[int] = set()
        self._last = 0
        self._released = 0

    def listeners(self) -> Listeners:
        return {
            "fact use_admitted": self._admitted,
            "fact use_released": self._release,
            "server started": self._started,
        }

    def _started(self, event: Event) -> None:
        self._held.clear()
        if not self.setting.journal:  # it knows nothing of before
            self._last = 0

    def _admitted(self, event: Event) -> None:
        tree, user = event["tree"], event["user"]
        if tree <= self._last:
            why = f"{user} was given slot number {tree} after {self._last} had been given"
            self.broken(why, event.at_ns, user)
        self._last = max(tree, self._last)
        self._held.add(tree)

    def _release(self, event: Event) -> None:
        tree, user = event["tree"], event["user"]
        self._released += 1
        if tree not in self._held:
            why = f"slot number {tree} of {user} was given back and is not held (any more)"
            self.broken(why, event.at_ns, user)
        self._held.discard(tree)

    def unsure(self) -> str:
        return "" if self._last else "the history has no facts of the server's ledger"

    def passed(self) -> str:
        return f"{self._released:,} slots given back once each"


class _Owed(Checker):
    """Slots that must be free by a time; `_hold` hears of each that is admitted."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._held: dict[str, dict[int, int]] = {}  # by user: tree, since
        self._due: dict[int, tuple[int, str, str]] = {}  # by tree: when, user, why
        self._paid = 0
        self._facts = False

    def listeners(self) -> Listeners:
        return {
            "fact use_admitted": self._admitted,
            "fact use_released": self._released,
            "server started": self._restarted,
        }

    def _admitted(self, event: Event) -> None:
        self._facts = True
        self._held.setdefault(event["user"], {})[event["tree"]] = event.at_ns

    def _released(self, event: Event) -> None:
        user, tree = event["user"], event["tree"]
        self._held.get(user, {}).pop(tree, None)
        due = self._due.pop(tree, None)
        if due is not None:
            self._paid += 1
            self._late(tree, due, event.at_ns, f"and was freed at {clock(event.at_ns)}")

    def _restarted(self, event: Event) -> None:
        self._held.clear()
        self._due.clear()

    def _owe(self, trees: Iterable[int], user: str, by_ns: int, why: str) -> None:
        for tree in trees:
            known = self._due.get(tree)
            if known is None or by_ns < known[0]:
                self._due[tree] = by_ns, user, why

    def _late(self, tree: int, due: tuple[int, str, str], at_ns: int, then: str) -> None:
        by_ns, user, why = due
        if at_ns > by_ns:
            late = f"slot {tree} of {user} had to be free by {clock(by_ns)}, as {why}, {then}"
            self.broken(late, by_ns, user, f"slot {tree}")

    def finish(self) -> None:
        for tree, due in self._due.items():
            self._late(tree, due, self.run.now_ns, "and was still held when the history ended")

    def unsure(self) -> str:
        return "" if self._facts else "the history has no facts of the server's ledger"


class LogoffReleases(_Owed):
    """A logoff is answered when its slots are free; what it may leave is freed in its time."""

    name = "logoff_releases"

    def listeners(self) -> Listeners:
        return {**super().listeners(), "ok logoff": self._logged_off}

    def _logged_off(self, op: Operation) -> None:
        trees = self._held.get(op.user, {})
        if not trees:
            self._paid += 1
            return
        disturbed = self.run.disruptions.touched(min(trees.values()), op.returned_ns)
        disturbed |= self.setting.cut_short(op.took_ns)
        after_s = self.setting.vanish_s if disturbed else 0.0
        after_s = max(after_s, self.setting.residue_s if self.setting.leaves else 0.0)
        by_ns = op.returned_ns + round(after_s * NANO)
        self._owe(trees, op.user, by_ns, f"its logoff was answered at {clock(op.returned_ns)}")

    def _late(self, tree: int, due: tuple[int, str, str], at_ns: int, then: str) -> None:
        """What may be left for a while may be disturbed meanwhile."""
        by_ns, user, why = due
        left_ns = round(self.setting.residue_s * NANO) if self.setting.leaves else 0
        if left_ns and self.run.disruptions.touched(by_ns - left_ns, by_ns):
            by_ns += round(self.setting.vanish_s * NANO)
        super()._late(tree, (by_ns, user, why), at_ns, then)

    def passed(self) -> str:
        return f"{self._paid:,} logoffs and slots freed in time"


class VanishedRelease(_Owed):
    """Whoever has gone without a word holds no slot longer than it takes to notice that.

    A link that the server saw lost frees its slots at once; a silent one when the silence is
    judged. With a server that is killed all end.
    """

    name = "vanished_release"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._hosts: dict[str, str] = {}
        self._down = False

    def listeners(self) -> Listeners:
        return {
            **super().listeners(),
            "invoke connect": self._known,
            "unknown": self._vanished,
            "link lost": self._lost,
            "server killed": self._killed,
        }

    def _known(self, op: Operation) -> None:
        self._hosts[op.user] = op.host

    def _vanished(self, op: Operation) -> None:
        by_ns = op.returned_ns + round(self.setting.vanish_s * NANO)
        why = f"its link was lost by {clock(op.returned_ns)}"
        self._owe(self._held.get(op.user, {}), op.user, by_ns, why)

    def _lost(self, event: Event) -> None:
        if self._down or event["to"] != "server":
            return
        seen = event.fields.get("by") == "server"
        setting = self.setting
        after_s = setting.dead_release_max_s if seen else setting.peer_silence_max_s
        by_ns = event.at_ns + round((after_s + (0 if seen else setting.margin_s)) * NANO)
        why = f"the link of {event['from']} was lost at {clock(event.at_ns)}"
        for user, trees in self._held.items():
            if self._hosts.get(user) == event["from"]:
                self._owe(list(trees), user, by_ns, why)

    def _killed(self, event: Event) -> None:
        self._down = True

    def _restarted(self, event: Event) -> None:
        super()._restarted(event)
        self._down = False

    def passed(self) -> str:
        return f"{self._paid:,} slots of those who had gone were freed in time"


class LogoffLeavesNothing(Checker):
    """A logoff's proof: nothing is left and a slot less is used, if nothing disturbed it."""

    name = "logoff_leaves_nothing"
    _proofs = 0

    def listeners(self) -> Listeners:
        return {"ok logoff": self._look}

    def _look(self, op: Operation) -> None:
        self._proofs += 1
        setting, disruptions = self.setting, self.run.disruptions
        disturbed = disruptions.touched(op.invoked_ns, op.returned_ns)
        if disturbed or setting.leaves or setting.cut_short(op.took_ns):
            return
        left, found = op.answer["residue"], op.answer
        if left:
            self.broken(
                f"{op.who} logged off and left {left} things behind", op.returned_ns, op.who
            )
        before, after = found.get("uses_before"), found.get("uses_after")
        if before is not None and after is not None and after >= before:
            why = f"{op.who} logged off and the uses went from {before} to {after}"
            self.broken(why, op.returned_ns, op.who)

    def passed(self) -> str:
        return f"{self._proofs:,} logoffs with a proof"
