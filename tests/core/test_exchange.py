"""What an exchange lets through, from a stranger and from a peer, and what it refuses."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redird.wire import exchange as module
from redird.wire import messages as m
from redird.wire.errors import LocalProtocolError, RemoteProtocolError
from redird.wire.exchange import Event, Exchange, refusal
from redird.wire.status import Status
from tests.core.wires import NEGOTIATE, events, frame, pair

KIB = 1024
ECHO = [1, "Echo"]


@pytest.fixture
def dialler():
    return pair()[0]


@pytest.fixture
def listener():
    return pair()[1]


# --- before the agreement ---------------------------------------------------------------------

TOO_EARLY = [
    m.Echo(),
    m.Echoed(),
    m.SessionSetup(0, "ann", ""),
    m.TreeConnect(1, "docs"),
    m.Logon("ann"),
    m.LoggedOff(0, 0, (), ()),
    m.UseEnded(1),
]


def written(number, message):
    return frame([number, type(message).__name__, *message.codec.to_fields(message)])


@pytest.mark.parametrize("number", [0, 1, -1])
@pytest.mark.parametrize("message", TOO_EARLY)
def test_a_listener_hears_nothing_before_negotiate(number, message):
    with pytest.raises(RemoteProtocolError, match="before Negotiate"):
        events(Exchange(listening=True), written(number, message))


@pytest.mark.parametrize("listening", [True, False])
def test_nobody_says_anything_before_negotiate(listening):
    side = Exchange(listening=listening)

    with pytest.raises(LocalProtocolError, match="before Negotiate"):
        side.request(m.Echo())
    with pytest.raises(LocalProtocolError, match="before Negotiate"):
        side.notify(m.UseEnded(1))
    assert [] == side.take_outgoing()


def test_a_dialler_hears_nothing_before_its_negotiate_was_answered():
    dialler = Exchange(listening=False)
    dialler.request(NEGOTIATE)

    with pytest.raises(RemoteProtocolError, match="before Negotiate"):
        events(dialler, frame(ECHO))


@pytest.mark.parametrize("number", [0, 1])
def test_a_stranger_cannot_answer_its_own_negotiate(number):
    listener = Exchange(listening=True)
    events(listener, frame([number, "Negotiated", 1, [], "", "", 1, 1]))

    assert not listener.negotiated
    with pytest.raises(RemoteProtocolError, match="before Negotiate"):
        events(listener, frame([2, "Echo"]))


def test_a_refused_negotiate_opens_nothing():
    listener = Exchange(listening=True)
    events(listener, frame([1, "Negotiate", 9, 9, []]))
    listener.reply(1, m.RefusedReply(1))

    assert not listener.negotiated
    with pytest.raises(RemoteProtocolError, match="before Negotiate"):
        events(listener, frame([2, "Echo"]))


# --- what a peer may not do -------------------------------------------------------------------


def test_a_reply_to_nothing_is_refused(dialler):
    with pytest.raises(RemoteProtocolError, match="not open"):
        events(dialler, frame([-99, "Echoed"]))


@pytest.mark.parametrize("abandoned", [False, True])
def test_a_second_reply_is_refused(dialler, abandoned):
    number = dialler.request(m.Echo())
    if abandoned:
        dialler.abandon(number)
    heard = events(dialler, frame([-number, "Echoed"]))
    assert heard == ([] if abandoned else [Event(-number, m.Echoed())])

    with pytest.raises(RemoteProtocolError, match="not open"):
        events(dialler, frame([-number, "Echoed"]))


def test_a_number_that_is_open_cannot_be_used_again(listener):
    events(listener, frame([7, "Echo"]))

    with pytest.raises(RemoteProtocolError, match="open already"):
        events(listener, frame([7, "Echo"]))


def test_a_number_that_was_answered_may_be_used_again(listener):
    events(listener, frame([7, "Echo"]))
    listener.reply(7, m.Echoed())

    assert [Event(7, m.Echo())] == events(listener, frame([7, "Echo"]))


def test_too_many_requests_at_once_are_refused(listener, monkeypatch):
    monkeypatch.setattr(module, "REQUESTS_MAX", 3)
    events(listener, *(frame([number, "Echo"]) for number in (1, 2, 3)))
    events(listener, frame([0, "UseEnded", 1]))  # a notification is not counted

    with pytest.raises(RemoteProtocolError, match="more than 3 requests"):
        events(listener, frame([4, "Echo"]))


def test_an_answer_makes_room_for_one_more(listener, monkeypatch):
    monkeypatch.setattr(module, "REQUESTS_MAX", 3)
    events(listener, *(frame([number, "Echo"]) for number in (1, 2, 3)))
    listener.reply(2, m.Echoed())

    assert [Event(4, m.Echo())] == events(listener, frame([4, "Echo"]))


def test_an_abandoned_request_still_takes_room_until_it_is_answered(dialler, monkeypatch):
    monkeypatch.setattr(module, "REQUESTS_MAX", 1)
    number = dialler.request(m.Echo())
    dialler.abandon(number)
    assert not dialler.may_request
    events(dialler, frame([-number, "Echoed"]))

    assert dialler.may_request


def test_a_peer_has_room_for_thousands():
    assert module.REQUESTS_MAX == 4096


NOT_EVENTS = {
    "empty": [],
    "a number alone": [1],
    "no number": ["Echo"],
    "a number that is true": [True, "Echo"],
    "a number with a fraction": [1.0, "Echo"],
    "a number in words": ["1", "Echo"],
    "no name": [1, None],
    "a name in bytes": [1, b"Echo"],
    "a name that is a list": [1, ["Echo"]],
    "an unknown name": [1, "Explode"],
    "a record that is no message": [1, "FileInfo"],
    "too many fields": [1, "Echo", 1],
    "a field of another type": [1, "TreeConnect", "1", "docs"],
}


@pytest.mark.parametrize("header", NOT_EVENTS.values(), ids=NOT_EVENTS)
def test_what_is_no_message_is_refused(listener, header):
    with pytest.raises(RemoteProtocolError):
        events(listener, frame(header))


def test_a_stranger_is_held_to_small_frames_until_it_is_trusted(listener):
    long = frame([0, "UseEnded", "x" * (64 * KIB)])
    write = frame([1, "Write", 1, 1, 0], b"bulk")

    for refused in (long, write):
        with pytest.raises(RemoteProtocolError, match="over the bound"):
            events(pair()[1], refused)
    listener.trust_peer()
    assert [Event(1, m.Write(1, 1, 0, b"bulk"))] == events(listener, write)


def test_whom_we_dialled_we_trust_once_it_has_answered():
    before, after = Exchange(listening=False), pair()[0]
    number = after.request(m.Read(1, 1, 0, 4))
    data = frame([-number, "DataRead"], b"bulk")

    with pytest.raises(RemoteProtocolError, match="over the bound"):
        events(before, data)
    assert [Event(-number, m.DataRead(b"bulk"))] == events(after, data)


@pytest.mark.parametrize("number", [0, 1, -1])
def test_only_an_open_request_can_be_answered(listener, number):
    with pytest.raises(LocalProtocolError, match="no open request"):
        listener.reply(number, m.Echoed())


def test_outgoing_bytes_are_counted_until_they_are_taken(dialler):
    assert 0 == dialler.outgoing_bytes
    dialler.request(m.Write(1, 1, 0, b"bulk" * 100))
    counted = dialler.outgoing_bytes

    assert counted == sum(map(len, dialler.take_outgoing()))
    assert (0, []) == (dialler.outgoing_bytes, dialler.take_outgoing())


@pytest.mark.parametrize("number", [1, 2**63 - 1])
def test_whatever_number_was_accepted_can_be_answered(listener, number):
    assert [Event(number, m.Echo())] == events(listener, frame([number, "Echo"]))
    listener.reply(number, m.Echoed())

    assert frame([-number, "Echoed"]) == b"".join(listener.take_outgoing())


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, -(2**63)])
def test_a_number_that_no_answer_could_carry_is_refused(listener, number):
    with pytest.raises(RemoteProtocolError):
        events(listener, frame([number, "Echo"]))


def test_an_answer_that_fits_no_frame_is_refused_and_the_request_is_done_with(listener):
    events(listener, frame([7, "Enumerate", "files"]))
    listener.reply(7, m.Enumerated(({"path": "x" * 2**20},)))
    too_long = m.RefusedReply(int(Status.STATUS_BUFFER_TOO_SMALL), "Enumerated")

    assert written(-7, too_long) == b"".join(listener.take_outgoing())
    with pytest.raises(LocalProtocolError, match="no open request"):
        listener.reply(7, m.Echoed())


def test_a_refusal_is_raised_as_it_travelled_and_an_unknown_status_as_a_failure():
    known = refusal(m.RefusedReply(0xC00000D0, "docs", {"receipt": 3}))
    unknown = refusal(m.RefusedReply(0xC0FFEE, "docs"))

    assert Status.STATUS_REQUEST_NOT_ACCEPTED is known.status
    assert ("docs", {"receipt": 3}) == (known.subject, known.detail)
    assert Status.STATUS_UNSUCCESSFUL is unknown.status


# --- anything at all --------------------------------------------------------------------------

small = st.none() | st.integers(-3, 3) | st.integers(-(2**63), 2**63) | st.text(max_size=5)
plausible = st.builds(
    lambda number, name, values, payload: frame([number, name, *values], payload),
    st.integers(-3, 3) | small,
    st.sampled_from(sorted(m.MESSAGES)) | small,
    st.lists(small | st.lists(small, max_size=3), max_size=7),
    st.just(b"") | st.binary(max_size=20),
)
anything = st.lists(
    plausible | st.binary(max_size=60) | st.sampled_from([frame(ECHO), frame([-1, "Echoed"])]),
    max_size=6,
)


def test_some_of_the_plausible_frames_are_messages():
    assert [Event(1, m.Read(1, 2, 3, 4))] == events(pair()[1], frame([1, "Read", 1, 2, 3, 4]))


@given(anything, st.booleans(), st.booleans(), st.booleans())
def test_any_bytes_are_events_or_refused(chunks, listening, negotiated, trusted):
    side = pair()[listening] if negotiated else Exchange(listening=listening)
    if trusted:
        side.trust_peer()
    with suppress(RemoteProtocolError):
        for chunk in chunks:
            events(side, chunk)
