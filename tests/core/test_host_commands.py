"""What a command in words is on a host."""

import pytest

from deploy.hosts.commands import arguments, script
from deploy.hosts.host import Host, HostError
from deploy.hosts.running import reach


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python3 -c pass", "/py -c pass"),
        ("python3.11 x.py", "/py x.py"),
        ("redird serve --json", "/py -m redird serve --json"),
        ("redclient", "/py -m clients"),
        ("redlab swarm", "/py -m clients.lab swarm"),
        ("shareserver serve", "/py -m shareserver serve"),
        ("some/script.py -v", "/py some/script.py -v"),
        ("busybox sh", "busybox sh"),
    ],
)
def test_a_command_is_python_or_one_of_ours_or_a_script_or_another(command, expected):
    assert expected.split() == arguments("/py", command.split())


def test_no_command_is_refused():
    with pytest.raises(HostError, match="no command"):
        arguments("/py", [])


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("a.py -v", "a.py"),
        ("python3 a/b.py c.py", "a/b.py"),
        ("python3 -u -Bs a.py", "a.py"),
        ("python3 -m x c.py", None),
        ("python3 -Bc pass c.py", None),
        ("python3", None),
        ("busybox cat a.py", None),
    ],
)
def test_a_script_of_ours_is_known(command, expected):
    assert expected == script(command.split())


@pytest.mark.parametrize(
    ("mode", "address", "expected"),
    [
        ("user", "tcp:127.0.0.1:4450", "tcp:127.0.0.1:4450"),
        ("user", "unix:/run/x", "unix:/run/x"),
        ("system", "tcp:127.0.0.1:4450", "tcp:10.0.2.2:4450"),
        ("system", "tcp:localhost:1", "tcp:10.0.2.2:1"),
        ("system", "tcp:[::1]:1", "tcp:10.0.2.2:1"),
        ("system", "tcp:192.0.2.7:4450", "tcp:192.0.2.7:4450"),
    ],
)
def test_the_loopback_of_this_machine_has_another_address_in_a_whole_one(
    mode, address, expected
):
    assert expected == reach(Host("alpha", mode), address)


def test_a_unix_socket_cannot_be_reached_from_a_whole_machine():
    with pytest.raises(HostError, match="alpha-system is a machine of its own"):
        reach(Host("alpha", "system"), "unix:/run/x")
