"""Every card that comes with the program holds, and would fail if it expected anything else."""

import re
from dataclasses import replace
from functools import cache
from io import StringIO
from random import Random

import pytest
import trio
from rich.console import Console

from clients.lab.cards import card as cards
from clients.lab.cards import outcome, playing, shelf, showing, vocabulary, writing
from clients.lab.cards.card import Card
from clients.lab.cards.vocabulary import CardError
from redird.presets import PRESETS

NAMES = shelf.names()
PLAYABLE = [name for name in NAMES if not shelf.load(name).cannot]


@cache
def played(name):
    """A card under all of its presets; both tests look at the same plays."""
    card = shelf.load(name)
    return card, [playing.play(card, preset) for preset in card.presets]


def test_there_are_cards_and_few_that_cannot_be_played():
    assert 35 <= len(PLAYABLE)
    assert all(shelf.load(name).nearest for name in set(NAMES) - set(PLAYABLE))


@pytest.mark.parametrize("name", PLAYABLE)
def test_a_card_holds_under_every_preset_it_names(name):
    card, plays = played(name)

    assert {one.preset: [] for one in plays} == {
        one.preset: outcome.differences(card, one) for one in plays
    }
    assert len(card.steps) == len(plays[0].happenings)


@pytest.mark.parametrize("name", PLAYABLE)
def test_a_card_that_expects_anything_else_fails(name):
    card, plays = played(name)
    for one in plays:
        for label, expected in card.expects(one.preset).items():
            for other in otherwise(expected):
                wrong = {
                    presets: outcomes | {label: other}
                    for presets, outcomes in card.expected.items()
                }
                found = outcome.differences(replace(card, expected=wrong), one)

                assert [f"{label}: expected {other}, got {expected}"] == found


