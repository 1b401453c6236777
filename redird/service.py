"""What sessions ask: one function per request, named as the request.

A function takes (state, peer, request) and returns the reply or a coroutine. `tree` in a
request is our connection, `handle` our open; the servers' numbers never leave this process.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from redird import closing, logoff, opening, redirector
from redird.connections import Connection, Open
from redird.state import State
from redird.upstream import ServerLink
from redird.views import VIEWS
from redird.wire import messages as m
from redird.wire.compound import serve_parts
from redird.wire.errors import Refused
from redird.wire.exchange import REQUESTS_MAX
from redird.wire.files import LEASE_RWH
from redird.wire.framing import PEER
from redird.wire.link import Answer, Link
from redird.wire.messages import Message
from redird.wire.status import Status

CAPABILITIES = ("compound", "uses")


@dataclass(slots=True, eq=False)
class Peer:
    """Whoever is at the other end of a link to us. `private`: passwords may travel over it."""

    number: int
    link: Link
    uid: int | None
    private: bool
    own_uid: int


Function = Callable[[State, Peer, Any], Answer]


def serve(state: State, peer: Peer, request: Message) -> Answer:
    """Answer one request of one peer."""
    if isinstance(request, m.Compound):
        return serve_parts(functools.partial(serve, state, peer), request)
    function = FUNCTIONS.get(type(request))
    if function is None:
        raise Refused(Status.STATUS_INVALID_DEVICE_REQUEST, type(request).__name__)
    return function(state, peer, request)


# --- sessions ---------------------------------------------------------------------------------


def negotiate(state: State, peer: Peer, request: m.Negotiate) -> Message:
    """Agree on a version and on capabilities."""
    if not request.version_min <= m.PROTOCOL_VERSION <= request.version_max:
        raise Refused(
            Status.STATUS_REVISION_MISMATCH,
            f"versions {request.version_min} to {request.version_max}",
            {"version": m.PROTOCOL_VERSION},
        )
    both = tuple(name for name in CAPABILITIES if name in request.capabilities)
    return m.Negotiated(
        m.PROTOCOL_VERSION, both, "redird", state.instance, REQUESTS_MAX, PEER.payload_max
    )


async def logon(state: State, peer: Peer, request: m.Logon) -> Message:
    """Log a user on."""
    _require_private(peer, request.password)
    session = await redirector.log_on(
        state, peer.number, peer.uid, request.user, request.password, request.server
    )
    peer.link.exchange.trust_peer()
    peer.link.admit_by = None
    return m.LoggedOn(session.number)


def _require_private(peer: Peer, password: str) -> None:
    if password and not peer.private:
        raise Refused(
            Status.STATUS_NOT_SUPPORTED,
            "a password over a network in the clear: use a unix socket or loopback",
        )


async def connect(state: State, peer: Peer, request: m.Connect) -> Message:
    """Connect a session to a share."""
    _require_private(peer, request.password)
    session = state.session(peer.number, request.session)
    connection = await redirector.connect(
        state, session, request.server, request.share, request.password
    )
    return m.Connected(connection.number, connection.read_only)


async def disconnect(state: State, peer: Peer, request: m.Disconnect) -> Message:
    """End a connection."""
    connection = state.connection(peer.number, request.tree)
    closed = await redirector.disconnect(state, connection, force=request.force)
    return m.Disconnected(closed)


async def log_off(state: State, peer: Peer, request: m.Logoff) -> Message:
    """End a session; the reply is the proof."""
    return await logoff.log_off(state, state.session(peer.number, request.session))


async def describe_refusal(state: State, peer: Peer, request: m.DescribeRefusal) -> Message:
    """Fetch the receipt of a refusal from the server that gave it."""
    servers = list(state.config.servers)
    name = (request.server or (servers[0] if len(servers) == 1 else "")).casefold()
    mine = {one.number for one in state.sessions.of_owner(peer.number)}
    names = {name, *(f"{name}/{number}" for number in mine)}
    links = [link for link in state.links.values() if link.name in names]
    if not links:
        raise Refused(Status.STATUS_BAD_NETWORK_PATH, request.server or "name the server")
    return m.RefusalDescribed(await links[0].refusal(request.receipt))


# --- files ------------------------------------------------------------------------------------


async def create(state: State, peer: Peer, request: m.Create) -> Message:
    """Open a file."""
    connection = await _with_slot(state, peer, request.tree)
    return await opening.create(state, connection, request)


async def _with_slot(state: State, peer: Peer, tree: int) -> Connection:
    """Return the connection; one whose slot was recalled or lost takes one again."""
    connection = state.connection(peer.number, tree)
    if connection.tree is None or connection.releasing:
        while connection.releasing:
            await state.drained.park()
        await redirector.reconnect(state, connection)
    return connection


def _open(state: State, peer: Peer, tree: int, number: int) -> Open:
    connection = state.connection(peer.number, tree)
    opened = connection.opens.get(number)
    if opened is None:
        raise Refused(Status.STATUS_INVALID_HANDLE, f"open {number}")
    if opened.handle.dead or state.dormant.is_closing(opened.handle):
        raise Refused(Status.STATUS_FILE_CLOSED, opened.handle.path)
    return opened


def _link(state: State, opened: Open) -> ServerLink:
    return state.links[opened.handle.connection.link]


async def close(state: State, peer: Peer, request: m.Close) -> Message:
    """Close an open; its handle may stay, dormant."""
    connection = state.connection(peer.number, request.tree)
    opened = connection.opens.get(request.handle)
    if opened is None:
        raise Refused(Status.STATUS_INVALID_HANDLE, f"open {request.handle}")
    await opening.close(state, opened)
    return m.Closed()


async def read(state: State, peer: Peer, request: m.Read) -> Message:
    """Read from the server."""
    opened = _open(state, peer, request.tree, request.handle)
    handle = opened.handle
    data = await _link(state, opened).read(
        handle.tree, handle.server_handle, request.offset, request.length
    )
    return m.DataRead(data)


async def write(state: State, peer: Peer, request: m.Write) -> Message:
    """Write through to the server; what the reply tells of the file is remembered."""
    opened = _open(state, peer, request.tree, request.handle)
    handle = opened.handle
    done = await _link(state, opened).write(
        handle.tree, handle.server_handle, request.offset, request.data
    )
    handle.file.info = done.info
    return done


async def flush(state: State, peer: Peer, request: m.Flush) -> Message:
    """Bring a file to the server's disk."""
    opened = _open(state, peer, request.tree, request.handle)
    await _link(state, opened).flush(opened.handle.tree, opened.handle.server_handle)
    return m.Flushed()


