"""The world of a trial: what its knobs say, as configurations of the daemons."""

from dataclasses import fields
from typing import Any

from clients.lab.simulating.field import OPEN_SHARE
from clients.lab.simulating.knobs import Knobs
from redird.config import Config as RedirectorConfig
from redird.presets import PRESETS
from shareserver.config import AccountConfig, ShareConfig
from shareserver.config import Config as ServerConfig

SHARE = "docs"


def server(knobs: Knobs, users: list[str]) -> ServerConfig:
    """The share server's; everybody is a guest, as proving a password takes a thread."""
    recalls = PRESETS[knobs.preset].policy.slot_recall
    wanted: dict[str, Any] = {
        "echo_s": knobs.peer_silence_max_s / 3,
        "peer_silence_max_s": knobs.peer_silence_max_s,
        "lease_break_wait_s": knobs.lease_break_wait_s,
        "recall_wait_s": knobs.recall_wait_s if recalls else 0.0,
        "journal": ":memory:" if knobs.journal else "",
        "durable_age_max_s": knobs.durable_age_max_s,
        "grace_s": knobs.grace_s,
    }
    return ServerConfig(
        shares={SHARE: ShareConfig("/", knobs.uses_max), OPEN_SHARE: ShareConfig("/")},
        accounts={user: AccountConfig(guest=True) for user in users},
        **_known(ServerConfig, wanted),
    )


def redirector(knobs: Knobs, host: str) -> RedirectorConfig:
    """A host's redirector; started again it is the same one."""
    wanted = {
        "echo_s": knobs.peer_silence_max_s / 3,
        "peer_silence_max_s": knobs.peer_silence_max_s,
        "link_per_session": knobs.link_per_session,
        "cache_max_bytes": knobs.cache_max_bytes,
        "write_behind_max_bytes": knobs.write_behind_max_bytes,
        "write_behind_max_s": knobs.write_behind_max_s,
        "server_silence_max_s": 0.7 * knobs.peer_silence_max_s,
        "logoff_max_s": knobs.logoff_max_s,
        "reconnect_max_s": knobs.reconnect_max_s,
    }
    policy = {
        "dormant_age_max_s": knobs.dormant_age_max_s,
        "dormant_files_max": knobs.dormant_files_max,
        "scavenger_tick_s": knobs.scavenger_tick_s,
        "batch_max": knobs.batch_max,
    }
    return RedirectorConfig(
        preset=knobs.preset,
        policy=policy,
        instance=host,
        instance_key=f"the key of {host}",
        **_known(RedirectorConfig, wanted),
    )


def setting(knobs: Knobs, quiet_s: float) -> dict[str, Any]:
    """What a history says of the run it is of."""
    kept = {one.name for one in fields(ServerConfig)}
    row = knobs.row() | {"quiet_s": quiet_s, "lease_break_wait_s": knobs.lease_break_wait_s}
    return {name: value for name, value in row.items() if name in kept or name not in _RECOVERY}


_RECOVERY = ("grace_s", "durable_age_max_s")


def _known(kind: type, wanted: dict[str, Any]) -> dict[str, Any]:
    known = {one.name for one in fields(kind)}
    return {name: value for name, value in wanted.items() if name in known}