def otherwise(expected):
    """What might have been expected instead."""
    yield "skipped"
    if "STATUS_SUCCESS" in expected:
        yield expected.replace("STATUS_SUCCESS", "STATUS_REQUEST_NOT_ACCEPTED", 1)
    elif "STATUS_" in expected:
        yield re.sub(r"STATUS_\w+", "STATUS_SUCCESS", expected, count=1)
    if number := re.search(r"\d+", expected):
        yield f"{expected[: number.start()]}{int(number[0]) + 1}{expected[number.end() :]}"
    for one, other in (("spurious", "genuine"), ("genuine", "spurious"), ("orphan", "live")):
        if one in expected:
            yield expected.replace(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_a_card_is_written_as_it_is_read(name):
    card = shelf.load(name)

    assert card == cards.parse(writing.render(card), name)
    assert len(card.story) > 100
    assert not (longest := [line for line in card.story.split() if len(line) > 40]), longest


@pytest.mark.parametrize("name", ["Q248371", "ksmbd-627", "samba-count-race"])
def test_a_card_goes_the_same_way_each_time(name):
    card = shelf.load(name)
    for preset in ("sp5", "recall"):
        assert playing.play(card, preset) == playing.play(card, preset)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_count_of_a_race_depends_on_no_schedule(seed):
    card = shelf.load("samba-count-race")
    assert [] == outcome.differences(card, playing.play(card, "sp6", seed))


# --- the player -------------------------------------------------------------------------------


def card_of(steps, *, settings="", **expected):
    lines = "\n".join(f'{label} = "{text}"' for label, text in expected.items())
    return cards.parse(
        f"""
title = "A story"
sources = ["here"]
story = "It happens."
hosts = 2
steps = '''
{steps}
'''
{settings}
[expected.default]
{lines}
""",
        "story",
    )


def outcomes(steps, settings="", preset="sp6", **expected):
    """What the steps give, by name; the expectations do not matter."""
    labels = re.findall(r"-> (\w+)", steps)
    card = card_of(steps, settings=settings, **dict.fromkeys(labels, "?"))
    one = playing.play(card, preset)
    assert one.trouble == ""
    return outcome.measured(card, one)


def test_what_was_refused_is_skipped_later():
    found = outcomes(
        """
        alice logs on
        alice opens a.txt for reading as A -> opens
        alice reads A -> reads
        alice closes A -> closes
        """
    )
    assert {
        "opens": "STATUS_OBJECT_NAME_NOT_FOUND",
        "reads": "skipped",
        "closes": "skipped",
    } == found


def test_what_is_done_meanwhile_is_overtaken():
    found = outcomes(
        """
        alice logs on
        bob@host2 logs on
        host1 is slow by 3 s
        meanwhile alice connects docs -> slow
        bob connects docs -> fast
        count slots -> before
        wait for everybody
        count slots -> after
        """
    )
    assert {
        "slow": "STATUS_SUCCESS after 6 s",
        "fast": "STATUS_SUCCESS",
        "before": "1",
        "after": "2",
    } == found


def test_a_host_that_is_not_heard_answers_nobody_until_it_is():
    found = outcomes(
        """
        alice logs on
        host1 falls silent
        meanwhile alice connects docs -> silent
        wait 100 s
        count slots -> slots
        host1 is heard again
        wait for everybody
        alice loses the link
        count sessions -> sessions
        """
    )
    assert {
        "silent": "STATUS_SUCCESS after 100 s",
        "slots": "0",
        "sessions": "0",
    } == found


def test_a_step_that_nobody_answers_ends():
    found = outcomes(
        """
        alice logs on
        host1 withholds TreeConnect
        alice connects docs -> never
        """
    )
    assert {"never": "no answer within 600 s after 600 s"} == found


@pytest.mark.parametrize("what", ["connection of bob", "file b.txt", "session of bob"])
def test_the_admin_closes_it(what):
    found = outcomes(
        f"""
        bob logs on
        bob opens b.txt for writing alone as B
        alice@host2 logs on
        the admin closes the {what}
        alice opens b.txt for writing alone as A -> opens
        bob reads B -> bobs
        """
    )
    assert "STATUS_SUCCESS" == found["opens"]
    assert "STATUS_SUCCESS" != found["bobs"]
    assert found["bobs"].startswith("STATUS_")


def test_whoever_comes_directly_is_a_user_too():
    found = outcomes(
        """
        alice@server logs on
        alice opens a.txt for writing as A
        alice locks A
        bob logs on
        bob opens a.txt for writing as B
        bob writes B -> locked
        alice logs off -> leaves
        bob writes B -> free
        bob logs off -> ends
        """
    )
    assert "STATUS_FILE_LOCK_CONFLICT" == found.pop("locked")
    assert {"STATUS_SUCCESS"} == set(found.values())


def test_what_the_stage_finds_wrong_fails_the_card(monkeypatch):
    card = shelf.load("Q127828")
    monkeypatch.setattr(playing.Player, "play", leak)

    (difference, *_) = reversed(outcome.differences(card, playing.play(card, "sp6")))

    assert "the stage: after all have logged off there are {'server: uses': 1}" in difference


async def leak(self):
    await trio.lowlevel.checkpoint()
    self._stage.server.ledger.admit("docs", None, 0, 0, "nobody", 0)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("[share]\nuse_max = 1", "share: unknown key 'use_max'; known keys: comment"),
        ("[server]\nlisten = 3", "server: unknown key 'listen'"),
        ("[redirector]\npreset = 'sp5'", "redirector: unknown key 'preset'"),
        ("[redirector]\nopens_max = 'x'", "redirector: opens_max: must be a whole number"),
        ("[policy]\ndormant_s = 3", "policy: unknown key 'dormant_s'"),
        ("[policy]\ndormant_age_max_s = 1e6", "policy.dormant_age_max_s: at most 86400 s"),
        ("[server]\necho_s = 5000", "echo_s: must be more than 0 and less than"),
    ],
)
def test_settings_that_no_daemon_has_are_refused(tmp_path, settings, says):
    path = tmp_path / "mine.toml"
    card = card_of("alice logs on\ncount slots -> n", n="0")
    path.write_text(f"{writing.render(card)}\n{settings}\n")

    with pytest.raises(CardError) as caught:
        shelf.load(str(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert says in str(caught.value)


# --- told to people ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Q248371", "Q153066", "sku-limit-20"])
def test_a_card_is_told_within_80_columns(name):
    card = shelf.load(name)
    plays = [] if card.cannot else played(name)[1]
    lines = [line.plain for line in showing.told(card, plays)]

    assert [] == [line for line in lines if len(line) >= 80 or line != line.rstrip()]
    assert card.title in lines[0]
    shown = [one for one in PRESETS if any(one in line for line in lines if "expected" in line)]
    assert [one.preset for one in plays] == shown


def test_the_table_of_cards_has_room_in_80_columns():
    names = ["Q248371", "Q153066", "cifs-lease-break-several"]
    results = {
        name: (shelf.load(name), [] if name == "Q153066" else played(name)[1]) for name in names
    }
    console = Console(file=StringIO(), width=80)
    with console.capture() as shown:
        console.print(showing.cards_table(results))
    lines = [line.rstrip() for line in shown.get().splitlines()]

    assert [] == [line for line in lines if len(line) > 80 or "…" in line]
    ends = {line.split()[0]: line.split()[-1] for line in lines if line.split()[0] in names}
    assert dict(zip(names, ["pass", "cannot", "pass"], strict=True)) == ends


def test_a_difference_is_told_where_it_happened():
    card, plays = played("Q214563")
    wrong = replace(card, expected={"default": card.expects("sp4")})
    told = "\n".join(line.plain for line in showing.told(wrong, plays))

    assert "sp4: as expected" in told
    assert "sp3, sp5, sp6" in told
    assert "FAIL: STATUS_SUCCESS, expected STATUS_CONNECTION_IN_USE" in told


# --- any card at all --------------------------------------------------------------------------

PEOPLE = ("alice", "bob", "carol#2", "dave")
PLACES = ("", "@host1", "@host2", "@server")
MESSAGES = ("CloseBatch", "BatchClosed", "TreeConnected", "LeaseBreak", "Created", "LoggedOff")


def any_card(random):
    """Whatever users, hosts and an admin may do, in any order."""
    steps = [
        made(number, "logon", {"newcomer": name + random.choice(PLACES)})
        for number, name in enumerate(PEOPLE)
    ]
    opened = set()
    for number in range(len(PEOPLE), random.randrange(12, 40)):
        form = random.choice(list(vocabulary.FORMS.values()))
        words = {
            slot: any_word(slot, random) for slot in re.findall(r"\{(\w+)\}", form.template)
        }
        if form.verb in ("open", "alone"):
            opened.add((words["user"], words["file"]))
        if "file" not in words or (words["user"], words["file"]) in opened:
            meanwhile = form.kind == "user" and random.random() < 0.2
            steps.append(made(number, form.verb, words, meanwhile))
    share = {"uses_max": random.choice([1, 2, 3])}
    server = random.choice([{}, {"echo_s": 5.0, "peer_silence_max_s": 15.0}])
    card = Card("any", "t", ("s",), "s", tuple(steps), hosts=2, share=share, server=server)
    cards.require_sense(card, draft=True)
    return card


def made(number, verb, words, meanwhile=False):
    kind = vocabulary.FORMS[verb].kind
    label = f"l{number}" if kind in ("user", "look") else ""
    return vocabulary.make(verb, words, label=label, meanwhile=meanwhile)


def any_word(slot, random):
    choices = {
        "newcomer": [f"{name}{place}" for name in PEOPLE for place in PLACES],
        "user": PEOPLE,
        "one": PEOPLE,
        "host": ["host1", "host2"],
        "path": ["a", "b", "d", "d/a"],
        "target": ["a", "e", "d/c", "d"],
        "paths": ["a", "a b", "d/a"],
        "file": "AB",
        "purpose": ["reading", "reading or making", "writing"],
        "value": "123",
        "block": "01",
        "count": "1234",
        "seconds": ["0", "0.1", "1"],
        "message": MESSAGES,
    }
    return random.choice(choices[slot])


@pytest.mark.parametrize("preset", PRESETS)
def test_whatever_happens_a_card_ends_and_every_table_agrees_with_itself(preset):
    random = Random(preset)
    for _ in range(3):
        card = any_card(random)
        one = playing.play(card, preset)

        assert "" == one.trouble, writing.render(card)
        assert list(range(1, len(card.steps) + 1)) == [done.step for done in one.happenings]
