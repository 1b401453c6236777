"""What the tests of the wire share: any header, frames by hand, and two who have agreed."""

from hypothesis import strategies as st
from msgpack import _cmsgpack, fallback

from redird.wire import messages as m
from redird.wire.exchange import Event, Exchange
from redird.wire.framing import encode_frame

UNPACKERS = {"C": _cmsgpack.unpackb, "pure": fallback.unpackb}

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=40)
    | st.binary(max_size=40)
)
plain = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=8,
)
headers = st.lists(plain, max_size=4)
frames = st.tuples(headers, st.binary(max_size=200))

NEGOTIATE = m.Negotiate(1, 1, ())
NEGOTIATED = m.Negotiated(1, (), "shareserver", "", 1, 1)


def frame(header, payload=b""):
    return b"".join(encode_frame(header, payload))


def events(exchange, *frames):
    """What comes of these frames."""
    exchange.receive_data(b"".join(frames))
    return list(iter(exchange.next_event, None))


def pair():
    """A dialler and a listener who have agreed."""
    dialler, listener = Exchange(listening=False), Exchange(listening=True)
    number = dialler.request(NEGOTIATE)
    assert [Event(number, NEGOTIATE)] == events(listener, *dialler.take_outgoing())
    listener.reply(number, NEGOTIATED)
    assert [Event(-number, NEGOTIATED)] == events(dialler, *listener.take_outgoing())
    return dialler, listener
