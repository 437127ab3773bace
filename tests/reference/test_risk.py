"""Risk against published numbers, and against recorded markets from 1950 to 2026.

Where a published number depends on a choice (how a quantile is defined, what a GARCH begins with),
the choice is named.
"""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import Tell

from flyball.domain import duration_ns
from flyball.research.analytics.curve import Floats
from flyball.research.risk.coverage import basel_multiplier, basel_zone, kupiec
from flyball.research.risk.gaps import estimate_gap
from flyball.research.risk.prices import Prices
from flyball.research.risk.rolling import forecasts, judge
from flyball.research.risk.split import contributions
from flyball.research.risk.tail import cornish_fisher, historical, normal
from flyball.research.risk.volatility import fit_garch


def _table(path: Path) -> list[dict[str, str]]:
    packed = path.read_bytes()
    text = (gzip.decompress(packed) if path.suffix == ".gz" else packed).decode()
    return list(csv.DictReader(text.splitlines()))


def _json(path: Path) -> Any:  # noqa: ANN401
    return json.loads(path.read_text())


def _columns(path: Path, names: list[str] | None = None) -> Floats:
    rows = _table(path)
    wanted = names or [name for name in rows[0] if name not in ("", "Date")]
    return np.array([[float(row[name]) for name in wanted] for row in rows])


@pytest.fixture(scope="module")
def sp500(shared: Path) -> Floats:
    rows = _table(shared / "bars/sp500_daily_1950_2015/GSPC.csv.gz")[::-1]
    closes = np.array([float(row["Close"]) for row in rows])
    return np.asarray(closes[1:] / closes[:-1] - 1.0)


def _bars(path: Path, symbol: str, interval: str) -> Prices:
    rows = _table(path)
    return Prices.bars(
        symbol,
        open_ns=[int(row["time_ms"]) * 10**6 for row in rows],
        interval_ns=duration_ns(interval),
        **{name: [float(row[name]) for row in rows] for name in ("high", "low", "close")},
    )


def test_garch_is_the_published_benchmark(shared: Path, tell: Tell) -> None:
    # Bollerslev and Ghysels' DM/GBP; the start is the mean squared residual, as it was published.
    folder = shared / "reference/garch_dmbp"
    returns = _columns(folder / "dmbp.csv.gz", ["V1"])[:, 0]
    published = _json(folder / "benchmark.json")["model_1"]
    found = fit_garch(returns, start="mean_square", errors=True)
    assert found.n == 1974
    assert found.mean == pytest.approx(published["params"]["mu"], abs=5e-7)
    assert found.omega == pytest.approx(published["params"]["omega"], abs=5e-7)
    assert found.alpha == pytest.approx(published["params"]["alpha1"], abs=1e-6)
    assert found.beta == pytest.approx(published["params"]["beta1"], abs=1e-6)
    assert found.log_likelihood == pytest.approx(-1106.608, abs=5e-4)
    for error, name in zip(found.errors, ("mu", "omega", "alpha1", "beta1"), strict=True):
        assert error == pytest.approx(published["std_errors"][name], rel=2e-3)
    tell(f"alpha {found.alpha:.6f}, beta {found.beta:.6f}, LL {found.log_likelihood:.3f}")


def test_another_start_gives_other_estimates(shared: Path) -> None:
    returns = _columns(shared / "reference/garch_dmbp/dmbp.csv.gz", ["V1"])[:, 0]
    found = fit_garch(returns, start="backcast")
    assert abs(found.alpha - 0.153134) > 0.005
    assert found.alpha == pytest.approx(0.153134, abs=0.01)


