"""`redlab proxy`: a process that carries streams, driven as Toxiproxy is."""

import json
import socket
import subprocess
import threading
import time
from contextlib import suppress
from http.client import HTTPConnection

import pytest

from deploy.local import python_module
from tests.processes.daemons import command, sigterm

SLOW = {"name": "slow", "type": "latency", "stream": "upstream", "toxicity": 1.0,
        "attributes": {"latency": 400, "jitter": 0}}  # fmt: skip


def start(*args):
    words = python_module("clients.lab", "proxy", "--json", *args)
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


@pytest.fixture(scope="module")
def api():
    """Ask the API of one proxy program: method, path and body give status and answer."""
    process, said = start("--api", "tcp:127.0.0.1:0")
    port = int(said["api"].rpartition(":")[2])

    def ask(method, path, body=None, **headers):
        http = HTTPConnection("127.0.0.1", port, timeout=10)
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
        http.request(method, path, data, headers)
        reply = http.getresponse()
        text = reply.read().decode()
        http.close()
        json_type = reply.getheader("Content-Type", "").startswith("application/json")
        return reply.status, json.loads(text) if json_type and text else text

    yield ask
    assert 128 + 15 == sigterm(process)
    assert process.stdout is not None
    process.stdout.close()


@pytest.fixture
def echo():
    """The port of something that says back what it hears."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            with caller, suppress(OSError):  # a proxy may reset it
                while data := caller.recv(1000):
                    caller.sendall(data)

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


def said_back(listen: str) -> tuple[bytes, float]:
    host, _, port = listen.rpartition(":")
    began = time.monotonic()
    with socket.create_connection((host, int(port)), 5) as stream:
        stream.sendall(b"hello")
        return stream.recv(100), time.monotonic() - began


def test_a_proxy_comes_changes_and_goes(api, echo):
    asked = {"name": "one", "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{echo}"}
    status, one = api("POST", "/proxies", asked)
    assert (201, True, []) == (status, one["enabled"], one["toxics"])
    assert b"hello" == said_back(one["listen"])[0]
    assert (200, {"one": one}) == api("GET", "/proxies")
    assert (200, one) == api("GET", "/proxies/one")

    assert (200, {**one, "enabled": False}) == api("POST", "/proxies/one", {"enabled": False})
    with pytest.raises(ConnectionRefusedError):
        said_back(one["listen"])
    assert (200, one) == api("PATCH", "/proxies/one", {"enabled": True})
    assert b"hello" == said_back(one["listen"])[0]

    assert (204, "") == api("DELETE", "/proxies/one")
    assert (404, {"error": "proxy not found", "status": 404}) == api("GET", "/proxies/one")


def test_a_toxic_works_is_changed_and_goes(api, echo):
    asked = {"name": "two", "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{echo}"}
    _, two = api("POST", "/proxies", asked)
    assert (200, SLOW) == api("POST", "/proxies/two/toxics", SLOW)
    assert 0.4 <= said_back(two["listen"])[1]
    assert (200, [SLOW]) == api("GET", "/proxies/two/toxics")
    assert (200, SLOW) == api("GET", "/proxies/two/toxics/slow")

    changed = {**SLOW, "attributes": {"latency": 1, "jitter": 0}}
    path = "/proxies/two/toxics/slow"
    assert (200, changed) == api("POST", path, {"attributes": {"latency": 1}})
    assert said_back(two["listen"])[1] < 0.4
    assert (204, "") == api("DELETE", path)
    assert (404, {"error": "toxic not found", "status": 404}) == api("GET", path)

    drop = {"type": "drop", "attributes": {"message": "Logoff", "nth": 2}}
    assert (200, "drop_downstream") == (
        (found := api("POST", "/proxies/two/toxics", drop))[0], found[1]["name"],
    )  # fmt: skip
    assert (409, "toxic already exists") == (
        (found := api("POST", "/proxies/two/toxics", drop))[0], found[1]["error"],
    )  # fmt: skip
    assert 'redlab_proxy_links{proxy="two"} 0' in api("GET", "/metrics")[1]
    assert (204, "") == api("POST", "/reset")
    assert (200, []) == api("GET", "/proxies/two/toxics")
    api("DELETE", "/proxies/two")


def test_populate_makes_and_keeps(api, echo):
    asked = {"name": "three", "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{echo}"}
    status, made = api("POST", "/populate", [asked, {**asked, "name": "four"}])
    again = api("POST", "/populate", made["proxies"])

    assert (201, ["three", "four"]) == (status, [one["name"] for one in made["proxies"]])
    assert (201, made) == again
    assert [204, 204] == [api("DELETE", f"/proxies/{name}")[0] for name in ("three", "four")]


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        (("POST", "/proxies", b"{"), 400, "bad request body"),
        (("POST", "/proxies", []), 400, "bad request body"),
        (("POST", "/proxies", {"upstream": "x:1"}), 400, "missing required field: name"),
        (("POST", "/proxies", {"name": "x"}), 400, "missing required field: upstream"),
        (("POST", "/proxies", {"name": "x", "upstream": "y"}), 500, "is not an address"),
        (("GET", "/nowhere"), 404, "404 page not found"),
        (("DELETE", "/proxies/none"), 404, "proxy not found"),
        (("POST", "/proxies/none/toxics", SLOW), 404, "proxy not found"),
        (("POST", "/proxies/kept", {"listen": "192.0.2.1:1"}), 500, "cannot listen on"),
        (("POST", "/proxies", {"name": "kept", "upstream": "y:1"}), 409, "already exists"),
        (("POST", "/proxies/kept/toxics", {"type": "odd"}), 400, "invalid toxic type"),
        (("POST", "/proxies/kept/toxics", {"type": "latency", "stream": "in"}), 400,
         "stream was invalid, can be either upstream or downstream"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told_in_toxiproxys_words(api, asked, status, words):
    api("POST", "/proxies", {"name": "kept", "upstream": "127.0.0.1:9"})
    found = api(*asked)

    assert status == found[0] == found[1]["status"]
    assert words in found[1]["error"]


def test_its_version_is_told_and_a_browser_is_not_served(api):
    assert (200, {"version"}) == ((found := api("GET", "/version"))[0], set(found[1]))
    browser = {"User-Agent": "Mozilla/5.0"}

    assert (403, "User agent not allowed\n") == api("GET", "/proxies", **browser)


def test_a_proxy_of_a_command_line_writes_down_what_it_did(tmp_path, echo):
    toxic = json.dumps({"type": "limit_data", "stream": "upstream", "attributes": {"bytes": 3}})
    journal = tmp_path / "journal"
    process, said = start("--upstream", f"tcp:127.0.0.1:{echo}", "--toxic", toxic,
                          "--journal", str(journal), "--name", "mine")  # fmt: skip
    heard, _ = said_back(said["listening"][0].removeprefix("tcp:"))
    assert 128 + 15 == sigterm(process)
    assert process.stdout is not None
    process.stdout.close()
    entries = [json.loads(line) for line in journal.read_text().splitlines()]

    assert heard in (b"", b"hel")
    assert [("mine", 0, "limit_data")] == [
        (one["wire"], one["link"], one["type"]) for one in entries
    ]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "give --upstream, or --api"),
        (("--upstream", "nowhere"), "'nowhere' is not an address"),
        (("--upstream", "unix:/x", "--toxic", "{"), "--toxic {: not JSON"),
        (("--upstream", "unix:/x", "--toxic", "{}"), "type: None is none of latency"),
        (("--upstream", "unix:/x", "--journal", "/dev/null/x"), "/dev/null/x: not a directory"),
    ],
)
def test_what_cannot_be_carried_is_told_in_a_line(args, said):
    ended = command("clients.lab", "proxy", *args)

    assert (1, b"") == (ended.status, ended.stdout)
    assert said in ended.err
    assert 1 == len(ended.err.splitlines())
