"""Paper: a venue's live markets on a local exchange of one's own, with simulated fills."""

import time
from decimal import Decimal
from pathlib import Path

import flyball as fb
from flyball.trading.runtime.live import LiveSession
from flyball.trading.runtime.local import LocalExchange
from flyball.trading.runtime.mirror import mirrored
from flyball.trading.runtime.venue import ask_venue

SECONDS = 6.0


def test_paper_trades_live_data_and_leaves_the_venue_alone(tmp_path: Path) -> None:
    with LocalExchange(seed=3) as venue:
        # It stands for a venue whose data is live; nobody has an account of ours there.
        market = mirrored(venue.url, ["XRP"])
        with (
            LocalExchange(cash=[Decimal(10_000)], market=market) as paper,
            LiveSession(
                fb.Maker(size=50, half_spread=1.0),
                venue=paper,
                instrument="XRP",
                profile="emergency",
                state=tmp_path / "state",
            ) as session,
        ):
            time.sleep(SECONDS)
            books = [
                ask_venue(url, "/info", {"type": "l2Book", "coin": "XRP"})["levels"][0]
                for url in (venue.url, paper.url)
            ]
            result = session.stop()
    live, ours = ([Decimal(level["px"]) for level in levels] for levels in books)
    assert abs(live[0] / ours[0] - 1) < Decimal("0.002"), "the same market, a moment apart"
    assert len(set(live) & set(ours)) > 5
    assert result.assumptions["market"] == f"live data of {venue.url}"
    assert result.assumptions["fills"] == "simulated"
    assert result.decisions > 10
    assert len(result.orders["time_ns"]) > 5
