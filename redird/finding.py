"""How a request's numbers lead to what they name: a connection with a slot, an open, a link."""

from redird import redirector
from redird.holdings import Connection, Open, closed
from redird.peers import Peer
from redird.state import State
from redird.upstream import ServerLink
from redird.wire.errors import Refused
from redird.wire.status import Status


async def with_slot(state: State, peer: Peer, tree: int) -> Connection:
    """Return the connection; one whose slot was recalled or lost takes one again."""
    connection = state.connection(peer.number, tree)
    if connection.tree is None or connection.releasing:
        while connection.releasing:
            await state.drained.park()
        await redirector.reconnect(state, connection)
    return connection


def opened_file(state: State, peer: Peer, tree: int, number: int) -> Open:
    """Return an open of this peer's that is still good, or refuse."""
    connection = state.connection(peer.number, tree)
    opened = connection.opens.get(number)
    if opened is None:
        raise Refused(Status.STATUS_INVALID_HANDLE, f"open {number}")
    if opened.handle.dead or state.dormant.is_closing(opened.handle):
        raise closed(opened.handle)
    return opened


def link_of(state: State, opened: Open) -> ServerLink:
    """Return the link its handle came over."""
    return state.links[opened.handle.connection.link]


def tree_of(connection: Connection) -> int:
    """Return the server's number of the connection, or refuse if it has no slot."""
    if connection.tree is None:
        raise Refused(Status.STATUS_NETWORK_NAME_DELETED, connection.share)
    return connection.tree
