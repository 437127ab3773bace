"""Metrics: what they say, in which form, and that they can be asked for again and again."""

import http.client
import re
import subprocess
import time
import tracemalloc
from collections.abc import Callable, Iterable

import pytest
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse

from flyball import _core
from flyball.errors import ConfigError
from flyball.ops.alerts.history import vectors
from flyball.ops.telemetry import (
    JournalWait,
    MetricsServer,
    Observed,
    address,
    observe,
    registry,
    render,
)
from flyball.ops.telemetry.collector import LATENCY, SPECS, families
from tests.observe.conftest import Look, recorded

Values = dict[str, dict[tuple[tuple[str, str], ...], float]]


def values(seen: Observed) -> Values:
    return vectors(families(seen))


def test_metrics_say_what_the_status_says(look: Look) -> None:
    found = values(look())
    status = recorded()
    assert found["flyball_equity_usd"][()] == float(status["equity"])
    assert found["flyball_position_units"][("instrument", "XRP"),] == 400
    assert found["flyball_orders_attempted_total"][()] == 2
    assert found["flyball_orders_submitted_total"][("purpose", "stop"),] == 1
    assert found["flyball_leverage_ratio"][()] == pytest.approx(
        found["flyball_gross_exposure_usd"][()] / float(status["equity"])
    )
    mark = status["instruments"][0]["mark"] * 1e-6
    assert found["flyball_mark_price"][("instrument", "XRP"),] == pytest.approx(mark)
    assert found["flyball_position_usd"][("instrument", "XRP"),] == pytest.approx(400 * mark)
    assert found["flyball_engine_up"][()] == 1


def test_a_switch_is_as_far_from_tripping_as_its_value_from_its_limit(look: Look) -> None:
    status = recorded()
    drawdown = next(
        it for it in status["measures"]["account"]["switches"] if it["switch"] == "drawdown"
    )
    assert drawdown["distance"] == pytest.approx(1 - drawdown["value"] / drawdown["limit"])
    assert (
        values(look())["flyball_switch_distance_ratio"][("switch", "drawdown"),]
        == (drawdown["distance"])
    )


def test_what_is_not_known_is_absent_and_never_zero(look: Look) -> None:
    status = recorded()
    status["equity"] = "unknown"
    status["drawdown"] = None
    status["measures"]["account"]["leverage"] = None
    status["connections"]["requests_left"] = None
    found = values(look(status))
    for name in ("equity_usd", "drawdown_ratio", "leverage_ratio", "rate_requests_left"):
        assert f"flyball_{name}" not in found
    assert "flyball_drill_age_seconds" not in found


def test_an_engine_that_does_not_answer_is_down_and_says_nothing_else(look: Look) -> None:
    seen = look()
    silent = Observed(run=seen.run, status=None, now_ns=seen.now_ns)
    found = values(silent)
    assert found["flyball_engine_up"][()] == 0
    assert set(found) == {
        "flyball_engine_up",
        "flyball_start_time_seconds",
        "flyball_run_info",
    }


def test_ages_grow_with_time_and_are_of_the_machines_clock(look: Look) -> None:
    book = (("instrument", "XRP"), ("stream", "book"))
    now = values(look())["flyball_feed_age_seconds"][book]
    later = values(look(later_s=7))["flyball_feed_age_seconds"][book]
    assert later - now == pytest.approx(7)


def test_latencies_are_histograms_whose_buckets_only_grow(look: Look) -> None:
    (found,) = (it for it in families(look()) if it.name == LATENCY)
    by_stage: dict[str, list[float]] = {}
    for sample in found.samples:
        if sample.name.endswith("_bucket"):
            by_stage.setdefault(sample.labels["stage"], []).append(sample.value)
    assert len(by_stage) == 10
    for buckets in by_stage.values():
        assert len(buckets) == 29
        assert buckets == sorted(buckets)
    counted = dict(recorded()["measures"]["latencies"]["stages"])
    assert by_stage["decide"][-1] == sum(counted["decide"]["counts"]) > 0


def test_both_texts_say_the_same_and_can_be_read_back(look: Look) -> None:
    made = registry(look)
    plain = list(parse(render(made).decode()))
    read: Callable[[str], Iterable[Metric]] = parse_open
    opened = list(read(render(made, openmetrics_text=True).decode()))
    names = {it.name for it in opened}
    assert {"flyball_equity_usd", "flyball_fills", "flyball_latency_seconds"} <= names
    # In OpenMetrics a counter's family has no suffix.
    assert {re.sub("_(total|info)$", "", it.name) for it in plain} == {
        re.sub("_(total|info)$", "", name) for name in names
    }


def test_prometheus_finds_nothing_to_say_against_them(look: Look, promtool: str) -> None:
    text = render(registry(look))
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_there_are_few_series_and_none_of_the_markets_making(look: Look) -> None:
    """Labels come from configuration and from lists in the code: two runs differ in no name."""
    samples = sum(len(it.samples) for it in families(look()))
    assert samples < 700
    bounded = {
        "connection", "instrument", "kind", "le", "liquidity", "mode", "outcome", "purpose",
        "reason", "rule", "stage", "state", "status", "strategy", "stream", "switch",
    }  # fmt: skip
    used = {
        label
        for it in families(look())
        if it.name != "flyball_run"
        for sample in it.samples
        for label in sample.labels
    }
    assert used <= bounded


