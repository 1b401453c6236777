"""Configuration: what is wrong is refused, naming the file, the key and what would be right."""

from dataclasses import asdict, fields
from pathlib import Path

import pytest

from redird.config import Config as RedirectorConfig
from redird.config import preset_of
from redird.presets import PRESETS, Policy
from redird.wire.config import ConfigError, load
from redird.wire.files import LEASE_RH, LEASE_RWH
from shareserver.config import AccountConfig, ShareConfig
from shareserver.config import Config as ServerConfig

EXAMPLES = Path(__file__).parents[2] / "deploy" / "config"


@pytest.fixture
def written(tmp_path):
    """Writes a file and returns where it is."""

    def write(text):
        path = tmp_path / "some.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def complaint(act, *args):
    with pytest.raises(ConfigError) as caught:
        act(*args)
    return str(caught.value)


# --- files ------------------------------------------------------------------------------------


def test_an_empty_file_means_the_defaults(written):
    assert RedirectorConfig() == load(RedirectorConfig, written(""))
    assert ServerConfig() == load(ServerConfig, written(""))


def test_a_redirectors_file_is_read_whole(written):
    text = """
        listen = ["unix:/run/x", "tcp:127.0.0.1:0"]
        preset = "sp5"
        time_scale = 0.5
        link_per_session = true
        [policy]
        dormant_age_max_s = 12
        [servers]
        files = "tcp:127.0.0.1:4450"
    """
    expected = RedirectorConfig(
        listen=("unix:/run/x", "tcp:127.0.0.1:0"),
        preset="sp5",
        time_scale=0.5,
        link_per_session=True,
        policy={"dormant_age_max_s": 12},
        servers={"files": "tcp:127.0.0.1:4450"},
    )

    assert expected == load(RedirectorConfig, written(text))


def test_a_servers_file_is_read_whole(written):
    text = """
        admins = ["root"]
        recall_wait_s = 2
        [accounts.guest]
        guest = true
        [shares.docs]
        path = "/srv"
        uses_max = 10
        users = ["ann", "bob"]
    """
    expected = ServerConfig(
        admins=frozenset({"root"}),
        recall_wait_s=2.0,
        accounts={"guest": AccountConfig(guest=True)},
        shares={"docs": ShareConfig("/srv", 10, users=frozenset({"ann", "bob"}))},
    )
    config = load(ServerConfig, written(text))

    assert expected == config
    assert float is type(config.recall_wait_s)


REFUSED = {
    # one line of a redirector's file, and what is said about it
    "sesions_max = 1": "unknown key 'sesions_max'; did you mean 'sessions_max'?",
    "colour = 1": "unknown key 'colour'; known keys: listen, preset, policy,",
    "listen = 'tcp:x:1'": "listen: must be a list",
    "listen = [1]": "listen: must be a string, not 1",
    "preset = 6": "preset: must be a string, not 6",
    "policy = 'sp5'": "policy: must be a table",
    "servers = []": "servers: must be a table",
    "servers.files = 4450": "servers.files: must be a string, not 4450",
    "link_per_session = 1": "link_per_session: must be true or false, not 1",
    "link_per_session = 'no'": "link_per_session: must be true or false, not 'no'",
    "sessions_max = 1.0": "sessions_max: must be a whole number, not 1.0",
    "sessions_max = true": "sessions_max: must be a whole number, not True",
    "sessions_max = -1": "sessions_max: must not be negative, nor NaN: -1",
    "echo_s = '5'": "echo_s: must be a number, not '5'",
    "echo_s = false": "echo_s: must be a number, not False",
    "echo_s = -0.5": "echo_s: must not be negative, nor NaN: -0.5",
    "echo_s = nan": "echo_s: must not be negative, nor NaN: nan",
    "echo_s = 2026-01-01": "echo_s: must be a number, not datetime.date(2026, 1, 1)",
    "echo_s =": "not TOML: ",
    "echo_s = 1\necho_s = 2": "not TOML: ",
    b"preset = '\xff'": "not TOML: ",
}


@pytest.mark.parametrize(("text", "expected"), REFUSED.items())
def test_a_wrong_line_is_refused_by_file_key_and_what_would_be_right(written, text, expected):
    path = written(text)

    assert complaint(load, RedirectorConfig, path).startswith(f"{path}: {expected}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[shares.docs]", "shares.docs: 'path' is missing"),
        ("shares.docs = '/srv'", "shares.docs: must be a table"),
        ("[shares.docs]\npath = '/srv'\nuse_max = 1", "shares.docs: unknown key 'use_max'; "),
        ("[shares.docs]\npath = 1", "shares.docs: path: must be a string, not 1"),
        (
            "[shares.docs]\npath = '/srv'\nuses_max = -1",
            "shares.docs: uses_max: must not be negative, nor NaN: -1",
        ),
        ("[accounts.ann]\nguest = 1", "accounts.ann: guest: must be true or false, not 1"),
    ],
)
def test_a_wrong_line_in_a_table_is_refused_by_the_tables_name(written, text, expected):
    assert f": {expected}" in complaint(load, ServerConfig, written(text))