def test_kupiec_accepts_and_rejects_as_the_table_does(shared: Path) -> None:
    about = _json(shared / "reference/risk_tables/kupiec_pof.json")
    for row in about["rows"]:
        level, n = 1.0 - row["p"], row["T"]
        low, high = row["computed_lo_exclusive"], row["computed_hi_exclusive"]
        for exceptions in range(min(n, high + 10) + 1):
            accepted = kupiec(exceptions, n, level=level).p_value > 0.05
            assert accepted == (low < exceptions < high), (row, exceptions)
    for each in about["examples"]:
        found = kupiec(each["x"], each["T"], level=1.0 - each["p"])
        assert found.statistic == pytest.approx(each["LR_uc"], abs=1e-6)
        assert found.p_value == pytest.approx(each["p_value"], abs=1e-6)


def test_the_traffic_light_is_basels(shared: Path) -> None:
    for row in _json(shared / "reference/risk_tables/basel_traffic_light.json")["rows"]:
        exceptions = row["exceptions"]
        assert basel_zone(exceptions) == row["zone"]
        assert basel_multiplier(exceptions, table="1996") == pytest.approx(row["multiplier_1996"])
        assert basel_multiplier(exceptions) == pytest.approx(row["multiplier_MAR99"])


def test_the_numbers_of_performanceanalytics(shared: Path) -> None:
    # Its own tests, on the first 100 months of edhec (test-VaR_archive_baseline.R), at 95 %.
    rows = _columns(shared / "reference/performanceanalytics/edhec.csv")[:100, :3]
    first, weights = rows[:, 0], [0.3, 0.4, 0.3]
    bent = cornish_fisher(first, level=0.95)
    assert round(bent.value_at_risk, 6) == 0.014674
    # It divides variances by n, `normal` by n - 1.
    scale = np.sqrt(99 / 100)
    mean, plain = float(np.mean(first)), normal(first, level=0.95)
    assert round((plain.value_at_risk + mean) * scale - mean, 6) == 0.012133
    assert round((plain.expected_shortfall + mean) * scale - mean, 6) == 0.017133
    split = contributions(rows, weights, level=0.95)
    assert round(split.total.value_at_risk, 6) == 0.012916  # here it divides by n - 1 as well
    # Its quantile lies between two returns (R's type 7), ours is one of them: the next worse.
    seen = historical(first, level=0.95).value_at_risk
    assert round(-float(np.quantile(first, 0.05)), 6) == 0.014095
    assert seen >= 0.014095
    assert seen == -np.sort(first)[4]
    # Its shortfall is the mean of what lies beyond that quantile: here the worst five.
    assert round(historical(first, level=0.95).expected_shortfall, 6) == 0.024080


def _riskfolio(shared: Path, expected: str, measure: str) -> tuple[list[str], Floats, Floats]:
    """Names, their last 200 returns (as its own tests take them), and the weights it finds."""
    folder = shared / "reference/riskfolio_expected"
    weights = {row[""]: float(row[measure]) for row in _table(folder / expected)}
    closes = _columns(folder / "stock_prices.csv", list(weights))[-201:]
    return list(weights), closes[1:] / closes[:-1] - 1.0, np.array(list(weights.values()))


def test_the_risk_parity_of_riskfolio_has_equal_components(shared: Path, tell: Tell) -> None:
    names, returns, held = _riskfolio(shared, "Classic_RP.csv", "MV")
    centred = returns - np.mean(returns, axis=0)  # their measure is the deviation alone
    parts = [each.component for each in contributions(centred, held, names=names).positions]
    assert max(parts) == pytest.approx(min(parts), rel=1e-4)
    names, returns, held = _riskfolio(shared, "Classic_RP.csv", "CVaR")
    found = contributions(returns, held, names=names, level=0.95, method="historical")
    short = [each.shortfall for each in found.positions]
    tell(f"deviation {min(parts):.6f} to {max(parts):.6f}; ES {min(short):.6f} to {max(short):.6f}")
    # Where returns tie at the edge of the tail there are several gradients, and this is one.
    assert max(short) == pytest.approx(np.mean(short), rel=0.25)
    assert min(short) == pytest.approx(np.mean(short), rel=0.25)


