"""What console commands share: rows as an aligned table or as one JSON object."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from redird.wire.process import output

Rows = Iterable[Mapping[str, Any]]


def print_rows(program: str, name: str, rows: Rows, as_json: bool) -> None:
    """Print rows that all have the same keys; lists inside are counted in the table."""
    listed = list(rows)
    if as_json:
        output(program, json.dumps({name: listed}))
    elif not listed:
        output(program, f"no {name}")
    else:
        output(program, "\n".join(table(listed)))


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of a table, numbers to the right."""
    keys = list(rows[0])
    cells = [[key.removesuffix("_ns") for key in keys]]
    cells += [[_cell(row.get(key)) for key in keys] for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(keys))]
    right = [isinstance(rows[0].get(key), int | float) for key in keys]
    return [
        "  ".join(
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in cells
    ]


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, list | tuple | dict):
        return str(len(value))
    return printable(str(value))


def printable(text: str) -> str:
    """Show control characters and the like by their escapes, so that a name stays one line."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )
