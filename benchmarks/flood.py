"""A relay between a run and its exchange that adds messages of the market, so many a second.

A process of its own, so that making them takes nothing from Python's lock in the run:
`python benchmarks/flood.py http://127.0.0.1:PORT --books 584 --touches 1734 --trades 3280`. It says
on its standard output where it listens, and ends when its input does. What is added are the
exchange's own last messages of each kind with another time, size and trade number: books of twenty
levels a side, best prices, trades. Books and prices themselves are the exchange's.
"""

import argparse
import re
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

_CHUNK = 1 << 16
_TICK_S = 0.005
_TEXT = 0x81
_CHANNELS = {
    b'"channel":"l2Book"': "books",
    b'"channel":"bbo"': "touches",
    b'"channel":"trades"': "trades",
}
_TIME, _SIZE, _TRADE = (
    re.compile(rb'"time":\d+'),
    re.compile(rb'"sz":"[^"]+"'),
    re.compile(rb'"tid":\d+'),
)


def frame(text: bytes) -> bytes:
    """A server's message of a websocket."""
    if len(text) < 126:
        return bytes([_TEXT, len(text)]) + text
    return bytes([_TEXT, 126]) + len(text).to_bytes(2, "big") + text


def whole(data: bytes) -> int:
    """How many of these bytes are the first frame of a server; 0 while it is not whole."""
    if len(data) < 2:
        return 0
    short = data[1] & 0x7F
    at = {126: 4, 127: 10}.get(short, 2)
    if len(data) < at:
        return 0
    length = short if short < 126 else int.from_bytes(data[2:at], "big")
    return at + length if len(data) >= at + length else 0


class Connection:
    """One connection of the run: passed on, and added to once it has heard the market."""

    def __init__(self, client: socket.socket, venue: socket.socket, rates: dict[str, int]) -> None:
        self._client, self._venue, self._rates = client, venue, rates
        self._lock = threading.Lock()
        self._last: dict[str, bytes] = {}
        self._number = 1 << 40
        for work in (self._up, self._down):
            threading.Thread(target=work, daemon=True).start()

    def _up(self) -> None:
        self._pass_on(self._venue, self._client, self._venue.sendall)

    def _down(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = self._venue.recv(_CHUNK)
            if not data:
                break
            head += data
        if not head.startswith(b"HTTP/1.1 101"):
            with suppress(OSError):
                self._client.sendall(head)
            self._pass_on(self._client, self._venue, self._client.sendall)
            return
        at = head.index(b"\r\n\r\n") + 4
        self._client.sendall(head[:at])
        held = head[at:]
        with suppress(OSError):
            while True:
                while length := whole(held):
                    self._heard(held[:length])
                    held = held[length:]
                data = self._venue.recv(_CHUNK)
                if not data:
                    break
                held += data
        with suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, to: socket.socket, of: socket.socket, send: Callable[[bytes], None]) -> None:
        with suppress(OSError):
            while data := of.recv(_CHUNK):
                send(data)
        with suppress(OSError):
            to.shutdown(socket.SHUT_WR)

    def _heard(self, data: bytes) -> None:
        with self._lock:
            self._client.sendall(data)
        for channel, kind in _CHANNELS.items():
            if channel in data[:64]:
                first = not self._last
                self._last[kind] = data[data.index(b"{") :]
                if first:
                    threading.Thread(target=self._flood, daemon=True).start()

    def _flood(self) -> None:
        began, sent = time.monotonic(), dict.fromkeys(self._rates, 0)
        with suppress(OSError):
            while True:
                time.sleep(_TICK_S)
                passed = time.monotonic() - began
                batch = bytearray()
                for kind, rate in self._rates.items():
                    due = int(passed * rate)
                    text = self._last.get(kind)
                    for _ in range(due - sent[kind] if text is not None else 0):
                        batch += frame(self._varied(text or b""))
                    sent[kind] = due
                with self._lock:
                    self._client.sendall(batch)

    def _varied(self, text: bytes) -> bytes:
        self._number += 1
        text = _TIME.sub(b'"time":%d' % (time.time_ns() // 1_000_000), text)
        text = _TRADE.sub(b'"tid":%d' % self._number, text)
        return _SIZE.sub(b'"sz":"%d.0"' % (100 + self._number % 900), text, count=1)


def main() -> None:
    """Serve until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    for kind in _CHANNELS.values():
        parser.add_argument(f"--{kind}", type=int, default=0)
    given = vars(parser.parse_args())
    parts = urlsplit(given.pop("url"))
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()

    def accept() -> None:
        while True:
            client, _ = listener.accept()
            venue = socket.create_connection((str(parts.hostname), int(parts.port or 0)))
            for each in (client, venue):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Connection(client, venue, given)

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
