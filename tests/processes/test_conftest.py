"""The rules in tests/conftest.py can fail: small suites run under a copy of it."""

import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

CONFTEST = Path(__file__).parents[1] / "conftest.py"

SKIPPED = """
    def test_skipped(requires): requires("no-such-program", "nothing")
"""
SKIPPED_AND_PASSED = f"{SKIPPED}    def test_passes(): pass"

TIME_LIMITS = """
    import pytest, trio
    from hypothesis import given, strategies

    @pytest.mark.time_limit(0.2)
    async def test_sleepy():
        await trio.sleep_forever()

    @pytest.mark.time_limit(0.2)
    @given(strategies.just(1))
    async def test_sleepy_with_examples(one):
        await trio.sleep_forever()

    @pytest.mark.time_limit(0.2)
    async def test_busy_in_no_time(autojump_clock):
        while True:
            await trio.lowlevel.checkpoint()

    async def test_deadlocked(autojump_clock):
        await trio.Event().wait()

    async def test_virtual_minutes(autojump_clock):
        await trio.sleep(600)
"""

INI = """
    [pytest]
    trio_mode = true
    testpaths = .
    addopts = --strict-markers -ra
"""
WORKERS = "*created: */* workers*"
IT = "test_it.py"  # a file that is named is run by one process


@pytest.fixture
def suite(pytester, monkeypatch):
    """Run one test file in a process of its own, on CI or not."""

    def run(source: str, *named: str, ci: bool) -> pytest.RunResult:
        monkeypatch.setenv("CI", "true" if ci else "")
        pytester.makeconftest(CONFTEST.read_text())
        pytester.makeini(INI)
        pytester.makepyfile(test_it=source)
        return pytester.runpytest_subprocess(*named, timeout=120)

    return run


def test_a_missing_package_is_a_skip_that_names_it(suite):
    result = suite(SKIPPED, IT, ci=False)

    assert pytest.ExitCode.OK == result.ret
    result.stdout.no_fnmatch_line(WORKERS)
    result.stdout.fnmatch_lines(["*needs package no-such-program (Debian: nothing)"])


def test_on_ci_a_missing_package_fails_the_run(suite):
    result = suite(SKIPPED_AND_PASSED, IT, ci=True)

    assert pytest.ExitCode.TESTS_FAILED == result.ret
    result.stdout.fnmatch_lines(["CI: needs package no-such-program (Debian: nothing)"])
    result.stdout.no_fnmatch_line("CI: no test passed")


def test_on_ci_a_run_without_a_test_fails(suite):
    result = suite("import pytest\ndef test_skipped(): pytest.skip('it')", IT, ci=True)

    assert pytest.ExitCode.TESTS_FAILED == result.ret
    result.stdout.fnmatch_lines(["CI: no test passed"])


def test_an_async_test_has_a_time_limit(suite):
    result = suite(TIME_LIMITS, IT, ci=False)

    result.assert_outcomes(failed=4, passed=1)
    expected = {
        "test_sleepy took 0.2 s",
        "test_sleepy_with_examples took 0.2 s",
        "test_busy_in_no_time took 0.2 s",
        "test_deadlocked waits forever",
    }
    assert expected == set(re.findall("Failed: time limit: (.*)", result.stdout.str()))


def test_several_workers_are_held_to_the_same(suite):
    result = suite(SKIPPED_AND_PASSED, ci=True)

    assert pytest.ExitCode.TESTS_FAILED == result.ret
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines([WORKERS, "CI: needs package no-such-program (Debian: *)"])
