"""How a swarm goes, on a terminal's standard error while it runs."""

import time

import trio
from rich.console import Console
from rich.live import Live
from rich.table import Table

from clients.lab.swarming.options import Options
from clients.lab.swarming.watch import Watch
from clients.swarm.line import Lead
from clients.swarm.measures import Measures

REFRESH_S = 0.25
RATE_OVER_S = 2.0  # logons per second are those of the last so many seconds


class Progress:
    """The line that is shown, made of the workers' snapshots and the redirector's status."""

    def __init__(self, options: Options, console: Console) -> None:
        self._options = options
        self._console = console
        self._answered: list[tuple[float, int]] = []

    async def show(self, lead: Lead, watch: Watch, begins_at: float) -> None:
        """Show it until cancelled."""
        if not self._console.is_terminal:
            await trio.sleep_forever()
        with Live(console=self._console, auto_refresh=False, transient=True) as live:
            while True:
                live.update(self.table(lead, watch, time.time() - begins_at), refresh=True)
                await trio.sleep(REFRESH_S)

    def table(self, lead: Lead, watch: Watch, elapsed_s: float) -> Table:
        """Everything that is known now, in one row."""
        measures = Measures()
        for snapshot in lead.snapshots.values():
            measures.add(Measures.of(snapshot))
        counts, status = measures.counts, watch.status
        limit = "" if self._options.limit is None else f"/{self._options.limit:,}"
        known = {
            "time": _time(elapsed_s, self._options.workload.duration_s),
            "logons": f"{counts.logons:,}",
            "logons/s": f"{self._rate(elapsed_s, counts.admitted + counts.refused):,.0f}",
            "refused": f"{counts.refused:,}",
            "sessions": f"{counts.sessions:,}",
            "slots": f"{status['connections']:,}{limit}" if status else "?",
            "dormant": f"{status['dormant']:,}" if status else "?",
            "p50": f"{measures.logon.quantile(0.5) * 1000:,.1f} ms",
            "p99": f"{measures.logon.quantile(0.99) * 1000:,.1f} ms",
            "not started": f"{counts.not_started:,}",
            "failed": f"{counts.failed:,}",
        }
        table = Table(box=None, pad_edge=False)
        for heading in known:
            table.add_column(heading, justify="right")
        table.add_row(*known.values())
        return table

    def _rate(self, now_s: float, answered: int) -> float:
        self._answered.append((now_s, answered))
        while self._answered[0][0] < now_s - RATE_OVER_S:
            self._answered.pop(0)
        then_s, before = self._answered[0]
        return (answered - before) / (now_s - then_s) if now_s > then_s else 0.0


def _time(elapsed_s: float, duration_s: float) -> str:
    """How far it is; after the duration sessions end, and none begins."""
    passed = f"{max(elapsed_s, 0):.0f}"
    return f"{passed}/{duration_s:.0f} s" if elapsed_s < duration_s else f"{passed} s, ending"
