"""Actors do what a plan says over a stage; their history is whole, whatever happens to them."""

import functools
import json
from collections import Counter, defaultdict
from random import Random

import trio

from clients.lab.checking.history import read
from clients.lab.checking.recorder import Recorder
from clients.lab.exercising.actors import Place, act, by_awaiting
from clients.lab.exercising.plans import Action, Knobs, Plan, UserPlan, plan, user_names
from clients.lab.staging import virtual
from tests.playbook import play

KNOBS = Knobs(users=5, hosts=("host1",), limit=2, duration_s=60.0)


async def _exercise(made: Plan, preset: str, disturb=None, uses_max=2) -> list[str]:
    lines: list[str] = []
    began = trio.current_time()
    recorder = Recorder(lambda: round((trio.current_time() - began) * 1e9), lines.append)
    recorder.setting(1, preset=preset, uses_max=uses_max)
    guests = {"users": user_names(KNOBS)}
    async with play(preset, uses_max, server_options=guests) as s:
        dial = by_awaiting(s.client)
        async with trio.open_nursery() as nursery:
            if disturb:
                nursery.start_soon(disturb, s)
            for user in made.users:
                nursery.start_soon(act, user, Place(), dial, recorder)
    return lines


def _run(made: Plan, preset: str = "sp6", disturb=None, uses_max=2) -> list[str]:
    return virtual.run(functools.partial(_exercise, made, preset, disturb, uses_max))


def _outcomes(lines) -> dict[str, Counter[str]]:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for event in read(lines):
        if event.type in ("ok", "fail", "unknown"):
            found[event.what][event["status"] if event.type == "fail" else event.type] += 1
    return found


def test_a_plan_is_done_and_recorded_and_every_operation_has_one_outcome():
    lines = _run(plan(Random(1), KNOBS))

    outcomes = _outcomes(lines)
    ops = Counter(event["op"] for event in read(lines) if "op" in event.fields)
    receipts = {event["op"] for event in read(lines) if event.type == "receipt"}
    assert {2} == {count for op, count in ops.items() if op not in receipts}
    assert all(outcomes[f]["ok"] for f in ("logon", "connect", "logoff", "open", "close"))
    assert all(outcomes[f]["ok"] for f in ("read", "write", "fsync", "stat", "lock"))
    assert outcomes["connect"]["STATUS_REQUEST_NOT_ACCEPTED"] == len(receipts) > 0


def test_the_same_plan_gives_the_same_history():
    made = plan(Random(2), KNOBS)

    assert _run(made) == _run(made)


def test_any_part_of_a_plan_can_be_done():
    made = plan(Random(3), KNOBS)
    numbers = made.numbers
    for seed in range(5):
        part = made.only(Random(seed).sample(numbers, len(numbers) // 4))

        assert len(_run(part)) > 10


def _user(*actions: Action) -> Plan:
    return Plan((UserPlan("host1", "user1", actions),))


def test_a_lost_link_leaves_unknown_what_was_in_flight_and_the_user_comes_again():
    made = _user(
        Action(1, "logon"),
        Action(2, "connect"),
        Action(3, "open", path="hot0"),
        Action(4, "write", 1.0, path="hot0", value=4),
        Action(5, "open", 5.0, path="hot0"),
        Action(6, "write", path="hot0", value=6),
        Action(7, "logoff"),
    )

    async def cut_while_writing(s):
        await trio.sleep(0.5)
        (cable,) = s.redirector.cables
        cable.up.hold("Write")
        await trio.sleep(1.0)
        cable.cut()

    lines = _run(made, disturb=cut_while_writing)

    told = [(e.type, e.what, e["process"]) for e in read(lines) if e.type in ("ok", "unknown")]
    assert [
        ("ok", "logon", "host1/user1#1"),
        ("ok", "connect", "host1/user1#1"),
        ("ok", "open", "host1/user1#1"),
        ("unknown", "write", "host1/user1#1"),
        ("ok", "logon", "host1/user1#2"),
        ("ok", "connect", "host1/user1#2"),
        ("ok", "open", "host1/user1#2"),
        ("ok", "write", "host1/user1#2"),
        ("ok", "logoff", "host1/user1#2"),
    ] == told


def test_whoever_is_impatient_hangs_up_and_comes_again():
    made = _user(
        Action(1, "logon"),
        Action(2, "connect"),
        Action(3, "open", 1.0, path="hot0", patience_s=0.5),
        Action(4, "stat", 9.0, path="hot0"),
        Action(5, "logoff"),
    )

    async def hold_up_what_is_opened(s):
        await trio.sleep(0.5)
        s.redirector.cable.down.hold("Created")
        await trio.sleep(5.0)
        s.redirector.cable.release()

    lines = _run(made, disturb=hold_up_what_is_opened)

    told = [
        (e.type, e.what, e.at_ns // 10**9) for e in read(lines) if e.type in ("ok", "unknown")
    ]
    assert [
        ("ok", "logon", 0),
        ("ok", "connect", 0),
        ("unknown", "open", 1),
        ("ok", "logon", 10),
        ("ok", "connect", 10),
        ("ok", "stat", 10),
        ("ok", "logoff", 10),
    ] == told


def test_nobody_to_dial_ends_when_the_plan_would_have():
    lines: list[str] = []

    async def story():
        async def dial():
            await trio.sleep(0.25)
            raise OSError("nobody listens")

        recorder = Recorder(lambda: 0, lines.append)
        user = _user(Action(1, "logon"), Action(2, "connect", 7.5)).users[0]
        await act(user, Place(), by_awaiting(dial), recorder)
        return trio.current_time()

    assert 7.0 < virtual.run(story) < 12.0
    assert [] == lines


def test_a_refused_user_leaves_files_alone_until_the_next_connect():
    others = Plan(
        (
            UserPlan("host1", "user1", (Action(1, "logon"), Action(2, "connect"),
                                        Action(3, "logoff", 10.0))),
            UserPlan("host1", "user2", (
                Action(4, "logon", 1.0), Action(5, "connect"),
                Action(6, "open", path="hot0"), Action(7, "stat", path="hot0"),
                Action(8, "connect", 15.0), Action(9, "open", path="hot0"),
                Action(10, "logoff"))),
        )
    )  # fmt: skip

    lines = _run(others, uses_max=1)

    own = [json.loads(one) for one in lines[1:]]
    told = [(e["type"], e["f"]) for e in own if "user2" in e["process"] and "f" in e]
    assert [("fail", "connect"), ("invoke", "connect"), ("ok", "connect")] == told[3:6]
