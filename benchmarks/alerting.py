"""How long an alert takes: from what happened to whoever is told, within a run.

A recorded status is changed at a moment chosen by chance, the rules look at it each second as in a
run, and apprise sends to a receiver on loopback. `python benchmarks/alerting.py --events 100`.
"""

import argparse
import copy
import http.server
import json
import os
import random
import tempfile
import threading
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from flyball.config.channels import Channel, Channels
from flyball.config.secret import Secret
from flyball.ops.alerts import AlertWatch, Delivery, Manager, Timing
from flyball.ops.telemetry import Observed
from flyball.ops.telemetry.collector import families
from flyball.trading.runtime.runs import RunInfo, Traded
from rows import console

STATUS = Path(__file__).parents[1] / "tests" / "observe" / "status.json"
came = threading.Event()


class Take(http.server.BaseHTTPRequestHandler):
    """Notes that somebody was told."""

    def do_POST(self) -> None:
        """Take a message."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        if b"Trading is killed" in body and b"over:" not in body:
            came.set()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def info(folder: Path) -> RunInfo:
    """A run that is not there."""
    xrp = Traded(symbol="XRP", tick_size=Decimal("0.000001"), lot_size=Decimal(1))
    return RunInfo(
        pid=os.getpid(),
        venue="local",
        url="",
        network="local",
        account="0x" + "12" * 20,
        strategies=("Holder",),
        instruments=(xrp,),
        profile="emergency v2",
        limits={},
        socket="",
        journal="",
        clock=(0, 0, 1),
        started_ns=1,
        simulated=True,
        folder=folder,
    )


def measure(events: int, folder: Path) -> list[float]:
    """Seconds of each."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Take)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    status = json.loads(STATUS.read_text())
    now = status["time_ns"]
    run = replace(info(folder), folder=folder)
    url = Secret(f"json://127.0.0.1:{server.server_address[1]}/")
    delivery = Delivery(Channels(channels=(Channel(name="hook", url=url),)), "a benchmark")
    manager = Manager(folder / "alerts", timing=Timing(quiet_s=0.0))

    def look() -> Observed:
        return Observed(run=run, status=copy.deepcopy(status), now_ns=now, disk_free=1 << 40)

    chance, took = random.Random(1), []
    with AlertWatch(lambda: families(look()), manager, delivery, tell=lambda _: None):
        for _ in range(events):
            time.sleep(1.2 + chance.random())
            came.clear()
            began = time.perf_counter()
            status["killed"] = True
            if not came.wait(20):
                raise SystemExit("nobody was told")
            took.append(time.perf_counter() - began)
            status["killed"] = False
    server.shutdown()
    return sorted(took)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100)
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory() as folder:
        took = measure(events, Path(folder))
    at = {q: took[min(len(took) - 1, len(took) * q // 100)] for q in (50, 90, 99)}
    console.print_json(
        data={
            "events": events,
            **{f"p{q}_s": round(each, 3) for q, each in at.items()},
            "max_s": round(took[-1], 3),
            "load": os.getloadavg()[0],
        }
    )


if __name__ == "__main__":
    main()
