"""Naive features: each value from the definition, over everything that came before it.

A feature of bars is a function from bars to as many values; NaN where it has none. Prices are in
ticks, volumes in lots.
"""

import csv
import gzip
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise
from math import ceil, fsum, log, nan, sqrt
from pathlib import Path
from typing import NamedTuple


class Bar(NamedTuple):
    """A bar, by its end: UTC nanoseconds, prices in ticks, volume in lots."""

    end_ns: int
    open: int
    high: int
    low: int
    close: int
    volume: int


def read_bars(path: Path, length_ns: int, tick: Decimal, lot: Decimal) -> list[Bar]:
    """Bars of a CSV file that labels them by the time at which they open, in milliseconds."""

    def steps(text: str, step: Decimal) -> int:
        return round(Decimal(text) / step)

    with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
        return [
            Bar(
                int(row["time_ms"]) * 10**6 + length_ns,
                steps(row["open"], tick),
                steps(row["high"], tick),
                steps(row["low"], tick),
                steps(row["close"], tick),
                steps(row["volume"], lot),
            )
            for row in csv.DictReader(text)
        ]


def without_holes(bars: Sequence[Bar], length_ns: int) -> list[Bar]:
    """Where nothing was traded the price stays at the last close, with no volume."""
    filled: list[Bar] = []
    for bar in bars:
        while filled and filled[-1].end_ns + length_ns < bar.end_ns:
            close = filled[-1].close
            filled.append(Bar(filled[-1].end_ns + length_ns, close, close, close, close, 0))
        filled.append(bar)
    return filled


