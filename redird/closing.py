"""How handles and slots go back to a server: in batches, confirmed, then counted as gone."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

import structlog
import trio

from redird.holdings import Connection, File, Handle
from redird.leased import folders, promises
from redird.presets import AFTER_KEEP, WHEN_DRAINED
from redird.sessions import Session
from redird.state import State
from redird.wire.errors import Refused
from redird.wire.messages import TreeDisconnected
from redird.wire.status import Status

log = structlog.get_logger()


async def close_handles(
    state: State, handles: Iterable[Handle], peer: int | None = None
) -> None:
    """Close handles that are CLOSING in the table, in batches; each leaves it when confirmed.

    A server that cannot be asked has lost the link, and with it closed them all. If the caller
    is cancelled it goes on without: handles that nobody closes would never be drained.
    """
    taken = list(handles)
    try:
        await _close(state, taken, peer)
    finally:
        unconfirmed = [handle for handle in taken if state.dormant.is_closing(handle)]
        if unconfirmed:
            state.spawn(_close, state, unconfirmed, peer)


async def _close(state: State, handles: list[Handle], peer: int | None) -> None:
    by_link: dict[str, list[Handle]] = defaultdict(list)
    for handle in handles:
        by_link[handle.connection.link].append(handle)
    if len(by_link) == 1:
        for link, some in by_link.items():
            await _close_at(state, link, some, peer)
        return
    async with trio.open_nursery() as nursery:
        for link, some in by_link.items():
            nursery.start_soon(_close_at, state, link, some, peer)


async def _close_at(state: State, link: str, handles: list[Handle], peer: int | None) -> None:
    remaining = iter(handles)
    while batch := list(islice(remaining, state.policy.batch_max)):
        await promises.call_back_kept(state, _last_of(batch), peer)
        alive = [handle for handle in batch if not handle.dead]
        try:
            if alive:
                pairs = [(handle.tree, handle.server_handle) for handle in alive]
                state.dormant.mark_sent(alive)
                sent = await state.links[link].close_batch(pairs)
                state.counters.close_requests_sent += sent
        except Refused as no:
            log.warning("close_batch_failed", link=link, files=len(alive), reason=str(no))
        forget(state, batch)


def _last_of(handles: list[Handle]) -> list[File]:
    """Return the files of which these are the last handles."""
    taken = set(handles)
    return [handle.file for handle in handles if handle.file.handles.keys() <= taken]


async def close_before(state: State, connection: Connection, handles: Iterable[Handle]) -> None:
    """Close handles before whatever its session asks next: on its link nobody need wait."""
    taken, link = list(handles), connection.link
    here = [handle for handle in taken if handle.connection.link == link and not handle.dead]
    peer = connection.session.owner
    for waiting in promises.begin_call_back(state, _last_of(taken), peer):
        await waiting
    if len(here) <= state.policy.batch_max and _send_close(state, link, here):
        taken = [handle for handle in taken if handle not in here]
    if taken:
        await close_handles(state, taken, peer)


def _send_close(state: State, link: str, handles: list[Handle]) -> bool:
    if not handles:
        return True
    pairs = [(handle.tree, handle.server_handle) for handle in handles]
    if not state.links[link].send_close_batch(pairs, lambda: forget(state, handles)):
        return False
    state.dormant.mark_sent(handles)
    state.counters.close_requests_sent += 1
    return True


async def wait_close_sent(state: State, concerns: Callable[[Handle], bool]) -> None:
    """Wait for closes that wait for an earlier batch: what is sent then comes after them."""
    while any(map(concerns, state.dormant.unsent())):
        await state.drained.park()


def forget(state: State, handles: Iterable[Handle]) -> None:
    """The server has closed them: take them out of the tables, see who is drained by that."""
    gone = list(handles)
    state.dormant.confirm_closed(gone)
    for handle in gone:
        state.connections.drop_handle(handle)
        state.locks.forget(handle)
        if not handle.parkable:  # it may have been deleted by that
            folders.unsure(state, handle.connection, handle.path)
        if not handle.file.handles:
            state.forget_data(handle.file)
    for connection in {handle.connection: None for handle in gone}:
        settle(state, connection)
    state.drained.unpark_all()


def settle(state: State, connection: Connection) -> None:
    """Look at a connection after a change: one that was left goes when it is drained.

    One that has no slot any more goes in any case.
    """
    state.note(connection)
    if connection.left_at is None or connection.releasing:
        return
    when_drained = state.policy.release_left == WHEN_DRAINED
    if connection.tree is None or (when_drained and state.is_drained(connection)):
        connection.releasing = True
        state.spawn(release_left, state, connection)


@contextmanager
def in_use(state: State, connection: Connection) -> Iterator[None]:
    """Nothing gives the connection's slot back meanwhile: it is neither drained nor idle."""
    connection.opening += 1
    try:
        yield
    finally:
        connection.opening -= 1
        settle(state, connection)
        state.drained.unpark_all()


