"""The client's side of SCRAM-SHA-256 (RFC 5802, 7677), from keys instead of a password.

Whoever logs on again and again (a redirector after a lost link) keeps the derived keys and
forgets the password. Deriving them takes about a millisecond on purpose: do it outside the
loop.
"""

import base64
import hashlib
import hmac
import stringprep
import unicodedata
from typing import NamedTuple

from redird.wire.errors import Refused
from redird.wire.status import Status

ITERATIONS_MIN, ITERATIONS_MAX = 4096, 1_000_000
_GS2_HEADER = "n,,"  # no channel binding


class Keys(NamedTuple):
    """What a password becomes for one salt and iteration count."""

    client: bytes
    server: bytes


def derive(password: str, salt: bytes, iterations: int) -> Keys:
    """Derive the keys; raises Refused for a password that RFC 4013 forbids."""
    prepared = saslprep(password).encode()
    salted = hashlib.pbkdf2_hmac("sha256", prepared, salt, iterations)
    return Keys(_hmac(salted, b"Client Key"), _hmac(salted, b"Server Key"))


class ClientProof:
    """One logon: `first`, then `challenge` with the server's first, `final`, `verify`."""

    def __init__(self, user: str, nonce: str) -> None:
        self._nonce = nonce
        name = saslprep(user).replace("=", "=3D").replace(",", "=2C")
        self._first_bare = f"n={name},r={nonce}"
        self._server_first = self._signature = ""

    def first(self) -> str:
        """Return the client's first message."""
        return _GS2_HEADER + self._first_bare

    def challenge(self, server_first: str) -> tuple[bytes, int]:
        """Read the server's first message; returns salt and iterations. Raises Refused."""
        try:
            fields = dict(part.split("=", 1) for part in server_first.split(","))
            salt, iterations = base64.b64decode(fields["s"], validate=True), int(fields["i"])
            fresh = fields["r"].startswith(self._nonce) and len(fields["r"]) > len(self._nonce)
        except (ValueError, KeyError):
            raise Refused(Status.STATUS_LOGON_FAILURE, "malformed SCRAM challenge") from None
        if not fresh or not ITERATIONS_MIN <= iterations <= ITERATIONS_MAX or len(salt) < 12:
            raise Refused(Status.STATUS_LOGON_FAILURE, "a SCRAM challenge too weak to answer")
        self._server_first, self._full_nonce = server_first, fields["r"]
        return salt, iterations

    def final(self, keys: Keys) -> str:
        """Return the client's proof."""
        bound = base64.b64encode(_GS2_HEADER.encode()).decode()
        bare = f"c={bound},r={self._full_nonce}"
        message = f"{self._first_bare},{self._server_first},{bare}".encode()
        stored = hashlib.sha256(keys.client).digest()
        signature = _hmac(stored, message)
        proof = bytes(a ^ b for a, b in zip(keys.client, signature, strict=True))
        self._signature = base64.b64encode(_hmac(keys.server, message)).decode()
        return f"{bare},p={base64.b64encode(proof).decode()}"

    def verify(self, server_final: str) -> None:
        """Check that the server knows the verifier too; raises Refused."""
        expected = f"v={self._signature}"
        if not hmac.compare_digest(server_final.encode(), expected.encode()):
            raise Refused(Status.STATUS_LOGON_FAILURE, "the server could not prove itself")


def saslprep(text: str) -> str:
    """Normalise a user name or password (RFC 4013); raises Refused for what it forbids."""
    if text.isascii() and text.isprintable():
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char
        for char in text
        if not stringprep.in_table_b1(char)
    )
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if not prepared or any(_is_forbidden(char) for char in prepared) or _mixes(prepared):
        raise Refused(
            Status.STATUS_LOGON_FAILURE, "a name or password with forbidden characters"
        )
    return prepared


def _is_forbidden(char: str) -> bool:
    return any(
        table(char)
        for table in (
            stringprep.in_table_a1,
            stringprep.in_table_c12,
            stringprep.in_table_c21_c22,
            stringprep.in_table_c3,
            stringprep.in_table_c4,
            stringprep.in_table_c5,
            stringprep.in_table_c6,
            stringprep.in_table_c7,
            stringprep.in_table_c8,
            stringprep.in_table_c9,
        )
    )


def _mixes(text: str) -> bool:
    """Right-to-left text must be wholly so, at its ends too (RFC 3454 section 6)."""
    if not any(map(stringprep.in_table_d1, text)):
        return False
    ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    return any(map(stringprep.in_table_d2, text)) or not ends


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")
