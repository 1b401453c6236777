"""How a request is asked again over a newer link: by what it names, not by the numbers.

Trees are others then, handles may be gone. Nothing of this is computed before a link is lost.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from redird.connections import ConnectionTable
from redird.holdings import Connection, Handle, closed
from redird.sessions import Session
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.messages import APPEND, Message
from redird.wire.status import Status

# Done again they would undo what others have done since, or be refused.
_CHANGES = frozenset(
    {
        *(m.Unlink, m.Rename, m.Link, m.Symlink, m.MakeDirectory, m.RemoveDirectory),
        *(m.SetInfo, m.SetXattr, m.RemoveXattr, m.Allocate, m.CopyRange),
    }
)
# Of these some, or all, must not be done twice.
ONCE = _CHANGES | {m.Create, m.Write}
# What a lost link has done already; nobody need ask again.
DONE_BY_THE_LOSS = (m.TreeDisconnect, m.Logoff)


def must_not_twice(request: Message) -> bool:
    """Whether it would be wrong to do a request again that may have been done."""
    if isinstance(request, m.Create):
        return request.disposition != f.FILE_OPEN or bool(
            request.options & f.FILE_DELETE_ON_CLOSE
        )
    if isinstance(request, m.Write):
        return request.offset == APPEND  # under a lease with W nobody else has written
    return type(request) in _CHANGES


class Standing:
    """A request and what it names, whatever the numbers of that are later."""

    def __init__(
        self,
        link: str,
        request: Message,
        connection: Connection | None,
        session: Session | None,
        handles: dict[int, Handle],
    ) -> None:
        self._link = link
        self._request: Any = request
        self._connection = connection
        self._session = session
        self._handles = handles

    def answer(self) -> Message | None:
        """Return the answer if nothing is left to ask: what is dead was closed."""
        closes = isinstance(self._request, m.Close | m.CloseBatch)
        if not closes or any(not one.dead for one in self._handles.values()):
            return None
        return m.Closed() if isinstance(self._request, m.Close) else m.BatchClosed(())

    def request(self) -> Message:
        """Return what to ask now; Refused if what it names is gone."""
        request: Any = self._translated()
        assert isinstance(request, Message)
        return request

    def _translated(self) -> Any:
        request = self._request
        if isinstance(request, m.CloseBatch):
            alive = [one for one in self._handles.values() if not one.dead]
            return m.CloseBatch(tuple((one.tree, one.server_handle) for one in alive))
        if self._session is not None:
            return replace(request, session=self._number())
        if self._connection is None:
            return request
        for handle in self._handles.values():
            if handle.dead:
                raise closed(handle)
            return replace(request, tree=handle.tree)
        if self._connection.tree is None:
            raise Refused(Status.STATUS_NETWORK_NAME_DELETED, self._connection.share)
        return replace(request, tree=self._connection.tree)

    def _number(self) -> int:
        assert self._session is not None
        number = self._session.upstream.get(self._link)
        if number is None:
            raise Refused(Status.STATUS_USER_SESSION_DELETED, self._session.user)
        return number


def stand(
    connections: ConnectionTable, sessions: Iterable[Session], link: str, request: Message
) -> Standing:
    """Find what a request names while its numbers still say it; Refused if nobody knows."""
    asked: Any = request
    if isinstance(request, m.CloseBatch):
        pairs = request.handles
        found = {n: _handle(connections, link, tree, n) for tree, n in pairs}
        known = {number: handle for number, handle in found.items() if handle is not None}
        return Standing(link, request, None, None, known)
    if isinstance(request, m.TreeConnect):
        by_number = {one.upstream.get(link): one for one in sessions}
        session = by_number.get(request.session)
        if session is None:
            raise Refused(Status.STATUS_USER_SESSION_DELETED, request.share)
        return Standing(link, request, None, session, {})
    tree = getattr(asked, "tree", None)
    if tree is None:
        return Standing(link, request, None, None, {})
    connection = connections.by_tree(link, tree)
    if connection is None:
        raise Refused(Status.STATUS_NETWORK_NAME_DELETED, f"tree {tree}")
    return Standing(link, request, connection, None, _named(connections, link, asked))


def _named(connections: ConnectionTable, link: str, asked: Any) -> dict[int, Handle]:
    """Return the handles a request under a tree names, or refuse."""
    values = (getattr(asked, name, None) for name in ("handle", "target", "source"))
    numbers = [value for value in values if type(value) is int]
    found = {}
    for number in numbers:
        handle = _handle(connections, link, asked.tree, number)
        if handle is None:
            raise Refused(Status.STATUS_FILE_CLOSED, f"handle {number}")
        found[number] = handle
    return found


def _handle(connections: ConnectionTable, link: str, tree: int, number: int) -> Handle | None:
    connection = connections.by_tree(link, tree)
    if connection is None:
        return None
    handles = connection.handles.values()
    return next((one for one in handles if one.server_handle == number), None)
