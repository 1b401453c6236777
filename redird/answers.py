"""What a redirector answers its servers: why it holds slots, which it can give back, and
breaks.

Only the redirector knows whose session is gone and which files are dormant.
"""

import math
from collections.abc import Callable

import trio

from redird import adopting, closing, recovery, returning
from redird.asked import Counts
from redird.dialled import Outage, Over
from redird.holdings import Connection
from redird.leased import promises
from redird.leased.flushing import flush
from redird.parking import may_park
from redird.presets import AFTER_KEEP, WHEN_DRAINED
from redird.repeating import Standing, stand
from redird.state import State
from redird.wire.files import LEASE_H, LEASE_R, LEASE_W
from redird.wire.link import Link
from redird.wire.messages import Created, Message, UseDescription, UsesDescribed


class Answers:
    """The redirector's side of `asked.Questions`."""

    def __init__(self, state: State) -> None:
        self._state = state

    def describe_uses(self, link: str, trees: tuple[int, ...]) -> UsesDescribed:
        """Say of each slot why it is held, and which timer will free it when."""
        return UsesDescribed(tuple(describe(self._state, link, tree) for tree in trees))

    async def recall_slots(self, link: str, share: str, wanted: int) -> int:
        """Give back orphans first, then connections that hold dormant files only."""
        chosen = _nobody_needs(self._state, link, share)[:wanted]
        for connection in chosen:
            connection.releasing = True
        async with trio.open_nursery() as nursery:
            for connection in chosen:
                nursery.start_soon(_give_back, self._state, connection)
        return len(chosen)

    async def break_lease(self, link: str, file: int, lease: int) -> None:
        """Lower a lease; dormant handles that it does not license any more close at once."""
        known = self._state.connections.known_file(link, file)
        if known is None:
            return
        lost, known.lease = known.lease & ~lease, known.lease & lease
        if lost & LEASE_H:  # names may lead elsewhere now, also if H is granted again
            for handle in known.handles:
                handle.parkable = False
        if lost & LEASE_W:
            await flush(self._state, known)
        if lost & LEASE_R:
            self._state.forget_data(known)
            await promises.call_back(self._state, [known])
        taken = self._state.dormant.take(
            [handle for handle in known.handles if not may_park(self._state, handle)]
        )
        if taken:
            self._state.note_link("dormant_broken", link, handles=len(taken))
        await closing.close_handles(self._state, taken)
        await closing.wait_close_sent(self._state, lambda handle: handle.file is known)

    def use_ended(self, link: str, tree: int) -> None:
        """An administrator took a slot away, and closed what was open under it."""
        if link in self._state.taking:
            self._state.taking[link].ended.add(tree)
            return
        connection = self._state.connections.by_tree(link, tree)
        if connection is not None:
            recovery.lose(self._state, connection)

    def link_lost(self, link: str, why: str) -> None:
        """A link is lost for good."""
        recovery.give_up(self._state, link, why)

    def suspend(self, link: str, why: str) -> bool:
        """A link is lost; whether it is to be recovered."""
        return recovery.suspend(self._state, link, why)

    def is_worth_it(self, link: str) -> bool:
        """Whether anybody goes on over a link."""
        return recovery.is_worth_it(self._state, link)

    async def take_up(self, link: str, over: Over) -> Callable[[], Counts]:
        """Take up what came over a lost link; returns what makes it count."""
        return await returning.take_up(self._state, link, over)

    def recovered(self, link: str, outage: Outage, counts: Counts) -> None:
        """A link is there again."""
        recovery.recovered(self._state, link, outage, counts)

    def without_lease(self, link: str, created: Created) -> Created:
        """Return an answer that may be an old one."""
        return adopting.without_lease(self._state, link, created)

    async def adopt(self, link: str, over: Link, tree: int, handle: int) -> None:
        """Find out where a handle is that may have been made before a loss."""
        await adopting.adopt(self._state, link, over, tree, handle)

    def standing(self, link: str, request: Message) -> Standing:
        """Find what a request names; raises Refused."""
        return stand(self._state.connections, self._state.sessions.all(), link, request)

    def chance(self) -> float:
        """Return a number in [0, 1)."""
        return int(self._state.world.token_hex(4), 16) / 2**32


def _nobody_needs(state: State, link: str, share: str) -> list[Connection]:
    held = [
        one
        for one in state.connections.of_link(link)
        if one.share.casefold() == share.casefold() and one.tree and not one.releasing
    ]
    orphans = [one for one in held if one.left_at is not None]
    dormant_only = [one for one in held if state.describe(one) == "dormant_only"]
    return sorted(orphans, key=lambda one: one.left_at or 0.0) + dormant_only


async def _give_back(state: State, connection: Connection) -> None:
    """One TreeDisconnect closes the dormant files too; the next open takes a slot again."""
    state.dormant.take_connection(connection)
    if connection.left_at is not None:
        await closing.release_left(state, connection)
        return
    connection.recalled = True
    await closing.release(state, connection)


def describe(state: State, link: str, tree: int) -> UseDescription:
    """Describe one slot; unknown if we do not hold it (any more)."""
    connection = state.connections.by_tree(link, tree)
    if connection is None:
        return UseDescription(tree, "unknown", None, 0, 0, None, None, "")
    now = trio.current_time()
    dormant = state.dormant.of_connection(connection)
    release_in_s, release_by = _release(state, connection, now)
    return UseDescription(
        tree,
        state.describe(connection),
        None if connection.left_at is None else now - connection.left_at,
        len(connection.opens),
        len(dormant),
        max((now - handle.parked_at for handle in dormant), default=None),
        release_in_s,
        release_by,
    )


def _release(state: State, connection: Connection, now: float) -> tuple[float | None, str]:
    if connection.releasing:
        return 0.0, "disconnecting"
    if connection.left_at is None:
        return None, "logoff"
    if state.policy.release_left == AFTER_KEEP:
        return connection.left_at + state.policy.keep_connection_s - now, AFTER_KEEP
    if state.policy.release_left != WHEN_DRAINED:
        return None, "never"
    due = max((handle.due_at for handle in connection.handles.values()), default=now)
    tick_s = state.policy.scavenger_tick_s
    tick = math.ceil(max(due, now) / tick_s) * tick_s if tick_s > 0 else max(due, now)
    return tick - now, "dormant_age_max_s"
