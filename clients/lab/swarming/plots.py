"""What a swarm found, as pictures: latencies by percentile, refusals over time by verdict.

The percentile axis stretches the tail: as much room from 90 to 99 as from 99 to 99.9 %.
matplotlib is an extra, so it is imported late.
"""

from collections.abc import Mapping, Sequence
from itertools import cycle
from math import log10
from pathlib import Path
from typing import Any

from clients.lab.history import GENUINE, SPURIOUS, UNDECIDED
from clients.lab.swarming.outcome import NOT_JUDGED
from clients.swarm.measures import Latencies

PERCENTILES = (0, 50, 90, 99, 99.9, 99.99, 99.999)
LINES = {  # label: colour, line style, so that print tells them apart too
    "logon": ("#0072B2", "-"),
    "file operation": ("#009E73", "--"),
    "logoff": ("#CC79A7", ":"),
}
OTHERS = [  # for what has no line of its own above, in this order
    ("#000000", "-"), ("#D55E00", "--"), ("#0072B2", "-."), ("#009E73", ":"), ("#CC79A7", "-"),
    ("#E69F00", "--"), ("#56B4E9", "-."),
]  # fmt: skip
BARS = {  # verdict: colour, hatch
    SPURIOUS: ("#D55E00", "//"),
    GENUINE: ("#4D4D4D", ""),
    UNDECIDED: ("#BBBBBB", ".."),
    NOT_JUDGED: ("#BBBBBB", ""),
}
BINS = 60


def latency_png(path: Path, latencies: Mapping[str, Latencies]) -> None:
    """Draw each latency that was measured against its percentile, into `path`."""
    figure, panel = _panel()
    most = 10
    for (label, measured), other in zip(latencies.items(), cycle(OTHERS), strict=False):
        if not measured.count:
            continue
        most = max(most, measured.count)
        colour, style = LINES.get(label, other)
        xs, ys = _steps(measured)
        panel.plot(
            xs, ys, linestyle=style, color=colour, linewidth=1.8, drawstyle="steps-pre",
            label=f"{label} ({measured.count:,})",
        )  # fmt: skip
    ticks = [one for one in PERCENTILES if one == 0 or 1 / (1 - one / 100) <= most * 1.01]
    panel.set_xticks([_stretched(one / 100) for one in ticks], [f"{one:g}" for one in ticks])
    panel.set_xlim(0, log10(most) * 1.02)
    panel.set_yscale("log")
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    panel.yaxis.set_minor_formatter(_two_and_five)
    panel.set_ylabel("milliseconds")
    panel.set_xlabel("percentile, counted from the intended start")
    panel.grid(alpha=0.25)
    if any(measured.count for measured in latencies.values()):
        panel.legend(frameon=False)
    _save(figure, path)


def _two_and_five(value: float, _: int) -> str:
    """Between powers of ten only these are named: a narrow spectrum has few of those."""
    return f"{value:,.10g}" if f"{value:e}"[0] in "25" else ""


def refusals_png(path: Path, refusals: Sequence[tuple[float, str]], end_s: float) -> None:
    """Draw how many were refused when, stacked by verdict, into `path`."""
    figure, panel = _panel()
    kinds = [kind for kind in BARS if any(kind == one for _, one in refusals)]
    end_s = max([end_s, *(at_s for at_s, _ in refusals)]) or 1.0
    width_s = end_s / BINS
    floor = [0] * BINS
    for kind in kinds:
        heights = [0] * BINS
        for at_s, one in refusals:
            heights[min(BINS - 1, max(0, int(at_s / width_s)))] += one == kind
        colour, hatch = BARS[kind]
        starts = [number * width_s for number in range(BINS)]
        panel.bar(
            starts, heights, width_s, floor, align="edge", color=colour, hatch=hatch,
            edgecolor="white", linewidth=0.3, label=f"{kind} ({sum(heights):,})",
        )  # fmt: skip
        floor = [low + height for low, height in zip(floor, heights, strict=True)]
    panel.set_xlim(0, end_s)
    panel.yaxis.get_major_locator().set_params(integer=True)
    panel.set_ylabel(f"refused in {width_s:.2g} s")
    panel.set_xlabel("seconds of the run")
    if kinds:
        panel.legend(frameon=False)
    _save(figure, path)


def _steps(measured: Latencies) -> tuple[list[float], list[float]]:
    """The spectrum on the stretched axis; the slowest of all is where one in all is."""
    last = 1 - 1 / (measured.count + 1)
    rows = measured.spectrum()
    xs = [0.0, *(_stretched(min(fraction, last)) for fraction, _ in rows)]
    return xs, [rows[0][1] * 1000, *(seconds * 1000 for _, seconds in rows)]


def _stretched(fraction: float) -> float:
    return -log10(1 - fraction)


def _panel() -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(10, 4), dpi=120, layout=ConstrainedLayoutEngine(w_pad=0.1))
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    panel.spines[["top", "right"]].set_visible(False)
    return figure, panel


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, format="png", metadata={"Software": None})
