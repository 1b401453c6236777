"""What must be so in the daemons' own tables at every moment: seen from inside, no history.

An invariant takes the stage and yields a line for each thing that breaks it. Between two turns
of a task every table agrees with itself; and when nothing is under way between a redirector and
the server, both agree with each other.
"""

from collections import Counter
from collections.abc import Callable

import trio

from clients.lab.simulating.agreeing import OVERDUE_S, Broken, Seen, both_sides_agree, leases_of
from clients.lab.staging.stage import Stage
from redird.holdings import File
from redird.wire.exchange import REQUESTS_MAX
from redird.wire.files import LEASE_R, LEASE_W
from shareserver.state import Peer


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
    for lease in leases_of(stage):
        entry = state.handles.entry(lease.identity)
        if not lease.state & LEASE_W or lease.breaking_to is not None or entry is None:
            continue
        if others := [one for one in entry.lessees if one != lease.lessee]:
            name = lease.lessee.partition(" ")[0]
            yield f"{name} may write to {entry.subject} unseen beside {len(others)} others"


def nothing_dirty_is_parked(stage: Stage, seen: Seen) -> Broken:
    """What is dormant has nothing left to be written, unless others go on using the file.

    Not where a logoff takes handles that others write through: that fails, and they are told.
    """
    for host in stage.redirectors:
        if host.state.preset.expects.takes_others_handles:
            continue
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


def nothing_is_open_for_nobody(stage: Stage, seen: Seen) -> Broken:
    """A handle serves somebody, is dormant, or is being closed."""
    for host in stage.redirectors:
        kept = {*host.state.dormant.all()}
        for connection in host.state.connections.all():
            for handle in connection.handles.values():
                idle = not (handle.opens or connection.opening or handle in kept)
                idle = idle and not host.state.dormant.is_closing(handle)
                if seen.stays_odd(handle, idle):
                    user = connection.session.user
                    yield f"{handle.path} is open for {user}, who does not know it"


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


def the_silent_are_given_up(stage: Stage, seen: Seen) -> Broken:
    """Nobody waits for a peer longer than it says."""
    now = trio.current_time()
    for program in (stage._server, *stage.redirectors):
        most_s = program.state.config.peer_silence_max_s
        for link in program.links:
            silent_s = now - link.heard_at
            if link.lost is None and silent_s > most_s + OVERDUE_S:
                yield f"a peer is waited for though it was silent for {silent_s:.1f} s"


def grace_keeps_slots(stage: Stage, seen: Seen) -> Broken:
    """After a restart slots that were held are their holders', as long as they may come."""
    kept = Counter(owner.share for _, owner, _ in stage.server.grace.all())
    for share in stage.server.shares:
        uses = stage.server.ledger.uses(share.name)
        if share.uses_max is not None and uses + kept[share.name] > share.uses_max:
            yield f"{share.name} has {uses} uses beside {kept[share.name]} that are kept free"


def what_is_kept_is_licensed(stage: Stage, seen: Seen) -> Broken:
    """No page of a file is kept without a lease that allows it."""
    for host in stage.redirectors:
        for file in host.state.pages._indices:
            assert isinstance(file, File)
            if not file.lease & LEASE_R and file not in host.state.deferred:
                yield f"pages of {_name(file)} are kept under lease {file.lease}"


def _name(file: File) -> str:
    return min((one.path for one in file.handles), default=f"file {file.key}")


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
    "nothing is open for nobody": nothing_is_open_for_nobody,
    "bounds hold": bounds_hold,
    "the silent are given up": the_silent_are_given_up,
    "grace keeps slots": grace_keeps_slots,
    "what is kept is licensed": what_is_kept_is_licensed,
    "both sides agree": both_sides_agree,
}
