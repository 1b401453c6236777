"""A page of an admin view fits into one frame, whatever stands in the rows."""

import pytest

from redird.wire.framing import encode_frame
from redird.wire.pages import ROWS_MAX, page


@pytest.mark.parametrize("text", ["", "x" * 4095, "\U0001f5c4" * 4000, "\0" * 4000])
def test_a_page_fits_into_a_frame_and_the_pages_hold_every_row(text):
    left = [{"number": number, "path": text, "size": 2**62} for number in range(2500)]
    asked = list(left)
    pages = []
    while left:
        pages.append(page(left))
        left = left[len(pages[-1]) :]
        encode_frame([1, "Enumerated", list(pages[-1])])

    assert asked == [row for rows in pages for row in rows]
    assert max(map(len, pages)) <= ROWS_MAX


def test_a_row_longer_than_a_page_is_a_page():
    rows = [{"number": 1, "path": "x" * 900_000}, {"number": 2, "path": ""}]

    assert (rows[0],) == page(rows)
    assert () == page([])
