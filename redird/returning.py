"""What is taken up again over a newer link: sessions, slots, handles and their locks.

The loss freed every slot. Whoever is still logged on is logged on again from kept keys, with
its connections, and the files that are open come back if the server kept them. Nothing counts
before everything is done: until then the tables are those of the lost link.
"""

import functools
from collections.abc import Callable

import trio

from redird.asked import Counts
from redird.dialled import Over
from redird.holdings import Connection, Handle
from redird.leased.attributes import learn
from redird.proving import NONCE_BYTES, is_known, keys_for
from redird.reclaims import Taken, came_before, is_taken_up, pages, sessions_of
from redird.recovery import commit
from redird.sessions import Session
from redird.state import State
from redird.wire import messages as m
from redird.wire.errors import LinkLost, Refused
from redird.wire.files import LEASE_H, LEASE_R
from redird.wire.logon import establish

AT_ONCE_MAX = 64  # sessions


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
    return functools.partial(commit, state, link, over, taken)


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
        if over.anew:
            await _lock_again(state, over, taken, connection, given.tree)
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


async def _lock_again(
    state: State, over: Over, taken: Taken, connection: Connection, tree: int
) -> None:
    """A server that was started anew knows of no locks; a file whose lock is another's now
    is closed.
    """
    for handle in [one for one in connection.handles.values() if one in taken.handles]:
        for one in state.locks.ranges.of(handle):
            where = (one.start, one.length, one.exclusive)
            asked = m.Lock(tree, handle.server_handle, one.kind, one.owner, *where)
            try:
                await over.ask(asked, m.Locked)
            except Refused:
                taken.unlocked[handle] = None


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
    if found.info is not None:
        learn(state, file, found.info)


def _is_same(state: State, handle: Handle, found: m.ReclaimedHandle) -> bool:
    file, info = handle.file, found.info
    if file in state.deferred or info is None or not file.info_known:
        return True
    return (info.size, info.mtime_ns) == (file.info.size, file.info.mtime_ns)
