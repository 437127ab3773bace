"""Kills by file, in a scope, kept in a file that may be damaged, released in two steps."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from flyball.trading.runtime.local import LocalExchange
from tests.integration.conftest import Run
from tests.integration.livetools import Running, running


@pytest.fixture
def exchange() -> Iterator[LocalExchange]:
    # Who looks on has the same address as the run, and starts it often.
    limits = {"weight_per_minute": 1_000_000}
    with LocalExchange(seed=3, admin=True, limits=limits) as served:
        yield served


def kept(run: Running) -> list[tuple[str, str]]:
    found = run.status()["kills"]["killed"]
    return [(each["scope"], each["trigger"]) for each in found]


def wait_killed(run: Running) -> None:
    run.wait_status(lambda it: it["killed"] and it["account_known"], seconds=15, why="not killed")


def test_one_instrument_is_killed_by_a_file_and_released_by_itself(
    exchange: LocalExchange, tmp_path: Path, flyball: Run
) -> None:
    with running(exchange, tmp_path, "Holder") as run:
        run.wait_protected()
        file = run.state / "KILL"
        file.write_text("instrument:XRP\n")
        run.wait_flat_at_venue()
        run.wait_status(lambda it: it["instruments"][0]["locked"], seconds=5, why="not locked")
        assert not run.status()["killed"], "the rest is not"
        resume = ("resume", "--scope", "instrument:XRP", "--state", run.state, "--yes", "--json")
        refused = flyball(*resume)
        assert refused.returncode == 2
        assert "remove it first" in " ".join(refused.stderr.split())
        file.unlink()
        everything = flyball("resume", "--scope", "all", "--state", run.state, "--yes")
        assert everything.returncode == 2
        assert "latched are instrument:XRP" in everything.stderr
        run.wait_status(
            lambda it: it["instruments"][0]["closing"] is None, seconds=10, why="still closing"
        )
        released = flyball(*resume)
        assert released.returncode == 0, released.stderr
        assert json.loads(released.stdout)["released"] is True
        run.wait_protected()
        assert kept(run) == []


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "changed"])
def test_a_file_of_kills_that_is_damaged_means_that_everything_is_killed(
    exchange: LocalExchange, tmp_path: Path, flyball: Run, damage: str
) -> None:
    with running(exchange, tmp_path, "Holder") as run:
        run.wait_protected()
        run.crash()
    path = run.state / "killed"
    text = path.read_text()
    if damage == "missing":
        path.unlink()
    else:
        path.write_text({"empty": "", "cut": text[:-9]}.get(damage, text.replace("1", "2", 1)))
    for other in ((), ("--sizing", "lots=5")):
        with running(exchange, tmp_path, "Holder", *other) as run:
            wait_killed(run)
            run.wait_flat_at_venue()
            way = "missing" if damage == "missing" else "unreadable"
            assert kept(run)[0] == ("all", way), "also the next time, in another configuration"
            run.crash()
    with running(exchange, tmp_path, "Holder") as run:
        # What the killed process did not record any more is read from the venue first.
        run.wait_status(
            lambda it: it["connections"]["account_known"] and not it["flattening"],
            seconds=40,
            why="the account is not read and flat",
        )
        wait_killed(run)
        released = flyball("resume", "--scope", "all", "--state", run.state, "--yes")
        assert released.returncode == 0, released.stderr
        run.wait_protected()
        assert kept(run) == []


def test_a_file_at_the_start_kills_and_the_report_of_the_flatten_is_verified(
    exchange: LocalExchange, tmp_path: Path, flyball: Run
) -> None:
    with running(exchange, tmp_path, "Holder") as run:
        run.wait_protected()
        run.crash()
    (run.state / "KILL").touch()
    with running(exchange, tmp_path, "Holder") as run:
        wait_killed(run)
        run.wait_flat_at_venue()
        assert kept(run) == [("all", "file")]
        told = run.end()
        assert "killed: all, by file" in told["stderr"]
        assert "flyball resume" in told["stderr"]
    reports = sorted((run.state / "reports").glob("*.json"))
    assert reports
    good = flyball("report", "verify", reports[0], "--json")
    assert good.returncode == 0, good.stderr
    (found,) = json.loads(good.stdout)["verified"]
    report = found["report"]
    assert (report["trigger"], report["outcome"]) == ("file", "flat")
    assert report["held"][0]["position"] == 400
    fills = [fill for each in report["attempts"] for fill in each["fills"]]
    assert sum(fill["qty"] for fill in fills) == 400
    assert len(report["journal_hash"]) == 64
    reports[0].write_text(reports[0].read_text().replace('"position": 400', '"position": 4'))
    bad = flyball("report", "verify", reports[0])
    assert bad.returncode == 4
    assert "was changed" in " ".join(bad.stderr.split())


def test_one_order_is_killed_and_wrong_scopes_say_what_there_is(
    exchange: LocalExchange, tmp_path: Path, flyball: Run
) -> None:
    with running(exchange, tmp_path, "Holder") as run:
        run.wait_protected()
        (stop,) = run.status()["instruments"][0]["order_ids"]
        (before,) = run.stops()
        done = flyball("kill", "--scope", f"order:{stop}", "--state", run.state, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["gone"] is True
        run.wait_status(
            lambda it: it["instruments"][0]["order_ids"] not in ([], [stop]),
            seconds=10,
            why="a position has a stop: there must be another one",
        )
        assert run.wait_protected()
        assert [each["oid"] for each in run.stops()] != [before["oid"]]
        for scope, words in (
            ("order:99", "no such order works"),
            ("order:x", "named by its number"),
            ("instrument:BTC", "the run has XRP"),
            ("account:0x1", "this run's account is"),
            ("everything", "wants all, venue, account"),
        ):
            wrong = flyball("kill", "--scope", scope, "--state", run.state)
            assert wrong.returncode == 2
            assert words in " ".join(wrong.stderr.split())
        assert run.held(), "nothing of that killed anything"


def test_a_release_on_the_command_line_wants_the_second_factor(
    exchange: LocalExchange, tmp_path: Path, flyball: Run
) -> None:
    pyotp = pytest.importorskip("pyotp", reason="codes are pyotp's: flyball[observe]")
    with running(exchange, tmp_path, "Holder") as run:
        run.wait_protected()
        enrolled = flyball("factor", "enrol", "--state", run.state, "--yes")
        assert enrolled.returncode == 0, enrolled.stderr
        address = enrolled.stdout.strip()
        key = parse_qs(urlsplit(address).query)["secret"][0]
        assert "already" in flyball("factor", "enrol", "--state", run.state, "--yes").stderr
        assert "give --yes" in flyball("factor", "enrol", "--state", tmp_path).stderr

        assert flyball("kill", "--state", run.state).returncode == 0, "a kill wants no code"
        resume = ("resume", "--scope", "all", "--state", run.state, "--yes")
        for more in ((), ("--code", "12"), ("--code", "")):
            refused = flyball(*resume, *more)
            assert refused.returncode == 2
            assert "not released" in refused.stderr
            assert key not in refused.stderr
        assert run.status()["killed"]
        code = pyotp.TOTP(key).now()
        assert flyball("factor", "check", code, "--state", run.state).returncode == 0
        assert flyball("factor", "check", "12", "--state", run.state).returncode == 1
        released = flyball(*resume, "--code", code)
        assert released.returncode == 0, released.stderr
        assert not run.status()["killed"]
        assert flyball("kill", "--state", run.state).returncode == 0
        again = flyball(*resume, "--code", code)
        assert "was used" in again.stderr
        assert run.status()["killed"]
        (run.state / "second-factor.used").write_text("nonsense")
        assert "damaged" in flyball(*resume, "--code", code).stderr
        ended = run.end()
    for text in (ended["stderr"], (run.state / "log.jsonl").read_text()):
        assert key not in text
