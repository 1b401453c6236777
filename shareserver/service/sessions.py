"""Sessions and trees: who is there, and which slots they hold."""

import trio

from redird.wire import messages as m
from redird.wire.errors import Refused
from redird.wire.exchange import REQUESTS_MAX
from redird.wire.framing import PEER
from redird.wire.messages import Message
from redird.wire.status import Status
from shareserver import teardown
from shareserver.admission import Applicant
from shareserver.durable import Owner
from shareserver.recalling import complete_receipt
from shareserver.receipts import Holder
from shareserver.restoring import take_up
from shareserver.state import Peer, Session, State

CAPABILITIES = ("batch", "compound", "describe", "lease", "recall", "uses")
RECOVERY = ("durable", "once")  # only for who can be known again


def negotiate(state: State, peer: Peer, request: m.Negotiate) -> Message:
    """Agree on a version and on capabilities."""
    if not request.version_min <= m.PROTOCOL_VERSION <= request.version_max:
        raise Refused(
            Status.STATUS_REVISION_MISMATCH,
            f"versions {request.version_min} to {request.version_max}",
            {"version": m.PROTOCOL_VERSION},
        )
    peer.named(request.instance, request.key, request.epoch)
    comes_back = (
        peer.is_named
        and state.config.durable_age_max_s > 0
        and "durable" in request.capabilities
    )
    able = (*CAPABILITIES, *RECOVERY) if comes_back else CAPABILITIES
    if state.journal.is_safe:
        able = (*able, "journal")  # what it has asked once is known after a restart too
    both = tuple(name for name in able if name in request.capabilities)
    peer.capabilities = frozenset(both)
    return m.Negotiated(
        m.PROTOCOL_VERSION, both, "shareserver", state.instance, REQUESTS_MAX, PEER.payload_max
    )


async def session_setup(state: State, peer: Peer, request: m.SessionSetup) -> Message:
    """Go one step in a logon; a guest needs just one."""
    if request.session == 0:
        return await _begin(state, peer, request)
    session = peer.sessions.get(request.session)
    if session is None or session.scram is None:
        raise Refused(Status.STATUS_USER_SESSION_DELETED, f"session {request.session}")
    scram, session.scram = session.scram, None
    try:
        proof = state.accounts.prove(scram, session.user, request.token)
    except Refused:
        _forget(state, session)
        raise
    await _establish(state, session)
    return m.SessionEstablished(session.number, False, proof)


async def _begin(state: State, peer: Peer, request: m.SessionSetup) -> Message:
    if len(state.sessions) >= state.config.sessions_max:
        raise Refused(Status.STATUS_TOO_MANY_SESSIONS, request.user)
    guest = state.accounts.is_guest(request.user)
    if not guest:
        scram, first = state.accounts.challenge(request.user, request.token)
    session = Session(
        state.next_number(), request.user, peer, state.world.wall_now(), guest=guest
    )
    state.sessions[session.number] = peer.sessions[session.number] = session
    if guest:
        await _establish(state, session)
        return m.SessionEstablished(session.number, True, "")
    session.scram = scram
    return m.SessionChallenged(session.number, first)


async def _establish(state: State, session: Session) -> None:
    """The user is who it says; its redirector's older epochs end first."""
    session.established = True
    session.admin = not session.guest and state.accounts.is_admin(session.user)
    peer = session.peer
    peer.link.exchange.trust_peer()
    state.know(peer.link)
    state.replays.come(peer.lessee)
    for other in list(state.peers.values()):
        if other.lessee == peer.lessee and other.epoch < peer.epoch:
            await teardown.end_peer(state, other)
            other.link.close("superseded by a newer epoch of the same redirector")


def _forget(state: State, session: Session) -> None:
    state.sessions.pop(session.number, None)
    session.peer.sessions.pop(session.number, None)


async def tree_connect(state: State, peer: Peer, request: m.TreeConnect) -> Message:
    """Give the session a slot of the share, or refuse with a receipt.

    Checked in the order of MS-SMB2 3.3.5.7: name, pause, access, and the limit last.
    """
    session = state.session(peer, request.session)
    share = state.shares.find(request.share)
    if share is None:
        raise Refused(Status.STATUS_BAD_NETWORK_NAME, request.share)
    if share.paused:
        raise Refused(Status.STATUS_SHARING_PAUSED, share.name)
    if not share.admits(session.user):
        raise Refused(Status.STATUS_ACCESS_DENIED, f"{share.name} for {session.user}")
    owner = Owner(peer.lessee, session.user, share.name)
    if state.grace and not take_up(state, request.reclaims, owner):
        await state.grace_over.wait()
    use = await state.admission.acquire(
        Applicant(share, session.number, peer.number, session.user)
    )
    if use is None:
        assert share.uses_max is not None
        raise _refusal(state, session, share.name, share.uses_max)
    if state.sessions.get(session.number) is not session:  # it ended while it waited
        await state.admission.release(use.number)
        raise Refused(Status.STATUS_USER_SESSION_DELETED, session.user)
    session.trees.add(use.number)
    if "durable" in peer.capabilities:
        state.journal.admitted(use, peer.lessee)
    uses = state.ledger.uses(share.name)
    return m.TreeConnected(use.number, uses, share.uses_max, share.read_only)


def _refusal(state: State, session: Session, share: str, uses_max: int) -> Refused:
    state.ledger.note_refusal()
    holders = [
        Holder(use, peer.instance or peer.address if peer else "?")
        for use in state.ledger.holders(share)
        for peer in (state.peers.get(use.peer),)
    ]
    receipt = state.receipts.open(
        share, session.user, session.peer.number, state.world.wall_now(), uses_max, holders
    )
    state.journal.refused(receipt)
    state.completing[receipt.number] = trio.Event()
    state.spawn(complete_receipt, state, receipt)
    detail = {"receipt": receipt.number, "uses": len(holders), "uses_max": uses_max}
    return Refused(Status.STATUS_REQUEST_NOT_ACCEPTED, share, detail)


async def tree_disconnect(state: State, peer: Peer, request: m.TreeDisconnect) -> Message:
    """Take a slot back with everything open under it."""
    return await teardown.disconnect_tree(state, state.tree(peer, request.tree))


async def logoff(state: State, peer: Peer, request: m.Logoff) -> Message:
    """End a session with everything under it; the reply is the proof."""
    session = state.session(peer, request.session)
    closed, proofs = await teardown.end_session(state, session)
    return m.LoggedOff(closed, 0, tuple(proofs), ())


def query_uses(state: State, peer: Peer, request: m.QueryUses) -> Message:
    """How full is the share of this tree?"""
    share = state.share_of(state.tree(peer, request.tree))
    return m.UsesFound(state.ledger.uses(share.name), share.uses_max)


async def describe_refusal(state: State, peer: Peer, request: m.DescribeRefusal) -> Message:
    """Show the refused its receipt, as soon as it is complete."""
    receipt = state.receipts.find(request.receipt)
    if receipt is None or receipt.peer != peer.number:
        raise Refused(Status.STATUS_NOT_FOUND, f"receipt {request.receipt}")
    completed = state.completing.get(receipt.number)
    if completed is not None:
        await completed.wait()
    return m.RefusalDescribed(receipt.row())
