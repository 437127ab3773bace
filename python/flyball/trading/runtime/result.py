"""What a run leaves behind, a backtest or a live one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flyball.config.profile import Profile
from flyball.domain import Dataset
from flyball.trading.runtime.columns import row_count

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["Notice", "Result", "from_outcome"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the engine said of itself, and when (UTC nanoseconds)."""

    time_ns: int
    kind: str
    about: Mapping[str, Any]


def notices(text: str) -> tuple[Notice, ...]:
    """The engine's notices from the JSON that it writes them in."""
    read: list[Notice] = []
    for time_ns, notice in json.loads(text):
        ((kind, about),) = notice.items()
        read.append(Notice(time_ns, kind, about))
    return tuple(read)


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What a run leaves behind. Money is settlement currency, fractions are of 1.

    `samples`, `fills` and `orders` are columns by name (NumPy arrays; prices in ticks, sizes in
    lots); `frame` turns one of them into a polars frame.
    """

    strategy: str
    data: Dataset
    live: bool = False
    simulated: bool = True
    profile: Profile
    cash: Decimal
    equity: Decimal
    fees: Decimal
    funding: Decimal
    max_drawdown: float
    flat: bool
    samples: Mapping[str, "NDArray[Any]"]
    fills: Mapping[str, "NDArray[Any]"]
    orders: Mapping[str, Any]
    notices: tuple[Notice, ...]
    refused: Mapping[str, int]
    events: int
    decisions: int
    not_ready: int
    state_hash: str
    journal: Path | None
    seconds: float
    interrupted: bool
    assumptions: Mapping[str, str]

    @property
    def pnl(self) -> Decimal:
        """What the account gained: equity less cash at the start."""
        return self.equity - self.cash

    @property
    def trades(self) -> int:
        """Round trips: positions that were opened and closed, or turned over."""
        return sum(notice.kind == "TradeClosed" for notice in self.notices)

    @property
    def won(self) -> int:
        """Round trips that brought money, all costs included."""
        return sum(
            notice.kind == "TradeClosed" and notice.about["net"] > 0 for notice in self.notices
        )

    @property
    def tripped(self) -> tuple[str, ...]:
        """The kill switches that fired, in the order of their first time."""
        fired = [notice.about["switch"] for notice in self.notices if notice.kind == "Tripped"]
        return tuple(dict.fromkeys(fired))

    @property
    def ms_to_flat(self) -> float | None:
        """Milliseconds from a switch that stops trading to the venue's word that nothing is left.

        Where trading was not stopped as a whole: from the first switch on a position to the word
        that it is closed. `None` when no switch fired.
        """
        flats = [notice.about for notice in self.notices if notice.kind == "Flat"]
        switched = [flat for flat in flats if "Switch" in flat["reason"]]
        whole = [flat["took_ns"] for flat in switched if flat["scope"] == "All"]
        took = whole or [flat["took_ns"] for flat in switched]
        return took[0] / 1e6 if took else None

    def frame(self, table: str) -> "pl.DataFrame":
        """One of `samples`, `fills`, `orders` as a polars frame, with UTC times and prices.

        Raises
        ------
        ModuleNotFoundError
            If polars is not installed: `pip install flyball[research]`.
        """
        import polars as pl

        columns = {"samples": self.samples, "fills": self.fills, "orders": self.orders}[table]
        frame = pl.DataFrame(dict(columns))
        time = pl.from_epoch("time_ns", time_unit="ns").dt.replace_time_zone("UTC").alias("time")
        tick = float(self.data.instrument.tick_size)
        prices = [pl.col(name) * tick for name in ("price", "mark") if name in frame.columns]
        return frame.with_columns(time, *prices)

    def equity_curve(self) -> "tuple[NDArray[np.int64], NDArray[np.float64]]":
        """Times (UTC nanoseconds) and equity, sampled; NaN where it was unknown."""
        return self.samples["time_ns"], self.samples["equity"]

    def summary(self) -> dict[str, Any]:
        """The numbers that people ask for first, as JSON can hold them."""
        return {
            "strategy": self.strategy,
            "live": self.live,
            "simulated": self.simulated,
            "data": self.data.name,
            "profile": f"{self.profile.name} v{self.profile.version}",
            "cash": float(self.cash),
            "equity": float(self.equity),
            "pnl": float(self.pnl),
            "fees": float(self.fees),
            "funding": float(self.funding),
            "max_drawdown": self.max_drawdown,
            "trades": self.trades,
            "won": self.won,
            "orders": row_count(self.orders),
            "fills": row_count(self.fills),
            "tripped": list(self.tripped),
            "flat": self.flat,
            "ms_to_flat": self.ms_to_flat,
            "refused": dict(self.refused),
            "events": self.events,
            "decisions": self.decisions,
            "state_hash": self.state_hash,
            "journal": None if self.journal is None else str(self.journal),
            "seconds": self.seconds,
            "interrupted": self.interrupted,
            "assumptions": dict(self.assumptions),
        }

    def _rows(self) -> list[tuple[str, str]]:
        trips = ", ".join(self.tripped) or "none"
        cents = ".2f" if self.cash >= 100 else ".8f"  # accounts in coins are small numbers
        gain = float(self.pnl / self.cash)
        rows = [
            ("data", self.data.name),
            ("profile", f"{self.profile.name} v{self.profile.version}"),
            ("P&L", f"{self.pnl:+,{cents}} on {self.cash:,{cents}} ({gain:+.2%})"),
            ("max drawdown", f"{self.max_drawdown:.2%}"),
            ("round trips", f"{self.trades} ({self.won} won)"),
            ("orders, fills", f"{row_count(self.orders)}, {row_count(self.fills)}"),
            ("fees, funding", f"{self.fees:,{cents}}, {self.funding:+,{cents}}"),
            ("switches tripped", trips),
            ("flat at the end", "yes" if self.flat else "no"),
            ("speed", f"{self.events:,} events in {self.seconds:.2f} s"),
        ]
        if self.interrupted:
            rows.append(("interrupted", "yes: this is the part until then"))
        if self.not_ready and not self.decisions:
            asks = "was there time?" if self.live else "does the data have it?"
            rows.append(("never decided", f"a declared feature had no value: {asks}"))
        return rows

    def __str__(self) -> str:
        width = max(len(name) for name, _ in self._rows())
        lines = [f"  {name:<{width}}  {value}" for name, value in self._rows()]
        return "\n".join([self._title(), *lines])

    def _title(self) -> str:
        return f"{'Live run' if self.live else 'Backtest'} of {self.strategy}"

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th>"
            f"<td style='text-align:left'>{escape(value)}</td></tr>"
            for name, value in self._rows()
        )
        return f"<table><caption>{escape(self._title())}</caption>{rows}</table>"


def from_outcome(outcome: Mapping[str, Any], **known: Any) -> Result:  # noqa: ANN401
    """The result of a run from what the engine collected of it, and what is `known` besides."""
    return Result(
        equity=Decimal(outcome["equity"]) if outcome["equity"] != "unknown" else Decimal("NaN"),
        fees=Decimal(outcome["fees"]),
        funding=Decimal(str(outcome["funding"])),
        max_drawdown=outcome["max_drawdown"],
        flat=outcome["flat"],
        samples=outcome["samples"],
        fills=outcome["fills"],
        orders=outcome["orders"],
        notices=notices(outcome["notices"]),
        refused=dict(outcome["refused"]),
        events=outcome["events"],
        decisions=outcome["decisions"],
        not_ready=outcome["not_ready"],
        state_hash=outcome["state_hash"],
        **known,
    )
