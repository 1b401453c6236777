"""A stranger who names what somebody else left gets nothing of it, and closes nothing."""

from random import Random

import pytest
import trio

from clients.faults.field import GUEST, FoundBroken
from clients.faults.kinds.takeover import KIND
from clients.lab.simulating.field import OPEN_SHARE, SimulatedField
from clients.lab.staging.stage import stage
from shareserver.config import ShareConfig
from shareserver.durable import DurableTable
from tests.playbook import redirector, server

LENGTH_S = 6.0
COME = 4


async def take_over() -> None:
    config = server(users=[GUEST], shares={OPEN_SHARE: ShareConfig("/")})
    async with stage(config, None) as s, trio.open_nursery() as nursery:
        field = SimulatedField(s, nursery, 1, lambda *_: None)
        wanted = redirector(instance="host1", instance_key="its key")
        await field.add_host("host1", wanted, lambda _: None, lambda wire: wire.attach)
        assert COME == await KIND.inject(field, Random(1), LENGTH_S)


async def test_nothing_of_others_is_taken_nor_closed(autojump_clock):
    await take_over()


async def test_whoever_closes_what_others_left_is_found(autojump_clock, monkeypatch):
    def of_anybody(self, tree, owner):
        return list(self._trees[tree].handles) if tree in self._trees else []

    monkeypatch.setattr(DurableTable, "of", of_anybody)

    with pytest.raises(FoundBroken, match="closed what left-"):
        await take_over()
