"""What a server asks of a redirector, and what becomes of what came over a lost link."""

from collections.abc import Callable
from typing import Protocol

from redird.dialled import Outage, Over
from redird.repeating import Standing
from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.link import Answer, Link
from redird.wire.messages import Message
from redird.wire.status import Status

Counts = dict[str, int]  # of sessions, slots and handles


class Questions(Protocol):
    """The redirector's tables, as a link sees them; `link` is its name."""

    def describe_uses(self, link: str, trees: tuple[int, ...]) -> m.UsesDescribed: ...
    async def recall_slots(self, link: str, share: str, wanted: int) -> int: ...
    async def break_lease(self, link: str, file: int, lease: int) -> None: ...
    def use_ended(self, link: str, tree: int) -> None: ...
    def link_lost(self, link: str, why: str) -> None: ...
    def suspend(self, link: str, why: str) -> bool: ...
    def is_worth_it(self, link: str) -> bool: ...
    def recovered(self, link: str, outage: Outage, counts: Counts) -> None: ...
    async def take_up(self, link: str, over: "Over") -> Callable[[], Counts]: ...
    def without_lease(self, link: str, created: m.Created) -> m.Created: ...
    async def adopt(self, link: str, over: Link, tree: int, handle: int) -> None: ...
    def standing(self, link: str, request: Message) -> Standing: ...
    def chance(self) -> float: ...


def answer(questions: Questions, link: str, request: Message) -> Answer:
    """Answer one request of a server."""
    if isinstance(request, m.DescribeUses):
        return questions.describe_uses(link, request.trees)
    if isinstance(request, m.SlotRecall):
        return _recalled(questions, link, request)
    if isinstance(request, m.LeaseBreak):
        return _broken(questions, link, request)
    if isinstance(request, m.UseEnded):
        questions.use_ended(link, request.tree)
        return m.Closed()
    raise Refused(Status.STATUS_INVALID_DEVICE_REQUEST, type(request).__name__)


async def _recalled(questions: Questions, link: str, request: m.SlotRecall) -> Message:
    return m.SlotsRecalled(await questions.recall_slots(link, request.share, request.wanted))


async def _broken(questions: Questions, link: str, request: m.LeaseBreak) -> Message:
    await questions.break_lease(link, request.file, request.lease)
    return m.LeaseBroken()
