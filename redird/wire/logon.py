"""Logging a user on to a share server over a link: the steps of SessionSetup."""

from collections.abc import Awaitable, Callable

from redird.wire.errors import LinkLost
from redird.wire.link import Link
from redird.wire.messages import SessionChallenged, SessionEstablished, SessionSetup
from redird.wire.scram import ClientProof, Keys

KeysFor = Callable[[bytes, int], Awaitable[Keys]]  # (salt, iterations), outside the loop
NONCE_BYTES = 18


async def establish(
    link: Link,
    user: str,
    keys_for: KeysFor,
    nonce: str,
    *,
    instance: str = "",
    epoch: int = 0,
) -> SessionEstablished:
    """Log `user` on; a guest is answered at once. Raises Refused or LinkLost."""
    proof = ClientProof(user, nonce)
    reply = await link.request(SessionSetup(0, user, proof.first(), instance, epoch))
    if isinstance(reply, SessionChallenged):
        keys = await keys_for(*proof.challenge(reply.token))
        step = SessionSetup(reply.session, user, proof.final(keys), instance, epoch)
        reply = await link.request(step)
        if isinstance(reply, SessionEstablished):
            proof.verify(reply.token)
    if not isinstance(reply, SessionEstablished):
        raise LinkLost(f"SessionSetup was answered with {type(reply).__name__}")
    return reply
