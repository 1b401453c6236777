"""A swarm of planned sessions, in virtual time: what it counts, and from when it measures."""

import pytest
import trio

from clients import session
from clients.lab.staging.stage import SERVER
from clients.swarm.runner import NO_ANSWER, Bounds, Runner, Target, file_name
from clients.swarm.trace import PlannedSession, Visit
from tests.playbook import at, enter, play

TARGET = Target("", SERVER, "docs", "u1")


def runner_on(s, bounds=None, pause_s=None, target=TARGET):
    def dial():
        return session.dial(s.plug_in(s.redirector).near)

    return Runner(target, bounds or Bounds(), dial, pause_s)


async def make_files(s, count):
    guest = await enter(s, "u1")
    for number in range(count):
        async with guest.open(at(file_name(number)), "wb") as file:
            await file.write(b"x" * 100)
    await guest.logoff()


def planned(*starts, length_s=5.0, visits=()):
    return [PlannedSession(user, at_s, length_s, visits) for user, at_s in enumerate(starts)]


async def run(runner, sessions, closed=False, duration_s=60.0):
    await runner.run(sessions, closed, trio.current_time(), duration_s)


async def test_every_session_logs_on_works_and_logs_off(autojump_clock):
    visits = (Visit(1.0, 0, False), Visit(1.0, 1, True), Visit(4.9, 0, False))
    async with play() as s:
        await make_files(s, 2)
        runner = runner_on(s)
        await run(runner, planned(0.0, 1.0, 20.0, visits=visits))

    counts = runner.measures.counts
    assert (3, 3, 3, 0) == (counts.arrivals, counts.logons, counts.admitted, counts.failed)
    assert (9, 0) == (counts.operations, counts.operations_failed)
    assert (0, 2) == (counts.sessions, counts.sessions_peak)
    assert (3, 3, 9, 3) == (
        runner.measures.lag.count,
        runner.measures.logon.count,
        runner.measures.operation.count,
        runner.measures.logoff.count,
    )


async def test_who_is_refused_is_lost_unless_told_to_try_again(autojump_clock):
    async with play(uses_max=1) as s:
        lost, patient = runner_on(s), runner_on(s, pause_s=2.0)
        await run(lost, planned(0.0, 1.0))
        await run(patient, planned(0.0, 1.0))

    assert (1, 1, 2) == outcome(lost)
    assert (2, 2, 4) == outcome(patient)  # refused at 1 and 3, admitted at 5


def outcome(runner):
    counts = runner.measures.counts
    return counts.admitted, counts.refused, counts.logons


async def test_a_silent_server_costs_every_arrival_the_time_it_waited(autojump_clock):
    async with play() as s:
        runner = runner_on(s)

        async def freeze():
            await trio.sleep(2.0)
            [cable] = s.redirector.upstream
            cable.hold()
            await trio.sleep(6.0)
            cable.release()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(freeze)
            await run(runner, planned(*(number / 10 for number in range(100)), length_s=0.5))

    assert 100 == runner.measures.counts.admitted
    waits = [runner.measures.logon.quantile(fraction) for fraction in (0.3, 0.5, 0.9, 1.0)]
    assert [0.0, 1.0, 5.0, 6.0] == pytest.approx(waits, abs=0.1)


async def test_arrivals_that_find_no_room_are_counted(autojump_clock):
    async with play() as s:
        runner = runner_on(s, Bounds(in_flight_max=2))
        await run(runner, planned(0.0, 1.0, 2.0, 3.0, 8.0))

    counts = runner.measures.counts
    assert (5, 3, 2) == (counts.arrivals, counts.logons, counts.not_started)


async def test_a_stopped_swarm_lets_its_sessions_log_off(autojump_clock):
    async with play() as s:
        runner, begun = runner_on(s), trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run, runner, planned(0.0, 1.0, 50.0, length_s=55.0))
            await trio.sleep(10)
            runner.stop()
        assert trio.current_time() - begun < 15

    counts = runner.measures.counts
    assert (2, 2, 2, 0) == (counts.arrivals, counts.admitted, counts.cut, counts.sessions)
    assert 2 == runner.measures.logoff.count


async def test_sessions_longer_than_the_run_are_cut_after_the_grace(autojump_clock):
    async with play() as s:
        runner = runner_on(s, Bounds(grace_s=5.0))
        await run(runner, planned(0.0, 9.0, length_s=1000.0), duration_s=10.0)

    assert (2, 0) == (runner.measures.counts.cut, runner.measures.counts.lost)


async def test_a_logon_without_an_answer_counts_as_failed_after_the_whole_wait(autojump_clock):
    async with play() as s:
        runner = runner_on(s, Bounds(grace_s=2.0, ending_max_s=1.0))
        await s.client()
        s.redirector.delay_s = 5.0
        await run(runner, planned(0.0), duration_s=1.0)

    assert (1, 0) == (runner.measures.counts.failed, runner.measures.counts.admitted)
    assert {NO_ANSWER: 1} == dict(runner.reasons)
    assert 4.0 == pytest.approx(runner.measures.logon.quantile(1.0), rel=0.02)


async def test_users_of_a_closed_swarm_come_again_after_thinking(autojump_clock):
    own = [PlannedSession(7, 2.0, 3.0, ()) for _ in range(9)]
    async with play() as s:
        runner = runner_on(s)
        await run(runner, own, closed=True, duration_s=13.0)

    counts = runner.measures.counts
    assert (3, 3, 1) == (counts.arrivals, counts.admitted, counts.sessions_peak)
    starts = [stay[1] for stay in runner.diary.plain()]
    assert [5.0, 5.0] == pytest.approx([starts[1] - starts[0], starts[2] - starts[1]])


async def test_a_refused_password_is_a_failure_with_a_reason(autojump_clock):
    async with play() as s:
        runner = runner_on(s, target=Target("", SERVER, "docs", "nobody", "x"))
        await run(runner, planned(0.0, 1.0))

    assert 2 == runner.measures.counts.failed
    assert ["nobody at server"] == [text.partition(":")[0] for text in runner.reasons]


async def test_few_links_carry_many_sessions(autojump_clock):
    dialled = []
    async with play() as s:
        runner = runner_on(s, Bounds(sessions_per_link=4))
        plain = runner._dial

        def counting():
            dialled.append(1)
            return plain()

        runner._dial = counting
        await run(runner, planned(*(number / 10 for number in range(10))))
    assert 10 == runner.measures.counts.sessions_peak
    assert 3 == len(dialled)


async def test_a_diary_that_is_full_says_so(autojump_clock):
    async with play() as s:
        runner = runner_on(s, Bounds(stays_max=1))
        await run(runner, planned(0.0, 1.0))

    assert (1, False) == (len(runner.diary.plain()), runner.diary.complete)
