"""What a comparison found, as it is printed and written."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clients.lab.compare.divergence import Divergence, first_divergence, never_parted
from clients.lab.compare.logons import Played
from clients.lab.compare.story import concerned, story
from clients.swarm.trace import Trace


def found(runs: list[Played], lost: list[str]) -> dict[str, Any]:
    """The documented object; `lost` are presets whose worker process died."""
    where = first_divergence(runs)
    return {
        "presets": {run.preset: run.row() for run in runs},
        "first_divergence": None if where is None else _diverged(where, runs),
        "never_parted": [list(pair) for pair in never_parted(runs)],
        "partial": bool(lost),
        "lost": lost,
    }


def _diverged(where: Divergence, runs: list[Played]) -> dict[str, Any]:
    users = concerned(where, runs)
    return {
        "user": f"user{where.key[0]}",
        "number": where.key[1],
        "at_s": round(where.at_s, 3),
        "visit": None if where.visit is None else where.visit + 1,
        "fates": where.fates,
        "stories": {run.preset: story(where, run, users) for run in runs},
    }


def write(
    out: Path,
    runs: list[Played],
    what: Mapping[str, Any],
    trace: Trace,
    said: str,
    options: Mapping[str, Any],
    spent_s: float,
) -> None:
    """Write results.json and timeline.png; raises OSError."""
    from clients.lab.plot import timeline_png

    about = {
        "source": said,
        "sessions": len(trace.sessions),
        "options": {
            key: str(one) if isinstance(one, Path) else one for key, one in options.items()
        },
        "spent_s": round(spent_s, 2),
    }
    history = {run.preset: [one.row() for one in run.logons] for run in runs}
    whole = {**what, **about, "history": history}
    (out / "results.json").write_text(json.dumps(whole))  # indented it would be thrice as long
    timeline_png(
        out / "timeline.png",
        {run.preset: run.timeline for run in runs},
        {run.preset: run.refusals() for run in runs},
        runs[0].limit,
        runs[0].time_scale,
    )
