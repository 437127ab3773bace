"""Contestants at the same work in turns: A B C, A B C, each in a process of its own.

Processes get ready once (imports, compiling, data), then do their work once a round when they are
told to; only one of them works at any time. A contestant that fails is named with the reason.
"""

import contextlib
import json
import os
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from peers.environments import Environments, Unavailable

BENCHMARKS = Path(__file__).parent
Told = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """Who takes part: Flyball, a peer, or the sketch that shows the floor.

    `words` is the command; a peer's begin with a module of `peers` and run in the environment
    `environment`. `lacks` says what it does not do that Flyball does.
    """

    name: str
    words: tuple[str, ...]
    role: Literal["flyball", "peer", "floor", "measure"] = "peer"
    environment: str | None = None
    lacks: str = ""
    rounds: int | None = None


@dataclass
class Outcome:
    """What an entrant did in each round, or why it did not."""

    entrant: Entrant
    rounds: list[Told] = field(default_factory=list)
    versions: Mapping[str, str] = field(default_factory=dict)
    failed: str = ""

    def best(self, key: str = "cpu_s") -> float:
        """The smallest of the rounds: the one that others disturbed least."""
        return min(float(told[key]) for told in self.rounds)

    def median(self, key: str = "cpu_s") -> float:
        return statistics.median(float(told[key]) for told in self.rounds)

    def last(self, key: str, default: Any = None) -> Any:  # noqa: ANN401
        return self.rounds[-1].get(key, default)


class _Process:
    """A contestant's process."""

    def __init__(self, words: Sequence[str], errors: IO[str]) -> None:
        environment = {**os.environ, "PYTHONPATH": str(BENCHMARKS), "PYTHONWARNINGS": "ignore"}
        self.errors = errors
        self.process = subprocess.Popen(
            list(words),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
        )

    def told(self, word: str = "") -> Told:
        process = self.process
        if process.stdin is None or process.stdout is None:
            raise Unavailable("no pipes")
        with contextlib.suppress(BrokenPipeError):
            if word:
                process.stdin.write(word + "\n")
                process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            process.wait()
            self.errors.seek(0)
            said = [line for line in self.errors.read().splitlines() if line.strip()]
            raise Unavailable(said[-1].strip()[:200] if said else f"ended: {process.returncode}")
        told: Told = json.loads(line)
        return told

    def end(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        self.process.wait(timeout=60)
        if self.process.stdout is not None:
            self.process.stdout.close()


def contest(
    entrants: Sequence[Entrant], *, rounds: int, environments: Environments, scratch: Path
) -> list[Outcome]:
    """Let all of them work in turns; an outcome for each, in their order."""
    outcomes = [Outcome(entrant) for entrant in entrants]
    running: list[tuple[Outcome, _Process]] = []
    with contextlib.ExitStack() as stack:
        for at, outcome in enumerate(outcomes):
            errors = stack.enter_context((scratch / f"errors-{at}.txt").open("w+"))
            process = None
            try:
                process = _Process(_command(outcome.entrant, environments), errors)
                stack.callback(process.end)
                outcome.versions = process.told().get("versions", {})
            except (Unavailable, OSError) as error:
                outcome.failed = str(error)
            else:
                running.append((outcome, process))
        for turn in range(rounds):
            for outcome, process in running:
                if outcome.failed or turn >= (outcome.entrant.rounds or rounds):
                    continue
                try:
                    outcome.rounds.append(process.told("go"))
                except Unavailable as error:
                    outcome.failed = str(error)
    for outcome in outcomes:
        if not outcome.rounds and not outcome.failed:
            outcome.failed = "it did not finish a round"
    return outcomes


def _command(entrant: Entrant, environments: Environments) -> list[str]:
    if entrant.environment is None:
        return list(entrant.words)
    return [str(environments.python(entrant.environment)), "-m", *entrant.words]