def test_a_journal_that_falls_behind_is_told_in_seconds() -> None:
    waits = JournalWait()
    # A record each 10 ms; from second 10 to 20 the disk stands still, then it catches up.
    found = {}
    for second in range(31):
        given = second * 100
        caught_up = min(given, (second - 19) * 1_000)
        written = given if second <= 10 else 1_000 if second <= 20 else caught_up
        found[second] = waits.update(waiting=given - written, written=written, at_s=float(second))
    assert [found[second] for second in (5, 10, 11, 15, 20)] == [0, 0, 0, 4, 9]
    # What was handed over since second 20 waits then, and is not known to have waited.
    assert [found[second] for second in (21, 22, 30)] == [0, 0, 0]


def test_a_journal_that_stands_still_for_long_takes_no_memory() -> None:
    waits = JournalWait()
    for look in range(50_000):
        found = waits.update(waiting=look + 1, written=7, at_s=look * 0.2)
    assert found == pytest.approx(49_999 * 0.2)
    assert len(waits._samples) <= 2_000


def test_one_look_tells_only_that_nothing_waits(look: Look) -> None:
    run = look().run
    assert observe(run, recorded).journal_wait_s == 0.0
    behind = recorded()
    behind["connections"]["journal_lag"] = 5
    assert observe(run, lambda: behind).journal_wait_s is None
    waits = JournalWait()
    assert observe(run, lambda: behind, waits=waits).journal_wait_s == 0.0
    time.sleep(0.01)
    later = observe(run, lambda: behind, waits=waits).journal_wait_s
    assert later is not None
    assert 0.01 <= later < 10
    del behind["measures"]
    assert observe(run, lambda: behind, waits=waits).journal_wait_s is None


def test_names_are_unique_and_counters_end_as_they_should() -> None:
    names = [it.full_name for it in SPECS]
    assert len(names) == len(set(names))
    for it in SPECS:
        assert it.name.endswith("_total") == (it.kind == "counter"), it.name
        assert re.fullmatch(r"[a-z][a-z0-9_]*", it.name)
        assert it.help.endswith(".")


def test_every_metric_is_documented() -> None:
    from tests.conftest import ROOT

    page = (ROOT / "docs" / "observability.md").read_text()
    for it in SPECS:
        assert f"`{it.name}`" in page, f"docs/observability.md does not tell of {it.name}"


@pytest.fixture
def served(look: Look) -> Callable[[], MetricsServer]:
    made = registry(look)
    return lambda: MetricsServer(
        ("127.0.0.1", 0),
        lambda wanted: render(made, openmetrics_text=wanted),
        pages={"/healthz": lambda _: (503, "text/plain", b"no\n")},
    )


def test_ten_thousand_scrapes_are_answered_and_leave_nothing_behind(
    served: Callable[[], MetricsServer], look: Look
) -> None:
    with served() as server:
        host, port = server.url.removeprefix("http://").split(":")
        to = http.client.HTTPConnection(host, int(port), timeout=10)

        def scrape(times: int) -> None:
            for _ in range(times):
                to.request("GET", "/metrics")
                answer = to.getresponse()
                assert answer.status == 200
                assert b"flyball_engine_up 1.0" in answer.read()

        scrape(1_000)
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        scrape(9_000)
        for _ in range(40):
            # The server gives what it rendered for a fifth of a second: these are all made anew.
            made = render(registry(look))
        del made
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        to.close()
    assert after - before < 1_000_000


def test_what_is_asked_for_decides_the_form(served: Callable[[], MetricsServer]) -> None:
    with served() as server:
        port = int(server.url.rpartition(":")[2])

        def get(path: str, **headers: str) -> tuple[int, str, bytes]:
            to = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            to.request("GET", path, headers=headers)
            answer = to.getresponse()
            told = answer.status, answer.headers["Content-Type"], answer.read()
            to.close()
            return told

        status, kind, body = get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
        assert (status, kind.split(";")[0]) == (200, "application/openmetrics-text")
        assert body.endswith(b"# EOF\n")
        assert get("/metrics")[1].startswith("text/plain")
        assert get("/healthz")[0] == 503
        assert get("/secrets")[0] == 404
        assert get("/metrics", Host="example.org")[0] == 403, "a stranger's page by another name"
        to = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        to.request("POST", "/metrics")
        assert to.getresponse().status == 501
        to.close()


def test_a_busy_port_is_said(served: Callable[[], MetricsServer]) -> None:
    with served() as server:
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(ConfigError, match=f"127.0.0.1:{port} cannot be listened at"):
            MetricsServer(("127.0.0.1", port), lambda _: b"")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0.0.0.0:9464", "only loopback"),
        ("192.168.0.7:9464", "only loopback"),
        ("9464", "ADDRESS:PORT"),
        ("localhost:9464", "ADDRESS:PORT"),
        ("127.0.0.1:99999", "no port"),
    ],
)
def test_only_loopback_is_served(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        address(text)
    assert address("127.0.0.1:9464") == ("127.0.0.1", 9464)
    assert address("[::1]:0") == ("::1", 0)


def test_info_names_the_build(look: Look) -> None:
    (info,) = (it for it in families(look()) if it.name == "flyball_run")
    assert isinstance(info, Metric)
    assert info.samples[0].labels["build"] == _core.BUILD
