"""Who runs trials: this process, its threads, a process a core, or a Ray cluster.

All give the same trials.
"""

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Protocol

from flyball.errors import Stop
from flyball.ops.sweep.desk import Desk, Task
from flyball.ops.sweep.trial import Job, Trial

__all__ = ["Hands", "Here", "Processes", "Threads", "parcels"]

_AHEAD = 2  # jobs that wait for each process
_TILE = 64  # values of each parameter that are gone through together
_TOGETHER = 16  # signals that are screened before they are told


def parcels(jobs: Sequence[Job], count: int) -> list[Sequence[Job]]:
    """Jobs that are handed over together: some where a trial is quick, each alone otherwise.

    They go through the grid in tiles, so that indicators are used again while they are kept.
    """
    jobs = _in_tiles(jobs)
    together = 1 if any(job.whole for job in jobs) else _TOGETHER
    together = max(1, min(together, len(jobs) // count))
    return [jobs[at : at + together] for at in range(0, len(jobs), together)]


def _in_tiles(jobs: Sequence[Job]) -> Sequence[Job]:
    ranks: dict[str, dict[str, int]] = {}
    for job in jobs:
        for name, value in job.parameters.items():
            known = ranks.setdefault(name, {})
            known.setdefault(repr(value), len(known))

    def tile(job: Job) -> list[int]:
        return [ranks[name][repr(value)] // _TILE for name, value in job.parameters.items()]

    return sorted(jobs, key=tile)


class Hands(Protocol):
    """Runs jobs; their trials come as they are finished, in any order."""

    def run(self, jobs: Sequence[Job]) -> Iterator[Trial]:
        """Run all of them."""

    def close(self) -> None:
        """End what was started. Jobs that wait are not begun."""


class Here:
    """Runs trials in the process that asks for them, one after the other."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def run(self, jobs: Sequence[Job]) -> Iterator[Trial]:
        """Run all of them, in order."""
        for job in jobs:
            yield self._desk.run(job)

    def close(self) -> None:
        """Nothing was started."""


class Threads:
    """So many threads of this process, for signals: they share bars and indicators.

    Python's lock is held only while a strategy's own function and its trial are put together.

    Parameters
    ----------
    desk : Desk
    count : int
    """

    def __init__(self, desk: Desk, count: int) -> None:
        self._desk = desk
        self._count = count
        self._pool = ThreadPoolExecutor(max_workers=count)

    def _do(self, jobs: Sequence[Job]) -> list[Trial]:
        return [self._desk.run(job) for job in jobs]

    def run(self, jobs: Sequence[Job]) -> Iterator[Trial]:
        """Run all of them."""
        waiting = iter(parcels(jobs, self._count))
        running: set[Future[list[Trial]]] = set()
        while True:
            while len(running) < self._count * _AHEAD:
                some = next(waiting, None)
                if some is None:
                    break
                running.add(self._pool.submit(self._do, some))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield from future.result()

    def close(self) -> None:
        """End the threads, when they have finished what they do."""
        self._pool.shutdown(wait=True, cancel_futures=True)


_desk: Desk | None = None  # of a process that Processes started


def _begin(task: Task) -> None:
    global _desk  # noqa: PLW0603
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The first process hears it, and ends the others.
    _desk = Desk(task)


def _do(job: Job) -> Trial:
    assert _desk is not None
    return _desk.run(job)


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes that are started meanwhile do not hear an interrupt; here it comes afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Processes:
    """So many processes, each with its own interpreter; all map the same tape.

    Parameters
    ----------
    task : Task
    count : int
    """

    def __init__(self, task: Task, count: int) -> None:
        self._count = count
        self._pool = ProcessPoolExecutor(
            max_workers=count,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(task,),
        )

    def run(self, jobs: Sequence[Job]) -> Iterator[Trial]:
        """Run all of them.

        Raises
        ------
        Stop
            If a process was ended from outside, for its memory perhaps.
        """
        waiting = iter(jobs)
        running: set[Future[Trial]] = set()
        try:
            while True:
                while len(running) < self._count * _AHEAD:
                    job = next(waiting, None)
                    if job is None:
                        break
                    with _deaf():
                        running.add(self._pool.submit(_do, job))
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            raise Stop(
                "a process of the sweep was ended from outside: is there enough memory for "
                f"{self._count} at once? Finished trials are kept; --resume goes on, --jobs 1 "
                "takes less. In a script, start a sweep below `if __name__ == '__main__':`"
            ) from error

    def close(self) -> None:
        """End the processes, when they have finished what they do."""
        self._pool.shutdown(wait=True, cancel_futures=True)
