"""`flyball risk`: value at risk and its back-tests, stress, gaps, Kelly."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import App, Parameter

from flyball.domain import duration_ns
from flyball.errors import ConfigError, DataError
from flyball.ops.cli import console, risktables
from flyball.ops.cli.arguments import pairs
from flyball.ops.cli.riskdata import Sample, moment_ns, named, prices_of, sample
from flyball.research.data import Catalogue
from flyball.research.risk import kelly as kellys
from flyball.research.risk import rolling
from flyball.research.risk import stress as stresses
from flyball.research.risk import tail as tails
from flyball.research.risk.correlation import concentration
from flyball.research.risk.gaps import estimate_gap
from flyball.research.risk.prices import Prices, aligned
from flyball.research.risk.regimes import multiplier, regime
from flyball.research.risk.sample import portfolio
from flyball.research.risk.split import contributions
from flyball.research.risk.volatility import Ewma

__all__ = ["app"]

app = App(
    name="risk",
    help="Value at risk and its back-tests, stress, gaps, Kelly: measured, never acted upon.",
    help_format="plaintext",
)

_MONTH_NS = 30 * 24 * 3600 * 10**9

Names = Annotated[
    list[str],
    Parameter(help="Datasets as NAME or NAME=WEIGHT (value ÷ equity), or a journal's folder."),
]
Step = Annotated[str, Parameter(help="Time of one return, such as 1d; the bars' own by default.")]
Until = Annotated[str, Parameter(help="Look at nothing after this moment, such as 2025-10-10.")]
Root = Annotated[Path | None, Parameter(help="Where the catalogue lies.")]
Json = Annotated[bool, Parameter(help="Print one JSON object.")]
Level = Annotated[float, Parameter(help="Confidence level.")]


def _loaded(names: list[str], step: str, root: Path | None, until: str) -> tuple[Sample, Any]:
    known, weights = named(names, "weight")
    found = sample(known, step=step, root=root, until_ns=moment_ns(until))
    held = np.full(len(known), 1.0 / len(known)) if weights is None else np.array(weights)
    return found, held


@app.command
def var(
    names: Names,
    /,
    *,
    step: Step = "",
    level: Level = 0.99,
    until: Until = "",
    catalogue: Root = None,
    json: Json = False,
) -> None:
    """Value at risk and expected shortfall of the next step, by every method; and by position.

    Several datasets without weights are held in equal parts.

    Example: flyball risk var binance_spot_1h_2017_2022/BTCUSDT_1h=0.6
    binance_spot_1h_2017_2022/XRPUSDT_1h=0.4 --step 1d
    """
    found, held = _loaded(names, step, catalogue, until)
    together = portfolio(found.returns, held)
    shown = []
    for method in rolling.METHODS:
        try:
            if method == "monte_carlo":
                shown.append(tails.monte_carlo(found.returns, level=level, weights=held))
            else:
                shown.append(rolling.METHODS[method](together)(together, level))
        except DataError as error:
            shown.append(_without(method, level, together.size, str(error)))
    now = regime(together)
    split = spread = None
    if len(found.names) > 1:
        split = contributions(found.returns, held, names=found.names, level=level)
        spread = concentration(found.returns, held)
    if json:
        told = {
            "step": found.step,
            "level": level,
            "n": len(found.returns),
            "weights": dict(zip(found.names, held.tolist(), strict=True)),
            "methods": [asdict(each) for each in shown],
            "regime": {"now": now, "multiplier": multiplier(now)},
            "positions": [asdict(each) for each in split.positions] if split else [],
            "concentration": _plain(spread) if spread else None,
        }
        console.print_json(told)
        return
    risktables.tails(shown, found, level)
    console.out.print(f"\nregime now: {now}, limits x {multiplier(now):g}", markup=False)
    if split is not None and spread is not None:
        risktables.positions(split)
        risktables.spread(spread, found.names)


def _without(method: str, level: float, n: int, why: str) -> tails.Tail:
    nan = float("nan")
    return tails.Tail(
        method=method, level=level, value_at_risk=nan, expected_shortfall=nan, n=n, doubt=why
    )


def _plain(found: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        key: value.tolist() if isinstance(value, np.ndarray) else value
        for key, value in asdict(found).items()
    }


@app.command
def backtest(
    names: Names,
    /,
    *,
    step: Step = "",
    level: Annotated[list[float], Parameter(help="Confidence levels: 0.95 and 0.99.")] = [],  # noqa: B006
    method: Annotated[list[str], Parameter(help="Methods: all by default.")] = [],  # noqa: B006
    window: Annotated[int, Parameter(help="Returns that a forecast is made of.")] = 1000,
    refit: Annotated[int, Parameter(help="Steps until GARCH is fitted again.")] = 20,
    until: Until = "",
    catalogue: Root = None,
    json: Json = False,
) -> None:
    """Forecast every step from what was known before it, and test the forecasts.

    Kupiec: the right number of exceptions? Christoffersen: that, and no clusters? The traffic light
    is Basel's. ES: do exceptions go no further than said (McNeil-Frey)? Small p-values reject.

    Example: flyball risk backtest sp500_daily_1950_2015/GSPC
    """
    found, held = _loaded(names, step, catalogue, until)
    together = portfolio(found.returns, held)
    methods, levels = method or list(rolling.METHODS), level or [0.95, 0.99]
    rows = []
    with console.progress_bar("back-testing") as tell:
        for k, of in enumerate(levels):
            for m, name in enumerate(methods):
                made = rolling.forecasts(
                    together, method=name, level=of, window=window, refit=refit
                )
                rows.append(rolling.judge(made))
                tell((k * len(methods) + m + 1) / (len(levels) * len(methods)))
    if json:
        told = [{**asdict(each), "passes": each.passes} for each in rows]
        console.print_json({"step": found.step, "window": window, "refit": refit, "rows": told})
        return
    risktables.backtests(rows, found, window)


@app.command
def stress(
    positions: Annotated[
        list[str],
        Parameter(help="Positions as DATASET=VALUE, the value negative for a short one."),
    ],
    /,
    *,
    horizon: Annotated[list[str], Parameter(help="Of historical windows: 1d and 7d.")] = [],  # noqa: B006
    worst: Annotated[int, Parameter(help="Historical windows a horizon.")] = 3,
    shock: Annotated[
        list[str], Parameter(help="-0.2 moves everything, SYMBOL=-0.4 one: -0.2 by default.")
    ] = [],  # noqa: B006
    sigmas: Annotated[float, Parameter(help="Deviations of a day when correlation is 1.")] = 5.0,
    factor: Annotated[float, Parameter(help="Drought: spread times, depth over it.")] = 5.0,
    participation: Annotated[float, Parameter(help="Drought: share of turnover.")] = 0.1,
    spread: Annotated[
        list[str], Parameter(help="Ask less bid ÷ mid: 0.0002 for all, SYMBOL=0.0005 for one.")
    ] = [],  # noqa: B006
    depth: Annotated[
        list[str], Parameter(help="Value that rests on a side within 1 %: as with --spread.")
    ] = [],  # noqa: B006
    until: Until = "",
    catalogue: Root = None,
    json: Json = False,
) -> None:
    """What scenarios would cost these positions, the worst first.

    History's worst windows, shocks, correlation to one, a drought of liquidity. Turnover is the
    median hour of the data's last 30 days. The drought has a cost only with --spread and --depth.

    Example: flyball risk stress binance_spot_1h_2017_2022/BTCUSDT_1h=10000
    binance_spot_1h_2017_2022/XRPUSDT_1h=-5000 --shock -0.3 --spread 0.0002 --depth 1000000
    """
    names, values = named(positions, "value")
    if values is None:
        raise ConfigError("positions: DATASET=VALUE is wanted: what is held has no default")
    prices = prices_of(names, catalogue, moment_ns(until))
    symbols = [each.symbol for each in prices]
    spreads, depths = _each(spread, symbols, "--spread"), _each(depth, symbols, "--depth")
    held = [
        stresses.Position(
            name=each.symbol,
            value=value,
            spread=spreads.get(each.symbol),
            depth=depths.get(each.symbol),
            turnover=_turnover(each),
        )
        for each, value in zip(prices, values, strict=True)
    ]
    found = _history(held, prices, horizon or ["1d", "7d"], worst)
    found += _shocks(held, shock or ["-0.2"], symbols)
    daily = aligned(prices, duration_ns("1d"))[1]
    moves = daily[1:] / daily[:-1] - 1.0
    deviations = [float(Ewma().path(column)[-1]) for column in moves.T]
    if all(np.isfinite(deviations)):
        found += stresses.correlation_to_one(held, volatilities=deviations, sigmas=sigmas)
    else:
        console.say("correlation to one: left out, there are fewer than 20 daily returns")
    dry, exits = stresses.drought(held, factor=factor, participation=participation)
    found = stresses.worst_first(found + ([] if dry is None else [dry]))
    if json:
        told = {"scenarios": [asdict(each) for each in found], "exits": [asdict(e) for e in exits]}
        console.print_json(told)
        return
    risktables.stress(found, symbols)
    risktables.exits(exits, factor, participation, costed=dry is not None)


def _each(texts: Sequence[str], symbols: Sequence[str], option: str) -> dict[str, float]:
    """A number for all, or SYMBOL=NUMBER."""
    found: dict[str, float] = {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError as error:
            raise ConfigError(f"{option}: {number!r} is no number") from error
        if equals and name not in symbols:
            raise ConfigError(f"{option}: there is no position in {name!r}: {', '.join(symbols)}")
        found.update({name: value} if equals else dict.fromkeys(symbols, value))
    return found


def _history(
    held: list[stresses.Position], prices: list[Prices], horizons: list[str], worst: int
) -> list[stresses.Loss]:
    found: list[stresses.Loss] = []
    longest = max(each.interval_ns or 0 for each in prices)
    for text in horizons:
        horizon = duration_ns(text)
        if horizon < longest:
            raise ConfigError(f"--horizon {text}: is shorter than the bars")
        step = longest or horizon
        times, closes = aligned(prices, step)
        found += stresses.historical_windows(
            held, time_ns=times, closes=closes, horizon=max(1, horizon // step), count=worst,
            name=text,
        )  # fmt: skip
    return found


def _shocks(
    held: list[stresses.Position], texts: list[str], symbols: list[str]
) -> list[stresses.Loss]:
    own, found = {}, []
    for text in texts:
        if "=" in text:
            own.update(_each([text], symbols, "--shock"))
        else:
            found.append(stresses.shock(held, _each([text], ["all"], "--shock")["all"]))
    return [*found, stresses.shock(held, own)] if own else found


def _turnover(prices: Prices) -> float | None:
    """Median value traded in an hour of the last 30 days; None where none was."""
    recent = prices.end_ns > prices.end_ns[-1] - _MONTH_NS
    hours = prices.start_ns[recent] // duration_ns("1h")
    width = max(1.0, (prices.interval_ns or 0) / duration_ns("1h"))
    traded = prices.volume[recent] * prices.close[recent]
    _, where = np.unique(hours, return_inverse=True)
    value = float(np.median(np.bincount(where, weights=traded))) / width
    return value if value > 0.0 else None


@app.command
def gaps(
    names: Annotated[
        list[str], Parameter(help="Datasets of bars or trades, as NAME or NAME=SYMBOL.")
    ],
    /,
    *,
    outage: Annotated[str, Parameter(help="The time it takes to get out.")] = "5m",
    floor: Annotated[float, Parameter(help="The smallest gap that may come out.")] = 0.25,
    once_in: Annotated[str, Parameter(help="The modelled move is exceeded once in it.")] = "365d",
    confidence: Annotated[float, Parameter(help="Of the model's upper limit.")] = 0.95,
    until: Until = "",
    catalogue: Root = None,
    toml: Annotated[bool, Parameter(help="Print [governor.gaps] and nothing else.")] = False,
    json: Json = False,
) -> None:
    """The gap to assume for each instrument: largest move seen, modelled move, or the floor.

    NAME=SYMBOL says what the instrument is called where the gap is used.

    Example: flyball risk gaps binance_usdm_5m_2025_oct10/XRPUSDT_5m=XRP --outage 5m --toml
    """
    if not names:
        raise ConfigError("name a dataset of the catalogue")
    known, until_ns = Catalogue(catalogue), moment_ns(until)
    found = []
    for text in names:
        name, _, symbol = text.partition("=")
        made = estimate_gap(
            known.find(name),
            until_ns=until_ns,
            outage=outage,
            floor=floor,
            once_in=once_in,
            confidence=confidence,
        )
        found.append(replace(made, symbol=symbol or made.symbol))
    if toml:
        for each in found:
            if each.doubt:
                console.say(f"{each.symbol}: {each.doubt}")
        console.out.print("\n".join(["[governor.gaps]", *(g.toml for g in found)]), markup=False)
    elif json:
        rows = [{**asdict(each), "at": each.at.isoformat(), "toml": each.toml} for each in found]
        console.print_json({"gaps": rows})
    else:
        risktables.gaps(found)


@app.command
def kelly(
    names: Annotated[
        list[str], Parameter(help="A dataset (held all the time), or a journal's folder.")
    ] = [],  # noqa: B006
    /,
    *,
    bets: Annotated[str, Parameter(help="A record instead: wins=60,losses=40,payoff=1.")] = "",
    part: Annotated[float, Parameter(help="Of the shrunk fraction: 0.5 is half Kelly.")] = 0.5,
    confidence: Annotated[float, Parameter(help="One-sided, of the limits.")] = 0.95,
    step: Step = "",
    until: Until = "",
    catalogue: Root = None,
    json: Json = False,
) -> None:
    """The fraction that grows fastest, how well it is known, and what is left of it: 0 if nothing.

    Example: flyball risk kelly --bets wins=600,losses=400,payoff=1
    """
    if bool(bets) == bool(names):
        raise ConfigError("name one dataset or journal, or give --bets wins=60,losses=40,payoff=1")
    if bets:
        about = pairs(bets.split(","), "--bets")
        if set(about) != {"wins", "losses", "payoff"}:
            raise ConfigError("--bets wants wins=60,losses=40,payoff=1")
        try:
            wins, losses, payoff = int(about["wins"]), int(about["losses"]), float(about["payoff"])
        except ValueError as error:
            raise ConfigError(f"--bets: {error}") from error
        found = kellys.kelly_of_bets(wins, losses, payoff=payoff, confidence=confidence, part=part)
        what = f"{wins + losses:,} bets"
    else:
        taken, held = _loaded(names, step, catalogue, until)
        found = kellys.kelly_of_returns(
            portfolio(taken.returns, held), confidence=confidence, part=part
        )
        what = taken.span
    if json:
        console.print_json(asdict(found))
        return
    risktables.kelly(found, what)
