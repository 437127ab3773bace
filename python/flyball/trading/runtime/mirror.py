"""Live markets of a venue on a local exchange: the data is live, the fills are simulated."""

import json
from collections.abc import Sequence
from typing import Any

from flyball import _core
from flyball.errors import ConfigError

__all__ = ["mirrored"]


def mirrored(url: str, coins: Sequence[str]) -> dict[str, Any]:
    """The market of a local exchange that mirrors those of the venue at `url`.

    Raises
    ------
    ConfigError
        If no market is named, or the venue lists none of a name.
    DataError
        If the venue does not answer.
    """
    if not coins:
        raise ConfigError("a mirror wants at least one market: --coin XRP")
    http = url.rstrip("/")
    free = json.dumps({"maker": 0, "taker": 0})
    listed = json.loads(_core.venue_listing(http, list(coins), free))
    perps = [
        {
            "coin": perp["spec"]["symbol"],
            "sz_decimals": perp["spec"]["lot_size"]["decimals"],
            "tiers": [
                (tier["from_notional"], tier["max_leverage"])
                for tier in perp["spec"]["margin_tiers"]
            ],
        }
        for perp in listed
    ]
    websocket = f"{http.replace('http', 'ws', 1)}/ws"
    return {"mirror": {"http": http, "websocket": websocket, "perps": perps}}
