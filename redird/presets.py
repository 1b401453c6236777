"""Named policies: what a redirector keeps, for how long, and what a logoff does with it.

Systems differ by values of one record, not by code paths. Each preset carries what its users
see (`expects`), which a run can be held to. Sources: Microsoft Knowledge Base articles by
number, MS-CIFS, and for the later systems their defaults.
"""

from dataclasses import dataclass, fields, replace

from redird.wire.files import LEASE_RH, LEASE_RWH

BATCH_OPLOCK = frozenset({LEASE_RWH})  # what licensed NT 4.0 and 2000 to keep a closed file
HANDLE_LEASE = frozenset({LEASE_RH, LEASE_RWH})

FORCE, LEAVE, PURGE = "force", "leave", "purge"
WHEN_DRAINED, AFTER_KEEP, NEVER = "when_drained", "after_keep_connection_s", "never"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the redirector decides by. Durations are seconds before scaling.

    `logoff`: force (log off whatever is open), leave (a connection that anything references,
    dormant files included) or purge (close, wait until drained, disconnect, then answer).
    `release_left`: when a connection that was left goes. `dormant_files_max` is per connection;
    0 closes at once, None bounds nothing. `scavenger_tick_s` 0 means exact deadlines.
    `directory_leases`: folders looked into are kept open too, for what their lease allows to
    know (SMB 3 has them, NT has not).
    `handles_shared`: one handle per file for all sessions, owned by the one that opened it.
    """

    logoff: str
    dormant_age_max_s: float
    dormant_files_max: int | None = 45
    park_on: frozenset[int] = BATCH_OPLOCK
    scavenger_tick_s: float = 5.0
    batch_max: int = 64
    release_left: str = WHEN_DRAINED
    keep_connection_s: float = 600.0
    disconnect_needs_no_references: bool = False
    handles_shared: bool = False
    slot_recall: bool = False
    directory_leases: bool = False

    def scaled(self, time_scale: float) -> "Policy":
        """Return the policy with every duration multiplied; transport timeouts are not here."""
        times = {
            field.name: getattr(self, field.name) * time_scale
            for field in fields(self)
            if field.name.endswith("_s")
        }
        return replace(self, **times)


@dataclass(frozen=True, slots=True)
class Expects:
    """What users see: refusals though few are logged on; files taken by another's logoff."""

    spurious_refusals: bool
    takes_others_handles: bool = False

    def words(self) -> str:
        """Say it."""
        first = "spurious refusals" if self.spurious_refusals else "no spurious refusal"
        return f"{first}, others' files taken" if self.takes_others_handles else first


@dataclass(frozen=True, slots=True)
class Preset:
    """A policy with a name, a source, and what is to be expected of it."""

    name: str
    policy: Policy
    expects: Expects
    source: str


_LEAKS, _CLEAN, _TAKES = Expects(True), Expects(False), Expects(False, True)

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "sp3",
            Policy(FORCE, 10.0, handles_shared=True),
            _TAKES,
            "Q184836, Q179983: LOGOFF whatever is open; another session's file goes with it",
        ),
        Preset(
            "sp4",
            Policy(LEAVE, 30.0, disconnect_needs_no_references=True),
            _LEAKS,
            "Q214563: teardown checks for references; an explicit disconnect fails with 2404",
        ),
        Preset("sp5", Policy(LEAVE, 30.0), _LEAKS, "Q248371"),
        Preset("sp6", Policy(PURGE, 30.0), _CLEAN, "Q248371, MS-CIFS 3.2.4.25"),
        Preset(
            "w2k",
            Policy(PURGE, 10.0, 50, handles_shared=True),
            _TAKES,
            "Q299603: one handle per file shared across sessions, released with its opener",
        ),
        Preset(
            "win10",
            Policy(PURGE, 10.0, 1023, HANDLE_LEASE, 10.0, directory_leases=True),
            _CLEAN,
            "MS-WKST: DormantFileLimit 1023, CacheFileTimeout 10 s",
        ),
        Preset(
            "cifs-1s",
            Policy(PURGE, 1.0, None, HANDLE_LEASE, 0.0, directory_leases=True),
            _CLEAN,
            "Linux cifs.ko: deferred close, closetimeo 1 s",
        ),
        Preset(
            "cifs-5s",
            Policy(PURGE, 5.0, None, HANDLE_LEASE, 0.0, directory_leases=True),
            _CLEAN,
            "Linux cifs.ko 6.0: deferred close, 5 s",
        ),
        Preset(
            "macos-30",
            Policy(PURGE, 30.0, 100, HANDLE_LEASE, 0.0, directory_leases=True),
            _CLEAN,
            "macOS smbfs: deferred close, 30 s, 100 files",
        ),
        Preset(
            "recall",
            Policy(LEAVE, 30.0, slot_recall=True),
            _CLEAN,
            "sp5's logoff; the server may ask for slots that nobody needs (no system has it)",
        ),
    )
}
