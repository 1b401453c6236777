"""What sessions ask: one function per request, named as the request.

A function takes (state, peer, request) and returns the reply or a coroutine. `tree` in a
request is our connection, `handle` our open; the servers' numbers never leave this process.
"""

import functools
from collections.abc import Callable
from typing import Any

import trio

from redird import extents, filing, locking, logoff, naming, redirector
from redird.fuse.mounts import Mounts, serve_logoff_user, serve_mount, serve_unmount
from redird.peers import Peer
from redird.state import State
from redird.trust import doubted, serve_later
from redird.views import VIEWS
from redird.wire import messages as m
from redird.wire.compound import serve_parts
from redird.wire.errors import Refused
from redird.wire.exchange import REQUESTS_MAX
from redird.wire.framing import PEER
from redird.wire.link import Answer
from redird.wire.messages import Message
from redird.wire.pages import page
from redird.wire.status import Status

CAPABILITIES = ("compound", "uses")


Function = Callable[[State, Peer, Any], Answer]


def serve(state: State, peer: Peer, request: Message) -> Answer:
    """Answer one request of one peer."""
    if isinstance(request, m.Compound):
        return serve_parts(functools.partial(serve, state, peer), request)
    function = FUNCTIONS.get(type(request))
    if function is None:
        raise Refused(Status.STATUS_INVALID_DEVICE_REQUEST, type(request).__name__)
    now = trio.current_time()
    if now >= state.trusted_until:
        link = doubted(state, peer, request, now)
        if link is not None:
            return serve_later(link, functools.partial(function, state, peer, request))
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
    if peer.link is not None:
        peer.link.exchange.trust_peer()
        state.know(peer.link)
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
    """End a session, also if whoever asks leaves; the reply is the proof."""
    session = state.session(peer.number, request.session)
    return await logoff.log_off(state, session, shield=True)


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
    return m.Enumerated(page(view(state, request.since)))


def _of_mounts(function: Callable[[Mounts, Peer, Any], Answer]) -> Function:
    def ask(state: State, peer: Peer, request: Message) -> Answer:
        if state.mounts is None:
            raise Refused(Status.STATUS_NOT_SUPPORTED, "mounts")
        return function(state.mounts, peer, request)

    return ask


FUNCTIONS: dict[type[Message], Function] = {
    m.Negotiate: negotiate,
    m.Logon: logon,
    m.Connect: connect,
    m.Disconnect: disconnect,
    m.Logoff: log_off,
    m.DescribeRefusal: describe_refusal,
    m.Create: filing.create,
    m.Close: filing.close,
    m.Read: filing.read,
    m.Write: filing.write,
    m.Flush: filing.flush,
    m.QueryInfo: filing.query_info,
    m.SetInfo: filing.set_info,
    m.QueryDirectory: filing.query_directory,
    m.QueryVolume: filing.query_volume,
    m.QueryUses: filing.query_uses,
    m.Rename: naming.rename,
    m.Unlink: naming.unlink,
    m.Link: naming.link,
    m.Symlink: naming.symlink,
    m.ReadLink: naming.read_link,
    m.GetXattr: extents.get_xattr,
    m.ListXattrs: extents.list_xattrs,
    m.SetXattr: extents.set_xattr,
    m.RemoveXattr: extents.remove_xattr,
    m.Allocate: extents.allocate,
    m.Seek: extents.seek,
    m.CopyRange: extents.copy_range,
    m.Lock: locking.lock,
    m.Unlock: locking.unlock,
    m.TestLock: locking.test_lock,
    m.MakeDirectory: naming.make_directory,
    m.RemoveDirectory: naming.remove_directory,
    m.Enumerate: enumerate_view,
    m.Mount: _of_mounts(serve_mount),
    m.Unmount: _of_mounts(serve_unmount),
    m.LogoffUser: _of_mounts(serve_logoff_user),
}
