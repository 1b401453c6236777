"""Build hosts: their steps, side by side where they do not need each other, taken up again.

A step is a script that works in a folder of its own. When it is done its result is renamed into
place and the folder goes; when it was interrupted the folder stays, and the next build goes on
there, or from the beginning if that fails.
"""

import os
import shutil
import sys
import time
from collections.abc import Iterable, Mapping, Set
from contextlib import AsyncExitStack
from pathlib import Path
from subprocess import DEVNULL, STDOUT
from typing import Protocol

import trio

from deploy.hosts import cache, packages, planning
from deploy.hosts.guarding import guarded
from deploy.hosts.host import HostError
from deploy.hosts.keeping import removed
from deploy.hosts.locking import locked
from deploy.hosts.planning import SCRIPTS, Plan, Wish
from deploy.hosts.steps import Architecture, Step

STEP_MAX_S = 4 * 3600.0
PYTHON311 = "/usr/bin/python3.11"  # Debian's, of the version that is built
TAIL_LINES = 15


class Watcher(Protocol):
    """Whoever shows how a build goes."""

    def note(self, text: str) -> None:
        """Something to know."""

    def asking(self, arch: str, log: Path) -> None:
        """Versions are being asked for."""

    def planned(self, plan: Plan) -> None:
        """What is there already and what is left is known."""

    def began(self, arch: str, part: str, log: Path) -> None:
        """A step is under way and writes to its log."""

    def ended(self, arch: str, part: str, seconds: float) -> None:
        """A step is done."""


async def build(
    architectures: Iterable[Architecture], wish: Wish, watcher: Watcher
) -> list[Plan]:
    """Have all parts of these architectures; raises HostError.

    Cancelled, or when a step fails, nothing of it goes on.
    """
    # In one order, so that two builds never wait for each other.
    architectures = sorted(architectures, key=lambda one: one.name)
    await planning.equip(architectures, wish, watcher.note)
    async with AsyncExitStack() as held:
        builder = Builder(watcher)
        plans = []
        for architecture in architectures:
            lock = await held.enter_async_context(locked(architecture.name, watcher.note))
            watcher.asking(architecture.name, planning.log_of_update(architecture))
            plan = await planning.made(architecture, wish)
            watcher.planned(plan)
            builder.add(plan, lock)
            plans.append(plan)
        await builder.run()
        return plans


