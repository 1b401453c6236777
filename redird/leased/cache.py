"""The one writer of cached data: pages of files, kept only while a lease with R allows it.

A page is what the file holds there now, deferred writes included; what a page lacks at its end
is zeros, up to the file's size. The bytes kept are bounded over all files, and what was not
used for longest goes first.
"""

from collections import OrderedDict
from collections.abc import Hashable

PAGE_BYTES = 64 * 1024

Page = bytes | bytearray | memoryview


class PageCache:
    """Pages by (file, index); a file is any key that the caller keeps unique."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._pages: OrderedDict[tuple[Hashable, int], Page] = OrderedDict()
        self._indices: dict[Hashable, set[int]] = {}
        self._bytes = 0
        self._hits = self._misses = 0

    def read(self, file: Hashable, offset: int, length: int, size: int) -> bytes | None:
        """Return what a file of `size` bytes holds there, or None if a page is missing."""
        end = min(offset + length, size)
        if end <= offset:
            return b""
        parts = []
        for index in range(offset // PAGE_BYTES, (end - 1) // PAGE_BYTES + 1):
            page = self._pages.get((file, index))
            if page is None:
                self._misses += 1
                return None
            self._pages.move_to_end((file, index))
            start = index * PAGE_BYTES
            parts.append(_part(page, max(offset - start, 0), min(end - start, PAGE_BYTES)))
        self._hits += 1
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def missing(self, file: Hashable, offset: int, end: int) -> tuple[int, int] | None:
        """Return the range from the first to the last page missing in offset..end, or None."""
        held = self._indices.get(file, ())
        lacking = [
            index
            for index in range(offset // PAGE_BYTES, (end - 1) // PAGE_BYTES + 1)
            if index not in held
        ]
        if not lacking:
            return None
        return lacking[0] * PAGE_BYTES, (lacking[-1] + 1) * PAGE_BYTES

    def fill(self, file: Hashable, offset: int, data: bytes, size: int) -> None:
        """Keep what was read at `offset`, which begins a page, of a file of `size` bytes."""
        view = memoryview(data)
        for start in range(0, len(data), PAGE_BYTES):
            page = view[start : start + PAGE_BYTES]
            if len(page) == PAGE_BYTES or offset + start + len(page) >= size:
                whole = len(page) == len(data)
                self._put(file, (offset + start) // PAGE_BYTES, data if whole else page)
        self._evict()

    def write(self, file: Hashable, offset: int, data: bytes, size: int) -> None:
        """Follow a write to a file that had `size` bytes before; other pages stay unknown."""
        position = 0
        while position < len(data):
            index, start = divmod(offset + position, PAGE_BYTES)
            part = data[position : position + PAGE_BYTES - start]
            self._write_page(file, index, start, part, size - index * PAGE_BYTES)
            position += len(part)
        self._evict()

    def _write_page(
        self, file: Hashable, index: int, start: int, part: bytes, held: int
    ) -> None:
        """`held`: how many bytes the file had from the page's begin on, before this."""
        page = self._pages.get((file, index))
        if page is None:
            covers = start == 0 and len(part) >= min(held, PAGE_BYTES)
            if not covers and held > 0:
                return
            page = b""
        if start == 0 and len(part) >= len(page):
            self._put(file, index, part)
            return
        before = len(page)
        changed = page if isinstance(page, bytearray) else bytearray(page)
        changed += bytes(max(start - before, 0))
        changed[start : start + len(part)] = part
        if changed is page:
            self._bytes += len(changed) - before
            self._pages.move_to_end((file, index))
        else:
            self._put(file, index, changed)

    def truncate(self, file: Hashable, size: int) -> None:
        """The file has `size` bytes now; what may come behind is zeros."""
        for index in [one for one in self._indices.get(file, ()) if one * PAGE_BYTES >= size]:
            self._drop(file, index)
        index, held = divmod(size, PAGE_BYTES)
        page = self._pages.get((file, index))
        if page is not None and len(page) > held:
            self._put(file, index, bytes(page[:held]))

    def forget(self, file: Hashable) -> None:
        """Nothing is known of the file any more."""
        for index in list(self._indices.get(file, ())):
            self._drop(file, index)

    def _put(self, file: Hashable, index: int, page: Page) -> None:
        old = self._pages.get((file, index))
        self._bytes += len(page) - (len(old) if old is not None else 0)
        self._pages[file, index] = page
        self._pages.move_to_end((file, index))
        self._indices.setdefault(file, set()).add(index)

    def _drop(self, file: Hashable, index: int) -> None:
        self._bytes -= len(self._pages.pop((file, index)))
        held = self._indices[file]
        held.discard(index)
        if not held:
            del self._indices[file]

    def _evict(self) -> None:
        while self._bytes > self._bytes_max:
            self._drop(*next(iter(self._pages)))

    def statistics(self) -> dict[str, int]:
        """Return flat counters."""
        return {
            "pages_bytes": self._bytes,
            "page_hits": self._hits,
            "page_misses": self._misses,
        }

    def validate(self) -> None:
        """Assert that the two views agree and that the bound holds."""
        assert {(file, i) for file, held in self._indices.items() for i in held} == set(
            self._pages
        )
        assert self._bytes == sum(map(len, self._pages.values())) <= self._bytes_max
        assert all(len(page) <= PAGE_BYTES for page in self._pages.values())


def _part(page: Page, start: int, end: int) -> bytes:
    """Return a part of a page, with zeros for what it lacks."""
    if start == 0 and end == len(page) and isinstance(page, bytes):
        return page
    part = bytes(page[start:end])
    lacking = end - start - len(part)
    return part + bytes(lacking) if lacking else part
