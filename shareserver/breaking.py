"""Breaking leases and closing handles: each is an answer to the other.

Who holds a lease is asked, until it answered or closed, for a bounded time; then the lease is
taken. Two who want the same lease broken both ask; the lessee answers both when it has closed.
Whose redirector is away cannot be asked: what it had open is closed at once, so that it never
costs anybody access.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence

import structlog
import trio

from redird.wire.errors import LinkLost, Refused
from redird.wire.files import LEASE_H, LEASE_W
from redird.wire.messages import LeaseBreak, Message
from redird.wire.status import Status
from shareserver import inway
from shareserver.handles import Handle, OpenEntry
from shareserver.journal import identity_text
from shareserver.leases import Break, Lease
from shareserver.state import State

log = structlog.get_logger()


async def after_breaks(
    state: State,
    lessee: str,
    breaks: Sequence[Break],
    again: Callable[[], Message | Awaitable[Message]],
) -> Message:
    """Take what stands in the way of a request, then serve it `again` from its beginning.

    Everything may have changed meanwhile. What was taken nobody else was given before `again`
    is called, in the turn in which the last break ends.
    """
    await break_all(state, lessee, breaks)
    answer = again()
    return answer if isinstance(answer, Message) else await answer


async def break_all(state: State, lessee: str, breaks: Sequence[Break]) -> None:
    """Take bits from leases, for `lessee`."""
    with state.leases.withholding(lessee, breaks):
        async with trio.open_nursery() as nursery:
            for lease, bits in breaks:
                nursery.start_soon(_break_one, state, lease, bits)


def break_for_deletion(state: State, entry: OpenEntry) -> None:
    """A file that goes at its last close is kept by nobody who does not use it.

    Not even by whoever deletes it: what others have open through it goes the same way.
    """
    bits = LEASE_H | LEASE_W
    leases = state.leases.to_break(entry.identity, "", bits)
    state.spawn(_clear_for_deletion, state, entry, [(lease, bits) for lease in leases])


async def _clear_for_deletion(state: State, entry: OpenEntry, breaks: list[Break]) -> None:
    await _wait_returned(state, entry, "")
    give_way(state, entry.handles.values(), at_once=True)
    await break_all(state, "", breaks)


async def _break_one(state: State, lease: Lease, bits: int) -> None:
    """Closing the last handle answers too (MS-CIFS 3.2.5.42): the lease is dropped."""
    entry = state.handles.entry(lease.identity) if state.durable else None
    if entry is not None:
        await _wait_returned(state, entry, lease.lessee)
        its = [one for one in entry.handles.values() if one.lessee == lease.lessee]
        if give_way(state, its, at_once=True) and not state.leases.is_held(lease):
            return
    left = state.leases.start_break(lease, bits)
    try:
        with trio.move_on_after(state.config.lease_break_wait_s) as bound:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_ask, state, lease, left, nursery.cancel_scope)
                while state.leases.is_held(lease):
                    await state.lease_dropped.park()
                nursery.cancel_scope.cancel()
    except BaseException:
        state.leases.abandon_break(lease)
        raise
    state.leases.finish_break(lease, left, answered=not bound.cancelled_caught)


async def _wait_returned(state: State, entry: OpenEntry, lessee: str) -> None:
    """After a restart everybody is away, and about to be back."""
    while state.is_returning and any(
        state.durable.until(one.tree, one.number) is not None
        for one in entry.handles.values()
        if lessee in ("", one.lessee)
    ):
        await wait_returned(state)


async def _ask(state: State, lease: Lease, left: int, answered: trio.CancelScope) -> None:
    """A lessee that will not is as good as one that did; one that is gone drops the lease."""
    peers = [peer for peer in state.peers.values() if peer.lessee == lease.lessee]
    newest = max(peers, key=lambda peer: peer.epoch, default=None)  # others are half-open
    try:
        if newest is not None:
            await newest.link.request(LeaseBreak(lease.file, left))
    except LinkLost:
        return  # what it had open is about to be closed
    except Refused:
        pass
    answered.cancel()


# --- closing ----------------------------------------------------------------------------------


class Away(Exception):
    """Handles are in the way whose redirector is about to be back: ask again later."""


async def wait_returned(state: State) -> None:
    """Wait until somebody is back, or nobody is waited for any more."""
    with trio.move_on_at(state.grace.until):
        await state.kept.park()


def give_way(state: State, handles: Iterable[Handle], *, at_once: bool = False) -> bool:
    """Close those of `handles` whose redirector is away; returns whether there were any.

    Raises Away as long as all are given time to come back, unless it is to be `at_once`.
    """
    if not state.durable:
        return False
    away = [one for one in handles if state.durable.until(one.tree, one.number) is not None]
    if away and state.is_returning and not at_once:
        raise Away
    for handle in away:
        close_handle(state, handle)
    return bool(away)


def close_handle(state: State, handle: Handle) -> None:
    """Close one handle; its file is deleted if that was pending and nobody has it open.

    A close must not fail: a deletion that does is logged, the name stays.
    """
    entry = handle.entry
    delete = state.handles.close(handle)
    if state.durable.drop(handle.tree, handle.number):
        state.kept.unpark_all()
    state.journal.closed(handle)
    state.locks.close(entry.identity, handle.number)
    state.journal.locked(entry.identity, state.locks.held(entry.identity))
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
        state.journal.doomed(entry)
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
    state.journal.undoomed(identity_text(entry.identity))
    if path is None:
        return
    try:
        if store.identify(path)[0] != entry.identity:
            raise Refused(Status.STATUS_OBJECT_NAME_NOT_FOUND, path)
        store.remove_directory(path) if handle.file.is_directory else store.unlink(path)
    except Refused as no:
        log.warning("delete_on_close_failed", path=path, status=no.status.name)
