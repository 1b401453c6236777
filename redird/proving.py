"""How a session proves itself at a server: from a password once, later from kept keys."""

from redird.sessions import Session
from redird.state import State
from redird.wire.errors import Refused
from redird.wire.scram import Keys, derive
from redird.wire.status import Status

NONCE_BYTES = 18


def is_known(session: Session, server: str) -> bool:
    """Whether the session has proven itself there before."""
    return any(key[0] == server.casefold() for key in session.keys)


async def keys_for(
    state: State, session: Session, server: str, password: str, salt: bytes, iterations: int
) -> Keys:
    """Derive the keys and keep them for reconnects; the password is kept nowhere."""
    key = (server.casefold(), salt, iterations)
    if password:
        session.keys[key] = await state.world.run_blocking(derive, password, salt, iterations)
    if key not in session.keys:
        raise Refused(Status.STATUS_LOGON_FAILURE, f"{session.user} at {server}: no password")
    return session.keys[key]
