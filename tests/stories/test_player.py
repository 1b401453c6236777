"""A load file's client on a stage: what each line does, and that the servers judge it."""

import pytest

from clients.lab.replaying import loadfile as lf
from clients.lab.replaying.player import Player
from clients.lab.replaying.tally import Tally
from tests.playbook import SHARE, enter, enter_directly, play

WAYS = pytest.mark.parametrize("way", [enter, enter_directly], ids=["redirector", "direct"])

DAY = r"""
Deltree "\clients\client1" NT_STATUS_OK
Mkdir "\clients" NT_STATUS_OK
Mkdir "\clients" NT_STATUS_OK
NTCreateX "\clients\client1" 0x1 0x2 1 NT_STATUS_OK
Close 1 NT_STATUS_OK
NTCreateX "\clients\client1" 0x1 0x2 1 NT_STATUS_OBJECT_NAME_COLLISION
NTCreateX "\clients\client1\one.txt" 0x40 0x1 2 NT_STATUS_OBJECT_NAME_NOT_FOUND
QUERY_PATH_INFORMATION "\clients\client1\one.txt" 1004 NT_STATUS_OBJECT_NAME_NOT_FOUND
QUERY_PATH_INFORMATION "\clients\client1\no\one" 1004 NT_STATUS_OBJECT_PATH_NOT_FOUND
FIND_FIRST "\clients\client1\<.txt" 260 100 0 NT_STATUS_NO_SUCH_FILE
NTCreateX "\clients\client1\one.txt" 0x40 0x2 3 NT_STATUS_OK
WriteX 3 99 1 1 NT_STATUS_OK
WriteX 3 0 10 10 NT_STATUS_OK
ReadX 3 0 100 100 NT_STATUS_OK
ReadX 3 100 5 0 NT_STATUS_OK
QUERY_FILE_INFORMATION 3 258 NT_STATUS_OK
SET_FILE_INFORMATION 3 1004 NT_STATUS_OK
QUERY_FS_INFORMATION 1 NT_STATUS_OK
Flush 3 NT_STATUS_OK
Close 3 NT_STATUS_OK
Close 3 NT_STATUS_INVALID_HANDLE
FIND_FIRST "\clients\client1\<.txt" 260 100 1 NT_STATUS_OK
NTCreateX "\clients\client1\one.txt" 0x40 0x1 4 NT_STATUS_OK
ReadX 4 0 100 100 NT_STATUS_OK
Close 4 NT_STATUS_OK
NTCreateX "\clients\client1\two.txt" 0x40 0x5 5 NT_STATUS_OK
Close 5 NT_STATUS_OK
Rename "\clients\client1\one.txt" "\clients\client1\two.txt" NT_STATUS_OBJECT_NAME_COLLISION
Rename "\clients\client1\one.txt" "\clients\client1\three" NT_STATUS_OK
Unlink "\clients\client1\one.txt" 0x6 NT_STATUS_OBJECT_NAME_NOT_FOUND
Unlink "\clients\client1\*.txt" 0x6 NT_STATUS_OK
Unlink "\clients\client1\*.txt" 0x6 NT_STATUS_NO_SUCH_FILE
FIND_FIRST "\clients\client1\*" 260 100 1 NT_STATUS_OK
Deltree "\clients" NT_STATUS_OK
FIND_FIRST "\clients\*" 260 100 0 NT_STATUS_OBJECT_NAME_NOT_FOUND
"""


async def played(session, text, number=1):
    """The tally of a text that one client has played."""
    tree = await session.connect("server", SHARE)
    player, tally = Player(session.client, tree, number), Tally()
    for line in lf.parse(text.strip().splitlines()):
        tally.note(line, await player.play(line.operation), number, 0.0)
    return tally


@WAYS
async def test_every_status_is_the_one_the_file_has(autojump_clock, way):
    async with play("win10") as s:
        tally = await played(await way(s, "u1"), DAY)
        assert [] == tally.mismatched
        assert tally.lines == tally.matched
        assert 1 + 10 + 100 + 100 == tally.bytes


async def test_a_status_that_differs_is_told(autojump_clock):
    async with play("win10") as s:
        text = r'QUERY_PATH_INFORMATION "\nowhere" 1004 NT_STATUS_OK'
        tally = await played(await enter(s, "u1"), text)
        [told] = tally.mismatched
        assert "NT_STATUS_OBJECT_NAME_NOT_FOUND" == told["got"]


async def test_each_client_has_a_folder_of_its_own(autojump_clock):
    text = r"""
NTCreateX "\clients" 0x1 0x3 1 NT_STATUS_OK
NTCreateX "\clients\client1" 0x1 0x2 1 NT_STATUS_OK
NTCreateX "\clients\client1\mine" 0x40 0x2 2 NT_STATUS_OK
NTCreateX "\clients\client10" 0x1 0x3 3 NT_STATUS_OK
"""
    async with play("win10") as s:
        for number in (1, 2):
            session = await enter(s, f"u{number}")
            assert [] == (await played(session, text, number)).mismatched
        names = [entry.name for entry in await session.listdir(rf"\\server\{SHARE}\clients")]
        assert ["client1", "client10", "client2"] == sorted(names)


@WAYS
async def test_ranges_are_locked_and_given_up(autojump_clock, way):
    text = r"""
NTCreateX "\db" 0x40 0x2 1 NT_STATUS_OK
NTCreateX "\db" 0x40 0x1 2 NT_STATUS_OK
WriteX 1 0 100 100 NT_STATUS_OK
LockX 1 10 20 NT_STATUS_OK
LockX 2 29 1 NT_STATUS_LOCK_NOT_GRANTED
LockX 2 2147483538 1 NT_STATUS_OK
ReadX 1 0 100 100 NT_STATUS_OK
ReadX 2 0 100 100 NT_STATUS_FILE_LOCK_CONFLICT
ReadX 2 30 70 70 NT_STATUS_OK
WriteX 2 29 1 1 NT_STATUS_FILE_LOCK_CONFLICT
UnlockX 2 10 20 NT_STATUS_RANGE_NOT_LOCKED
UnlockX 1 10 20 NT_STATUS_OK
LockX 2 29 1 NT_STATUS_OK
Close 2 NT_STATUS_OK
LockX 1 29 1 NT_STATUS_OK
Close 1 NT_STATUS_OK
UnlockX 1 29 1 NT_STATUS_INVALID_HANDLE
"""
    async with play("win10") as s:
        assert [] == (await played(await way(s, "u1"), text)).mismatched


@WAYS
async def test_a_pattern_finds_names_whatever_their_case(autojump_clock, way):
    text = r"""
NTCreateX "\report.001" 0x40 0x2 1 NT_STATUS_OK
FIND_FIRST "\REPORT.*" 260 10 1 NT_STATUS_OK
FIND_FIRST "\REPORTS.*" 260 10 0 NT_STATUS_NO_SUCH_FILE
"""
    async with play("win10") as s:
        assert [] == (await played(await way(s, "u1"), text)).mismatched
