"""The story of a lost link: what waits, what is given up at once, what is taken up again.

The loss freed every slot. Whoever is still logged on is logged on again from kept keys, with
its connections, and the files that are open come back if the server kept them. Nothing counts
before everything is done: until then the tables are those of the lost link.
"""

import functools
from collections.abc import Callable

import structlog
import trio

from redird import closing
from redird.asked import Counts
from redird.dialled import Outage, Over
from redird.holdings import Connection, Handle
from redird.leased import promises
from redird.proving import NONCE_BYTES, is_known, keys_for
from redird.reclaims import Taken, came_before, is_taken_up, pages, sessions_of
from redird.sessions import Session
from redird.state import State
from redird.wire import messages as m
from redird.wire.errors import LinkLost, Refused
from redird.wire.files import LEASE_H, LEASE_R
from redird.wire.logon import establish

log = structlog.get_logger()
AT_ONCE_MAX = 64  # sessions


# --- the loss ---------------------------------------------------------------------------------


def suspend(state: State, link: str, why: str) -> bool:
    """A link is lost: give up what is not taken up again; returns whether anything is."""
    state.trusted_until = 0.0
    state.note_link("link_lost", link, why=why)
    log.info("link_lost", link=link, why=why)
    if state.watchers:
        state.spawn(promises.call_back, state, state.connections.files_of(link))
    for connection in state.connections.of_link(link):
        if is_taken_up(connection):
            closing.forget(state, state.dormant.of_connection(connection))
        else:
            lose(state, connection)
    for session in state.sessions.all():
        if not session.active:
            session.upstream.pop(link, None)
    return is_worth_it(state, link)


def is_worth_it(state: State, link: str) -> bool:
    """Whether anybody goes on over a link."""
    return bool(sessions_of(state.sessions.all(), link))


def give_up(state: State, link: str, why: str) -> None:
    """The server has given back all that we held over this link; so do we.

    `why` is what each open says from now on, if there is more to say than that it is closed.
    """
    if why:
        state.note_link("link_given_up", link, why=why)
    for connection in state.connections.of_link(link):
        for handle in connection.handles.values():
            handle.lost = why
        lose(state, connection)
    for session in state.sessions.all():
        session.upstream.pop(link, None)


def lose(state: State, connection: Connection) -> None:
    """A connection's slot is gone; one that nobody uses any more goes with it."""
    closing.slot_lost(state, connection)
    if connection.left_at is not None and not connection.releasing:
        state.connections.end(connection)
        closing.drop_link_if_unused(state, connection.link)


def recovered(state: State, link: str, outage: Outage, counts: Counts) -> None:
    """Everything is as it was, or as well as it can be."""
    took_s = round(trio.current_time() - outage.began, 6)
    told = {"took_s": took_s, "attempts": outage.attempts, "waited": outage.waiting, **counts}
    state.note_link("link_recovered", link, **told)
    log.info("link_recovered", link=link, **told)


# --- taking up again --------------------------------------------------------------------------


async def take_up(state: State, link: str, over: Over) -> Callable[[], Counts]:
    """Log on, take slots and reclaim handles over a new link; returns what makes it count.

    Raises LinkLost if that link goes too.
    """
    taken = Taken()
    state.taking[link] = taken
    room = trio.CapacityLimiter(AT_ONCE_MAX)
    try:
        async with trio.open_nursery() as nursery:
            for session in sessions_of(state.sessions.all(), link):
                nursery.start_soon(_take_up, state, link, over, taken, session, room)
    except* LinkLost:
        pass
    finally:
        del state.taking[link]
    if over.link.lost is not None:
        raise LinkLost(over.link.lost)
    return functools.partial(_commit, state, link, over, taken)


async def _take_up(
    state: State,
    link: str,
    over: Over,
    taken: Taken,
    session: Session,
    room: trio.CapacityLimiter,
) -> None:
    async with room:
        try:
            taken.sessions[session] = await _log_on(state, link, over, session)
        except Refused:
            return  # its next call is told why
        for connection in state.connections.of_session(session):
            if connection.link == link and is_taken_up(connection):
                await _connect(state, over, taken, connection)


async def _log_on(state: State, link: str, over: Over, session: Session) -> int:
    server = link.partition("/")[0]
    established = await establish(
        over.link,
        session.user,
        functools.partial(keys_for, state, session, server, ""),
        state.world.token_hex(NONCE_BYTES),
        proof_needed=is_known(session, server),
        instance=state.links[link].instance,
        epoch=over.epoch,
    )
    return established.session


