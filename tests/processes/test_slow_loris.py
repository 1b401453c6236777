"""Peers that begin something and never come to its end hold no slot and no door."""

from typing import Any

import pytest
import trio

from clients.session import logon
from deploy.local import python_module, start
from tests.processes.daemons import stage, wait_until

PEERS = 300
FEW = 20  # links of those who work, and files of the daemons' own


@pytest.mark.parametrize("to", ["server", "redirector"])
async def test_a_crowd_that_never_finishes_holds_no_slot_and_is_shown_the_door(tmp_path, to):
    quick: Any = {"logon_max_s": 1.0}
    async with stage(tmp_path, uses_max=2, redirector_config=quick, **quick) as house:
        daemon = getattr(house, to)
        before = daemon.descriptors()
        crowd = python_module("clients.lab.bench.crowd", daemon.tcp, str(PEERS))
        async with start(crowd), logon(daemon.unix, "guest") as session:
            await wait_until(lambda: is_besieged(daemon, before))
            for number in range(20):
                async with session.open(f"//files/docs/{number}", "w") as file:
                    await file.write("work goes on")
            assert 1 == await house.server.uses()

            async def asks_again():  # after its bounded time each was sent away and came back
                return f"{daemon.log.read_text()}".count("no logon in time") >= PEERS

            if to == "server":
                await wait_until(asks_again)
        await wait_until(lambda: is_quiet(daemon, before))
        assert 0 == await house.server.uses()


async def is_besieged(daemon, before):
    """Nearly all are there at once; a few are between being shown the door and the next try."""
    await trio.lowlevel.checkpoint()
    return daemon.descriptors() >= before + PEERS - FEW


async def is_quiet(daemon, before):
    await trio.lowlevel.checkpoint()
    return daemon.descriptors() <= before + FEW
