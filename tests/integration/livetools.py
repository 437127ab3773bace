"""A live run in a process of its own, against a local exchange whose prices a test can move."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from flyball.config.keys import Keys
from flyball.errors import FlyballError
from flyball.trading.runtime.local import LocalExchange
from flyball.trading.runtime.runs import ask, read_run
from flyball.trading.runtime.venue import ask_venue, open_orders, positions
from tests.integration.conftest import command

T = TypeVar("T")

STRATEGIES = Path(__file__).parent / "misbehaving.py"


def wait_for(what: Callable[[], T | None], *, seconds: float, why: str) -> T:
    """The first answer that is true."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {why}")


def key_file(path: Path, keys: Keys, *, sentinel: bool = False) -> Path:
    """Keys as a file that only its owner can read, with the sentinel's or without."""
    own = f'\n[sentinel]\nagent_key = "{keys.sentinel_key}"\n' if sentinel else ""
    path.write_text(
        f'network = "{keys.network}"\naccount = "{keys.account}"\n'
        f'agent_key = "{keys.agent_key}"\n{own}'
    )
    path.chmod(0o600)
    return path


@dataclass
class Running:
    """A `flyball run`, and the exchange that it trades at."""

    exchange: LocalExchange
    state: Path
    process: "subprocess.Popen[str]"

    def status(self) -> dict[str, Any]:
        return ask(read_run(self.state), "status")

    def try_status(self) -> dict[str, Any] | None:
        """How it is doing; `None` while it does not answer."""
        if self.process.poll() is not None:
            out, err = self.process.communicate()
            raise AssertionError(f"the run ended with {self.process.returncode}: {out}{err}")
        try:
            return self.status()
        except FlyballError:
            return None

    def wait_status(
        self, what: Callable[[dict[str, Any]], bool], *, seconds: float, why: str
    ) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found = self.try_status()
            return found if found is not None and what(found) else None

        return wait_for(look, seconds=seconds, why=why)

    def wait_protected(self) -> dict[str, Any]:
        """Wait until it holds something, and a stop of it rests at the venue."""
        return self.wait_status(
            lambda it: bool(it["instruments"][0]["position"] and it["instruments"][0]["stop"]),
            seconds=15,
            why="no position with a stop",
        )

    def held(self) -> dict[str, Any]:
        return dict(positions(self.exchange.url, self.exchange.keys[0].account))

    def stops(self) -> list[dict[str, Any]]:
        """Stops that rest at the venue, as it says."""
        found = open_orders(self.exchange.url, self.exchange.keys[0].account)
        return [each for each in found if each["isTrigger"] and each["reduceOnly"]]

    def move_prices(self, factor: str) -> None:
        wish = {"type": "move_prices", "coin": "XRP", "factor": factor}
        ask_venue(self.exchange.url, "/admin", wish)

    def wait_flat_at_venue(self, *, seconds: float = 15.0) -> None:
        wait_for(lambda: not self.held(), seconds=seconds, why="not flat at the venue")

    def end(self, number: int = signal.SIGTERM) -> dict[str, Any]:
        """Ask it to end; what it printed."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        assert out, err
        told: dict[str, Any] = {**json.loads(out), "stderr": err}
        return told

    def crash(self) -> None:
        self.process.kill()
        self.process.wait()


def child_of(parent: int, word: str) -> int | None:
    """The process of a parent whose command has this word in it."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
            above = (path.parent / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if word.encode() in words and int(above) == parent:
            return int(path.parent.name)
    return None


@contextmanager
def running(
    exchange: LocalExchange, folder: Path, strategy: str, *options: str
) -> Iterator[Running]:
    """`flyball run` on the exchange's first account; it is gone afterwards, however it went."""
    state = folder / "state"
    words = [
        *("run", f"{STRATEGIES}:{strategy}", "--instrument", "XRP", "--profile", "emergency"),
        *("--venue", exchange.url, "--keys", str(key_file(folder / "keys.toml", exchange.keys[0]))),
        *("--state", str(state), "--json", *options),
    ]
    process = subprocess.Popen(
        command(words),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    try:
        yield Running(exchange=exchange, state=state, process=process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
