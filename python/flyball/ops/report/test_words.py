from typing import Literal

import pytest

from flyball.config.profile import names, profile
from flyball.ops.report import words
from flyball.ops.report.test_example import instrument


@pytest.mark.parametrize("name", names())
def test_every_number_of_a_profile_has_words(name: str) -> None:
    for key, value in profile(name).rows():
        if "." in key:
            assert words.PROFILE[key][1]
            assert words.limit(key, value, "USDT")


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("switches.drawdown", "0.05", "5\u202f%"),
        ("switches.drawdown", "1000", "never (1,000)"),
        ("switches.position_loss", "0.99", "99\u202f%"),
        ("switches.leverage", "5", "5\u00d7"),
        ("gate.max_concentration", "0.25", "25\u202f%"),
        ("gate.max_order_notional", "100000", "100,000 USDT"),
        ("gate.max_order_qty", "100000000", "100,000,000 lots"),
        ("exits.max_holding", "300s", "300s"),
        ("a.new_one", "0.5", "0.5"),
    ],
)
def test_limits(key: str, value: str, text: str) -> None:
    assert words.limit(key, value, "USDT") == text


@pytest.mark.parametrize(
    ("symbol", "kind", "found"),
    [
        ("XRPUSDT", "linear", ("XRP", "USDT", "USDT")),
        ("BTCUSD_PERP", "inverse", ("BTC", "USD", "BTC")),
        ("XRP_ETH", "spot", ("XRP", "ETH", "ETH")),
        ("BTC-USD", "spot", ("BTC", "USD", "USD")),
        ("ETHBTC", "spot", ("ETH", "BTC", "BTC")),
        ("BTC", "linear", ("BTC", "", "")),
        ("USDT", "spot", ("USDT", "", "")),
    ],
)
def test_currencies(
    symbol: str, kind: Literal["spot", "linear", "inverse"], found: tuple[str, str, str]
) -> None:
    assert words.currencies(instrument(symbol, kind=kind)) == found


@pytest.mark.parametrize(
    ("rule", "limit", "actual", "text"),
    [
        ("max_concentration", 24_006_278_412_580, 96_119_088_000_000, "9,611.91 against 2,400.63"),
        ("min_notional", 50_000_000_000, 3_123_500_000, "0.31 against 5.00"),
        ("max_order_notional", 10_000_000, 20_000_000, "0.00200000 against 0.00100000"),
        ("max_order_qty", 10, 11, "11 against 10 lots"),
        ("max_open_orders", 200, 201, "201 against 200"),
        ("spot_short", 0, 3, "3 against 0 lots"),
        ("price_collar", 10**10, 2 * 10**10, "2\u202f% against 1\u202f%"),
        ("self_trade", 25_000, 25_010, "at 2.501 against our 2.5"),
        ("duplicate", 20_000_000, 5_000_000, "after 5 ms within 20 ms"),
        ("governor", 10, 2**127 - 1, "value unknown"),
        ("killed", 0, 10, ""),
        ("a_new_one", 0, 10, ""),
    ],
)
def test_refusals(rule: str, limit: int, actual: int, text: str) -> None:
    refusal = {"rule": rule, "limit": limit, "actual": actual}
    assert words.numbers_of_refusal(refusal, instrument(), "USDT").removesuffix(" USDT") == text


def test_numbers_of_switches() -> None:
    assert words.switch_number("leverage", 5 * 10**12) == "5.00\u00d7"
    assert words.switch_number("drawdown", 50_106_389_365) == "5.011\u202f%"
    assert words.switch_number("margin", 2**63 - 1) == "beyond all measure"


def test_reasons() -> None:
    assert words.exit_key("MaxHolding") == ("MaxHolding", "held as long as it may be")
    assert words.exit_key({"Switch": "daily_loss"})[1] == "the daily loss switch closed it"
    assert words.exit_key("ANewOne") == ("ANewOne", "ANewOne")
