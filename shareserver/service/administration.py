"""What administrators see and do: the views, and closing what should not be open.

An administrator is whoever logged on with an account named in `admins`, or sits at the other
end of a unix socket as root or as the server's own user. `sessions` and `files` show what `net
session` and `net file` would; `slots` shows the truth beside it.
"""

import os
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.files import LEASE_NONE
from redird.wire.messages import Message
from redird.wire.pages import ROWS_MAX, page
from redird.wire.status import Status
from shareserver import teardown
from shareserver.breaking import close_handle
from shareserver.recalling import describe_uses
from shareserver.state import Peer, State

Rows = list[dict[str, Any]]
NANO = 1_000_000_000


async def enumerate_view(state: State, peer: Peer, request: m.Enumerate) -> Message:
    """Return one page of a view, by name; the numbered ones go on after `since`."""
    _require_admin(peer)
    view = _VIEWS.get(request.view)
    if view is None:
        raise Refused(Status.STATUS_NOT_FOUND, f"view {request.view}; there are {list(_VIEWS)}")
    rows = view(state, request.since)
    rows = rows if isinstance(rows, list) else await rows
    return m.Enumerated(page(row for row in rows if row["number"] > request.since))


async def force_close(state: State, peer: Peer, request: m.ForceClose) -> Message:
    """End a session, connection or file whatever its state; its redirector is told."""
    _require_admin(peer)
    if request.kind == "session":
        return await _close_session(state, request.number)
    if request.kind == "connection":
        return await _close_connection(state, request.number)
    if request.kind == "file":
        return _close_file(state, request.number)
    raise Refused(Status.STATUS_INVALID_PARAMETER, f"{request.kind}: session, connection, file")


def _close_file(state: State, number: int) -> Message:
    """A redirector that may keep the file dormant is told by a break of its lease."""
    handle = state.handles.get(number)
    if handle is None:
        raise Refused(Status.STATUS_NOT_FOUND, f"file {number}")
    session = state.sessions.get(handle.session)  # None: its link is lost, it was kept
    leased = state.leases.state(handle.entry.identity, handle.lessee)
    close_handle(state, handle)
    if leased and session is not None:
        session.peer.link.notify(m.LeaseBreak(handle.entry.number, LEASE_NONE))
    return m.ForceClosed(f"file {handle.entry.subject}")


async def _close_session(state: State, number: int) -> Message:
    session = state.sessions.get(number)
    if session is None:
        raise Refused(Status.STATUS_NOT_FOUND, f"session {number}")
    trees = sorted(session.trees)
    await teardown.end_session(state, session)
    for tree in trees:
        session.peer.link.notify(m.UseEnded(tree))
    return m.ForceClosed(f"session {number} of {session.user}")


async def _close_connection(state: State, number: int) -> Message:
    use = state.ledger.find(number)
    if use is None:
        raise Refused(Status.STATUS_NOT_FOUND, f"connection {number}")
    await teardown.disconnect_tree(state, use)
    peer = state.peers.get(use.peer)
    if peer is not None:
        peer.link.notify(m.UseEnded(number))
    return m.ForceClosed(f"connection {number} of {use.user} to {use.share}")


def _require_admin(peer: Peer) -> None:
    if peer.uid in (0, os.getuid()) and peer.uid is not None:
        return
    if not any(session.admin for session in peer.sessions.values()):
        raise Refused(
            Status.STATUS_ACCESS_DENIED,
            "administration: come over the unix socket as root or as the server's user,"
            " or log on as one of `admins`",
        )


def _sessions(state: State, since: int) -> Rows:
    now = state.world.wall_now()
    return [
        {
            "number": one.number,
            "user": one.user,
            "peer": one.peer.instance or one.peer.address,
            "guest": one.guest,
            "connections": len(one.trees),
            "files": sum(len(state.handles.of_tree(tree)) for tree in one.trees),
            "exists_s": round((now - one.since_ns) / NANO, 3),
        }
        for one in state.sessions.values()
        if one.established
    ]


