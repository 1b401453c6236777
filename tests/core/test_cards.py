"""Cards as text: read as they were written; what makes no sense is said in one line."""

import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.lab.cards import card as cards
from clients.lab.cards import outcome, vocabulary, writing
from clients.lab.cards.card import Card
from clients.lab.cards.outcome import Happening, Played
from clients.lab.cards.vocabulary import FORMS, CardError
from redird.presets import PRESETS
from redird.wire.messages.vocabulary import MESSAGES
from redird.wire.status import Status

# --- steps ------------------------------------------------------------------------------------

letters = st.sampled_from(string.ascii_lowercase)
stems = st.text(string.ascii_lowercase + "_", max_size=5).map(lambda rest: f"u{rest}")
persons = st.builds(
    lambda stem, mark, number: f"{stem}{mark}{number}" if number else stem,
    stems,
    st.sampled_from(["", "#"]),
    st.integers(0, 99),
)
crowds = st.builds(
    lambda stem, first, more: f"{stem}{first}..{stem}{first + more} each",
    stems,
    st.integers(1, 99),
    st.integers(1, 99),
)
hosts = st.integers(1, 20).map(lambda number: f"host{number}")
components = st.text(string.ascii_lowercase + string.digits + "_.~-", max_size=5)
paths = st.builds(
    lambda first, rest, more: "/".join([first + rest, *more]),
    letters,
    components,
    st.lists(components.filter(bool), max_size=2),
)
WORDS = {
    "user": persons | crowds,
    "newcomer": st.builds(
        lambda who, place: (
            who.replace(" each", f"{place} each") if who.endswith(" each") else who + place
        ),
        persons | crowds,
        st.sampled_from(["", "@server"]) | hosts.map(lambda host: f"@{host}"),
    ),
    "one": persons,
    "host": hosts,
    "path": paths,
    "target": paths,
    "paths": st.lists(paths, min_size=1, max_size=3).map(" ".join),
    "file": st.from_regex(r"[A-Z][A-Z0-9]{0,3}", fullmatch=True),
    "purpose": st.sampled_from(["reading", "reading or making", "writing"]),
    "value": st.integers(1, 10**18 - 1).map(str),
    "block": st.integers(0, 99_999).map(str),
    "count": st.integers(1, 99_999).map(str),
    "seconds": st.floats(0, 86_400).map(lambda seconds: f"{seconds:.3f}"),
    "message": st.sampled_from(sorted(MESSAGES)),
}
labels = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)


def slots(form):
    return re.findall(r"\{(\w+)\}", form.template)


@st.composite
def steps(draw):
    """Any step that can be written."""
    form = draw(st.sampled_from(list(FORMS.values())))
    words = {slot: draw(WORDS[slot]) for slot in slots(form)}
    named = form.kind == "look" or (form.kind == "user" and draw(st.booleans()))
    return vocabulary.make(
        form.verb,
        words,
        label=draw(labels) if named else "",
        meanwhile=form.kind == "user" and draw(st.booleans()),
    )


@settings(max_examples=50)
@given(steps())
def test_a_step_is_read_as_it_was_written(step):
    assert step == vocabulary.parse(vocabulary.render(step))


@pytest.mark.parametrize("verb", FORMS)
@settings(max_examples=5)
@given(data=st.data())
def test_each_form_can_be_written_so_that_it_is_read_as_itself(verb, data):
    words = {slot: data.draw(WORDS[slot]) for slot in slots(FORMS[verb])}
    label = "x" if FORMS[verb].kind == "look" else ""
    assert verb == vocabulary.make(verb, words, label=label).verb


def test_a_crowd_is_everybody_in_it():
    step = vocabulary.parse("user9..user11@host2 each logs on")

    assert (["user9", "user10", "user11"], "host2") == (step.people, step.place)
    assert ["guest#1", "guest#2"] == vocabulary.parse("guest#1..guest#2 each logs off").people
    assert "guest" == vocabulary.user_of("guest#2")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("alice logs of", "did you mean `USER logs off`?"),
        ("alice opns a.txt", "there are: USER@HOST logs on; USER logs off"),
        ("host1 explodes", "there are: HOST loses its link"),
        ("count sheep -> n", "there are: count slots"),
        ("wait a while", "there are: wait SECONDS s"),
        ("the admin sleeps", "there are: the admin closes the session of USER"),
        ("alice opens A for reading as A", "no such step"),
        ("alice opens a.txt for erasing as A", "no such step"),
        ("alice logs off -> Left", "'Left' is no name for an outcome"),
        ("count slots", "needs a name"),
        ("wait 3 s -> waited", "have an outcome to be named"),
        ("meanwhile wait 3 s", "only what users do can be done meanwhile"),
        ("wait 100000 s", "at most 86400 s"),
        ("host1 withholds CloseBatches", "did you mean CloseBatch?"),
        ("user1..user3 logs on", "`user1..user9 each`"),
        ("alice each logs on", "`user1..user9 each`"),
        ("user3..user1 each logs on", "growing numbers"),
        ("user1..guest3 each logs on", "growing numbers"),
        ("user01..user09 each logs on", "growing numbers"),
        ("user1..user2000 each logs on", "at most 1000"),
        ("host1 logs on", "'host1' is no name for a user"),
        ("the admin closes the session of server", "'server' is no name"),
    ],
)
def test_a_bad_step_says_what_is_allowed(line, says):
    with pytest.raises(CardError) as caught:
        vocabulary.parse(line)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_program_cannot_make_a_step_that_nobody_could_read():
    for words in ({}, {"user": "alice", "path": "a"}, {"user": "Alice"}, {"user": "a logs on"}):
        with pytest.raises(CardError):
            vocabulary.make("logoff", words)


