"""The one way to a slot: `acquire` and `release` around the ledger.

At a share's limit, if the server's configuration asks for it, the redirectors that hold slots
are asked to give back what nobody needs (slot recall), and whoever wants a slot waits its turn
for a bounded time; only then is it refused. Everything is awaited, so that a limit counted
over several servers can stand behind the same two calls.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import trio

from shareserver.ledger import ConnectionLedger, Use
from shareserver.shares import Share

Recall = Callable[[str, int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who wants a slot."""

    share: Share
    session: int
    peer: int
    user: str


@dataclass(slots=True, eq=False)
class _Waiting:
    applicant: Applicant
    use: Use | None = None
    asked_for: bool = False  # the holders were asked on its behalf and have answered


@dataclass(slots=True)
class _Queue:
    """Who waits for a slot of one share; the lock lets one round of asking go on at a time."""

    waiting: deque[_Waiting] = field(default_factory=deque)
    asking: trio.Lock = field(default_factory=trio.Lock)


class Admission:
    """Gives slots out and takes them back.

    `recall(share, wanted)` asks the holders and returns when they have answered; with
    `recall_wait_s` 0 nobody is asked.
    """

    def __init__(
        self,
        ledger: ConnectionLedger,
        recall: Recall,
        wall_now: Callable[[], int],
        recall_wait_s: float,
    ) -> None:
        self._ledger = ledger
        self._recall = recall
        self._wall_now = wall_now
        self._recall_wait_s = recall_wait_s
        self._queues: dict[str, _Queue] = {}

    async def acquire(self, applicant: Applicant) -> Use | None:
        """Return a slot, or None if the share is full and nothing could be recalled."""
        queue = self._queues.get(applicant.share.name)
        if queue is None or not queue.waiting:  # nobody is to be overtaken
            use = self._admit(applicant)
            if use is not None or self._recall_wait_s <= 0:
                return use
        return await self._wait_for_recall(applicant)

    async def release(self, number: int) -> Use | None:
        """Take a slot back, once; whoever waits for one on that share gets it."""
        use = self._ledger.release(number, self._wall_now())
        if use is not None:
            self._serve_queue(use.share)
        return use

    def _admit(self, applicant: Applicant) -> Use | None:
        share = applicant.share
        return self._ledger.admit(
            share.name,
            share.uses_max,
            applicant.session,
            applicant.peer,
            applicant.user,
            self._wall_now(),
        )

    async def _wait_for_recall(self, applicant: Applicant) -> Use | None:
        name = applicant.share.name
        queue = self._queues.setdefault(name, _Queue())
        waiting = _Waiting(applicant)
        queue.waiting.append(waiting)
        try:
            with trio.move_on_after(self._recall_wait_s):
                await self._ask_holders(name, queue, waiting)
        except BaseException:
            if waiting.use is not None:
                with trio.CancelScope(shield=True):
                    await self.release(waiting.use.number)
            raise
        finally:
            if waiting.use is None:
                queue.waiting.remove(waiting)
            if not queue.waiting and self._queues.get(name) is queue:
                del self._queues[name]
        return waiting.use

    async def _ask_holders(self, share: str, queue: _Queue, waiting: _Waiting) -> None:
        """Run a round for all who wait, unless one on `waiting`'s behalf has ended before.

        A slot given back was handed on before the holder's answer came.
        """
        async with queue.asking:
            if waiting.use is None and not waiting.asked_for:
                behalf = [one for one in queue.waiting if not one.asked_for]
                await self._recall(share, len(behalf))
                for one in behalf:
                    one.asked_for = True

    def _serve_queue(self, share: str) -> None:
        queue = self._queues.get(share)
        while queue is not None and queue.waiting:
            use = self._admit(queue.waiting[0].applicant)
            if use is None:
                return
            queue.waiting.popleft().use = use
