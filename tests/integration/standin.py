"""A stand-in for a run: its folder, its socket, and a memory of what it was asked."""

import copy
import json
import os
import socketserver
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

ACCOUNT = "0x" + "12" * 17 + "a1b2c3"
_MS = 1_000_000


def quiet_status() -> dict[str, Any]:
    """A status of a run that holds a position, with all that the engine tells."""
    return {
        "time_ns": time.time_ns(),
        "equity": "9987.42",
        "cash": "9988.13",
        "peak": "10012.00",
        "drawdown": 0.0024,
        "daily_loss": 0.00126,
        "flat": False,
        "flattening": False,
        "account_known": True,
        "tripped": [],
        "killed": False,
        "instruments": [
            {
                "symbol": "XRP",
                "best": [20_999, 21_001],
                "mark": 21_000,
                "position": 400,
                "entry": 21_050,
                "unrealised": "-2.00",
                "stop": 20_600,
                "mode": "normal",
                "closing": None,
                "unprotected_since_ns": None,
                "orders": 1,
                "unknown_orders": 0,
                "order_ids": [7],
                "locked": False,
                "dust": False,
            }
        ],
        "strategies": [
            {
                "name": "Breakout",
                "attention": "awake",
                "reason": None,
                "asked": 1_234,
                "replaced": 0,
                "overruns": 2,
                "dropped": 1,
            }
        ],
        "share": 1.0,
        "restraints": [],
        "notices": [[time.time_ns(), {"Account": {"known": True}}]],
        "refused_events": 0,
        "connections": {
            "account_connects": 1,
            "account_known": True,
            "open_actions": 0,
            "weight_left": 1_100,
            "requests_left": 9_000,
            "session": {"actions": 4, "lost": 0},
            "market_connects": 1,
            "market_messages": 500,
            "market_malformed": 0,
            "market_heard_ns": time.time_ns(),
            "market_delay_ns": 3 * _MS,
            "market_behind_ns": 0,
            "journal_failing": False,
            "journal_lag": 0,
        },
        "sentinel": {"expected": False, "heard_ms": None, "starts": 0, "said": None},
        "kills": {"killed": [], "not_kept": False, "alarm": None},
    }


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        stand = self.server.stand  # type: ignore[attr-defined]
        for line in self.rfile:
            self.wfile.write(json.dumps(stand.answer(json.loads(line))).encode() + b"\n")
            self.wfile.flush()


class StandIn:
    """Answers as a run does, kills and releases included, and remembers what it was asked."""

    def __init__(self, folder: Path, *, url: str = "http://127.0.0.1:9") -> None:
        self.folder, self._url = folder, url
        self.acts: list[tuple[str, str | None]] = []
        self.status = quiet_status()
        self._requested: str | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._write(ended_ns=None)

    def _write(self, ended_ns: int | None) -> None:
        limits = {
            "switches.drawdown": "0.05",
            "switches.emergency": "0.15",
            "switches.daily_loss": "0.10",
            "switches.position_loss": "0.02",
            "switches.leverage": "5",
            "switches.margin": "1.2",
        }
        traded = {"symbol": "XRP", "tick_size": "0.0001", "lot_size": "1"}
        known = {
            "pid": os.getpid(),
            "venue": self._url.removeprefix("http://"),
            "url": self._url,
            "network": "local",
            "account": ACCOUNT,
            "strategies": ["Breakout"],
            "instruments": [traded],
            "profile": "emergency v2",
            "limits": limits,
            "socket": str(self.folder / "c.sock"),
            "journal": str(self.folder / "run-000001"),
            "clock": [0, 0, 1],
            "started_ns": time.time_ns(),
            "simulated": True,
            "ended_ns": ended_ns,
        }
        (self.folder / "run.json").write_text(json.dumps(known))

    def answer(self, asked: dict[str, str]) -> dict[str, Any]:
        what, scope = asked["what"], asked.get("scope")
        if what == "status":
            now = time.time_ns()
            found = copy.deepcopy(self.status)
            found["time_ns"] = now
            found["connections"]["market_heard_ns"] = now - 20 * _MS
            return found
        self.acts.append((what, scope))
        if what == "kill":
            self.status["killed"] = True
            return {"done": what, "kept": True}
        if what.startswith("request_"):
            self._requested = f"{what.removeprefix('request_')}:{scope}"
        elif self._requested == f"{what.removeprefix('confirm_')}:{scope}":
            self.status["killed"] = False
        return {"done": what, "kept": True}

    def close_position(self) -> None:
        self.status["instruments"][0].update(position=0, stop=None, entry=None, orders=0)
        self.status["flat"] = True

    def __enter__(self) -> "StandIn":
        path = self.folder / "c.sock"
        path.unlink(missing_ok=True)
        self._server = socketserver.ThreadingUnixStreamServer(str(path), _Handler)
        self._server.daemon_threads = True
        self._server.stand = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def end(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        (self.folder / "c.sock").unlink(missing_ok=True)

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._thread.is_alive():
            self.end()
