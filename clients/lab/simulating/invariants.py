"""What must be so in the daemons' own tables at every moment: seen from inside, no history.

An invariant takes the stage and yields a line for each thing that breaks it. Between two turns
of a task every table agrees with itself; and when nothing is under way between a redirector and
the server, both agree with each other.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import trio

from clients.lab.staging.programs import Redirector
from clients.lab.staging.stage import Stage
from redird.holdings import Connection
from redird.upstream import ServerLink
from redird.wire.exchange import REQUESTS_MAX
from redird.wire.files import LEASE_W
from shareserver.leases import Lease
from shareserver.state import Peer

OVERDUE_S = 1.0  # a task's turn may come later than its time
Broken = Iterator[str]


@dataclass(slots=True)
class Seen:
    """What was seen before: numbers must grow, over restarts too if there is a journal."""

    handle_last: int = 0
    handles: set[int] = field(default_factory=set)
    tree_last: int = 0
    trees: set[int] = field(default_factory=set)


def tables_agree(stage: Stage, seen: Seen) -> Broken:
    """Every table agrees with itself."""
    try:
        stage.validate()
    except AssertionError as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = trace.tb_frame.f_code.co_qualname if trace is not None else "?"
        line = trace.tb_lineno if trace is not None else 0
        yield f"{where}, line {line}: {error or 'a table is at odds with itself'}"


def limits_hold(stage: Stage, seen: Seen) -> Broken:
    """No share has more uses than its limit."""
    for share in stage.server.shares:
        uses = stage.server.ledger.uses(share.name)
        if share.uses_max is not None and uses > share.uses_max:
            yield f"{share.name} has {uses} uses, at most {share.uses_max} may be"


def numbers_grow(stage: Stage, seen: Seen) -> Broken:
    """A handle's or tree's number is never given twice."""
    handles = {one.number for one in stage.server.handles.all()}
    for number in sorted(handles - seen.handles):
        if number <= seen.handle_last:
            yield f"handle {number} is new, and {seen.handle_last} was given before"
    trees = {one.number for one in stage.server.ledger.all()}
    for number in sorted(trees - seen.trees):
        if number <= seen.tree_last:
            yield f"tree {number} is new, and {seen.tree_last} was given before"
    seen.handles, seen.trees = handles, trees
    seen.handle_last = max(handles, default=seen.handle_last)
    seen.tree_last = max(trees, default=seen.tree_last)


def one_epoch_at_a_time(stage: Stage, seen: Seen) -> Broken:
    """Once a redirector is there by a newer link, nobody is logged on over an older one."""
    newest: dict[str, Peer] = {}
    for peer in reversed([*filter(_is_established, stage.server.peers.values())]):
        later = newest.setdefault(peer.lessee, peer)
        if peer.epoch < later.epoch:
            yield (
                f"peer {peer.number} of {peer.instance} is of epoch {peer.epoch}, and there"
                f" is peer {later.number} of {later.epoch}"
            )


def _is_established(peer: Peer) -> bool:
    return any(one.established for one in peer.sessions.values())


def locks_have_handles(stage: Stage, seen: Seen) -> Broken:
    """A lock is held through a handle that is open."""
    handles = {one.number for one in stage.server.handles.all()}
    for locks in stage.server.locks._files.values():
        for claim in locks.held:
            if claim.handle not in handles:
                yield f"a lock is held through handle {claim.handle}, which is closed"


def leases_exclude(stage: Stage, seen: Seen) -> Broken:
    """Who may write unseen is alone with the file."""
    state = stage.server
    for lease in _leases(stage):
        entry = state.handles.entry(lease.identity)
        if not lease.state & LEASE_W or lease.breaking_to is not None or entry is None:
            continue
        if others := [one for one in entry.lessees if one != lease.lessee]:
            name = lease.lessee.partition(" ")[0]
            yield f"{name} may write to {entry.subject} unseen beside {len(others)} others"


def nothing_dirty_is_parked(stage: Stage, seen: Seen) -> Broken:
    """What is dormant has nothing left to be written, unless others go on using the file."""
    for host in stage.redirectors:
        for handle in host.state.dormant.all():
            used = any(one.opens for one in handle.file.handles)
            if handle.file in host.state.deferred and not used:
                yield f"{handle.path} is dormant with writes that were not sent"


def handles_serve_their_own(stage: Stage, seen: Seen) -> Broken:
    """A session uses no handle of another one, unless its preset shares them."""
    for host in stage.redirectors:
        if host.state.policy.handles_shared:
            continue
        for connection in host.state.connections.all():
            for opened in connection.opens.values():
                if opened.handle.connection is not connection:
                    user, other = connection.session.user, opened.handle.connection.session.user
                    yield f"{user} uses a handle of {other} on {opened.handle.path}"


def nothing_is_overdue(stage: Stage, seen: Seen) -> Broken:
    """What is dormant goes when its time is over, at the next tick."""
    now = trio.current_time()
    for host in stage.redirectors:
        late_s = host.state.policy.scavenger_tick_s + OVERDUE_S
        for handle in host.state.dormant.all():
            if handle.due_at + late_s < now:
                yield f"{handle.path} is dormant {now - handle.due_at:.1f} s too long"


def nobody_gone_keeps_files(stage: Stage, seen: Seen) -> Broken:
    """Who has logged off has nothing dormant, but under presets that users know to leak."""
    for host in stage.redirectors:
        preset, policy = host.state.preset, host.state.policy
        if preset.expects.spurious_refusals or policy.slot_recall or policy.handles_shared:
            continue
        for handle in host.state.dormant.all():
            if handle.connection.left_at is not None:
                user = handle.connection.session.user
                yield f"{handle.path} is dormant for {user}, who has logged off"


def bounds_hold(stage: Stage, seen: Seen) -> Broken:
    """Queues are bounded: requests under way, deferred bytes, peers who have not logged on."""
    for host in stage.redirectors:
        config = host.state.config
        deferred = host.state.statistics()["deferred_bytes"]
        files = len(host.state.deferred.files())
        most = files * (config.write_behind_max_bytes + 64 * 1024) * 2
        if deferred > most:
            yield f"{deferred} bytes are deferred in {files} files"
        for link in host.links:
            if len(link._waiters) > REQUESTS_MAX:
                yield f"{len(link._waiters)} requests are under way over one link"


def both_sides_agree(stage: Stage, seen: Seen) -> Broken:
    """With nothing under way, both know the same slots, handles and leases."""
    for host in stage.redirectors:
        for name, link in host.state.links.items():
            peer = _other_end(stage, link)
            if peer is not None and all(cable.idle for cable in host.upstream):
                yield from _slots_differ(stage, host, name, peer)
                yield from _leases_differ(stage, host, name, peer)


def _other_end(stage: Stage, link: ServerLink) -> Peer | None:
    """The server's side of a link over which nobody waits for an answer."""
    near = link._link
    if near is None or near.lost is not None or near._waiters or link.outage is not None:
        return None
    for peer in stage.server.peers.values():
        if peer.instance == link.instance and peer.epoch == link.epoch:
            return None if peer.link._waiters or peer.link.lost else peer
    return None


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
    granted = {one.file: one for one in _leases(stage) if one.lessee == peer.lessee}
    for file in host.state.connections.files_of(name):
        lease = granted.get(file.key[1])
        state = lease.state if lease is not None else 0
        paths = {one.path for one in file.handles if not host.state.dormant.is_closing(one)}
        if paths and file.lease & ~state:
            believed = f"{peer.instance} believes in lease {file.lease} on {min(paths)}"
            yield f"{believed}, the server in {state}"


def _leases(stage: Stage) -> list[Lease]:
    return [one for held in stage.server.leases._leases.values() for one in held.values()]


ALWAYS: dict[str, Callable[[Stage, Seen], Broken]] = {
    "tables agree": tables_agree,
    "limits hold": limits_hold,
    "numbers grow": numbers_grow,
    "one epoch at a time": one_epoch_at_a_time,
    "locks have handles": locks_have_handles,
    "leases exclude": leases_exclude,
    "nothing dirty is parked": nothing_dirty_is_parked,
    "handles serve their own": handles_serve_their_own,
    "nothing is overdue": nothing_is_overdue,
    "nobody gone keeps files": nobody_gone_keeps_files,
    "bounds hold": bounds_hold,
    "both sides agree": both_sides_agree,
}
