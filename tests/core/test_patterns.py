"""NT name patterns: a table of examples, and a plain recursive model to agree with."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from redird.wire.errors import Refused
from redird.wire.patterns import PATTERN_CHARACTERS_MAX, compiled
from redird.wire.status import Status

EXAMPLES = [
    # pattern, names meant, names not meant
    ("", [""], ["a"]),
    ("*", ["a", "a.b", ".", "no dot", "é"], [""]),
    ("**", ["a", "a.b"], [""]),
    ("*.*", ["a.b", ".profile", "a.", "a.b.c"], ["Makefile", ""]),
    ("*.txt", ["a.txt", ".txt", "a.b.txt"], ["a.txt.bak", "txt", "a.TXT"]),
    ("report*", ["report", "report.doc", "report of May"], ["Report", "a report"]),
    ("*a*b*", ["ab", "xaxbx", "aab"], ["ba", "a", "b"]),
    ("?", ["a", ".", "é"], ["", "ab"]),
    ("???.c", ["abc.c", "a.b.c"], ["ab.c", "abcd.c"]),
    ("a?c", ["abc", "a.c"], ["ac", "abbc"]),
    ("a.b", ["a.b"], ["aXb", "a.b.", "A.B"]),
    # DOS_STAR: never takes the last dot
    ("<", ["Makefile", "a b"], ["", "a.b", ".profile", "a."]),
    ("<.txt", ["a.txt", "a.b.txt", ".txt"], ["a.txt.bak", "a.txt.txtx"]),
    ("<.", ["a.", "a.b."], ["a", "a.b"]),
    ("<.<", ["a.b", "a.b.c", ".a", "a."], ["a"]),
    ("a<c", ["abc", "ac", "abbc"], ["a.c", "ab.cc"]),
    ("<b.c", ["a.b.c", "b.c", "ab.c"], ["b.c.c"]),
    # DOS_QM: one character, or none before a dot and at the end
    (">", ["a"], ["", ".", "ab"]),
    (">>>", ["a", "ab", "abc"], ["abcd", "a.b"]),
    (">>>.c", ["a.c", "ab.c", "abc.c", ".c"], ["abcd.c", "a.b.c"]),
    ("a>>.b", ["a.b", "ab.b", "abc.b"], ["b.b", "abcd.b"]),
    # DOS_DOT: a dot, or nothing at the end
    ('a"', ["a", "a."], ["a.b", "ab"]),
    ('a"b', ["a.b"], ["ab", "a"]),
    ('a""', ["a", "a.", "a.."], ["a..."]),
    ('"a', [".a"], ["a"]),
    # what a Win32 program's *.* , *. and ????????.??? become
    ('<"*', ["Makefile", "a.b", "a.b.c", ".profile", "a."], [""]),
    ('>>>>>>>>">>>', ["a", "README.TXT", "a.b", "12345678.123"], ["123456789.c", "a.b.c"]),
    # wildcard characters in a name are plain characters there
    ("a?b", ["a*b", "a?b", 'a"b', "a<b"], []),
    ("*x>y", ["1x>y", "xxy"], ["1x.y"]),
]


@pytest.mark.parametrize(("pattern", "meant", "others"), EXAMPLES)
def test_examples(pattern, meant, others):
    test = compiled(pattern)

    assert [name for name in meant if not test(name)] == []
    assert [name for name in others if test(name)] == []


@pytest.mark.parametrize(
    ("pattern", "name", "meant"),
    [
        ("*.TXT", "a.txt", True),
        ("*.txt", "A.TXT", True),
        ("ÉTÉ*", "été.doc", True),
        ("stra?e", "STRAßE", True),
        ("straße", "STRAßE", True),
        ("straße", "STRASSE", False),
        ("<a", "BA", True),
        ("readme", "README", True),
    ],
)
def test_case_can_be_ignored(pattern, name, meant):
    assert compiled(pattern, ignore_case=True)(name) is meant


def test_case_counts_unless_told_otherwise():
    assert not compiled("readme")("README")
    assert not compiled("read*e")("READMe")


def test_a_pattern_is_compiled_once():
    assert compiled("a*b?c") is compiled("a*b?c")


def test_a_pattern_has_a_greatest_length():
    longest = "*" * PATTERN_CHARACTERS_MAX

    assert compiled(longest)("a")
    with pytest.raises(Refused) as refused:
        compiled(longest + "*")
    assert refused.value.status is Status.STATUS_NAME_TOO_LONG


@pytest.mark.parametrize(
    "pattern",
    [
        "*a*a*a*a*a*a*b",
        "<a<a<a<a<a<a<b",
        "*" * 512 + "b",
        '*>*"' * 256,
        ">" * 1023 + "b",
    ],
)
def test_no_pattern_is_slow(pattern):
    test = compiled(pattern)
    began = time.perf_counter()

    for name in ("a" * 255, "a." * 127, "." * 255):
        test(name)

    assert time.perf_counter() - began < 0.25


def model(pattern: str, name: str) -> bool:
    """Tell the rules as they are told: one character of the pattern after the other."""
    last_dot = name.rfind(".")

    def rest(i: int, j: int) -> bool:
        if i == len(pattern):
            return j == len(name)
        wild, over = pattern[i], j == len(name)
        if wild == "*":
            return rest(i + 1, j) or (not over and rest(i, j + 1))
        if wild == "<":
            return rest(i + 1, j) or (not over and j != last_dot and rest(i, j + 1))
        if wild == ">" and (over or name[j] == "."):
            return rest(i + 1, j)
        if wild == '"' and over:
            return rest(i + 1, j)
        if over:
            return False
        taken = wild in "?>" or wild == name[j] or (wild == '"' and name[j] == ".")
        return taken and rest(i + 1, j + 1)

    return rest(0, 0) if name else not pattern


@settings(max_examples=600, deadline=None)
@given(st.text('ab.*?<>"', max_size=9), st.text("ab.", max_size=9))
@example("<.<", "a.b.a")
@example('*"', "a.")
@example('>"', "a")
def test_agrees_with_the_model(pattern, name):
    assert compiled(pattern)(name) == model(pattern, name)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=12), st.text(min_size=1, max_size=12), st.text(max_size=12))
def test_a_name_is_meant_by_its_own_beginning_and_end(head, middle, tail):
    if not set('*?<>"') & set(head + tail):
        assert compiled(f"{head}*{tail}")(head + middle + tail)