def test_the_least_shortfall_of_riskfolio_is_least_by_ours(shared: Path, tell: Tell) -> None:
    names, returns, best = _riskfolio(shared, "Classic_MinRisk.csv", "CVaR")

    def shortfall(held: Floats) -> float:
        return historical(returns, weights=held, level=0.95).expected_shortfall

    least, rng = shortfall(best), np.random.default_rng(1)
    for _ in range(300):
        other = rng.dirichlet(np.ones(len(names)))
        step = rng.choice([0.01, 0.1, 1.0])
        assert shortfall((1.0 - step) * best + step * other) >= least - 1e-9
    tell(f"expected shortfall {least:.5f}, 300 other portfolios have more")


def test_var_of_the_sp500_since_1950(sp500: Floats, tell: Tell) -> None:
    assert sp500.size == 16_402
    expected = 15_402 * 0.01
    plain, filtered = (
        judge(forecasts(sp500, method=method, level=0.99)) for method in ("normal", "filtered_ewma")
    )
    assert plain.n == 15_402
    assert plain.exceptions > 1.8 * expected
    assert plain.zone == "red"
    assert plain.coverage.p_value < 1e-6
    assert filtered.exceptions == pytest.approx(expected, rel=0.1)
    assert filtered.passes
    assert filtered.zone == "green"
    seen = judge(forecasts(sp500, method="historical", level=0.99))
    assert not seen.passes  # its exceptions come in clusters
    assert seen.independence.p_value < 0.001
    tell(f"normal {plain.exceptions}, filtered {filtered.exceptions} of {expected:.0f} expected")


def test_var_of_rugarchs_sp500_through_1987_and_2008(shared: Path, tell: Tell) -> None:
    returns = _columns(shared / "reference/rugarch_sp500ret/sp500ret.csv.gz", ["SP500RET"])[:, 0]
    assert returns.size == 5_523
    found = judge(forecasts(returns, method="filtered_garch", level=0.99, refit=100))
    assert found.failed == 0
    assert found.kupiec.p_value > 0.01
    assert found.exceptions < judge(forecasts(returns, method="normal", level=0.99)).exceptions
    tell(f"{found.exceptions} of {found.expected:.0f} expected")


@pytest.mark.parametrize("symbol", ["BTCUSDT", "XRPUSDT"])
def test_var_of_coins_by_the_hour(shared: Path, symbol: str, tell: Tell) -> None:
    bars = _bars(shared / f"bars/binance_spot_1h_2017_2022/{symbol}_1h.csv.gz", symbol, "1h")
    returns = bars.returns()
    plain = judge(forecasts(returns, method="normal", level=0.99))
    filtered = judge(forecasts(returns, method="filtered_ewma", level=0.99))
    assert plain.zone == "red"
    assert abs(filtered.exceptions / filtered.expected - 1.0) < 0.2
    assert abs(filtered.z2) < 0.25 * abs(plain.z2)
    tell(f"normal {plain.exceptions}, filtered {filtered.exceptions} of {plain.expected:.0f}")


def test_the_gap_of_xrp_the_day_before_and_after_2025_10_10(shared: Path, tell: Tell) -> None:
    bars = _bars(shared / "bars/binance_usdm_5m_2025_oct10/XRPUSDT_5m.csv.gz", "XRP", "5m")
    eve = 1_760_054_400 * 10**9  # 2025-10-10 00:00 UTC
    before, after = (estimate_gap(bars, until_ns=until) for until in (eve, None))
    assert before.until_ns <= eve
    assert before.largest == pytest.approx(0.126, abs=0.001)
    assert after.long.largest == pytest.approx(0.338, abs=0.001)
    assert f"{after.at:%Y-%m-%d %H:%M}" == "2025-10-10 21:15"
    # What was assumed the day before would have held, by the model of the other side alone.
    assert before.gap > after.long.largest
    assert before.because == "quantile"
    assert before.long.upper < after.long.largest
    tell(f"assumed {before.gap:.3f} before, {after.gap:.3f} after; fell {after.largest:.3f}")
