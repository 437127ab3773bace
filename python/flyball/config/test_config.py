from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from flyball.config import run as run_file
from flyball.config import toml
from flyball.config.profile import Profile, names, profile
from flyball.config.run import Sim, Sizing
from flyball.config.venues import venue, venues
from flyball.errors import ConfigError

GOOD = """\
strategy = "breakout"
data = "somewhere/XRP"
profile = "emergency"
cash = 10000

[sizing]
equity_fraction = 0.2

[parameters]
channel = 20

[sim]
queue = "probability"
order_latency = "50ms"
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "flyball.toml"
    file.write_text(text)
    return file


def test_reads_a_complete_file(tmp_path: Path) -> None:
    read = run_file.load(write(tmp_path, GOOD))
    assert read.cash == 10000
    assert read.sizing is not None
    assert read.sizing.policy() == Sizing.equity_fraction("0.2")
    assert read.sim.queue == "probability"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cash = 10000\n", "", "missing key 'cash'"),
        (
            "profile =",
            "profil =",
            r"flyball.toml:3: unknown key 'profil'; the nearest valid key is 'profile'",
        ),
        (
            "order_latency",
            "order_latancy",
            r"toml:14: unknown key 'sim.order_latancy'; the nearest valid key is 'order_latency'",
        ),
        ("cash = 10000", 'cash = "much"', r"toml:4: cash: "),
        ('"probability"', '"hopeful"', r"toml:13: sim.queue: Invalid enum value 'hopeful'"),
        ("[sizing]", "[sizing", "not valid TOML"),
    ],
)
def test_an_error_names_the_key_its_place_and_the_nearest_one(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError, match=message):
        run_file.load(write(tmp_path, GOOD.replace(old, new)))


def test_two_sizings_are_one_too_many(tmp_path: Path) -> None:
    both = GOOD.replace("equity_fraction = 0.2", "equity_fraction = 0.2\nlots = 5")
    read = run_file.load(write(tmp_path, both))
    assert read.sizing is not None
    with pytest.raises(ConfigError, match="exactly one"):
        read.sizing.policy()


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        run_file.load(tmp_path / "nowhere.toml")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        run_file.load(binary)


@pytest.mark.parametrize("name", names())
def test_every_profile_that_comes_with_the_package_is_complete(name: str) -> None:
    found = profile(name)
    assert found.name == name
    assert found.engine()["switches"]["drawdown"] > 0
    assert len(found.rows()) == 47


def test_the_emergency_profile_has_the_numbers_of_the_design() -> None:
    found = profile("emergency").switches
    assert (found.drawdown, found.position_loss) == (Decimal("0.05"), Decimal("0.02"))
    assert (found.daily_loss, found.emergency) == (Decimal("0.10"), Decimal("0.15"))
    assert (found.leverage, found.margin) == (Decimal(5), Decimal("1.2"))


def test_no_profile_but_the_one_without_protection_is_for_simulation_only() -> None:
    assert [name for name in names() if profile(name).simulation_only] == ["unprotected"]


def profile_text() -> str:
    path = Path(__file__).parent / "profiles" / "emergency.toml"
    return path.read_text()


def test_a_profile_of_ones_own_misses_no_limit(tmp_path: Path) -> None:
    text = profile_text().replace("drawdown = 0.05", "drawdwn = 0.05")
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"unknown key 'switches.drawdwn'; the nearest valid"):
        profile(file)


@pytest.mark.parametrize("line", profile_text().splitlines())
def test_every_key_of_a_profile_is_needed(line: str) -> None:
    key = line.partition("=")[0].strip()
    if "=" not in line or key.startswith("#"):
        return
    text = profile_text().replace(line + "\n", "", 1)
    with pytest.raises(ConfigError, match=f"missing key '[a-z.]*{key}'"):
        toml.decode(text, Profile, where="mine")


def test_an_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="known are conservative, emergency, strict, unprotected"):
        profile("emergncy")


def test_more_decimals_than_the_engine_keeps_are_refused() -> None:
    fine = msgspec.structs.replace(
        profile("emergency").switches, drawdown=Decimal("0.00000000000001")
    )
    with pytest.raises(ConfigError, match="drawdown"):
        msgspec.structs.replace(profile("emergency"), switches=fine).engine()


@pytest.mark.parametrize("value", [0, -1])
def test_a_sizing_without_size_is_refused(value: int) -> None:
    with pytest.raises(ConfigError, match="above zero"):
        Sizing.lots(value).engine()


def test_the_simulation_takes_the_venues_latency_unless_told() -> None:
    told = Sim(order_latency="5ms", order_jitter="2ms")
    engine = told.engine(order="200ms", report="100ms", clock_offset_ns=7)
    assert engine["order_latency"] == {"uniform": {"min_ns": 5_000_000, "max_ns": 7_000_000}}
    assert engine["report_latency"] == {"constant": {"ns": 100_000_000}}
    assert engine["feed"] == {"recorded": {"offset_ns": 7}}


def test_venues_are_known_by_name() -> None:
    assert venue("hyperliquid").margin_tiers("XRP")[1].max_leverage == 10
    assert all("default" in known.tiers for known in venues().values())
    with pytest.raises(ConfigError, match="no venue 'hyperliquidd'"):
        venue("hyperliquidd")


def test_gaps_of_single_instruments_reach_the_engine_exactly() -> None:
    found = profile("emergency")
    governor = msgspec.structs.replace(found.governor, gaps={"BTC": Decimal("0.25")})
    table = msgspec.structs.replace(found, governor=governor).engine()["governor"]
    assert table["gaps"] == [("BTC", 250_000_000_000)]
    assert table["gap_floor"] == 400_000_000_000
    assert table["outage_ns"] == 300_000_000_000


def test_stricter_profiles_are_stricter_in_every_limit_on_losses() -> None:
    emergency, conservative, strict = map(profile, ("emergency", "conservative", "strict"))
    for name in ("drawdown", "daily_loss", "emergency", "leverage"):
        numbers = [getattr(p.switches, name) for p in (strict, conservative, emergency)]
        assert numbers == sorted(set(numbers)), name
    for name in ("max_concentration", "max_leverage", "max_trade_var"):
        numbers = [getattr(p.gate, name) for p in (strict, conservative, emergency)]
        assert numbers == sorted(set(numbers)), name


def test_kelly_sizing_reaches_the_engine_exactly() -> None:
    sizing = Sizing.kelly(mean=0.002, deviation=0.02, error=0.0005, share=0.5)
    assert sizing.engine() == {
        "kelly": {
            "mean": 2_000_000_000,
            "deviation": 20_000_000_000,
            "error": 500_000_000,
            "share": 500_000_000_000,
        }
    }
