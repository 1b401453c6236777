"""Finds the function that serves a request."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from redird.wire import messages as m
from redird.wire.compound import serve_parts
from redird.wire.errors import Refused
from redird.wire.messages import Message
from redird.wire.status import Status
from shareserver.breaking import Away, wait_returned
from shareserver.service import (
    administration,
    casing,
    extents,
    files,
    locks,
    names,
    once,
    opening,
    recovery,
    sessions,
)
from shareserver.state import Peer, State

Answer = Message | Awaitable[Message]
Function = Callable[[State, Peer, Any], Answer]

FUNCTIONS: dict[type[Message], Function] = {
    m.Negotiate: sessions.negotiate,
    m.SessionSetup: sessions.session_setup,
    m.TreeConnect: sessions.tree_connect,
    m.TreeDisconnect: sessions.tree_disconnect,
    m.Logoff: sessions.logoff,
    m.QueryUses: sessions.query_uses,
    m.DescribeRefusal: sessions.describe_refusal,
    m.Reclaim: recovery.reclaim,
    m.Create: opening.create,
    m.Read: files.read,
    m.Write: files.write,
    m.Flush: files.flush,
    m.Close: files.close,
    m.CloseBatch: files.close_batch,
    m.QueryInfo: files.query_info,
    m.SetInfo: files.set_info,
    m.QueryDirectory: files.query_directory,
    m.QueryVolume: files.query_volume,
    m.Rename: names.rename,
    m.Unlink: names.unlink,
    m.Link: names.link,
    m.Symlink: names.symlink,
    m.ReadLink: names.read_link,
    m.GetXattr: extents.get_xattr,
    m.ListXattrs: extents.list_xattrs,
    m.SetXattr: extents.set_xattr,
    m.RemoveXattr: extents.remove_xattr,
    m.Allocate: extents.allocate,
    m.Seek: extents.seek,
    m.CopyRange: extents.copy_range,
    m.Lock: locks.lock,
    m.Unlock: locks.unlock,
    m.TestLock: locks.test_lock,
    m.MakeDirectory: names.make_directory,
    m.RemoveDirectory: names.remove_directory,
    m.Enumerate: administration.enumerate_view,
    m.ForceClose: administration.force_close,
}


def serve(state: State, peer: Peer, request: Message) -> Answer:
    """Answer one request of one peer."""
    if isinstance(request, m.Compound):
        return serve_parts(functools.partial(serve, state, peer), request)
    if isinstance(request, m.Once):
        return once.once(functools.partial(serve, state, peer), state, peer, request)
    function = FUNCTIONS.get(type(request))
    if function is None:
        raise Refused(Status.STATUS_INVALID_DEVICE_REQUEST, type(request).__name__)
    named = request
    if type(request) in casing.PATHS:
        named = casing.as_named(state, peer, request)
    try:
        answer = function(state, peer, named)
    except Away:
        return _when_returned(state, peer, request)
    if isinstance(answer, Message) or not state.is_returning:
        return answer
    return _answered(state, peer, request, answer)


async def _answered(
    state: State, peer: Peer, request: Message, answer: Awaitable[Message]
) -> Message:
    try:
        return await answer
    except Away:
        return await _when_returned(state, peer, request)


async def _when_returned(state: State, peer: Peer, request: Message) -> Message:
    """Nothing was changed: serve it again from its beginning when somebody is back."""
    await wait_returned(state)
    answer = serve(state, peer, request)
    return answer if isinstance(answer, Message) else await answer
