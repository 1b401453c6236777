"""A reproduction on one page: report.html. Everything that came from a run is escaped: user and
share names are other people's text.
"""

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from clients.lab.page import command, options_table, page, table
from clients.lab.page import picture as embedded
from clients.lab.reproduction.table import COLUMNS, Results, figure, has_hosts, label
from clients.receipt import ghosts_first, seconds, standing, words

HOLDERS_MAX = 12
COMMAND = "uv run redlab reproduce"

Receipt = Mapping[str, Any]
Receipts = Mapping[str, Mapping[str, Receipt | None]]
NOBODY: Mapping[str, str] = {}

QUESTION = """When an application closes a file, a multi-user host keeps it dormant, open at the
server, for about half a minute, in case it is opened again. Microsoft's Q248371 is what happens
when the user logs off meanwhile: the dormant file keeps the connection, the connection keeps a
slot of the share, and users are refused at the limit though fewer than that are logged on."""


def write_report(
    path: Path,
    *,
    title: str,
    options: Mapping[str, Any],
    results: Results,
    lost: Mapping[str, str] = NOBODY,
    receipts: Receipts,
    pictures: Mapping[str, Path],
    started: str,
    duration_s: float,
    machine: str,
) -> None:
    """Write the page to `path`.

    Results, first receipts (None for no refusal) and pictures are by host, and so is what
    became of those that were lost.
    """
    run = f"Started {started}, took {seconds(duration_s)}, on {machine}."
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">{escape(run)}</p>',
        f"<p>{QUESTION}</p>",
        _outcome(results, lost),
        "<h2>What each preset did</h2>",
        _results(results),
        *_pictures(pictures, results),
        "<h2>The first refusal under each preset</h2>",
        _scale_note(options),
        *_receipts(receipts),
        "<h2>Options of this run</h2>",
        options_table(options),
        "<h2>Run it again</h2>",
        f"<pre>{escape(command(COMMAND.split(), options))}</pre>",
    ]
    path.write_text(page(title, body), encoding="utf-8")


def _outcome(results: Results, lost: Mapping[str, str]) -> str:
    rows = [
        (label(host, preset), result)
        for host, presets in results.items()
        for preset, result in presets.items()
    ]
    failed = [name for name, result in rows if not result["ok"]]
    failed += [f"{host} was lost" for host in lost]
    where = " on every host" if has_hosts(results) else ""
    said = (
        f"Not as expected: {', '.join(failed)}."
        if failed
        else f"Every preset did as expected{where}."
    )
    lines = [*(_refusals(name, result) for name, result in rows), *lost.values()]
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    kind = "outcome bad" if failed else "outcome"
    return f'<div class="{kind}"><strong>{escape(said)}</strong><ul>{items}</ul></div>'


def _refusals(name: str, result: Mapping[str, Any]) -> str:
    logons, refused = figure(result["logons"]), figure(result["refused"])
    if not result["refused"]:
        return f"{name}: none of {logons} logons was refused."
    count = result["spurious"]
    all_of_them = count == result["refused"]
    spurious = "all" if all_of_them else figure(count) if count else "none"
    return f"{name}: {refused} of {logons} logons were refused, {spurious} of them spuriously."


def _results(results: Results) -> str:
    headings = [heading.replace("-\n", "").replace("\n", " ") for _, heading in COLUMNS]
    names = ["host", "preset"] if has_hosts(results) else ["preset"]
    rows = [
        [*([escape(host)] if host else []), f"<strong>{escape(preset)}</strong>", *_row(result)]
        for host, presets in results.items()
        for preset, result in presets.items()
    ]
    numbers = {len(names) + column for column in range(len(COLUMNS))}
    return table([*names, *headings, "as expected?"], rows, numbers) + (
        '<p class="soft">A refusal is spurious when fewer users than the limit can have been '
        "logged on at any instant of it, by the clients' own history. Ghost slot seconds: how "
        "long slots were held for users who had logged off, in unscaled seconds. Round trips "
        "saved: what keeping files dormant is for.</p>"
    )


def _row(result: Mapping[str, Any]) -> list[str]:
    passed = '<span class="pass">pass</span>'
    outcome = passed if result["ok"] else '<span class="fail">FAIL</span>'
    figures = [figure(result[key]) for key, _ in COLUMNS]
    return [*figures, f"{outcome}: {escape(result['expected'])}"]


def _pictures(pictures: Mapping[str, Path], results: Results) -> Iterator[str]:
    if pictures:
        yield "<h2>Slots against the limit</h2>"
    for host, path in pictures.items():
        if host:
            yield f"<h3>{escape(host)}</h3>"
        alt = f"Slots in use over time against the limit, under {', '.join(results[host])}"
        yield embedded(path, f"{alt}, on {host}" if host else alt)


def _scale_note(options: Mapping[str, Any]) -> str:
    scale = options.get("time_scale") or 1
    if scale == 1:
        return ""
    return (
        '<p class="soft">Times in receipts are seconds of the run, in which every time of a '
        f"policy is multiplied by {scale:g}.</p>"
    )


def _receipts(receipts: Receipts) -> Iterator[str]:
    """On several hosts only those that there are: the table says where there is none."""
    for host, presets in receipts.items():
        for preset, receipt in presets.items():
            if receipt is not None or not host:
                yield _receipt(label(host, preset), receipt)


def _receipt(name: str, receipt: Receipt | None) -> str:
    heading = f"<h3>{escape(name)}</h3>\n"
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
    return table(headings, rows, {3, 4, 5, 6}) + rest
