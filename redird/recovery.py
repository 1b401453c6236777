"""The story of a lost link: what waits, what is given up at once, what counts afterwards.

What is taken up again is `returning`'s to do; until everything is, the tables are those of the
lost link.
"""

import structlog
import trio

from redird import closing
from redird.asked import Counts
from redird.dialled import Outage, Over
from redird.holdings import Connection
from redird.leased import promises
from redird.reclaims import Taken, is_taken_up, sessions_of
from redird.state import State
from redird.wire import messages as m
from redird.wire.errors import LinkLost, Refused
from redird.wire.messages import Message

log = structlog.get_logger()


# --- the loss ---------------------------------------------------------------------------------


def suspend(state: State, link: str, why: str) -> bool:
    """A link is lost: give up what is not taken up again; returns whether anything is."""
    state.trusted_until = 0.0
    state.note_link("link_lost", link, why=why)
    log.info("link_lost", link=link, why=why)
    promises.call_back_lost(state, state.connections.files_of(link))
    for connection in state.connections.of_link(link):
        if is_taken_up(connection):
            closing.forget(state, state.dormant.of_connection(connection))
        else:
            lose(state, connection)
    for session in state.sessions.all():
        if not session.goes_on:
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


# --- from now on it counts --------------------------------------------------------------------


def commit(state: State, link: str, over: Over, taken: Taken) -> Counts:
    connections = [one for one in state.connections.of_link(link) if one.tree is not None]
    handles = sum(len(one.handles) for one in connections)
    for session in {*state.sessions.all(), *(one.session for one in connections)}:
        session.upstream.pop(link, None)  # a server that forgot gives old numbers anew
    for session, number in taken.sessions.items():
        if session.goes_on and session in state.sessions:
            session.upstream[link] = number
        else:
            state.spawn(_leave, over, m.Logoff(number))
    _move_all(state, over, connections, taken)
    for tree, _ in taken.trees.values():  # of whoever left meanwhile
        state.spawn(_leave, over, m.TreeDisconnect(tree))
    kept = sum(len(one.handles) for one in connections)
    slots = sum(one.tree is not None for one in connections)
    return {"slots": slots, "handles_reclaimed": kept, "handles_lost": handles - kept}


def _move_all(state: State, over: Over, connections: list[Connection], taken: Taken) -> None:
    stay = {connection for connection in connections if is_taken_up(connection)}
    for connection in connections:  # all first: a server that forgot gives old numbers anew
        state.connections.lost_tree(connection)
    for connection in connections:
        if connection in stay:
            _move(state, over, connection, taken)
        else:
            lose(state, connection)


def _move(state: State, over: Over, connection: Connection, taken: Taken) -> None:
    """A connection goes on under its new tree, or it has none any more."""
    tree, read_only = taken.trees.get(connection, (0, False))
    if not tree or tree in taken.ended:
        lose(state, connection)
        return
    del taken.trees[connection]
    state.connections.moved(connection, tree, read_only)
    _keep(state, over, connection, taken)


def _keep(state: State, over: Over, connection: Connection, taken: Taken) -> None:
    """Handles of a connection that were not reclaimed are closed."""
    kept = [one for one in connection.handles.values() if one in taken.handles]
    lost = [(connection.trees[-1], one.server_handle) for one in kept if one in taken.unlocked]
    if lost:
        state.spawn(_leave, over, m.CloseBatch(tuple(lost)))
    kept = [one for one in kept if one not in taken.unlocked]
    for handle in kept:
        handle.tree = connection.trees[-1]
    closing.forget(state, [one for one in connection.handles.values() if one not in kept])
    state.note(connection)


async def _leave(over: Over, request: Message) -> None:
    """Give back what was taken for somebody who has left meanwhile."""
    try:
        await over.link.request(request)
    except (Refused, LinkLost):
        return  # it is gone already
