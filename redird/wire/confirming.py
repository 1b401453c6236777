"""When a peer surely heard us last: not when it answered, but when what it answered was sent.

A peer that has not heard us for long may have given us up; what it promised ends with that.
"""

import math
from collections import deque


class Confirmed:
    """`at`: the latest request that was answered was sent then, or later.

    Times are noted now and then, with the number of the last request before; requests count up.
    `above`: the answer to a request above this number confirms the first time noted.
    """

    def __init__(self, now: float) -> None:
        self.at = now
        self.above = math.inf
        self._marks: deque[tuple[int, float]] = deque()

    def mark(self, number: int, now: float) -> None:
        """Requests above `number` are sent from now on."""
        self._marks.append((number, now))
        self.above = self._marks[0][0]

    def answered(self, number: int) -> None:
        """The peer has answered the request of that number."""
        marks = self._marks
        while marks and marks[0][0] < number:
            self.at = marks.popleft()[1]
        self.above = marks[0][0] if marks else math.inf