def _connections(state: State, since: int) -> Rows:
    now = state.world.wall_now()
    return [
        {
            "number": use.number,
            "share": use.share,
            "user": use.user,
            "session": use.session,
            "files": len(state.handles.of_tree(use.number)),
            "exists_s": round((now - use.since_ns) / NANO, 3),
        }
        for use in state.ledger.all()
    ]


def _files(state: State, since: int) -> Rows:
    """Each open file; one that is kept for a redirector is freed by a timer."""
    now, monotonic = state.world.wall_now(), trio.current_time()
    until = [state.durable.until(one.tree, one.number) for one in state.handles.all()]
    return [
        {
            "number": one.number,
            "share": one.entry.share,
            "path": one.entry.subject,
            "connection": one.tree,
            "access": f"{one.access:#x}",
            "lease": state.leases.state(one.entry.identity, one.lessee),
            "delete_pending": one.entry.delete_pending,
            "exists_s": round((now - one.since_ns) / NANO, 3),
            "state": "open" if due_at is None else "durable",
            "release_in_s": None if due_at is None else round(due_at - monotonic, 3),
            "release_by": "" if due_at is None else "durable_age_max_s",
        }
        for one, due_at in zip(state.handles.all(), until, strict=True)
    ]


async def _slots(state: State, since: int) -> Rows:
    """For each counted slot: what `net session` shows, and why it is really held."""
    uses = [use for use in state.ledger.all() if use.number > since][:ROWS_MAX]
    told = await describe_uses(state, uses)
    now = state.world.wall_now()
    rows = []
    for use in uses:
        described = told.get(use.number)
        one = described[0] if described else None
        peer = state.peers.get(use.peer)
        plain = peer is not None and "describe" not in peer.capabilities
        rows.append(
            {
                "number": use.number,
                "share": use.share,
                "shown_user": use.user,
                "state": one.state if one else ("live" if plain else "unknown"),
                "logged_on": one.logged_off_for_s is None if one else (True if plain else None),
                "open_files": one.open_files if one else len(state.handles.of_tree(use.number)),
                "dormant_files": one.dormant_files if one else 0,
                "held_s": round((now - use.since_ns) / NANO, 3),
                "release_in_s": one.release_in_s if one else None,
                "release_by": one.release_by if one else "logoff" if plain else "",
            }
        )
    return rows + _kept_free(state, since)


def _kept_free(state: State, since: int) -> Rows:
    """Slots that were held when the server was killed, until their holders are back."""
    now = state.world.wall_now()
    return [
        {
            "number": tree,
            "share": owner.share,
            "shown_user": owner.user,
            "state": "durable",
            "logged_on": None,
            "open_files": len(state.handles.of_tree(tree)),
            "dormant_files": 0,
            "held_s": round((now - since_ns) / NANO, 3),
            "release_in_s": round(state.grace.until - trio.current_time(), 3),
            "release_by": "grace_s",
        }
        for tree, owner, since_ns in state.grace.all()
        if tree > since
    ]


def _shares(state: State, since: int) -> Rows:
    return [
        {
            "number": number,
            "name": share.name,
            "uses": state.ledger.uses(share.name),
            "uses_max": share.uses_max,
            "read_only": share.read_only,
            "comment": share.comment,
        }
        for number, share in enumerate(state.shares, 1)
    ]


def _refusals(state: State, since: int) -> Rows:
    return state.receipts.rows(since)


def _facts(state: State, since: int) -> Rows:
    return state.ledger.facts(since)


def _statistics(state: State, since: int) -> Rows:
    tables = (
        state.ledger,
        state.handles,
        state.durable,
        state.replays,
        state.leases,
        state.locks,
    )
    counters = {k: v for table in tables for k, v in table.statistics().items()}
    return [
        {"number": 1, "links": len(state.peers), "sessions": len(state.sessions)} | counters
    ]


_VIEWS: dict[str, Callable[[State, int], Rows | Awaitable[Rows]]] = {
    "sessions": _sessions,
    "connections": _connections,
    "files": _files,
    "slots": _slots,
    "shares": _shares,
    "refusals": _refusals,
    "facts": _facts,
    "statistics": _statistics,
}
