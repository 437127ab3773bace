"""Trials on a Ray cluster: the same desk in every worker, the tape sent where it is not."""

import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from flyball.errors import ConfigError, DataError, Stop
from flyball.ops.sweep.desk import Desk, Task, tape_identity
from flyball.ops.sweep.hands import parcels
from flyball.ops.sweep.search import library
from flyball.ops.sweep.trial import Job, Trial

__all__ = ["Cluster", "placed"]

_AHEAD = 2  # jobs that wait for each core of the cluster
_KNOCK_S = 10.0
_desks: dict[str, Desk] = {}  # of this worker, by what decides about a trial


def placed(task: Task, sent: Callable[[], bytes], *, home: Path | None = None) -> Task:
    """The task with a tape that this machine has.

    Where the path of the task leads to the same tape, that one is read. Otherwise the copy that was
    sent is written once for all workers of the machine, and mapped by them.

    Parameters
    ----------
    task : Task
    sent : callable
        Gets the bytes of the tape; called only where they are wanted.
    home : Path, optional
        Where copies are kept; the system's folder for temporary files by default.

    Raises
    ------
    DataError
        If the tape cannot be written, or is not the one of the task.
    """
    try:
        if tape_identity(task.data.tape) == task.tape:
            return task
    except DataError:
        pass  # Not on this machine.
    folder = (home or Path(tempfile.gettempdir())) / f"flyball-tape-{task.tape}"
    data = replace(task.data, folder=folder)
    try:
        if data.tape.is_file() and tape_identity(data.tape) == task.tape:
            return replace(task, data=data)
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"draft-{os.getpid()}"
        draft.write_bytes(sent())
        draft.replace(data.tape)
    except OSError as error:
        raise DataError(f"{folder}: the tape cannot be written: {error.strerror}") from error
    if tape_identity(data.tape) != task.tape:
        raise DataError(f"{folder}: the tape did not arrive whole")
    return replace(task, data=data)


def _do(name: str, task: Task, tape: list[Any], jobs: Sequence[Job]) -> list[Trial]:
    """Run in a worker of the cluster. The tape stays in its object store unless it is wanted."""
    desk = _desks.get(name)
    if desk is None:
        desk = _desks[name] = Desk(placed(task, lambda: library("ray", "cluster").get(tape[0])))
    return [desk.run(job) for job in jobs]


class Cluster:
    """A Ray cluster, every core of it.

    Flyball must be installed on every machine, in the same build. The tape is sent to machines that
    do not have it at the same path.

    Parameters
    ----------
    desk : Desk
    address : str
        "host:port", or "auto" for the cluster that this machine belongs to.

    Raises
    ------
    ConfigError
        If Ray is not installed, or there is no cluster at the address.
    """

    def __init__(self, desk: Desk, address: str) -> None:
        task, self._quick = desk.task, desk.screens
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        self._ray = library("ray", "cluster")
        self._ours = not self._ray.is_initialized()
        if self._ours:
            _knock(address)
            try:
                self._ray.init(
                    address=address,
                    log_to_driver=False,
                    logging_level="ERROR",
                )
            except (ConnectionError, RuntimeError, ValueError) as error:
                told = str(error).splitlines()[0]
                raise ConfigError(f"--ray {address}: no cluster answers: {told}") from error
        self._count = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self._task = self._ray.put(task)
        self._tape = [self._ray.put(_read(task.data.tape))]  # In a list: not sent with each job.
        self._name = repr(sorted(task.about().items()))
        self._do: Any = self._ray.remote(num_cpus=1, max_retries=3)(_do)

    def run(self, jobs: Sequence[Job]) -> Iterator[Trial]:
        """Run all of them. A job whose worker or machine is lost is run again, three times.

        Raises
        ------
        Stop
            If the cluster gives up on one.
        """
        waiting = iter(parcels(jobs, self._count) if self._quick else [[job] for job in jobs])
        running: list[Any] = []
        try:
            while True:
                while len(running) < self._count * _AHEAD:
                    some = next(waiting, None)
                    if some is None:
                        break
                    running.append(self._do.remote(self._name, self._task, self._tape, some))
                if not running:
                    return
                done, running = self._ray.wait(running, num_returns=1)
                for trials in self._ray.get(done):
                    yield from trials
        except self._ray.exceptions.RayTaskError as error:
            raise error.as_instanceof_cause() from error
        except self._ray.exceptions.RayError as error:
            raise Stop(
                f"the cluster gave up on a trial: {error}. Finished ones are kept; --resume goes on"
            ) from error

    def close(self) -> None:
        """Leave the cluster; it goes on without us."""
        if self._ours:
            self._ray.shutdown()


def _knock(address: str) -> None:
    """Ray waits for minutes for a cluster that is not there: look first."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 2**16:
        if address == "auto":
            return
        raise ConfigError(f"--ray wants HOST:PORT or auto, got {address!r}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_S).close()
    except OSError as error:
        raise ConfigError(f"--ray {address}: no cluster answers: {error}") from error


def _read(tape: Path) -> bytes:
    try:
        return tape.read_bytes()
    except OSError as error:
        raise DataError(f"{tape}: {error.strerror}") from error
