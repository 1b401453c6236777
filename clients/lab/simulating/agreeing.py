"""What a redirector and its server both know must be the same when nothing is under way."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

import trio

from clients.lab.staging.programs import Redirector
from clients.lab.staging.stage import Stage
from redird.holdings import Connection
from redird.upstream import ServerLink
from redird.wire.link import Link
from shareserver.durable import Owner
from shareserver.leases import Lease
from shareserver.state import Peer

OVERDUE_S = 1.0  # a task's turn may come later than its time
Broken = Iterator[str]


@dataclass(slots=True)
class Seen:
    """What was seen before: numbers must grow, over restarts too if there is a journal.

    `odd`: since when something is as it may be only until a task has had its turn.
    """

    handle_last: int = 0
    handles: set[int] = field(default_factory=set)
    tree_last: int = 0
    trees: set[int] = field(default_factory=set)
    odd: dict[Hashable, float] = field(default_factory=dict)

    def twice(self, line: str) -> bool:
        """Whether it was seen at another time too: whoever had the answer has had a turn."""
        now = trio.current_time()
        return now > self.odd.setdefault(line, now)

    def stays_odd(self, what: Hashable, odd: bool) -> bool:
        """Whether it is odd, and was for too long."""
        if not odd:
            self.odd.pop(what, None)
            return False
        now = trio.current_time()
        return now - self.odd.setdefault(what, now) > OVERDUE_S


def both_sides_agree(stage: Stage, seen: Seen) -> Broken:
    """With nothing under way, both know the same slots, handles and leases."""
    for host in stage.redirectors:
        for name, link in host.state.links.items():
            peer = _other_end(stage, link)
            if peer is not None and all(one.ended or one.idle for one in host.upstream):
                yield from _sessions_differ(host, name, peer, seen)
                differing = (
                    *_slots_differ(stage, host, name, peer),
                    *_left_of_before(stage, host, name, peer),
                    *_leases_differ(stage, host, name, peer),
                )
                yield from (line for line in differing if seen.twice(line))


def _other_end(stage: Stage, link: ServerLink) -> Peer | None:
    """The server's side of a link over which nobody waits for an answer."""
    if link._link is None or link.outage is not None or _is_busy(link._link):
        return None
    for peer in stage.server.peers.values():
        if peer.instance == link.instance and peer.epoch == link.epoch:
            return None if _is_busy(peer.link) else peer
    return None


def _is_busy(link: Link) -> bool:
    """Whether it is lost, or somebody waits for more than a sign of life."""
    signs = (None, link._echoed)
    return link.lost is not None or any(
        one.task is not None or one.on_reply not in signs for one in link._waiters.values()
    )


def _sessions_differ(host: Redirector, name: str, peer: Peer, seen: Seen) -> Broken:
    owners = {one.session for one in host.state.connections.of_link(name)}
    known = {one.upstream.get(name) for one in {*host.state.sessions.all(), *owners}}
    for session in peer.sessions.values():
        unknown = session.established and session.number not in known
        if seen.stays_odd(("session", session.number), unknown):
            yield f"{session.user} is logged on by {peer.instance}, which does not know it"


def _left_of_before(stage: Stage, host: Redirector, name: str, peer: Peer) -> Broken:
    """What a connection that goes on had under earlier trees was taken up, or was closed."""
    durable, replays = stage.server.durable, stage.server.replays
    for connection in host.state.connections.of_link(name):
        goes_on = connection.tree is not None and "durable" in peer.capabilities
        for tree in connection.trees if goes_on else ():
            owner = Owner(peer.lessee, connection.session.user, connection.share)
            for number in durable.of(tree, owner):
                if not replays.is_unanswered(peer.lessee, number):
                    yield f"handle {number} of {owner.user} is kept though it was not wanted"


def _slots_differ(stage: Stage, host: Redirector, name: str, peer: Peer) -> Broken:
    known = {one.tree: one for one in host.state.connections.of_link(name) if one.tree}
    held = {one.number for one in stage.server.ledger.all() if one.peer == peer.number}
    for tree in sorted(held - known.keys()):
        yield f"{peer.instance} holds slot {tree} at the server and does not know it"
    for tree, connection in known.items():
        if connection.releasing:
            continue
        if tree not in held:
            yield f"{peer.instance} believes to hold slot {tree}"
            continue
        yield from _handles_differ(stage, host, connection, tree)


def _handles_differ(
    stage: Stage, host: Redirector, connection: Connection, tree: int
) -> Broken:
    there = {one.number: one for one in stage.server.handles.of_tree(tree)}
    here = {one.server_handle: one for one in connection.handles.values()}
    for number in sorted(there.keys() - here.keys()):
        yield f"handle {number} on {there[number].path} is open at the server for nobody"
    for number in sorted(here.keys() - there.keys()):
        handle = here[number]
        if not host.state.dormant.is_closing(handle) and not handle.dead:
            yield f"handle {number} on {handle.path} is not open at the server"


def _leases_differ(stage: Stage, host: Redirector, name: str, peer: Peer) -> Broken:
    granted = {one.file: one for one in leases_of(stage) if one.lessee == peer.lessee}
    for file in host.state.connections.files_of(name):
        lease = granted.get(file.key[1])
        state = lease.state if lease is not None else 0
        paths = {one.path for one in file.handles if not host.state.dormant.is_closing(one)}
        if paths and file.lease & ~state:
            believed = f"{peer.instance} believes in lease {file.lease} on {min(paths)}"
            yield f"{believed}, the server in {state}"


def leases_of(stage: Stage) -> list[Lease]:
    return [one for held in stage.server.leases._leases.values() for one in held.values()]
