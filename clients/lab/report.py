"""A run on one page: report.html with nothing outside itself, to be mailed, printed and kept.

The picture is embedded, there is no script and no reference to another place, and everything
that came from a run is escaped: user and share names are other people's text.
"""

import shlex
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from clients.lab.table import COLUMNS, figure
from clients.receipt import ghosts_first, seconds, standing, words

HOLDERS_MAX = 12
COMMAND = "uv run redlab reproduce"

Receipt = Mapping[str, Any]
Results = Mapping[str, Mapping[str, Any]]

QUESTION = """When an application closes a file, a multi-user host keeps it dormant, open at the
server, for about half a minute, in case it is opened again. Microsoft's Q248371 is what happens
when the user logs off meanwhile: the dormant file keeps the connection, the connection keeps a
slot of the share, and users are refused at the limit though fewer than that are logged on."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fff; --soft: #5a5a5a;
  --line: #d0d0d0; --wash: #f4f4f2; --good: #1a6b2f; --bad: #a8320a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6e6; --paper: #17181a; --soft: #a8a8a8;
  --line: #44474b; --wash: #222427; --good: #7fd394; --bad: #ff9a70; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 62rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.25rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p { max-width: 46rem; margin: .5rem 0; }
.soft { color: var(--soft); }
.outcome { border-left: .3rem solid var(--good); background: var(--wash); padding: .5rem 1rem; }
.outcome ul { margin: .25rem 0; padding-left: 1.25rem; }
.outcome.bad { border-color: var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .3rem .6rem; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); }
th { vertical-align: bottom; font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; }
.pass { color: var(--good); font-weight: 600; }
.fail { color: var(--bad); font-weight: 700; }
pre { background: var(--wash); padding: .75rem 1rem; white-space: pre-wrap;
  overflow-wrap: anywhere; font: .85rem/1.5 ui-monospace, monospace; }
img { display: block; width: 100%; height: auto; background: #fff; padding: .5rem;
  border: 1px solid var(--line); }
@media print { body { max-width: none; padding: 0; font-size: 10pt; }
  table { font-size: 8.5pt; }
  h2, h3 { break-after: avoid; } pre, img, tr { break-inside: avoid; }
  .scroll { overflow: visible; } }
"""


def write_report(
    path: Path,
    *,
    title: str,
    options: Mapping[str, Any],
    results: Results,
    receipts: Mapping[str, Receipt | None],
    picture: Path | None,
    started: str,
    duration_s: float,
    machine: str,
) -> None:
    """Write the page to `path`; `receipts` holds each preset's first, None for no refusal."""
    run = f"Started {started}, took {seconds(duration_s)}, on {machine}."
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">{escape(run)}</p>',
        f"<p>{QUESTION}</p>",
        _outcome(results),
        "<h2>What each preset did</h2>",
        _results(results),
        _picture(picture, results),
        "<h2>The first refusal under each preset</h2>",
        _scale_note(options),
        *(_receipt(preset, receipt) for preset, receipt in receipts.items()),
        "<h2>Options of this run</h2>",
        _options(options),
        "<h2>Run it again</h2>",
        f"<pre>{escape(command(options))}</pre>",
    ]
    path.write_text(_page(title, body), encoding="utf-8")


def command(options: Mapping[str, Any]) -> str:
    """The shell command that repeats a run with these options."""
    words = COMMAND.split()
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            words.append(flag)
        elif value is not None and value is not False:
            values = value if isinstance(value, list | tuple) else [value]
            words += [part for one in values for part in (flag, str(one))]
    return shlex.join(words)


def _page(title: str, body: Iterable[str]) -> str:
    lines = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        *body,
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: set[int]) -> str:
    """Rows of cells that are HTML already; the columns in `numbers` are set to the right."""

    def cells(tag: str, texts: Sequence[str]) -> str:
        classes = [
            ' class="number"' if column in numbers else "" for column in range(len(texts))
        ]
        made = (f"<{tag}{c}>{text}</{tag}>" for c, text in zip(classes, texts, strict=True))
        return f"<tr>{''.join(made)}</tr>"

    head = cells("th", [escape(heading) for heading in headings])
    lines = "\n".join(cells("td", row) for row in rows)
    return (
        f'<div class="scroll"><table>\n<thead>{head}</thead>\n'
        f"<tbody>\n{lines}\n</tbody>\n</table></div>"
    )