# --- cards ------------------------------------------------------------------------------------

sentences = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=200
).map(lambda text: " ".join(text.split()))
told = sentences.filter(bool)
tables = st.dictionaries(
    st.text(string.ascii_lowercase + "_ ä\"'", max_size=9),
    st.integers(-9, 10**9) | st.booleans() | st.floats(0, 1e9) | st.text(max_size=9),
    max_size=2,
)
outcomes = st.sampled_from(
    ["STATUS_SUCCESS", "3", 'a "b" \\ c', "STATUS_FILE_CLOSED after 1 s"]
)


@st.composite
def made_cards(draw):
    """Any card that can be written: users who come, then do something that is looked at."""
    names = draw(st.lists(persons, min_size=1, max_size=3, unique=True))
    story = [vocabulary.make("logon", {"newcomer": name}) for name in names]
    wanted = draw(st.lists(labels, min_size=1, max_size=4, unique=True))
    for label in wanted:
        verb = draw(st.sampled_from(["slots", "kept", "connect"]))
        words = {"user": draw(st.sampled_from(names))} if verb == "connect" else {}
        story.append(vocabulary.make(verb, words, label=label))
    presets = draw(st.sets(st.sampled_from(list(PRESETS)), min_size=1))
    others = sorted(draw(st.sets(st.sampled_from(sorted(presets)))))
    expected = {"default": {label: draw(outcomes) for label in wanted}}
    if others:
        expected[" ".join(others)] = {wanted[0]: draw(outcomes)}
    return Card(
        name="made",
        title=draw(told),
        sources=tuple(draw(st.lists(told, min_size=1, max_size=2))),
        story=draw(told),
        steps=tuple(story),
        expected=expected,
        presets=tuple(one for one in PRESETS if one in presets),
        hosts=draw(st.integers(1, 20)),
        **{section: draw(tables) for section in cards.WORLD},
    )


@settings(max_examples=50)
@given(made_cards())
def test_a_card_is_read_as_it_was_written(made):
    assert made == cards.parse(writing.render(made), "made")


@given(told, told, told)
def test_a_card_that_cannot_be_played_is_read_as_it_was_written(story, cannot, nearest):
    made = Card("made", "A title", ("KB Q1",), story, cannot=cannot, nearest=nearest)
    assert made == cards.parse(writing.render(made), "made")


WHOLE = """
title = "A title"
sources = ["KB Q1"]
story = "What happens."
presets = ["sp5", "sp6"]
steps = '''
# a note
alice logs on
alice opens a.txt for writing as A
alice closes A -> closes
'''
[expected.default]
closes = "STATUS_SUCCESS"
[expected.sp5]
closes = "STATUS_FILE_CLOSED"
"""


