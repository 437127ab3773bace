import base64
import hashlib
import json
import re
import stat
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flyball.config.profile import profile
from flyball.errors import ConfigError, DataError
from flyball.ops.report import report
from flyball.ops.report.test_example import (
    MINUTE_NS,
    dataset,
    fills,
    instrument,
    notices,
    orders,
    result,
    samples,
)
from flyball.trading.runtime.result import Notice, Result

VOID = {"meta", "br", "hr"}


class Page(HTMLParser):
    """Checks that tags balance, and keeps text and attributes."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.scripts: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.markup = path.read_text("utf-8")
        self.feed(self.markup)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] != "style":
            self.text += data + " "

    @property
    def values(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.scripts[0])
        return found


def _page(tmp_path: Path, *results: Result, **more: Any) -> Page:  # noqa: ANN401
    one_or_all = results[0] if len(results) == 1 else results
    return Page(report(one_or_all, tmp_path / "report.html", **more))


def _unprotected() -> Result:
    return result(
        profile=profile("unprotected"), equity=Decimal(345), max_drawdown=0.9686, notices=()
    )


def test_the_page_says_what_happened(tmp_path: Path) -> None:
    page = _page(tmp_path, result())
    for expected in (
        "Breakout on XRPUSDT",
        "The account lost 410.00 of 10,000.00 USDT, or 4.10\u202f%.",
        "Its deepest drawdown was 5.05\u202f%.",
        "The drawdown switch tripped at 5.011\u202f% on 2025-10-10 21:04 UTC.",
        "40 ms later the venue confirmed that it was flat.",
        "At the end the account was flat, as engine and venue agree.",
        "9,611.91 against 2,400.63 USDT",
        "ca6a24bc24a1b879",
        "maker 0.02%, taker 0.05%",
        "example/XRPUSDT_5m",
        "simulated",
        str(Path("runs") / "example"),
    ):
        assert expected in page.text, expected


def test_the_page_says_whether_money_was_at_stake(tmp_path: Path) -> None:
    def kicker(*results: Result) -> str:
        text = " ".join(_page(tmp_path, *results).text.split())
        found = re.search(r"Flyball report (simulated|partly simulated|real) Breakout on", text)
        return found[1] if found else text[:80]

    real = result(live=True, simulated=False)
    assert kicker(result()) == "simulated"
    assert kicker(real) == "real"
    assert kicker(result(), real) == "partly simulated"
    assert "What was real and what was not" in _page(tmp_path, real).text


def test_every_metric_has_its_definition(tmp_path: Path) -> None:
    from flyball.research.analytics.definitions import DEFINITIONS

    text = _page(tmp_path, result()).text
    for definition in DEFINITIONS:
        assert definition.name in text
        assert definition.text in text


def test_the_page_needs_nothing_else(tmp_path: Path) -> None:
    page = _page(tmp_path, result(), _unprotected())
    loads = [value for key, value in page.attributes if key in ("src", "href", "srcset", "data")]
    assert all(value and value.startswith("#") for value in loads)
    assert "://" not in page.markup
    assert not re.search(r"@import|@font-face|url\(", page.markup)


def test_only_the_script_of_the_page_may_run(tmp_path: Path) -> None:
    page = _page(tmp_path, result())
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    policy = dict(page.attributes)["content"]
    policies = [value for key, value in page.attributes if key == "content" and "src" in str(value)]
    assert policy
    assert policies == [
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    ]


def test_charts_have_words_for_those_who_do_not_see_them(tmp_path: Path) -> None:
    page = _page(tmp_path, result())
    labels = [value or "" for key, value in page.attributes if key == "aria-label"]
    for start in ("Equity: 10,000.00 to 9,590.00", "Drawdown: deepest 5.05", "Trades on price: 2"):
        assert any(label.startswith(start) for label in labels), start


def test_the_cursor_reads_what_is_drawn(tmp_path: Path) -> None:
    (values,) = _page(tmp_path, result()).values
    assert values["time"] == [60_000 * step for step in range(6)]
    assert values["columns"]["equity"]["values"][2] == 9800
    assert values["columns"]["drawdown"]["values"][2] == pytest.approx(-2.97)
    assert values["columns"]["price"]["values"][:2] == [None, 2.499]
    assert values["columns"]["position"] == {
        "decimals": 1,
        "unit": " XRP",
        "values": [0, 1000, 1000, 1000, 1000, 0],
    }


def test_runs_side_by_side_share_their_axes(tmp_path: Path) -> None:
    page = _page(tmp_path, result(), _unprotected(), labels=["protected", "not protected"])
    found = re.findall(
        r'class="area" data-first="(.*?)" data-last="(.*?)" data-low="(.*?)"', page.markup
    )
    together, *pairs = found
    assert len(pairs) == 8
    assert all(a == b for a, b in zip(pairs[::2], pairs[1::2], strict=True))
    assert together == pairs[0]
    assert "protected The account lost 410.00" in " ".join(page.text.split())
    assert "not protected The account lost 9,655.00" in " ".join(page.text.split())


def test_runs_are_told_apart_by_what_differs(tmp_path: Path) -> None:
    assert "unprotected v2" in _page(tmp_path, result(), _unprotected()).text
    assert "run 2" in _page(tmp_path, result(), result()).text
    assert "Maker" in _page(tmp_path, result(), result(strategy="Maker")).text


def test_runs_that_have_nothing_in_common_have_their_own_axes(tmp_path: Path) -> None:
    coin = result(
        data=dataset(instrument("BTCUSD_PERP", kind="inverse"), name="other"),
        cash=Decimal("0.5"),
        equity=Decimal("0.4975"),
        samples=samples([0.5, 0.4975], step_ns=MINUTE_NS) | {"time_ns": np.array([1, 2])},
    )
    page = _page(tmp_path, result(), coin)
    assert "0.4975000" in page.text
    assert "BTC" in page.text
    assert "9,590.00" in page.text


HOSTILE = '</script><script>alert(1)</script><b onmouseover="x">&amp;\u202e\x00'


def test_whatever_it_shows_stays_text(tmp_path: Path) -> None:
    hostile = result(
        strategy=HOSTILE,
        data=dataset(instrument(HOSTILE), name=HOSTILE),
        assumptions={HOSTILE: HOSTILE},
        state_hash=HOSTILE,
        journal=Path(HOSTILE.replace("\x00", "")),
        refused={HOSTILE: 3},
        notices=(
            Notice(1, "Exit", {"instrument": 0, "reason": HOSTILE, "position": 1}),
            Notice(2, "Tripped", {"switch": HOSTILE, "instrument": None, "limit": 1, "actual": 2}),
        ),
    )
    other = result(profile=profile("unprotected"))
    page = _page(tmp_path, hostile, other, labels=[HOSTILE, "b"], title=HOSTILE)
    assert len(page.scripts) == 2
    assert not any(key.startswith("on") for key, _ in page.attributes)
    assert "alert(1)" in page.text
    assert page.values[0]["label"] == HOSTILE
    assert "\x00" not in page.markup


EMPTY: dict[str, Any] = {"fills": fills(0), "orders": orders(()), "notices": (), "refused": {}}


@pytest.mark.parametrize(
    "changes",
    [
        EMPTY,
        EMPTY | {"samples": samples([])},
        EMPTY | {"samples": samples([10_000.0])},
        EMPTY | {"samples": samples([nan] * 6), "equity": Decimal("NaN")},
        {"samples": samples([10_000.0, nan, 9_000.0, nan, nan, 9_500.0])},
        {"samples": samples([nan, 10_000.0, nan]), "equity": Decimal("NaN")},
        {"samples": samples([1e18, 3e18, 2e18]), "cash": Decimal(10) ** 18},
        {
            "samples": samples([1e300, 3e300]),
            "cash": Decimal(10) ** 300,
            "equity": Decimal("2e300"),
        },
        {"samples": samples([1e-8, 2e-8]), "cash": Decimal("1e-8"), "equity": Decimal("2e-8")},
        {"samples": samples([100.0, -50.0]), "equity": Decimal(-150), "max_drawdown": 1.5},
        {"data": dataset(instrument("BTCUSD_PERP", kind="inverse")), "cash": Decimal("0.5")},
        {"data": dataset(instrument("UNHEARDOF"))},
        {"samples": samples(step_ns=0)},
        {"journal": None, "interrupted": True, "flat": False, "decisions": 0, "not_ready": 5},
        {"max_drawdown": nan},
    ],
)
def test_any_run_can_be_reported(tmp_path: Path, changes: dict[str, Any]) -> None:
    page = _page(tmp_path, result(**changes))
    assert "NaN" not in page.markup.replace("isNaN", "")
    assert not re.search(r"\b(nan|inf)\b", page.text)
    assert _page(tmp_path, result(**changes), result()).text


def test_alarms_are_said(tmp_path: Path) -> None:
    trip, *_ = notices()
    bad = result(
        flat=False, interrupted=True, notices=(trip, Notice(trip.time_ns, "Liquidated", {})),
        samples=samples(position=[0, -4]),
    )  # fmt: skip
    text = _page(tmp_path, bad).text
    assert "1 trip without a confirmed flat position." in text
    assert "The venue liquidated 1 position." in text
    assert "At the end it was not flat: short 4 lots." in text
    assert "It was interrupted" in text


def test_no_answer_is_no_gain(tmp_path: Path) -> None:
    text = _page(tmp_path, result(equity=Decimal("NaN"))).text
    assert "What became of 10,000.00 USDT is not known" in text


def test_thousands_of_fills_stay_readable_and_small(tmp_path: Path) -> None:
    year = 105_000
    rng = np.random.default_rng(1)
    equity = 10_000 * np.exp(np.cumsum(rng.normal(0, 1e-3, year)))
    many = result(
        samples=samples(equity.tolist(), step_ns=5 * MINUTE_NS),
        fills=fills(20_000, span_ns=year * 5 * MINUTE_NS),
        orders=orders(["entry"] * 20_000),
        equity=Decimal(str(round(equity[-1], 2))),
    )
    page = _page(tmp_path, many, many)
    assert len(page.markup) < 750_000
    assert "20,000 fills" in page.text
    assert page.markup.count("<use ") < 20


def test_trading_in_a_small_part_is_shown_closer(tmp_path: Path) -> None:
    long = [10_000.0 + step % 7 for step in range(400)]
    short = result(samples=samples(long, position=[0] * 200 + [9] * 20 + [0] * 180))
    page = _page(tmp_path, short)
    assert "Closer, while it traded" in page.text
    assert len(page.values) == 2
    times = page.values[1]["time"]
    assert len(times) < 40
    assert all(a <= b for a, b in pairwise(times))


def test_an_old_report_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "report.html"
    assert report(result(), path) == path
    path.write_text("old", "utf-8")
    report(result(), str(path))
    assert path.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]
    assert stat.S_IMODE(path.stat().st_mode) & 0o444


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "report.html"
    folder.mkdir()
    with pytest.raises(DataError, match=r"report\.html: the report cannot be written"):
        report(result(), folder)
    assert list(tmp_path.iterdir()) == [folder]
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(DataError, match="cannot be written"):
        report(result(), tmp_path / "file" / "report.html")


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    with pytest.raises(ConfigError, match="one to 6 results"):
        report([], path)
    with pytest.raises(ConfigError, match="got 7"):
        report([result()] * 7, path)
    with pytest.raises(ConfigError, match="2 results have 1 labels"):
        report([result(), result()], path, labels=["one"])
    assert not path.exists()


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1])
def test_colours_can_be_read(scheme: int) -> None:
    """WCAG 2.2: 4.5 for text, 3 for what is drawn."""
    css = (Path(__file__).parent / "page.css").read_text("utf-8")
    block = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[scheme]
    colours = dict(re.findall(r"--(\w+): (#\w{6})", block))
    text = {"ink", "soft", "good", "warn", "stop", *(f"c{number}" for number in range(6))}
    for name in colours.keys() - {"ground", "panel", "rule", "grid"}:
        for behind in ("ground", "panel"):
            a, b = sorted((_luminance(colours[name]), _luminance(colours[behind])))
            contrast = (b + 0.05) / (a + 0.05)
            assert contrast >= (4.5 if name in text else 3.0), f"{name} on {behind}: {contrast}"
