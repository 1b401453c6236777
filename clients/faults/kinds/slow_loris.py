"""Peers that connect and send hardly anything: Slowloris (2009), a port scan, a hung client.

They hold no slot, as a slot is given only to who has logged on, and are thrown out when the
time for logging on is over. They cost a descriptor each until then.
"""

from contextlib import suppress
from random import Random

import trio

from clients.faults.field import Field
from clients.faults.injecting import chosen
from clients.faults.strangers import UNANSWERED, within
from redird.wire.framing import encode_frame

PEERS = 20
FRAME = b"".join(encode_frame([1, "Negotiate", [1, 1, ["x" * 200], "", 0, ""]]))


class SlowLoris:
    """Hold some streams to a program open, sending a byte now and then."""

    name = "slow_loris"
    band = "protocol"
    needs: tuple[str, ...] = ()

    async def inject(self, field: Field, random: Random, length_s: float) -> int:
        program = chosen(random, list(field.programs))
        pause_s = length_s / len(FRAME)
        sent: list[int] = []
        async with within(length_s), trio.open_nursery() as nursery:
            for _ in range(PEERS):
                nursery.start_soon(_trickle, field, program, pause_s, sent)
        return sum(1 for _ in sent)


async def _trickle(field: Field, program: str, pause_s: float, sent: list[int]) -> None:
    with suppress(*UNANSWERED):
        async with field.stranger(program) as stream:
            for at in range(len(FRAME)):
                await stream.send_all(FRAME[at : at + 1])
                if not at:
                    sent.append(1)
                await trio.sleep(pause_s)


KIND = SlowLoris()
