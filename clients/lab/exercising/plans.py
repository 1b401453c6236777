"""What several users will do on a share: a plan, made by chance, that can be cut down.

Each user of a plan is at one host (the redirector there) and has sessions one after the other,
often with hardly a pause between them (Q248371): log on, connect, work on files, log off. Files
are of three sorts: hot ones that everybody works on, private ones, and ones whose names change.
A write fills one whole block with a value that no other write of the plan has.

What a plan is made of is in `actions`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clients.lab.exercising.actions import LOCK_FROM, Action, Plan, UserPlan

if TYPE_CHECKING:
    from random import Random

__all__ = ["MIX", "Action", "Knobs", "Plan", "UserPlan", "plan", "user_names"]

Mix = tuple[tuple[str, float], ...]
MIX: Mix = (
    ("open", 6),
    ("close", 5),
    ("reopen", 5),
    ("read", 6),
    ("write", 6),
    ("fsync", 1),
    ("stat", 2),
    ("rename", 1),
    ("unlink", 1),
    ("lock", 1),
    ("unlock", 1),
    ("disconnect", 0.3),
)
KEYS = 3  # how many files a user has open at once, at most


@dataclass(frozen=True, slots=True)
class Knobs:
    """What a plan is made by. Pauses are means; `quick_share` of the logoffs are followed by a
    logon within `quick_s`. `limit` is the share's uses_max, for whoever opens the stage.
    """

    users: int = 6
    hosts: tuple[str, ...] = ("host1", "host2")
    limit: int | None = 4
    hot_files: int = 2
    private_files: int = 2
    name_files: int = 1
    blocks: int = 4
    duration_s: float = 60.0
    session_s: float = 12.0
    think_s: float = 0.6
    reopen_s: float = 1.0
    quick_share: float = 0.5
    quick_s: float = 0.3
    away_s: float = 8.0
    again_share: float = 0.5  # of the connects, which a user tries a second time if refused
    names_share: float = 0.15
    hot_share: float = 0.5
    exclusive_share: float = 0.05
    lock_wait_s: float = 0.5
    impatient_share: float = 0.0  # of the actions, whose answer nobody waits for
    patience_s: float = 0.3  # at most, then
    mix: Mix = MIX


def user_names(knobs: Knobs) -> tuple[str, ...]:
    """The names of a plan's users, each at one host only."""
    return tuple(f"user{number}" for number in range(1, knobs.users + 1))


def plan(random: "Random", knobs: Knobs) -> Plan:
    """Make a plan; the same chances give the same one."""
    users = []
    last = 0
    for index, name in enumerate(user_names(knobs)):
        planner = _Planner(random, knobs, name, last)
        actions = tuple(planner.actions())
        last += len(actions)
        users.append(UserPlan(knobs.hosts[index % len(knobs.hosts)], name, actions))
    return Plan(tuple(users))


