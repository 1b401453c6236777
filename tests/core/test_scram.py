"""SCRAM-SHA-256: our client against scramp's server, and against those it should not trust."""

import base64

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scramp import ScramException
from scramp.utils import saslprep as scramp_saslprep

from redird.wire.errors import Refused
from redird.wire.scram import ClientProof, derive, saslprep
from redird.wire.status import Status
from shareserver.accounts import make_verifier, parse_verifier
from tests.core.logons import MECHANISM, NONCE, accounts, log_on, refusal

# Names and passwords as people and attackers choose them: =, and , are what SCRAM escapes.
tricky = st.text("ab=,3DC2 \u00e9\u00c5\u00df\u0430\u05d0\u200d\u00a0\u2168\ufb01", max_size=12)
secrets = tricky | st.text(max_size=12)


def test_the_example_of_rfc_7677():
    proof = ClientProof("user", NONCE)
    nonce = NONCE + "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    salt, iterations = proof.challenge(f"r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    final = proof.final(derive("pencil", salt, iterations))

    assert f"n,,n=user,r={NONCE}" == proof.first()
    assert f"c=biws,r={nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=" == final
    proof.verify("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


def prepared(text, prepare, error):
    try:
        return prepare(text)
    except error:
        return "forbidden"


@given(secrets)
def test_both_prepare_names_and_passwords_alike(text):
    theirs = prepared(text, scramp_saslprep, ScramException)
    assume(theirs or not text)  # we forbid what is prepared to nothing

    assert theirs == prepared(text, saslprep, Refused)


@pytest.mark.parametrize("text", ["\u200d", "a\x00", "\ud800", "\u05d0a", "\ue000", "\u0378"])
def test_what_rfc_4013_forbids_is_refused(text):
    expected = (Status.STATUS_LOGON_FAILURE, "a name or password with forbidden characters")

    assert expected == refusal(saslprep, text)
    assert expected == refusal(derive, text, bytes(16), 4096)


def is_allowed(text):
    return prepared(text, saslprep, Refused) != "forbidden" and text != ""


@settings(max_examples=50)
@given(secrets.filter(is_allowed), secrets.filter(is_allowed), st.binary(min_size=12))
def test_any_user_with_any_password_is_known_to_scramp(user, password, salt):
    asked = []

    def verifier(name):
        asked.append(name)
        return MECHANISM.make_auth_info(password, 4096, salt)

    proof, server = ClientProof(user, NONCE), MECHANISM.make_server(verifier)
    server.set_client_first(proof.first())
    told = proof.challenge(server.get_server_first())
    server.set_client_final(proof.final(derive(password, *told)))
    proof.verify(server.get_server_final())

    assert (salt, 4096) == told
    assert {saslprep(user)} == set(asked)


@settings(max_examples=25)
@given(secrets.filter(is_allowed), secrets.filter(is_allowed))
def test_only_the_right_password_is_accepted(password, other):
    there = accounts(bob=parse_verifier(make_verifier(password), "bob"))
    log_on(there, "bob", password)
    assume(saslprep(password) != saslprep(other))

    assert (Status.STATUS_LOGON_FAILURE, "bob") == refusal(log_on, there, "bob", other)


# --- what the client does not put up with -----------------------------------------------------


def challenge(*, nonce=NONCE + "more", salt=bytes(16), iterations="4096"):
    return f"r={nonce},s={base64.b64encode(salt).decode()},i={iterations}"


@pytest.mark.parametrize("length", [12, 16, 64])
@pytest.mark.parametrize("iterations", [4096, 1_000_000])
def test_a_challenge_within_the_bounds_is_answered(length, iterations):
    expected = (bytes(length), iterations)
    strong = challenge(salt=bytes(length), iterations=iterations)

    assert expected == ClientProof("ann", NONCE).challenge(strong)


WEAK = {
    "one iteration": challenge(iterations=1),
    "just too few iterations": challenge(iterations=4095),
    "no iterations": challenge(iterations=0),
    "negative iterations": challenge(iterations=-4096),
    "iterations for an hour": challenge(iterations=1_000_001),
    "no salt": challenge(salt=b""),
    "a short salt": challenge(salt=bytes(11)),
    "our nonce alone": challenge(nonce=NONCE),
    "another nonce": challenge(nonce="x" + NONCE),
    "our nonce cut": challenge(nonce=NONCE[:-1] + "more"),
}
MALFORMED = {
    "nothing": "",
    "no fields": "hello",
    "no nonce": challenge().split(",", 1)[1],
    "no iterations": challenge().rsplit(",", 1)[0],
    "iterations in words": challenge(iterations="many"),
    "endless iterations": challenge(iterations="9" * 10_000),
    "a salt not in base64": f"r={NONCE}more,s=????????????????,i=4096",
    "a salt beyond ASCII": f"r={NONCE}more,s=\u00e9,i=4096",
    "an error": "e=unknown-user",
}


@pytest.mark.parametrize("server_first", WEAK.values(), ids=WEAK)
def test_a_weak_challenge_is_not_answered(server_first):
    expected = (Status.STATUS_LOGON_FAILURE, "a SCRAM challenge too weak to answer")

    assert expected == refusal(ClientProof("ann", NONCE).challenge, server_first)


@pytest.mark.parametrize("server_first", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_challenge_is_refused(server_first):
    expected = (Status.STATUS_LOGON_FAILURE, "malformed SCRAM challenge")

    assert expected == refusal(ClientProof("ann", NONCE).challenge, server_first)


@given(st.text())
def test_any_challenge_is_answered_or_refused(server_first):
    try:
        salt, iterations = ClientProof("ann", NONCE).challenge(server_first)
    except Refused:
        return
    assert len(salt) >= 12
    assert 4096 <= iterations <= 1_000_000


@pytest.fixture(scope="module")
def awaiting():
    """A client that has proven itself and waits for the server to do the same."""
    proof = ClientProof("ann", NONCE)
    proof.final(derive("open sesame", *proof.challenge(challenge())))
    return proof


@pytest.mark.parametrize("final", ["", "v=", "v=AAAA", "e=other-error", "v=" + "A" * 44])
def test_a_server_that_cannot_prove_itself_is_refused(awaiting, final):
    expected = (Status.STATUS_LOGON_FAILURE, "the server could not prove itself")

    assert expected == refusal(awaiting.verify, final)


def test_a_server_with_the_wrong_verifier_cannot_prove_itself():
    proof, honest = ClientProof("ann", NONCE), accounts()
    server, first = honest.challenge("ann", proof.first())
    keys = derive("open sesame", *proof.challenge(first))
    final = honest.prove(server, "ann", proof.final(keys))
    proof.final(keys._replace(server=bytes(32)))

    assert Status.STATUS_LOGON_FAILURE == refusal(proof.verify, final)[0]


def test_a_server_that_proves_itself_in_another_alphabet_is_refused():
    proof = ClientProof("user", NONCE)
    proof.final(
        derive("pencil", *proof.challenge(f"r={NONCE}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"))
    )

    with pytest.raises(Refused):
        proof.verify("v=\u00e9")
