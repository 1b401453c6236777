"""The server's configuration: one TOML file, each bound with its unit in its name."""

import os
from dataclasses import dataclass, field

from redird.wire.config import ConfigError
from shareserver.shares import Share


@dataclass(frozen=True, slots=True)
class ShareConfig:
    """One `[shares.NAME]` table. Without `uses_max` there is no limit."""

    path: str
    uses_max: int | None = None
    read_only: bool = False
    users: frozenset[str] = frozenset()
    comment: str = ""
    paused: bool = False
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class AccountConfig:
    """One `[accounts.NAME]` table: a guest, or a verifier made by `shareserver passwd`."""

    guest: bool = False
    verifier: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file. Seconds are real ones, never scaled."""

    listen: tuple[str, ...] = ("tcp:127.0.0.1:0",)
    accounts_file: str = ""
    admins: frozenset[str] = frozenset()
    shares: dict[str, ShareConfig] = field(default_factory=dict)
    accounts: dict[str, AccountConfig] = field(default_factory=dict)
    logon_max_s: float = 10.0  # an unauthenticated peer has this long, in all
    strangers_max: int = 4096  # unauthenticated links at once
    sessions_max: int = 65536
    handles_max: int = 1_000_000
    echo_s: float = 5.0
    peer_silence_max_s: float = 15.0
    lease_break_wait_s: float = 35.0
    lock_wait_max_s: float = 300.0
    locks_max: int = 16384  # of one file
    receipt_wait_s: float = 0.5
    durable_age_max_s: float = 60.0  # what a lost redirector had open stays so; 0: not at all
    journal: str = ""  # the file of what survives a kill; empty: nothing does
    grace_s: float = 10.0  # after a restart: nobody takes a slot before its holder is back
    recall_wait_s: float = 0.0  # above 0: slot recall


def require_sound_leases(config: Config) -> None:
    """Raise ConfigError if a lease could be taken from whoever hears nothing and trusts it."""
    if config.lease_break_wait_s < config.peer_silence_max_s:
        raise ConfigError(
            "lease_break_wait_s: must not be less than peer_silence_max_s"
            f" ({config.peer_silence_max_s:g}): {config.lease_break_wait_s:g}"
        )


def build_shares(config: Config) -> list[Share]:
    """Return the shares; raises ConfigError for a directory that is not there."""
    made = []
    for name, one in config.shares.items():
        if not name or any(c in name for c in '\\/:*?"<>|'):
            raise ConfigError(
                f"shares.{name}: a share's name holds none of \\ / : * ? \" < > |"
            )
        if not os.path.isdir(one.path):
            raise ConfigError(
                f"shares.{name}: {one.path} is not a directory; make it, or correct `path`"
            )
        if not os.access(one.path, os.R_OK | os.X_OK):
            raise ConfigError(
                f"shares.{name}: {one.path} cannot be read by this user; change its mode, or"
                " run the server as its owner"
            )
        made.append(
            Share(
                name,
                one.path,
                one.uses_max,
                one.read_only,
                one.users,
                one.comment,
                one.paused,
                one.ignore_case,
            )
        )
    if len({share.name.casefold() for share in made}) < len(made):
        raise ConfigError("shares: two names differ only in case")
    return made
