"""`redlab proxy`."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import click
import trio

from clients.faults.applied import TooMany
from clients.faults.proxy.api import Api
from clients.faults.proxy.proxies import Proxies, Taken, proxies
from clients.faults.toxics import ToxicError, parse
from clients.lab import ending
from clients.lab.faulting.journal import Journal
from redird.wire.address import AddressError, bound_address, listen
from redird.wire.address import parse as parse_address
from redird.wire.process import fail, output

PROGRAM = "redlab"
ENTRIES_MAX = 10_000_000


@click.command("proxy")
@click.option("--listen", "listen_at", metavar="ADDRESS", default="tcp:127.0.0.1:0",
              show_default=True, help="where to be dialled")  # fmt: skip
@click.option("--upstream", metavar="ADDRESS", help="where it leads: tcp:HOST:PORT, unix:/PATH")
@click.option("--name", default="proxy", show_default=True, help="of the wire")
@click.option("--toxic", "toxics", metavar="JSON", multiple=True,
              help='as in Toxiproxy: {"type":"latency","attributes":{"jitter":9}}')  # fmt: skip
@click.option("--api", "api_at", metavar="ADDRESS", default="",
              help="serve Toxiproxy's HTTP API there, usually tcp:127.0.0.1:8474")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--journal", type=click.Path(path_type=Path), help="what was done to which frame")
@click.option("--json", "as_object", is_flag=True, help="say where it listens as JSON")
def proxy_command(as_object: bool, journal: Path | None, **given: Any) -> None:
    """Carry streams from one place to another, through toxics.

    \b
    It understands the daemons' frames, and passes everything else as bytes. Toxics have
    Toxiproxy's names; drop, duplicate, delay, reorder, corrupt and hold touch single
    messages: {"type":"drop","stream":"upstream","attributes":{"message":"Logoff","nth":2}}
    """
    if not given["upstream"] and not given["api_at"]:
        fail(PROGRAM, "proxy: give --upstream, or --api to be told")
    try:
        with Journal(journal or Path("/dev/null"), ENTRIES_MAX if journal else 0) as kept:
            ending.run(partial(_serve, given, kept, as_object))
    except (AddressError, ToxicError, TooMany, Taken) as error:
        fail(PROGRAM, error)
    except OSError as error:
        fail(PROGRAM, f"{error.filename or journal}: {(error.strerror or str(error)).lower()}")


async def _serve(given: dict[str, Any], journal: Journal, as_object: bool) -> None:
    async with proxies(given["seed"], journal.note) as there, trio.open_nursery() as nursery:
        said: dict[str, Any] = {"ready": True, "program": "proxy"}
        if given["upstream"]:
            one = await there.add(given["name"], given["listen_at"], given["upstream"], True)
            for text in given["toxics"]:
                there.put(one, parse(_toxic(text)))
            said["listening"] = [one.listen]
        if given["api_at"]:
            said["api"] = await _serve_api(there, given["api_at"], nursery)
        _announce(said, as_object)
        await trio.sleep_forever()


def _toxic(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ToxicError(f"--toxic {text}: not JSON: {error}") from None


async def _serve_api(there: Proxies, at: str, nursery: trio.Nursery) -> str:
    try:
        from clients.faults.proxy.http import Reply, serve_http
    except ImportError:
        fail(PROGRAM, "--api needs the package h11: install redird[lab]")
    api = Api(there)

    async def answer(method: str, path: str, body: bytes) -> Reply:
        found = await api.answer(method, path, body)
        return found.status, *found.encoded()

    async def serve(stream: trio.SocketStream) -> None:
        await serve_http(stream, answer)

    listeners = await listen(parse_address(at))
    nursery.start_soon(trio.serve_listeners, serve, listeners)
    return str(bound_address(listeners[0]))


def _announce(said: dict[str, Any], as_object: bool) -> None:
    if as_object:
        output(PROGRAM, json.dumps(said))
        return
    places = [*said.get("listening", ()), *([f"API at {said['api']}"] if "api" in said else [])]
    output(PROGRAM, f"proxy listens on {' and '.join(places)}")
