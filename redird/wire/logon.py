"""Logging a user on to a share server over a link: the steps of SessionSetup."""

from collections.abc import Awaitable, Callable

from redird.wire.errors import LinkLost, Refused
from redird.wire.link import Link
from redird.wire.messages import Logoff, SessionChallenged, SessionEstablished, SessionSetup
from redird.wire.scram import ClientProof, Keys
from redird.wire.status import Status

KeysFor = Callable[[bytes, int], Awaitable[Keys]]  # (salt, iterations), outside the loop
NONCE_BYTES = 18


async def establish(
    link: Link,
    user: str,
    keys_for: KeysFor,
    nonce: str,
    *,
    proof_needed: bool,
    instance: str = "",
    epoch: int = 0,
) -> SessionEstablished:
    """Log `user` on; a guest is answered at once. Raises Refused or LinkLost.

    With `proof_needed` a server that asks for no proof is refused: it has none to give either.
    """
    proof = ClientProof(user, nonce)
    reply = await link.request(SessionSetup(0, user, proof.first(), instance, epoch))
    challenged = isinstance(reply, SessionChallenged)
    if isinstance(reply, SessionChallenged):
        keys = await keys_for(*proof.challenge(reply.token))
        step = SessionSetup(reply.session, user, proof.final(keys), instance, epoch)
        reply = await link.request(step)
    if not isinstance(reply, SessionEstablished):
        raise LinkLost(f"SessionSetup was answered with {type(reply).__name__}")
    try:
        if challenged:
            proof.verify(reply.token)
        elif proof_needed:
            told = {"advice": "the account is a guest's: give no password"}
            raise Refused(Status.STATUS_LOGON_FAILURE, user, told)
    except Refused:
        await link.request(Logoff(reply.session))
        raise
    return reply
