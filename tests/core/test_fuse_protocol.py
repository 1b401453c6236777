"""The kernel's protocol without a kernel: no bytes can break it, each request is understood."""

import errno
import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redird.fuse import bodies, protocol, replies
from redird.fuse.kernel import MINOR, UNANSWERED, WANTED, Init, Opcode
from redird.fuse.protocol import Conversation
from redird.fuse.requests import LAYOUTS, Malformed, Request, parse
from redird.wire.messages import FileInfo, VolumeFound
from tests.core.fuse_packets import RECORDED

HEADER = struct.Struct("=IIQQIIIHxx")
REPLY = struct.Struct("=IiQ")
WITHOUT_DATA = sorted(opcode for opcode, one in LAYOUTS.items() if not one.data)
BIG_ENDIAN = sys.byteorder == "big"


def packet(opcode, body=b"", unique=7, node=1):
    return memoryview(HEADER.pack(40 + len(body), opcode, unique, node, 5, 6, 9, 0) + body)


def init(minor=45, flags=0xFFFF_FFFF, more=0):
    return packet(Opcode.INIT, struct.pack("=IIIII44x", 7, minor, 65536, flags, more))


def begun():
    talk = Conversation()
    assert talk.receive(init()) is None
    talk.take_outgoing()
    return talk


def errors(talk):
    return [-REPLY.unpack(b"".join(one)[:16])[1] for one in talk.take_outgoing()]


# --- anything may come ------------------------------------------------------------------------


@given(st.binary(max_size=400))
def test_no_bytes_break_the_conversation(data):
    talk = begun()
    request = talk.receive(memoryview(data))

    assert request is None or isinstance(request, Request)


@given(st.sampled_from(sorted([*LAYOUTS, 53, 999])), st.binary(max_size=200))
def test_a_packet_is_understood_or_answered_unless_nobody_waits(opcode, body):
    talk = begun()
    request = talk.receive(packet(opcode, body))

    answered = len(talk.take_outgoing())
    waited_for = opcode not in UNANSWERED
    assert answered == (1 if request is None and waited_for else 0)


@given(st.sampled_from(WITHOUT_DATA), st.data())
def test_every_request_gives_back_what_was_packed(opcode, data):
    layout = LAYOUTS[opcode]
    packed = data.draw(st.binary(min_size=layout.fields.size, max_size=layout.fields.size))
    names = [data.draw(st.binary(max_size=255).map(no_nul)) for _ in range(layout.names)]
    tail = b"".join(name + b"\0" for name in names)
    request = parse(packet(opcode, packed + tail, unique=3, node=4))

    expected = layout.make(*layout.fields.unpack(packed), *names)
    assert Request(opcode, 3, 4, 5, 6, 9, expected) == request


def no_nul(name):
    return name.replace(b"\0", b"_")


@given(st.binary(max_size=5000), st.integers(0, 2**40))
def test_a_write_carries_its_data(data, offset):
    fields = struct.pack("=QQIIQII", 3, offset, len(data), 0, 0, 0o2001, 0)
    body = parse(packet(Opcode.WRITE, fields + data)).body

    assert bodies.Write(3, offset, len(data), 0, 0o2001, data) == body


@given(st.lists(st.tuples(st.integers(1, 2**60), st.integers(1, 2**60)), max_size=50))
def test_many_nodes_are_forgotten_at_once(nodes):
    data = struct.pack("=II", len(nodes), 0) + b"".join(
        struct.pack("=QQ", *one) for one in nodes
    )

    assert tuple(nodes) == parse(packet(Opcode.BATCH_FORGET, data)).body.nodes


def test_an_xattr_is_a_name_and_a_value_which_may_hold_nuls():
    data = struct.pack("=II", 3, 1) + b"user.k\0a\0b"

    assert bodies.SetXattr(1, b"user.k", b"a\0b") == parse(packet(Opcode.SETXATTR, data)).body


