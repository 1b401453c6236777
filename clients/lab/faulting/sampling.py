"""The server's own count of a share's uses, looked at again and again while a run lasts."""

import time
from dataclasses import dataclass, field

import trio

from clients.lab.daemons import SHARE
from clients.lab.faulting.programs import RealProgram

LOOK_S = 0.2
SAMPLES_MAX = 500_000


@dataclass(slots=True)
class Samples:
    """Pairs of seconds since the run began and uses then."""

    limit: int | None
    began_ns: int
    uses: list[tuple[float, int]] = field(default_factory=list)

    @property
    def most(self) -> int:
        """The most there ever were."""
        return max((uses for _, uses in self.uses), default=0)

    @property
    def over(self) -> list[str]:
        """What is wrong, in words."""
        found = [(at_s, uses) for at_s, uses in self.uses if self.limit and uses > self.limit]
        return [
            f"at {at_s:.1f} s the server counted {uses} uses of a share that has {self.limit}"
            for at_s, uses in found[:1]
        ]

    async def follow(self, server: RealProgram) -> None:
        """Look, for ever; a server that does not answer is asked again."""
        while len(self.uses) < SAMPLES_MAX:
            await trio.sleep(LOOK_S)
            if server.pid is None:
                continue
            for row in await server.view("shares") or ():
                if row["name"] == SHARE:
                    at_s = (time.monotonic_ns() - self.began_ns) / 1e9
                    self.uses.append((at_s, row["uses"]))
