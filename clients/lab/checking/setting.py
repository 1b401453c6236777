"""What a run was, as the first line of its history says: the preset, the limit, the bounds."""

from dataclasses import dataclass, fields
from typing import Any

from clients.lab.checking.history import HistoryError
from clients.lab.checking.verdict import NANO
from redird.presets import PRESETS

NUMBERS = (int, float)
MARGIN_S = 1.0  # for what is due at once: turns, round trips, a slow machine


@dataclass(frozen=True, slots=True)
class Setting:
    """All times in seconds as the run had them. What the line leaves out is as usual.

    `dead_release_max_s`: until the slots of a link seen lost are free. `journal`: uses outlive
    the server.
    """

    preset: str = "sp6"
    share: str = "docs"  # the one that has a limit
    uses_max: int | None = None
    dormant_age_max_s: float = -1.0  # below 0: the preset's
    scavenger_tick_s: float = -1.0
    peer_silence_max_s: float = 15.0
    logoff_max_s: float = 10.0
    reconnect_max_s: float = 0.0
    durable_age_max_s: float = 0.0
    grace_s: float = 0.0
    recall_wait_s: float = 0.0
    lease_break_wait_s: float = 35.0
    delay_s: float = 0.0  # of a message to or from the server, and how much more at most
    jitter_s: float = 0.0
    quiet_s: float = 0.0
    dead_release_max_s: float = 1.0
    margin_s: float = MARGIN_S
    fds_margin: int = 4
    memory_margin_bytes: int = 64 * 1024 * 1024
    journal: bool = False

    @staticmethod
    def of(told: dict[str, Any]) -> "Setting":
        """Read the first line's setting; what is not known here is for others."""
        known = {}
        for one in fields(Setting):
            if one.name in told:
                known[one.name] = _checked(one.name, told[one.name])
        setting = Setting(**known)
        if setting.preset not in PRESETS:
            names = ", ".join(PRESETS)
            raise HistoryError(f"line 1: preset {setting.preset!r} is not one of {names}")
        return setting

    def limit(self, share: str) -> int | None:
        """How many connections a share may have, None if as many as there are."""
        return self.uses_max if share == self.share else None

    @property
    def leaves(self) -> bool:
        """Whether a logoff may leave a connection behind for what is dormant on it.

        By what users are to expect: how a logoff goes is what is being judged.
        """
        preset = PRESETS[self.preset]
        return preset.expects.spurious_refusals or preset.policy.slot_recall

    @property
    def recalls(self) -> bool:
        """Whether slots that nobody needs are asked back at the limit."""
        return PRESETS[self.preset].policy.slot_recall and self.recall_wait_s > 0

    @property
    def refuses_spuriously(self) -> bool:
        """Whether users are to expect refusals with fewer of them logged on than the limit."""
        if PRESETS[self.preset].policy.slot_recall:
            return not self.recalls or self.recall_wait_s < self.recall_takes_s
        return PRESETS[self.preset].expects.spurious_refusals

    @property
    def recall_takes_s(self) -> float:
        """How long a slot may be on its way back: asked for, its files closed, given back."""
        return 6 * (self.delay_s + self.jitter_s) + 0.1 * self.margin_s

    @property
    def slack_s(self) -> float:
        """For what is due: turns, and messages there and back."""
        return self.margin_s + 6 * (self.delay_s + self.jitter_s)

    def cut_short(self, took_ns: int) -> bool:
        """Whether a logoff was answered as its time was over, and not when it was done."""
        return took_ns >= 0.95 * self.logoff_max_s * NANO

    @property
    def takes_others_handles(self) -> bool:
        """Whether a logoff may close files that others have open."""
        return PRESETS[self.preset].expects.takes_others_handles

    @property
    def disconnect_may_fail(self) -> bool:
        """Whether a disconnect is refused while anything dormant refers to it (Q214563)."""
        return PRESETS[self.preset].policy.disconnect_needs_no_references

    @property
    def residue_s(self) -> float:
        """How long a connection may be left for what is dormant: an age and a tick."""
        policy = PRESETS[self.preset].policy
        age_s, tick_s = self.dormant_age_max_s, self.scavenger_tick_s
        age_s = policy.dormant_age_max_s if age_s < 0 else age_s
        tick_s = policy.scavenger_tick_s if tick_s < 0 else tick_s
        return age_s + tick_s + self.slack_s

    @property
    def vanish_s(self) -> float:
        """How long the slots may be held of somebody who is gone without a word."""
        silent_s = 2 * self.peer_silence_max_s  # of a client at its redirector, of that here
        residue_s = self.residue_s if self.leaves else 0.0
        return silent_s + self.logoff_max_s + self.grace_s + residue_s + 2 * self.slack_s

    @property
    def settle_s(self) -> float:
        """How long after it was healed a fault may still be felt."""
        return self.peer_silence_max_s + self.reconnect_max_s + self.grace_s + self.slack_s


def _checked(name: str, value: Any) -> Any:
    if name == "uses_max" and value is None:
        return None
    wanted = {"preset": (str,), "share": (str,), "journal": (bool,), "uses_max": (int,)}.get(
        name, NUMBERS
    )
    if value.__class__ not in wanted:
        kind = " or ".join(one.__name__ for one in wanted)
        raise HistoryError(f"line 1: setting `{name}` must be {kind}, not {value!r}")
    return value
