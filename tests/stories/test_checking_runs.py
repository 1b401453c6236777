"""Real runs pass every checker, and are no empty ones."""

from random import Random

import pytest

from clients.lab.checking.history import read
from clients.lab.checking.judging import judge
from clients.lab.checking.verdict import PASS
from clients.lab.exercising.actors import Place
from clients.lab.exercising.plans import Knobs
from tests.stories.exercise import history

PRESETS = ("sp6", "sp5", "recall", "win10", "sp4", "w2k")


def _knobs(seed: int) -> Knobs:
    random = Random(seed)
    return Knobs(
        users=random.choice((5, 7)),
        limit=random.choice((1, 2, 3)),
        think_s=random.choice((0.1, 0.5)),
        quick_s=random.choice((0.01, 0.5)),
        private_files=random.choice((0, 2)),
        hot_share=random.choice((0.3, 0.8)),
        duration_s=40.0,
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_a_run_without_faults_passes_every_checker(preset):
    for seed in range(4):
        place = Place(lock_kind=("nt", "posix")[seed % 2])
        judged = judge(read(history(seed, preset, _knobs(seed), place)))

        wrong = {name: v.why for name, v in judged.verdicts.items() if v.result != PASS}
        wrong.pop("every_sort_succeeds", None)  # a short run may rename nothing that is there
        assert {} == wrong
        assert judged.operations > 50
        assert judged.lost_bytes == 0


def test_under_sp5_refusals_for_what_is_dormant_are_found_and_named():
    lines = history(1, "sp5", Knobs(users=5, limit=2, quick_share=1.0, think_s=0.3), Place())

    verdict = judge(read(lines)).verdicts["no_spurious_refusal"]

    assert verdict.result == PASS
    assert "with fewer logged on than the limit (Q248371), as sp5 is known for" in verdict.why
    assert " 0 of them" not in verdict.why


def test_the_same_run_under_sp6_rules_is_a_finding():
    lines = history(1, "sp5", Knobs(users=5, limit=2, quick_share=1.0, think_s=0.3), Place())
    lines[0] = lines[0].replace('"preset":"sp5"', '"preset":"sp6"')

    judged = judge(read(lines))

    assert {"no_spurious_refusal", "logoff_releases"} <= set(judged.failed())
    assert "was refused docs though at most" in judged.verdicts["no_spurious_refusal"].why
