"""A run as a picture: operations over time by outcome, and below them a band for each fault.

Colours are those that stay apart for every kind of colour vision; matplotlib comes late.
"""

from pathlib import Path
from typing import Any

from clients.faults.kinds import ALL
from clients.lab.faulting.sampling import Samples
from clients.lab.faulting.seen import Seen

COLOURS = {
    "network": "#0072B2",
    "process": "#D55E00",
    "disk": "#CC79A7",
    "time": "#E69F00",
    "protocol": "#009E73",
}
OUTCOMES = (
    ("ok", "answered", "#B9D7EA", ""),
    ("fail", "refused", "#777777", ""),
    ("unknown", "never answered", "#D55E00", "//"),
)
GAP_S = 1.0  # of samples: longer, and nobody knows what was between
SHORTEST = 0.004  # of the whole, so that a moment is seen


def draw_timeline(path: Path, seen: Seen, samples: Samples) -> None:
    """Draw it into `path`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    rows = max(1, len(seen.kinds()))
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08)
    figure = Figure(figsize=(10, 4.4 + 0.24 * rows), dpi=120, layout=layout)
    FigureCanvasAgg(figure)
    heights = [2.2, 1.1, 0.5 + 0.24 * rows]
    top, slots, below = figure.subplots(3, 1, sharex=True, height_ratios=heights)
    _draw_operations(top, seen)
    _draw_slots(slots, samples, seen)
    _draw_bands(below, seen)
    below.set_xlim(0, seen.end_s or 1.0)
    below.set_xlabel("seconds of the run")
    _draw_legend(figure, seen)
    figure.savefig(path, format="png", metadata={"Software": None})


def _draw_operations(panel: Any, seen: Seen) -> None:
    width = seen.bin_s
    floor: list[float] = []
    for outcome, label, colour, hatch in OUTCOMES:
        counts = [count / width for count in seen.bins(outcome)]
        floor = floor or [0.0] * len(counts)
        lefts = [number * width for number in range(len(counts))]
        panel.bar(
            lefts,
            counts,
            width=width,
            bottom=floor,
            align="edge",
            color=colour,
            hatch=hatch,
            edgecolor="white" if hatch else "none",
            linewidth=0,
            label=label,
        )
        floor = [low + count for low, count in zip(floor, counts, strict=True)]
    _draw_deaths(panel, seen)
    for span in seen.deaths:
        panel.annotate(
            f"{span.name} dead",
            (span.from_s, 1),
            xycoords=("data", "axes fraction"),
            xytext=(2, -9),
            textcoords="offset points",
            fontsize=7,
        )
    panel.set_ylabel("operations / s")
    panel.spines[["top", "right"]].set_visible(False)


def _draw_deaths(panel: Any, seen: Seen) -> None:
    for span in seen.deaths:
        panel.axvspan(span.from_s, span.to_s, color="#000000", alpha=0.18, linewidth=0)


def _draw_slots(panel: Any, samples: Samples, seen: Seen) -> None:
    """The server's own count, with gaps where it did not answer."""
    _draw_deaths(panel, seen)
    runs: list[list[tuple[float, int]]] = [[]]
    for one in samples.uses:
        if runs[-1] and one[0] - runs[-1][-1][0] > GAP_S:
            runs.append([])
        runs[-1].append(one)
    for run in filter(None, runs):
        times, uses = zip(*run, strict=True)
        panel.plot(times, uses, drawstyle="steps-post", color="#0072B2", linewidth=1.3)
    if samples.limit:
        panel.axhline(samples.limit, color="black", linestyle=(0, (5, 3)), linewidth=1.0)
        panel.annotate(
            f"limit {samples.limit}", (1, samples.limit), xycoords=("axes fraction", "data"),
            xytext=(4, 0), textcoords="offset points", va="center", fontsize=8,
        )  # fmt: skip
    panel.set_ylim(0, max(samples.limit or 0, samples.most, 1) * 1.15)
    panel.set_ylabel("slots")
    panel.yaxis.get_major_locator().set_params(integer=True, nbins=5)
    panel.spines[["top", "right"]].set_visible(False)


def _draw_bands(panel: Any, seen: Seen) -> None:
    kinds = seen.kinds()
    for row, name in enumerate(kinds):
        spans = [one for one in seen.faults if one.name == name]
        shortest = SHORTEST * seen.end_s
        panel.broken_barh(
            [(one.from_s, max(shortest, one.to_s - one.from_s)) for one in spans],
            (row - 0.4, 0.8),
            facecolor=COLOURS[band_of(name)],
        )
    panel.set_yticks(range(len(kinds)), kinds, fontsize=8)
    panel.set_ylim(max(len(kinds), 1) - 0.5, -0.5)
    panel.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)


def band_of(kind: str) -> str:
    """The band of a kind of this or another version's history."""
    return ALL[kind].band if kind in ALL else "protocol"


def _draw_legend(figure: Any, seen: Seen) -> None:
    from matplotlib.patches import Patch

    bands = {band_of(name) for name in seen.kinds()}
    entries = [
        Patch(
            facecolor=colour, hatch=hatch, edgecolor="white" if hatch else "none", label=label
        )
        for _, label, colour, hatch in OUTCOMES
    ]
    entries += [
        Patch(facecolor=colour, label=f"fault: {band}")
        for band, colour in COLOURS.items()
        if band in bands
    ]
    figure.legend(
        handles=entries, loc="outside lower center", ncols=4, frameon=False, fontsize=8
    )
