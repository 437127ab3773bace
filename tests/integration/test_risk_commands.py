"""`flyball risk` as people call it: what it prints, its JSON, how bad input ends."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

import flyball as fb
from flyball.config.profile import profile
from flyball.ops.cli.arguments import sizing_of
from flyball.research.risk.kelly import kelly_of_bets
from tests.integration.conftest import Run

PACKAGE = Path(fb.__file__).parent
DAYS = 230
START_MS = 1_700_006_400_000


def _write(folder: Path, symbol: str, *, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    common = np.random.default_rng(99).standard_t(4, DAYS * 24)
    close = 2.0 * np.exp(np.cumsum(0.004 * common + 0.004 * rng.standard_t(4, DAYS * 24)))
    before = np.concatenate(([2.0], close[:-1]))
    lines = ["time_ms,open,high,low,close,volume"]
    for k in range(DAYS * 24):
        high, low = max(before[k], close[k]), min(before[k], close[k])
        prices = ",".join(f"{x:.6f}" for x in (before[k], high, low, close[k]))
        lines.append(f"{START_MS + k * 3_600_000},{prices},{1000 + k % 7}")
    (folder / f"{symbol}_1h.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def coins(flyball: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("raw") / "coins_usdm"
    _write(folder, "AAAUSDT", seed=1)
    _write(folder, "BBBUSDT", seed=2)
    done = flyball("data", "import", folder, "--json")
    assert done.returncode == 0, done.stderr
    one, two = sorted(each["name"] for each in json.loads(done.stdout)["imported"])
    return one, two


def _told(flyball: Run, *words: str | Path) -> dict[str, object]:
    done = flyball("risk", *words, "--json")
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = json.loads(done.stdout)
    return told


def test_var_by_every_method_and_by_position(flyball: Run, coins: tuple[str, str]) -> None:
    one, two = coins
    told = _told(flyball, "var", f"{one}=0.7", f"{two}=-0.3", "--level", "0.95")
    methods = told["methods"]
    assert isinstance(methods, list)
    assert len(methods) == 7
    assert all(0.0 < each["value_at_risk"] <= each["expected_shortfall"] for each in methods)
    positions = told["positions"]
    assert isinstance(positions, list)
    plain = next(each for each in methods if each["method"] == "normal")
    total = sum(each["component"] for each in positions)
    assert total == pytest.approx(plain["value_at_risk"])
    shown = flyball("risk", "var", f"{one}=0.7", f"{two}=-0.3", "--step", "1d")
    assert "returns of 1d" in shown.stdout
    assert "diversification ratio" in shown.stdout


def test_a_backtest_is_a_table_that_fits_eighty_columns(
    flyball: Run, coins: tuple[str, str]
) -> None:
    words = ("backtest", coins[0], "--window", "500", "--method", "normal", "--method", "ewma")
    told = _told(flyball, *words)
    rows = told["rows"]
    assert isinstance(rows, list)
    assert [(row["method"], row["level"]) for row in rows] == [
        ("normal", 0.95), ("ewma", 0.95), ("normal", 0.99), ("ewma", 0.99),
    ]  # fmt: skip
    shown = flyball("risk", *words, "--level", "0.99").stdout
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 80
    assert "Kupiec" in shown


def test_stress_tells_the_worst_first(flyball: Run, coins: tuple[str, str]) -> None:
    one, two = coins
    words = ("stress", f"{one}=10000", f"{two}=-5000", "--shock", "-0.3", "--shock", "BBBUSDT=0.5")
    told = _told(flyball, *words)
    scenarios = told["scenarios"]
    assert isinstance(scenarios, list)
    losses = [each["loss"] for each in scenarios]
    assert losses == sorted(losses, reverse=True)
    assert {"everything -30%", "BBBUSDT +50%"} <= {each["scenario"] for each in scenarios}
    assert not [each for each in scenarios if "drought" in each["scenario"]]
    priced = _told(flyball, *words, "--spread", "0.0005", "--depth", "100000")
    named = [each["scenario"] for each in priced["scenarios"]]  # type: ignore[attr-defined]
    assert "drought: spread x 5, depth ÷ 5" in named


def test_gaps_are_toml_that_a_configuration_can_hold(flyball: Run, coins: tuple[str, str]) -> None:
    done = flyball("risk", "gaps", *coins, "--outage", "1h", "--floor", "0.2", "--toml")
    assert done.returncode == 0, done.stderr
    gaps = tomllib.loads(done.stdout)["governor"]["gaps"]
    assert set(gaps) == {"AAAUSDT", "BBBUSDT"}
    assert all(0.2 <= gap < 1.0 for gap in gaps.values())
    early = _told(flyball, "gaps", coins[0], "--outage", "1h", "--until", "2023-12-01")
    assert isinstance(early["gaps"], list)
    (found,) = early["gaps"]
    assert found["days"] < 20
    assert "too few" in found["doubt"]


def test_a_profile_takes_the_gaps_as_they_are_printed(
    flyball: Run, coins: tuple[str, str], tmp_path: Path
) -> None:
    named = (f"{coins[0]}=AAA", coins[1])
    printed = flyball("risk", "gaps", *named, "--outage", "1h", "--toml").stdout
    shipped = (PACKAGE / "config/profiles/emergency.toml").read_text().splitlines()
    mine = tmp_path / "mine.toml"
    kept = [line for line in shipped if not line.startswith("gaps = ")]
    mine.write_text("\n".join(kept) + "\n" + printed)
    gaps = profile(str(mine)).governor.gaps
    assert set(gaps) == {"AAA", "BBBUSDT"}


def test_a_sizing_takes_the_edge_as_it_is_printed() -> None:
    found = kelly_of_bets(600, 400, payoff=1.0)
    sizing = sizing_of(f"kelly={found.sizing}")
    assert sizing is not None
    assert sizing.engine()
    assert float(sizing.value.mean) == pytest.approx(0.2)  # type: ignore[union-attr]


def test_kelly_of_bets_and_of_a_run(
    flyball: Run, backtest_arguments: list[str], tmp_path: Path
) -> None:
    told = _told(flyball, "kelly", "--bets", "wins=600,losses=400,payoff=1")
    assert told["full"] == pytest.approx(0.2)
    assert told["advised"] == pytest.approx(0.074, abs=0.001)
    journal = tmp_path / "journal"
    done = flyball(*backtest_arguments, "--journal", journal)
    assert done.returncode == 0, done.stderr
    run = flyball("risk", "var", journal, "--step", "5s", "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["weights"] == {"equity": 1.0}


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["var", "nothing_of_this_name"], 3, "there is no dataset"),
        (["var", "{one}=much"], 2, "is no weight"),
        (["var", "{one}=1", "{two}"], 2, "give each a weight"),
        (["var", "{one}", "--level", "95"], 2, "such as 0.99"),
        (["var", "{one}", "--step", "1m"], 3, "no returns of 1m"),
        (["var", "{one}", "--until", "soon"], 2, "is no moment"),
        (["backtest", "{one}", "--method", "guess"], 2, "is not one of"),
        (["backtest", "{one}", "--step", "1d"], 3, "more than the window"),
        (["stress", "{one}"], 2, "what is held has no default"),
        (["stress", "{one}=1", "--shock", "ETH=0.1"], 2, "no position in 'ETH'"),
        (["stress", "{one}=1", "--horizon", "1m"], 2, "shorter than the bars"),
        (["gaps", "{one}"], 3, "cannot tell moves within 5m"),
        (["kelly"], 2, "name one dataset"),
        (["kelly", "--bets", "wins=6"], 2, "wins=60,losses=40,payoff=1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_says_what_to_do(
    flyball: Run, coins: tuple[str, str], words: list[str], code: int, says: str
) -> None:
    done = flyball("risk", *(word.format(one=coins[0], two=coins[1]) for word in words))
    assert done.returncode == code, done.stderr
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
