"""A link to a server is lost and comes back: whoever is logged on sees a pause, and goes on."""

from contextlib import suppress

import pytest
import trio

from clients.errors import SessionError
from redird import daemon
from redird.leased.promises import promise
from redird.presets import AFTER_KEEP
from redird.views import VIEWS
from redird.wire.status import Status
from shareserver.accounts import make_verifier
from shareserver.config import AccountConfig
from tests.playbook import (
    ALL_PRESETS,
    SHARE,
    at,
    at_once,
    enter,
    enter_directly,
    freed,
    play,
    read,
    refused,
    sends,
    touch,
    uses,
)

DISCONNECTED = Status.STATUS_CONNECTION_DISCONNECTED


def epochs(s):
    return [peer.epoch for peer in s.server.peers.values() if peer.instance]


def kinds(s):
    facts = s.redirector.state.facts.since(0, 10_000)
    return [fact["kind"] for fact in facts if fact["kind"].startswith("link_")]


# --- sessions and slots -----------------------------------------------------------------------


@pytest.mark.parametrize("preset", ALL_PRESETS)
async def test_active_sessions_have_their_slots_again_and_nobody_else(autojump_clock, preset):
    async with play(preset, uses_max=4) as s:
        sessions = await at_once(enter, s, ["u1", "u2", "u3"])
        left = await enter(s, "u4")
        for session in (*sessions, left):
            await touch(session, session.user)
        await left.logoff()  # under some presets an orphan
        [before] = epochs(s)

        s.redirector.cable.cut()
        await trio.sleep(0.5)

        assert (3, 4, [before + 1]) == (uses(s), freed(s), epochs(s))
        assert ["link_lost", "link_recovered"] == kinds(s)
        for session in sessions:
            assert f"of {session.user}" == await read(session, session.user)
        assert 3 == uses(s)


async def test_a_session_is_logged_on_again_without_its_password(autojump_clock):
    secret = AccountConfig(verifier=make_verifier("secret", lambda size: bytes(range(size))))
    async with play(server_options={"accounts": {"alice": secret}}) as s:
        session = await (await s.client()).logon("alice", "secret")
        await touch(session, "a")
        s.redirector.cable.cut()
        await trio.sleep(0.5)

        assert 1 == uses(s)
        assert "of alice" == await read(session, "a")


async def test_who_lost_his_slot_to_another_is_told_with_a_receipt(autojump_clock):
    async with play(uses_max=1) as s:
        session = await enter(s, "u1")
        s.redirector.delay_s = 1.0
        s.redirector.cable.cut()
        await trio.sleep(0.1)
        await enter_directly(s, "u2")
        await trio.sleep(10)

        with refused(Status.STATUS_REQUEST_NOT_ACCEPTED, recalled=False) as no:
            await read(session, "a")
        assert no.value.detail["receipt"]
        assert "released" == s.redirector.state.connections.all()[0].state


async def test_a_half_open_link_of_ours_holds_no_slot_against_us(autojump_clock):
    async with play("sp5", uses_max=3) as s:
        sessions = await at_once(enter, s, ["u1", "u2", "u3"])
        s.redirector.cable.hold()  # the server will not hear that the link has ended
        await s.redirector.cable.near.aclose()
        await trio.sleep(0.5)

        assert (3, 3) == (uses(s), freed(s))
        for session in sessions:
            await touch(session, session.user)


async def test_a_server_that_forgot_its_numbers_gives_them_anew(autojump_clock):
    async with play(uses_max=6) as s:
        sessions = await at_once(enter, s, ["u1", "u2", "u3", "u4", "u5", "u6"])
        for _ in range(10):  # the order in which sessions come back is left to chance
            await s.kill_server()
            await s.restart_server()
            await trio.sleep(2)
            s.validate()

            assert 6 == uses(s)
        for session in sessions:
            await touch(session, session.user)


