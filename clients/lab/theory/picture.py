"""The oracle's picture: what was measured against theory, and how long slots linger."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clients.lab.theory.judging import MARGIN, Verdict

COLOURS = {True: "#0072B2", False: "#D55E00"}
TICKS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def oracle_png(path: Path, verdicts: Sequence[Verdict]) -> None:
    """Draw refusals on a logarithmic axis, their error beside it, residues below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    width = max(9.0, 2.0 + 0.36 * len(verdicts))
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)
    figure = Figure(figsize=(width, 8.5), dpi=120, layout=layout)
    FigureCanvasAgg(figure)
    heights = {"height_ratios": [3, 3, 2]}
    refused, error, residue = figure.subplots(3, 1, sharex=True, gridspec_kw=heights)
    _draw_refused(refused, verdicts)
    _draw_error(error, verdicts)
    _draw_residue(residue, verdicts)
    residue.set_xticks(range(len(verdicts)), map(_name, verdicts), rotation=90, fontsize=8)
    residue.set_xlim(-0.7, len(verdicts) - 0.3)
    for panel in (refused, error, residue):
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", linewidth=0.4, alpha=0.5)
    good = sum(one.ok for one in verdicts)
    figure.suptitle(
        f"The daemons against theory: {good} of {len(verdicts)} cells as theory says",
        fontsize=12,
    )
    figure.savefig(path, format="png", metadata={"Software": None})


def _name(verdict: Verdict) -> str:
    cell = verdict.measured.cell
    return f"{cell.preset}  limit {cell.limit}\n{cell.model}"


def _draw_refused(panel: Any, verdicts: Sequence[Verdict]) -> None:
    for at, one in enumerate(verdicts):
        theory = one.measured.pilot.theory
        panel.plot([at - 0.4, at + 0.4], [theory] * 2, color="black", linewidth=1.2)
        _point(panel, at, one, scale=1.0)
    panel.set_yscale("log")
    panel.set_yticks(TICKS, [f"{tick:.0%}" for tick in TICKS])
    panel.minorticks_off()
    values = [one.measured.refused.mean for one in verdicts] + [
        one.measured.pilot.theory for one in verdicts
    ]
    panel.set_ylim(max(1e-3, min(values)) / 1.6, max(values) * 1.6)
    panel.set_ylabel("refused")
    panel.set_title(
        "measured (points, 95 % interval) and theory (lines)", loc="left", fontsize=9
    )


def _draw_error(panel: Any, verdicts: Sequence[Verdict]) -> None:
    panel.axhspan(-MARGIN, MARGIN, color="#009E73", alpha=0.15, linewidth=0)
    panel.axhline(0, color="black", linewidth=0.8)
    for at, one in enumerate(verdicts):
        _point(panel, at, one, scale=1 / one.measured.pilot.theory, less=1.0)
    low, high = panel.get_ylim()
    panel.set_ylim(min(low, -1.4 * MARGIN), max(high, 1.4 * MARGIN))
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:+.0%}")
    panel.set_ylabel("off by")
    panel.set_title(
        f"measured / theory - 1; equivalent within the band of {MARGIN:.0%}",
        loc="left",
        fontsize=9,
    )


def _point(panel: Any, at: int, one: Verdict, scale: float, less: float = 0.0) -> None:
    found = one.measured.refused
    panel.errorbar(
        [at],
        [found.mean * scale - less],
        yerr=[[(found.mean - found.low) * scale], [(found.high - found.mean) * scale]],
        fmt="o",
        color=COLOURS[one.ok],
        markersize=4,
        capsize=3,
        linewidth=1.2,
    )


def _draw_residue(panel: Any, verdicts: Sequence[Verdict]) -> None:
    for at, one in enumerate(verdicts):
        due = one.measured.pilot.residue_s
        panel.plot([at - 0.4, at + 0.4], [due] * 2, color="black", linewidth=1.2)
        panel.plot([at], [one.measured.leak_s], "o", color=COLOURS[one.ok], markersize=4)
    longest_s = max(max(v.measured.leak_s, v.measured.pilot.residue_s) for v in verdicts)
    panel.set_ylim(-0.08 * max(1.0, longest_s), 1.15 * max(1.0, longest_s))
    panel.set_ylabel("slot lingers, s")
    panel.set_title(
        "after the logoff: slots held / logons admitted - mean session (points), as claimed"
        " (lines)",
        loc="left",
        fontsize=9,
    )
