"""A strategy over recorded data: the same engine as live, the simulated venue behind it."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from flyball import _core
from flyball.config.profile import Profile
from flyball.config.profile import profile as find_profile
from flyball.config.run import Sim, Sizing
from flyball.domain import Dataset, Strategy, View, duration_text
from flyball.errors import ConfigError
from flyball.trading.runtime.columns import collected
from flyball.trading.runtime.plan import (
    bound_strategy,
    check_bars,
    engine_config,
    recorded_market,
    sim_config,
    strategy_name,
)
from flyball.trading.runtime.result import Result, from_outcome
from flyball.trading.runtime.signals import Signals

if TYPE_CHECKING:
    from flyball.trading.runtime.screening import Screener

__all__ = ["Outcome", "Plan", "backtest"]

_Asked: TypeAlias = Sequence[tuple[str, Any, Any, bool]] | _core.Targets

_STEPS = 200_000
_STEPS_TO_A_MOMENT = 2_000
_SAMPLES = 4_000


def backtest(
    strategy: Strategy | Signals,
    *,
    data: Dataset,
    profile: str | Path | Profile,
    cash: float | Decimal,
    sizing: Sizing | None = None,
    sim: Sim | None = None,
    journal: Path | str | None = None,
    progress: Callable[[float], None] | None = None,
) -> Result:
    """Run a strategy over recorded data.

    Parameters
    ----------
    strategy : Strategy or Signals
        Anything with a `decide`, what else it declares is done by the engine; or signals over
        arrays.
    data : Dataset
        From `flyball.data(...)`.
    profile : str, Path or Profile
        What protects the account: a name, a TOML file, or a profile.
    cash : float or Decimal
        Cash at the start, settlement currency.
    sizing : Sizing, optional
        How large a signal becomes; strategies that return `Signal` need one.
    sim : Sim, optional
        What is assumed about venue and latency; the venue's own assumptions by default.
    journal : Path, optional
        A folder for the journal of the run: it replays to the same commands and state.
    progress : callable, optional
        Called with the share of the data that was read, 0 to 1.

    Returns
    -------
    Result
        Equity, fills, orders, notices, and a hash of the engine's final state: the same for the
        same run, always.

    Raises
    ------
    ConfigError
        If something about the run makes no sense; the message says what and what would.
    DataError
        If the tape is damaged.
    StrategyError
        If the strategy raised (with its traceback as the cause) or returned nonsense.
    JournalError
        If the journal cannot be written. It is complete up to there.
    """
    chosen = profile if isinstance(profile, Profile) else find_profile(profile)
    plan = Plan(
        strategy=strategy,
        data=data,
        profile=chosen,
        cash=_cash(cash),
        sizing=sizing,
        sim=sim or Sim(),
        journal=None if journal is None else Path(journal),
    )
    return plan.run(progress)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What the engine collected of a run, as it tells it; `Result` is made of that.

    `seconds` is the time of the run itself, `assumptions` what the simulator took for granted.
    """

    raw: Mapping[str, Any]
    seconds: float
    interrupted: bool
    assumptions: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A backtest, before it is run.

    `sample_ns` is how often equity is looked at; a 4 000th of the data by default. With `first_ns`
    and `last_ns` (UTC nanoseconds) the strategy is asked from the first on, its features being
    ready by then, and the run ends with the last; what is open then is valued, not closed.
    `screener` has the bars of signals read already.
    """

    strategy: Strategy | Signals
    data: Dataset
    profile: Profile
    cash: Decimal
    sizing: Sizing | None
    sim: Sim
    journal: Path | None = None
    sample_ns: int | None = None
    first_ns: int | None = None
    last_ns: int | None = None
    screener: "Screener | None" = None

    def run(self, progress: Callable[[float], None] | None) -> Result:
        """Run it to the end, or until somebody interrupts it."""
        found = self.outcome(progress)
        return from_outcome(
            found.raw,
            strategy=strategy_name(self.strategy),
            data=self.data,
            profile=self.profile,
            cash=self.cash,
            journal=self.journal,
            seconds=found.seconds,
            interrupted=found.interrupted,
            assumptions=found.assumptions,
        )

    def outcome(self, progress: Callable[[float], None] | None = None) -> Outcome:
        """Run it, and leave what the engine tells as it is."""
        strategy, asked = self._asked()
        check_bars(strategy, self.data)
        engine = engine_config(
            strategy,
            market=recorded_market(self.data),
            profile=self.profile,
            cash=self.cash,
            sizing=self.sizing,
        )
        simulated = sim_config(self.sim, self.data)
        about = {
            "flyball": _core.VERSION,
            "build": _core.BUILD,
            "kind": "backtest",
            "strategy": strategy_name(strategy),
            "data": self.data.name,
            "engine": engine,
            "sim": simulated,
        }
        whole = max(1, (self.data.last_ns - self.data.first_ns) // _SAMPLES)
        run = _core.Run(
            engine=json.dumps(engine),
            sim=json.dumps(simulated),
            tape=self.data.tape,
            strategies=asked,
            sample_ns=self.sample_ns or whole,
            journal=self.journal,
            about=json.dumps(about),
        )
        started = time.perf_counter()
        interrupted = _drive(run, progress, self.last_ns)
        raw = collected(run.finish())
        return Outcome(
            raw=raw,
            seconds=time.perf_counter() - started,
            interrupted=interrupted,
            assumptions=_assumptions(self.sim, simulated, self.data),
        )

    def _asked(self) -> tuple[Strategy | Signals, _Asked]:
        """The strategy, and who is asked; before `first_ns` nobody is.

        The targets of signals are pursued by the engine itself.
        """
        given = self.strategy
        if isinstance(given, Signals):
            # Numbers are only needed where there are bars.
            from flyball.trading.runtime.screening import Screener

            screener = self.screener or Screener(
                data=self.data,
                profile=self.profile,
                cash=self.cash,
                sizing=self.sizing,
                sim=self.sim,
            )
            bars = duration_text(screener.interval_ns(given))
            made = Signals(given.function, bars=bars, **given.parameters)
            return made, screener.engine_targets(made, self.first_ns)
        bound = bound_strategy(given, sized=self.sizing is not None)
        first = self.first_ns
        if first is None:
            return given, [bound]
        name, decide, view, sized = bound

        def later(seen: View) -> object:
            return decide(seen) if seen.time_ns >= first else None

        return given, [(name, later, view, sized)]


def _drive(
    run: _core.Run, progress: Callable[[float], None] | None, last_ns: int | None = None
) -> bool:
    """Step until the end; `True` when a person interrupted it. The journal is closed either way."""
    steps = _STEPS if last_ns is None else _STEPS_TO_A_MOMENT
    try:
        while run.step(steps):
            if progress is not None:
                progress(run.progress)
            if last_ns is not None and run.now_ns > last_ns:
                break
    except KeyboardInterrupt:
        return True
    except BaseException:
        run.finish()
        raise
    if progress is not None:
        progress(1.0)
    return False


def _cash(cash: float | Decimal) -> Decimal:
    try:
        amount = Decimal(str(cash))
    except InvalidOperation as error:
        raise ConfigError(f"cash: {cash!r} is no number") from error
    if not amount.is_finite() or amount <= 0:
        raise ConfigError(f"cash: must be above zero, got {cash}")
    return amount


def _assumptions(sim: Sim, simulated: dict[str, Any], data: Dataset) -> dict[str, str]:
    """What the simulator took for granted, for people."""

    def ms(ns: int) -> str:
        return f"{ns / 1e6:g} ms"

    way = simulated["order_latency"]
    order = (
        ms(way["constant"]["ns"])
        if "constant" in way
        else (f"{ms(way['uniform']['min_ns'])} to {ms(way['uniform']['max_ns'])}")
    )
    found = {
        "venue rules": data.instrument.venue,
        "fees": f"maker {data.instrument.maker_fee:%}, taker {data.instrument.taker_fee:%}",
        "order latency": order,
        "report latency": ms(simulated["report_latency"]["constant"]["ns"]),
        "seed": str(sim.seed),
    }
    if data.contents == "bars":
        found |= {
            "path within a bar": f"{sim.bar_path}, the extreme that hurts first",
            "spread": f"{sim.bar_spread:%}",
            "participation": f"{sim.bar_participation:%} of the volume",
        }
    else:
        found |= {"queue": sim.queue, "feed latency": sim.feed_latency}
    return found