class Builder:
    """The steps of some plans, a few at a time."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.jobs = len(os.sched_getaffinity(0))
        # One more than processors: much of a step is a single process.
        self.room = trio.CapacityLimiter(self.jobs + 1)
        self.plans: list[tuple[Plan, int]] = []
        self.failure: HostError | None = None

    def add(self, plan: Plan, lock: int) -> None:
        """Build this too; programs get the descriptor `lock`."""
        self.plans.append((plan, lock))

    async def run(self) -> None:
        """Do what is left of all plans; raises HostError at the first step that fails."""
        async with trio.open_nursery() as nursery:
            for plan, lock in self.plans:
                steps = plan.left
                left = {step.part: trio.Event() for step in steps}
                _note(plan, plan.keys.keys() - left)
                fetching = trio.Lock()  # apt's state is not for two at once
                for step in steps:
                    making = Making(plan, step, lock, fetching, self.jobs)
                    # One after the other, so that the first in the row begins first.
                    await nursery.start(self._step, making, left, nursery.cancel_scope)
        if self.failure is not None:
            raise self.failure

    async def _step(
        self,
        making: "Making",
        left: Mapping[str, trio.Event],
        all_of_it: trio.CancelScope,
        *,
        task_status: trio.TaskStatus[None],
    ) -> None:
        task_status.started()
        arch, part = making.plan.architecture.name, making.step.part
        for needed in making.step.needs:
            if needed in left:
                await left[needed].wait()
        async with self.room:
            began = trio.current_time()
            try:
                self.watcher.began(arch, part, making.log)
                await making.make()
            except (HostError, OSError) as error:
                self.failure = self.failure or _told(making, error)
                all_of_it.cancel()
                return
            seconds = trio.current_time() - began
        left[part].set()
        making.plan.record.seconds[part] = round(seconds, 1)
        undone = {part for part, done in left.items() if not done.is_set()}
        _note(making.plan, making.plan.keys.keys() - undone)
        self.watcher.ended(arch, part, seconds)


def _told(making: "Making", error: HostError | OSError) -> HostError:
    """What a step failed of: itself, or a full disk and the like."""
    if isinstance(error, HostError):
        return error
    what = f"{error.filename or making.folder}: {(error.strerror or '').lower()}"
    return HostError(f"{making.plan.name(making.step.part)} failed: {what}")


def _note(plan: Plan, parts: Set[str]) -> None:
    """Keep on record that these parts are there.

    Those of an earlier build make a host together, a kernel with its modules, so none of them
    is replaced before all are there.
    """
    record = plan.record
    keys = dict(plan.keys)
    if parts != keys.keys():
        keys = {part: keys[part] for part in parts} | record.keys
    if record.keys != keys:
        record.keys = keys
        record.built_at = time.time()
        cache.write(record)


class Making:
    """One step under way, in its folder."""

    def __init__(
        self, plan: Plan, step: Step, lock: int, fetching: trio.Lock, jobs: int
    ) -> None:
        self.plan, self.step, self.lock, self.jobs = plan, step, lock, jobs
        self.fetching = fetching
        self.folder = cache.work(plan.name(step.part), plan.keys[step.part])
        self.log = self.folder / "log"

    async def make(self) -> None:
        """Have the result in place; raises HostError."""
        taken_up = (self.folder / "build").exists()
        await trio.to_thread.run_sync(self._prepare)
        await self._fetch()
        try:
            await self._run_script()
        except HostError:
            if not taken_up:
                raise
            # A file that was cut off in the middle may pass for done: once from the beginning.
            await trio.to_thread.run_sync(shutil.rmtree, self.folder / "build")
            await trio.to_thread.run_sync(self._prepare)
            await self._run_script()
        result = self.plan.result(self.step.part)
        result.parent.mkdir(parents=True, exist_ok=True)
        # One that is there is damaged, or it would not be made anew.
        if not await trio.to_thread.run_sync(removed, result):
            raise HostError(f"{result} is to be made anew, and a host that runs uses it")
        (self.folder / "out").rename(result)
        kept = cache.log(self.plan.name(self.step.part))
        kept.parent.mkdir(exist_ok=True)
        self.log.replace(kept)
        await trio.to_thread.run_sync(shutil.rmtree, self.folder)

    def _prepare(self) -> None:
        """An empty folder for the result; what was worked on with another key goes."""
        name = self.plan.name(self.step.part)
        for old in self.folder.parent.glob(f"{name}-*"):
            if old != self.folder and old.name.rpartition("-")[0] == name:
                shutil.rmtree(old)
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        for path in ("out", "build", "files"):
            (self.folder / path).mkdir(parents=True, exist_ok=True)

    async def _fetch(self) -> None:
        versions = self.plan.record.versions
        wanted = [versions[name] for name in self.step.packages]
        sources = [versions[f"src:{name}"] for name in self.step.sources]
        if wanted or sources:
            async with self.fetching:
                await packages.fetch(self.plan.architecture, wanted, sources, self.log)

    async def _run_script(self) -> None:
        with self.log.open("ab") as output:
            async with guarded(
                ["bash", str(SCRIPTS / self.step.script)],
                env=self._environment(),
                limit_s=STEP_MAX_S,
                pass_fds=[self.lock],
                cwd=self.folder / "build",
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
            ) as running:
                status = await running.ended()
        if status:
            said = f"{self.plan.name(self.step.part)} failed with status {status}"
            last = packages.tail(self.log, TAIL_LINES)
            raise HostError(f"{said}; the end of its log:\n{last}\nall of it: {self.log}")

    def _environment(self) -> dict[str, str]:
        """What a script is told, and little else: a compiler hears many variables."""
        kept = ("PATH", "HOME", "TMPDIR", "LANG")
        env = {name: os.environ[name] for name in kept if name in os.environ}
        for part in self.step.needs:
            env[f"FROM_{part.upper()}"] = str(self.plan.result(part))
        return env | {
            "ARCH": self.plan.architecture.name,
            "FILES": str(self.folder / "files"),
            "OUT": str(self.folder / "out"),
            "JOBS": str(self.jobs),
            "PYTHON": sys.executable,
            "PYTHON311": PYTHON311,
            "LC_ALL": "C.UTF-8",
        }
