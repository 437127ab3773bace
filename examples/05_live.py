"""The same engine over sockets: a strategy trades at a local exchange while it is watched.

python examples/05_live.py [SECONDS]

Market, venue and money are simulated; the engine, its connections and its threads are those that
trade at a real venue.
"""

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import flyball as fb


@dataclass(frozen=True, kw_only=True)
class Cross:
    """Long while the fast average is above the slow one, short while it is below."""

    bars: str = "1s"
    fast = fb.Feature("ema", period=3)
    slow = fb.Feature("ema", period=8)

    def decide(self, view: fb.View) -> fb.Signal:
        """Say which side is wanted."""
        return fb.Signal("long" if view.fast > view.slow else "short", confidence=0.5)


def main() -> None:
    """Start an exchange, trade there for twenty seconds, close everything, say what happened."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    with (
        tempfile.TemporaryDirectory() as folder,
        # Its own account, funded; its clock runs ten times as fast as ours.
        fb.LocalExchange(cash=[10_000], seed=1, speed=10) as exchange,
        fb.LiveSession(
            Cross(),
            venue=exchange,
            instrument="XRP",
            profile="emergency",
            sizing=fb.Sizing.equity_fraction(0.2),
            state=Path(folder),
        ) as session,
    ):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(min(5.0, seconds))
            now = session.status()
            (xrp,) = now["instruments"]
            print(f"equity {now['equity']}, {xrp['position']} lots, stop at tick {xrp['stop']}")
        result = session.stop()
        print(result)
        for what, how in result.assumptions.items():
            print(f"  {what}: {how}")


if __name__ == "__main__":
    main()
