"""A server that starts anew: what its journal knows is there again, as after a lost link.

Handles are opened anew by their names, and are gone if those lead to other files by now; their
redirectors have as long to come back as after any lost link. Slots are kept free for their
holders for `grace_s`. What was to be deleted when its last user left is deleted if nobody is
left. Locks are held; a redirector that thinks they are lost may take each once more.
"""

import json
from collections import defaultdict
from contextlib import suppress
from typing import Any

import trio

from redird.wire import files as f
from redird.wire.errors import Refused
from redird.wire.messages import MESSAGES
from shareserver.breaking import give_way
from shareserver.durable import Owner
from shareserver.handles import Handle
from shareserver.journal import Numbered, identity_text
from shareserver.locks import Claim
from shareserver.state import State
from shareserver.store import StoreFile

JOURNAL_AGAIN_S = 1.0  # between two tries to write it


def remember(state: State) -> None:
    """Go on above all numbers given before, and after all that is history."""
    journal = state.journal
    facts = [json.loads(text) for _, text in journal.rows("facts")]
    state.ledger.restore(facts, state.world.wall_now())
    state.receipts.restore([json.loads(text) for _, text in journal.rows("receipts")])
    numbered: dict[str, Numbered] = {
        "tree": state.ledger,
        "handle": state.handles,
        "receipt": state.receipts,
        "session": state,
    }
    journal.watch(state.ledger, numbered, facts[-1]["number"] if facts else 0)
    journal.note("epoch", journal.meta("epoch", 0) + 1)
    state.leases.on_change = journal.leased
    state.replays.on_left_out = lambda lessee: journal.forgotten(lessee, None)
    journal.settle()


def restore(state: State, now: float) -> None:
    """Take up what the journal knows, before anybody is served."""
    _restore_handles(state, now)
    _restore_locks(state)
    _restore_replies(state, now)
    for tree, lessee, user, share, since_ns in state.journal.rows("uses"):
        state.grace.expect(tree, Owner(lessee, user, share), since_ns)
    if state.grace or state.durable:
        state.grace.until = now + state.config.grace_s
    _end_if_over(state)
    state.journal.settle()


def _restore_handles(state: State, now: float) -> None:
    kept: dict[tuple[int, Owner], list[int]] = defaultdict(list)
    for row in state.journal.rows("handles"):
        handle = _reopened(state, row)
        if handle is None:
            state.journal.lost(row[0])
            continue
        state.journal.know(handle)
        owner = Owner(handle.lessee, row[4], row[5])
        kept[handle.tree, owner].append(handle.number)
    for (tree, owner), numbers in sorted(kept.items(), key=lambda one: one[0][0]):
        state.durable.keep(tree, owner, numbers, now)


def _reopened(state: State, row: Any) -> Handle | None:
    number, tree, known_as, lessee, _, share, path, identity = row[:8]
    access, mode, delete_on_close, follow, lease, since_ns = row[8:]
    file = _open(state, share, path, access, bool(follow))
    if file is None or identity_text(file.identity) != identity:
        if file is not None:
            file.close()
        return None
    handle = state.handles.open(
        file.identity,
        share,
        path,
        file,
        tree=tree,
        session=0,
        lessee=lessee,
        access=access,
        share=mode,
        delete_on_close=bool(delete_on_close),
        now_ns=since_ns,
        known_as=(number, known_as),
    )
    state.leases.restore(
        file.identity, handle.entry.number, lessee, lease, directory=file.is_directory
    )
    return handle


def _open(state: State, share: str, path: str, access: int, follow: bool) -> StoreFile | None:
    if share not in state.stores:
        return None
    writable = bool(access & f.WRITES)
    try:
        return state.stores[share].open(
            path, writable=writable, create="never", directory=None, follow=follow
        )[0]
    except Refused:
        return None


def _restore_locks(state: State) -> None:
    for identity, text in state.journal.rows("locks"):
        kind, owner, number, start, end, exclusive = json.loads(text)
        claim = Claim(kind, (owner[0], owner[1]), number, start, end, exclusive)
        handle = state.handles.get(number)
        if handle is None or identity_text(handle.entry.identity) != identity:
            state.journal.unlocked(identity, text)
            continue
        state.locks.lock(handle.entry.identity, claim)
        state.restored_locks.add(claim)
        state.journal.know_locks(handle.entry.identity, state.locks.held(handle.entry.identity))


async def keep_journal(state: State) -> None:
    """Bring a journal that could not be written back to its file, for ever."""
    while state.journal.is_kept:
        await trio.sleep(JOURNAL_AGAIN_S)
        state.journal.try_again(state.world.open_journal)


async def finish_deletions(state: State) -> None:
    """What was to go at its last close goes now: whoever had it open is away."""
    for identity, share, path in state.journal.rows("deletions"):
        state.journal.undoomed(identity)
        with suppress(Refused):
            _delete(state, identity, share, path)
    state.journal.settle()


def _delete(state: State, identity: str, share: str, path: str) -> None:
    if share not in state.stores:
        return
    store = state.stores[share]
    found, kind = store.identify(path)
    entry = state.handles.entry(found)
    if identity_text(found) != identity:
        return
    if entry is None:
        store.remove_directory(path) if kind == "directory" else store.unlink(path)
    else:
        entry.delete_pending, entry.path = True, path
        give_way(state, entry.handles.values(), at_once=True)


def _restore_replies(state: State, now: float) -> None:
    for lessee, number, name, intent, reply in state.journal.rows("replies"):
        told = None
        if reply is not None:
            kind, fields = json.loads(reply)
            told = MESSAGES[kind].codec.from_fields(fields)
        state.replays.restore(lessee, number, name, json.loads(intent), told, now)


# --- the time of grace ------------------------------------------------------------------------


async def end_grace(state: State) -> None:
    """When the time is over, slots that nobody has come back for are anybody's."""
    with trio.move_on_at(state.grace.until):
        await state.grace_over.wait()
    for tree in state.grace.end():
        state.journal.released(tree)
    _end_if_over(state)


def take_up(state: State, tree: int, owner: Owner) -> bool:
    """Whether this slot is kept free for its owner; it is taken now."""
    if not state.grace.take_up(tree, owner):
        return False
    state.journal.released(tree)
    _end_if_over(state)
    return True


def _end_if_over(state: State) -> None:
    if not state.grace:
        state.grace_over.set()
