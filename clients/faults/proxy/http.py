"""The smallest HTTP server that serves an API: h11 over trio, everything bounded.

A browser is refused, as by Toxiproxy: no page may drive what listens on the loopback.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import h11
import trio

BODY_BYTES_MAX = 1024 * 1024
HEADER_BYTES_MAX = 16 * 1024
REQUEST_MAX_S = 30.0  # for a request to come in, and for an idle connection
READ_BYTES = 16 * 1024
GONE = (trio.BrokenResourceError, trio.ClosedResourceError)
Reply = tuple[int, str, bytes]  # status, type and body
Serve = Callable[[str, str, bytes], Awaitable[Reply]]


async def serve_http(stream: trio.abc.Stream, serve: Serve) -> None:
    """Serve one connection until it ends."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADER_BYTES_MAX)
    with suppress(*GONE), trio.move_on_after(REQUEST_MAX_S) as limit:
        while await _serve_one(connection, stream, serve):
            limit.deadline = trio.current_time() + REQUEST_MAX_S
            connection.start_next_cycle()
    await trio.aclose_forcefully(stream)


async def _serve_one(connection: h11.Connection, stream: trio.abc.Stream, serve: Serve) -> bool:
    """Serve one request; returns whether another one may follow."""
    try:
        request, body = await _receive(connection, stream)
    except h11.RemoteProtocolError as error:
        if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            code = error.error_status_hint or 400
            await _send(connection, stream, (code, "text/plain", f"{error}\n".encode()))
        return False
    if request is None:
        return False
    if _is_browser(request):
        reply: Reply = (403, "text/plain", b"User agent not allowed\n")
    elif body is None:
        reply = (413, "text/plain", b"the body is too long\n")
    else:
        reply = await serve(request.method.decode(), request.target.decode(), body)
    await _send(connection, stream, reply)
    return connection.our_state is h11.DONE and connection.their_state is h11.DONE


async def _receive(
    connection: h11.Connection, stream: trio.abc.Stream
) -> tuple[h11.Request | None, bytes | None]:
    """One request and its body, None if that is too long; no request if the peer left."""
    request, body, size = None, b"", 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                await stream.send_all(connection.send(go_on) or b"")
            connection.receive_data(bytes(await stream.receive_some(READ_BYTES)))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            size += len(event.data)
            body = body + event.data if size <= BODY_BYTES_MAX else b""
        else:  # the end of the message, or of the connection
            return request, body if size <= BODY_BYTES_MAX else None


def _is_browser(request: h11.Request) -> bool:
    agents = [value for name, value in request.headers if name == b"user-agent"]
    return any(agent.startswith(b"Mozilla/") for agent in agents)


async def _send(connection: h11.Connection, stream: trio.abc.Stream, reply: Reply) -> None:
    status, kind, body = reply
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    if status == 204:
        headers, body = [], b""
    response = h11.Response(status_code=status, headers=headers)
    events: list[h11.Event] = [response, h11.EndOfMessage()]
    if body:
        events.insert(1, h11.Data(data=body))
    await stream.send_all(b"".join(connection.send(event) or b"" for event in events))