def longer(bars: Sequence[Bar], length_ns: int) -> list[Bar]:
    """Longer bars, counted from 1970, of shorter ones. The last may lack some."""
    groups: dict[int, list[Bar]] = {}
    for bar in bars:
        groups.setdefault(-(-bar.end_ns // length_ns) * length_ns, []).append(bar)
    return [
        Bar(
            end,
            group[0].open,
            max(bar.high for bar in group),
            min(bar.low for bar in group),
            group[-1].close,
            sum(bar.volume for bar in group),
        )
        for end, group in groups.items()
    ]


def over_windows(
    bars: Sequence[Bar], count: int, value: Callable[[Sequence[Bar]], float]
) -> list[float]:
    """A value of every window of so many bars; none before the first is full."""
    return [
        value(bars[end - count : end]) if end >= count else nan for end in range(1, len(bars) + 1)
    ]


def mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)


def variance(values: Sequence[float]) -> float:
    """The sample variance."""
    middle = mean(values)
    return fsum((value - middle) ** 2 for value in values) / (len(values) - 1)


def returns(bars: Sequence[Bar]) -> list[float]:
    """Log returns from close to close."""
    return [log(now.close / before.close) for before, now in pairwise(bars)]


def sma(bars: Sequence[Bar], period: int) -> list[float]:
    return over_windows(bars, period, lambda window: mean([bar.close for bar in window]))


def donchian_high(bars: Sequence[Bar], period: int, offset: int) -> list[float]:
    return over_windows(
        bars, period + offset, lambda window: max(bar.high for bar in window[:period])
    )


def donchian_low(bars: Sequence[Bar], period: int, offset: int) -> list[float]:
    return over_windows(
        bars, period + offset, lambda window: min(bar.low for bar in window[:period])
    )


def zscore(bars: Sequence[Bar], period: int) -> list[float]:
    def value(window: Sequence[Bar]) -> float:
        closes = [bar.close for bar in window]
        spread = sqrt(variance(closes))
        return (closes[-1] - mean(closes)) / spread if spread else nan

    return over_windows(bars, period, value)


def vwap(bars: Sequence[Bar], period: int) -> list[float]:
    def value(window: Sequence[Bar]) -> float:
        volume = sum(bar.volume for bar in window)
        paid = sum((bar.high + bar.low + bar.close) * bar.volume for bar in window)
        return paid / 3 / volume if volume else nan

    return over_windows(bars, period, value)


def volatility_close(bars: Sequence[Bar], period: int) -> list[float]:
    return over_windows(bars, period + 1, lambda window: sqrt(variance(returns(window))))


def volatility_parkinson(bars: Sequence[Bar], period: int) -> list[float]:
    def value(window: Sequence[Bar]) -> float:
        return sqrt(mean([log(bar.high / bar.low) ** 2 for bar in window]) / (4 * log(2)))

    return over_windows(bars, period, value)


def volatility_garman_klass(bars: Sequence[Bar], period: int) -> list[float]:
    def one(bar: Bar) -> float:
        narrow = (2 * log(2) - 1) * log(bar.close / bar.open) ** 2
        return log(bar.high / bar.low) ** 2 / 2 - narrow

    return over_windows(bars, period, lambda window: sqrt(max(0.0, mean([*map(one, window)]))))


def volatility_yang_zhang(bars: Sequence[Bar], period: int) -> list[float]:
    def value(window: Sequence[Bar]) -> float:
        days, n = window[1:], period
        jumps = [log(now.open / before.close) for before, now in zip(window, days, strict=False)]
        moves = [log(bar.close / bar.open) for bar in days]
        ranges = [
            log(bar.high / bar.close) * log(bar.high / bar.open)
            + log(bar.low / bar.close) * log(bar.low / bar.open)
            for bar in days
        ]
        k = 0.34 / (1.34 + (n + 1) / (n - 1))
        return sqrt(variance(jumps) + k * variance(moves) + (1 - k) * mean(ranges))

    return over_windows(bars, period + 1, value)


def smoothed(values: Sequence[float], period: int, weight: float) -> list[float]:
    """Begins with the mean of the first values, then moves by `weight` towards each."""
    result = [nan] * min(len(values), period - 1)
    if len(values) >= period:
        result.append(mean(values[:period]))
        for value in values[period:]:
            result.append(result[-1] + weight * (value - result[-1]))
    return result


def ema(bars: Sequence[Bar], period: int) -> list[float]:
    return smoothed([bar.close for bar in bars], period, 2 / (period + 1))


def atr(bars: Sequence[Bar], period: int) -> list[float]:
    ranges = [
        max(now.high, before.close) - min(now.low, before.close) for before, now in pairwise(bars)
    ]
    return [nan, *smoothed(ranges, period, 1 / period)]


def rsi(bars: Sequence[Bar], period: int) -> list[float]:
    moves = [now.close - before.close for before, now in pairwise(bars)]
    gains = smoothed([max(move, 0) for move in moves], period, 1 / period)
    losses = smoothed([max(-move, 0) for move in moves], period, 1 / period)
    pairs = zip(gains, losses, strict=True)
    return [nan, *(100 * up / (up + down) if up + down else nan for up, down in pairs)]


def volatility_ewma(bars: Sequence[Bar], lambda_: float) -> list[float]:
    moves = returns(bars)
    ready = ceil(1 / (1 - lambda_) - 1e-9)

    def value(count: int) -> float:
        if count < ready:
            return nan
        # What is older than this weighs less than 1e-20.
        past = moves[max(0, count - ceil(46 / -log(lambda_))) : count]
        weights = [lambda_**age for age in range(len(past))]
        squares = (
            weight * move * move for weight, move in zip(weights, reversed(past), strict=True)
        )
        return sqrt(fsum(squares) / fsum(weights))

    return [nan, *(value(count) for count in range(1, len(moves) + 1))]


class Best(NamedTuple):
    """Best bid and ask: prices in ticks, what rests there in lots."""

    bid: int
    bid_lots: int
    ask: int
    ask_lots: int


def microprice(best: Best) -> float:
    bid, p, ask, q = best
    return (bid * q + ask * p) / (p + q)


def imbalance(bids: Sequence[int], asks: Sequence[int]) -> float:
    """Of what rests on the best levels, in lots."""
    return (sum(bids) - sum(asks)) / (sum(bids) + sum(asks))


def order_flow_imbalance(seen: Sequence[Best], window: int) -> float:
    """Over the last updates of the best prices: seen before and after each."""
    if len(seen) <= window:
        return nan
    flow = 0
    for before, now in pairwise(seen[-window - 1 :]):
        flow += now.bid_lots * (now.bid >= before.bid) - before.bid_lots * (now.bid <= before.bid)
        flow -= now.ask_lots * (now.ask <= before.ask) - before.ask_lots * (now.ask >= before.ask)
    return flow


Mids = Sequence[tuple[int, float]]  # when (ns) and what, oldest first


def ema_mid(mids: Mids, now_ns: int, halflife_s: float) -> float:
    """The mid weighed by how long ago it held; the first one held always."""

    def weight(time_ns: int) -> float:
        return float(2.0 ** (-(now_ns - time_ns) / 1e9 / halflife_s))

    if now_ns - mids[0][0] < halflife_s * 1e9:
        return nan
    ends = [time for time, _ in mids[1:]] + [now_ns]
    parts = [
        mid * (weight(end) - weight(start)) for (start, mid), end in zip(mids, ends, strict=True)
    ]
    return fsum([*parts, mids[0][1] * weight(mids[0][0])])


def volatility_mid(mids: Mids, now_ns: int, halflife_s: float) -> float:
    """Realised volatility of the mid for the square root of a second, younger moves weigh more."""
    known_s = (now_ns - mids[0][0]) / 1e9
    if known_s < halflife_s:
        return nan
    squares = (
        log(mid / before) ** 2 * 2.0 ** (-(now_ns - time) / 1e9 / halflife_s)
        for (_, before), (time, mid) in pairwise(mids)
    )
    return sqrt(fsum(squares) / (halflife_s / log(2) * (1 - 2.0 ** (-known_s / halflife_s))))


def return_mid(mids: Mids, now_ns: int, horizon_s: float) -> float:
    """Log return since the newest of 64 grid points a horizon that is a whole horizon ago."""
    horizon_ns = round(horizon_s * 1e9)
    step = horizon_ns // 64
    then_ns = (now_ns - horizon_ns) // step * step
    before = [mid for time, mid in mids if time < then_ns]
    return log(mids[-1][1] / before[-1]) if before else nan
