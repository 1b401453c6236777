"""Slots kept free for their holders: each is taken up once, and by nobody else."""

from dataclasses import replace

import pytest

from shareserver.durable import Owner
from shareserver.grace import Grace

OWNER = Owner("ts1 k", "u1", "docs")


@pytest.fixture
def grace():
    grace = Grace()
    grace.expect(7, OWNER, 100)
    grace.expect(9, OWNER, 200)
    return grace


def test_its_holder_takes_a_slot_up_once(grace):
    assert grace.take_up(7, OWNER)
    assert not grace.take_up(7, OWNER)
    assert [(9, OWNER, 200)] == grace.all()
    assert grace.take_up(9, OWNER)
    assert not grace


@pytest.mark.parametrize("field", ["lessee", "user", "share"])
def test_nobody_else_does(grace, field):
    other = replace(OWNER, **{field: "another"})
    assert not grace.take_up(7, other)
    assert 2 == len(grace)


def test_a_slot_that_was_never_held_is_nobodys(grace):
    assert not grace.take_up(8, OWNER)
    assert not grace.take_up(0, OWNER)


def test_at_the_end_the_rest_is_anybodys(grace):
    assert grace.take_up(7, OWNER)
    assert [9] == grace.end()
    assert not grace
    assert [] == grace.end()
