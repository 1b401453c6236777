"""Two exchanges on a fake wire: whatever is sent arrives once, in order, and no id is lost."""

from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from redird.wire import exchange as module
from redird.wire import messages as m
from redird.wire.errors import LocalProtocolError
from redird.wire.exchange import Event
from tests.core.wires import events, pair

REQUESTS_MAX = 4


class Conversation(RuleBasedStateMachine):
    """Both sides ask, answer in any order, abandon and notify; the wire cuts where it likes.

    The model: what each side has sent and the other not yet heard, which requests are open,
    and which of them nobody waits for.
    """

    sides = st.sampled_from([0, 1])

    def __init__(self):
        super().__init__()
        self.bound = mock.patch.object(module, "REQUESTS_MAX", REQUESTS_MAX)
        self.bound.start()
        self.exchanges = pair()
        self.exchanges[1].trust_peer()
        self.wires = [b"", b""]  # towards the other side
        self.written, self.delivered = [0, 0], [0, 0]  # bytes, by the side that sent them
        self.expected: list[list[tuple[int, Event]]] = [[], []]  # with the byte it ends at
        self.open: list[set[int]] = [set(), set()]  # asked by this side, no answer heard
        self.abandoned: list[set[int]] = [set(), set()]
        self.unanswered: list[set[int]] = [set(), set()]  # heard by this side
        self.said = 0

    def teardown(self):
        try:
            self.finish()
        finally:
            self.bound.stop()

    def finish(self):
        """Whatever happened, all can be answered, and then nothing is left."""
        for _ in range(2):
            self.deliver(0, 1 << 20)
            self.deliver(1, 1 << 20)
            for side in (0, 1):
                for number in list(self.unanswered[side]):
                    self.answer(side, number)

        assert [[], []] == self.expected
        assert [set(), set()] == self.open
        for side in self.exchanges:
            for _ in range(REQUESTS_MAX):
                side.request(m.Echo())
            assert not side.may_request

    def next_number(self):
        self.said += 1
        return self.said

    def expect(self, side, number, message):
        buffers = b"".join(self.exchanges[side].take_outgoing())
        self.wires[side] += buffers
        self.written[side] += len(buffers)
        self.expected[side].append((self.written[side], Event(number, message)))

    @rule(side=sides)
    def request(self, side):
        message = m.Write(1, self.next_number(), 0, b"bulk")
        if len(self.open[side]) == REQUESTS_MAX:
            with pytest.raises(LocalProtocolError):
                self.exchanges[side].request(message)
            return
        number = self.exchanges[side].request(message)
        assert number not in self.open[side]
        self.open[side].add(number)
        self.expect(side, number, message)

    @rule(side=sides)
    def notify(self, side):
        message = m.UseEnded(self.next_number())
        self.exchanges[side].notify(message)
        self.expect(side, 0, message)

    @precondition(lambda self: any(self.unanswered))
    @rule(side=sides, data=st.data())
    def reply(self, side, data):
        if self.unanswered[side]:
            self.answer(side, data.draw(st.sampled_from(sorted(self.unanswered[side]))))

    def answer(self, side, number):
        message = m.DataRead(b"%d" % self.next_number())
        self.exchanges[side].reply(number, message)
        self.unanswered[side].discard(number)
        self.expect(side, -number, message)

    @precondition(lambda self: any(self.open))
    @rule(side=sides, data=st.data())
    def abandon(self, side, data):
        if self.open[side]:
            number = data.draw(st.sampled_from(sorted(self.open[side])))
            self.exchanges[side].abandon(number)
            self.abandoned[side].add(number)

    @rule(side=sides)
    def abandon_what_is_not_open(self, side):
        self.exchanges[side].abandon(10**6)

    @rule(side=sides, size=st.integers(1, 150))
    def deliver(self, side, size):
        """Hand `size` bytes of what this side wrote to the other one."""
        chunk, self.wires[side] = self.wires[side][:size], self.wires[side][size:]
        self.delivered[side] += len(chunk)
        there = 1 - side
        due = [event for event in self.take_whole(side) if self.is_heard(there, event)]

        assert due == events(self.exchanges[there], chunk)
        self.unanswered[there] |= {event.number for event in due if event.number > 0}

    def take_whole(self, side):
        """What this side sent and the other has got to the last byte."""
        expected = self.expected[side]
        while expected and expected[0][0] <= self.delivered[side]:
            yield expected.pop(0)[1]

    def is_heard(self, side, event):
        """An answer closes its request; if nobody waits for it, it is dropped."""
        self.open[side].discard(-event.number)
        dropped = -event.number in self.abandoned[side]
        self.abandoned[side].discard(-event.number)
        return not dropped

    @invariant()
    def there_is_room_exactly_for_what_is_not_open(self):
        for side in (0, 1):
            room = len(self.open[side]) < REQUESTS_MAX
            assert room is self.exchanges[side].may_request


TestConversation = Conversation.TestCase
TestConversation.settings = settings(stateful_step_count=25)
