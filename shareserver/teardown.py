"""How everything is given back: a tree, a session, a peer; each once, from below up.

A TreeDisconnect closes every handle under it whatever its lease (MS-CIFS 3.3.5.41), a Logoff
every tree of the session (3.3.5.44). A lost link gives every slot back that came over it; what
a redirector had open that may come back for it is kept for a while.
"""

import math
from dataclasses import dataclass

import trio

from redird.wire.messages import ShareProof, TreeDisconnected
from shareserver.breaking import close_handle
from shareserver.durable import Owner
from shareserver.ledger import Use
from shareserver.state import Peer, Session, State

EXPIRED_MAX = 256  # are closed in one turn


@dataclass(frozen=True, slots=True)
class Ended:
    """What was given back."""

    trees: int = 0
    handles: int = 0


async def disconnect_tree(state: State, use: Use) -> TreeDisconnected:
    """Close what is open under a tree, but for what is kept, then give its slot back."""
    tree = use.number
    handles = [
        one
        for one in state.handles.of_tree(tree)
        if state.durable.until(tree, one.number) is None
    ]
    for handle in handles:
        close_handle(state, handle)
    before = state.ledger.uses(use.share)
    session = state.sessions.get(use.session)
    if session is not None:
        session.trees.discard(tree)
    state.journal.released(tree)
    await state.admission.release(tree)
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
        if "durable" in peer.capabilities:
            for tree in session.trees:
                _keep(state, peer.lessee, tree)
        closed, proofs = await end_session(state, session)
        trees += len(proofs)
        handles += closed
    others = state.peers.values()
    if peer.is_named and not any(one.lessee == peer.lessee for one in others):
        state.replays.leave(peer.lessee, trio.current_time())
        state.kept.unpark_all()
    peer.gone.set()
    return Ended(trees, handles)


# --- what is kept -----------------------------------------------------------------------------


def _keep(state: State, lessee: str, tree: int) -> None:
    """Keep what is open under a tree, but for what somebody waits for, or has deleted."""
    use = state.ledger.find(tree)
    if use is None:
        return
    kept = [
        handle.number
        for handle in state.handles.of_tree(tree)
        if not handle.entry.delete_pending
        and not state.leases.is_breaking(handle.entry.identity, lessee)
    ]
    state.durable.keep(tree, Owner(lessee, use.user, use.share), kept, trio.current_time())
    state.kept.unpark_all()


async def expire(state: State) -> None:
    """Close and forget what nobody has come back for in time, for ever."""
    while True:
        dues = (state.durable.next_due(), state.replays.next_due())
        with trio.move_on_at(min((due for due in dues if due is not None), default=math.inf)):
            await state.kept.park()
        state.replays.expire(trio.current_time())
        while due := state.durable.due(trio.current_time(), EXPIRED_MAX):
            for tree, number in due:
                handle = state.handles.find(tree, number)
                assert handle is not None
                close_handle(state, handle)
            state.journal.settle()
            await trio.lowlevel.checkpoint()