def test_a_preset_expects_what_is_said_of_it_and_else_the_default():
    card = cards.parse(WHOLE, "whole")

    assert {"closes": "STATUS_FILE_CLOSED"} == card.expects("sp5")
    assert {"closes": "STATUS_SUCCESS"} == card.expects("sp6")
    assert ["alice"] == card.steps[2].people


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('title = "A title"', "", "'title' is missing"),
        ('story = "What happens."', "", "'story' is missing"),
        ('sources = ["KB Q1"]', "", "'sources' is missing"),
        ('sources = ["KB Q1"]', "sources = 3", "sources: must be a list of strings"),
        ('title = "A title"', "title = 3", "title: must be a string"),
        ('title = "A title"', 'tilte = "A"', "unknown key 'tilte'; known keys: title"),
        ('title = "A title"', "title = ", "not TOML"),
        ('["sp5", "sp6"]', '["sp7"]', "preset 'sp7': there are sp3, sp4"),
        ('["sp5", "sp6"]', "[]", "presets: at least one"),
        ('["sp5", "sp6"]', '["sp5", "sp5"]', "presets: at least one, and each once"),
        ('title = "A title"', f"title = {'[' * 5000}", "not TOML"),
        ('title = "A title"', f"title = {'9' * 5000}", "not TOML"),
        ('story = "What', 'cannot = "No."\nstory = "What', "'nearest' is missing"),
        ('story = "What', 'hosts = 21\nstory = "What', "hosts: between 1 and 20, not 21"),
        ("alice closes A", "alice shuts A", "step 3, 'alice shuts A -> closes': no such step"),
        (
            "alice closes A",
            "bob closes A",
            "step 3, 'bob closes A -> closes': bob never logged",
        ),
        ("alice closes A", "alice closes B", "no file was opened as B before"),
        ("alice logs on", "alice@host2 logs on", "host2, but `hosts` is 1"),
        (" -> closes", "", "nothing is compared"),
        ("alice logs on", "alice logs on -> closes", "two steps give 'closes'"),
        ('closes = "STATUS_SUCCESS"', "", "nothing is said of 'closes' under sp6"),
        (
            '"STATUS_SUCCESS"',
            '"STATUS_SUCESS"',
            "expected.default.closes: there is no STATUS_SUC",
        ),
        ('"STATUS_SUCCESS"', "1.5", "must be a string or a whole number"),
        ("closes = ", "shuts = ", "no step gives 'shuts'; there are closes"),
        ("[expected.sp5]", "[expected.sp3]", "'sp3' is not among the card's presets"),
        ("[expected.sp5]", '[expected."sp5 sp5"]', "sp5 is named twice"),
        ("[expected.default]", "[expected]", "must be a table of tables"),
        ('story = "What', 'cannot = "No."\nnearest = "q"\nstory = "What', "not both"),
        ('story = "What', 'policy = 3\nstory = "What', "policy: must be a table"),
    ],
)
def test_a_bad_card_says_where_and_what_is_allowed(old, new, says):
    bad = WHOLE.replace(old, new, 1)
    assert WHOLE != bad
    with pytest.raises(CardError) as caught:
        cards.parse(bad, "whole", "my/whole.toml")
    assert str(caught.value).startswith("my/whole.toml: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


# --- outcomes ---------------------------------------------------------------------------------


def played(*happenings: Happening, trouble: str = "") -> Played:
    return Played("sp6", happenings, trouble)


def happening(step: int, *outcomes: str) -> Happening:
    return Happening(step, 0.0, 0.0, outcomes)


def test_all_that_went_otherwise_is_told():
    card = cards.parse(WHOLE, "whole")
    fine = [happening(1, "STATUS_SUCCESS"), happening(2, "STATUS_SUCCESS")]

    closes = happening(3, "STATUS_SUCCESS")
    assert [] == outcome.differences(card, played(*fine, closes))
    assert ["closes: expected STATUS_SUCCESS, got STATUS_FILE_CLOSED"] == outcome.differences(
        card, played(*fine, happening(3, "STATUS_FILE_CLOSED"))
    )
    assert ["closes: expected STATUS_SUCCESS, got nothing"] == outcome.differences(
        card, played(*fine)
    )
    (unexpected,) = outcome.differences(
        card, played(happening(1, "STATUS_LOGON_FAILURE"), fine[1], closes)
    )
    assert unexpected.startswith("step 1, 'alice logs on': STATUS_LOGON_FAILURE, and no other")
    assert ["a leftover"] == outcome.differences(
        card, played(*fine, closes, trouble="a leftover")
    )


def test_outcomes_of_a_crowd_are_counted_those_that_went_well_first():
    crowd = ["STATUS_FILE_CLOSED", "STATUS_SUCCESS", "STATUS_FILE_CLOSED"]

    assert "1 x STATUS_SUCCESS, 2 x STATUS_FILE_CLOSED" == happening(1, *crowd).outcome


def test_time_is_told_if_it_took_some():
    name = Status.STATUS_SUCCESS.name
    assert [name, f"{name} after 35 s", f"{name} after 0.5 s"] == [
        outcome.after(name, seconds) for seconds in (0.01, 35.0, 0.5)
    ]


def test_what_was_measured_can_become_what_is_expected():
    draft = cards.parse(WHOLE.partition("[expected.default]")[0], "whole", draft=True)
    plays = [
        Played(preset, (happening(3, name),))
        for preset, name in (("sp5", "STATUS_FILE_CLOSED"), ("sp6", "STATUS_SUCCESS"))
    ]

    card = outcome.expecting(draft, plays)

    assert [] == [line for one in plays for line in outcome.differences(card, one)]
    assert ["default", "sp6"] == list(card.expected)
    assert card == cards.parse(writing.render(card), "whole")
