"""The redirector's configuration: one TOML file, each bound with its unit in its name."""

from dataclasses import dataclass, field, fields, replace
from typing import Any

from redird.presets import PRESETS, Policy, Preset
from redird.wire.config import NUMBER_MAX, ConfigError
from redird.wire.files import LEASE_RH, LEASE_RWH

_LEASES = {"RH": LEASE_RH, "RWH": LEASE_RWH}
_CHOICES = {
    "logoff": ("force", "leave", "purge"),
    "release_left": ("when_drained", "after_keep_connection_s", "never"),
}


@dataclass(frozen=True, slots=True)
class MountUserConfig:
    """Who a local user of a shared mount is at the server; nothing: its guest."""

    user: str = ""
    password_file: str = ""


@dataclass(frozen=True, slots=True)
class MountConfig:
    """A share mounted at a folder; `users` by uid, with `allow_other` only.

    `uid`, `gid`: whose everything in it seems to be, without `allow_other`.
    """

    share: str
    at: str
    user: str = ""
    password_file: str = ""
    allow_other: bool = False
    uid: int | None = None
    gid: int | None = None
    idle_logoff_s: float = 0.0  # 0: never
    users: dict[str, MountUserConfig] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file. `policy` overrides single values of the preset, which `time_scale`
    scales.

    `instance` names this redirector at its servers, `instance_key` proves that name: started
    again with both it frees at once what it held before. Each is random if not given.
    """

    listen: tuple[str, ...] = ("tcp:127.0.0.1:0",)
    preset: str = "sp6"
    policy: dict[str, Any] = field(default_factory=dict)
    time_scale: float = 1.0
    servers: dict[str, str] = field(default_factory=dict)
    mounts: dict[str, MountConfig] = field(default_factory=dict)
    instance: str = ""
    instance_key: str = ""
    link_per_session: bool = False
    logon_max_s: float = 10.0
    logoff_max_s: float = 10.0
    strangers_max: int = 4096
    sessions_max: int = 65536
    opens_max: int = 16384  # of one connection
    cache_max_bytes: int = 256 * 1024 * 1024  # of file data under leases; 0 keeps none
    read_ahead_max_bytes: int = 1024 * 1024
    write_behind_max_bytes: int = 4 * 1024 * 1024  # of one file; 0 writes through
    volume_age_max_s: float = 1.0  # how old an answer about free space may be
    write_behind_max_s: float = 1.0  # until what was written is sent at the latest
    lock_wait_max_s: float = 300.0
    reconnect_max_s: float = 30.0  # of dialling a lost link again; 0 gives all up at once
    reconnect_first_s: float = 0.05  # the first pause between two dials, doubled each time
    reconnect_pause_max_s: float = 1.0
    echo_s: float = 5.0
    peer_silence_max_s: float = 15.0
    server_silence_max_s: float = 10.0  # less than the servers' own peer_silence_max_s


def preset_of(config: Config) -> Preset:
    """Return the preset with the configuration's overrides, unscaled; raises ConfigError."""
    preset = PRESETS.get(config.preset)
    if preset is None:
        raise ConfigError(f"preset {config.preset!r}: there are {', '.join(PRESETS)}")
    changes = {key: _value(key, value) for key, value in config.policy.items()}
    return replace(preset, policy=replace(preset.policy, **changes))


def _value(key: str, value: Any) -> Any:
    known = {one.name: one for one in fields(Policy)}
    if key not in known:
        raise ConfigError(f"policy: unknown key {key!r}; known keys: {', '.join(known)}")
    if key in _CHOICES:
        if value not in _CHOICES[key]:
            raise ConfigError(f"policy.{key}: one of {', '.join(_CHOICES[key])}, not {value!r}")
        return value
    if key == "park_on":
        return _leases(value)
    if "bool" in str(known[key].type):
        if type(value) is not bool:
            raise ConfigError(f"policy.{key}: must be true or false, not {value!r}")
        return value
    return _number(key, value, whole="int" in str(known[key].type))


def _leases(value: Any) -> frozenset[int]:
    if (
        not isinstance(value, list)
        or not value
        or any(one not in list(_LEASES) for one in value)
    ):
        raise ConfigError(f'policy.park_on: a list of "RH" and "RWH", not {value!r}')
    return frozenset(_LEASES[name] for name in value)


def _number(key: str, value: Any, *, whole: bool) -> int | float:
    kinds = (int,) if whole else (int, float)
    if type(value) not in kinds or not 0 <= value <= NUMBER_MAX:
        raise ConfigError(f"policy.{key}: must be a number of at least 0, not {value!r}")
    if key == "batch_max" and not 1 <= value <= 4096:
        raise ConfigError(f"policy.batch_max: between 1 and 4096, not {value}")
    return value  # type: ignore[no-any-return]
