"""Toxiproxy's HTTP API over our proxies: what is asked, and what is answered.

Paths, bodies, status codes and the words of errors are those of Toxiproxy 2, so that its
clients drive this. Beyond it there are our types of toxics, which it would refuse.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from clients.faults.applied import TooMany
from clients.faults.proxy.proxies import Named, NoSuchProxy, Proxies, Taken
from clients.faults.toxics import TYPES, Toxic, ToxicError, parse
from redird.wire.address import AddressError

VERSION = "2.12.0"  # of the API
Handler = Callable[[tuple[str, ...], bytes], Awaitable["Answer"]]
TOXIC_FIELDS = ("toxicity", "attributes")


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, and a body that is JSON unless it is text."""

    status: int
    body: Any = None

    def encoded(self) -> tuple[str, bytes]:
        """The body's type and its bytes."""
        if isinstance(self.body, str):
            return "text/plain;charset=utf-8", self.body.encode()
        text = "" if self.body is None else json.dumps(self.body)
        return "application/json", text.encode()


class Wrong(Exception):
    """What is asked cannot be done: the status and the words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Api:
    """Answers requests about some proxies."""

    def __init__(self, proxies: Proxies) -> None:
        self._proxies = proxies

    async def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Do what one request asks for."""
        parts = tuple(part for part in path.partition("?")[0].split("/") if part)
        handler = self._handler(method, parts)
        try:
            if handler is None:
                raise Wrong(404, "404 page not found")
            return await handler(parts, body)
        except Wrong as wrong:
            return _error(wrong.status, str(wrong))
        except NoSuchProxy:
            return _error(404, "proxy not found")
        except Taken:
            return _error(409, "proxy already exists")
        except TooMany as many:
            return _error(409, str(many))
        except AddressError as error:
            return _error(500, str(error))

    def _handler(self, method: str, parts: tuple[str, ...]) -> Handler | None:
        method = "POST" if method == "PATCH" else method
        if parts[:1] != ("proxies",):
            whole: dict[tuple[str, str], Handler] = {
                ("GET", "version"): self._version,
                ("GET", "metrics"): self._metrics,
                ("POST", "reset"): self._reset,
                ("POST", "populate"): self._populate,
            }
            return whole.get((method, "/".join(parts)))
        if len(parts) >= 3 and parts[2] != "toxics":
            return None
        of_proxies: dict[tuple[str, int], Handler] = {
            ("GET", 1): self._list,
            ("POST", 1): self._create,
            ("GET", 2): self._show,
            ("POST", 2): self._update,
            ("DELETE", 2): self._delete,
            ("GET", 3): self._toxics,
            ("POST", 3): self._add_toxic,
            ("GET", 4): self._toxic,
            ("POST", 4): self._change_toxic,
            ("DELETE", 4): self._remove_toxic,
        }
        return of_proxies.get((method, len(parts)))

    # --- the whole ---

    async def _version(self, parts: tuple[str, ...], body: bytes) -> Answer:
        return Answer(200, {"version": VERSION})

    async def _metrics(self, parts: tuple[str, ...], body: bytes) -> Answer:
        """How many links there are, and what each toxic has touched, for Prometheus."""
        lines = ["# TYPE redlab_proxy_links gauge"]
        lines += [
            f'redlab_proxy_links{{proxy="{one.name}"}} {one.proxy.links}'
            for one in self._proxies
        ]
        lines.append("# TYPE redlab_toxic_touched counter")
        lines += [
            f'redlab_toxic_touched{{proxy="{one.name}",toxic="{toxic.name}"}}'
            f" {one.proxy.changed(toxic)}"
            for one in self._proxies
            for toxic in one.toxics.values()
        ]
        return Answer(200, "\n".join(lines) + "\n")

    async def _reset(self, parts: tuple[str, ...], body: bytes) -> Answer:
        await self._proxies.reset()
        return Answer(204)

    async def _populate(self, parts: tuple[str, ...], body: bytes) -> Answer:
        """Have exactly these, leaving alone those that are so already."""
        asked = _json(body)
        if not isinstance(asked, list):
            raise Wrong(400, "bad request body: an array of proxies is wanted")
        wanted = [_proxy_fields(one) for one in asked]
        made = [await self._populated(*one) for one in wanted]
        return Answer(201, {"proxies": [_proxy(one) for one in made]})

    async def _populated(self, name: str, listen: str, upstream: str, enabled: bool) -> Named:
        there = next((one for one in self._proxies if one.name == name), None)
        if there is None:
            return await self._proxies.add(name, listen, upstream, enabled)
        await self._proxies.change(there, listen, upstream, enabled)
        return there

    # --- proxies ---

    async def _list(self, parts: tuple[str, ...], body: bytes) -> Answer:
        return Answer(200, {one.name: _proxy(one) for one in self._proxies})

    async def _create(self, parts: tuple[str, ...], body: bytes) -> Answer:
        return Answer(201, _proxy(await self._proxies.add(*_proxy_fields(_json(body)))))

    async def _show(self, parts: tuple[str, ...], body: bytes) -> Answer:
        return Answer(200, _proxy(self._proxies.get(parts[1])))

    async def _update(self, parts: tuple[str, ...], body: bytes) -> Answer:
        one = self._proxies.get(parts[1])
        now = {"listen": one.listen, "upstream": one.upstream, "enabled": one.enabled}
        asked = {**now, **_object(body), "name": one.name}
        _, listen, upstream, enabled = _proxy_fields(asked)
        await self._proxies.change(one, listen, upstream, enabled)
        return Answer(200, _proxy(one))

    async def _delete(self, parts: tuple[str, ...], body: bytes) -> Answer:
        await self._proxies.remove(self._proxies.get(parts[1]))
        return Answer(204)

    # --- toxics ---

    async def _toxics(self, parts: tuple[str, ...], body: bytes) -> Answer:
        return Answer(200, [_toxic(one) for one in self._proxies.get(parts[1]).toxics.values()])

    async def _add_toxic(self, parts: tuple[str, ...], body: bytes) -> Answer:
        one, toxic = self._proxies.get(parts[1]), _parsed(_object(body))
        if toxic.name in one.toxics:
            raise Wrong(409, "toxic already exists")
        self._proxies.put(one, toxic)
        return Answer(200, _toxic(toxic))

    async def _toxic(self, parts: tuple[str, ...], body: bytes) -> Answer:
        return Answer(200, _toxic(self._find(parts)[1]))

    async def _change_toxic(self, parts: tuple[str, ...], body: bytes) -> Answer:
        one, toxic = self._find(parts)
        asked = {key: value for key, value in _object(body).items() if key in TOXIC_FIELDS}
        now = _toxic(toxic)
        if isinstance(asked.get("attributes"), dict):
            asked["attributes"] = {**now["attributes"], **asked["attributes"]}
        changed = _parsed({**now, **asked})
        self._proxies.put(one, changed)
        return Answer(200, _toxic(changed))

    async def _remove_toxic(self, parts: tuple[str, ...], body: bytes) -> Answer:
        one, toxic = self._find(parts)
        self._proxies.take(one, toxic.name)
        return Answer(204)

    def _find(self, parts: tuple[str, ...]) -> tuple[Named, Toxic]:
        one = self._proxies.get(parts[1])
        if parts[3] not in one.toxics:
            raise Wrong(404, "toxic not found")
        return one, one.toxics[parts[3]]