class _Planner:
    """Plans one user, and minds what the user will have open if all goes well."""

    def __init__(self, random: "Random", knobs: Knobs, name: str, last: int) -> None:
        self._random = random
        self._knobs = knobs
        self._name = name
        self._last = last
        self._held: dict[int, tuple[str, str]] = {}  # by key: path and access
        self._locked: set[int] = set()
        self._closed: str = ""  # the latest path closed
        self._at_s = 0.0

    def actions(self) -> Iterator[Action]:
        """Sessions until the time is over."""
        knobs, random = self._knobs, self._random
        pause_s = random.uniform(0.0, 2 * knobs.think_s)
        while self._at_s < knobs.duration_s:
            yield from self._session(pause_s)
            quick = random.random() < knobs.quick_share
            most_s = knobs.quick_s if quick else 2 * knobs.away_s
            pause_s = random.uniform(0.0, most_s)

    def _session(self, pause_s: float) -> Iterator[Action]:
        knobs, random = self._knobs, self._random
        yield self._act("logon", pause_s)
        yield self._act("connect", 0.0)
        if random.random() < knobs.again_share:
            yield self._act("connect", random.uniform(0.0, 2 * knobs.think_s))
        ends_s = self._at_s + random.expovariate(1 / knobs.session_s)
        while self._at_s < min(ends_s, knobs.duration_s):
            yield from self._step()
        self._held.clear()
        self._locked.clear()
        yield self._act("logoff", self._pause())

    def _act(self, do: str, pause_s: float, **more: Any) -> Action:
        self._last += 1
        pause_s = round(pause_s, 6)
        self._at_s += pause_s
        knobs, random = self._knobs, self._random
        if knobs.impatient_share and random.random() < knobs.impatient_share:
            more["patience_s"] = round(random.uniform(0.001, knobs.patience_s), 6)
            more["parting"] = random.random() < 0.5
        return Action(self._last, do, pause_s, **more)

    def _pause(self) -> float:
        return self._random.expovariate(1 / self._knobs.think_s)

    def _step(self) -> Iterator[Action]:
        names, weights = zip(*self._knobs.mix, strict=True)
        do = self._random.choices(names, weights)[0]
        needs_open = do in ("close", "read", "write", "fsync", "lock", "unlock")
        if needs_open and not self._held:
            do = "open"
        if do in ("open", "reopen") and len(self._held) == KEYS:
            do = "close"
        yield getattr(self, f"_plan_{do}")()

    # --- one action each ---

    def _open_path(self, path: str, pause_s: float) -> Action:
        random = self._random
        key = next(key for key in range(KEYS) if key not in self._held)
        access = random.choice(("r", "rw", "rw"))
        exclusive = random.random() < self._knobs.exclusive_share
        self._held[key] = path, access
        more = {"key": key, "path": path, "access": access, "exclusive": exclusive}
        return self._act("open", pause_s, **more)

    def _plan_reopen(self) -> Action:
        if not self._closed:
            return self._plan_open()
        soon_s = self._random.uniform(0.0, 2 * self._knobs.reopen_s)
        return self._open_path(self._closed, soon_s)

    def _plan_open(self) -> Action:
        return self._open_path(self._some_path(), self._pause())

    def _some_path(self) -> str:
        random, knobs = self._random, self._knobs
        if knobs.name_files and random.random() < knobs.names_share:
            return self._name_path() + random.choice((".a", ".b"))
        hot = random.random() < knobs.hot_share or not knobs.private_files
        if hot and knobs.hot_files:
            return f"hot{random.randrange(knobs.hot_files)}"
        return f"{self._name}-{random.randrange(max(1, knobs.private_files))}"

    def _key(self, access: str = "") -> int | None:
        keys = [key for key, (_, how) in self._held.items() if how.startswith(access)]
        return self._random.choice(keys) if keys else None

    def _plan_close(self) -> Action:
        key = self._key()
        assert key is not None
        path, _ = self._held.pop(key)
        self._locked.discard(key)
        self._closed = path
        return self._act("close", self._pause(), key=key, path=path)

    def _plan_read(self) -> Action:
        return self._at_block("read", self._key())

    def _plan_write(self) -> Action:
        key = self._key("rw")
        if key is None:
            return self._plan_read()
        return self._at_block("write", key)

    def _at_block(self, do: str, key: int | None) -> Action:
        assert key is not None
        offset = 64 * self._random.randrange(self._knobs.blocks)
        value = self._last + 1 if do == "write" else 0
        path = self._held[key][0]
        return self._act(do, self._pause(), key=key, path=path, offset=offset, value=value)

    def _plan_fsync(self) -> Action:
        key = self._key("rw")
        if key is None:
            return self._plan_read()
        return self._act("fsync", self._pause(), key=key, path=self._held[key][0])

    def _plan_lock(self) -> Action:
        free = [key for key in self._held if key not in self._locked]
        if not free:
            return self._plan_unlock()
        return self._range("lock", self._random.choice(free))

    def _plan_unlock(self) -> Action:
        held = sorted(self._locked)
        if not held:
            return self._plan_lock()
        return self._range("unlock", self._random.choice(held))

    def _range(self, do: str, key: int) -> Action:
        if do == "lock":
            self._locked.add(key)
        else:
            self._locked.discard(key)
        exclusive = self._random.random() < 0.7
        path = self._held[key][0]
        return self._act(
            do, self._pause(), key=key, path=path, offset=LOCK_FROM, exclusive=exclusive
        )

    def _plan_stat(self) -> Action:
        return self._act("stat", self._pause(), path=self._some_path())

    def _name_path(self) -> str:
        return f"name{self._random.randrange(max(1, self._knobs.name_files))}"

    def _plan_rename(self) -> Action:
        path = self._name_path()
        ends = self._random.choice((".a", ".b")), self._random.choice((".a", ".b", ".c"))
        return self._act("rename", self._pause(), path=path + ends[0], target=path + ends[1])

    def _plan_unlink(self) -> Action:
        path = self._name_path() + self._random.choice((".a", ".b"))
        return self._act("unlink", self._pause(), path=path)

    def _plan_disconnect(self) -> Action:
        self._held.clear()
        self._locked.clear()
        return self._act("disconnect", self._pause())
