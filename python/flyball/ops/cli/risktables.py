"""How `flyball risk` shows what it measured: short tables, a hundred columns at most."""

from collections.abc import Sequence
from math import isnan

from rich.table import Table

from flyball.domain import duration_text
from flyball.ops.cli import console
from flyball.ops.cli.riskdata import Sample
from flyball.research.risk.correlation import Concentration
from flyball.research.risk.gaps import GapEstimate
from flyball.research.risk.kelly import Kelly
from flyball.research.risk.rolling import BackTest
from flyball.research.risk.split import Contributions
from flyball.research.risk.stress import Exit, Loss
from flyball.research.risk.tail import Tail

__all__ = ["backtests", "exits", "gaps", "kelly", "positions", "spread", "stress", "tails"]


def _table(title: str, *, left: Sequence[str], right: Sequence[str], last: str = "") -> Table:
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in left:
        shown.add_column(name, overflow="fold")
    for name in right:
        shown.add_column(name, justify="right", no_wrap=True)
    if last:
        shown.add_column(last, overflow="fold")
    return shown


def _percent(value: float, places: int = 2) -> str:
    return "-" if isnan(value) else f"{value:.{places}%}"


def _p(value: float) -> str:
    return "-" if isnan(value) else "<.001" if value < 0.001 else f"{value:.3f}"


def tails(found: Sequence[Tail], of: Sample, level: float) -> None:
    """A row a method."""
    title = f"Loss of one step of {of.step} at {level:.1%}\n{of.span}"
    right = ("VaR", "ES", "volatility")
    shown = _table(title, left=("method",), right=right, last="doubt")
    for each in found:
        numbers = (each.value_at_risk, each.expected_shortfall, each.volatility)
        shown.add_row(each.method, *(_percent(x) for x in numbers), each.doubt)
    console.out.print(shown)


def positions(found: Contributions) -> None:
    """What each position adds."""
    total = found.total
    title = f"By position (normal): VaR {_percent(total.value_at_risk)} of equity"
    right = ("weight", "alone", "marginal", "component", "share", "incremental")
    shown = _table(title, left=("position",), right=right)
    for each in found.positions:
        share = each.component / total.value_at_risk if total.value_at_risk else float("nan")
        shown.add_row(
            each.name,
            f"{each.weight:g}",
            _percent(each.alone),
            f"{each.marginal:.4f}",
            _percent(each.component),
            _percent(share, 0),
            _percent(each.incremental),
        )
    console.out.print()
    console.out.print(shown)


def spread(found: Concentration, names: Sequence[str]) -> None:
    """Correlation and concentration."""
    console.out.print()
    rows = [
        ("largest position", _percent(found.largest, 0)),
        ("effective positions", f"{found.effective_positions:.1f} of {len(names)}"),
        ("diversification ratio", f"{found.diversification_ratio:.2f}"),
        ("effective bets", f"{found.effective_bets:.1f}"),
        ("mean correlation", f"{found.mean_correlation:.2f}"),
        ("worst 5 % together", _percent(found.mean_together, 0)),
        ("first component", _percent(found.first_component, 0)),
    ]
    console.table("Concentration", rows)


def backtests(rows: Sequence[BackTest], of: Sample, window: int) -> None:
    """A table a level."""
    levels = sorted({row.level for row in rows})
    for level in levels:
        title = f"VaR {level:.1%}, window {window:,}\n{of.span}"
        right = ("seen/exp.", "Kupiec", "Christ.", "zone", "g/y/r", "ES p", "VaR")
        shown = _table(title, left=("method",), right=right)
        for row in rows:
            if row.level != level:
                continue
            years = "/".join(str(row.years[zone]) for zone in ("green", "yellow", "red"))
            shown.add_row(
                row.method,
                f"{row.exceptions}/{row.expected:.0f}",
                _p(row.kupiec.p_value),
                _p(row.coverage.p_value),
                row.zone,
                years,
                _p(row.shortfall.p_value),
                _percent(row.mean_var),
            )
        console.out.print(shown)
        for row in rows:
            if row.level == level and (row.without or row.doubted or row.failed):
                console.out.print(
                    f"{row.method}: {row.doubted:,} of {row.n:,} doubted, {row.without} without a "
                    f"number, {row.failed} fits that did not converge",
                    markup=False,
                )
        console.out.print()
    console.out.print("p-values; g/y/r: blocks of 250 forecasts in each of Basel's zones")


