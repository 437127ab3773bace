"""The dashboard's page in a real browser: what it shows, what it does, how it says it is old."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flyball.ops.cli.dashboard import parts
from flyball.ops.dashboard.pagefiles import page_files
from flyball.ops.dashboard.serve import Dashboard
from flyball.trading.runtime.factor import enrol, new_key
from flyball.trading.runtime.local import LocalExchange
from tests.integration.browser import Page, browser
from tests.integration.livetools import Running, running, wait_for
from tests.integration.standin import StandIn

ROOT = Path(__file__).parents[2]
PHONE = (360, 740)


@pytest.fixture(scope="module")
def built() -> bool:
    """The page; built here where it is not and Node is there."""
    if page_files():
        return True
    if shutil.which("npm") is None:
        pytest.skip("the page is not built, and there is no npm to build it with")
    for words in (["ci"], ["run", "build"]):
        subprocess.run(["npm", *words], cwd=ROOT / "web", check=True, capture_output=True)
    return bool(page_files())


@pytest.fixture(scope="module")
def tab(built: bool) -> Iterator[Page]:  # noqa: FBT001
    assert built
    with browser() as page:
        yield page


@pytest.fixture
def page(tab: Page) -> Page:
    tab.look(1280, 900)
    tab.open("about:blank")
    tab.faults.clear()
    return tab


def board_of(folder: Path, at: str = "127.0.0.1:0") -> Dashboard:
    return Dashboard(folder, at=at, parts=parts(), tell=lambda _: None, past=True)


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(tmp_path / "s") as found:
        yield found


def test_an_old_page_does_not_say_that_the_account_is_flat(stand: StandIn, page: Page) -> None:
    stand.close_position()
    stand.status["killed"] = True
    with board_of(stand.folder) as board:
        page.open(board.link)
        page.wait_text("killed, flat")
        page.wait_text("The account is flat.")
    page.wait_text("what is held is not known")
    page.wait_text("Whether the account is flat is not known now.")
    assert "The account is flat." not in page.text


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Running]:
    with (
        LocalExchange(seed=3, admin=True) as exchange,
        running(exchange, tmp_path, "Holder") as found,
    ):
        found.wait_protected()
        yield found


def test_the_page_shows_the_numbers_of_a_run_that_goes_on(run: Running, page: Page) -> None:
    with board_of(run.state) as board:
        page.open(board.link)
        page.wait_text("long 400")
        status = run.status()
        stop = status["instruments"][0]["stop"] / 1e6
        page.wait_text(f"{stop:.4f} rests at the venue")
        page.wait_text("Open Long", seconds=10)  # the fill, from the venue
        page.wait("document.querySelectorAll('ol.bids li').length >= 5")
        shown = page.run("document.querySelector('dl dd').innerText").replace(",", "")
        assert abs(float(shown) - float(run.status()["equity"])) < 50
        assert page.run("location.hash") == "", "the token does not stay in the address"
        for name in ("Health", "Alerts", "Predictions", "Learning"):
            page.wait_text(name)
        assert page.text.count("Not there:") == 1, "the run's watch predicts, and nothing learns"
        page.wait_text("None fires.")
        assert page.run("document.querySelectorAll('.uplot canvas').length") == 2
        assert page.run("document.querySelector('#tv-attr-logo') !== null"), "the charts' maker"
        run.move_prices("0.995")
        page.wait(
            f"!document.body.innerText.includes({shown!r}) && "
            "Number(document.querySelector('dl dd').innerText.replaceAll(',', '')) < 9999"
        )
        assert page.faults == []


def test_one_tap_on_a_phone_ends_flat_at_the_venue_and_a_release_takes_more(
    run: Running, page: Page
) -> None:
    with board_of(run.state) as board:
        page.look(*PHONE, touch=True)
        page.open(board.link)
        page.wait_text("long 400")
        page.run("window.scrollTo(0, document.body.scrollHeight)")
        page.click("button.kill")
        run.wait_flat_at_venue()
        page.wait_text("Trading is stopped: operator")
        page.wait_text("killed, flat")
        assert run.status()["killed"] is True

        page.wait("document.querySelector('.release button') !== null")
        page.run("document.querySelector('.release button').scrollIntoView({block: 'center'})")
        page.click(".release button")
        page.wait("document.querySelector('dialog[open]') !== null")
        words = page.run("document.querySelector('dialog code').innerText")
        confirm = "document.querySelector('dialog button.risky').disabled"
        page.click("dialog input")
        page.type(words[:-1])
        assert page.run(confirm) is True
        assert run.status()["killed"] is True
        page.type(words[-1])
        assert page.wait(f"!{confirm}")
        page.click("dialog button.risky")
        page.wait_text("Released: operator.")
        wait_for(lambda: not run.status()["killed"], seconds=5, why="still killed")
        assert page.faults == []


def test_the_page_asks_for_the_second_factor(stand: StandIn, page: Page) -> None:
    pyotp = pytest.importorskip("pyotp", reason="codes are pyotp's: flyball[observe]")
    key = new_key()
    enrol(stand.folder, key)
    stand.status["killed"] = True
    stand.close_position()
    with board_of(stand.folder) as board:
        page.look(*PHONE, touch=True)
        page.open(board.link)
        page.wait("document.querySelector('.release button') !== null")
        page.run("document.querySelector('.release button').scrollIntoView({block: 'center'})")
        page.click(".release button")
        page.wait("document.querySelector('dialog[open]') !== null")
        page.click("dialog input")
        page.type(page.run("document.querySelector('dialog code').innerText"))
        confirm = "document.querySelector('dialog button.risky').disabled"
        assert page.run(confirm) is True, "words alone do not release"
        page.click("dialog input[inputmode=numeric]")
        page.type(pyotp.TOTP(key.reveal()).now())
        assert page.wait(f"!{confirm}")
        page.click("dialog button.risky")
        page.wait_text("Released: operator.")
        assert stand.acts == [("request_release", "all"), ("confirm_release", "all")]
        assert page.faults == []


def test_the_page_goes_on_when_the_server_comes_back(stand: StandIn, page: Page) -> None:
    with board_of(stand.folder) as board:
        at = f"127.0.0.1:{board.port}"
        page.open(board.link)
        page.wait_text("9,987.42")
        assert page.run("document.querySelectorAll('.panel.old').length") == 0
    page.wait_text("Connection lost")
    page.wait("document.querySelectorAll('.panel.old').length >= 5")
    page.wait_text("old")
    assert "connection lost" in page.text
    assert page.run("document.title").startswith("Breakout · OLD")
    assert page.run(
        "!!document.querySelector('button.kill') && !document.querySelector('button.kill').disabled"
    )
    page.click("button.kill")
    page.wait_text("NOT KILLED from here")
    stand.status["equity"] = "9876.54"
    with board_of(stand.folder, at):
        page.wait_text("9,876.54", seconds=20)
        page.wait("document.querySelectorAll('.panel.old').length === 0")
        assert "Connection lost" not in page.text


def test_a_run_that_is_silent_looks_silent(stand: StandIn, page: Page) -> None:
    with board_of(stand.folder) as board:
        page.open(board.link)
        page.wait_text("9,987.42")
        stand.end()
        page.wait_text("The engine does not answer")
        page.wait("document.querySelector('dl.old') !== null")
        page.wait(
            "[...document.querySelectorAll('.panel.old .age')]"
            ".some(it => it.innerText.includes('old'))"
        )
        page.click("button.kill")
        page.wait_text("the file KILL was written")
        assert "is flat" not in page.text
        assert (stand.folder / "KILL").exists()


def test_a_page_without_the_token_shows_nothing_and_takes_a_link(
    stand: StandIn, page: Page
) -> None:
    with board_of(stand.folder) as board:
        page.open(f"{board.url}#{'0' * 64}")
        page.wait_text("no valid token")
        assert "9,987.42" not in page.text
        page.click("form input")
        page.type(board.link)
        page.click("form button")
        page.wait_text("9,987.42")


def test_an_unprotected_position_and_unknown_numbers_are_loud(stand: StandIn, page: Page) -> None:
    held = stand.status["instruments"][0]
    held.update(stop=None, unprotected_since_ns=time.time_ns() - 5 * 10**9, unrealised="unknown")
    stand.status.update(equity="unknown", drawdown=None, daily_loss=None, account_known=False)
    order = {
        "order": {"instrument": 0},
        "refusal": {"rule": "price_collar", "limit": 1, "actual": 2},
    }
    stand.status["notices"].append([time.time_ns(), {"Refused": order}])
    with board_of(stand.folder) as board:
        page.open(board.link)
        page.wait_text("NONE confirmed for")
        page.wait_text("The account is not known")
        page.wait_text("price collar")
        assert page.run("document.querySelector('dl dd').innerText") == "unknown"
        assert "gain unknown" in page.text
        assert page.faults == []


def test_what_others_bring_is_shown(stand: StandIn, page: Page) -> None:
    looks = {
        "health": lambda *_: {
            "state": "failed",
            "components": [
                {"name": "feed", "state": "failed", "reason": "silent", "advice": "look at it"}
            ],
        },
        "alerts": lambda *_: {
            "firing": [{"name": "stale_feed", "severity": "critical", "text": "20 s old"}]
        },
        "predictions": lambda *_: {
            "probabilities": {"drawdown": 0.91, "memory": None},
            "share": "0.5",
            "incidents": [{"number": 1, "count": 3, "alarms": [{"metric": "feed_age"}]}],
            "score": {"predictions": 12, "brier": 0.08, "ece": 0.04, "lead_s": 44.0},
        },
        "learning": lambda *_: {
            "influence": 0.25,
            "models": [{"name": "tilt", "influence": 0.25, "state": "live"}],
        },
    }
    stand.status["measures"] = {
        "totals": {
            "attempted": 12,
            "submitted": [["entry", 7]],
            "refused": [["governor", 5]],
            "rejected": [],
        },
        "latencies": {
            "bounds_ns": [1_000_000, 2_000_000],
            "stages": [["decode", {"counts": [9, 1, 0], "sum_ns": 8_000_000}]],
        },
    }
    with Dashboard(
        stand.folder, at="127.0.0.1:0", parts=parts(looks), tell=lambda _: None
    ) as board:
        page.open(board.link)
        for text in (
            *("look at it", "stale feed", "91\u202f%", "Brier 0.080", "tilt", "governor"),
            *("feed age (3 alarms)", "50\u202f% of its risk budget"),
            *("12 orders came to the gate, 7 went out", "decode"),
        ):
            page.wait_text(text)
        assert "Not there:" not in page.text
        assert page.faults == []


@pytest.mark.parametrize(("width", "height"), [PHONE, (768, 1024), (1600, 1000)])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_fits_and_the_kill_is_in_reach_wherever_one_looks(
    stand: StandIn,
    page: Page,
    width: int,
    height: int,
    dark: bool,  # noqa: FBT001
) -> None:
    with board_of(stand.folder) as board:
        page.look(width, height, dark=dark, touch=width < 500)
        page.open(board.link)
        page.wait_text("9,987.42")
        assert page.run("document.documentElement.scrollWidth") <= width
        for where in ("0", "document.body.scrollHeight / 2", "document.body.scrollHeight"):
            page.run(f"window.scrollTo(0, {where})")
            box = page.run(
                "(({x, y, width, height}) => [x, y, x + width, y + height])"
                "(document.querySelector('button.kill').getBoundingClientRect())"
            )
            assert box[0] >= 0
            assert box[1] >= 0
            assert box[2] <= width
            assert box[3] <= height
            assert box[3] - box[1] >= 44, "a finger hits it"
        ground = page.run("getComputedStyle(document.body).backgroundColor")
        assert ground == ("rgb(15, 19, 23)" if dark else "rgb(247, 247, 244)")


def test_it_is_used_by_keys_and_read_aloud(stand: StandIn, page: Page) -> None:
    with board_of(stand.folder) as board:
        page.open(board.link)
        page.wait_text("9,987.42")
        nameless = page.run(
            "[...document.querySelectorAll('button, input, select')].filter(it => "
            "!(it.innerText.trim() || it.ariaLabel || it.labels?.length)).length"
        )
        assert nameless == 0
        assert page.run("document.documentElement.lang") == "en"
        assert page.run("document.querySelectorAll('main').length") == 1
        assert page.run("document.querySelectorAll('h1').length") == 1
        sections = "[...document.querySelectorAll('section.panel')]"
        assert page.run(
            f"{sections}.length > 8 && {sections}.every("
            "it => document.getElementById(it.getAttribute('aria-labelledby'))?.tagName === 'H2')"
        )
        assert page.run("document.querySelectorAll('[role=meter]').length") == 6
        for _ in range(4):
            page.press("Tab")
            if page.run("document.activeElement.className").startswith("kill"):
                break
        assert page.run("document.activeElement.ariaLabel").startswith("Kill")
        page.press("Enter")
        wait_for(lambda: stand.acts == [("kill", "all")], seconds=5, why="not killed")
