"""The page under load, measured: FLYBALL_PAGE_MINUTES=60 for the hour, ten minutes otherwise.

Run with `pytest -m long -s tests/integration/test_page_load.py`.
"""

import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from flyball.ops.cli.dashboard import parts
from flyball.ops.dashboard.hub import Hub
from flyball.ops.dashboard.pagefiles import page_files
from flyball.ops.dashboard.picture import picture
from flyball.ops.dashboard.serve import Dashboard
from flyball.trading.runtime.runs import read_run
from tests.integration.browser import Page, browser
from tests.integration.standin import StandIn

Frames: TypeAlias = NDArray[np.int64]

UPDATES_A_SECOND = 1_000
FRAME_MS_MAX = 16.0
WARM_S = 20.0
# How long the main thread works on a frame, from its first callback until after it is drawn, and
# how long it is between frames: counted in tenths of a millisecond, in places that are all there.
# The page is asked seldom: every question leaves a kilobyte behind in the browser's debugger.
METER = """(() => {
  const seen = window.frames_seen = { gaps: new Uint32Array(10000), works: new Uint32Array(10000) };
  const count = (bins, ms) => { bins[Math.min(9999, Math.max(0, Math.floor(ms * 10)))] += 1; };
  let last = 0, began = 0;
  const after = new MessageChannel();
  after.port1.onmessage = () => count(seen.works, performance.now() - began);
  const tick = (now) => {
    if (last) count(seen.gaps, now - last);
    last = now;
    began = performance.now();
    after.port2.postMessage(0);
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
})()"""
FORGET = "(() => { for (const bins of Object.values(window.frames_seen)) bins.fill(0); })()"
READ = "(() => Object.values(window.frames_seen).map((bins) => Array.from(bins)))()"


def book(step: int) -> dict[str, Any]:
    mid = 2.1 + 0.001 * math.sin(step / 50)
    levels = [float(round(0.0001 * (at + 1), 4)) for at in range(12)]
    return {
        "time_ms": time.time_ns() // 1_000_000,
        "bids": [[mid - away, 100.0 + (step + at) % 900, 3] for at, away in enumerate(levels)],
        "asks": [[mid + away, 100.0 + (step * 7 + at) % 900, 3] for at, away in enumerate(levels)],
    }


def fill(step: int, at_ms: int) -> dict[str, Any]:
    return {
        "time_ms": at_ms,
        "symbol": "XRP",
        "side": "buy" if step % 2 else "sell",
        "price": 2.1,
        "size": 400.0,
        "fee": 0.1,
        "pnl": float(step % 7 - 3),
        "what": "Open Long",
        "taker": True,
        "liquidation": False,
    }


def fill_up(hub: Hub) -> None:
    """As after hours: every log is full from the start, so that what grows then, grows for good."""
    now_ms = time.time_ns() // 1_000_000
    hub.add(
        "points",
        [
            [now_ms - 250 * (4_000 - k), 10_000.0, 10_010.0, 10_000.0, [21_000]]
            for k in range(4_000)
        ],
    )
    hub.add("fills", [fill(k, now_ms - 500 * (2_000 - k)) for k in range(2_000)])
    hub.add("notices", [notice(k) for k in range(500)])


def notice(step: int) -> dict[str, Any]:
    at_ms = time.time_ns() // 1_000_000
    return {"time_ms": at_ms, "kind": "Gap", "text": f"notice {step}", "alarm": False}


@contextmanager
def fed(hub: Hub, stand: StandIn) -> Iterator[list[int]]:
    """A thread that puts a thousand updates a second into the hub."""
    ended, done = threading.Event(), [0]
    run, status = read_run(stand.folder), stand.answer({"what": "status"})

    def feed() -> None:
        began = time.monotonic()
        while not ended.is_set():
            due = int((time.monotonic() - began) * UPDATES_A_SECOND)
            while done[0] < due and not ended.is_set():
                step = done[0]
                if step % 3 == 0:
                    status["equity"] = f"{9_987 + step % 100}.{step % 100:02}"
                    status["time_ns"] = time.time_ns()
                    hub.put("status", picture(run, status, None))
                elif step % 500 == 1:
                    hub.add("fills", [fill(step, time.time_ns() // 1_000_000)])
                elif step % 200 == 1:
                    hub.add("notices", [notice(step)])
                else:
                    hub.put("book:XRP", book(step))
                done[0] += 1
            time.sleep(0.001)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield done
    finally:
        ended.set()
        thread.join()


def minutes() -> float:
    return float(os.environ.get("FLYBALL_PAGE_MINUTES", "10"))


def watched(page: Page, seconds: float) -> tuple[Frames, Frames, list[int]]:
    """Time between frames, work a frame, and the heap's size each tenth."""
    page.run(FORGET)
    heap: list[int] = []
    for _ in range(10):
        until = time.monotonic() + seconds / 10
        while time.monotonic() < until:
            time.sleep(min(2.0, max(0.0, until - time.monotonic())))
            page.send("Runtime.getHeapUsage")  # a connection that nobody reads is given up
        heap.append(page.heap_bytes())
    gaps, works = (np.array(bins) for bins in page.run(READ))
    return gaps, works, heap


def reached(frames: Frames, percent: float) -> float:
    """So many percent of the frames take no longer, ms."""
    return float(np.searchsorted(np.cumsum(frames), frames.sum() * percent / 100) + 1) / 10


@pytest.mark.long
def test_a_thousand_updates_a_second_leave_frames_short_and_memory_flat(tmp_path: Path) -> None:
    if not page_files():
        pytest.skip("the page is not built")
    with (
        StandIn(tmp_path / "s") as stand,
        Dashboard(
            stand.folder, at="127.0.0.1:0", parts=parts(), tell=lambda _: None, pace_s=0.0
        ) as board,
        browser(1400, 1000) as page,
    ):
        fill_up(board.hub)
        page.open(board.link)
        page.wait_text("9,9")
        page.run(METER)
        with fed(board.hub, stand) as done:
            time.sleep(WARM_S)
            first, began = done[0], time.monotonic()
            gaps, works, heap = watched(page, minutes() * 60)
            rate = (done[0] - first) / (time.monotonic() - began)
        assert page.faults == []
    work = [reached(works, percent) for percent in (50, 95, 99, 100)]
    gap = [reached(gaps, percent) for percent in (50, 95, 99)]
    first_third, last_third = np.median(heap[:3]), np.median(heap[-3:])
    print(
        f"\n{minutes():g} minutes, {rate:,.0f} updates/s in, {works.sum():,} frames\n"
        f"work a frame, ms: p50 {work[0]:.1f}  p95 {work[1]:.1f}  p99 {work[2]:.1f}  "
        f"longest {work[3]:.1f}\n"
        f"between frames, ms: p50 {gap[0]:.1f}  p95 {gap[1]:.1f}  p99 {gap[2]:.1f}\n"
        f"heap, MB: {' '.join(f'{each / 1e6:.1f}' for each in heap)}"
    )
    assert rate > 0.95 * UPDATES_A_SECOND
    assert work[2] < FRAME_MS_MAX
    assert last_third < 1.1 * first_third + 500_000