async def release_left(state: State, connection: Connection) -> None:
    """Give back the slot of a connection whose session is gone."""
    await _give_back(state, connection)
    await log_off_upstream(state, connection.session)
    state.connections.end(connection)
    drop_link_if_unused(state, connection.link)


async def release(state: State, connection: Connection) -> TreeDisconnected | None:
    """Give back a connection's slot with all that is open under it.

    Returns None if the server says that the slot is gone already.
    """
    done = await _give_back(state, connection)
    settle(state, connection)  # its session may have left it meanwhile
    return done


async def _give_back(state: State, connection: Connection) -> TreeDisconnected | None:
    if connection.tree is None:
        return None
    connection.releasing = True
    state.note(connection)
    done = None
    try:
        files = [handle.file for handle in connection.handles.values()]
        await promises.call_back_kept(state, files, None)
        done = await state.links[connection.link].tree_disconnect(connection.tree)
    except Refused as no:
        known = no.status is Status.STATUS_CONNECTION_DISCONNECTED  # as the link is lost
        say = log.info if known else log.warning
        say("slot_was_gone", share=connection.share, reason=str(no))
    except BaseException:
        connection.releasing = False
        raise
    slot_lost(state, connection)
    connection.releasing = False
    return done


def slot_lost(state: State, connection: Connection) -> None:
    """The slot is gone, and the server has closed every handle under it."""
    lost = [handle.file for handle in connection.handles.values()]
    promises.call_back_lost(state, lost)
    state.connections.lost_tree(connection)
    forget(state, list(connection.handles.values()))
    state.note(connection)


async def log_off_upstream(state: State, session: Session) -> list[str]:
    """End the session at every server where it has no slot any more; returns what failed."""
    in_use = {one.link for one in state.connections.of_session(session) if one.tree is not None}
    failed = []
    for link in [name for name in session.upstream if name not in in_use]:
        number = session.upstream.pop(link, None)
        if number is None or link not in state.links:  # lost, or one of its own that ended
            continue
        try:
            await state.links[link].log_off(number)
        except Refused as no:
            if no.status is not Status.STATUS_CONNECTION_DISCONNECTED:  # it went with the link
                failed.append(f"{link}: {no}")
    return failed


def drop_link_if_unused(state: State, name: str) -> None:
    """A link of one session's own (`link_per_session`) ends with the last use of it."""
    link = state.links.get(name)
    if link is not None and link.private and not state.connections.of_link(name):
        link.close()
        del state.links[name]


async def wait_drained(state: State, connection: Connection) -> None:
    """Wait until nothing is open, dormant, closing or being opened on a connection."""
    while not state.is_drained(connection):
        await state.drained.park()


def next_release(state: State) -> float:
    """When the next left connection goes by age; infinity if none does."""
    if state.policy.release_left != AFTER_KEEP:
        return math.inf
    keep_s = state.policy.keep_connection_s
    left = (one.left_at for one in state.connections.all() if not one.releasing)
    return min((at + keep_s for at in left if at is not None), default=math.inf)


def take_releasable(state: State, now: float) -> list[Connection]:
    """Return the left connections whose age is over, marked as releasing."""
    if next_release(state) > now:
        return []
    keep_s = state.policy.keep_connection_s
    due = [
        one
        for one in state.connections.all()
        if one.left_at is not None and not one.releasing and one.left_at + keep_s <= now
    ]
    for connection in due:
        connection.releasing = True
    return due
