"""Bad input to both daemons over raw sockets: it costs its sender the link, nobody else.

A bystander is logged on all the time and must notice nothing; the daemons' logs must hold no
traceback at the end (`daemons.running` looks).
"""

import os
import struct
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgpack
import pytest
import trio

from clients.session import dial, logon
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.address import dial as dial_stream
from redird.wire.address import parse
from redird.wire.errors import Refused
from redird.wire.status import Status
from tests.processes.daemons import for_module, stage

LOGON_MAX_S = 1.0
ROUTES = ["redirector", "server"]
LINKS = {"out": "/etc", "relative": "../../../../../../etc", "round": "round"}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("house")
    quick: dict[str, Any] = {"logon_max_s": LOGON_MAX_S, "echo_s": 0.4}
    with for_module(stage(folder, 100, redirector_config=quick, **quick)) as house:
        (house.docs / "a").write_text("text")
        for name, target in LINKS.items():
            (house.docs / name).symlink_to(target)
        os.mkfifo(house.docs / "pipe")
        yield house


@pytest.fixture
async def at(house, request):
    """The address under attack; a bystander is logged on there."""
    daemon = getattr(house, request.param)
    async with logon(daemon.unix, "guest") as bystander:
        assert 4 == (await bystander.stat("//files/docs/a")).size
        yield daemon.tcp
        async with bystander.open("//files/docs/a") as file:
            assert "text" == await file.read()


attacked = pytest.mark.parametrize("at", ROUTES, indirect=True)


def packed(*header, payload=b""):
    return frame(msgpack.packb(header), payload)


def frame(header, payload=b""):
    return struct.pack("!II", len(header), len(payload)) + header + payload


NEGOTIATE = packed(1, "Negotiate", 1, 1, [], "", 0)
ECHO = packed(2, "Echo")
MAP = b"\x94\x02\xa9Enumerate\xa1x"  # [2, "Enumerate", "x", and one more field


async def answers(at, data, *, negotiated=False, until=None):
    """The headers that a stranger gets for `data`, until one numbered `until` or the end."""
    heard, headers = b"", []
    async with await dial_stream(parse(at)) as stream, trio.open_nursery() as nursery:
        if negotiated:
            await stream.send_all(NEGOTIATE)
            assert "Negotiated" == unpacked(await stream.receive_some())[0][0][1]
        nursery.start_soon(send, stream, data)
        with trio.fail_after(10), suppress(trio.BrokenResourceError):  # it left first
            async for more in stream:
                new, heard = unpacked(heard + more)
                headers += new
                if headers and headers[-1][0] == until:
                    break
        nursery.cancel_scope.cancel()
    return headers


async def send(stream, data):
    with suppress(trio.BrokenResourceError):
        await stream.send_all(data)


def unpacked(heard):
    """The headers of whole frames, and the rest."""
    headers = []
    while len(heard) >= 8:
        length, payload = struct.unpack_from("!II", heard)
        if len(heard) < 8 + length + payload:
            break
        headers.append(msgpack.unpackb(heard[8 : 8 + length]))
        heard = heard[8 + length + payload :]
    return headers, heard


# --- what ends the link -----------------------------------------------------------------------

