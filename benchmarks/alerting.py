"""How long an alert takes at twice the peak load: from what happened to whoever is told.

A live run trades at a local exchange (market, venue and money simulated; the run, its sockets,
journal and threads real). First a crash is played to a protected account and to one without
protection, and counted how many alerts begin until 15 s later. Then the market is flooded with
twice the messages and updates of the busiest recorded second (`peak.py`), the run is killed and
released again and again at moments chosen by chance, and with each kill begin twice as many alerts
as the worse crash raised in all: apprise sends them to a receiver on loopback. Measured is from
before the kill until the receiver has all of them. `python benchmarks/alerting.py --events 100`;
`--load 0` is without the flood.
"""

import argparse
import contextlib
import http.server
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import flyball as fb
from flyball.config.channels import Channel, Channels
from flyball.config.secret import Secret
from flyball.ops.alerts import (
    RULES,
    AlertWatch,
    Delivery,
    Manager,
    Rule,
    Timing,
    check,
    read_history,
)
from flyball.ops.cli.watching import watching
from flyball.ops.telemetry import MetricsServer, Observed, observe, registry, render
from flyball.ops.telemetry.collector import families
from flyball.trading.runtime.live import LiveSession
from flyball.trading.runtime.local import LocalExchange
from flyball.trading.runtime.venue import ask_venue
from peak import Peak, highest
from rows import console

# XRP's perpetual on 2025-10-10 lost this within five minutes; here it does at once.
CRASH = "0.628"
LEVELS = 40  # of a book's message at the venue
CRASH_S = 15.0
PATIENCE_S = 90.0
PAUSE_S = 2.5
# Profile and lots: as much as the governor lets in, and as much as the account is worth.
CRASHES = (("emergency", 1_500), ("unprotected", 4_700))


class Holder:
    """Holds as many lots as it is told, and never wants anything else."""

    wake = fb.Wake(every="100ms")

    def __init__(self, lots: int) -> None:
        self.lots = lots

    def decide(self, view: fb.View) -> fb.Target | None:
        """Hold it."""
        return None if view.position == self.lots else fb.Target(self.lots)


