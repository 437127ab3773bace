"""Runs in worlds without sockets and clocks, side by side, as the watch of each would see them.

Real: engine, session, market data, mailbox and measures of a run, the local exchange and its
faults, in virtual time. Simulated: the way between them, the strategy, the market (a recording put
together anew), and the machine: memory, disk, processor, the sentinel's beats.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from flyball._core import World
from flyball.ops.detection.normal import Market
from flyball.ops.detection.readings import METRICS, Machine, Readings
from flyball.ops.detection.streams import Floats

__all__ = ["FAULTS", "SHOWS", "Worlds"]

# A class of faults: metrics that it changes. Only an alarm about one of them is a detection.
SHOWS: dict[str, tuple[str, ...]] = {
    "feed_freeze": ("feed_age", "messages", "asked"),
    "slow_venue": ("answer_way", "waiting", "open_actions", "lost", "unknown_orders"),
    "memory_leak": ("memory_step", "memory"),
    "creeping_latency": ("feed_way", "feed_delay", "answer_way", "waiting", "lost"),
    "loss_streak": ("equity_step", "drawdown", "fees"),
    "reject_storm": ("odd_rejects", "orders"),
    "clock_drift": ("clock_step", "clock_gain", "feed_delay", "feed_way", "feed_age"),
    "disk_filling": ("disk_step", "disk_free", "journal_lag"),
    "stuck_strategy": ("late", "asked"),
    "wrong_price": ("price_step", "basis", "spread"),
    "missing_fills": ("late_fills", "unknown_orders", "mismatches"),
    "foreign_trades": ("mismatches",),
    "spread_blowout": ("spread",),
    "message_flood": ("messages", "cpu"),
    "reconnect_loop": ("reconnects", "feed_age", "spread", "price_step", "basis"),
    "journal_lag": ("journal_lag",),
    "rate_drain": ("weight_left", "actions", "refusals"),
    "funding_spike": ("funding", "equity_step"),
    "sentinel_lost": ("sentinel_age",),
    "starved": ("wake_lag", "feed_age", "feed_way", "answer_way", "sentinel_age", "late", "cpu"),
}
# Each class, and where it is put in: exchange, network, clock, strategy, process, or machine, which
# is simulated.
FAULTS: dict[str, str] = dict(World.faults())


class Worlds:
    """Runs side by side.

    Parameters
    ----------
    market : Market
        What their markets are put together from.
    seeds : sequence of int
        One for each run.
    """

    def __init__(self, market: Market, seeds: Sequence[int]) -> None:
        parts = [np.ascontiguousarray(it) for it in (market.messages, market.spread, market.step)]
        self._worlds = [World(seed, *parts) for seed in seeds]
        self._readings = [Readings() for _ in seeds]
        self._decode = msgspec.json.Decoder().decode

    def step(self, seconds: int) -> Floats:
        """What is seen of each run in so many seconds; shape (seconds, runs, metrics)."""
        seen = np.empty((seconds, len(self._worlds), len(METRICS)))
        for run in range(len(self._worlds)):
            seen[:, run] = self.step_one(run, seconds)
        return seen

    def step_one(self, run: int, seconds: int) -> Floats:
        """As `step`, of one run alone; shape (seconds, metrics)."""
        seen = np.empty((seconds, len(METRICS)))
        looks = self._worlds[run].step(seconds)
        for at, (status, now_ns, steady_s, wall_s, cpu_s, memory, disk_free) in enumerate(looks):
            machine = Machine(
                steady_s=steady_s, wall_s=wall_s, cpu_s=cpu_s, memory=memory, disk_free=disk_free
            )
            seen[at] = self._readings[run].read(self._decode(status), now_ns=now_ns, at=machine)
        return seen

    def inject(self, run: int, fault: str, size: float) -> None:
        """From now on this goes wrong in a run: 0 is hardly worth a look, 1 is gross."""
        self._worlds[run].inject(fault, size)

    def end(self, run: int) -> None:
        """What goes wrong in a run ends."""
        self._worlds[run].end()
