"""Of numbers that name something: none is given twice, and none works beyond its time."""

from dataclasses import dataclass
from typing import NamedTuple

from clients.lab.checking.checker import Checker, Listeners, Run
from clients.lab.checking.history import Event
from clients.lab.checking.operation import Operation
from clients.lab.checking.verdict import NANO, clock


class _Given(NamedTuple):
    """Who was given a number, and when."""

    user: str
    at_ns: int
    session: int | None


class NumbersNeverReused(Checker):
    """A redirector gives no number of a session, connection or open file twice in its life.

    Connecting again may give the number that the session has already.
    """

    name = "numbers_never_reused"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._given: dict[tuple[str, str, int], _Given] = {}
        self._began: dict[str, int] = {}  # the line that each host's life began at

    def listeners(self) -> Listeners:
        return {
            "ok logon": self._session,
            "ok connect": self._connection,
            "ok open": self._handle,
            "program started": self._started,
        }

    def _started(self, event: Event) -> None:
        host = event["from"]
        self._began[host] = event.line
        for key in [key for key in self._given if key[0] == host]:
            del self._given[key]

    def _session(self, op: Operation) -> None:
        self._give("session", op.answer["session"], op)

    def _handle(self, op: Operation) -> None:
        self._give("handle", op.answer["handle"], op)

    def _connection(self, op: Operation) -> None:
        known = self._given.get((op.host, "connection", op.answer["connection"]))
        if known is None or known.session != op.asked["session"]:
            self._give("connection", op.answer["connection"], op)

    def _give(self, kind: str, number: int, op: Operation) -> None:
        if op.invoked < self._began.get(op.host, 0):
            return  # the last words of the life before
        key = op.host, kind, number
        known = self._given.get(key)
        if known is not None:
            when = clock(known.at_ns)
            why = f"{op.who} was given {kind} {number}, which {known.user} got at {when}"
            self.broken(why, op.returned_ns, op.who, known.user)
        self._given[key] = _Given(op.user, op.returned_ns, op.asked.get("session"))

    def passed(self) -> str:
        return f"{len(self._given):,} numbers given once each"


@dataclass(slots=True)
class _Host:
    """A redirector's life and its links to the server."""

    life: int = 0
    links: int = 0
    lost_ns: int | None = None  # the last of its links
    lost: int = 0  # the line that says so
    restarted: bool = False  # the server, since then
    dead_before: int = 0  # handles opened before this line cannot have been kept
    why: str = ""


class OldNumbersFenced(Checker):
    """Nothing is done by a handle of a redirector's earlier life, or of one that the server
    cannot have kept so long.
    """

    name = "old_numbers_fenced"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._hosts: dict[str, _Host] = {}
        self._opened: dict[tuple[str, int], int] = {}
        self._looked = 0

    def listeners(self) -> Listeners:
        by_handle = ("write", "fsync", "lock", "unlock")
        return {
            "ok open": self._open,
            "ok connect": self._connected,
            "link up": self._up,
            "link lost": self._lost,
            "fact link_lost": self._away,
            "fact link_recovered": self._back,
            "fact link_given_up": self._given_up,
            "server started": self._unsure,
            "program started": self._started,
            **{f"ok {f}": self._use for f in by_handle},
        }

    def _host(self, name: str) -> _Host:
        return self._hosts.setdefault(name, _Host())

    def _started(self, event: Event) -> None:
        host = self._host(event["from"])
        host.life += 1
        host.links, host.lost_ns = 0, None
        if host.life > 1:
            host.dead_before = event.line
            host.why = f"its redirector was started again at {clock(event.at_ns)}"

    def _unsure(self, event: Event) -> None:
        for host in self._hosts.values():
            host.restarted = True  # its handles may be kept as long again

    def _lost(self, event: Event) -> None:
        host = self._host(event["from"])
        host.links = max(0, host.links - 1)
        if event["to"] == "server" and not host.links:
            self._lose(host, event)

    def _up(self, event: Event) -> None:
        host = self._host(event["from"])
        if event["to"] == "server":
            host.links += 1
            self._return(host, event)

    def _away(self, event: Event) -> None:
        if event["link"] == "server":  # and not one of a session's own
            self._lose(self._host(event["from"]), event)

    def _back(self, event: Event) -> None:
        if event["link"] == "server":
            self._return(self._host(event["from"]), event)

    def _lose(self, host: _Host, event: Event) -> None:
        if host.lost_ns is None:
            host.lost_ns, host.lost, host.restarted = event.at_ns, event.line, False

    def _kept_s(self, host: _Host) -> float:
        """How long the server may keep what was open, which may see the loss later."""
        kept_s = self.setting.durable_age_max_s
        again_s = kept_s if host.restarted else 0.0
        later_s = self.setting.peer_silence_max_s + self.setting.margin_s
        return kept_s + again_s + later_s if kept_s else 0.0

    def _return(self, host: _Host, event: Event) -> None:
        lost_ns, host.lost_ns = host.lost_ns, None
        kept_s = self._kept_s(host)
        if lost_ns is not None and event.at_ns - lost_ns > kept_s * NANO:
            away_s = (event.at_ns - lost_ns) / NANO
            host.dead_before = event.line
            host.why = f"its link was away for {away_s:.1f} s until {clock(event.at_ns)}"

    def _given_up(self, event: Event) -> None:
        self._all_dead(self._host(event["from"]), event.line)

    def _connected(self, op: Operation) -> None:
        """Over a new link, if the lost one did not come back: nothing was taken up then."""
        host = self._host(op.host)
        if host.lost_ns is not None and op.invoked > host.lost:
            self._all_dead(host, host.lost)

    def _all_dead(self, host: _Host, line: int) -> None:
        host.dead_before, host.lost_ns, host.why = line, None, "its link was given up"

    def _open(self, op: Operation) -> None:
        self._opened[op.host, op.answer["handle"]] = op.returned

    def _use(self, op: Operation) -> None:
        self._looked += 1
        host = self._hosts.get(op.host)
        opened = self._opened.get((op.host, op.asked["handle"]))
        if host is None or opened is None:
            return
        if opened < host.dead_before < op.invoked:
            why = (
                f"{op.who} did a {op.f} on {op.asked['path']} by handle {op.asked['handle']},"
                f" which must be dead: {host.why}"
            )
            self.broken(why, op.returned_ns, op.who, op.asked["path"])

    def passed(self) -> str:
        return f"{self._looked:,} uses of handles, none of a dead one"
