"""How a build goes: a line for each step with its time and the last line of its log."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.hosts.planning import Plan
from redird.wire.console import printable

REFRESH_S = 0.25
TAIL_MAX = 4096
PACKAGES = "packages"  # the line that shows how versions are asked for


@dataclass(slots=True)
class Line:
    """How a step stands."""

    log: Path | None = None
    began: float = 0.0
    seconds: float | None = None
    kept: bool = False

    def time(self) -> str:
        """How long it takes or took."""
        if self.kept:
            return "kept"
        if self.seconds is not None:
            return f"{self.seconds:.0f} s"
        return f"{time.monotonic() - self.began:.0f} s ..." if self.log else ""

    def says(self) -> str:
        """The last line of its log while it is under way."""
        if self.log is None or self.seconds is not None:
            return ""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - TAIL_MAX))
                lines = file.read().decode(errors="replace").split("\n")
        except OSError:
            return ""
        said = [line for line in lines if line.strip()]
        return printable(said[-1].replace("\t", " ").strip()) if said else ""


class Progress:
    """What a build tells, for a terminal or, without one, as lines."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.lines: dict[tuple[str, str], Line] = {}

    def note(self, text: str) -> None:
        """Something to know."""
        self.console.print(text, markup=False)

    def asking(self, arch: str, log: Path) -> None:
        """Versions are being asked for."""
        self.lines[arch, PACKAGES] = Line(log, time.monotonic())

    def planned(self, plan: Plan) -> None:
        """What is there already and what is left is known."""
        arch = plan.architecture.name
        asked = self.lines[arch, PACKAGES]
        asked.seconds = time.monotonic() - asked.began
        left = {step.part for step in plan.left}
        for step in plan.architecture.steps:
            self.lines[arch, step.part] = Line(kept=step.part not in left)

    def began(self, arch: str, part: str, log: Path) -> None:
        """A step is under way and writes to its log."""
        self.lines[arch, part] = Line(log, time.monotonic())
        self._tell(f"{arch} {part} ...")

    def ended(self, arch: str, part: str, seconds: float) -> None:
        """A step is done."""
        self.lines[arch, part].seconds = seconds
        self._tell(f"{arch} {part}: {seconds:.0f} s")

    def _tell(self, text: str) -> None:
        if not self.console.is_terminal:
            self.console.print(text, markup=False)

    def table(self) -> Table:
        """All steps as they stand."""
        table = Table(box=None, pad_edge=False, show_header=False, expand=True)
        for _ in range(2):
            table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True, min_width=9)
        table.add_column(no_wrap=True, overflow="ellipsis", style="dim", ratio=1)
        for (arch, part), line in self.lines.items():
            table.add_row(arch, part, line.time(), Text(line.says()))
        return table


@asynccontextmanager
async def shown(console: Console) -> AsyncIterator[Progress]:
    """Show a build's progress on a terminal while the context is open."""
    progress = Progress(console)
    if not console.is_terminal:
        yield progress
        return
    with Live(console=console, auto_refresh=False) as live:

        async def refresh() -> None:
            while True:
                live.update(progress.table(), refresh=True)
                await trio.sleep(REFRESH_S)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(refresh)
            try:
                yield progress
            finally:
                live.update(progress.table(), refresh=True)
                nursery.cancel_scope.cancel()
