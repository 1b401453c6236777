"""Shares: what a server's configuration makes of them, and who finds and may use them."""

import pytest

from redird.wire.config import ConfigError
from shareserver.config import Config, ShareConfig, build_shares
from shareserver.shares import Share, Shares


def complaint(config):
    with pytest.raises(ConfigError) as caught:
        build_shares(config)
    return str(caught.value)


def sharing(**paths):
    return Config(shares={name: ShareConfig(str(path)) for name, path in paths.items()})


def test_shares_are_made_as_configured(tmp_path):
    docs = ShareConfig(str(tmp_path), 0, True, frozenset({"ann"}), "papers", True)
    expected = Share("docs", str(tmp_path), 0, True, frozenset({"ann"}), "papers", True)

    assert [expected] == build_shares(Config(shares={"docs": docs}))


def test_a_missing_directory_is_refused_by_share_path_and_way_out(tmp_path):
    missing = tmp_path / "missing"
    said = complaint(sharing(docs=missing))

    assert f"shares.docs: {missing} is not a directory; make it, or correct `path`" == said


def test_a_file_is_no_directory_to_share(tmp_path):
    (tmp_path / "file").touch()

    assert "is not a directory" in complaint(sharing(docs=tmp_path / "file"))


def test_a_path_that_cannot_be_is_refused_as_a_missing_one():
    assert "is not a directory" in complaint(sharing(docs="/srv\0docs"))


@pytest.mark.parametrize("other", ["DOCS", "Docs", "docS"])
def test_names_that_differ_only_in_case_are_refused(tmp_path, other):
    config = sharing(docs=tmp_path, **{other: tmp_path})

    assert "shares: two names differ only in case" == complaint(config)


@pytest.mark.parametrize("name", ["", "a/b", "a\\b", "a:b", "a*", "a?", 'a"', "a<", "a>", "a|"])
def test_a_name_that_no_path_could_hold_is_refused(tmp_path, name):
    said = complaint(sharing(**{name: tmp_path}))

    assert said.startswith(f"shares.{name}: a share's name holds none of")


def test_shares_are_found_without_regard_to_case():
    docs, street = Share("docs", "/srv/docs"), Share("Stra\u00dfe", "/srv/b")
    shares = Shares([docs, street])

    assert [docs, docs, street, None] == [
        shares.find(name) for name in ("docs", "DOCS", "STRASSE", "doc")
    ]
    assert [docs, street] == list(shares)


def test_a_share_without_a_list_of_users_admits_everybody():
    everybody, some = Share("a", "/a"), Share("b", "/b", users=frozenset({"ann"}))

    assert [True, True] == [everybody.admits(user) for user in ("ann", "bob")]
    assert [True, False] == [some.admits(user) for user in ("ann", "bob")]