STRANGE = {
    "another protocol": b"GET / HTTP/1.1\r\nHost: files\r\n\r\n",
    "2 GiB to come": struct.pack("!II", 2**31, 0),
    "4 GiB of data to come": struct.pack("!II", 9, 2**32 - 1),
    "data from a stranger": packed(1, "Negotiate", 1, 1, [], "", 0, payload=b"x"),
    "a header longer than a stranger's": packed(1, "Negotiate", 1, 1, [], "x" * 65_536, 0),
    "no msgpack": frame(b"\xc1"),
    "no header": frame(b""),
    "a truncated header": frame(b"\x93\x01"),
    "a map for a header": frame(msgpack.packb({"number": 1})),
    "an empty header": packed(),
    "a number for a name": packed(1, 2),
    "a name for a number": packed("Negotiate", 1),
    "a request before Negotiate": packed(1, "TreeConnect", 1, "docs"),
    "an echo before Negotiate": packed(1, "Echo"),
    "a notification before Negotiate": packed(0, "UseEnded", 1),
    "an answer nobody asked for": packed(-1, "Negotiated", 1, [], "redird", "x", 1, 1),
}
WRONG = {
    "an unknown message": packed(2, "Nothing"),
    "a text for a number": packed(2, "SessionSetup", "0", "guest", ""),
    "a number for a text": packed(2, "Enumerate", 5),
    "true for a number": packed(2, "Enumerate", "sessions", True),
    "too few fields": packed(2, "Enumerate"),
    "too many fields": packed(2, "Echo", 1),
    "an answer to nothing": packed(-77, "Echoed"),
    "65 bits": packed(2, "Enumerate", "sessions", 2**63),
    "no UTF-8": frame(b"\x93\x02\xa9Enumerate\xa1\xff"),
    "a key twice": frame(MAP + b"\x82\xa1k\x01\xa1k\x02"),
    "NaN": frame(MAP + b"\xcb\x7f\xf8" + bytes(6)),
    "a timestamp": frame(MAP + b"\xd6\xff" + bytes(4)),
    "nesting": frame(MAP + b"\x91" * 20 + b"\x01"),
    "nesting that no stack bears": frame(MAP + b"\x91" * 60_000 + b"\x01"),
    "an array of 4 thousand million": frame(MAP + b"\xdd\xff\xff\xff\xff"),
    "a text of 4 GiB": frame(MAP + b"\xdb\xff\xff\xff\xff"),
    "bytes behind the header": frame(msgpack.packb([2, "Echo"]) + b"\x01"),
    "data beside what takes none": packed(2, "Echo", payload=b"x"),
    "another protocol, later": b"\xff" * 100,
}


@attacked
async def test_strange_bytes_end_the_link(at):
    for name, data in STRANGE.items():
        assert (name, []) == (name, await answers(at, data))


@attacked
async def test_a_message_that_breaks_the_protocol_ends_the_link(at):
    for name, data in WRONG.items():
        assert (name, []) == (name, await answers(at, data, negotiated=True))


@attacked
async def test_a_frame_cut_short_ends_nothing_else(at):
    whole = NEGOTIATE + ECHO
    for end in (1, 7, 8, len(NEGOTIATE) - 1, len(NEGOTIATE) + 5, len(whole) - 1):
        async with await dial_stream(parse(at)) as stream:
            await stream.send_all(whole[:end])


# --- what is refused --------------------------------------------------------------------------


@attacked
async def test_another_version_is_refused_by_name(at):
    other = packed(1, "Negotiate", 7, 9, [], "", 0)
    ((number, name, status, subject, detail),) = await answers(at, other, until=-1)

    assert (-1, "RefusedReply") == (number, name)
    assert Status.STATUS_REVISION_MISMATCH == status
    assert ("versions 7 to 9", {"version": 1}) == (subject, detail)


@attacked
async def test_ten_thousand_requests_at_once_are_all_answered(at):
    echoes = b"".join(packed(number, "Echo") for number in range(2, 10_002))
    heard = await answers(at, echoes, negotiated=True, until=-10_001)

    answered = [header[0] for header in heard if header[0] < 0]  # it may ask for an echo too
    assert [*range(-2, -10_002, -1)] == answered


@attacked
async def test_requests_without_a_session_are_refused(at):
    async with dial(at) as client:
        for request in (
            m.TreeConnect(1, "docs"),
            m.Connect(1, "files", "docs"),
            m.QueryInfo(1, "a"),
            m.Read(1, 1, 0, 1),
            m.Close(1, 1),
            m.Logoff(1),
            m.TreeDisconnect(1),
            m.Disconnect(1, force=True),
            m.DescribeRefusal(1),
            m.QueryVolume(2**63 - 1),
            m.ForceClose("session", 1),
            m.Negotiated(1, (), "", "", 1, 1),
            m.SlotRecall("docs", 1),
        ):
            with pytest.raises(Refused):
                await client.link.request(request)


