"""Pages against a plain byte string: what is told is what the file holds, within the bound."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from redird.leased import cache
from redird.leased.cache import PAGE_BYTES, PageCache

PAGES_KEPT = 5
SMALL = 16  # bytes a page has in the state machine


class Pages(RuleBasedStateMachine):
    """Two files that only this cache's owner writes to."""

    def __init__(self):
        super().__init__()
        self.cache = PageCache(PAGES_KEPT * SMALL)
        self.files = {name: bytearray() for name in "ab"}

    names = st.sampled_from("ab")
    offsets = st.integers(0, 8 * SMALL)

    @rule(name=names, offset=offsets, data=st.binary(min_size=1, max_size=3 * SMALL))
    def write(self, name, offset, data):
        file = self.files[name]
        self.cache.write(name, offset, data, len(file))
        file += bytes(max(offset - len(file), 0))
        file[offset : offset + len(data)] = data

    @rule(name=names, size=offsets)
    def truncate(self, name, size):
        file = self.files[name]
        self.cache.truncate(name, size)
        del file[size:]
        file += bytes(size - len(file))

    @rule(name=names, offset=offsets, length=st.integers(1, 3 * SMALL))
    def read(self, name, offset, length):
        file = self.files[name]
        got = self.cache.read(name, offset, length, len(file))
        end = min(offset + length, len(file))
        lacking = self.cache.missing(name, offset, end) if end > offset else None
        if got is None:
            assert lacking is not None
            start, stop = lacking
            self.cache.fill(name, start, bytes(file[start:stop]), len(file))
        else:
            assert got == file[offset : offset + length]
            assert lacking is None

    @rule(name=names)
    def forget(self, name):
        self.cache.forget(name)
        assert self.cache.read(name, 0, 1, 1) is None

    @invariant()
    def is_sound(self):
        self.cache.validate()


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(cache, "PAGE_BYTES", SMALL)


TestPages = Pages.TestCase


def test_a_read_after_a_fill_is_a_hit(monkeypatch):
    monkeypatch.setattr(cache, "PAGE_BYTES", PAGE_BYTES)
    pages, data = PageCache(2**20), bytes(range(256)) * 1024
    pages.fill("a", 0, data, len(data))

    assert data == pages.read("a", 0, len(data), len(data))
    assert data[70000:70010] == pages.read("a", 70000, 10, len(data))
    assert (2, 0) == (pages.statistics()["page_hits"], pages.statistics()["page_misses"])


def test_a_page_read_whole_is_not_copied(monkeypatch):
    monkeypatch.setattr(cache, "PAGE_BYTES", PAGE_BYTES)
    pages, data = PageCache(2**20), bytes(PAGE_BYTES)
    pages.fill("a", 0, data, PAGE_BYTES)

    assert pages.read("a", 0, PAGE_BYTES, PAGE_BYTES) is data


def test_what_was_not_used_for_longest_goes_first():
    pages = PageCache(2 * SMALL)
    pages.fill("a", 0, bytes(SMALL), SMALL)
    pages.fill("b", 0, bytes(SMALL), SMALL)
    pages.read("a", 0, 1, SMALL)
    pages.fill("c", 0, bytes(SMALL), SMALL)

    assert [False, True, False] == [
        pages.read(name, 0, 1, SMALL) is None for name in ("a", "b", "c")
    ]


def test_a_short_page_that_is_not_the_last_is_not_kept():
    pages = PageCache(2**10)
    pages.fill("a", 0, bytes(SMALL // 2), 2 * SMALL)

    assert pages.read("a", 0, 1, 2 * SMALL) is None
