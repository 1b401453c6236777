"""What the proxies did to which frame of which link: JSON lines, so many at most."""

import json
from pathlib import Path
from typing import IO, Any

ENTRIES_MAX = 200_000


class Journal:
    """A file of entries; the last line says so if there were more than it takes."""

    def __init__(self, path: Path, entries_max: int = ENTRIES_MAX) -> None:
        self._path, self._left = path, entries_max
        self._file: IO[str] | None = None

    def __enter__(self) -> "Journal":
        self._file = self._path.open("w", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def note(self, entry: dict[str, Any]) -> None:
        """Write one down."""
        if self._file is None or self._left < 0:
            return
        self._left -= 1
        said = entry if self._left >= 0 else {"full": True}
        self._file.write(json.dumps(said, sort_keys=True, separators=(",", ":")) + "\n")