def _outcome(results: Results) -> str:
    failed = [preset for preset, result in results.items() if not result["ok"]]
    said = (
        f"Not as expected: {', '.join(failed)}." if failed else "Every preset did as expected."
    )
    lines = [_refusals(preset, result) for preset, result in results.items()]
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    kind = "outcome bad" if failed else "outcome"
    return f'<div class="{kind}"><strong>{escape(said)}</strong><ul>{items}</ul></div>'


def _refusals(preset: str, result: Mapping[str, Any]) -> str:
    logons, refused = figure(result["logons"]), figure(result["refused"])
    if not result["refused"]:
        return f"{preset}: none of {logons} logons was refused."
    count = result["spurious"]
    all_of_them = count == result["refused"]
    spurious = "all" if all_of_them else figure(count) if count else "none"
    return (
        f"{preset}: {refused} of {logons} logons were refused, {spurious} of them spuriously."
    )


def _results(results: Results) -> str:
    headings = [heading.replace("-\n", "").replace("\n", " ") for _, heading in COLUMNS]
    rows = []
    for preset, result in results.items():
        passed = '<span class="pass">pass</span>'
        outcome = passed if result["ok"] else '<span class="fail">FAIL</span>'
        figures = [figure(result[key]) for key, _ in COLUMNS]
        expected = f"{outcome}: {escape(result['expected'])}"
        rows.append([f"<strong>{escape(preset)}</strong>", *figures, expected])
    numbers = set(range(1, len(COLUMNS) + 1))
    return _table(["preset", *headings, "as expected?"], rows, numbers) + (
        '<p class="soft">A refusal is spurious when fewer users than the limit can have been '
        "logged on at any instant of it, by the clients' own history. Ghost slot seconds: how "
        "long slots were held for users who had logged off, in unscaled seconds. Round trips "
        "saved: what keeping files dormant is for.</p>"
    )


def _picture(picture: Path | None, results: Results) -> str:
    if picture is None:
        return ""
    data = b64encode(picture.read_bytes()).decode("ascii")
    alt = f"Slots in use over time against the limit, under {', '.join(results)}"
    return (
        "<h2>Slots against the limit</h2>\n"
        f'<img alt="{escape(alt)}" src="data:image/png;base64,{data}">'
    )


def _scale_note(options: Mapping[str, Any]) -> str:
    scale = options.get("time_scale") or 1
    if scale == 1:
        return ""
    return (
        '<p class="soft">Times in receipts are seconds of the run, in which every time of a '
        f"policy is multiplied by {scale:g}.</p>"
    )


def _receipt(preset: str, receipt: Receipt | None) -> str:
    heading = f"<h3>{escape(preset)}</h3>\n"
    if receipt is None:
        return f"{heading}<p>Nobody was refused.</p>"
    return f"{heading}<pre>{escape(words(receipt))}</pre>\n{_holders(receipt)}"


def _holders(receipt: Receipt) -> str:
    headings = ["user", "behind the slot", "redirector", "open", "dormant"]
    headings += ["held for", "free in", "by"]
    holders = ghosts_first(receipt["holders"])
    rows = [
        [
            escape(holder["user"]),
            escape(standing(holder)),
            escape(holder["redirector"]),
            figure(holder["open_files"]),
            figure(holder["dormant_files"]),
            seconds(holder["since_s"]),
            "" if holder["release_in_s"] is None else seconds(holder["release_in_s"]),
            escape(holder["release_by"]),
        ]
        for holder in holders[:HOLDERS_MAX]
    ]
    more = len(holders) - HOLDERS_MAX
    rest = f'<p class="soft">and {more} more</p>' if more > 0 else ""
    return _table(headings, rows, {3, 4, 5, 6}) + rest


def _options(options: Mapping[str, Any]) -> str:
    rows = []
    for name, value in options.items():
        several = isinstance(value, list | tuple)
        shown = ", ".join(map(str, value)) if several else "" if value is None else str(value)
        rows.append([escape(name), escape(shown)])
    return _table(["option", "value"], rows, set())