@pytest.mark.parametrize(
    "wrong",
    [
        packet(Opcode.LOOKUP, b"no end"),
        packet(Opcode.GETATTR, b"short"),
        packet(Opcode.WRITE, struct.pack("=QQIIQII", 3, 0, 9, 0, 0, 0, 0) + b"eight..."),
        packet(Opcode.WRITE, struct.pack("=QqIIQII", 3, -1, 0, 0, 0, 0, 0)),
        packet(Opcode.SETXATTR, struct.pack("=II", 9, 1) + b"user.k\0a"),
        memoryview(HEADER.pack(99, Opcode.STATFS, 7, 1, 0, 0, 0, 0)),
    ],
)
def test_what_is_malformed_is_an_input_output_error(wrong):
    talk = begun()

    assert talk.receive(wrong) is None
    assert [errno.EIO] == errors(talk)


def test_what_is_unknown_is_not_served():
    talk = begun()
    for opcode in (37, 39, 40, 51, 53, 2**31):
        assert talk.receive(packet(opcode)) is None

    assert {errno.ENOSYS} == set(errors(talk))


def test_a_malformed_forget_has_no_answer():
    with pytest.raises(Malformed):
        parse(packet(Opcode.FORGET, b"x"))
    talk = begun()
    talk.receive(packet(Opcode.FORGET, b"x"))

    assert [] == talk.take_outgoing()


# --- what a kernel really sent ----------------------------------------------------------------


@pytest.mark.skipif(BIG_ENDIAN, reason="recorded on a little-endian host")
@pytest.mark.parametrize("opcode", sorted(set(RECORDED) & set(LAYOUTS)))
def test_a_recorded_request_is_understood(opcode):
    request = parse(memoryview(bytes.fromhex(RECORDED[opcode])))

    assert opcode == request.opcode
    assert request.opcode in (Opcode.INIT, *UNANSWERED) or request.unique


@pytest.mark.skipif(BIG_ENDIAN, reason="recorded on a little-endian host")
@pytest.mark.parametrize(
    ("opcode", "expected"),
    [
        (Opcode.WRITE, {"size": 5, "data": b"hello", "offset": 0}),
        (Opcode.SYMLINK, {"name": b"s", "target": b"a"}),
        (Opcode.RENAME, {"flags": 0, "name": b"b", "target": b"c", "folder": 1}),
        (Opcode.RENAME2, {"flags": 1, "name": b"c", "target": b"e", "folder": 1}),
        (Opcode.SETXATTR, {"name": b"user.k", "value": b"v", "flags": 0}),
        (Opcode.MKNOD, {"name": b"n", "mode": 0o100644}),
        (Opcode.COPY_FILE_RANGE, {"length": 3, "offset": 5, "target_offset": 0}),
        (Opcode.LSEEK, {"whence": 4, "offset": 0}),
        (Opcode.FALLOCATE, {"length": 10, "offset": 0, "mode": 0}),
    ],
)
def test_the_fields_are_where_the_kernel_puts_them(opcode, expected):
    body = parse(memoryview(bytes.fromhex(RECORDED[opcode]))).body

    assert expected == {name: getattr(body, name) for name in expected}


# --- beginning --------------------------------------------------------------------------------


def test_both_do_what_both_can():
    talk = Conversation(Init.EXPLICIT_INVAL_DATA)
    talk.receive(init())
    ((head, body),) = talk.take_outgoing()

    assert (16 + 64, 0, 7) == REPLY.unpack(head)
    fields = struct.unpack("=IIIIHHIIHHI28x", body)
    assert (7, MINOR, 65536, WANTED | Init.EXPLICIT_INVAL_DATA) == fields[:4]
    assert (1 << 20, 1) == fields[6:8]


@pytest.mark.parametrize("page_bytes", [4096, 8192, 65536])
def test_the_kernel_fills_no_more_pages_than_one_request_may_have(monkeypatch, page_bytes):
    monkeypatch.setattr(protocol, "PAGE_BYTES", page_bytes)  # Alpha's are 8 KiB
    talk = Conversation()
    talk.receive(init())
    ((_, body),) = talk.take_outgoing()

    assert 1 << 20 == struct.unpack("=IIIIHHIIHHI28x", body)[8] * page_bytes