async def test_what_is_open_goes_on_under_a_number_that_its_slot_had_before(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        for _ in range(2):
            s.redirector.cable.cut()
            await trio.sleep(1)
        await s.kill_server()
        await s.restart_server()
        await trio.sleep(2)
        async with session.open(at("a"), "w") as file:
            s.redirector.cable.cut()
            await trio.sleep(1)
            await file.write("kept")
        await trio.sleep(31)  # the dormant age

        assert 0 == len(s.server.handles)
        assert "kept" == await read(session, "a")


async def test_who_logs_off_meanwhile_ends_nobody_else_with_his_old_number(autojump_clock):
    async with play() as s, trio.open_nursery() as nursery:
        leaving, staying = [await enter(s, user) for user in ("u1", "u2")]
        with suppress(SessionError):
            async with leaving.open(at("a"), "w"):
                await s.kill_server()
                nursery.start_soon(leaving.logoff)
                await trio.sleep(0.1)
                await s.restart_server()
                await trio.sleep(5)

        assert (1, 1) == (uses(s), len(s.server.sessions))
        with sends(s, QueryInfo=1):
            await staying.stat(at("a"))
        s.validate()


async def test_a_private_link_goes_with_the_orphan_it_was_lost_with(autojump_clock):
    kept = {"release_left": AFTER_KEEP, "dormant_age_max_s": 1.0, "scavenger_tick_s": 0.0}
    async with play("sp5", policy=kept, link_per_session=True) as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        await session.logoff()
        await trio.sleep(2)  # nothing dormant is left that would be closed by the loss
        assert 1 == len(s.redirector.state.links)

        s.redirector.cable.cut()
        await trio.sleep(1)

        assert {} == s.redirector.state.links


async def test_a_link_with_nothing_to_lose_is_not_dialled_again(autojump_clock):
    async with play() as s:
        await (await enter(s, "u1")).logoff()
        s.redirector.cable.cut()
        await trio.sleep(60)

        assert 1 == len(s.redirector.upstream)
        await enter(s, "u2")


# --- requests meanwhile -----------------------------------------------------------------------


async def test_what_was_asked_at_the_loss_and_since_is_answered_once(autojump_clock):
    async with play() as s, trio.open_nursery() as nursery:
        session = await enter(s, "u1")
        await touch(await enter_directly(s, "u2"), "a", "b")
        answers = []

        async def ask(name):
            answers.append((await session.stat(at(name))).size)

        s.redirector.delay_s = 1.0
        s.redirector.cable.up.hold()
        nursery.start_soon(ask, "a")
        await trio.sleep(1)
        s.redirector.cable.cut()
        await trio.sleep(0.1)
        nursery.start_soon(ask, "b")
        await trio.sleep(1)
        assert [] == answers

        await trio.sleep(20)
        assert [5, 5] == answers


async def test_a_connect_in_flight_takes_one_slot(autojump_clock):
    async with play() as s, trio.open_nursery() as nursery:
        session = await (await s.client()).logon("u1")
        s.redirector.cable.down.hold("TreeConnected")
        nursery.start_soon(session.connect, "server", SHARE)
        await trio.sleep(1)
        assert 1 == uses(s)

        s.redirector.cable.cut()
        await trio.sleep(1)
        assert (1, 1) == (uses(s), freed(s))
        await touch(session, "a")


async def test_a_logon_in_flight_is_one_session(autojump_clock):
    async with play() as s, trio.open_nursery() as nursery:
        await enter(s, "u1")
        s.redirector.cable.down.hold("SessionEstablished")
        nursery.start_soon(enter, s, "u2")
        await trio.sleep(1)
        s.redirector.cable.cut()
        await trio.sleep(1)

        assert (2, 2) == (uses(s), len(s.server.sessions))


# --- what was open ----------------------------------------------------------------------------


async def test_open_files_come_back_with_their_data_and_leases(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        await touch(session, "a", "b")
        async with session.open(at("a"), "r+b") as file, session.open(at("b"), "r") as other:
            assert b"of u1" == await file.read()
            s.redirector.cable.cut()
            await trio.sleep(0.5)

            assert [{"handles_reclaimed": 2, "handles_lost": 0, "slots": 1}] == counts(s)
            with sends(s):  # still known under the lease
                assert b"of u1" == await again(file)
            await file.write(b"!")
            await file.fsync()
            assert "of u1" == await other.read()
        assert "of u1!" == await read(session, "a")
        assert 1 == s.requests["Reclaim"]


async def test_dormant_files_are_not_taken_up_again(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        await touch(session, "a", "b")
        assert 2 == len(s.redirector.state.dormant)
        s.redirector.cable.cut()
        await trio.sleep(0.5)

        assert (1, 0, 0) == (uses(s), len(s.server.handles), len(s.redirector.state.dormant))


async def test_a_file_that_somebody_deleted_meanwhile_is_closed(autojump_clock):
    async with play() as s:
        session, other = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(session, "a", "b")
        async with session.open(at("a"), "rb") as gone, session.open(at("b")) as kept:
            await gone.read()
            s.redirector.delay_s = 1.0
            s.redirector.cable.cut()
            await trio.sleep(0.1)
            await other.unlink(at("a"))
            await trio.sleep(15)

            with refused(Status.STATUS_FILE_CLOSED):
                await again(gone)
            assert "of u1" == await kept.read()
        assert 1 == counts(s)[0]["handles_lost"]


async def test_writes_deferred_at_the_loss_are_at_the_server_in_the_end(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        async with session.open(at("a"), "w") as file:
            await file.write("kept")
            s.redirector.cable.cut()
        assert "kept" == await read(await enter_directly(s, "u2"), "a")


async def test_writes_deferred_to_a_file_that_is_gone_are_told_at_the_close(autojump_clock):
    async with play() as s:
        session, other = await enter(s, "u1"), await enter_directly(s, "u2")
        with refused(Status.STATUS_FILE_CLOSED):
            async with session.open(at("a"), "w") as file:
                await file.write("lost")
                s.redirector.delay_s = 1.0
                s.redirector.cable.cut()
                await trio.sleep(0.1)
                await other.unlink(at("a"))


async def test_nothing_is_told_from_memory_while_the_link_is_gone(autojump_clock):
    async with play() as s, trio.open_nursery() as nursery:
        session, other = await enter(s, "u1"), await enter_directly(s, "u2")
        await touch(session, "a")
        told = []
        async with session.open(at("a")) as file:
            assert "of u1" == await file.read()
            s.redirector.delay_s = 1.0
            s.redirector.cable.cut()
            await trio.sleep(0.1)

            async def look():
                told.append((await session.stat(at("a"))).size)

            nursery.start_soon(look)
            async with other.open(at("a"), "w") as changed:
                await changed.write("another text")
            await trio.sleep(1)
            assert [] == told
            await trio.sleep(15)
        assert [12] == told


async def test_the_closes_under_way_at_the_loss_are_done(autojump_clock):
    async with play(policy={"dormant_files_max": 0}) as s, trio.open_nursery() as nursery:
        session = await enter(s, "u1")
        await touch(session, "a")
        s.redirector.cable.up.hold("CloseBatch")
        nursery.start_soon(read, session, "a")
        await trio.sleep(1)
        assert 1 == len(s.server.handles)
        s.redirector.cable.cut()
        await trio.sleep(1)

        assert (0, 0) == (len(s.server.handles), s.redirector.state.statistics()["closing"])


async def test_a_link_lost_again_while_it_recovers_is_recovered_all_the_same(autojump_clock):
    async with play(uses_max=3) as s:
        sessions = await at_once(enter, s, ["u1", "u2", "u3"])
        for session in sessions:
            await touch(session, session.user)
        first = sessions[0]
        async with first.open(at("u1"), "r+b") as file:
            for nth in range(1, 14):
                cut_at(s, nth)
                s.redirector.cable.cut()
                await trio.sleep(3)
                assert 3 == uses(s)
                assert b"of u1" == await again(file)
                assert 1 == len(s.server.handles)


@pytest.mark.parametrize("mode", ["a", "x"])
async def test_a_file_that_was_open_for_nobody_to_hear_of_ends_no_session(autojump_clock, mode):
    """Somebody takes it meanwhile, and the link is lost a second time, wherever that is."""
    met: set[str] = set()
    for nth in range(1, 20):
        async with play() as s, trio.open_nursery() as nursery:
            session, other = await enter(s, "u1"), await enter_directly(s, "u2")
            if mode == "a":
                await touch(other, "a")
            s.redirector.cable.down.hold("Created")
            nursery.start_soon(opened, session, mode, met)
            await trio.sleep(0.1)
            s.redirector.delay_s = 0.2
            cut = cut_at(s, nth)
            s.redirector.cable.cut()
            await cut.wait()
            await other.unlink(at("a"))
            await trio.sleep(30)
            await session.logoff()
    assert {"open", "STATUS_FILE_CLOSED"} == met


async def opened(session, mode, met):
    try:
        async with session.open(at("a"), mode):
            met.add("open")
    except SessionError as no:
        met.add(no.status.name)


async def test_a_link_that_is_lost_whenever_it_is_back_is_dialled_in_measure(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        with trio.move_on_after(20):
            while True:
                s.redirector.cable.cut()
                await trio.sleep(0.001)
        assert 20 < len(s.redirector.upstream) < 60

        await trio.sleep(2)
        await touch(session, "a")
        s.redirector.cable.cut()
        before = trio.current_time()
        await touch(session, "a")
        assert trio.current_time() == before  # after a calm time at once


def cut_at(s, nth):
    """Cut the next cable at its nth message; returns what is set then."""
    gone = trio.Event()
    before = len(s.redirector.upstream)
    plug_in = s._server.plug_in

    def plugged():
        cable = plug_in()
        if len(s.redirector.upstream) == before:
            seen = []

            def heard(name):
                seen.append(name)
                if len(seen) == nth:
                    cable.cut()
                    gone.set()

            cable.up.on_arrival = cable.down.on_arrival = heard
        return cable

    s._server.plug_in = plugged
    return gone


def counts(s):
    """What each recovery took up again."""
    facts = s.redirector.state.facts.since(0, 10_000)
    names = ("handles_reclaimed", "handles_lost", "slots")
    found = [one for one in facts if one["kind"] == "link_recovered"]
    return [{name: one[name] for name in names} for one in found]


async def again(file):
    """Read a file from its start."""
    await file.seek(0)
    return await file.read()


# --- trust in what leases license -------------------------------------------------------------


async def test_after_a_stop_nothing_is_told_before_the_server_was_heard(autojump_clock):
    async with play() as s, trio.open_nursery() as nursery:
        session = await enter(s, "u1")
        await touch(session, "a")
        sizes = []

        async def look():
            sizes.append((await session.stat(at("a"))).size)

        await trio.sleep(2)
        with sends(s):
            await look()
        s.redirector.cable.hold()
        autojump_clock.jump(12.0)  # nobody ran meanwhile; the server may have given us up
        for _ in range(5):
            nursery.start_soon(look)
        await trio.sleep(1)
        assert [5] == sizes

        echoes = s.requests["Echo"]
        s.redirector.cable.release()
        await trio.sleep(0.1)
        assert [5] * 6 == sizes
        assert 1 <= s.requests["Echo"] - echoes <= 2
        assert [] == kinds(s)


async def test_a_server_that_does_not_answer_is_left_before_it_leaves_us(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        s.redirector.cable.down.hold()
        await trio.sleep(9.9)
        assert [] == kinds(s)
        await trio.sleep(1)

        assert ["link_lost", "link_recovered"] == kinds(s)
        assert "of u1" == await read(session, "a")


async def test_a_busy_link_is_confirmed_by_its_own_requests(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        link = s.redirector.state.links["server"]
        for _ in range(40):
            await touch(session, "a")
            await trio.sleep(1)
            assert trio.current_time() + 7 <= link.trusted_until


async def test_a_kernel_is_promised_no_more_than_the_server_is_trusted(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        async with session.open(at("a"), "w"):
            [connection] = s.redirector.state.connections.all()
            [handle] = connection.handles.values()
            await trio.sleep(1)
            assert 7 <= promise(s.redirector.state, handle) <= 10


class Kernel:
    """A watcher, as a mount is one: which files it was told to forget, with what it knew."""

    peer = 0

    def __init__(self):
        self.forgotten = []

    def call_back(self, file):
        paths = {handle.path for handle in file.handles}
        self.forgotten += sorted(paths)


@pytest.mark.parametrize("reconnect_max_s", [0, 30])
async def test_what_kernels_were_promised_is_called_back_at_the_loss(
    autojump_clock, reconnect_max_s
):
    async with play("win10", reconnect_max_s=reconnect_max_s) as s:
        state, kernel = s.redirector.state, Kernel()
        session = await enter(s, "u1")
        await touch(session, "closed")
        async with session.open(at("open"), "wb"):
            state.watchers.append(kernel)
            [connection] = state.connections.all()
            for handle in connection.handles.values():
                assert promise(state, handle) > 0
            await trio.sleep(1)
            s.redirector.cable.cut()
            await trio.sleep(0.5)
            assert {"closed", "open"} <= set(kernel.forgotten)
            state.watchers.remove(kernel)


async def test_administrators_see_what_is_being_recovered(autojump_clock):
    async with play() as s:
        session = await enter(s, "u1")
        await touch(session, "a")
        assert ["up"] == [row["state"] for row in VIEWS["links"](s.redirector.state, 0)]
        await s.kill_server()
        await trio.sleep(2)

        [row] = VIEWS["links"](s.redirector.state, 0)
        assert ("recovering", 2.0) == (row["state"], row["lost_for_s"])
        assert row["dials"] > 2
        await s.restart_server()
        await trio.sleep(2)
        assert ["up"] == [row["state"] for row in VIEWS["links"](s.redirector.state, 0)]


# --- a server that is gone --------------------------------------------------------------------


async def test_after_a_while_everything_is_given_up_and_says_so(autojump_clock):
    async with play(reconnect_max_s=20) as s:
        session = await enter(s, "u1")
        with refused(DISCONNECTED) as close:
            async with session.open(at("a"), "wb") as file:
                await file.write(b"lost")
                await s.kill_server()
                began = trio.current_time()
                for call in (lambda: session.stat(at("b")), file.read):
                    with refused(DISCONNECTED) as no:
                        await call()
                    assert "server was dialled again for 20.0 s" in no.value.advice
                assert 20.0 <= trio.current_time() - began <= 21.0
        assert "server was dialled again for 20.0 s" in close.value.advice
        assert ["link_lost", "link_given_up"] == kinds(s)
        await s.restart_server()
        await touch(session, "c")


async def test_a_logoff_is_bounded_while_the_server_is_gone(autojump_clock):
    async with play(logoff_max_s=5) as s:
        session = await enter(s, "u1")
        async with session.open(at("a"), "wb") as file:
            await file.write(b"unsent")
            await s.kill_server()
            await trio.sleep(1)
            began = trio.current_time()
            proof = await session.logoff()
        assert trio.current_time() - began <= 7.1
        assert any("a: " in line for line in proof.residue), proof.residue
        await s.restart_server()


async def test_a_redirector_told_to_stop_meanwhile_stops_in_time(autojump_clock):
    async with play(logoff_max_s=5) as s, trio.open_nursery() as nursery:
        session = await enter(s, "u1")
        await touch(session, "a")
        await s.kill_server()
        await trio.sleep(1)
        nursery.start_soon(stat_or_not, session)
        await trio.sleep(1)
        began = trio.current_time()
        await daemon.stop(s.redirector.state)
        assert trio.current_time() - began <= 7.1
        await s.restart_server()


async def stat_or_not(session):
    with pytest.raises(SessionError):
        await session.stat(at("b"))


# --- what is in the middle of something -------------------------------------------------------


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("preset", ["sp6", "win10"])
async def test_a_listing_of_many_pages_is_whole(autojump_clock, preset, nth):
    async with play(preset) as s:
        session, direct = await enter(s, "u1"), await enter_directly(s, "u2")
        names = [f"f{number:04}" for number in range(2500)]
        for name in names:
            await touch(direct, name)
        arrived = []

        def cut_at(name):
            arrived.append(name)
            if arrived.count("QueryDirectory") == nth:
                s.redirector.cable.cut()

        s.redirector.cable.up.on_arrival = cut_at
        listed = [entry.name for entry in await session.listdir(at())]
        assert arrived.count("QueryDirectory") >= nth
        assert ["link_lost", "link_recovered"] == kinds(s)
        assert names == listed


async def test_a_logoff_says_what_it_could_not_send(autojump_clock):
    async with play(logoff_max_s=5) as s:
        session = await enter(s, "u1")
        async with session.open(at("a"), "wb") as file:
            await file.write(b"unsent")
            await s.kill_server()
            await trio.sleep(1)
            proof = await session.logoff()
        assert r"server\docs\a: 6 bytes were not written" in proof.residue
        await trio.sleep(2)  # the link is given up, as nobody needs it
        assert 0 == s.redirector.state.statistics()["deferred_bytes"]
        await s.restart_server()


async def test_a_disconnect_in_flight_at_the_loss_has_freed_the_slot(autojump_clock):
    async with play(uses_max=1) as s, trio.open_nursery() as nursery:
        session = await enter(s, "u1")
        s.redirector.cable.up.hold("TreeDisconnect")
        nursery.start_soon(session.disconnect, "server", SHARE)
        await trio.sleep(1)
        s.redirector.cable.cut()
        await trio.sleep(1)
        assert (0, 1) == (uses(s), freed(s))
        await touch(session, "a")
        assert (1, 1) == (uses(s), freed(s))


async def test_a_logoff_in_flight_at_the_loss_says_that_it_freed_the_slot(autojump_clock):
    async with play(uses_max=2) as s, trio.open_nursery() as nursery:
        session, other = await enter(s, "u1"), await enter(s, "u2")
        proofs = []

        async def leave():
            proofs.append(await session.logoff())

        s.redirector.cable.up.hold("TreeDisconnect")
        nursery.start_soon(leave)
        await trio.sleep(1)
        s.redirector.cable.cut()
        await trio.sleep(1)
        assert 1 == uses(s)
        assert ("server\\docs: the link was lost, which freed the slot",) == proofs[0].residue
        await touch(other, "a")
