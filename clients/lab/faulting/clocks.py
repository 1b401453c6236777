"""Wall clocks that jump: libfaketime in a daemon's environment, told by a file of its own."""

import os
from collections import Counter
from pathlib import Path

import trio

LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")


def library() -> Path | None:
    """Where libfaketime for programs with threads is, if it is installed."""
    found = (path for one in LIBRARIES for path in Path("/").glob(one.lstrip("/")))
    return next(found, None)


class FakeClock:
    """The wall clocks of all programs; a file in `folder` for each says how wrong it is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offsets: Counter[str] = Counter()
        self._library = library()
        self.stepped: set[str] = set()  # programs that were ever told a wrong time

    @property
    def missing(self) -> str:
        """Why no clock can be moved here; empty if they can."""
        return "" if self._library else "libfaketime is not installed (Debian: faketime)"

    def env(self, program: str) -> dict[str, str] | None:
        """The environment for a program whose clock can be moved."""
        if self._library is None:
            return None
        self._write(program)
        return {
            **os.environ,
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file(program)),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",  # times of files are the kernel's
        }

    async def step(self, program: str, seconds: float) -> None:
        """Put a program's wall clock forward, or back."""
        await trio.lowlevel.checkpoint()
        self.stepped.add(program)
        self._offsets[program] += round(seconds)
        self._write(program)

    async def heal(self) -> None:
        """Let all clocks be right again."""
        await trio.lowlevel.checkpoint()
        for program in list(self._offsets):
            self._offsets[program] = 0
            self._write(program)

    def _file(self, program: str) -> Path:
        return self._folder / f"{program}.clock"

    def _write(self, program: str) -> None:
        # In one piece: it is read at every look at the clock.
        new = self._file(program).with_suffix(".new")
        new.write_text(f"{self._offsets[program]:+d}\n")
        new.replace(self._file(program))