def test_nothing_is_agreed_that_the_kernel_cannot_do():
    talk = Conversation()
    talk.receive(init(flags=Init.ASYNC_READ | Init.BIG_WRITES, more=0xFFFF_FFFF))

    assert talk.agreement is not None
    assert Init.ASYNC_READ | Init.BIG_WRITES == talk.agreement.flags


@pytest.mark.parametrize(("minor", "has"), [(31, False), (43, False), (44, True), (45, True)])
def test_all_names_are_forgotten_at_once_by_kernels_that_can(minor, has):
    talk = Conversation()
    assert not talk.has_epochs
    talk.receive(init(minor=minor))

    assert has is talk.has_epochs


def test_an_old_kernel_is_refused_in_words():
    talk = Conversation()
    talk.receive(init(minor=12))

    assert [errno.EPROTO] == errors(talk)
    assert "7.12" in (talk.why_not or "")


def test_a_newer_major_version_is_asked_to_speak_ours():
    talk = Conversation()
    talk.receive(packet(Opcode.INIT, struct.pack("=IIIII44x", 8, 0, 0, 0, 0)))
    ((_, body),) = talk.take_outgoing()

    assert (7, MINOR) == struct.unpack("=II", body[:8])
    assert talk.agreement is None


def test_before_init_nothing_is_served():
    talk = Conversation()

    assert talk.receive(packet(Opcode.STATFS)) is None
    assert [errno.EIO] == errors(talk)


# --- what we say ------------------------------------------------------------------------------

INFO = FileInfo(12, "file", 1025, 2, 0o4755, 5_000_000_006, -1, 7)


def test_attributes_are_in_the_kernels_places():
    packed = replies.attributes(INFO, replies.Owner(3, 4))

    assert 88 == len(packed)
    ino, size, blocks, atime, mtime, ctime, *rest = struct.unpack("=QQQqqqIIIIIIIIII", packed)
    assert (12, 1025, 3, -1, 5, 0) == (ino, size, blocks, atime, mtime, ctime)
    assert [999_999_999, 6, 7, 0o104755, 2, 3, 4] == rest[:7]


def test_an_entry_says_for_how_long_it_is_valid():
    packed = replies.entry(9, 1.5, float("inf"), bytes(88))

    assert 128 == len(packed)
    assert (9, 1, 1, 10**9, 500_000_000, 0) == struct.unpack("=QQQQII", packed[:40])


@given(st.lists(st.binary(min_size=1, max_size=255), max_size=20), st.booleans())
def test_a_listing_is_aligned_and_as_long_as_was_reckoned(names, plus):
    lines = [replies.Listed(at, 5, 0o100000, name) for at, name in enumerate(names, 1)]
    packed = replies.listing(lines, plus=plus)

    assert len(packed) == sum(replies.line_bytes(name, plus=plus) for name in names)
    found, at = [], 0
    while at < len(packed):
        at += 128 if plus else 0
        _, after, length, kind = struct.unpack_from("=QQII", packed, at)
        found.append((after, bytes(packed[at + 24 : at + 24 + length]), kind))
        at += 24 + length + -length % 8
    assert found == [(line.after, line.name, 8) for line in lines]


def test_the_other_answers_have_the_kernels_sizes():
    assert 80 == len(replies.volume(VolumeFound(2**40, 2**39, 5, 4, 255)))
    assert 16 == len(replies.opened(3, 1))
    assert 24 == len(replies.lock(0, 1, 2))
    assert 104 == len(replies.attributes_found(0, bytes(88)))
    assert 128 == len(replies.no_entry(1.0))


def test_notices_carry_their_code_where_an_error_would_be():
    assert (40, 2, 0) == REPLY.unpack(replies.forget_data(5)[:16])
    assert (16 + 16 + 5, 3, 0) == REPLY.unpack(replies.forget_name(5, b"name")[:16])
    assert (16, 8, 0) == REPLY.unpack(replies.forget_names())
    assert (16 + 24 + 5, 6, 0) == REPLY.unpack(replies.name_deleted(5, 6, b"name")[:16])
    assert (5, -1, 0) == struct.unpack("=Qqq", replies.forget_attributes(5)[16:])
