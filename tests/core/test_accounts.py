"""Accounts: verifiers instead of passwords, and unknown users who look like known ones."""

import stat

import pytest

from redird.wire.config import ConfigError
from redird.wire.scram import ClientProof, derive
from redird.wire.status import Status
from shareserver.accounts import (
    make_verifier,
    parse_verifier,
    read_verifiers,
    write_verifiers,
)
from tests.core.logons import MECHANISM, NONCE, accounts, log_on, refusal


def parts(there, user):
    """The fields of a challenge, by their letters."""
    first = there.challenge(user, ClientProof(user, NONCE).first())[1]
    return dict(part.split("=", 1) for part in first.split(","))


def test_the_right_password_logs_on_and_a_wrong_one_does_not():
    assert log_on(accounts(), "ann", "open sesame").startswith("v=")
    assert (Status.STATUS_LOGON_FAILURE, "ann") == refusal(log_on, accounts(), "ann", "close")


def test_nobody_logs_on_as_one_user_with_the_password_of_another():
    there = accounts(bob=parse_verifier(make_verifier("bobs"), "bob"))
    proof = ClientProof("bob", NONCE)
    server, first = there.challenge("ann", proof.first())
    final = proof.final(derive("bobs", *proof.challenge(first)))

    assert (Status.STATUS_LOGON_FAILURE, "ann") == refusal(there.prove, server, "ann", final)


def test_an_unknown_user_is_challenged_as_a_known_one_and_fails_at_the_same_step():
    known, unknown = parts(accounts(), "ann"), parts(accounts(), "nobody")

    assert list(known) == list(unknown) == ["r", "s", "i"]
    assert known["i"] == unknown["i"]
    assert [len(known[key]) for key in "rs"] == [len(unknown[key]) for key in "rs"]
    expected = (Status.STATUS_LOGON_FAILURE, "nobody")
    assert expected == refusal(log_on, accounts(), "nobody", "open sesame")


def test_an_unknown_users_salt_is_its_own_and_stays():
    there, again, elsewhere = accounts(), accounts(), accounts(b"another server")

    assert parts(there, "nobody")["s"] == parts(again, "nobody")["s"]
    assert parts(there, "nobody")["s"] != parts(there, "somebody")["s"]
    assert parts(there, "nobody")["s"] != parts(elsewhere, "nobody")["s"]


@pytest.mark.parametrize(
    "first", ["", "n,,", "n,,n=ann", "y,,n=ann,r=\u00e9", "p=tls,,n=a,r=b"]
)
def test_a_malformed_first_message_is_refused(first):
    assert (Status.STATUS_LOGON_FAILURE, "ann") == refusal(accounts().challenge, "ann", first)


@pytest.mark.parametrize("final", ["", "c=biws", f"c=biws,r={NONCE},p=AAAA", "\u00e9"])
def test_a_malformed_proof_is_refused(final):
    server, _ = accounts().challenge("ann", ClientProof("ann", NONCE).first())

    assert (Status.STATUS_LOGON_FAILURE, "ann") == refusal(
        accounts().prove, server, "ann", final
    )


def test_who_is_a_guest_and_who_may_administer():
    there = accounts()

    assert ["guest"] == [user for user in ("ann", "guest", "nobody") if there.is_guest(user)]
    assert ["ann"] == [user for user in ("ann", "guest", "nobody") if there.is_admin(user)]


# --- verifiers --------------------------------------------------------------------------------


def test_a_verifier_can_be_read_as_it_was_written():
    salt = bytes(range(16))
    written = make_verifier("open sesame", lambda length: salt[:length])
    expected = MECHANISM.make_auth_info("open sesame", 4096, salt)

    assert expected == parse_verifier(written, "here")
    assert written.startswith("SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$")
    assert "sesame" not in written


def test_two_verifiers_of_one_password_differ():
    assert make_verifier("open sesame") != make_verifier("open sesame")


@pytest.mark.parametrize("password", ["\u05d0a", "\x07"])
def test_a_password_that_nobody_could_send_makes_no_verifier(password):
    with pytest.raises(ConfigError, match="the password cannot be used"):
        make_verifier(password)


GOOD = make_verifier("open sesame", bytes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "open sesame",
        GOOD.replace("SCRAM-SHA-256", "SCRAM-SHA-1"),
        GOOD.replace("4096", "4095"),
        GOOD.replace("4096", "many"),
        GOOD.replace(":", ";"),
        GOOD + ":more",
        GOOD.replace("A", "\u00e9", 1),
        GOOD.rsplit(":", 1)[0],
    ],
)
def test_what_is_no_verifier_is_refused_with_its_place_and_the_way_out(text):
    with pytest.raises(ConfigError) as caught:
        parse_verifier(text, "accounts.ann")

    assert str(caught.value) == (
        "accounts.ann: not a verifier; make one with `shareserver passwd`"
    )


def test_the_accounts_file_keeps_verifiers_for_its_owner_only(tmp_path):
    path = tmp_path / "accounts.json"
    assert {} == read_verifiers(path)
    write_verifiers(path, {"zoe": GOOD})
    write_verifiers(path, {"zoe": GOOD, "ann": GOOD})

    assert {"ann": GOOD, "zoe": GOOD} == read_verifiers(path)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "[]", '{"ann": 1}', "{", '{"ann": null}'])
def test_a_file_that_holds_no_accounts_is_refused_by_name(tmp_path, text):
    path = tmp_path / "accounts.json"
    path.write_text(text)

    with pytest.raises(ConfigError, match=r"accounts\.json: not an accounts file"):
        read_verifiers(path)


def test_accounts_that_cannot_be_written_are_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match=r"accounts\.json: no such file or directory"):
        write_verifiers(tmp_path / "missing" / "accounts.json", {})
