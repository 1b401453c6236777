"""What every test lives under: a time limit, repeatable examples, and no silent skip on CI.

The whole suite is run by several workers (pytest-xdist), whatever is named on the command line
by one process.

An async test ends after REAL_MAX_S of real time, whatever clock it runs on, and a story that
has nothing left to wait for fails at once instead of hanging: under `autojump_clock` a virtual
day passes in no time. Mark a test `time_limit(SECONDS)` if it truly needs longer.
"""

import functools
import inspect
import os
import shutil
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import trio

REAL_MAX_S = 50.0  # below pytest's faulthandler_timeout, so that the test reports itself
VIRTUAL_MAX_S = 86_400.0
NEEDS = "needs package "

AsyncTest = Callable[..., Coroutine[Any, Any, None]]

# The same examples in every run: CI never fails by chance. Hunt for new ones with
# `uv run pytest --hypothesis-profile=explore`.
hypothesis.settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=100,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=5_000)
hypothesis.settings.load_profile("ci")


# --- what a test needs of the machine ---------------------------------------------------------


@pytest.fixture(scope="session")
def requires() -> Callable[..., str]:
    """`requires("strace")`: the program's path, or a skip that names the Debian package."""
    return needs_package


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=4, help="how often daemons are killed")
    parser.addoption(
        "--hosts",
        default="arm64,alpha,alpha-system",
        help="emulated hosts to test on: names with commas between, or all",
    )


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """How many times a test that kills daemons while they work shall do it."""
    return int(request.config.getoption("--kills"))


def needs_package(program: str, debian_package: str = "") -> str:
    """Return the program's path; skip the test if there is none."""
    # System programs are not on the PATH of every ordinary user.
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        pytest.skip(f"{NEEDS}{program} (Debian: {debian_package or program})")
    return path


# --- beside each other ------------------------------------------------------------------------

# What takes longest and mostly waits begins; emulated hosts may still be in the making.
TURNS = ("processes/test_simulate.py", "processes/", "stories/", "core/", "test_", "hosts/")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """The whole suite is run by several workers, a file each; what is named by this process."""
    option = config.option
    named = config.args_source is not config.ArgsSource.TESTPATHS
    if named or is_worker(config) or not config.pluginmanager.hasplugin("xdist"):
        return
    if option.numprocesses is None:
        option.numprocesses, option.dist, option.loadscopereorder = "auto", "loadfile", False


def is_worker(config: pytest.Config) -> bool:
    """Whether this process was started to run tests for another one."""
    return hasattr(config, "workerinput")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors, as tests of real processes often wait."""
    return len(os.sched_getaffinity(0)) + 1


def turn(item: pytest.Item) -> int:
    """When the file of an item comes; the order within a file is its own."""
    place = item.path.relative_to(Path(__file__).parent).as_posix()
    return next(number for number, start in enumerate(TURNS) if place.startswith(start))


# --- the time limit ---------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "time_limit(seconds): real time an async test may take")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if is_worker(config):
        items.sort(key=turn)
    for item in items:
        if isinstance(item, pytest.Function):
            limit(item)


def limit(item: pytest.Function) -> None:
    """Put a time limit around an async test, or around each example of one with Hypothesis."""
    marker = item.get_closest_marker("time_limit")
    real_max_s = float(marker.args[0]) if marker else REAL_MAX_S
    with_examples = getattr(item.obj, "hypothesis", None)
    if with_examples is None:
        item.obj = limited(item.obj, real_max_s)
    else:
        with_examples.inner_test = limited(with_examples.inner_test, real_max_s)


def limited(test: AsyncTest, real_max_s: float) -> AsyncTest:
    """Wrap `test` if it is async and not wrapped yet."""
    if not inspect.iscoroutinefunction(test) or hasattr(test, "real_max_s"):
        return test

    @functools.wraps(test)
    async def run(*args: Any, **kwargs: Any) -> None:
        began_s = trio.current_time()
        scope = trio.CancelScope(deadline=began_s + VIRTUAL_MAX_S)
        with scope, real_deadline(scope, real_max_s):
            await test(*args, **kwargs)
        if scope.cancelled_caught:
            waited_s = trio.current_time() - began_s
            what = f"took {real_max_s:g} s" if waited_s < VIRTUAL_MAX_S else "waits forever"
            pytest.fail(f"time limit: {test.__name__} {what}")

    run.real_max_s = real_max_s  # type: ignore[attr-defined]
    return run


@contextmanager
def real_deadline(scope: trio.CancelScope, real_max_s: float) -> Iterator[None]:
    """Cancel `scope` when the time on the wall is up."""
    # A thread, for trio's own clock may be a virtual one.
    token = trio.lowlevel.current_trio_token()

    def ring() -> None:
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(scope.cancel)

    timer = threading.Timer(real_max_s, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


# --- on CI nothing is skipped that a package would cure, and something ran --------------------


def pytest_sessionfinish(session: pytest.Session) -> None:
    if complaints(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for complaint in complaints(config):
        terminalreporter.write_line(f"CI: {complaint}", red=True)


def complaints(config: pytest.Config) -> list[str]:
    """What is wrong with a run on CI although no test failed."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("CI") or reporter is None or config.option.collectonly:
        return []
    skips = (report.longrepr[2] for report in reporter.stats.get("skipped", []))
    reasons = {reason.removeprefix("Skipped: ") for reason in skips}
    missing = sorted(reason for reason in reasons if reason.startswith(NEEDS))
    return missing if reporter.stats.get("passed") else [*missing, "no test passed"]
