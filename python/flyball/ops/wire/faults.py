"""What goes wrong in a cell: to processes, to files, to the venue's answers."""

import resource
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from flyball.ops.drills.stage import Stage

__all__ = ["FAULTS", "Fault"]

Kind = Literal["none", "disk_full", "sentinel_alone", "venue_5xx"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One fault.

    Attributes
    ----------
    name : str
        What figures call it.
    kind : str
        The crash matrix's word for it.
    sent : Signals or None
        What the run's process is sent.
    full : bool
        Whether no file can be written any more, by the run nor by its sentinel.
    errors : "", "refused" or "executed"
        Whether actions are answered with HTTP 503, and are executed all the same; of questions
        seven in ten are answered so.
    lead_s : float
        Seconds from its beginning to the first move of prices.
    """

    name: str
    kind: Kind
    sent: signal.Signals | None = None
    full: bool = False
    errors: Literal["", "refused", "executed"] = ""
    lead_s: float = 0.1

    @property
    def silences(self) -> bool:
        """Whether the run answers nobody."""
        return self.sent is not None

    def begin(self, stage: Stage) -> None:
        """Let it happen from now on."""
        if self.full:
            for pid in _writers(stage):
                _limit_files(pid, 0)
        if self.errors:
            stage.faults(_script(executed=self.errors == "executed"))
        if self.sent is signal.SIGKILL:
            stage.crash()
        elif self.sent is signal.SIGSTOP:
            stage.freeze()

    def end(self, stage: Stage) -> None:
        """Let it be over: what was killed stays dead."""
        if self.full:
            for pid in _writers(stage):
                _limit_files(pid, resource.RLIM_INFINITY)
        if self.errors:
            stage.faults("")
        if self.sent is signal.SIGSTOP:
            stage.go_on()


def _writers(stage: Stage) -> Iterator[int]:
    """The processes that write files, as far as they live."""
    if stage.process is not None and stage.process.poll() is None:
        yield stage.process.pid
    if (found := stage.sentinel()) is not None:
        yield int(found["pid"])


def _limit_files(pid: int, most: int) -> None:
    """Let a process write files up to so many bytes: at 0 every write fails, in every file."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, hard))


def _script(*, executed: bool) -> str:
    actions = "\n".join(
        f'[[fault]]\nkind = "server_error"\ntarget = "{target}"\nexecuted = {str(executed).lower()}'
        for target in ("exchange", "post")
    )
    return f'{actions}\n[[fault]]\nkind = "server_error"\ntarget = "info"\nprobability = 0.7\n'


FAULTS: tuple[Fault, ...] = (
    Fault(name="none", kind="none"),
    Fault(name="disk_full", kind="disk_full", full=True),
    Fault(name="venue_5xx", kind="venue_5xx", errors="refused"),
    Fault(name="venue_5xx_executed", kind="venue_5xx", errors="executed"),
    Fault(name="engine_sigkill", kind="sentinel_alone", sent=signal.SIGKILL, lead_s=0.2),
    Fault(name="engine_sigstop", kind="sentinel_alone", sent=signal.SIGSTOP, lead_s=0.2),
    Fault(
        name="engine_sigkill_disk_full",
        kind="sentinel_alone",
        sent=signal.SIGKILL,
        full=True,
        lead_s=0.2,
    ),
)
