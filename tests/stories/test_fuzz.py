"""Whatever a peer sends, by accident or by intent, costs nobody but itself.

Any messages, with numbers that are somebody's, in any order, over a link on which somebody has
logged on; frames of them with bits turned over; and at the end no daemon has had an error of
its own, every table agrees with itself, a bystander goes on, and nothing is left over.
"""

from collections import Counter
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from clients.lab.staging import virtual
from clients.lab.staging.stage import SERVER
from redird import service
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import LinkLost, Refused
from redird.wire.framing import encode_frame
from shareserver.service import dispatch
from tests.core.anymessage import aimed, any_message
from tests.playbook import SHARE, at, enter, enter_directly, play, touch

KINDS: Any = {"server": dispatch.FUNCTIONS, "redirector": service.FUNCTIONS}
COMPOUND = {m.Compound, m.Once}
unhurried = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.parametrize("to", KINDS)
def test_no_message_makes_a_daemon_fail(to):
    served: Counter[str] = Counter()

    @unhurried
    @given(st.lists(any_message({*KINDS[to], *COMPOUND}), min_size=5, max_size=15))
    def any_messages(sent):
        with capture_logs() as entries:
            virtual.run(story_of_messages, to, sent, served)
        assert [] == errors(entries)

    any_messages()
    assert len(served) >= 10  # kinds of requests that really did something


async def story_of_messages(to, sent, served):
    """All are sent at once, by somebody who has logged on and has files open."""
    async with play(uses_max=10, server_options={"lock_wait_max_s": 1.0}) as s:
        bystander = await enter(s, "u1")
        await touch(bystander, "mine")
        async with bystander.open(at("mine"), "r", share=f.FILE_SHARE_READ) as kept:
            comes = enter_directly if to == "server" else enter
            attacker = await comes(s, "u2")
            known = await own_numbers(attacker)
            async with trio.open_nursery() as nursery:
                for message in sent:
                    nursery.start_soon(
                        asked, attacker.client.link, aimed(message, known), served
                    )
            s.validate()
            assert "of u1" == await kept.read()
            attacker.client.link.close("enough")


async def own_numbers(attacker):
    """Two files and a folder are open; one of the numbers in each list is nobody's."""
    tree = await attacker.connect(SERVER, SHARE)
    link, handles = attacker.client.link, []
    await link.request(m.MakeDirectory(tree, "d"))
    for name, options in (("a", 0), ("b", 0), ("d", f.FILE_DIRECTORY_FILE)):
        request = m.Create(tree, name, f.ACCESS_ALL, f.SHARE_ALL, f.FILE_OPEN_IF, options)
        handles.append((await link.request(request)).handle)
    own = [attacker.number, attacker.number, 99]
    files = [*handles, *handles, 1, 99]
    trees = [tree, tree, tree, tree, 1, 99]
    return {"tree": trees, "session": own, "handle": files, "target": files, "source": files}


async def asked(link, message, served):
    """Ask, and take whatever comes, if it comes."""
    with suppress(Refused, LinkLost), trio.move_on_after(5):
        served[type(await link.request(message)).__name__] += 1


# --- frames -----------------------------------------------------------------------------------

flips = st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 255)), max_size=6)


@unhurried
@given(
    st.sampled_from([*KINDS]),
    st.lists(any_message({*dispatch.FUNCTIONS, *service.FUNCTIONS}), max_size=6),
    flips,
    st.lists(st.integers(1, 90), min_size=1, max_size=9),
)
def test_no_bytes_make_a_daemon_fail(to, sent, flipped, cuts):
    begin = [m.Negotiate(1, 1, ()), m.SessionSetup(0, "u2", "")]
    frames = [
        b"".join(_frame(number, message)) for number, message in enumerate([*begin, *sent], 1)
    ]
    data = bytearray(b"".join(frames))
    for place, bits in flipped:
        data[place % len(data)] ^= bits
    with capture_logs() as entries:
        virtual.run(partial(story_of_bytes, cuts=cuts), to, bytes(data))

    assert [] == errors(entries)


def _frame(number, message):
    codec = message.codec
    payload = getattr(message, codec.payload) if codec.payload else b""
    header = [number, type(message).__name__, *codec.to_fields(message)]
    return encode_frame(header, payload)


async def story_of_bytes(to, data, cuts):
    """They come in pieces, over a link of which nobody knows who is at its end."""
    async with play(uses_max=10) as s:
        bystander = await enter(s, "u1")
        await touch(bystander, "a")
        cable = s.plug_in(s.redirector if to == "redirector" else None)
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            at_byte = 0
            for size in cuts * (len(data) // sum(cuts) + 1):
                await cable.near.send_all(data[at_byte : at_byte + size] or b"\0")
                at_byte += size
                await trio.testing.wait_all_tasks_blocked()
        s.validate()
        assert 5 == (await bystander.stat(at("a"))).size
        await cable.near.aclose()


def errors(entries):
    """What a daemon logged as an error of its own."""
    return [entry for entry in entries if entry["log_level"] in ("error", "critical")]