def test_one_of_two_tables_named_alike_does_not_win(written):
    text = "[shares.docs]\npath = '/a'\n[shares.docs]\npath = '/b'\n"

    assert "not TOML" in complaint(load, ServerConfig, written(text))


def test_a_file_that_is_not_there_or_no_file_is_refused(tmp_path, written):
    missing, below = tmp_path / "missing.toml", written("") / "below.toml"

    assert f"{missing}: there is no such file" == complaint(load, ServerConfig, missing)
    assert f"{tmp_path}: is a directory" == complaint(load, ServerConfig, tmp_path)
    assert f"{below}: not a directory" == complaint(load, ServerConfig, below)


# --- the examples that are shipped ------------------------------------------------------------


def test_the_examples_load():
    server = load(ServerConfig, EXAMPLES / "shareserver.toml")
    redirector = load(RedirectorConfig, EXAMPLES / "redird.toml")

    assert 10 == server.shares["docs"].uses_max
    assert {"guest": AccountConfig(guest=True)} == server.accounts
    assert "sp6" == redirector.preset
    assert 30 == preset_of(redirector).policy.dormant_age_max_s
    assert server.listen[0] == redirector.servers["files"]


def test_there_are_no_other_examples():
    assert ["redird.toml", "shareserver.toml", "swarm.toml"] == sorted(
        one.name for one in EXAMPLES.iterdir()
    )


# --- a redirector's policy --------------------------------------------------------------------


def with_policy(**values):
    return preset_of(RedirectorConfig(preset="sp5", policy=values)).policy


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_by_name_is_that_preset(name):
    assert PRESETS[name] == preset_of(RedirectorConfig(preset=name))


def test_a_preset_nobody_knows_is_refused_with_those_there_are():
    said = complaint(preset_of, RedirectorConfig(preset="sp7"))

    assert said.startswith("preset 'sp7': there are sp3, sp4, sp5, sp6,")


OVERRIDES = {
    "logoff": "purge",
    "dormant_age_max_s": 2.5,
    "dormant_files_max": 0,
    "park_on": ["RH", "RWH"],
    "scavenger_tick_s": 0,
    "batch_max": 4096,
    "release_left": "never",
    "keep_connection_s": 15,
    "disconnect_needs_no_references": True,
    "handles_shared": True,
    "slot_recall": True,
    "directory_leases": True,
}


@pytest.mark.parametrize(("key", "value"), OVERRIDES.items())
def test_a_single_value_of_a_preset_can_be_changed(key, value):
    told = frozenset({LEASE_RH, LEASE_RWH}) if key == "park_on" else value

    assert asdict(PRESETS["sp5"].policy) | {key: told} == asdict(with_policy(**{key: value}))


def test_every_value_of_a_policy_can_be_changed():
    assert list(OVERRIDES) == [one.name for one in fields(Policy)]


WRONG_VALUES = [
    ("dormant_age", 1, "unknown key 'dormant_age'; known keys: logoff, dormant_age_max_s,"),
    ("logoff", "leak", ".logoff: one of force, leave, purge, not 'leak'"),
    ("logoff", 1, ".logoff: one of force, leave, purge, not 1"),
    ("release_left", "soon", ".release_left: one of when_drained, after_keep_connection_s, n"),
    ("park_on", "RWH", '.park_on: a list of "RH" and "RWH", not \'RWH\''),
    ("park_on", [], '.park_on: a list of "RH" and "RWH", not []'),
    ("park_on", [["RH"]], '.park_on: a list of "RH" and "RWH", not [[\'RH\']]'),
    ("park_on", ["RW"], '.park_on: a list of "RH" and "RWH", not [\'RW\']'),
    ("handles_shared", 1, ".handles_shared: must be true or false, not 1"),
    ("slot_recall", "yes", ".slot_recall: must be true or false, not 'yes'"),
    ("dormant_age_max_s", -1, ".dormant_age_max_s: must be a number of at least 0, not -1"),
    ("dormant_age_max_s", float("nan"), ".dormant_age_max_s: must be a number of at least 0"),
    ("dormant_age_max_s", "30", ".dormant_age_max_s: must be a number of at least 0, not '30'"),
    ("dormant_age_max_s", True, ".dormant_age_max_s: must be a number of at least 0, not True"),
    ("dormant_files_max", 1.5, ".dormant_files_max: must be a number of at least 0, not 1.5"),
    ("dormant_files_max", -1, ".dormant_files_max: must be a number of at least 0, not -1"),
    ("batch_max", 0, ".batch_max: between 1 and 4096, not 0"),
    ("batch_max", 4097, ".batch_max: between 1 and 4096, not 4097"),
]


@pytest.mark.parametrize(("key", "value", "expected"), WRONG_VALUES)
def test_a_wrong_policy_is_refused_by_key_and_what_would_be_right(key, value, expected):
    dot = "" if expected.startswith(".") else ": "

    assert complaint(lambda: with_policy(**{key: value})).startswith(f"policy{dot}{expected}")
