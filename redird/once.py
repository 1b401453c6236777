"""The numbers of what must not be done twice: each is used for one request, asked again or not.

The server keeps a reply until it hears that all up to its number were answered.
"""

from redird.wire.messages import Message, Once

NUMBERS_BITS = 20  # of numbers in a millisecond of the clock: a restart begins above all used
UNANSWERED_MAX = 4000  # less than a server keeps replies for one redirector


class OnceNumbers:
    """One redirector's numbers at one server."""

    def __init__(self, first: int) -> None:
        self._last = first << NUMBERS_BITS
        self._unanswered: dict[int, None] = {}

    def begin(self) -> int:
        """Return a number for a request, or 0 if one asked long ago holds them all up."""
        oldest = next(iter(self._unanswered), self._last + 1)
        if self._last + 1 - oldest >= UNANSWERED_MAX:
            return 0
        self._last += 1
        self._unanswered[self._last] = None
        return self._last

    def end(self, number: int) -> None:
        """It was answered, or nobody will ask again."""
        self._unanswered.pop(number, None)

    def acknowledging(self) -> Once:
        """Return what says which answers have arrived, and asks for nothing."""
        return Once(0, next(iter(self._unanswered), self._last + 1) - 1, (), b"")

    def asking(self, number: int, request: Message) -> Once:
        """Return a request as it is asked under its number."""
        codec = request.codec
        data = getattr(request, codec.payload) if codec.payload else b""
        part = (codec.name, *codec.to_fields(request))
        answered = next(iter(self._unanswered), number) - 1
        return Once(number, answered, part, data)
