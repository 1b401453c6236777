"""The presets: what each system keeps, for how long, and what its users see."""

from dataclasses import asdict, fields, replace

import pytest

from redird.presets import PRESETS, Policy, Preset
from redird.wire.files import LEASE_H, LEASE_R, LEASE_W

RWH = frozenset({LEASE_R | LEASE_W | LEASE_H})
RH = RWH | {LEASE_R | LEASE_H}
SPURIOUS, CLEAN, TAKES = (True, False), (False, False), (False, True)

TABLE = [
    # name, logoff, dormant_age_max_s, dormant_files_max, park_on, what users see
    ("sp3", "force", 10, 45, RWH, TAKES),
    ("sp4", "leave", 30, 45, RWH, SPURIOUS),
    ("sp5", "leave", 30, 45, RWH, SPURIOUS),
    ("sp6", "purge", 30, 45, RWH, CLEAN),
    ("w2k", "purge", 10, 50, RWH, TAKES),
    ("win10", "purge", 10, 1023, RH, CLEAN),
    ("cifs-1s", "purge", 1, None, RH, CLEAN),
    ("cifs-5s", "purge", 5, None, RH, CLEAN),
    ("macos-30", "purge", 30, 100, RH, CLEAN),
    ("recall", "leave", 30, 45, RWH, CLEAN),
]
NAMES = [row[0] for row in TABLE]


def policies_with(**values):
    """The presets whose policies have these values."""
    return {
        name
        for name, preset in PRESETS.items()
        if values.items() <= asdict(preset.policy).items()
    }


def test_there_are_these_presets_and_no_others():
    assert NAMES == list(PRESETS)
    assert NAMES == [preset.name for preset in PRESETS.values()]


@pytest.mark.parametrize(
    ("name", "logoff", "age_s", "files_max", "park_on", "expects"), TABLE, ids=NAMES
)
def test_a_preset_has_the_values_of_its_system(
    name, logoff, age_s, files_max, park_on, expects
):
    preset = PRESETS[name]
    policy, seen = preset.policy, preset.expects

    assert (logoff, age_s) == (policy.logoff, policy.dormant_age_max_s)
    assert (files_max, park_on) == (policy.dormant_files_max, policy.park_on)
    assert expects == (seen.spurious_refusals, seen.takes_others_handles)
    assert preset.source


def test_only_these_differ_in_kind():
    assert {"sp3", "w2k"} == policies_with(handles_shared=True)
    assert {"recall"} == policies_with(slot_recall=True)
    assert {"sp4"} == policies_with(disconnect_needs_no_references=True)
    assert set(PRESETS) == policies_with(release_left="when_drained", keep_connection_s=600.0)
    assert {"cifs-1s", "cifs-5s", "macos-30"} == policies_with(scavenger_tick_s=0.0)


def differences(one, other):
    first, second = (asdict(PRESETS[name].policy) for name in (one, other))
    return {key for key in first if first[key] != second[key]}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("sp5", "sp6", {"logoff"}),
        ("sp5", "recall", {"slot_recall"}),
        ("sp4", "sp5", {"disconnect_needs_no_references"}),
        ("cifs-1s", "cifs-5s", {"dormant_age_max_s"}),
    ],
)
def test_neighbours_differ_by_one_value(one, other, expected):
    assert expected == differences(one, other)


def test_scaling_multiplies_every_duration_and_nothing_else():
    policy = replace(PRESETS["sp5"].policy, keep_connection_s=600.0, scavenger_tick_s=5.0)
    scaled = policy.scaled(0.1)
    changed = {
        one.name: getattr(scaled, one.name) / getattr(policy, one.name)
        for one in fields(Policy)
        if getattr(policy, one.name) != getattr(scaled, one.name)
    }

    assert {one.name for one in fields(Policy) if one.name.endswith("_s")} == set(changed)
    assert changed == pytest.approx(dict.fromkeys(changed, 0.1))


@pytest.mark.parametrize("preset", PRESETS.values(), ids=NAMES)
def test_a_scale_of_one_changes_nothing(preset: Preset):
    assert preset.policy == preset.policy.scaled(1.0)


def test_expectations_can_be_read():
    assert "spurious refusals" == PRESETS["sp5"].expects.words()
    assert "no spurious refusal" == PRESETS["sp6"].expects.words()
    assert "no spurious refusal, others' files taken" == PRESETS["w2k"].expects.words()
