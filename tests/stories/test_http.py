"""The small HTTP server, over streams in memory."""

import pytest
import trio
from trio.testing import memory_stream_pair

from clients.faults.proxy.http import BODY_BYTES_MAX, REQUEST_MAX_S, serve_http

LONG = bytes(2_000_000)


async def answers(said: bytes, *, closes: bool = True) -> tuple[bytes, list]:
    """What is answered to these bytes, and what the API was asked."""
    asked = []

    async def serve(method, path, body):
        asked.append((method, path, body))
        return 200, "text/plain", b"well"

    ours, theirs = memory_stream_pair()
    heard = b""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_http, theirs, serve)
        await ours.send_all(said)
        if closes:
            await ours.send_eof()
        while data := await ours.receive_some():
            heard += data
    return heard, asked


async def test_requests_follow_each_other_on_one_connection(autojump_clock):
    one = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
    two = b"GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    heard, asked = await answers(one + two, closes=False)

    assert [("POST", "/a", b"hi"), ("GET", "/b", b"")] == asked
    assert 2 == heard.count(b"HTTP/1.1 200") == heard.count(b"\r\n\r\nwell")


async def test_a_body_in_chunks_is_one_body(autojump_clock):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    _, asked = await answers(head + b"2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n")

    assert [("POST", "/", b"hi!")] == asked


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /" + b"x" * 60_000 + b" HTTP/1.1\r\n\r\n", b"431"),
        (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n" + LONG, b"413"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: Mozilla/5.0\r\n\r\n", b"403"),
    ],
)
async def test_what_is_no_request_for_us_is_refused(said, status, autojump_clock):
    heard, asked = await answers(said)

    assert BODY_BYTES_MAX < len(LONG)
    assert (b"HTTP/1.1 " + status, []) == (heard[:12], asked)


async def test_a_request_that_does_not_end_is_not_waited_for(autojump_clock):
    began = trio.current_time()
    heard, asked = await answers(b"GET / HT", closes=False)

    assert b"" == heard
    assert [] == asked
    assert pytest.approx(REQUEST_MAX_S) == trio.current_time() - began
