"""The listings of folders that somebody has begun to read and not ended."""

from collections import OrderedDict

from redird.leased.names import Line

LISTINGS_MAX = 32  # of one mount
_INDEX_BITS = 32


class Listings:
    """The listings begun and not ended; those not gone on with for longest are forgotten."""

    def __init__(self) -> None:
        self._begun: OrderedDict[int, list[Line]] = OrderedDict()
        self._last = 0

    def begin(self, lines: list[Line]) -> int:
        """Keep what a folder holds now; returns the offset of its first line."""
        self._last += 1
        self._begun[self._last] = lines
        if len(self._begun) > LISTINGS_MAX:
            self._begun.popitem(last=False)
        return self._last << _INDEX_BITS

    def find(self, offset: int) -> list[Line] | None:
        """Return the listing that an offset is of."""
        number = offset >> _INDEX_BITS
        if number in self._begun:
            self._begun.move_to_end(number)
        return self._begun.get(number)

    def end(self, offset: int) -> None:
        """Somebody has read it to its end."""
        self._begun.pop(offset >> _INDEX_BITS, None)


def index_of(offset: int) -> int:
    """Return where in its listing an offset is."""
    return offset & ((1 << _INDEX_BITS) - 1)
