"""Sights around lost links and killed programs, and what recovery does then.

They need the redirectors' facts (link_lost, link_recovered) or link events, the ledger's facts
(use_released), server and program events, and messages on the wires to the server.
"""

from clients.lab.checking.checker import Listeners, Run
from clients.lab.checking.history import Event
from clients.lab.checking.operation import Operation
from clients.lab.checking.sometimes.sight import Sight, host_of
from clients.lab.checking.verdict import NANO


class LinkLostInFlight(Sight):
    """A host's link to the server was lost while its users waited for answers."""

    name = "link_lost_in_flight"

    def listeners(self) -> Listeners:
        return {"link lost": self._lost, "fact link_lost": self._lost}

    def _lost(self, event: Event) -> None:
        self.see(any(op.host == event["from"] for op in self.run.waiting.values()))


class WriteAtKill(Sight):
    """A program was killed while a write waited for its answer."""

    name = "write_at_kill"

    def listeners(self) -> Listeners:
        return {"server killed": self._killed, "program killed": self._killed}

    def _killed(self, event: Event) -> None:
        self.see(any(op.f in ("write", "fsync", "close") for op in self.run.waiting.values()))


class HandleReclaimed(Sight):
    """A file opened before its host's link was lost was worked on after it was back."""

    name = "handle_reclaimed"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._lost: dict[str, int] = {}
        self._back: dict[str, tuple[int, int]] = {}  # by host: lost and back, as lines
        self._opened: dict[tuple[str, int], int] = {}

    def listeners(self) -> Listeners:
        used = {f"ok {f}": self._use for f in ("write", "fsync", "lock")}
        return {
            "fact link_lost": self._lose,
            "link lost": self._lose,
            "fact link_recovered": self._return,
            "link up": self._return,
            "ok open": self._open,
            **used,
        }

    def _lose(self, event: Event) -> None:
        self._lost.setdefault(event["from"], event.line)

    def _return(self, event: Event) -> None:
        lost = self._lost.pop(event["from"], None)
        if lost is not None:
            self._back[event["from"]] = lost, event.line

    def _open(self, op: Operation) -> None:
        self._opened[op.host, op.answer["handle"]] = op.returned

    def _use(self, op: Operation) -> None:
        lost, back = self._back.get(op.host, (0, 0))
        opened = self._opened.get((op.host, op.asked["handle"]), lost)
        self.see(opened < lost and back < op.invoked)


class OlderUsesFreed(Sight):
    """A newer link of a host freed a slot that an older one, not yet seen lost, still held."""

    name = "older_uses_freed"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._host: dict[str, str] = {}
        self._away: set[str] = set()
        self._again: set[str] = set()

    def listeners(self) -> Listeners:
        return {
            "invoke connect": self._known,
            "fact link_lost": self._lost,
            "fact link_recovered": self._back,
            "message SessionSetup": self._setup,
            "fact use_released": self._freed,
        }

    def _known(self, op: Operation) -> None:
        self._host[op.user] = op.host

    def _lost(self, event: Event) -> None:
        self._away.add(event["from"])

    def _back(self, event: Event) -> None:
        self._away.discard(event["from"])
        self._again.discard(event["from"])

    def _setup(self, event: Event) -> None:
        if host_of(event) in self._away:
            self._again.add(host_of(event))

    def _freed(self, event: Event) -> None:
        self.see(self._host.get(event["user"]) in self._again)


class _Restarts(Sight):
    """Knows since when a server that was killed runs again."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.killed = False
        self.started_ns: int | None = None

    def listeners(self) -> Listeners:
        return {"server killed": self._killed, "server started": self._started}

    def _killed(self, event: Event) -> None:
        self.killed = True

    def _started(self, event: Event) -> None:
        if self.killed:
            self.started_ns = event.at_ns

    def in_grace(self, at_ns: int) -> bool:
        """Whether the server may still wait for those who were there before."""
        grace_ns = self.run.setting.grace_s * NANO
        return self.started_ns is not None and at_ns - self.started_ns < grace_ns


class ConnectInGrace(_Restarts):
    """Somebody connected while a server started again waited for those from before."""

    name = "connect_in_grace"

    def listeners(self) -> Listeners:
        return {**super().listeners(), "invoke connect": self._look}

    def _look(self, op: Operation) -> None:
        self.see(self.run.setting.journal and self.in_grace(op.invoked_ns))


class RestartedUnderSessions(_Restarts):
    """A server was started again while users were logged on."""

    name = "restarted_under_sessions"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._on: set[str] = set()

    def listeners(self) -> Listeners:
        return {
            **super().listeners(),
            "ok connect": self._come,
            "ok logoff": self._go,
            "unknown": self._go,
        }

    def _come(self, op: Operation) -> None:
        self._on.add(op.process)

    def _go(self, op: Operation) -> None:
        self._on.discard(op.process)

    def _started(self, event: Event) -> None:
        super()._started(event)
        self.see(self.killed and self._on)


class LogoffCutShort(Sight):
    """A logoff was answered because its time was over."""

    name = "logoff_cut_short"

    def listeners(self) -> Listeners:
        return {"ok logoff": self._look}

    def _look(self, op: Operation) -> None:
        self.see(self.run.setting.cut_short(op.took_ns))


class ClientLost(Sight):
    """A user's own link was lost while an answer was awaited."""

    name = "client_lost"

    def listeners(self) -> Listeners:
        return {"unknown": self.always}