class Take(http.server.BaseHTTPRequestHandler):
    """Keeps what somebody was told."""

    def do_POST(self) -> None:
        """Take a message."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        with self.server.news:  # type: ignore[attr-defined]
            self.server.came.append(body.decode())  # type: ignore[attr-defined]
            self.server.news.notify_all()  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Receiver:
    """A webhook on loopback."""

    def __init__(self) -> None:
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Take)
        self.news, self.came = threading.Condition(), list[str]()
        vars(self.server).update(news=self.news, came=self.came)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = Secret(f"json://127.0.0.1:{self.server.server_address[1]}/")

    def wait_all(self, words: list[str], patience_s: float) -> bool:
        """Whether all of these alerts came, none of them as over."""

        def there() -> bool:
            text = "\n".join(it for it in self.came if '"over:' not in it)
            return all(word in text for word in words)

        with self.news:
            return self.news.wait_for(there, patience_s)

    def forget(self) -> None:
        """Begin anew."""
        with self.news:
            self.came.clear()


@contextlib.contextmanager
def looked_on(
    session: LiveSession, rules: tuple[Rule, ...], hook: Receiver | None
) -> Iterator[Manager]:
    """What `flyball run` has beside a run: alerts, metrics that are scraped, predictions."""

    def look() -> Observed:
        return observe(session.info, session.status)

    manager = Manager(session.folder / "alerts", rules=rules, timing=Timing(quiet_s=0.0))
    delivery = None
    if hook is not None:
        channels = Channels(channels=(Channel(name="hook", url=hook.url),))
        check(channels)
        delivery = Delivery(channels, "a benchmark")
    found = registry(look)
    with (
        watching(predict=True)(session),
        MetricsServer(("127.0.0.1", 0), lambda kind: render(found, openmetrics_text=kind)),
        AlertWatch(lambda: families(look()), manager, delivery, tell=lambda _: None),
    ):
        yield manager


def session_at(
    exchange: LocalExchange, url: str, lots: int, folder: Path, profile: str = "emergency"
) -> LiveSession:
    """A run at an exchange that is there already."""
    return LiveSession(
        Holder(lots),
        venue=url,
        keys=exchange.keys[0],
        instrument="XRP",
        profile=profile,
        state=folder,
        tell=lambda _: None,
    )


def alerts_of_a_crash(folder: Path, profile: str, lots: int) -> tuple[int, list[str]]:
    """How many alerts begin within a crash, and which."""
    with (
        LocalExchange(seed=3, admin=True) as exchange,
        session_at(exchange, exchange.url, lots, folder / profile, profile) as session,
        looked_on(session, RULES, None),
    ):
        until = time.monotonic() + 20
        while not session.status()["instruments"][0]["position"]:
            if time.monotonic() > until:
                raise SystemExit("no position before the crash")
            time.sleep(0.1)
        time.sleep(3)
        wish = {"type": "move_prices", "coin": "XRP", "factor": CRASH}
        ask_venue(exchange.url, "/admin", wish)
        time.sleep(CRASH_S)
        history = read_history(session.folder / "alerts" / "history.jsonl")
    began = [it.rule for it in history if it.what == "firing" and it.rule != "Watchdog"]
    return len(began), sorted(set(began))


@contextlib.contextmanager
def flooded(url: str, peak: Peak, load: float) -> Iterator[str]:
    """The address of an exchange with so many times the peak's messages and updates."""
    messages, updates = peak.messages * load, peak.updates * load
    books = max(0.0, (updates - messages) / (LEVELS - 1))
    share = peak.kinds["trades"] / (peak.kinds["trades"] + peak.kinds["touches"])
    rest = messages - books
    rates = {"books": books, "trades": rest * share, "touches": rest * (1 - share)}
    words = [f"--{kind}={round(rate)}" for kind, rate in rates.items()]
    flood = Path(__file__).with_name("flood.py")
    with subprocess.Popen(
        [sys.executable, str(flood), url, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        yield child.stdout.readline().strip()
        child.stdin.close()


def copies(number: int) -> list[Rule]:
    """So many rules that hold while the run is killed, as the one that comes with it does."""
    (killed,) = (it for it in RULES if it.name == "Killed")
    return [
        replace(killed, name=f"Killed{at}", summary=f"Trading is killed, copy {at};")
        for at in range(number)
    ]


def heard(session: LiveSession) -> tuple[float, int, int]:
    """Now, messages of the market so far, and updates as far as the engine counts them."""
    status = session.status()
    events = dict(status["measures"]["totals"]["events"])
    updates = events["depth"] * LEVELS + events["touch"] + events["trade"]
    return time.monotonic(), status["connections"]["market_messages"], updates


def released(session: LiveSession) -> None:
    """Flat, then released, both steps; the weight of a minute, once spent, is waited for."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        status = session.status()
        if not status["killed"]:
            return
        if status["flat"] and not status["flattening"]:
            session.release()
        time.sleep(0.2)
    status = session.status()
    told = {name: status[name] for name in ("flat", "flattening", "account_known", "equity")}
    raise SystemExit(f"not released: {told}, {status['connections']}, {status['notices'][-5:]}")


def measure(events: int, folder: Path, peak: Peak, load: float, alerts: int) -> dict[str, Any]:
    """Seconds until all are told, and how much load there was."""
    own, hook, chance = copies(alerts), Receiver(), random.Random(1)
    words = [it.summary for it in own]
    took: list[float] = []
    with (
        LocalExchange(seed=3) as exchange,
        flooded(exchange.url, peak, load) as url,
        session_at(exchange, url, 0, folder / "run") as session,
        looked_on(session, (*RULES, *own), hook),
    ):
        time.sleep(3)
        before = heard(session)
        for _ in range(events):
            # Slowly enough that reading the account stays within the venue's weight of a minute.
            time.sleep(PAUSE_S + chance.random())
            hook.forget()
            began = time.perf_counter()
            session.kill()
            if not hook.wait_all(words, 30):
                raise SystemExit("nobody was told")
            took.append(time.perf_counter() - began)
            released(session)
        after = heard(session)
    hook.server.shutdown()
    span = after[0] - before[0]
    rates = [round((now - then) / span) for then, now in zip(before[1:], after[1:], strict=True)]
    return {"took": sorted(took), "messages_per_s": rates[0], "updates_per_s": rates[1]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--load", type=Decimal, default=Decimal(2), help="times the peak")
    given = parser.parse_args()
    peak, load = highest(), float(given.load)
    with tempfile.TemporaryDirectory() as folder:
        crashes = [alerts_of_a_crash(Path(folder), *each) for each in CRASHES]
        most, names = max(crashes)
        alerts = max(1, round(most * load))
        found = measure(given.events, Path(folder), peak, load, alerts)
    took = found.pop("took")
    at = {q: took[min(len(took) - 1, len(took) * q // 100)] for q in (50, 90, 99)}
    console.print_json(
        data={
            "peak": {
                "recording": peak.recording,
                "messages_per_s": peak.messages,
                "updates_per_s": peak.updates,
                "alerts_in_a_crash": most,
                "which": names,
            },
            "load": load,
            **found,
            "alerts_at_once": alerts,
            "events": given.events,
            **{f"p{q}_s": round(each, 3) for q, each in at.items()},
            "max_s": round(took[-1], 3),
            "machine": {"cores": os.cpu_count(), "load": os.getloadavg()},
        }
    )


if __name__ == "__main__":
    main()
