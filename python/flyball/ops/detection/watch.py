"""A run, looked at once a second while it goes on: alarms told, failures predicted, acted on."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from flyball.errors import DataError, FlyballError
from flyball.ops.detection.bank import Bank
from flyball.ops.detection.calibration import Calibrator
from flyball.ops.detection.grouping import Grouping, Incident
from flyball.ops.detection.ledger import Ledger, Outcome, Prediction, past, read, scored
from flyball.ops.detection.policy import Policy
from flyball.ops.detection.readings import Machine, Readings, index, machine
from flyball.ops.detection.streams import Floats
from flyball.ops.detection.watched import THRESHOLDS, Forecasts, Threshold

__all__ = ["Restrictable", "Watch", "Watched", "Watcher", "thresholds"]

INCIDENTS, PREDICTIONS = "incidents.jsonl", "predictions.jsonl"
_EVERY_S = 30.0
_KEPT = 200
_RECENT = 5_000
_BREATH_S = 0.2


class Watched(Protocol):
    """A run that can be asked how it is doing."""

    def status(self) -> dict[str, Any]:
        """Its status."""
        ...


class Restrictable(Protocol):
    """A run whose risk budget can be made smaller."""

    def restrict(self, share: Decimal, source: Literal["prediction"]) -> None:
        """Let only a share of the budget be used; 0 is reduce-only."""
        ...


def thresholds(*, drawdown: Decimal, max_memory: int | None) -> tuple[Threshold, ...]:
    """The usual thresholds, with a run's own line of drawdown and its bytes of memory."""
    own = {"drawdown": float(drawdown)}
    if max_memory is not None:
        own["memory"] = max_memory / 1e6
    return tuple(replace(each, value=own.get(each.metric, each.value)) for each in THRESHOLDS)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Open:
    """A prediction whose horizon is not over."""

    prediction: Prediction
    until_s: float


