"""The story over the tables: log on, connect, disconnect (`logoff` and `opening` go on).

Every decision is made by a table between two awaits; what is awaited is a server.
"""

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from redird import closing, parking
from redird.holdings import Connection
from redird.leased.flushing import flush_connections
from redird.proving import NONCE_BYTES, is_known, keys_for
from redird.routing import drop_links, server_link
from redird.sessions import Session, SessionKeys
from redird.state import State
from redird.upstream import Tree
from redird.wire.errors import Refused
from redird.wire.status import Status

# --- logging on -------------------------------------------------------------------------------


async def log_on(
    state: State,
    owner: int,
    uid: int | None,
    user: str,
    password: str,
    server: str,
    keys: SessionKeys | None = None,
) -> Session:
    """Log a user on, proving the password at `server` (or at the only one there is).

    Without a server to prove it at, the first Connect proves it. `keys` are those of an earlier
    session of the same local user, derived from a password that was not kept.
    """
    if state.stopping:
        raise Refused(Status.STATUS_USER_SESSION_DELETED, "the redirector is stopping")
    if len(state.sessions) >= state.config.sessions_max:
        raise Refused(Status.STATUS_TOO_MANY_SESSIONS, user)
    session = state.sessions.begin(user, owner, uid, state.world.wall_now())
    session.keys.update(keys or {})
    servers = list(state.config.servers)
    proven_at = server or (servers[0] if len(servers) == 1 else "")
    try:
        if proven_at:
            await _upstream_session(state, session, proven_at, password)
    except BaseException:
        state.sessions.end(session)
        drop_links(state, session)
        raise
    return session


async def _upstream_session(state: State, session: Session, server: str, password: str) -> str:
    """Make sure that the session is logged on at a server; returns the name of the link."""
    link = server_link(state, session, server)
    if session.upstream.get(link.name) is None:
        keys = functools.partial(keys_for, state, session, server, password)
        nonce, known = state.world.token_hex(NONCE_BYTES), is_known(session, server)
        with trio.CancelScope(shield=True):  # a session we do not know of nobody would log off
            number = await link.log_on(
                session.user, keys, nonce, proof_needed=bool(password) or known
            )
            session.upstream[link.name] = number
            if not session.active:  # it logged off meanwhile
                await closing.log_off_upstream(state, session)
    _require_active(session)
    return link.name


def _require_active(session: Session) -> None:
    if not session.active:
        raise Refused(Status.STATUS_USER_SESSION_DELETED, session.user)


# --- connecting -------------------------------------------------------------------------------


async def connect(
    state: State, session: Session, server: str, share: str, password: str
) -> Connection:
    """Connect a session to a share, which takes a slot there; raises Refused.

    A second connect of the same session to the same share is the same connection.
    """
    async with _connecting(state, session):
        known = state.connections.to_share(session, server, share)
        if known is not None:
            await _reconnect(state, known, password)
            known.references += 1
            return known
        link = await _upstream_session(state, session, server, password)
        # Names of servers and shares are one whatever their case; so are the tables' keys.
        where = server.casefold(), share.casefold()
        connection = state.connections.begin(session, *where, link)
        try:
            await _take_slot(state, connection)
        except BaseException:
            if connection.tree is None:
                state.connections.end(connection)
            raise
        return connection


@asynccontextmanager
async def _connecting(state: State, session: Session) -> AsyncIterator[None]:
    """A session connects to one share at a time: two at once would take two slots."""
    _require_active(session)
    lock = state.connecting.setdefault(session.number, trio.Lock())
    try:
        lock.acquire_nowait()  # nearly always: a turn of the loop is saved
    except trio.WouldBlock:
        await lock.acquire()
    try:
        _require_active(session)
        yield
    finally:
        lock.release()


async def _take_slot(state: State, connection: Connection) -> None:
    def given(tree: Tree) -> None:
        state.connections.given_tree(connection, tree.number, tree.read_only)
        state.note(connection)

    session = connection.session
    link = state.links[connection.link]
    with trio.CancelScope(shield=True):  # a slot we do not know of nobody would give back
        await link.tree_connect(session.upstream[connection.link], connection.share, given)
        if not session.active:  # it logged off meanwhile
            await closing.release(state, connection)
    _require_active(session)


async def reconnect(state: State, connection: Connection) -> None:
    """Take a slot again for a connection that gave its own back (recalled) or lost it."""
    async with _connecting(state, connection.session):
        await _reconnect(state, connection, "")


async def _reconnect(state: State, connection: Connection, password: str) -> None:
    await state.links[connection.link].wait_recovered()
    _require_there(state, connection)
    if connection.tree is not None:
        return
    recalled = connection.recalled
    try:
        await _upstream_session(state, connection.session, connection.server, password)
        await _take_slot(state, connection)
    except Refused as no:
        raise Refused(no.status, no.subject, no.detail | {"recalled": recalled}) from None


def _require_there(state: State, connection: Connection) -> None:
    """It may have been disconnected while we waited."""
    if state.connections.find(connection.session.owner, connection.number) is not connection:
        raise Refused(Status.STATUS_NETWORK_NAME_DELETED, connection.share)


async def disconnect(state: State, connection: Connection, *, force: bool) -> int:
    """End a connection; returns how many handles that closed. Refused if it is in use."""
    async with _connecting(state, connection.session):
        _require_there(state, connection)
        if connection.references > 1 and not force:
            connection.references -= 1
            return 0
        _require_disconnectable(state, connection, force)
        connection.releasing = True  # until it has gone nothing is opened any more
        try:
            await flush_connections(state, [connection])
            taken = parking.run_down(state, connection)
            taken += state.dormant.take_connection(connection)
            await closing.close_handles(state, taken)
            done = await closing.release(state, connection)
        finally:
            connection.releasing = False
            state.drained.unpark_all()
        state.connections.end(connection)
        return len(taken) + (done.handles_closed if done else 0)


def _require_disconnectable(state: State, connection: Connection, force: bool) -> None:
    if force:
        return
    if connection.opens or connection.opening:
        raise Refused(Status.STATUS_FILES_OPEN, connection.share)
    if state.policy.disconnect_needs_no_references and not state.is_drained(connection):
        raise Refused(Status.STATUS_CONNECTION_IN_USE, connection.share)
