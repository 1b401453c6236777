"""Who may log on: SCRAM-SHA-256 verifiers (RFC 5802, 7677), never passwords.

On disk a verifier is `SCRAM-SHA-256$ITERATIONS:SALT$STORED_KEY:SERVER_KEY` in base64, the form
that PostgreSQL made known. An unknown user gets a salt too, always the same, and fails at the
same step and after the same work as a wrong password does.
"""

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from scramp import ScramException, ScramMechanism
from scramp.core import ScramServer

from redird.wire.config import ConfigError
from redird.wire.errors import Refused
from redird.wire.status import Status

ITERATIONS = 4096
SALT_BYTES = 16
Verifier = tuple[bytes, bytes, bytes, int]  # salt, stored key, server key, iterations
_MECHANISM = ScramMechanism("SCRAM-SHA-256")


class Accounts:
    """The users of a server; `secret` makes the salts of users who do not exist."""

    def __init__(
        self,
        verifiers: Mapping[str, Verifier],
        guests: frozenset[str],
        admins: frozenset[str],
        secret: bytes,
    ) -> None:
        self._verifiers = dict(verifiers)
        self._guests = guests
        self._admins = admins
        self._secret = secret

    def is_guest(self, user: str) -> bool:
        """Whether `user` logs on without proof."""
        return user in self._guests

    def is_admin(self, user: str) -> bool:
        """Whether `user` may see the admin views."""
        return user in self._admins and user in self._verifiers

    def challenge(self, user: str, client_first: str) -> tuple[ScramServer, str]:
        """Begin a logon; returns its state and the server's first message."""
        # The name within `client_first` is not looked at: it could be another's than `user`.
        server = _MECHANISM.make_server(lambda _: self._verifier(user))
        try:
            server.set_client_first(client_first)
            first = server.get_server_first()
        except ScramException:
            raise Refused(Status.STATUS_LOGON_FAILURE, user) from None
        return server, first

    def prove(self, server: ScramServer, user: str, client_final: str) -> str:
        """Finish a logon; returns the server's proof, or raises Refused."""
        try:
            server.set_client_final(client_final)
            final: str = server.get_server_final()
        except ScramException:
            raise Refused(Status.STATUS_LOGON_FAILURE, user) from None
        return final

    def _verifier(self, user: str) -> Verifier:
        known = self._verifiers.get(user)
        if known is not None:
            return known
        made = [
            hmac.new(self._secret, part + user.encode(), hashlib.sha256).digest()
            for part in (b"salt:", b"stored:", b"server:")
        ]
        return made[0][:SALT_BYTES], made[1], made[2], ITERATIONS


def make_verifier(password: str, token_bytes: Callable[[int], bytes] = os.urandom) -> str:
    """Derive a verifier in its written form; takes about a millisecond, on purpose."""
    try:
        salt, stored, server, iterations = _MECHANISM.make_auth_info(
            password, ITERATIONS, token_bytes(SALT_BYTES)
        )
    except ScramException as error:
        raise ConfigError(f"the password cannot be used: {error}") from None
    salt64, stored64, server64 = (base64.b64encode(b).decode() for b in (salt, stored, server))
    return f"SCRAM-SHA-256${iterations}:{salt64}${stored64}:{server64}"


def parse_verifier(text: str, where: str) -> Verifier:
    """Read a verifier in its written form; raises ConfigError naming `where`."""
    try:
        mechanism, parameters, keys = text.split("$")
        iterations, salt = parameters.split(":")
        stored, server = keys.split(":")
        if mechanism != "SCRAM-SHA-256" or int(iterations) < ITERATIONS:
            raise ValueError
        return (
            base64.b64decode(salt, validate=True),
            base64.b64decode(stored, validate=True),
            base64.b64decode(server, validate=True),
            int(iterations),
        )
    except ValueError:
        raise ConfigError(
            f"{where}: not a verifier; make one with `shareserver passwd`"
        ) from None


def read_verifiers(path: Path) -> dict[str, str]:
    """Read the accounts file, {} if there is none yet; raises ConfigError."""
    try:
        table = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: not an accounts file: {error}") from None
    if not isinstance(table, dict) or not all(isinstance(v, str) for v in table.values()):
        raise ConfigError(f"{path}: not an accounts file: a table of verifiers is expected")
    return table


def write_verifiers(path: Path, verifiers: Mapping[str, str]) -> None:
    """Replace the accounts file as a whole, readable by its owner only."""
    new = path.with_name(path.name + ".new")
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(dict(sorted(verifiers.items())), file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or str(error)).lower()}") from None
