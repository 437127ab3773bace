"""Features of bars end to end: what a strategy sees on recorded data, against naive ones."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.conftest import Imported, Tell
from tests.reference import twin_features as naive
from tests.reference.recorder import Recorder, Row, alias_of, assert_same, run
from tests.reference.twin_features import Bar

import flyball as fb
from flyball.domain import duration_ns

BAR_FEATURES: list[tuple[str, dict[str, float]]] = [
    ("sma", {"period": 20}),
    ("sma", {"period": 3}),
    ("ema", {"period": 20}),
    ("rsi", {"period": 14}),
    ("atr", {"period": 14}),
    ("donchian_high", {"period": 20, "offset": 1}),
    ("donchian_high", {"period": 55, "offset": 0}),
    ("donchian_low", {"period": 20, "offset": 1}),
    ("zscore", {"period": 20}),
    ("volatility_close", {"period": 20}),
    ("volatility_ewma", {"decay": 0.94}),
    ("volatility_parkinson", {"period": 10}),
    ("volatility_garman_klass", {"period": 10}),
    ("volatility_yang_zhang", {"period": 10}),
    ("vwap", {"period": 20}),
]


def naive_columns(bars: Sequence[Bar]) -> dict[str, list[float]]:
    columns: dict[str, list[float]] = {}
    for name, parameters in BAR_FEATURES:
        numbers = [int(value) if value == int(value) else value for value in parameters.values()]
        columns[alias_of(name, parameters)] = getattr(naive, name)(bars, *numbers)
    return columns


def check_bars(data: fb.Dataset, path: Path, series: str, limit: int) -> str:
    """Compare all features of bars over the first bars of a recording."""
    strategy = Recorder(bars=series)
    for name, parameters in BAR_FEATURES:
        strategy.watch(name, **parameters)
    strategy.kept += ["open", "high", "low", "close", "volume"]
    strategy.limit = limit
    rows = run(strategy, data)

    it, length, wanted = data.instrument, int(data.interval_ns or 0), duration_ns(series)
    source = naive.read_bars(path, length, it.tick_size, it.lot_size)
    source = source[: (limit + 500) * wanted // length]
    bars = naive.without_holes(naive.longer(source, wanted), wanted)
    columns = naive_columns(bars)
    expected: dict[int, Row] = {}
    for at, (bar, known_ns) in enumerate(zip(bars, known(bars, source), strict=True)):
        if not any(math.isnan(values[at]) for values in columns.values()):
            prices = dict(zip(("open", "high", "low", "close", "volume"), bar[1:], strict=True))
            features = {name: values[at] for name, values in columns.items()}
            expected[known_ns] = {"time_ns": known_ns, **prices, **features}
    newest = {row["time_ns"]: row for row in rows}
    compared = assert_same(list(newest.values()), list(expected.values())[: len(newest)])
    return f"{len(newest):,} of {len(bars):,} bars, {compared:,} numbers"


def known(bars: Sequence[Bar], source: Sequence[Bar]) -> Iterator[int]:
    """When a strategy can hear of each bar: when the source closes its last part.

    Where that part is missing, it is with the next bar that the source has. A strategy hears of
    several bars at that moment then; what it hears last, the newest, is compared.
    """
    ends = iter([*(bar.end_ns for bar in source), bars[-1].end_ns])
    end = next(ends)
    for bar in bars:
        while end < bar.end_ns:
            end = next(ends)
        yield end


USDM = "bars/binance_usdm_5m_2025_oct10/XRPUSDT_5m.csv.gz"
HOLES = "bars/binance_spot_1h_2017_2022/BTCUSDT_1h.csv.gz"  # 127 hours are missing


@pytest.mark.parametrize(
    ("path", "series", "limit"),
    [
        pytest.param(USDM, "5m", 6_000, id="as they are"),
        pytest.param(USDM, "1h", 1_500, id="twelve become one"),
        pytest.param(HOLES, "1h", 3_000, id="some are missing"),
        pytest.param(HOLES, "4h", 2_000, id="some of four are missing"),
        pytest.param(USDM, "5m", 10**6, id="all as they are", marks=pytest.mark.long),
        pytest.param(HOLES, "1h", 10**6, id="all, some missing", marks=pytest.mark.long),
    ],
)
def test_features_of_bars(
    path: str, series: str, limit: int, shared: Path, imported: Imported, tell: Tell
) -> None:
    tell(check_bars(imported(path), shared / path, series, limit))