@attacked
async def test_parts_whose_answers_fit_no_frame_end_a_compound(at, house):
    (house.docs / "large").write_bytes(bytes(2**20))
    async with connected(at) as (client, tree):
        create = ("Create", tree, "large", f.FILE_READ_DATA, f.SHARE_ALL, f.FILE_OPEN)
        reads = [("Read", tree, m.RELATED, 0, 2**20)] * 3
        done = await client.ask(m.Compound((create, *reads)), m.Compounded)

        assert ["Created", "DataRead", "RefusedReply"] == [part[0] for part in done.parts]
        assert Status.STATUS_BUFFER_TOO_SMALL == done.parts[-1][1]
        assert (0, 2**20, 0) == done.sizes


@attacked
async def test_a_part_that_is_no_request_ends_a_compound(at):
    parts: list[tuple[Any, ...]] = [
        (),
        (None,),
        ([1],),
        ({},),
        ("Logon", "guest"),
        ("Read", []),
    ]
    async with dial(at) as client:
        for part in parts:
            done = await client.ask(m.Compound((part, part)), m.Compounded)
            assert ["RefusedReply"] == [one[0] for one in done.parts]


@pytest.mark.parametrize("at", ["server"], indirect=True)
async def test_an_answer_that_fits_no_frame_is_refused_and_the_link_goes_on(at):
    async with connected(at) as (client, tree):
        with pytest.raises(Refused) as refused:
            await client.link.request(m.CloseBatch(((tree, 1),) * 300_000))
        assert Status.STATUS_BUFFER_TOO_SMALL is refused.value.status

        assert 4 == (await client.ask(m.QueryInfo(tree, "a"), m.InfoFound)).info.size


@asynccontextmanager
async def connected(at):
    async with dial(at) as client:
        session = await client.logon("guest")
        yield client, await session.connect("files", "docs")


# --- who is slow ------------------------------------------------------------------------------


@attacked
@pytest.mark.parametrize(
    "data",
    [
        [NEGOTIATE[at : at + 1] for at in range(len(NEGOTIATE))],
        [NEGOTIATE, *(packed(number, "Echo") for number in range(2, 1000))],
    ],
    ids=["dripping", "echoing"],
)
async def test_whoever_does_not_log_on_in_time_has_to_go(at, data):
    began = trio.current_time()
    async with await dial_stream(parse(at)) as stream, trio.open_nursery() as nursery:
        nursery.start_soon(drip, stream, data)
        with suppress(trio.BrokenResourceError):
            async for _ in stream:
                pass
        nursery.cancel_scope.cancel()

    assert LOGON_MAX_S * 0.9 < trio.current_time() - began < LOGON_MAX_S + 2


async def drip(stream, data):
    """Keep the link busy without getting anywhere."""
    with suppress(trio.BrokenResourceError):
        for one in data:
            await stream.send_all(one)
            await trio.sleep(0.1)


@attacked
async def test_who_asks_and_does_not_read_is_not_kept_in_memory(at, house):
    (house.docs / "large").write_bytes(bytes(2**20))
    async with await dial_stream(parse(at)) as stream:
        tree, handle = await open_by_hand(stream, "large")
        before = house.server.memory_kib() + house.redirector.memory_kib()
        read = ("Read", tree, handle, 0, 2**20)
        await stream.send_all(b"".join(packed(number, *read) for number in range(9, 1500)))
        await trio.sleep(1)
        after = house.server.memory_kib() + house.redirector.memory_kib()

    assert after - before < 60 * 1024


async def open_by_hand(stream, name):
    async def ask(*header):
        await stream.send_all(packed(*header))
        return unpacked(await stream.receive_some())[0][0][2:]

    role = (await ask(1, "Negotiate", 1, 1, [], "", 0))[2]
    if role == "shareserver":
        (session, *_) = await ask(2, "SessionSetup", 0, "guest", "")
        (tree, *_) = await ask(3, "TreeConnect", session, "docs")
    else:
        (session,) = await ask(2, "Logon", "guest")
        (tree, _) = await ask(3, "Connect", session, "files", "docs")
    (handle, *_) = await ask(4, "Create", tree, name, f.FILE_READ_DATA, f.SHARE_ALL, 1)
    return tree, handle


