"""What cells over the wire are made of: windows, the relay, what is seen, what is summed up."""

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from flyball.config.profile import profile
from flyball.errors import DataError
from flyball.ops.cli.wire import _failed
from flyball.ops.drills.stage import CASH, Stage
from flyball.ops.wire.cells import STRATEGIES, UNPROTECTED, Outcome, all_cells, few_cells
from flyball.ops.wire.faults import FAULTS
from flyball.ops.wire.judge import Watch
from flyball.ops.wire.relay import (
    _LEAVING,
    _SOFTWARE,
    _STAMP,
    _STAMPS,
    Relay,
    _came_ns,
    _left_ns,
    _opened,
)
from flyball.ops.wire.runner import share, summary
from flyball.ops.wire.windows import made_gap, recorded_crash

ORDER = b'{"action":{"type":"order","orders":[{"r":true}]}}'


def masked(payload: bytes) -> bytes:
    """A client's frame of a websocket."""
    key = b"\x11\x22\x33\x44"
    size = len(payload)
    head = bytes([0x81, 0x80 | size]) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
    return head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


@pytest.mark.parametrize("before", [b"", masked(b'{"method":"ping"}'), masked(b"x" * 300)])
def test_a_masked_order_is_read_whatever_comes_before_it(before: bytes) -> None:
    assert ORDER in _opened(before + masked(ORDER))
    assert _opened(b"POST /exchange " + ORDER) == b"POST /exchange " + ORDER


def test_the_relay_notes_when_a_closing_order_passes_and_what_the_market_said_before() -> None:
    with socket.create_server(("127.0.0.1", 0)) as venue:
        port = venue.getsockname()[1]
        with Relay(f"http://127.0.0.1:{port}") as relay:
            client = socket.create_connection(("127.0.0.1", int(relay.url.rpartition(":")[2])))
            served, _ = venue.accept()
            served.sendall(b'{"channel":"bbo"}')
            assert client.recv(100) == b'{"channel":"bbo"}'
            between = time.time_ns()
            client.sendall(masked(b'{"type":"order","r":false}'))
            assert served.recv(1_000)
            client.sendall(masked(ORDER))
            assert served.recv(1_000) == masked(ORDER)
            sent, market = relay.close_sent_ns(between), relay.market_ns(between)
            assert sent is not None
            assert market is not None
            assert market < between < sent
            assert relay.close_sent_ns(sent + 1) is None, "an order that could add risk is none"
            relay.forget()
            assert relay.market_ns(time.time_ns()) is None
            client.close()
            served.close()


@contextmanager
def joined() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The two ends of a connection."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as one,
        server.accept()[0] as other,
    ):
        yield one, other


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says when bytes came")
def test_what_comes_is_noted_when_it_comes_and_not_when_it_is_read() -> None:
    with joined() as (sender, reader):
        reader.setsockopt(socket.SOL_SOCKET, _STAMPS, 1)
        for _ in range(2):
            before = time.time_ns()
            sender.sendall(b"here")
            after = time.time_ns()
            time.sleep(0.05)
            _, told, _, _ = reader.recvmsg(100, socket.CMSG_SPACE(_STAMP.size))
            assert before <= _came_ns(told) <= after
    assert _came_ns([]) >= after, "now, where the system does not say"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says when bytes left")
def test_what_is_passed_on_is_noted_when_it_leaves_and_by_nothing_that_left_before() -> None:
    with joined() as (sender, reader):
        assert _left_ns(sender, 1) is None, "the system was not asked"
        sender.setsockopt(socket.SOL_SOCKET, _LEAVING, _SOFTWARE)
        passed = 0
        for size in (4, 300, 4):
            before = time.time_ns()
            sender.sendall(b"x" * size)
            after = time.time_ns()
            passed += size
            assert len(reader.recv(1_000)) == size
            left = _left_ns(sender, passed)
            assert left is not None
            assert before <= left <= after
        sender.sendall(b"here")
        assert reader.recv(100) == b"here"
        assert _left_ns(sender, passed) is None, "that was another one"


def test_the_relay_goes_on_after_an_exchange_that_was_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as venue:
        port = venue.getsockname()[1]
    with Relay(f"http://127.0.0.1:{port}") as relay:
        to = ("127.0.0.1", int(relay.url.rpartition(":")[2]))
        with socket.create_connection(to) as client:
            assert client.recv(100) == b""
        with (
            socket.create_server(("127.0.0.1", port)) as venue,
            socket.create_connection(to) as client,
            venue.accept()[0] as served,
        ):
            served.sendall(b"here")
            assert client.recv(100) == b"here"


def test_a_made_gap_falls_for_who_is_long_and_rises_for_who_is_short() -> None:
    gap = made_gap(0.2)
    assert list(gap.steps(1)) == [pytest.approx(0.8)]
    assert list(gap.steps(-1)) == [pytest.approx(1.2)]


