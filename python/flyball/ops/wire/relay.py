"""A relay between a run and its exchange that notes when bytes pass: what is on the wire, and when.

Times are UTC nanoseconds since 1970, by the system's own stamps where it gives them (Linux): on the
way to the venue when the bytes came to the relay's socket, on the way back when they left it. How
long the relay waits for Python is not the run's then; without stamps it is in between, because then
they are the times after the bytes were read and before they are written on. What lies between the
two holds all of the run.
"""

import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from urllib.parse import urlsplit

__all__ = ["Passed", "Relay"]

_CHUNK = 1 << 16
_STAMPS = 35  # SO_TIMESTAMPNS and its message, socket(7): no name of them in Python
_STAMP = struct.Struct("@qq")  # seconds, nanoseconds
_LEAVING = 37  # SO_TIMESTAMPING: https://docs.kernel.org/networking/timestamping.html
_SOFTWARE = 1 << 1 | 1 << 4 | 1 << 7 | 1 << 11  # when sent, by the system, numbered, without bytes
_RECVERR = 11  # IP_RECVERR, ip(7)
_TOLD_ROOM = 512
_ERROR = struct.Struct("@IBBBBII")  # sock_extended_err: the last word is the last byte's number
_ERRORS = 0x2000 | socket.MSG_DONTWAIT  # MSG_ERRQUEUE
_HEAD = 6  # bytes of the shortest frame of a client
_MARKET = (b'"channel":"bbo"', b'"channel":"l2Book"', b'"channel":"activeAssetCtx"')


@dataclass
class Passed:
    """What passed on one connection: when, and the bytes."""

    up: list[tuple[int, bytes]] = field(default_factory=list)
    down: list[tuple[int, bytes]] = field(default_factory=list)


class Relay:
    """Listens on 127.0.0.1 and passes everything on to one exchange. A context manager.

    Parameters
    ----------
    url : str
        The exchange's address.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._to = (str(parts.hostname), int(parts.port or 0))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets: list[socket.socket] = []
        self._passed: list[Passed] = []
        self._thread = threading.Thread(target=self._accept, name="relay", daemon=True)

    def __enter__(self) -> "Relay":
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        _close(self._listener)
        self._thread.join()
        for each in self._sockets:
            _close(each)

    def forget(self) -> None:
        """Begin to note anew."""
        for each in self._passed:
            each.up.clear()
            each.down.clear()

    def close_sent_ns(self, since_ns: int) -> int | None:
        """When the first order that only reduces came by, from then on."""
        times = [
            at
            for each in self._passed
            for at, data in each.up
            if at >= since_ns and _closes(_opened(data))
        ]
        return min(times, default=None)

    def market_ns(self, until_ns: int) -> int | None:
        """When the last message of the market went by, until then."""
        times = [
            at
            for each in self._passed
            for at, data in each.down
            if at <= until_ns and any(word in data for word in _MARKET)
        ]
        return max(times, default=None)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                venue = socket.create_connection(self._to)
            except OSError:
                client.close()
                continue
            for each in (client, venue):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [client, venue]
            passed = Passed()
            self._passed.append(passed)
            if sys.platform == "linux":
                client.setsockopt(socket.SOL_SOCKET, _STAMPS, 1)
                client.setsockopt(socket.SOL_SOCKET, _LEAVING, _SOFTWARE)
            ways = ((client, venue, passed.up, False), (venue, client, passed.down, True))
            for source, target, noted, down in ways:
                run = threading.Thread(
                    target=_pass_on,
                    args=(source, target, noted),
                    kwargs={"down": down},
                    daemon=True,
                )
                run.start()


def _close(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()


def _pass_on(
    source: socket.socket, target: socket.socket, noted: list[tuple[int, bytes]], *, down: bool
) -> None:
    passed = 0
    with suppress(OSError):
        while True:
            data, told, _, _ = source.recvmsg(_CHUNK, _TOLD_ROOM)
            if not data:
                break
            one = (_came_ns(told), data)
            noted.append(one)
            target.sendall(data)
            passed += len(data)
            left_ns = _left_ns(target, passed) if down else None
            # It may have been forgotten meanwhile.
            if left_ns is not None and noted and noted[-1] is one:
                noted[-1] = (left_ns, data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _came_ns(told: list[tuple[int, int, bytes]]) -> int:
    """When the last of the bytes came, by the system; now, where it does not say."""
    for level, kind, data in told:
        if (level, kind) == (socket.SOL_SOCKET, _STAMPS) and len(data) == _STAMP.size:
            return _ns(data)
    return time.time_ns()


def _left_ns(target: socket.socket, passed: int) -> int | None:
    """When the last of so many bytes left, by the system; `None` where it does not say."""
    found = None
    # What it says of earlier ones is taken out too; an error ends it when there is no more.
    with suppress(OSError):
        while True:
            _, told, _, _ = target.recvmsg(0, _TOLD_ROOM, _ERRORS)
            about = {(level, kind): data for level, kind, data in told}
            stamp = about.get((socket.SOL_SOCKET, _LEAVING), b"")
            error = about.get((socket.SOL_IP, _RECVERR), b"")
            if len(stamp) >= _STAMP.size and len(error) >= _ERROR.size:
                number = _ERROR.unpack_from(error)[-1]
                if number == (passed - 1) % 2**32:
                    found = _ns(stamp)
    return found


def _ns(stamp: bytes) -> int:
    seconds, nanoseconds = _STAMP.unpack_from(stamp)
    return int(seconds) * 10**9 + int(nanoseconds)


def _closes(data: bytes) -> bool:
    return b'"type":"order"' in data and b'"r":true' in data


def _opened(data: bytes) -> bytes:
    """A client's messages of a websocket without their masks; anything else as it is."""
    found = []
    while len(data) >= _HEAD and data[0] & 0x70 == 0 and data[1] & 0x80:
        short = data[1] & 0x7F
        at = {126: 4, 127: 10}.get(short, 2)
        length = short if short < 126 else int.from_bytes(data[2:at], "big")
        mask, body = data[at : at + 4], data[at + 4 : at + 4 + length]
        key = (mask * (len(body) // 4 + 1))[: len(body)]
        plain = int.from_bytes(body, "big") ^ int.from_bytes(key, "big")
        found.append(plain.to_bytes(len(body), "big"))
        data = data[at + 4 + length :]
    return b"\n".join(found) if found else data
