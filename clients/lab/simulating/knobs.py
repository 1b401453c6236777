"""What a trial is like: knobs, drawn from its seed, so that each searches another place.

Each has a plain value, to which shrinking tries to bring it back. Durations are seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from random import Random

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Knobs:
    """A setting of all; the defaults are the plain values."""

    preset: str = "sp6"
    hosts: int = 1
    users: int = 2
    uses_max: int = 2
    dormant_age_max_s: float = 10.0
    dormant_files_max: int = 45
    scavenger_tick_s: float = 1.0
    batch_max: int = 64
    link_per_session: bool = False
    cache_max_bytes: int = 1 << 20
    write_behind_max_bytes: int = 1 << 16
    write_behind_max_s: float = 1.0
    delay_s: float = 0.0  # of the links to the server, each way
    jitter_s: float = 0.0  # at most so much more, by chance for each message
    recall_wait_s: float = 1.0  # of the server, under a preset that recalls slots
    lease_break_more_s: float = 5.0  # a lease is asked for, after who holds it trusts it
    logoff_max_s: float = 5.0
    peer_silence_max_s: float = 6.0
    journal: bool = True
    durable_age_max_s: float = 20.0
    grace_s: float = 3.0
    reconnect_max_s: float = 10.0
    faults: bool = True
    active: float = 0.25  # the chance of each kind of fault to be in the trial
    fault_max_s: float = 3.0  # that one lasts
    live: bool = False  # faults end half way, and then there must be progress
    work_s: float = 30.0
    think_s: float = 0.5
    session_s: float = 6.0
    quick_share: float = 0.5  # of the logoffs, followed by a logon at once
    hot_files: int = 2
    private_files: int = 1
    names_share: float = 0.15  # of the opens, on files whose names change
    impatient_share: float = 0.0  # of the actions, after which a user soon hangs up
    losing_links: bool = False  # faults are of those by which links are lost
    kinds_max: int = 8  # of faults, in one trial

    @property
    def host_names(self) -> tuple[str, ...]:
        """The hosts."""
        return tuple(f"host{number}" for number in range(1, self.hosts + 1))

    @property
    def lease_break_wait_s(self) -> float:
        """The server's, which is not less than the silence after which it gives somebody up."""
        return self.peer_silence_max_s + self.lease_break_more_s

    def row(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def from_row(row: dict[str, Any]) -> Knobs:
    """Read what `row` wrote; names that are not knobs are left out."""
    known = {one.name for one in fields(Knobs)}
    return Knobs(**{key: value for key, value in row.items() if key in known})


CHOICES: dict[str, tuple[Any, ...]] = {
    "hosts": (1, 2, 2),
    "users": (2, 2, 3, 4, 5),
    "dormant_age_max_s": (0.5, 2.0, 5.0, 10.0, 30.0),
    "dormant_files_max": (0, 1, 2, 45, 45, 45),
    "scavenger_tick_s": (0.0, 0.5, 1.0, 5.0),
    "batch_max": (1, 2, 64, 64),
    "link_per_session": (False, False, False, False, True),
    "cache_max_bytes": (0, 1 << 16, 1 << 20, 1 << 20),
    "write_behind_max_bytes": (0, 64, 256, 1 << 16, 1 << 16),
    "write_behind_max_s": (0.1, 1.0, 5.0),
    "delay_s": (0.0, 0.001, 0.02, 0.2),
    "jitter_s": (0.0, 0.0, 0.005, 0.3),
    "recall_wait_s": (0.2, 1.0, 3.0),
    "lease_break_more_s": (0.0, 2.0, 20.0),
    "logoff_max_s": (2.0, 5.0, 10.0),
    "peer_silence_max_s": (3.0, 3.0, 6.0, 15.0),
    "journal": (True, True, True, False),
    "durable_age_max_s": (0.0, 5.0, 20.0, 60.0),
    "grace_s": (1.0, 3.0, 10.0),
    "reconnect_max_s": (0.0, 5.0, 10.0, 30.0),
    "faults": (True, True, False, False),
    "active": (0.05, 0.1, 0.25, 0.5),
    "fault_max_s": (1.0, 4.0, 10.0),
    "live": (False, True),
    "work_s": (8.0, 12.0, 20.0),
    "think_s": (0.1, 0.3, 0.6),
    "session_s": (1.0, 3.0, 6.0),
    "quick_share": (0.2, 0.5, 0.9),
    "hot_files": (1, 2, 3),
    "private_files": (0, 1, 2),
}
# All is in a hurry and links are long: what is under way when somebody leaves, or one is lost.
HURRY: dict[str, tuple[Any, ...]] = {
    "users": (2, 3, 4),
    "dormant_age_max_s": (0.5, 0.5, 2.0),
    "scavenger_tick_s": (0.0, 0.0, 0.5),
    "delay_s": (0.1, 0.2, 0.4),
    "jitter_s": (0.0, 0.0, 0.3),
    "lease_break_more_s": (0.0, 0.0, 2.0),
    "peer_silence_max_s": (3.0, 3.0, 6.0),
    "reconnect_max_s": (10.0,),
    "faults": (True, True, True, False),
    "active": (0.25, 0.5),
    "fault_max_s": (0.5, 1.0, 4.0),
    "think_s": (0.1, 0.3),
    "session_s": (0.5, 1.0, 3.0),
    "quick_share": (0.5, 0.9),
    "names_share": (0.15, 0.7),
    "impatient_share": (0.0, 0.1, 0.3),
}
# Few stay long on one file, and everything is lost again and again.
STORM: dict[str, tuple[Any, ...]] = HURRY | {
    "hosts": (2,),
    "delay_s": (0.0, 0.02, 0.1),
    "jitter_s": (0.0, 0.0, 0.3),
    "peer_silence_max_s": (3.0,),
    "faults": (True,),
    "active": (1.0,),
    "fault_max_s": (4.0, 10.0),
    "live": (False,),
    "work_s": (30.0,),
    "session_s": (20.0,),
    "hot_files": (1, 1, 2),
    "private_files": (0,),
    "names_share": (0.0, 0.3),
    "impatient_share": (0.0, 0.0, 0.1),
}
PRESETS = {
    "sp6": 34,
    "recall": 20,
    "sp5": 14,
    "win10": 12,
    "cifs-1s": 4,
    "macos-30": 4,
    "sp4": 4,
    "sp3": 4,
    "w2k": 4,
}


def of_seed(seed: int, random: Random) -> Knobs:
    """Draw the knobs of a seed's trial: of ten one is in a hurry, and one in a storm."""
    return {4: _stormy, 9: _hurried}.get(seed % 10, _any)(random)


def _any(random: Random) -> Knobs:
    """Draw all of them; each takes the same number of throws, whatever the others are."""
    preset = random.choices(list(PRESETS), list(PRESETS.values()))[0]
    drawn = {name: random.choice(values) for name, values in CHOICES.items()}
    return _fitting(preset, drawn, random.choice((0, 1, 1, 1, 2, 3)))


def _hurried(random: Random) -> Knobs:
    preset = random.choice(list(PRESETS))
    drawn = {name: random.choice(values) for name, values in (CHOICES | HURRY).items()}
    return _fitting(preset, drawn | {"losing_links": True}, random.choice((0, 1, 1)))


def _stormy(random: Random) -> Knobs:
    preset = random.choice(list(PRESETS))
    drawn = {name: random.choice(values) for name, values in (CHOICES | STORM).items()}
    losing = random.random() < 0.5
    fewer = random.choice((-1, 0, 0))
    return _fitting(preset, drawn | {"kinds_max": 4, "losing_links": losing}, fewer)


def _fitting(preset: str, drawn: dict[str, Any], fewer: int) -> Knobs:
    late_s = drawn["delay_s"] + drawn["jitter_s"]
    drawn["recall_wait_s"] += 8 * late_s  # else nobody can answer a recall in time
    drawn["logoff_max_s"] += 20 * late_s  # nor end in order
    return Knobs(preset=preset, uses_max=max(1, drawn["users"] - fewer), **drawn)


def plainer(knobs: Knobs) -> Iterator[Knobs]:
    """Settings with one knob back at its plain value; the preset stays."""
    for one in fields(Knobs):
        if one.name != "preset" and getattr(knobs, one.name) != one.default:
            row: dict[str, Any] = {one.name: one.default}
            yield replace(knobs, **row)
