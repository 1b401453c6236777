"""Slow-loris: peers that begin something, say one byte now and then, and never come to an end.

Run as a program, with an address and how many, it is such a crowd; one that is shown the door
comes again at once. Ready when all are connected.
"""

import json
import sys

import trio

from redird.wire.address import Address, dial, parse

BYTE_S = 1.0  # between two bytes of one peer
BEGUN = bytes((0, 0, 16, 0))  # a frame of 4 KiB; that many seconds it would take


async def stay(at: Address, number: int, *, task_status: trio.TaskStatus[None]) -> None:
    """Be one of them until cancelled."""
    met = False
    while True:
        try:
            async with await dial(at) as stream:
                await stream.send_all(BEGUN)
                if not met:
                    met = True
                    task_status.started()
                await trio.sleep(BYTE_S * (number % 100) / 100)  # not all at one instant
                while True:
                    await stream.send_all(b"\0")
                    await trio.sleep(BYTE_S)
        except trio.BrokenResourceError:
            await trio.sleep(BYTE_S)


async def crowd(address: str, count: int) -> None:
    """Send them all to one address, and say when they are there."""
    at = parse(address)
    async with trio.open_nursery() as nursery:
        for number in range(count):
            await nursery.start(stay, at, number)
        print(json.dumps({"ready": True, "listening": [address]}), flush=True)


if __name__ == "__main__":
    trio.run(crowd, sys.argv[1], int(sys.argv[2]))
