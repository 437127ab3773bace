"""Crosses of two averages over bars: `python -m peers.crosses PEER bars|sweep ARRAYS [PAIRS]`.

One unit, long or flat, fee 0.05 %. PEER: `raptorbt` (signals worked out before), `raptorbt-class`
(its Python callback on every bar), `vectorbt`, `backtesting`. What each gives by itself of
statistics is asked for.
"""

import importlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from peers.worker import serve

FEE, CASH = 0.0005, 10_000_000.0
FAST, SLOW = 50, 200
PAIRS = [(fast, slow) for fast in range(10, 260, 10) for slow in range(300, 1_100, 20)]
Run = Callable[[], dict[str, Any]]


def arrays(path: str) -> dict[str, Any]:
    with np.load(path) as found:
        columns = {name: np.ascontiguousarray(found[name]) for name in found.files}
    columns["time_ns"] = columns.pop("time_ms").astype(np.int64) * 1_000_000
    return columns


def edges(quick: Any, steady: Any, slow: int) -> tuple[Any, Any]:  # noqa: ANN401
    """Where the fast average begins and ceases to be above."""
    above = quick > steady
    before = np.concatenate([[False], above[:-1]])
    known = np.arange(len(above)) >= slow
    return (np.ascontiguousarray(it & known) for it in (above & ~before, ~above & before))  # type: ignore[return-value]


def raptorbt(bars: dict[str, Any], pairs: int) -> Run:
    raptor: Any = importlib.import_module("raptorbt")
    config = raptor.BacktestConfig(initial_capital=CASH, fees=FEE)
    names = ("time_ns", "open", "high", "low", "close", "volume")
    columns = [bars[name] for name in names]

    def signals(fast: int, slow: int) -> tuple[Any, Any]:
        return edges(raptor.sma(bars["close"], fast), raptor.sma(bars["close"], slow), slow)

    def one() -> dict[str, Any]:
        entries, exits = signals(FAST, SLOW)
        words = dict(zip(("timestamps", *names[1:]), columns, strict=True))
        done = raptor.run_single_backtest(
            **words,
            entries=entries,
            exits=exits,
            direction=1,
            weight=1.0,
            symbol="B",
            config=config,
        )
        return {"trades": int(done.metrics.total_trades), "bars": len(columns[0])}

    def many() -> dict[str, Any]:
        trades = 0
        for first in range(0, pairs, 50):
            items = [
                raptor.BatchSingleItem(f"{fast}/{slow}", *signals(fast, slow), 1, 1.0, "B")
                for fast, slow in PAIRS[first : first + 50][: pairs - first]
            ]
            done = raptor.batch_single_backtest(*columns, items, config)
            trades += sum(int(each.metrics.total_trades) for _, each in done)
        return {"trades": trades, "pairs": pairs}

    return many if pairs else one


def raptorbt_class(bars: dict[str, Any], _: int) -> Run:
    raptor: Any = importlib.import_module("raptorbt")
    config = raptor.BacktestConfig(initial_capital=CASH, fees=FEE)
    columns = [bars[name] for name in ("time_ns", "open", "high", "low", "close", "volume")]

    class Cross(raptor.Strategy):  # type: ignore[misc]
        def on_start(self, ctx: Any) -> None:  # noqa: ANN401
            self.quick = raptor.sma(ctx.close, FAST)
            self.steady = raptor.sma(ctx.close, SLOW)

        def on_bar(self, ctx: Any) -> None:  # noqa: ANN401
            at = ctx.idx
            if at < SLOW:
                return
            above = self.quick[at] > self.steady[at]
            if above == (self.quick[at - 1] > self.steady[at - 1]):
                return
            if above and ctx.position is None:
                self.enter()
            elif not above and ctx.position is not None:
                self.close_position()

    def run() -> dict[str, Any]:
        done = raptor.run_strategy_backtest(Cross(), *columns, symbol="B", config=config)
        return {"trades": int(done.metrics.total_trades), "bars": len(columns[0])}

    return run


def vectorbt(bars: dict[str, Any], pairs: int) -> Run:
    vbt: Any = importlib.import_module("vectorbt")
    pandas: Any = importlib.import_module("pandas")
    close = pandas.Series(bars["close"], index=pandas.to_datetime(bars["time_ns"]))
    known = {"init_cash": CASH, "size": 1.0, "fees": FEE, "freq": "1min"}

    def portfolio(fast: Any, slow: Any) -> Any:  # noqa: ANN401
        quick = vbt.MA.run(close, fast, short_name="quick")
        steady = vbt.MA.run(close, slow, short_name="steady")
        above, below = quick.ma_crossed_above(steady), quick.ma_crossed_below(steady)
        return vbt.Portfolio.from_signals(close, above, below, **known)

    def one() -> dict[str, Any]:
        done = portfolio(FAST, SLOW)
        return {"trades": int(done.trades.count()), "value": float(done.final_value()),
                "fall": float(done.max_drawdown()), "bars": len(close)}  # fmt: skip

    def many() -> dict[str, Any]:
        trades = 0
        for first in range(0, pairs, 20):
            some = PAIRS[first : first + 20][: pairs - first]
            done = portfolio([fast for fast, _ in some], [slow for _, slow in some])
            trades += int(done.trades.count().sum())
            done.total_return()
        return {"trades": trades, "pairs": pairs}

    return many if pairs else one


def backtesting(bars: dict[str, Any], _: int) -> Run:
    package: Any = importlib.import_module("backtesting")
    library: Any = importlib.import_module("backtesting.lib")
    pandas: Any = importlib.import_module("pandas")
    frame = pandas.DataFrame(
        {name.title(): bars[name] for name in ("open", "high", "low", "close", "volume")},
        index=pandas.to_datetime(bars["time_ns"]),
    )

    def average(values: Any, period: int) -> Any:  # noqa: ANN401
        return pandas.Series(values).rolling(period).mean()

    class Cross(package.Strategy):  # type: ignore[misc]
        def init(self) -> None:
            self.quick = self.I(average, self.data.Close, FAST)
            self.steady = self.I(average, self.data.Close, SLOW)

        def next(self) -> None:
            if library.crossover(self.quick, self.steady):
                if not self.position:
                    self.buy(size=1)
            elif library.crossover(self.steady, self.quick):
                self.position.close()

    def run() -> dict[str, Any]:
        test = package.Backtest(frame, Cross, cash=CASH, commission=FEE, finalize_trades=True)
        return {"trades": int(test.run()["# Trades"]), "bars": len(frame)}

    return run


PEERS: dict[str, tuple[Callable[[dict[str, Any], int], Run], str]] = {
    "raptorbt": (raptorbt, "raptorbt"),
    "raptorbt-class": (raptorbt_class, "raptorbt"),
    "vectorbt": (vectorbt, "vectorbt"),
    "backtesting": (backtesting, "backtesting"),
}


def main() -> None:
    name, what, path = sys.argv[1:4]
    make, package = PEERS[name]
    pairs = int(sys.argv[4]) if what == "sweep" else 0
    run = make(arrays(path), pairs)
    if name == "vectorbt":
        run()  # Compiles.
    serve(run, package)


if __name__ == "__main__":
    main()