async def query_info(state: State, peer: Peer, request: m.QueryInfo) -> Message:
    """Tell about an open file, from memory under RWH, or about a path."""
    if isinstance(request.target, str):
        connection = await _with_slot(state, peer, request.tree)
        tree, target = _tree(connection), request.target
        return m.InfoFound(await state.links[connection.link].query_info(tree, target))
    opened = _open(state, peer, request.tree, request.target)
    handle = opened.handle
    if handle.file.lease != LEASE_RWH:
        handle.file.info = await _link(state, opened).query_info(
            handle.tree, handle.server_handle
        )
    return m.InfoFound(handle.file.info)


def _tree(connection: Connection) -> int:
    if connection.tree is None:
        raise Refused(Status.STATUS_NETWORK_NAME_DELETED, connection.share)
    return connection.tree


async def set_info(state: State, peer: Peer, request: m.SetInfo) -> Message:
    """Change attributes; a file that is to be deleted is not kept after its close."""
    changes = (request.size, request.mode, request.mtime_ns, request.atime_ns, request.delete)
    if isinstance(request.target, str):
        connection = await _with_slot(state, peer, request.tree)
        await _close_dormant(state, connection, request.target)
        link = state.links[connection.link]
        return m.InfoSet(
            await link.set_info(m.SetInfo(_tree(connection), request.target, *changes))
        )
    opened = _open(state, peer, request.tree, request.target)
    handle = opened.handle
    info = await _link(state, opened).set_info(
        m.SetInfo(handle.tree, handle.server_handle, *changes)
    )
    handle.file.info = info
    if request.delete is not None:
        handle.parkable = not request.delete
    return m.InfoSet(info)


