"""A strategy of ten lines over a synthetic market, with a report. Needs nothing but Flyball.

python examples/01_first_backtest.py
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import flyball as fb


@dataclass(frozen=True, kw_only=True)
class Cross:
    """Long while the fast average is above the slow one."""

    bars: str = "1m"
    fast = fb.Feature("ema", period=20)
    slow = fb.Feature("ema", period=60)

    def decide(self, view: fb.View) -> fb.Signal:
        """Say which side is wanted."""
        return fb.Signal("long" if view.fast > view.slow else "flat", confidence=0.5)


def main() -> None:
    """Make a market, trade it, say what happened."""
    with tempfile.TemporaryDirectory() as folder:
        market = fb.synthetic_market(Path(folder), seed=1, hours=6)
        result = fb.backtest(
            Cross(),
            data=market,
            profile="emergency",
            cash=10_000,
            sizing=fb.Sizing.equity_fraction(0.2),
        )
        print(result)
        written = fb.report(result, Path(folder) / "cross.html")
        print(f"\nThe report has {written.stat().st_size / 1024:.0f} KiB.")


if __name__ == "__main__":
    main()
