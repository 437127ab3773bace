"""`flyball top`, through textual's own pilot."""

import asyncio
import re
from pathlib import Path
from typing import Any

from flyball.errors import ConfigError
from flyball.ops.cli.topview import Seen, Top
from flyball.trading.runtime.runs import read_run
from tests.integration.standin import StandIn


def told(app: Top, *keys: str, size: tuple[int, int] = (120, 40), wanted: str = "") -> str:
    """What is on the screen, as text, once it was looked at and keys were pressed.

    `wanted` is waited for a while.
    """

    async def look() -> str:
        async with app.run_test(size=size, notifications=True) as pilot:
            for _ in range(100):
                await pilot.pause(0.02)
                if "looking" not in text_of(app):
                    break
            await pilot.press(*keys)
            await app.workers.wait_for_complete()
            for _ in range(100):
                await pilot.pause(0.05)
                if wanted in text_of(app):
                    break
            return text_of(app)

    return asyncio.run(look())


def text_of(app: Top) -> str:
    svg = app.export_screenshot()
    rows: dict[float, list[tuple[float, str]]] = {}
    for x, y, text in re.findall(r'<text[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>', svg):
        rows.setdefault(float(y), []).append((float(x), text.replace("&#160;", " ")))
    return "\n".join("".join(word for _, word in sorted(row)) for _, row in sorted(rows.items()))


def seen(stand: StandIn, drill: dict[str, Any] | None = None) -> Seen:
    run = read_run(stand.folder)
    return Seen(run=run, status=stand.answer({"what": "status"}), drill=drill)


def test_it_shows_a_run(tmp_path: Path) -> None:
    stand = StandIn(tmp_path / "s")
    text = told(Top(lambda: seen(stand), lambda: ""))
    for words in (
        *("Breakout on XRP", "9,987.42", "long 400 XRP", "2.06 rests at the venue"),
        *("drawdown", "0.24", "of 5.00", "emergency", "drill", "never"),
        *("the account is known", "KILL", "simulated"),
    ):
        assert words in text, f"{words}\n{text}"


def test_it_fits_into_a_small_terminal(tmp_path: Path) -> None:
    stand = StandIn(tmp_path / "s")
    text = told(Top(lambda: seen(stand), lambda: ""), size=(80, 30))
    assert "9,987.42" in text
    assert "rests at the venue" in text


def test_a_trip_is_seen(tmp_path: Path) -> None:
    stand = StandIn(tmp_path / "s")
    stand.status["tripped"] = [["drawdown", 1_795_245_000_000_000_000]]
    drill = {"age_s": 7_200.0, "counts": True, "note": "", "passed": True, "drills": {}}
    text = told(Top(lambda: seen(stand, drill), lambda: ""))
    assert "TRIPPED" in text
    assert "2 h ago" in text


def test_a_kill_is_one_key_and_what_came_of_it_is_said(tmp_path: Path) -> None:
    stand = StandIn(tmp_path / "s")
    killed: list[str] = []

    def kill() -> str:
        killed.append("all")
        return "killed: everything is being closed"

    said = "killed: everything"  # the rest of it stands in the next row
    assert said in told(Top(lambda: seen(stand), kill), "K", wanted=said)
    assert killed == ["all"]
    assert told(Top(lambda: seen(stand), kill), "k")
    assert killed == ["all"], "a small k does nothing"

    def fails() -> str:
        raise ConfigError("nobody answers")

    said = "NOT KILLED from here"
    assert said in told(Top(lambda: seen(stand), fails), "K", wanted=said)


def test_a_run_that_does_not_answer_is_told(tmp_path: Path) -> None:
    stand = StandIn(tmp_path / "s")
    run = read_run(stand.folder)
    silent = Seen(run=run, status=None, reason="it ended in order")
    assert "DOES NOT ANSWER: it ended in order" in told(Top(lambda: silent, lambda: ""))
