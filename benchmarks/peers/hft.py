"""hftbacktest: `python -m peers.hft around|cycle|idle ROWS TICK LOT`.

The strategies are compiled by numba before the first round. Latency is 5 ms each way, the queue
model by probability, as Flyball's.
"""

import sys
from typing import Any

import numpy as np
from hftbacktest import (  # type: ignore[import-not-found]
    GTX,
    LIMIT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
)
from hftbacktest.types import (  # type: ignore[import-not-found]
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    LOCAL_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
    event_dtype,
)
from numba import njit  # type: ignore[import-not-found]

from peers.rows import BID, TRADE, read
from peers.worker import serve

LATENCY_NS = 5_000_000
STEP_NS = 100_000_000
WORDS = sys.argv[1:]


def _around(hbt: Any, steps: int, size: float, most: float) -> int:  # noqa: ANN401
    """One bid and one ask, five ticks from the mid, looked at every 100 ms."""
    tick = hbt.depth(0).tick_size
    sent = done = 0
    while done < steps and hbt.elapse(100_000_000) == 0:
        done += 1
        hbt.clear_inactive_orders(0)
        depth = hbt.depth(0)
        position = hbt.position(0)
        mid = (depth.best_bid_tick + depth.best_ask_tick) // 2
        bid = min(mid - 4, depth.best_bid_tick)
        ask = max(mid + 5, depth.best_ask_tick)
        wants_bid = position < most
        wants_ask = position > -most
        orders = hbt.orders(0)
        values = orders.values()
        while values.has_next():
            order = values.get()
            if order.side == 1:
                if order.price_tick == bid and wants_bid:
                    wants_bid = False
                elif order.cancellable:
                    hbt.cancel(0, order.order_id, False)
            elif order.price_tick == ask and wants_ask:
                wants_ask = False
            elif order.cancellable:
                hbt.cancel(0, order.order_id, False)
        if wants_bid and bid not in orders:
            hbt.submit_buy_order(0, bid, bid * tick, size, GTX, LIMIT, False)
            sent += 1
        if wants_ask and ask not in orders:
            hbt.submit_sell_order(0, ask, ask * tick, size, GTX, LIMIT, False)
            sent += 1
    return sent


def _cycle(hbt: Any, steps: int, size: float, most: float) -> int:  # noqa: ANN401, ARG001
    """Another bid at every step, far from everything, and the one before is cancelled."""
    tick = hbt.depth(0).tick_size
    sent = 0
    while sent < steps and hbt.elapse(100_000_000) == 0:
        hbt.clear_inactive_orders(0)
        price = 599_900 - sent % 200
        hbt.submit_buy_order(0, sent, price * tick, size, GTX, LIMIT, False)
        if sent > 0:
            hbt.cancel(0, sent - 1, False)
        sent += 1
    return sent


def _idle(hbt: Any, steps: int, size: float, most: float) -> int:  # noqa: ANN401, ARG001
    """Looks, and wants nothing."""
    done = 0
    while done < steps and hbt.elapse(100_000_000) == 0:
        hbt.clear_inactive_orders(0)
        done += 1
    return 0


STRATEGIES = {"around": njit(_around), "cycle": njit(_cycle), "idle": njit(_idle)}


def events(path: str, tick: float, lot: float) -> Any:  # noqa: ANN401
    """The rows as hftbacktest's events."""
    rows = read(path)
    found = np.zeros(len(rows), event_dtype)
    kind = np.where(rows["flags"] & TRADE, TRADE_EVENT, DEPTH_EVENT).astype(np.uint64)
    side = np.where(rows["flags"] & BID, BUY_EVENT, SELL_EVENT).astype(np.uint64)
    found["ev"] = kind | side | np.uint64(EXCH_EVENT | LOCAL_EVENT)
    # Its clocks may not go back.
    found["exch_ts"] = np.maximum.accumulate(rows["time_ns"])
    found["local_ts"] = np.maximum.accumulate(np.maximum(rows["received_ns"], found["exch_ts"]))
    found["px"] = np.round(rows["price"] * tick, 8)
    found["qty"] = np.round(rows["qty"] * lot, 8)
    return found


def main() -> None:
    what, path = WORDS[0], WORDS[1]
    tick, lot = float(WORDS[2]), float(WORDS[3])
    data = events(path, tick, lot)
    strategy = STRATEGIES[what]
    steps = int((data["local_ts"][-1] - data["local_ts"][0]) // STEP_NS) - 10

    def run(rows: Any, many: int) -> dict[str, Any]:  # noqa: ANN401
        asset = (
            BacktestAsset()
            .data([rows])
            .linear_asset(1.0)
            .constant_order_latency(LATENCY_NS, LATENCY_NS)
            .power_prob_queue_model(2.0)
            .no_partial_fill_exchange()
            .trading_value_fee_model(0.00015, 0.00045)
            .tick_size(tick)
            .lot_size(lot)
            .last_trades_capacity(0)
        )
        hbt = HashMapMarketDepthBacktest([asset])
        sent = strategy(hbt, many, 10 * lot, 1_000 * lot)
        state = hbt.state_values(0)
        told = {"orders": int(sent), "fills": int(state.num_trades), "rows": len(rows)}
        hbt.close()
        return told

    run(data[:2_000].copy(), 5)  # Compiles.
    serve(lambda: run(data, steps), "hftbacktest", "numba")


if __name__ == "__main__":
    main()