def stress(found: Sequence[Loss], symbols: Sequence[str]) -> None:
    """A row a scenario, a column a position where they fit."""
    shown = _table("Loss by scenario", left=("scenario",), right=("loss",))
    columns = symbols if len(symbols) <= 4 else ()
    for symbol in columns:
        shown.add_column(symbol, justify="right", no_wrap=True)
    for each in found:
        own = dict(each.positions)
        shown.add_row(
            each.scenario, _money(each.loss), *(_money(own[symbol]) for symbol in columns)
        )
    console.out.print(shown)


def _money(value: float) -> str:
    return f"{round(value) + 0:,}"


def exits(found: Sequence[Exit], factor: float, participation: float, *, costed: bool) -> None:
    """How long it takes to sell, and what it costs."""
    title = f"Selling with turnover ÷ {factor:g}, as {participation:.0%} of it"
    shown = _table(title, left=("position",), right=("time", "spread cost", "depth cost"))
    for each in found:
        took = "unknown" if each.hours is None else _hours(each.hours)
        costs = (each.spread_cost, each.depth_cost)
        shown.add_row(each.name, took, *("-" if c is None else f"{c:,.0f}" for c in costs))
    console.out.print()
    console.out.print(shown)
    if not costed:
        console.out.print("no cost of a drought: say --spread and --depth of every position")


def _hours(hours: float) -> str:
    seconds = hours * 3600.0
    if seconds < 120.0:
        return f"{seconds:.1f} s"
    return f"{seconds / 60.0:.1f} min" if seconds < 7200.0 else f"{hours:.1f} h"


def gaps(found: Sequence[GapEstimate]) -> None:
    """A row an instrument."""
    first = found[0]
    title = (
        f"Gap to assume within {duration_text(first.outage_ns)}: largest seen, once in "
        f"{first.once_in_days:g} days (upper {first.confidence:.0%}), floor {first.floor:.0%}"
    )
    right = ("gap", "because", "long seen/model", "short seen/model", "days", "worst on")
    shown = _table(title, left=("instrument",), right=right)
    for each in found:
        sides = (
            f"{_percent(s.largest, 1)}/{_percent(s.upper, 1)}" for s in (each.long, each.short)
        )
        shown.add_row(
            each.symbol,
            _percent(each.gap, 1),
            each.because,
            *sides,
            str(each.days),
            f"{each.at:%Y-%m-%d}",
        )
    console.out.print(shown)
    for each in found:
        if each.doubt:
            console.out.print(f"{each.symbol}: {each.doubt}", markup=False)


def kelly(found: Kelly, what: str) -> None:
    """From the fraction to what is left of it."""
    edge = "significant" if found.significant else "not significant"
    drawn = f", drawn in blocks of {found.block}" if found.block else ""
    rows = [
        ("from", f"{what}{drawn}"),
        ("full", f"{found.full:.3f}, error {found.error:.3f}"),
        ("limits", f"{found.lower:.3f} to {found.upper:.3f}, {found.confidence:.0%} each"),
        ("edge", f"{edge} at {found.confidence:.0%}"),
        ("shrunk", f"{found.shrunk:.3f} (the lower limit)"),
        ("advised", f"{found.advised:.3f} = {found.part:g} x shrunk"),
        ("for sizing", f"kelly={found.sizing}"),
        ("growth there", f"{found.growth:.2e} a step, were the estimate exact"),
    ]
    console.table("Kelly: times equity", rows)