class Watch:
    """What is known of a run from its statuses. Asks nobody and sleeps never: it is shown them.

    Parameters
    ----------
    folder : Path
        Where `predictions.jsonl` and `incidents.jsonl` are kept; what lies there is gone on with.
    limits : tuple of Threshold
        What is forecast.
    restrict : Restrictable, optional
        The run, where predictions act; they are only told without.
    tell : callable
        Takes what a person should read.
    speed : int
        How many times as fast as ours the run's clock is. Seconds here are ours.

    Raises
    ------
    DataError
        If the predictions that lie there are damaged.
    """

    def __init__(
        self,
        folder: Path,
        *,
        limits: tuple[Threshold, ...] = THRESHOLDS,
        restrict: Restrictable | None = None,
        tell: Callable[[str], None],
        speed: int = 1,
    ) -> None:
        self._tell, self._run = tell, restrict
        self._readings, self._bank = Readings(speed=speed), Bank()
        self._groups = Grouping()
        self._forecasts = Forecasts(limits)
        self._curves = {name: Calibrator() for name in self._forecasts.names}
        self._recent: deque[Prediction] = deque(maxlen=_RECENT)
        self._outcomes: dict[int, Outcome] = {}
        path = folder / PREDICTIONS
        if path.exists():
            self._remember(path)
        self._ledger = Ledger(path)
        self._incident_file = folder / INCIDENTS
        self._open: deque[_Open] = deque()
        self._due_s = 0.0
        self._policy = Policy(self._act) if restrict is not None else None
        self._begun_s: float | None = None
        self._told: set[str] = set()
        self.incidents: deque[Incident] = deque(maxlen=_KEPT)
        self.probabilities: dict[str, float] = {}

    def _remember(self, path: Path) -> None:
        """Take up what earlier predictions have taught."""
        with suppress(DataError):  # the ledger names the damage
            if (before := past(path)) is not None:
                for name, curve in self._curves.items():
                    curve.restore(before.curves.get(name))
            predictions, outcomes = read(path)
            for each in predictions:
                if each.number in outcomes and each.due and not each.acted:
                    came_true = outcomes[each.number].crossed_s is not None
                    self._learn(each, came_true=came_true)
            self._recent.extend(predictions)
            self._outcomes = {
                each.number: outcomes[each.number]
                for each in self._recent
                if each.number in outcomes
            }

    def look(self, status: Mapping[str, Any], *, now_ns: int, at: Machine) -> list[Incident]:
        """Take a status; give the incidents that begin with it."""
        if self._begun_s is None:
            # Times that go on over a restart, and do not jump when the clock is set.
            self._begun_s = at.wall_s - at.steady_s
            self._take_over(status)
        time_s = self._begun_s + at.steady_s
        values = self._readings.read(status, now_ns=now_ns, at=at)
        found = self._bank.update(values, time_s=time_s)
        begun = self._groups.update(self._bank.alarms(found, values, time_s=time_s))
        self._say(begun)
        self._settle(values, time_s)
        if self._forecasts.update(values) is not None:
            self._predict(values, time_s)
        return begun

    def _take_over(self, status: Mapping[str, Any]) -> None:
        """A restriction by prediction outlives a restart: it is let go as one of this run's is."""
        for source, share in status.get("restraints", ()):
            if source == "prediction" and self._policy is not None:
                self._policy.take_over(Decimal(str(share)))

    def _say(self, begun: list[Incident]) -> None:
        """Tell what begins and what joins it, and keep both."""
        self.incidents.extend(begun)
        for incident, alarm in self._groups.joined:
            metrics = [each.metric for each in incident.alarms]
            if alarm is incident.alarms[metrics.index(alarm.metric)]:
                word = "unusual" if alarm is incident.alarms[0] else "and so"
                self._tell(
                    f"{word}: {alarm.metric} is {alarm.value:.4g} "
                    f"({alarm.detector}, {alarm.score:+.1f})"
                )
            with self._writing(), self._incident_file.open("a", encoding="utf-8") as file:
                entry = {"incident": incident.number, **_plain(asdict(alarm))}
                file.write(json.dumps(entry, allow_nan=False) + "\n")

    def _writing(self) -> "_Told":
        return _Told(self._once)

    def _once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._tell(text)

    def _predict(self, values: Floats, time_s: float) -> None:
        due = time_s >= self._due_s
        raws = self._forecasts.passage.probabilities()
        confirmed: dict[str, float] = {}
        made: list[Prediction] = []
        for at, limit in enumerate(self._forecasts.thresholds):
            curve, raw = self._curves[limit.metric], float(raws[at])
            if np.isnan(raw):
                # What never was there cannot be calm or not.
                if self._known(limit.metric, values):
                    confirmed[limit.metric] = float("nan")
                continue
            probability = curve.probability(raw)
            self.probabilities[limit.metric] = probability
            confirmed[limit.metric] = curve.probability(float(self._forecasts.confirmed[at]))
            value = float(values[index(limit.metric)])
            if not (value >= limit.value if limit.rising else value <= limit.value):
                made.append(self._prediction(limit, value, raw, probability, time_s))
        if due and made:
            # A look that came a little early is not put off by ten.
            self._due_s = time_s + _EVERY_S - 1.0
        changed = False
        if self._policy is not None:
            changed = self._policy.update(confirmed, time_s=time_s)
            if self._policy.failure is not None:
                self._once(f"a prediction could not be acted on: {self._policy.failure}")
        share = Decimal(1) if self._policy is None else self._policy.share
        for each in made:
            high = changed and each.probability >= self._warns_at
            if due or high:
                self._keep(replace(each, due=due, acted=share < 1))

    def _known(self, metric: str, values: Floats) -> bool:
        return metric in self.probabilities or not np.isnan(values[index(metric)])

    @property
    def _warns_at(self) -> float:
        return 0.8 if self._policy is None else self._policy.warns_at

    def _prediction(
        self, limit: Threshold, value: float, raw: float, probability: float, time_s: float
    ) -> Prediction:
        return Prediction(
            number=0,
            time_s=time_s,
            metric=limit.metric,
            value=value,
            threshold=limit.value,
            horizon_s=limit.horizon_s,
            raw=raw,
            probability=probability,
            due=True,
            acted=False,
        )

    def _keep(self, made: Prediction) -> None:
        prediction = replace(made, number=self._ledger.kept + 1)
        with self._writing():
            self._ledger.keep(prediction)
            if len(self._recent) == _RECENT:
                self._outcomes.pop(self._recent[0].number, None)
            self._recent.append(prediction)
            until_s = prediction.time_s + prediction.horizon_s
            self._open.append(_Open(prediction=prediction, until_s=until_s))

    def _settle(self, values: Floats, time_s: float) -> None:
        rising = {each.metric: each.rising for each in self._forecasts.thresholds}
        still: deque[_Open] = deque()
        for each in self._open:
            made = each.prediction
            value = float(values[index(made.metric)])
            there = value >= made.threshold if rising[made.metric] else value <= made.threshold
            if not there and time_s < each.until_s:
                still.append(each)
                continue
            outcome = Outcome(
                number=made.number, crossed_s=time_s if there else None, time_s=time_s
            )
            if made.due and not made.acted:
                self._learn(made, came_true=there)
            self._outcomes[made.number] = outcome
            with self._writing():
                self._ledger.settle(outcome)
        self._open = still

    def _learn(self, made: Prediction, *, came_true: bool) -> None:
        if made.metric in self._curves:
            self._curves[made.metric].update(made.raw, came_true=came_true)

    def _act(self, share: Decimal, reason: str) -> None:
        if self._run is None:  # pragma: no cover - there is no policy without a run
            return
        self._run.restrict(share, "prediction")
        left = "may only reduce" if share == 0 else f"uses {share:%} of its risk budget"
        self._tell(f"prediction: the run {left}: {reason}")

    def state(self) -> dict[str, Any]:
        """For people: the last incidents, probabilities now, how good predictions were.

        `incidents` (a list), `probabilities` (by metric), `share` (of the risk budget that
        predictions leave), `score` (of the last 5 000 predictions, see `scored`).
        """
        return {
            "incidents": [_plain(asdict(each)) for each in self.incidents],
            "probabilities": dict(self.probabilities),
            "share": "1" if self._policy is None else str(self._policy.share),
            "score": scored(list(self._recent), self._outcomes, warns_at=self._warns_at),
        }

    def close(self) -> None:
        """Have everything on the disk."""
        with self._writing():
            self._ledger.close()