def _error(status: int, words: str) -> Answer:
    return Answer(status, {"error": words, "status": status})


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Wrong(400, f"bad request body: {error}") from None


def _object(body: bytes) -> Mapping[str, Any]:
    found = _json(body)
    if not isinstance(found, dict):
        raise Wrong(400, "bad request body: an object is wanted")
    return found


def _proxy_fields(asked: Any) -> tuple[str, str, str, bool]:
    """Name, listen, upstream and whether it is enabled; raises Wrong."""
    if not isinstance(asked, dict):
        raise Wrong(400, "bad request body: an object is wanted")
    for field in ("name", "upstream"):
        if not asked.get(field):
            raise Wrong(400, f"missing required field: {field}")
    texts = [asked["name"], asked.get("listen") or "127.0.0.1:0", asked["upstream"]]
    enabled = asked.get("enabled", True)
    if not all(isinstance(one, str) for one in texts) or not isinstance(enabled, bool):
        raise Wrong(400, "bad request body: texts are wanted, and enabled is true or false")
    return texts[0], texts[1], texts[2], enabled


def _parsed(asked: Mapping[str, Any]) -> Toxic:
    if asked.get("type") not in TYPES:
        raise Wrong(400, "invalid toxic type")
    try:
        return parse(asked)
    except ToxicError as error:
        if str(error).startswith("stream:"):
            words = "stream was invalid, can be either upstream or downstream"
            raise Wrong(400, words) from None
        raise Wrong(400, f"bad request body: {error}") from None


def _proxy(one: Named) -> dict[str, Any]:
    return {
        "name": one.name,
        "listen": one.listen,
        "upstream": one.upstream,
        "enabled": one.enabled,
        "toxics": [_toxic(toxic) for toxic in one.toxics.values()],
    }


def _toxic(toxic: Toxic) -> dict[str, Any]:
    return {
        "attributes": dict(toxic.attributes),
        "name": toxic.name,
        "type": toxic.type,
        "stream": toxic.stream,
        "toxicity": toxic.toxicity,
    }
