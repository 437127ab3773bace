"""How long the sentinel takes: from the engine's end to its first action and to a flat account.

A long programme, run by itself: `pytest -m long -s tests/integration/test_sentinel_figures.py`.
FLYBALL_SENTINEL says how often; thirty times each by default.
"""

import os
import signal
import time
from pathlib import Path

import pytest

from flyball.trading.runtime.local import LocalExchange
from tests.integration.guarded import MS, guarded

TIMES = int(os.environ.get("FLYBALL_SENTINEL", "30"))


def row(name: str, taken: list[float]) -> str:
    taken = sorted(taken)
    at = [taken[0], taken[len(taken) // 2], taken[int(len(taken) * 0.9)], taken[-1]]
    return f"{name:<34} " + "  ".join(f"{each:7.0f}" for each in at)


def cost(pid: int) -> tuple[float, float]:
    """Resident memory in MB, and seconds of processor time, of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    ticks = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[11:13]
    seconds = sum(int(tick) for tick in ticks) / os.sysconf("SC_CLK_TCK")
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, seconds


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_engine_gone_to_first_action_and_to_verified_flat(
    tmp_path: Path, number: signal.Signals
) -> None:
    first, flat = [], []
    for at in range(TIMES):
        folder = tmp_path / str(at)
        folder.mkdir()
        # An exchange of its own each time: so many starts would use up an address's weight.
        with (
            LocalExchange(seed=at, admin=True) as exchange,
            guarded(exchange, folder, "Holder") as run,
        ):
            run.wait_watched()
            # Not always at the same point between two beats and readings.
            time.sleep(0.037 * (at % 27))
            gone_ns = time.time_ns()
            run.process.send_signal(number)
            ended = run.wait_report("flat", seconds=20)
            first.append((run.report("sent")[0]["time_ns"] - gone_ns) / MS)
            flat.append((ended["time_ns"] - gone_ns) / MS)
            assert not run.held()
    print(f"\n{number.name}, {TIMES} times, in ms: least, median, 90 %, most")
    print(row("to the first action on the wire", first))
    print(row("to verified flat", flat))
    assert max(first) <= 2_000


@pytest.mark.long
def test_what_a_calm_minute_costs(tmp_path: Path) -> None:
    with (
        LocalExchange(seed=5, admin=True) as exchange,
        guarded(exchange, tmp_path, "Holder") as run,
    ):
        run.wait_watched()
        pid = run.sentinel_pid()
        _, before = cost(pid)
        time.sleep(60)
        held, after = cost(pid)
        print(f"\nresident {held:.1f} MB, processor {(after - before) / 60:.2%} of one core")
        assert run.end()["flat_at_venue"] is True
