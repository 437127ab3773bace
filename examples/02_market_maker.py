"""A market maker of one's own: quotes, wake conditions, the book's levels in the view.

python examples/02_market_maker.py
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import flyball as fb


@dataclass(frozen=True, kw_only=True)
class Wary:
    """Quote around the mid, wider where the book behind the touch is thin."""

    size: int = 200  # lots
    depth: int = 5  # levels of the book that its view shall have
    wake = fb.Wake(every="500ms", fill=True)
    volatility = fb.Feature("volatility_mid", halflife_s=60)

    def decide(self, view: fb.View) -> fb.Quotes:
        """Want one bid and one ask."""
        behind = min(sum(lots for _, lots in side) for side in (view.bids, view.asks))
        thin = behind < 50 * self.size
        half = 3 + 4 * thin + round(view.volatility * view.mid)
        fair = round(view.mid - view.position / self.size)
        bid = min(fair - half, int(view.ask) - 1)
        ask = max(fair + half, int(view.bid) + 1)
        return fb.Quotes(bids=[(bid, self.size)], asks=[(ask, self.size)])


def main() -> None:
    """Quote in a synthetic market and show the last fills."""
    with tempfile.TemporaryDirectory() as folder:
        market = fb.synthetic_market(Path(folder), seed=2, hours=3)
        sim = fb.Sim(queue="probability", order_latency="20ms")
        result = fb.backtest(Wary(), data=market, profile="emergency", cash=10_000, sim=sim)
        print(result)
        last = {name: column[-3:].tolist() for name, column in result.fills.items()}
        print("\nThe last fills:", last)


if __name__ == "__main__":
    main()