def test_a_recorded_crash_is_walked_to_its_lowest_price(tmp_path: Path) -> None:
    bars = Path(__file__).parents[5] / "shared" / "data" / "bars"
    with pytest.raises(DataError, match="cannot be read"):
        recorded_crash(tmp_path)
    if not bars.is_dir():
        pytest.skip("there are no recordings")
    window = recorded_crash(bars)
    levels = list(window.steps(-1))
    assert levels[0] == 1.0
    assert min(levels) == pytest.approx(1.1792 / 2.5392)
    steps = [after / before for before, after in pairwise(levels)]
    assert max(abs(step - 1) for step in steps) < 0.0102
    assert window.pause_s * len(levels) == pytest.approx(30.0)


class Told(Stage):
    """A stage whose venue says what a test wants."""

    told: list[dict[str, Any]]

    def fills(self) -> list[dict[str, Any]]:
        return self.told


def fill(side: str, size: int, price: str, at: int) -> dict[str, Any]:
    return {"coin": "XRP", "side": side, "sz": str(size), "px": price, "time": at, "tid": at}


@pytest.mark.parametrize(
    ("fills", "move"),
    [
        ([fill("B", 10, "2", 1), fill("A", 10, "1.5", 2)], "0.25"),
        ([fill("A", 10, "2", 1), fill("B", 10, "1.5", 2)], "0"),  # a gain is no move against it
        ([fill("A", 10, "2", 1), fill("B", 10, "3", 2)], "0.5"),
        ([fill("B", 10, "2", 1), fill("B", 10, "1", 2), fill("A", 20, "0.75", 3)], "0.5"),
        ([fill("B", 10, "2", 1), fill("A", 20, "2", 2), fill("B", 10, "2.2", 3)], "0.1"),
    ],
)
def test_the_move_that_a_position_met_is_read_from_its_fills(
    fills: list[dict[str, Any]], move: str
) -> None:
    stage = Told(profile=profile("emergency"), source="emergency")
    stage.told = fills
    watch = Watch(stage)
    watch.fills()
    assert watch.move_met == Decimal(move)
    assert watch.peak == CASH


def test_every_profile_meets_every_fault_and_nothing_is_run_twice() -> None:
    chosen = [(profile(name), name) for name in ("emergency", "strict")]
    off = profile(UNPROTECTED)
    cells = all_cells(chosen, off, data=None)
    assert len({cell.name for cell in cells}) == len(cells) == 2 * 3 * 3 * len(FAULTS) + 9
    few = few_cells(chosen, off, data=None)
    assert {cell.name for cell in few} <= {cell.name for cell in cells}
    met = {(cell.profile.name, cell.fault.name) for cell in few if cell.protected}
    assert len(met) == 2 * len(FAULTS)
    assert {cell.strategy for cell in few} == set(STRATEGIES)


def outcome(**more: Any) -> Outcome:  # noqa: ANN401
    known: dict[str, Any] = {
        "cell": "c",
        "profile": "emergency",
        "strategy": "all_in",
        "window": "gap_40",
        "fault": "disk_full",
        "kind": "disk_full",
        "drawdown": 0.04,
        "line": 0.05,
        "emergency": 0.15,
        "move_met": 0.4,
        "gap_assumed": 0.4,
        "held": True,
        "flat": True,
        "said_flat": True,
        "signs": ("journal",),
    }
    return Outcome(**{**known, **more})


@pytest.mark.parametrize(
    ("more", "failed"),
    [
        ({}, False),
        ({"overshoot": 0.001, "drawdown": 0.051}, True),
        ({"overshoot": 0.001, "drawdown": 0.051, "move_met": 0.5}, False),
        ({"drawdown": 0.15, "overshoot": 0.1, "move_met": 0.5}, True),
        ({"flat": False}, True),
        ({"said_flat": False}, True),
        ({"orders_after_stop": 1}, True),
        ({"failure": "no position"}, True),
        ({"signs": ()}, True),
        ({"signs": (), "kind": "none"}, False),
    ],
)
def test_a_cell_fails_for_what_must_not_be(more: dict[str, Any], *, failed: bool) -> None:
    found = summary([outcome(), outcome(cell="d", **more)])
    assert _failed(found) is failed
    json.dumps(found)


def test_a_share_of_values() -> None:
    assert share([], 0.5) == 0.0
    assert share([3.0, 1.0, 2.0], 0.5) == 2.0
    assert share([float(at) for at in range(200)], 0.99) == 198.0


def test_a_move_counts_from_the_best_price_since_the_entry() -> None:
    stage = Told(profile=profile("emergency"), source="emergency")
    watch = Watch(stage, silent=True)
    watch._held({"coin": "XRP", "szi": "10", "entryPx": "2", "positionValue": "30"})
    watch._held({"coin": "XRP", "szi": "10", "entryPx": "2", "positionValue": "24"})
    assert watch.move_met == Decimal("0.2")
    watch._held(None)
    watch._held({"coin": "XRP", "szi": "-10", "entryPx": "2", "positionValue": "21"})
    assert watch.move_met == Decimal("0.2")
