"""What a fault may touch: the field it is played on.

There is a real field (processes, a proxy between them) and a simulated one (cables in one
process, virtual time); a fault is written once, against this. Seconds are trio's.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from random import Random
from typing import Protocol

import trio

from clients.faults.toxics import Toxic

BANDS = ("network", "process", "disk", "time", "protocol")
# What a field may lack, and a kind may need; its reason is shown beside the kind it skips.
NEEDS = ("disk", "clock", "files_limit", "memory_limit", "stop", "identity")

GUEST = "guest"  # an account without a password, at every server


class FoundBroken(Exception):
    """A fault was answered as it never may be; the text says what was seen."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a redirector calls itself at the server, and the key that proves it."""

    instance: str
    key: str


class Wire(Protocol):
    """All links from one place to another: "host1-server", "clients-host1"."""

    @property
    def name(self) -> str:
        """From where to where, with a dash between."""

    def add(self, toxic: Toxic) -> None:
        """Let it work on what passes from now on; one of the same name is replaced."""

    def remove(self, toxic: Toxic) -> None:
        """End it: what it held back goes on. One that is not there is no error."""

    def cut(self) -> int:
        """Reset every stream; returns how many there were."""

    def changed(self, toxic: Toxic) -> int:
        """How many frames or streams it has touched, also after its removal."""


class Program(Protocol):
    """A daemon: "server", "host1", ..; each act is harmless in whatever state it is."""

    @property
    def name(self) -> str:
        """What the field calls it."""

    async def kill(self) -> None:
        """End it without a warning (SIGKILL)."""

    async def restart(self) -> None:
        """Start it again, if it does not run; it is ready when this returns."""

    async def stop(self) -> None:
        """Stop it in its tracks (SIGSTOP): it stays, and answers nobody."""

    async def go_on(self) -> None:
        """Let it go on after `stop`."""

    async def limit_files(self, most: int | None) -> None:
        """Let it open only `most` descriptors beyond those it has; None: as many as before."""

    async def limit_memory(self, most: int | None) -> bool:
        """Let it grow by `most` bytes only; returns whether it has died of that by now."""


class Disk(Protocol):
    """The disk under a server's shares."""

    async def begin(self, call: str, error: str, every: int) -> None:
        """From now on every so many-th `call` (write, fsync, read) meets `error`.

        `error` is EIO or ENOSPC, "short" (a part only is done) or "slow".
        """

    async def heal(self) -> int:
        """Be well again; returns how many calls met the error."""


class Clock(Protocol):
    """The wall clocks of programs."""

    async def step(self, program: str, seconds: float) -> None:
        """Put a program's wall clock forward, or back: never its monotonic one."""


class Field(Protocol):
    """Everything there is to break."""

    @property
    def wires(self) -> Mapping[str, Wire]:
        """By name; those between redirectors and the server end in "-server"."""

    @property
    def programs(self) -> Mapping[str, Program]:
        """By name: "server", and each redirector."""

    @property
    def disks(self) -> Mapping[str, Disk]:
        """By the program whose disk it is."""

    @property
    def clock(self) -> Clock:
        """All wall clocks."""

    @property
    def open_share(self) -> str:
        """A share without a limit, for strangers: no user works there."""

    @property
    def silence_max_s(self) -> float:
        """How long a peer's silence is borne here."""

    @property
    def missing(self) -> Mapping[str, str]:
        """Which of NEEDS is not to be had here, and why."""

    def stranger(self, program: str) -> AbstractAsyncContextManager[trio.abc.Stream]:
        """A bare stream to a program, past the wires; guests may log on."""

    def identity(self, program: str) -> Identity:
        """Who a redirector says it is."""


class Kind(Protocol):
    """One fault; its module's docstring says what it is in life."""

    name: str
    band: str
    needs: tuple[str, ...]

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        """Break something, for about `length_s`; returns how often it truly came about.

        Everything is whole again when this ends, also when it is cancelled. Raises
        FoundBroken.
        """