async def _connect(state: State, over: Over, taken: Taken, connection: Connection) -> None:
    session, before = taken.sessions[connection.session], connection.trees[-1]
    try:
        given = await over.ask(
            m.TreeConnect(session, connection.share, before), m.TreeConnected
        )
    except Refused:
        return  # somebody else has the slot: its next call asks for one, and gets the receipt
    earlier = connection.trees
    came_before(connection, given.tree)
    if "durable" in over.peer.capabilities:
        await _acknowledge(state, over, taken, connection.link)
        for tree in earlier:
            await _reclaim(state, over, taken, connection, given.tree, tree)
    taken.trees[connection] = given.tree, given.read_only


async def _acknowledge(state: State, over: Over, taken: Taken, link: str) -> None:
    """Else the server keeps what we do not reclaim, as we may not know that we have it."""
    if "once" in over.peer.capabilities and not taken.acknowledged:
        taken.acknowledged = True
        await over.ask(state.links[link].acknowledging(), m.Echoed)


async def _reclaim(
    state: State, over: Over, taken: Taken, connection: Connection, tree: int, before: int
) -> None:
    """Ask for what is still missing of a connection's handles; what is closing is not."""
    wanted = [
        one
        for one in connection.handles.values()
        if one not in taken.handles and not state.dormant.is_closing(one)
    ]
    for some, more in pages(wanted):

        def heard(reply: m.Reclaimed, some: tuple[Handle, ...] = some) -> None:
            for handle, found in zip(some, reply.handles, strict=False):
                if found.status == 0 and not handle.dead:
                    taken.handles[handle] = None
                    regained(state, handle, found)

        numbers = tuple(one.server_handle for one in some)
        try:
            await over.ask(m.Reclaim(tree, before, numbers, more), m.Reclaimed, heard)
        except Refused:
            return  # it knows nothing of that tree


def regained(state: State, handle: Handle, found: m.ReclaimedHandle) -> None:
    """The server kept a handle; what is known of its file stays under the same lease only."""
    file = handle.file
    state.connections.renumber(file, found.file)
    if found.lease & LEASE_R != file.lease & LEASE_R or not _is_same(state, handle, found):
        state.forget_data(file)
    if file.lease & ~found.lease & LEASE_H:  # names may lead elsewhere
        for one in file.handles:
            one.parkable = False
    file.lease = found.lease
    if found.info is not None and file not in state.deferred:
        file.learn(found.info)


def _is_same(state: State, handle: Handle, found: m.ReclaimedHandle) -> bool:
    file, info = handle.file, found.info
    if file in state.deferred or info is None or not file.info_known:
        return True
    return (info.size, info.mtime_ns) == (file.info.size, file.info.mtime_ns)


# --- from now on it counts --------------------------------------------------------------------


def _commit(state: State, link: str, over: Over, taken: Taken) -> Counts:
    connections = [one for one in state.connections.of_link(link) if one.tree is not None]
    handles = sum(len(one.handles) for one in connections)
    for session, number in taken.sessions.items():
        if session.active and session in state.sessions:
            session.upstream[link] = number
        else:
            state.spawn(_leave, over, m.Logoff(number))
    _move_all(state, connections, taken)
    for tree, _ in taken.trees.values():  # of whoever left meanwhile
        state.spawn(_leave, over, m.TreeDisconnect(tree))
    for session in sessions_of(state.sessions.all(), link):
        if session not in taken.sessions:
            session.upstream.pop(link)
    kept = sum(len(one.handles) for one in connections)
    slots = sum(one.tree is not None for one in connections)
    return {"slots": slots, "handles_reclaimed": kept, "handles_lost": handles - kept}


def _move_all(state: State, connections: list[Connection], taken: Taken) -> None:
    stay = {connection for connection in connections if is_taken_up(connection)}
    for connection in connections:  # all first: a server that forgot gives old numbers anew
        state.connections.lost_tree(connection)
    for connection in connections:
        if connection in stay:
            _move(state, connection, taken)
        else:
            lose(state, connection)


def _move(state: State, connection: Connection, taken: Taken) -> None:
    """A connection goes on under its new tree, or it has none any more."""
    tree, read_only = taken.trees.get(connection, (0, False))
    if not tree or tree in taken.ended:
        lose(state, connection)
        return
    del taken.trees[connection]
    state.connections.moved(connection, tree, read_only)
    _keep(state, connection, taken)


def _keep(state: State, connection: Connection, taken: Taken) -> None:
    """Handles of a connection that were not reclaimed are closed."""
    kept = [one for one in connection.handles.values() if one in taken.handles]
    for handle in kept:
        handle.tree = connection.trees[-1]
    closing.forget(state, [one for one in connection.handles.values() if one not in kept])
    state.note(connection)


async def _leave(over: Over, request: m.Logoff | m.TreeDisconnect) -> None:
    """Give back what was taken for somebody who has left meanwhile."""
    try:
        await over.link.request(request)
    except (Refused, LinkLost):
        return  # it is gone already
