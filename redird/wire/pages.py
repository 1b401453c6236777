"""Pages of the admin views: as many rows as one frame surely carries, at least one."""

from collections.abc import Iterable
from typing import Any

ROWS_MAX = 1000
PAGE_CHARACTERS_MAX = 256 * 1024  # a character takes at most four bytes, and a header has 1 MiB


def page(rows: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Return the first of `rows` as one page; whoever wants the rest asks on."""
    taken: list[dict[str, Any]] = []
    characters = 0
    for row in rows:
        characters += len(repr(row))
        if taken and (len(taken) == ROWS_MAX or characters > PAGE_CHARACTERS_MAX):
            break
        taken.append(row)
    return tuple(taken)
