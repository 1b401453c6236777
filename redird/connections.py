"""Which connections, handles and opens there are (`holdings` says what each is)."""

from redird.holdings import Connection, File, Handle, Open, PathKey, ServerHandle, path_key
from redird.leased.names import Names
from redird.sessions import Session
from redird.wire.messages import FileInfo


class ConnectionTable:
    """Connections, handles and opens; numbers are never used twice."""

    def __init__(self) -> None:
        self._connections: dict[int, Connection] = {}
        self._by_share: dict[tuple[int, str, str], Connection] = {}
        self._by_tree: dict[tuple[str, int], Connection] = {}
        self._by_session: dict[Session, dict[int, Connection]] = {}
        self._files: dict[tuple[str, int], File] = {}
        self._live_by_path: dict[PathKey, dict[Connection, dict[int, Handle]]] = {}
        self._last = 0

    # --- connections ---

    def begin(self, session: Session, server: str, share: str, link: str) -> Connection:
        """Record a connection that has no slot yet."""
        self._last += 1
        connection = Connection(self._last, session, server, share, link)
        self._connections[connection.number] = connection
        self._by_share[_share_key(session, server, share)] = connection
        self._by_session.setdefault(session, {})[connection.number] = connection
        return connection

    def given_tree(self, connection: Connection, tree: int, read_only: bool) -> None:
        """The server gave the connection a slot."""
        connection.tree, connection.read_only = tree, read_only
        connection.trees = (tree,)
        connection.recalled = False
        self._by_tree[connection.link, tree] = connection

    def moved(self, connection: Connection, tree: int, read_only: bool) -> None:
        """The connection goes on over a newer link, under another number."""
        earlier = connection.trees
        self.lost_tree(connection)
        self.given_tree(connection, tree, read_only)
        connection.trees = earlier

    def lost_tree(self, connection: Connection) -> None:
        """The slot is gone: given back, taken, or lost with the link."""
        if connection.tree is not None:
            self._by_tree.pop((connection.link, connection.tree), None)
            connection.tree = None

    def end(self, connection: Connection) -> None:
        """Forget a connection and the opens on it."""
        self.lost_tree(connection)
        if self._connections.pop(connection.number, None) is None:
            return
        session = connection.session
        del self._by_session[session][connection.number]
        if not self._by_session[session]:
            del self._by_session[session]
        key = _share_key(connection.session, connection.server, connection.share)
        if self._by_share.get(key) is connection:
            del self._by_share[key]

    def leave(self, connection: Connection, now: float) -> None:
        """Its session is gone, it is not: nobody will use it again (orphan)."""
        connection.left_at = now
        key = _share_key(connection.session, connection.server, connection.share)
        if self._by_share.get(key) is connection:
            del self._by_share[key]

    def find(self, owner: int, number: int) -> Connection | None:
        """Return the connection if it is of a session that came over this link."""
        connection = self._connections.get(number)
        if connection is None or connection.session.owner != owner:
            return None
        return None if connection.left_at is not None else connection

    def to_share(self, session: Session, server: str, share: str) -> Connection | None:
        """Return the session's connection to a share, if it has one."""
        return self._by_share.get(_share_key(session, server, share))

    def by_tree(self, link: str, tree: int) -> Connection | None:
        """Return the connection that holds a slot."""
        return self._by_tree.get((link, tree))

    def of_session(self, session: Session) -> list[Connection]:
        """Return a session's connections, the left ones too."""
        return list(self._by_session.get(session, {}).values())

    def of_link(self, link: str) -> list[Connection]:
        """Return the connections over one server link."""
        return [one for one in self._connections.values() if one.link == link]

    def all(self) -> list[Connection]:
        """Return every connection, oldest first."""
        return list(self._connections.values())

    # --- handles and opens ---

    def file(self, link: str, number: int, info: FileInfo, lease: int) -> File:
        """Record what a Create told of a file."""
        key = link, number
        file = self._files.get(key)
        if file is None:
            names = Names() if info.kind == "directory" else None
            file = self._files[key] = File(key, info, size=info.size, names=names)
        file.lease = lease
        return file

    def known_file(self, link: str, number: int) -> File | None:
        """Return the file of that number at a server, if we have it open."""
        return self._files.get((link, number))

    def renumber(self, file: File, number: int) -> None:
        """The server calls the file that now."""
        if file.key[1] != number and file.key in self._files:
            del self._files[file.key]
            file.key = file.key[0], number
            self._files[file.key] = file

    def files_of(self, link: str) -> list[File]:
        """Return the files known at a server."""
        return [file for key, file in self._files.items() if key[0] == link]

    def add_handle(
        self,
        connection: Connection,
        path: str,
        file: File,
        server_handle: ServerHandle,
        tree: int,
        access: int,
        share: int,
        parkable: bool,
        deletes: bool = False,
    ) -> Handle:
        """Record a handle that the server gave us."""
        self._last += 1
        handle = Handle(
            self._last,
            connection,
            path,
            file,
            server_handle,
            tree,
            access,
            share,
            parkable,
            deletes,
        )
        connection.handles[handle.number] = handle
        file.handles[handle] = None
        return handle

    def drop_handle(self, handle: Handle) -> None:
        """The server has closed it; its file is forgotten with the last one."""
        if handle.connection.handles.pop(handle.number, None) is None:
            return
        handle.dead = True
        self._unlist(handle)
        handle.file.handles.pop(handle, None)
        if not handle.file.handles:
            self._files.pop(handle.file.key, None)

    def add_open(self, connection: Connection, handle: Handle) -> Open:
        """Serve one more open of `connection`'s session by a handle."""
        self._last += 1
        opened = Open(self._last, connection, handle)
        connection.opens[opened.number] = opened
        handle.opens.add(opened.number)
        live = self._live_by_path.setdefault(path_key(handle), {})
        live.setdefault(handle.connection, {})[handle.number] = handle
        return opened

    def drop_open(self, opened: Open) -> Handle:
        """The application has closed it; returns the handle, which may serve others."""
        del opened.connection.opens[opened.number]
        opened.handle.opens.discard(opened.number)
        if not opened.handle.opens:
            self._unlist(opened.handle)
        return opened.handle

    def live_at(self, server: str, share: str, path: str) -> list[Handle]:
        """Return the handles in use on a path, whosever they are."""
        live = self._live_by_path.get((server, share, path), {})
        return [handle for held in live.values() for handle in held.values()]

    def live_of(self, connection: Connection, path: str) -> list[Handle]:
        """Return the handles in use on a path that are this connection's."""
        live = self._live_by_path.get((connection.server, connection.share, path), {})
        return list(live.get(connection, {}).values())

    def live_below(self, server: str, share: str, path: str) -> list[Handle]:
        """Return the handles in use below a folder, whosever they are."""
        below = path + "/"
        return [
            handle
            for key, live in self._live_by_path.items()
            if key[:2] == (server, share) and key[2].startswith(below)
            for held in live.values()
            for handle in held.values()
        ]

    def _unlist(self, handle: Handle) -> None:
        key, connection = path_key(handle), handle.connection
        live = self._live_by_path.get(key, {})
        live.get(connection, {}).pop(handle.number, None)
        if not live.get(connection):
            live.pop(connection, None)
        if not live:
            self._live_by_path.pop(key, None)

    def statistics(self) -> dict[str, int]:
        """Return flat counters."""
        return {
            "connections": len(self._connections),
            "connections_left": sum(
                one.left_at is not None for one in self._connections.values()
            ),
            "opens": sum(len(one.opens) for one in self._connections.values()),
            "files_known": len(self._files),
        }

    def validate(self) -> None:
        """Assert that the views of the table agree."""
        known = self._connections.values()
        assert {one for held in self._by_session.values() for one in held.values()} == {*known}
        assert {*self._by_share.values()} <= {*known}
        trees = {(one.link, one.tree): one for one in known if one.tree is not None}
        assert self._by_tree == trees
        handles = {handle for one in known for handle in one.handles.values()}
        assert handles == {handle for file in self._files.values() for handle in file.handles}
        assert all(file.handles for file in self._files.values())
        views = [held for live in self._live_by_path.values() for held in live.items()]
        assert all(one.connection is of for of, held in views for one in held.values())
        live = {handle for _, held in views for handle in held.values()}
        assert all(held for _, held in views)
        assert live == {handle for handle in handles if handle.opens}
        opens = {number: opened for one in known for number, opened in one.opens.items()}
        assert all(number in opened.handle.opens for number, opened in opens.items())
        assert {number for handle in handles for number in handle.opens} <= {*opens}


def _share_key(session: Session, server: str, share: str) -> tuple[int, str, str]:
    return session.number, server.casefold(), share.casefold()