class _Told:
    """A disk that takes nothing is told once, and does not end the watch."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, OSError):
            self._tell(f"what was seen cannot be kept: {error.strerror or error}")
            return True
        return False


def _plain(value: Any) -> Any:  # noqa: ANN401
    """As JSON has it: numbers that are none become null."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value


class Watcher:
    """A thread that shows a run's status to a watch once a second. A context manager.

    Whatever goes wrong in here is told, and never reaches the run.

    Parameters
    ----------
    run : Watched
        Is asked for its status.
    watch : Watch
        Is shown it.
    now_ns : callable
        The run's clock.
    folder : Path
        Whose disk is looked at.
    tell : callable
        Takes what a person should read.
    every_s : float
        Seconds between two looks.
    """

    def __init__(
        self,
        run: Watched,
        watch: Watch,
        *,
        now_ns: Callable[[], int],
        folder: Path,
        tell: Callable[[str], None],
        every_s: float = 1.0,
    ) -> None:
        self._run, self.watch, self._now_ns = run, watch, now_ns
        self._folder, self._tell, self._every_s = folder, tell, every_s
        self._end = threading.Event()
        self._failed: set[str] = set()
        self._thread = threading.Thread(target=self._look_on, name="flyball-watch", daemon=True)
        self.looks = 0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self.watch

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(5.0 * self._every_s + _BREATH_S)
        if not self._thread.is_alive():
            self.watch.close()

    def _look_on(self) -> None:
        due = time.monotonic()
        while not self._end.is_set():
            try:
                status = self._run.status()
                at = machine(self._folder)
                self.watch.look(status, now_ns=self._now_ns(), at=at)
                self.looks += 1
            except FlyballError:
                if self._end.wait(self._every_s):
                    return
            except Exception as error:  # looking on must never end what is looked at
                text = f"the watch could not look: {type(error).__name__}: {error}"
                if text not in self._failed:
                    self._failed.add(text)
                    self._tell(text)
            # After a long pause it goes on from now: what was missed is missed.
            due = max(due + self._every_s, time.monotonic() - self._every_s)
            self._end.wait(max(0.0, due - time.monotonic()))
