"""A file was made by a request that was asked again: where its handle is, and its lease."""

from dataclasses import replace

from redird import closing
from redird.holdings import Handle, closed
from redird.returning import regained
from redird.state import State
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.link import Link


def without_lease(state: State, link: str, created: m.Created) -> m.Created:
    """Return an answer that may be an old one, believing nothing new of a lease."""
    known = state.connections.known_file(link, created.file)
    return replace(created, lease=0 if known is None else known.lease)


async def adopt(state: State, name: str, link: Link, tree: int, number: int) -> None:
    """Take a handle over from the tree under which it was made; Refused if it is gone.

    Raises LinkLost.
    """
    connection = state.connections.by_tree(name, tree)
    if connection is None:
        return
    handles = connection.handles.values()
    handle = next((one for one in handles if one.server_handle == number), None)
    if handle is None:  # whoever asked has left, and it is closed again
        return
    for before in reversed(connection.trees):
        if before != tree and await _is_under(state, link, handle, tree, before):
            return
    try:
        await link.request(m.QueryInfo(tree, number))
    except Refused:
        closing.forget(state, [handle])
        raise closed(handle) from None


async def _is_under(state: State, link: Link, handle: Handle, tree: int, before: int) -> bool:
    found: list[m.ReclaimedHandle] = []

    def heard(reply: m.Message) -> None:
        if isinstance(reply, m.Reclaimed) and reply.handles[:1] and not reply.handles[0].status:
            found.append(reply.handles[0])
            regained(state, handle, reply.handles[0])

    try:
        await link.request(m.Reclaim(tree, before, (handle.server_handle,), True), heard)
    except Refused:
        return False  # the server knows nothing of that tree
    return bool(found)
