"""Names in any case, and passwords where none are asked for."""

import pytest

from clients.errors import LogonFailed
from redird.wire import files as f
from tests.playbook import SHARE, at, enter, enter_directly, play, touch


async def test_a_file_dormant_under_a_name_in_another_case_is_in_nobodys_way(autojump_clock):
    async with play() as s:
        first, second = await enter(s, "u1"), await enter(s, "u2")
        await touch(first, "a")
        shouted = at("a").replace("server", "SERVER").replace(SHARE, SHARE.upper())

        async with second.open(shouted, "r+", share=0) as file:
            assert "of u1" == await file.read()


@pytest.mark.parametrize("way", [enter, enter_directly], ids=["redirector", "direct"])
async def test_a_password_is_given_to_no_server_that_asks_for_no_proof(way, autojump_clock):
    async with play() as s:
        client = (await way(s, "u1")).client
        with pytest.raises(LogonFailed, match="guest"):
            await client.logon("u2", "secret")

        assert 1 == len(s.server.sessions)


def test_who_asks_for_attributes_only_excludes_nobody():
    nobody = f.FILE_READ_ATTRIBUTES, 0
    reader = f.FILE_READ_DATA, f.SHARE_ALL

    assert not f.conflicts(*nobody, *reader)
    assert not f.conflicts(*reader, *nobody)
