"""What a redirector takes up again after its link was lost."""

from redird.wire import messages as m
from redird.wire.messages import Message, ReclaimedHandle
from redird.wire.status import Status
from shareserver.breaking import close_handle
from shareserver.durable import Owner
from shareserver.ledger import Use
from shareserver.state import Peer, State

GONE = ReclaimedHandle(int(Status.STATUS_OBJECT_NAME_NOT_FOUND), 0, 0, None)


def reclaim(state: State, peer: Peer, request: m.Reclaim) -> Message:
    """Give handles back to who had them open; what of an older tree is not named is closed.

    Nobody else is told that there are any. A handle is found whatever older tree it is under:
    the answer to an earlier Reclaim may have been lost.
    """
    use = state.tree(peer, request.tree)
    owner = Owner(peer.lessee, use.user, use.share)
    answers = [_take_up(state, use, owner, number) for number in request.handles]
    if not request.more:
        _close_rest(state, request.before, owner)
    state.kept.unpark_all()
    return m.Reclaimed(tuple(answers))


def _take_up(state: State, use: Use, owner: Owner, number: int) -> ReclaimedHandle:
    handle = state.handles.get(number)
    if handle is None or state.durable.owner(handle.tree, number) != owner:
        return GONE
    state.durable.reclaim(handle.tree, number)
    state.replays.take_up(owner.lessee, number)
    state.handles.move(handle, use.number, use.session)
    state.journal.reclaimed(handle)
    entry = handle.entry
    lease = state.leases.state(entry.identity, handle.lessee)
    info = handle.file.info()
    return ReclaimedHandle(int(Status.STATUS_SUCCESS), entry.number, lease, info)


def _close_rest(state: State, before: int, owner: Owner) -> None:
    """What was made for a request whose answer may have been lost is asked for later."""
    for number in state.durable.of(before, owner):
        if state.replays.is_unanswered(owner.lessee, number):
            state.replays.pass_over(owner.lessee, number)
            continue
        handle = state.handles.find(before, number)
        assert handle is not None
        close_handle(state, handle)
