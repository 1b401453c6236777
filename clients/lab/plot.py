"""Slots over time as a picture: one panel a preset, what holds each slot stacked in colour.

Blue is a slot with a user behind it, orange-red one without; that pair stays apart for every
kind of colour vision and is hatched for print. matplotlib is an extra, so it is imported late.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clients.lab.timeline import Step, Timeline

Refusals = Sequence[tuple[float, str]]  # seconds of the run, verdict

TITLES = {
    "sp3": "logged off by force, whatever is open",
    "sp4": "logged off, slots still held",
    "sp5": "logged off, slots still held",
    "sp6": "slots given back before the logoff is answered",
    "w2k": "slots given back, handles shared between users",
    "win10": "slots given back before the logoff is answered",
    "cifs-1s": "slots given back, files dormant for one second",
    "cifs-5s": "slots given back, files dormant for five seconds",
    "macos-30": "slots given back, at most 100 files dormant",
    "recall": "logged off, slots given back when the server asks",
}

# What is stacked, from the bottom: label, colour, hatch.
BANDS = (
    ("live: in use", "#0072B2", ""),
    ("dormant only: logged on, files closed", "#8CCBEE", ""),
    ("closing: being given back", "#B5B5B5", ""),
    ("orphan: logged off, slot still held", "#D55E00", "//"),
)
# Verdict: label, marker, face colour, edge colour, row above the limit.
MARKERS = {
    "spurious": ("refused, spurious", "v", "#D55E00", "#D55E00", 0),
    "genuine": ("refused, genuine", "o", "white", "black", 1),
    "undecided": ("refused, undecided", "s", "#999999", "#555555", 1),
}
MARKERS_MAX = 1000  # of one verdict, side by side
STEPS_MAX = 4000  # more than there are pixels; a longer run is thinned to its peaks


def timeline_png(
    path: Path,
    timelines: Mapping[str, Timeline],
    refusals: Mapping[str, Refusals],
    uses_max: int,
    time_scale: float,
    seen_by: str = "redirector",
) -> None:
    """Draw the slots of each preset under each other, on the same axes, into `path`.

    `seen_by` is who said how many are held. A slot given back is held, to a redirector, until
    it hears of it.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    height = 1.3 + 2.0 * len(timelines)
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)
    figure = Figure(figsize=(10, height), dpi=120, layout=layout)
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(timelines), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    ends = [timeline.end_s for timeline in timelines.values()]
    end_s = max([*ends, *(at_s for rows in refusals.values() for at_s, _ in rows)]) or 1.0
    top = max([uses_max, *(timeline.peak() for timeline in timelines.values())])
    for panel, (preset, timeline) in zip(panels, timelines.items(), strict=True):
        refused = refusals.get(preset, ())
        _draw_slots(panel, timeline, end_s)
        _draw_limit(panel, uses_max)
        _draw_refusals(panel, refused, top, end_s)
        _label(panel, preset, timeline, refused, seen_by)
    panels[-1].set_xlim(0, end_s)
    panels[-1].set_ylim(0, top * 1.3)
    panels[-1].set_xlabel(_time_label(time_scale))
    _draw_legend(figure, {verdict for rows in refusals.values() for _, verdict in rows})
    figure.savefig(path, format="png", metadata={"Software": None})


def thinned(steps: Sequence[Step], steps_max: int = STEPS_MAX) -> list[Step]:
    """At most about twice `steps_max` of the steps: of each group the fullest and the last."""
    if len(steps) <= steps_max:
        return list(steps)
    size = -(-len(steps) // steps_max)
    kept: list[Step] = []
    for first in range(0, len(steps), size):
        group = steps[first : first + size]
        fullest = max(group, key=lambda step: step.held)
        kept += [fullest] if fullest is group[-1] else [fullest, group[-1]]
    return kept


def _draw_slots(panel: Any, timeline: Timeline, end_s: float) -> None:
    steps = thinned(timeline.steps)
    times = [step.at_s for step in steps] + [end_s]
    floor = [0] * len(times)
    for (_, colour, hatch), counts in zip(
        BANDS, zip(*map(_bands, steps), strict=True), strict=True
    ):
        counts += counts[-1:]
        ceiling = [low + count for low, count in zip(floor, counts, strict=True)]
        panel.fill_between(
            times,
            floor,
            ceiling,
            step="post",
            facecolor=colour,
            hatch=hatch,
            edgecolor="white" if hatch else "none",
            linewidth=0,
        )
        floor = ceiling


def _bands(step: Step) -> tuple[int, int, int, int]:
    """The four bands; an orphan that is closing is still nobody's, and drawn as an orphan."""
    closing = step.orphan + step.closing - step.ghosts
    return step.live, step.dormant_only, closing, step.ghosts


def _draw_limit(panel: Any, uses_max: int) -> None:
    panel.axhline(uses_max, color="black", linestyle=(0, (5, 3)), linewidth=1.2)
    panel.annotate(
        f"limit {uses_max}",
        (1, uses_max),
        xycoords=("axes fraction", "data"),
        xytext=(5, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
    )


def _draw_refusals(panel: Any, refused: Refusals, top: int, end_s: float) -> None:
    for verdict, (_, marker, face, edge, row) in MARKERS.items():
        times = _apart([at_s for at_s, other in refused if other == verdict], end_s)
        if not times:  # a line of no points has no extent, and no layout can be made around it
            continue
        height = [top * (1.1 + 0.1 * row)] * len(times)
        panel.plot(
            times,
            height,
            linestyle="none",
            marker=marker,
            markersize=5,
            markerfacecolor=face,
            markeredgecolor=edge,
            markeredgewidth=0.8,
            clip_on=False,
        )


def _apart(times: Sequence[float], end_s: float) -> list[float]:
    """The first of all that would be drawn at the same place."""
    places = {int(at_s / end_s * MARKERS_MAX): at_s for at_s in sorted(times, reverse=True)}
    return sorted(places.values())


def _label(
    panel: Any, preset: str, timeline: Timeline, refused: Refusals, seen_by: str
) -> None:
    said = TITLES.get(preset)
    panel.set_title(f"{preset}: {said}" if said else preset, loc="left", fontsize=11)
    spurious = sum(verdict == "spurious" for _, verdict in refused)
    counts = f"{len(refused):,} refused, {spurious:,} spurious" if refused else "none refused"
    held = f"at most {timeline.peak():,} slots at the {seen_by}"
    panel.set_title(f"{held}, {counts}", loc="right", fontsize=9)
    panel.set_ylabel("slots")
    panel.yaxis.get_major_locator().set_params(integer=True, nbins=6)
    panel.spines[["top", "right"]].set_visible(False)


def _time_label(time_scale: float) -> str:
    scaled = "" if time_scale == 1 else f" (policy times x {time_scale:g})"
    return f"seconds of the run{scaled}"


def _draw_legend(figure: Any, verdicts: set[str]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    entries: list[Any] = [
        Patch(
            facecolor=colour, hatch=hatch, edgecolor="white" if hatch else "none", label=label
        )
        for label, colour, hatch in BANDS
    ]
    entries += [
        Line2D(
            [],
            [],
            linestyle="none",
            marker=marker,
            label=label,
            markerfacecolor=face,
            markeredgecolor=edge,
        )
        for verdict, (label, marker, face, edge, _) in MARKERS.items()
        if verdict in verdicts
    ]
    figure.legend(
        handles=entries, loc="outside lower center", ncols=3, frameon=False, fontsize=9
    )
