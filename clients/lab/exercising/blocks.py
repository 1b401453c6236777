"""What is written: whole blocks, each the text of a unique number, which a read tells."""

from clients.lab.checking.history import BLOCK_BYTES

UNWRITTEN, UNREADABLE = 0, -1
LINE_BYTES = 16


def block(value: int) -> bytes:
    """Return the text that fills one block: the same line so often that no part of it fits
    another's.
    """
    return b"%0*d\n" % (LINE_BYTES - 1, value) * (BLOCK_BYTES // LINE_BYTES)


def value_of(data: bytes) -> int:
    """Return whose text a block is: UNWRITTEN if nobody's, UNREADABLE if no one write's."""
    if not data.strip(b"\0"):
        return UNWRITTEN
    digits = data[: LINE_BYTES - 1]
    value = int(digits) if digits.isdigit() else UNREADABLE
    return value if value > 0 and data == block(value) else UNREADABLE


def values_of(content: bytes) -> list[int]:
    """Return the value of each block of a file."""
    starts = range(0, len(content), BLOCK_BYTES)
    return [value_of(content[start : start + BLOCK_BYTES]) for start in starts]
