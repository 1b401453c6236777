"""What the tests of logging on share: a server with one user, and a whole logon there."""

import pytest
from scramp import ScramMechanism

from redird.wire.errors import Refused
from redird.wire.scram import ClientProof, derive
from shareserver.accounts import Accounts, make_verifier, parse_verifier

MECHANISM = ScramMechanism("SCRAM-SHA-256")
NONCE = "rOprNGfwEbeRWgbNEkqO"
ANN = parse_verifier(make_verifier("open sesame"), "ann")


def accounts(secret=b"secret", **more):
    guests, admins = frozenset({"guest"}), frozenset({"ann", "guest", "nobody"})
    return Accounts({"ann": ANN} | more, guests, admins, secret)


def log_on(there, user, password):
    """A whole logon; returns the server's proof, which the client has checked."""
    proof = ClientProof(user, NONCE)
    server, first = there.challenge(user, proof.first())
    final = there.prove(server, user, proof.final(derive(password, *proof.challenge(first))))
    proof.verify(final)
    return final


def refusal(act, *args):
    with pytest.raises(Refused) as caught:
        act(*args)
    return caught.value.status, caught.value.subject
