"""What every case gets: the data, the peers' environments, and who did not take part and why."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from cases.data import Data, Feed
from contest import Entrant, Outcome, contest
from flyball.config.profile import profile
from flyball.trading.runtime.plan import engine_config, recorded_market, sim_config
from peers.environments import Environments
from peers.flyball_python import CASH, SIM
from rows import Row, console, row


@dataclass
class Bench:
    """One run of the benchmark. `scratch` is emptied afterwards."""

    data: Data
    environments: Environments
    scratch: Path
    rounds: int
    python: str
    rows_of_feed: int
    versions: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def play(self, title: str, entrants: Sequence[Entrant]) -> dict[str, Outcome]:
        """All entrants in turns; those that failed are noted, and left out."""
        console.print(f"{title} …  (load {os.getloadavg()[0]:.1f})", style="dim")
        outcomes = contest(
            entrants, rounds=self.rounds, environments=self.environments, scratch=self.scratch
        )
        for outcome in outcomes:
            self.versions |= dict(outcome.versions)
            if outcome.failed:
                self.absent[f"{outcome.entrant.name} ({title})"] = outcome.failed
        return {it.entrant.name: it for it in outcomes if it.rounds and not it.failed}

    def ours(self, wants: str, what: str) -> tuple[str, ...]:
        """Flyball with a strategy in Python."""
        data = self.data
        places = (str(data.folder), str(data.binary), str(data.shared))
        return (self.python, "-m", "peers.flyball_python", wants, *places, what)

    def native(self, wants: str, feed: Feed, wake: Any) -> tuple[str, ...]:  # noqa: ANN401
        """Flyball with the same strategy in Rust, configured as `flyball` itself does it."""
        engine, sim = self.configured(f"{wants}-{feed.title}", feed, wake)
        binary, tape = str(self.data.binary), str(feed.dataset.tape)
        return (binary, "contest", engine, sim, tape, "10", wants)

    def configured(self, name: str, feed: Feed, wake: Any) -> tuple[str, str]:  # noqa: ANN401
        """Files with the engine and what is assumed of the venue."""

        class Woken:
            def decide(self, view: object) -> None:
                """Nothing: the native strategy decides."""

        Woken.wake = wake  # type: ignore[attr-defined]
        config = engine_config(
            Woken(),
            market=recorded_market(feed.dataset),
            profile=profile("emergency"),
            cash=Decimal(CASH),
            sizing=None,
        )
        name = name.replace(" ", "-")
        engine, sim = self.scratch / f"{name}-engine.json", self.scratch / f"{name}-sim.json"
        engine.write_text(json.dumps(config))
        sim.write_text(json.dumps(sim_config(SIM, feed.dataset)))
        return str(engine), str(sim)

    def floor(self, what: str, path: Path) -> Entrant:
        """The sketch of the same work."""
        words = (str(self.data.binary), "floor", what, str(path))
        return Entrant(name="floor", words=words, role="floor")


def told(
    case: str,
    data: str,
    outcomes: dict[str, Outcome],
    unit: tuple[str, float],
    *,
    per: str,
    key: str = "cpu_s",
    goal: float | None = None,
    note: str = "",
    ours: str = "flyball",
) -> Row:
    """A row: the best round of each, divided by what was done in it, in the unit (name, scale)."""
    name, scale = unit

    def value(outcome: Outcome) -> float:
        return outcome.best(key) / float(outcome.last(per, 1)) * scale

    mine = outcomes.get(ours)
    floor = next((value(it) for it in outcomes.values() if it.entrant.role == "floor"), None)
    peers = {_labelled(it): value(it) for it in outcomes.values() if it.entrant.role == "peer"}
    notes = [note]
    if mine is not None and len(mine.rounds) > 1:
        middle = mine.median(key) / float(mine.last(per, 1)) * scale
        notes.append(f"best of {len(mine.rounds)} rounds, median {middle:,.3g}")
    lacking = [
        f"{_labelled(it)}: {it.entrant.lacks}" for it in outcomes.values() if it.entrant.lacks
    ]
    notes += lacking
    figures = None if mine is None else value(mine)
    return row(
        case,
        data,
        figures,
        name,
        "; ".join(filter(None, notes)),
        peers=peers,
        floor=floor,
        goal=goal,
    )


def _labelled(outcome: Outcome) -> str:
    version = next(iter(outcome.versions.values()), "")
    return f"{outcome.entrant.name} {version}".strip()


def less(outcomes: dict[str, Outcome], idle: dict[str, Outcome], *, per: str) -> dict[str, Outcome]:
    """What the work costs beyond a run that does without it, round by round at their best."""
    found = {}
    for name, outcome in outcomes.items():
        if name not in idle:
            continue
        rest = idle[name]
        ratio = float(outcome.last("rows", 1)) / float(rest.last("rows", 1))
        cost = outcome.best() - rest.best() * ratio
        one = Outcome(outcome.entrant, versions=outcome.versions)
        one.rounds = [{"cpu_s": max(cost, 0.0), per: outcome.last(per, 1)}]
        found[name] = one
    return found