@attacked
async def test_many_who_read_and_many_who_write_do_not_wait_for_each_other(at, house):
    (house.docs / "large").write_bytes(bytes(2**20))
    async with connected(at) as (client, tree), trio.open_nursery() as nursery:
        source = await opened(client, tree, "large", f.FILE_READ_DATA)
        target = await opened(client, tree, "written", f.FILE_WRITE_DATA, f.FILE_OPEN_IF)
        for _ in range(24):
            nursery.start_soon(client.ask, m.Read(tree, source, 0, 2**20), m.DataRead)
            written = m.Write(tree, target, 0, bytes(2**20))
            nursery.start_soon(client.ask, written, m.DataWritten)


async def opened(client, tree, path, access, disposition=f.FILE_OPEN):
    create = m.Create(tree, path, access, f.SHARE_ALL, disposition)
    return (await client.ask(create, m.Created)).handle


# --- paths ------------------------------------------------------------------------------------

PATHS = {
    "..": Status.STATUS_OBJECT_PATH_SYNTAX_BAD,
    "../a": Status.STATUS_OBJECT_PATH_SYNTAX_BAD,
    "a/../../etc/passwd": Status.STATUS_OBJECT_PATH_SYNTAX_BAD,
    "/etc/passwd": Status.STATUS_OBJECT_PATH_SYNTAX_BAD,
    ".": Status.STATUS_OBJECT_PATH_SYNTAX_BAD,
    "a//b": Status.STATUS_OBJECT_PATH_SYNTAX_BAD,
    "a\0b": Status.STATUS_OBJECT_NAME_INVALID,
    "x" * 256: Status.STATUS_NAME_TOO_LONG,
    "é" * 128: Status.STATUS_NAME_TOO_LONG,
    "/".join(["x" * 255] * 17): Status.STATUS_NAME_TOO_LONG,
    "x" * 1_000_000: Status.STATUS_NAME_TOO_LONG,
    "out/passwd": Status.STATUS_ACCESS_DENIED,
    "relative/passwd": Status.STATUS_ACCESS_DENIED,
    "round": Status.STATUS_ACCESS_DENIED,
    "pipe": Status.STATUS_ACCESS_DENIED,
}


@attacked
async def test_no_path_leads_out_of_the_share(at, house):
    async with connected(at) as (client, tree):
        for path, expected in PATHS.items():
            for request in opening(tree, path):
                with trio.fail_after(5), pytest.raises(Refused) as refused:
                    await client.link.request(request)
                assert (path[:40], expected) == (path[:40], refused.value.status)


def opening(tree, path):
    """To read, to overwrite, to make; a FIFO may be asked about."""
    access, everybody = f.FILE_READ_DATA | f.FILE_WRITE_DATA, f.SHARE_ALL
    yield m.Create(tree, path, f.FILE_READ_DATA, everybody, f.FILE_OPEN)
    yield m.Create(tree, path, access, everybody, f.FILE_OVERWRITE_IF)
    if path != "pipe":
        yield m.QueryInfo(tree, path)


@attacked
async def test_a_handle_of_another_session_is_none(at):
    async with connected(at) as (mine, tree), connected(at) as (theirs, other_tree):
        create = m.Create(other_tree, "a", f.FILE_READ_DATA, f.SHARE_ALL, f.FILE_OPEN)
        handle = (await theirs.ask(create, m.Created)).handle
        for stolen, expected in (
            (m.Read(other_tree, handle, 0, 4), Status.STATUS_NETWORK_NAME_DELETED),
            (m.Read(tree, handle, 0, 4), Status.STATUS_INVALID_HANDLE),
            (m.Close(other_tree, handle), Status.STATUS_NETWORK_NAME_DELETED),
            (m.Close(tree, handle), Status.STATUS_INVALID_HANDLE),
            (m.QueryInfo(tree, handle), Status.STATUS_INVALID_HANDLE),
            (m.QueryInfo(other_tree, "a"), Status.STATUS_NETWORK_NAME_DELETED),
        ):
            with pytest.raises(Refused) as refused:
                await mine.link.request(stolen)
            assert (stolen, expected) == (stolen, refused.value.status)

        assert b"text" == (await theirs.ask(m.Read(other_tree, handle, 0, 4), m.DataRead)).data
