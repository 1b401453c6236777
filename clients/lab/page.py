"""A run on one page: an HTML file with nothing outside itself, to be mailed, printed and kept.

Pictures are embedded, there is no script and no reference to another place. What comes from a
run is other people's text: whoever puts it into a page escapes it, or lets these do it.
"""

import shlex
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

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


def page(title: str, body: Iterable[str]) -> str:
    """The whole page; the parts of its body are HTML already."""
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


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: set[int]) -> str:
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


def picture(path: Path, alt: str) -> str:
    """An image, inside the page."""
    data = b64encode(path.read_bytes()).decode("ascii")
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{data}">'


def options_table(options: Mapping[str, Any]) -> str:
    """What a run was asked for."""
    rows = []
    for name, value in options.items():
        several = isinstance(value, list | tuple)
        shown = ", ".join(map(str, value)) if several else "" if value is None else str(value)
        rows.append([escape(name), escape(shown)])
    return table(["option", "value"], rows, set())


def command(words: Sequence[str], options: Mapping[str, Any]) -> str:
    """The shell command that repeats a run with these options."""
    words = list(words)
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            words.append(flag)
        elif value is not None and value is not False:
            values = value if isinstance(value, list | tuple) else [value]
            words += [part for one in values for part in (flag, str(one))]
    return shlex.join(words)
