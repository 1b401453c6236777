"""What the server asks of redirectors: why they hold slots, and to give some back.

Only a redirector knows what is dormant and whose session is gone. Each is asked at once with
the others and has a bounded time; a silent one leaves its holders unknown.
"""

from collections import defaultdict

import trio

from redird.wire import messages as m
from redird.wire.errors import LinkLost, Refused
from redird.wire.messages import UseDescription
from shareserver.ledger import Use
from shareserver.receipts import Receipt
from shareserver.state import Peer, State

Told = dict[int, tuple[UseDescription, int, int]]  # by tree; when it was asked for, and came


async def describe_uses(state: State, uses: list[Use]) -> Told:
    """Ask the redirectors that hold `uses` what for; trees of silent ones are left out."""
    told: Told = {}

    async def ask(peer: Peer, trees: tuple[int, ...]) -> None:
        asked = state.world.wall_now()
        try:
            reply = await peer.link.request(m.DescribeUses(trees))
        except (LinkLost, Refused):
            return
        if isinstance(reply, m.UsesDescribed):
            now = state.world.wall_now()
            known = (use for use in reply.uses if use.tree in trees)
            told.update((use.tree, (use, asked, now)) for use in known)

    by_peer = defaultdict(list)
    for use in uses:
        by_peer[use.peer].append(use.number)
    with trio.move_on_after(state.config.receipt_wait_s):
        async with trio.open_nursery() as nursery:
            for number, trees in by_peer.items():
                peer = state.peers.get(number)
                if peer is not None and "describe" in peer.capabilities:
                    nursery.start_soon(ask, peer, tuple(trees))
    return told


async def complete_receipt(state: State, receipt: Receipt) -> None:
    """Ask about every holder, then close the receipt. A plain client's slot is a live one."""
    for holder in receipt.holders:
        peer = state.peers.get(holder.use.peer)
        if peer is not None and "describe" not in peer.capabilities:
            holder.ghost = False
    told = await describe_uses(state, [holder.use for holder in receipt.holders])
    for number, description in told.items():
        receipt.describe(number, *description)
    receipt.complete = True
    state.journal.refused(receipt)
    state.completing.pop(receipt.number).set()


async def recall_slots(state: State, share: str, wanted: int) -> None:
    """Ask every link that holds a slot of `share` to give back what nobody needs."""

    async def ask(peer: Peer) -> None:
        try:
            await peer.link.request(m.SlotRecall(share, wanted))
        except LinkLost:
            await peer.gone.wait()  # and with it everything it held
        except Refused:
            return

    holding = {use.peer for use in state.ledger.holders(share)}
    async with trio.open_nursery() as nursery:
        for number in holding:
            peer = state.peers.get(number)
            if peer is not None and "recall" in peer.capabilities:
                nursery.start_soon(ask, peer)
