"""Where pieces of work run: processes of this machine, or a Dask cluster.

    with executor(processes=2, dask=None) as workers:
        futures = [workers.submit(work, piece) for piece in pieces]

Both are `concurrent.futures` executors. A worker that dies takes down the piece it worked on
and no other: its future ends with WorkerDied (here) or what the cluster says.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import Any, ParamSpec, TypeVar

import trio

from redird.wire.process import raise_open_files_limit

P = ParamSpec("P")
T = TypeVar("T")
PROCESSES_MAX = 1024
START_WAIT_S = 60.0
CLUSTER_WAIT_S = 10.0


class ExecutorError(Exception):
    """No such workers: what is missing, and what to do."""


class WorkerDied(Exception):
    """The process that worked on a piece is gone; what it did is lost."""


class Workers(Executor):
    """An executor that knows how many pieces it works on at once."""

    processes: int


@contextmanager
def executor(processes: int, dask: str | None = None) -> Iterator[Workers]:
    """Give workers for the length of the block: `processes` here, or those of a cluster.

    0 processes: one for each core, or all workers of the cluster. Raises ExecutorError. Every
    process started here has ended at the end of the block, whatever it was at.
    """
    if not 0 <= processes <= PROCESSES_MAX:
        raise ExecutorError(f"{processes} processes: at most {PROCESSES_MAX}")
    if dask is None:
        with _here(processes or os.cpu_count() or 1) as pool:
            yield pool
    else:
        with _cluster(processes, dask) as cluster:
            yield cluster


async def wait_done(future: "Future[Any]") -> None:
    """Wait until a piece of work is done, well or not."""
    done, token = trio.Event(), trio.lowlevel.current_trio_token()

    def tell(_: "Future[Any]") -> None:
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(done.set)

    future.add_done_callback(tell)
    await done.wait()


# --- processes of this machine ----------------------------------------------------------------


class Processes(Workers):
    """Pools of one process each, so that a death breaks one of them only."""

    def __init__(self, processes: int) -> None:
        self.processes = processes
        spawn = get_context("spawn")
        self._pools = [
            ProcessPoolExecutor(1, spawn, initializer=_begin_worker) for _ in range(processes)
        ]
        self._busy = [0] * processes
        self.pids: list[int] = []

    def start(self) -> None:
        """Start every process and wait until it is ready to work."""
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # they inherit it
        try:
            started = [pool.submit(os.getpid) for pool in self._pools]
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        try:
            self.pids = [future.result(START_WAIT_S) for future in started]
        except (BrokenProcessPool, TimeoutError):
            raise ExecutorError("a worker process did not start: see above") from None

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Hand the call to the process with the least to do."""
        index = min(range(self.processes), key=self._busy.__getitem__)
        self._busy[index] += 1
        outer: Future[T] = Future()
        outer.set_running_or_notify_cancel()
        try:
            inner = self._pools[index].submit(fn, *args, **kwargs)
        except BrokenProcessPool:
            self._broken(index, outer)
            return outer

        def done(inner: "Future[T]") -> None:
            self._busy[index] -= 1
            error = inner.exception() if not inner.cancelled() else WorkerDied("cancelled")
            if isinstance(error, BrokenProcessPool):
                self._broken(index, outer)
            elif error is not None:
                outer.set_exception(error)
            else:
                outer.set_result(inner.result())

        inner.add_done_callback(done)
        return outer

    def _broken(self, index: int, outer: "Future[Any]") -> None:
        self._busy[index] = 1 << 62  # no further work for it
        outer.set_exception(WorkerDied(f"worker process {self.pids[index]} died"))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all processes: those that work are killed."""
        for index, pid in enumerate(self.pids):
            if 0 < self._busy[index] < 1 << 62:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for pool in self._pools:
            pool.shutdown(wait, cancel_futures=True)


def _begin_worker() -> None:
    """Ctrl-C is for the program that started us: it ends us, or its own end does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    raise_open_files_limit()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


@contextmanager
def _here(processes: int) -> Iterator[Workers]:
    pool = Processes(processes)
    try:
        pool.start()
        yield pool
    finally:
        pool.shutdown()


# --- a Dask cluster ---------------------------------------------------------------------------


class Cluster(Workers):
    """The workers of a Dask cluster, each given one piece at a time as far as they go round."""

    def __init__(self, inner: Executor, addresses: list[str]) -> None:
        self.processes = len(addresses)
        self._inner = inner
        self._addresses = addresses
        self._next = 0

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Hand the call to the next worker."""
        address = self._addresses[self._next % len(self._addresses)]
        self._next += 1
        submit: Callable[..., Future[T]] = self._inner.submit
        # Another one may take it if this one dies: whether it still makes sense, `fn` knows.
        return submit(fn, *args, workers=[address], allow_other_workers=True, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let go of what has not begun."""
        self._inner.shutdown(wait=False)


@contextmanager
def _cluster(processes: int, address: str) -> Iterator[Workers]:
    try:
        import distributed
    except ImportError:
        raise ExecutorError(
            "--dask needs the extra `dask`: pip install 'redird[dask]'"
        ) from None
    try:
        client = distributed.Client(address, timeout=CLUSTER_WAIT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        first_line = (str(error) or type(error).__name__).splitlines()[0]
        raise ExecutorError(f"no Dask scheduler at {address}: {first_line}") from None
    with client:
        addresses = list(client.scheduler_info(n_workers=-1)["workers"])
        if len(addresses) < max(processes, 1):
            raise ExecutorError(
                f"the Dask cluster at {address} has {len(addresses)} workers,"
                f" {max(processes, 1)} are needed: start `dask worker {address}`"
            )
        inner = client.get_executor(pure=False, retries=0)
        cluster = Cluster(inner, addresses[:processes] if processes else addresses)
        try:
            yield cluster
        finally:
            cluster.shutdown()
