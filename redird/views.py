"""What administrators of a redirector see: who is logged on, what is held, what is dormant."""

from collections.abc import Callable
from typing import Any

import trio

from redird.state import State

Rows = list[dict[str, Any]]
NANO = 1_000_000_000
ROWS_MAX = 1000


def _sessions(state: State, since: int) -> Rows:
    now = state.world.wall_now()
    return [
        {
            "number": one.number,
            "user": one.user,
            "uid": one.uid,
            "state": one.state.value,
            "connections": len(state.connections.of_session(one)),
            "opens": one.opens,
            "revived": one.revived,
            "exists_s": round((now - one.since_ns) / NANO, 3),
        }
        for one in state.sessions.all()
        if one.number > since
    ][:ROWS_MAX]


def _connections(state: State, since: int) -> Rows:
    return [
        {
            "number": one.number,
            "server": one.server,
            "share": one.share,
            "user": one.session.user,
            "session": one.session.number,
            "state": state.describe(one),
            "open_files": len(one.opens),
            "dormant_files": len(state.dormant.of_connection(one)),
            "tree": one.tree,
        }
        for one in state.connections.all()
        if one.number > since
    ][:ROWS_MAX]


def _dormant(state: State, since: int) -> Rows:
    now = trio.current_time()
    rows: Rows = [
        {
            "number": one.number,
            "server": one.connection.server,
            "share": one.connection.share,
            "path": one.path,
            "user": one.connection.session.user,
            "age_s": round(now - one.parked_at, 3),
            "due_in_s": round(one.due_at - now, 3),
            "lease": one.file.lease,
        }
        for one in state.dormant.all()
        if one.number > since
    ]
    return sorted(rows, key=lambda row: row["number"])[:ROWS_MAX]


def _status(state: State, since: int) -> Rows:
    if since:
        return []
    policy = state.policy
    return [
        {
            "number": 1,
            "preset": state.preset.name,
            "logoff": policy.logoff,
            "dormant_age_max_s": policy.dormant_age_max_s,
            "dormant_files_max": policy.dormant_files_max,
            "scavenger_tick_s": policy.scavenger_tick_s,
            "time_scale": state.config.time_scale,
            "links": len(state.links),
            **state.statistics(),
        }
    ]


def _links(state: State, since: int) -> Rows:
    return [
        {"number": number, **link.row(trio.current_time())}
        for number, link in enumerate(state.links.values(), 1)
        if number > since
    ][:ROWS_MAX]


def _facts(state: State, since: int) -> Rows:
    return state.facts.since(since, ROWS_MAX)


VIEWS: dict[str, Callable[[State, int], Rows]] = {
    "sessions": _sessions,
    "connections": _connections,
    "dormant": _dormant,
    "links": _links,
    "status": _status,
    "facts": _facts,
}