async def query_directory(state: State, peer: Peer, request: m.QueryDirectory) -> Message:
    """Return a page of an open folder."""
    opened = _open(state, peer, request.tree, request.handle)
    handle = opened.handle
    query = m.QueryDirectory(
        handle.tree,
        handle.server_handle,
        request.pattern,
        request.restart,
        request.entries_max,
    )
    return m.DirectoryFound(await _link(state, opened).query_directory(query))


async def query_volume(state: State, peer: Peer, request: m.QueryVolume) -> Message:
    """Tell about the disk under a share."""
    connection = await _with_slot(state, peer, request.tree)
    return await state.links[connection.link].query_volume(_tree(connection))


async def query_uses(state: State, peer: Peer, request: m.QueryUses) -> Message:
    """How full is the share?"""
    connection = state.connection(peer.number, request.tree)
    uses = await state.links[connection.link].uses(_tree(connection))
    if uses is None:
        raise Refused(Status.STATUS_NOT_SUPPORTED, connection.server)
    return m.UsesFound(uses, None)


# --- names ------------------------------------------------------------------------------------


async def rename(state: State, peer: Peer, request: m.Rename) -> Message:
    """Rename; dormant handles on both names, and below a folder, are closed first."""
    connection = await _with_slot(state, peer, request.tree)
    await _close_dormant(state, connection, request.path, request.target)
    upstream = m.Rename(_tree(connection), request.path, request.target, request.replace)
    return await state.links[connection.link].change_names(upstream, m.Renamed)


async def unlink(state: State, peer: Peer, request: m.Unlink) -> Message:
    """Delete a file."""
    return await _change_name(state, peer, request, m.Unlink, m.Unlinked)


async def make_directory(state: State, peer: Peer, request: m.MakeDirectory) -> Message:
    """Make a folder."""
    return await _change_name(state, peer, request, m.MakeDirectory, m.DirectoryMade)


async def remove_directory(state: State, peer: Peer, request: m.RemoveDirectory) -> Message:
    """Remove an empty folder."""
    return await _change_name(state, peer, request, m.RemoveDirectory, m.DirectoryRemoved)


async def _change_name(
    state: State, peer: Peer, request: Any, kind: Any, expected: type[Message]
) -> Message:
    connection = await _with_slot(state, peer, request.tree)
    await _close_dormant(state, connection, request.path)
    link = state.links[connection.link]
    return await link.change_names(kind(_tree(connection), request.path), expected)


async def _close_dormant(state: State, connection: Connection, *paths: str) -> None:
    """A dormant handle never costs anybody access: close ours on these names and below."""
    taken = []
    for path in paths:
        at = (connection.server, connection.share, path)
        taken += state.dormant.take_path(*at) + state.dormant.take_below(*at)
    if taken:
        await closing.close_handles(state, taken)


# --- administration ---------------------------------------------------------------------------


def enumerate_view(state: State, peer: Peer, request: m.Enumerate) -> Message:
    """Return a page of an admin view; only for root and the daemon's own user."""
    if peer.uid is None or peer.uid not in (0, peer.own_uid):
        raise Refused(
            Status.STATUS_ACCESS_DENIED,
            "administration: come over the unix socket as root or as the daemon's user",
        )
    view = VIEWS.get(request.view)
    if view is None:
        raise Refused(Status.STATUS_NOT_FOUND, f"view {request.view}; there are {list(VIEWS)}")
    return m.Enumerated(tuple(view(state, request.since)))


FUNCTIONS: dict[type[Message], Function] = {
    m.Negotiate: negotiate,
    m.Logon: logon,
    m.Connect: connect,
    m.Disconnect: disconnect,
    m.Logoff: log_off,
    m.DescribeRefusal: describe_refusal,
    m.Create: create,
    m.Close: close,
    m.Read: read,
    m.Write: write,
    m.Flush: flush,
    m.QueryInfo: query_info,
    m.SetInfo: set_info,
    m.QueryDirectory: query_directory,
    m.QueryVolume: query_volume,
    m.QueryUses: query_uses,
    m.Rename: rename,
    m.Unlink: unlink,
    m.MakeDirectory: make_directory,
    m.RemoveDirectory: remove_directory,
    m.Enumerate: enumerate_view,
}
