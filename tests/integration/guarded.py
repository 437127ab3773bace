"""A live run with its sentinel, in processes of their own, and what the sentinel's report says."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from flyball.trading.runtime.local import LocalExchange
from flyball.trading.runtime.sentinel import ask_sentinel
from tests.integration.conftest import command
from tests.integration.livetools import STRATEGIES, Running, key_file, wait_for

MS = 1_000_000


class Guarded(Running):
    """A `flyball run` with a sentinel."""

    def sentinel(self) -> dict[str, Any] | None:
        """How the sentinel says that it is doing."""
        return ask_sentinel(self.state, "status")

    def sentinel_pid(self) -> int:
        found = wait_for(self.sentinel, seconds=15, why="no sentinel")
        return int(found["pid"])

    def wait_watched(self) -> None:
        """Wait until engine and sentinel hear each other, and a position has its stop."""
        self.wait_protected()
        wait_for(
            lambda: (
                (it := self.sentinel())
                and it["engine"] == "alive"
                and it["age_ms"] is not None  # until it has read the account
                and it["age_ms"] < 2_000
            ),
            seconds=15,
            why="the sentinel does not watch",
        )

    def report(self, kind: str | None = None) -> list[dict[str, Any]]:
        path = self.state / "sentinel" / "report.jsonl"
        text = path.read_text() if path.exists() else ""
        lines = [json.loads(line) for line in text.splitlines()]
        return [line for line in lines if kind in (None, line["kind"])]

    def wait_report(self, kind: str, *, seconds: float = 15.0) -> dict[str, Any]:
        found = wait_for(lambda: self.report(kind), seconds=seconds, why=f"no {kind!r} reported")
        return found[0]

    def resume(self) -> None:
        """Let a process that was stopped go on."""
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def guarded(
    exchange: LocalExchange, folder: Path, strategy: str, *options: str
) -> Iterator[Guarded]:
    """`flyball run` with its sentinel on the exchange; both are gone afterwards."""
    state = folder / "state"
    keys = key_file(folder / "keys.toml", exchange.keys[0], sentinel=True)
    words = [
        *("run", f"{STRATEGIES}:{strategy}", "--instrument", "XRP", "--profile", "emergency"),
        *("--venue", exchange.url, "--keys", str(keys), "--state", str(state), "--json", *options),
    ]
    process = subprocess.Popen(
        command(words),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    run = Guarded(exchange=exchange, state=state, process=process)
    try:
        yield run
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
        found = run.sentinel()
        if found is not None:
            with suppress(ProcessLookupError):
                os.kill(int(found["pid"]), signal.SIGKILL)
