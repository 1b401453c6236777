"""Log off: what a preset does with what a session leaves, and the proof of it.

A logoff is answered last, when the servers have confirmed what it says was done. It is bounded:
out of time, each connection is disconnected all the same, and what is left stands in the proof.
"""

import structlog
import trio

from redird import closing, parking
from redird.holdings import Connection, Handle
from redird.leased.flushing import flush_connections
from redird.presets import FORCE, PURGE
from redird.routing import drop_links
from redird.sessions import Session
from redird.state import State
from redird.wire.errors import Refused
from redird.wire.messages import LoggedOff, ShareProof, TreeDisconnected
from redird.wire.status import Status

log = structlog.get_logger()
TEARDOWN_MAX_S = 2.0  # for what still must be sent when a logoff is out of time


async def log_off(state: State, session: Session, *, shield: bool = False) -> LoggedOff:
    """End a session as the preset does; returns the proof.

    `shield`: it goes on though whoever asked leaves, as what nobody gives back would stay for
    ever.
    """
    if not state.sessions.start_logoff(session):
        raise Refused(Status.STATUS_USER_SESSION_DELETED, session.user)
    began = trio.current_time()
    ending = _Logoff(state, session)
    try:
        with trio.move_on_after(state.config.logoff_max_s, shield=shield) as bound:
            await ending.run()
        if bound.cancelled_caught:
            with trio.CancelScope(shield=True), trio.move_on_after(TEARDOWN_MAX_S):
                await ending.run_out_of_time()
    finally:
        ending.forget_session()
    log.info(
        "session_ended",
        session=session.number,
        user=session.user,
        opens=session.opens,
        revived=session.revived,
        files_closed=ending.handles_closed,
        requests=ending.requests_sent,
        residue=ending.residue,
        drain_s=round(trio.current_time() - began, 4),
    )
    return LoggedOff(
        ending.handles_closed,
        ending.requests_sent,
        tuple(ending.proofs),
        tuple(ending.residue),
    )


class _Logoff:
    """One logoff under way: what was closed, what is proven, what was left."""

    def __init__(self, state: State, session: Session) -> None:
        self.state = state
        self.session = session
        self.handles_closed = 0
        self.requests_sent = 0
        self.proofs: list[ShareProof] = []
        self.residue: list[str] = []

    async def run(self) -> None:
        """End every connection as the preset does, then the sessions at the servers."""
        connections = self.state.connections.of_session(self.session)
        for connection in connections:
            self.state.note(connection)
        self.session.flushing = True
        try:
            self.residue += await flush_connections(self.state, connections)
        finally:
            self.session.flushing = False
        if self.state.policy.logoff == FORCE:
            await self._force(connections)
            return
        for connection in connections:
            await self._end(connection)
        before = len(self.session.upstream)
        self.residue += await closing.log_off_upstream(self.state, self.session)
        self.requests_sent += before - len(self.session.upstream)

    async def _end(self, connection: Connection) -> None:
        state = self.state
        if state.policy.logoff == PURGE:
            await self._close(self._take_all(connection))
            await closing.wait_drained(state, connection)
        else:
            await self._close(parking.run_down(state, connection))
        if state.is_drained(connection):
            await self._disconnect(connection)
        else:
            await self._leave(connection)

    def _take_all(self, connection: Connection) -> list[Handle]:
        """Everything under the connection closes now, whichever sessions use it."""
        state = self.state
        taken = parking.run_down(state, connection)
        taken += state.dormant.take_connection(connection)
        return taken + state.dormant.start_closing(connection.handles.values())

    async def _close(self, handles: list[Handle]) -> None:
        if handles:
            self.handles_closed += len(handles)
            self.requests_sent += -(-len(handles) // self.state.policy.batch_max)
            await closing.close_handles(self.state, handles)

    async def _disconnect(self, connection: Connection) -> None:
        if connection.tree is None:
            return
        self.requests_sent += 1
        done = await closing.release(self.state, connection)
        if done is not None:
            self._prove(connection, done)
        else:
            where = f"{connection.server}\\{connection.share}"
            self.residue.append(f"{where}: the link was lost, which freed the slot")

    def _prove(self, connection: Connection, done: TreeDisconnected) -> None:
        self.handles_closed += done.handles_closed
        self.proofs.append(
            ShareProof(
                connection.server,
                connection.share,
                done.uses_before,
                done.uses_after,
                done.handles_closed,
                True,
            )
        )

    async def _leave(self, connection: Connection) -> None:
        """Q248371: files reference the connection, so it stays, and its slot with it."""
        uses = -1
        if connection.tree is not None:
            self.requests_sent += 1
            try:
                counted = await self.state.links[connection.link].uses(connection.tree)
                uses = -1 if counted is None else counted
            except Refused as no:
                log.warning("uses_unknown", share=connection.share, reason=str(no))
        proof = ShareProof(connection.server, connection.share, uses, uses, 0, False)
        self.proofs.append(proof)
        files = len(connection.handles)
        self.residue.append(
            f"{connection.server}\\{connection.share}: the connection is left, with its slot:"
            f" {files} dormant file{'s' * (files != 1)}"
        )

    async def _force(self, connections: list[Connection]) -> None:
        """Q184836: LOGOFF with everything open; files of others go with it (Q179983)."""
        state = self.state
        while self.session.upstream:
            link, number = self.session.upstream.popitem()
            self.requests_sent += 1
            try:
                done = await state.links[link].log_off(number)
            except Refused as no:
                self.residue.append(f"{link}: {no}")
                continue
            self.handles_closed += done.handles_closed
            self.proofs += done.shares
        for connection in connections:
            closing.slot_lost(state, connection)

    async def run_out_of_time(self) -> None:
        """Disconnect what is still connected; the server closes what is under it."""
        limit_s = self.state.config.logoff_max_s
        self._count_unsent()
        for connection in self.state.connections.of_session(self.session):
            if connection.tree is not None:
                files = len(connection.handles)
                undone = f"{files} file{'s' * (files != 1)} not closed" if files else "not left"
                where = f"{connection.server}\\{connection.share}"
                self.residue.append(f"{where}: {undone} within {limit_s:g} s")
                await self._disconnect(connection)
        self.residue += await closing.log_off_upstream(self.state, self.session)

    def _count_unsent(self) -> None:
        """What is deferred through handles of this session is lost now, and said to be."""
        for connection in self.state.connections.of_session(self.session):
            for file in dict.fromkeys(one.file for one in connection.handles.values()):
                size = self.state.deferred.bytes_by(file, connection)
                if size:
                    where = f"{connection.server}\\{connection.share}"
                    path = next(one.path for one in file.handles)
                    self.residue.append(f"{where}\\{path}: {size} bytes were not written")

    def forget_session(self) -> None:
        """The session is gone now; connections that still hold a slot are orphans."""
        state = self.state
        for connection in state.connections.of_session(self.session):
            taken = parking.run_down(state, connection)  # by handles of others, or cut short
            if taken:
                state.spawn(closing.close_handles, state, taken)
            if connection.tree is None:
                state.connections.end(connection)
                continue
            state.connections.leave(connection, trio.current_time())
            if state.policy.logoff == FORCE and not connection.releasing:  # cut short
                connection.releasing = True
                state.spawn(closing.release_left, state, connection)
            closing.settle(state, connection)
        state.sessions.end(self.session)
        state.connecting.pop(self.session.number, None)
        drop_links(state, self.session)
        state.rearmed.unpark_all()
        state.drained.unpark_all()
