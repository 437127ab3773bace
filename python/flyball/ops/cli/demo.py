"""`flyball demo`: a crash, once with protection and once without."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flyball.config.run import Sizing
from flyball.ops.cli import console
from flyball.ops.report import report as write_report
from flyball.trading.runtime import demo as market
from flyball.trading.runtime.backtest import backtest
from flyball.trading.runtime.replay import replay
from flyball.trading.runtime.result import Result
from flyball.trading.strategies.mean_reversion import MeanReversion

__all__ = ["demo"]

CASH = Decimal(10_000)
# One and a half times the account, on one idea: what people do.
SIZING = Sizing.equity_fraction("1.5")


@dataclass(frozen=True, slots=True)
class Demo:
    """Both runs, and where everything lies."""

    protected: Result
    unprotected: Result
    journal: Path
    report: Path
    replay_verified: bool


def demo(
    *,
    seed: Annotated[int, Parameter(help="Everything follows from it.")] = market.SEED,
    hours: Annotated[float, Parameter(help="Simulated hours before the crash.")] = market.HOURS,
    out: Annotated[Path, Parameter(help="Where runs are kept.")] = Path("runs"),
    json: Annotated[bool, Parameter(help="Print one JSON object.")] = False,
) -> None:
    """Trade a simulated XRP market that ends in a crash, with and without protection.

    The same strategy trades the same market twice: once under the profile `emergency`, once under
    `unprotected`. The market is synthetic and follows from the seed.

    Example: flyball demo --seed 7
    """
    done = _run(seed=seed, hours=hours, folder=console.fresh_folder(out, f"demo-{seed}"))
    if json:
        console.print_json(_json(done))
    else:
        _tell(done)


def _run(*, seed: int, hours: float, folder: Path) -> Demo:
    with console.progress_bar("making the market  ") as tell:
        dataset = market.synthetic_market(folder, seed=seed, hours=hours, progress=tell)
    journal = folder / "journal"
    strategy = MeanReversion()
    with console.progress_bar("trading, protected ") as tell:
        protected = backtest(
            strategy,
            data=dataset,
            profile="emergency",
            cash=CASH,
            sizing=SIZING,
            journal=journal,
            progress=tell,
        )
    with console.progress_bar("trading, without   ") as tell:
        unprotected = backtest(
            strategy, data=dataset, profile="unprotected", cash=CASH, sizing=SIZING, progress=tell
        )
    with console.progress_bar("replaying          ") as tell:
        replayed = replay(journal, progress=lambda events: tell(events / max(1, protected.events)))
    report = write_report([protected, unprotected], folder / "report.html")
    return Demo(
        protected=protected,
        unprotected=unprotected,
        journal=journal,
        report=report,
        replay_verified=replayed.state_hash == protected.state_hash,
    )


def _json(done: Demo) -> dict[str, object]:
    kept = done.protected
    return {
        "simulated": True,
        "trades": kept.trades,
        "pnl": float(kept.pnl),
        "max_drawdown": kept.max_drawdown,
        "unprotected_drawdown": done.unprotected.max_drawdown,
        "unprotected_pnl": float(done.unprotected.pnl),
        "tripped": list(kept.tripped),
        "flat": kept.flat,
        "ms_to_flat": kept.ms_to_flat,
        "journal": done.journal,
        "report": done.report,
        "replay_verified": done.replay_verified,
        "state_hash": kept.state_hash,
    }


def _tell(done: Demo) -> None:
    kept, lost = done.protected, done.unprotected
    console.out.print()
    console.table(
        "A simulated XRP perpetual, its last minutes a crash, traded by mean reversion",
        [
            ("", "protected           without"),
            ("P&L", f"{kept.pnl:>+12,.2f} USD  {lost.pnl:>+12,.2f} USD"),
            ("max drawdown", f"{kept.max_drawdown:>12.2%}      {lost.max_drawdown:>12.2%}"),
            ("round trips", f"{kept.trades:>12}      {lost.trades:>12}"),
            ("flat at the end", f"{_yes(kept.flat):>12}      {_yes(lost.flat):>12}"),
        ],
    )
    console.out.print()
    took = "-" if kept.ms_to_flat is None else f"{kept.ms_to_flat:.0f} ms (simulated)"
    console.table(
        "Protection",
        [
            ("switches tripped", ", ".join(kept.tripped) or "none"),
            ("trip to verified flat", took),
            ("replay", "gives the same commands and state" if done.replay_verified else "DIFFERS"),
            ("journal", str(done.journal)),
            ("report", str(done.report)),
        ],
    )


def _yes(value: bool) -> str:  # noqa: FBT001
    return "yes" if value else "no"
