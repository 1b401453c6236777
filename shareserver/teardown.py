"""How everything is given back: a handle, a tree, a session, a peer; each once, from below up.

A TreeDisconnect closes every handle under it whatever its lease (MS-CIFS 3.3.5.41), a Logoff
every tree of the session (3.3.5.44), a lost link everything that came over it.
"""

from dataclasses import dataclass

import structlog
import trio

from redird.wire.errors import Refused
from redird.wire.messages import ShareProof, TreeDisconnected
from redird.wire.status import Status
from shareserver import inway
from shareserver.breaking import break_all, break_for_deletion
from shareserver.handles import Handle
from shareserver.leases import Break
from shareserver.ledger import Use
from shareserver.state import Peer, Session, State

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Ended:
    """What was given back."""

    trees: int = 0
    handles: int = 0


def close_handle(state: State, handle: Handle) -> None:
    """Close one handle; its file is deleted if that was pending and nobody has it open.

    A close must not fail: a deletion that does is logged, the name stays.
    """
    entry = handle.entry
    delete = state.handles.close(handle)
    state.locks.close(entry.identity, handle.number)
    if handle.lessee not in entry.lessees:
        lease = state.leases.drop(entry.identity, handle.lessee)
        if lease is not None and lease.breaking_to is not None:
            state.lease_dropped.unpark_all()
    if delete:
        breaks = inway.of_names(state, handle.lessee, entry.share, entry.path or "")
        if breaks:
            state.handles.keep_deleting(entry)
            state.deletions[entry.identity] = trio.Event()
            state.spawn(_delete_after_breaks, state, handle, breaks)
        else:
            _delete(state, handle)
    elif handle.delete_on_close:
        break_for_deletion(state, entry)
    handle.file.close()


async def _delete_after_breaks(state: State, handle: Handle, breaks: list[Break]) -> None:
    """Others who know the folder hear of it before the name goes; nobody can open it now."""
    entry = handle.entry
    try:
        while breaks:
            await break_all(state, handle.lessee, breaks)
            breaks = inway.of_names(state, handle.lessee, entry.share, entry.path or "")
    finally:
        _delete(state, handle)
        state.handles.deleted(entry)
        state.deletions.pop(entry.identity).set()


def _delete(state: State, handle: Handle) -> None:
    """Delete a file by its name, unless that leads to another one by now."""
    entry = handle.entry
    store, path = state.stores[entry.share], entry.path
    if path is None:
        return
    try:
        if store.identify(path)[0] != entry.identity:
            raise Refused(Status.STATUS_OBJECT_NAME_NOT_FOUND, path)
        store.remove_directory(path) if handle.file.is_directory else store.unlink(path)
    except Refused as no:
        log.warning("delete_on_close_failed", path=path, status=no.status.name)


async def disconnect_tree(state: State, use: Use) -> TreeDisconnected:
    """Close what is open under a tree, then give its slot back."""
    handles = state.handles.of_tree(use.number)
    for handle in handles:
        close_handle(state, handle)
    before = state.ledger.uses(use.share)
    session = state.sessions.get(use.session)
    if session is not None:
        session.trees.discard(use.number)
    await state.admission.release(use.number)
    return TreeDisconnected(len(handles), before, state.ledger.uses(use.share))


async def end_session(state: State, session: Session) -> tuple[int, list[ShareProof]]:
    """Disconnect a session's trees, then forget it; returns handles closed and the proofs."""
    session.peer.sessions.pop(session.number, None)
    closed, proofs = 0, []
    for tree in sorted(session.trees):
        use = state.ledger.find(tree)
        if use is None:
            continue
        done = await disconnect_tree(state, use)
        closed += done.handles_closed
        proofs.append(
            ShareProof(
                "", use.share, done.uses_before, done.uses_after, done.handles_closed, True
            )
        )
    state.sessions.pop(session.number, None)
    return closed, proofs


async def end_peer(state: State, peer: Peer) -> Ended:
    """The link is gone or superseded: give back everything that came over it."""
    state.peers.pop(peer.number, None)
    trees = handles = 0
    for session in list(peer.sessions.values()):
        closed, proofs = await end_session(state, session)
        trees += len(proofs)
        handles += closed
    peer.gone.set()
    return Ended(trees, handles)
