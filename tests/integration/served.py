"""A local exchange in a process of its own, and the official client's two halves."""

import json
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info

from tests.integration.conftest import command
from tests.integration.livetools import wait_for

# ruff: noqa: ANN401 - the official client is not typed, and its answers are JSON.

BUY, SELL = True, False

Message = dict[str, Any]


@contextmanager
def served(*arguments: str | Path) -> Iterator[str]:
    """The URL of an exchange that is served while the block runs."""
    process = subprocess.Popen(
        command(["exchange", "--json", *arguments]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        if not line:
            raise AssertionError(process.stderr.read())
        yield json.loads(line)["url"]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def fresh_key() -> LocalAccount:
    """A key that nobody has."""
    made: LocalAccount = Account.create()
    return made


class Desk:
    """One account at the exchange, through the official client. Every call is counted."""

    def __init__(self, url: str, key: LocalAccount, *, master: str | None = None) -> None:
        self.url = url
        self.key = key
        self.address = master or key.address
        self.calls = 0
        self.other = ""
        self._info = Info(url)
        self._exchange = Exchange(key, url, account_address=master)
        self._last = 0.0
        self.heard: dict[str, list[Message]] = defaultdict(list)
        self._changed = threading.Condition()

    def close(self) -> None:
        # The client's websocket stays open for ever when it is closed before it was open.
        socket = self._info.ws_manager
        wait_for(lambda: socket.ws_ready or not socket.is_alive(), seconds=10, why="no websocket")
        self._info.disconnect_websocket()
        for client in (self._info, self._exchange, self._exchange.info):
            client.session.close()

    def ask(self, name: str, *arguments: Any, **more: Any) -> Any:
        """Call a method of the client that asks."""
        self.calls += 1
        return getattr(self._info, name)(*arguments, **more)

    def do(self, name: str, *arguments: Any, **more: Any) -> Any:
        """Call a method of the client that acts: one a millisecond, for its nonces are the time."""
        self.calls += 1
        time.sleep(max(0.0, self._last + 0.003 - time.monotonic()))
        try:
            return getattr(self._exchange, name)(*arguments, **more)
        finally:
            self._last = time.monotonic()

    def expires_after(self, moment: int | None) -> None:
        self._exchange.set_expires_after(moment)

    def listen(self, subscription: dict[str, Any]) -> int:
        """Subscribe; what comes is kept by its channel."""
        self.calls += 1

        def hear(message: Message) -> None:
            with self._changed:
                self.heard[message["channel"]].append(message)
                self._changed.notify_all()

        number: int = self._info.subscribe(subscription, hear)
        return number

    def unlisten(self, subscription: dict[str, Any], number: int) -> bool:
        self.calls += 1
        gone: bool = self._info.unsubscribe(subscription, number)
        return gone

    def wait_for(
        self, channel: str, matches: Callable[[Message], bool] = lambda _: True
    ) -> Message:
        """The first message of a channel that matches, now or within ten seconds."""
        found: list[Message] = []

        def there() -> bool:
            found.extend(it for it in self.heard[channel] if matches(it))
            return bool(found)

        with self._changed:
            assert self._changed.wait_for(there, timeout=10), f"nothing on {channel}"
        return found[0]


def statuses(answer: Any) -> list[Any]:
    """What became of each order in an answer."""
    assert answer["status"] == "ok", answer
    all_of_them: list[Any] = answer["response"]["data"]["statuses"]
    return all_of_them


def one(answer: Any) -> Any:
    """What became of the only order in an answer."""
    (status,) = statuses(answer)
    return status


def resting(answer: Any) -> int:
    """The id of the order that now rests or waits."""
    status = one(answer)
    assert "resting" in status, status
    oid: int = status["resting"]["oid"]
    return oid


def error(answer: Any) -> str:
    """Why an action was refused, whole or for its only order."""
    if answer["status"] == "err":
        words: str = answer["response"]
    else:
        words = one(answer)["error"]
    return words
