"""What a run is made of, in the engine's own words."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flyball import _core
from flyball.config.profile import Profile
from flyball.config.run import Sim, Sizing
from flyball.config.venues import venue
from flyball.domain import (
    Bars,
    Dataset,
    Feature,
    Instrument,
    Strategy,
    Wake,
    declared_features,
    duration_ns,
    duration_text,
)
from flyball.errors import ConfigError
from flyball.trading.runtime.signals import Signals

__all__ = [
    "bound_strategy",
    "check_bars",
    "engine_config",
    "instrument_spec",
    "recorded_market",
    "sim_config",
    "strategy_name",
]

_RATE = Decimal(10) ** 12
_MONEY = Decimal(10) ** 10
_ANSWER_TIMEOUT_NS = 5 * 10**9


def _decimal(value: Decimal) -> dict[str, int]:
    sign, digits, exponent = value.normalize().as_tuple()
    if not isinstance(exponent, int):
        raise ConfigError(f"{value} is not a finite number")
    units = int("".join(map(str, digits))) * (-1 if sign else 1)
    if exponent > 0:
        return {"units": units * 10**exponent, "decimals": 0}
    return {"units": units, "decimals": -exponent}


def instrument_spec(instrument: Instrument) -> dict[str, Any]:
    """The instrument in the engine's units."""
    figures = instrument.significant_figures
    return {
        "symbol": instrument.symbol,
        "kind": instrument.kind,
        "tick_size": _decimal(instrument.tick_size),
        "lot_size": _decimal(instrument.lot_size),
        "contract_size": _decimal(instrument.contract_size),
        "price_rule": "any_tick" if figures is None else {"significant_figures": figures},
        "sequence_rule": instrument.sequence_rule,
        "checksum_rule": instrument.checksum_rule,
        "min_notional": _decimal(instrument.min_notional),
        "fees": {
            "maker": int(instrument.maker_fee * _RATE),
            "taker": int(instrument.taker_fee * _RATE),
        },
        "margin_tiers": [
            {"from_notional": tier.from_notional, "max_leverage": tier.max_leverage}
            for tier in instrument.margin_tiers
        ],
        "book_depth": instrument.book_depth,
    }


def _bars(declared: Bars) -> dict[str, Any]:
    match declared.kind:
        case "time":
            return {"time": duration_ns(str(declared.size))}
        case "dollar":
            return {"dollar": int(Decimal(declared.size) * _MONEY)}
        case kind:
            return {kind: int(declared.size)}


def _wake(strategy: object, bars: object, features: Mapping[str, Feature]) -> dict[str, Any]:
    wake = getattr(strategy, "wake", None)
    if wake is None:
        if bars is None:
            name = type(strategy).__name__
            raise ConfigError(
                f'{name} does not say what wakes it: give it bars = "1m" or '
                'wake = Wake(every="100ms")'
            )
        wake = Wake(bar=True)
    if not isinstance(wake, Wake):
        raise ConfigError(f"wake must be a Wake, got {wake!r}")
    aliases = list(features)
    unknown = [alias for alias in wake.cross if alias not in features]
    if unknown:
        raise ConfigError(
            f"wake.cross names {unknown[0]!r}, which is no declared feature: {', '.join(aliases)}"
        )
    return {
        "every_ns": None if wake.every is None else duration_ns(wake.every),
        "bar": wake.bar,
        "book": wake.book,
        "trade": wake.trade,
        "fill": wake.fill,
        "crossings": [
            {"feature": aliases.index(alias), "level": float(level)}
            for alias, level in wake.cross.items()
        ],
    }


def strategy_name(strategy: Strategy | Signals) -> str:
    """What a strategy is called."""
    return strategy.name if isinstance(strategy, Signals) else type(strategy).__name__


def _strategy(strategy: Strategy | Signals, sizing: Sizing | None) -> dict[str, Any]:
    features = declared_features(strategy)
    bars = getattr(strategy, "bars", None)
    return {
        "name": strategy_name(strategy),
        "instrument": 0,
        "wake": _wake(strategy, bars, features),
        "bars": None if bars is None else _bars(Bars.of(bars)),
        "features": [
            {
                "alias": alias,
                "name": feature.name,
                "parameters": list(feature.resolved(strategy).items()),
            }
            for alias, feature in features.items()
        ],
        "sizing": {"lots": {"lots": 1}} if sizing is None else sizing.engine(),
    }


def check_bars(strategy: Strategy | Signals, data: Dataset) -> None:
    """Bars cannot be cut into shorter ones, nor into ones by trade or volume."""
    declared = getattr(strategy, "bars", None)
    if declared is None or not data.interval_ns:
        return
    bars, length = Bars.of(declared), duration_text(data.interval_ns)
    whole = bars.kind == "time" and duration_ns(str(bars.size)) % data.interval_ns == 0
    if not whole:
        raise ConfigError(
            f"bars: {data.name} holds bars of {length}, and bars of {bars.size} ({bars.kind}) "
            f'cannot be made of them: take "{length}", or a multiple of it'
        )


def recorded_market(data: Dataset) -> dict[str, Any]:
    """The instrument of a dataset in the engine's units; the silence of its recorder is normal."""
    return {
        "spec": instrument_spec(data.instrument),
        "quiet_ns": max(data.interval_ns or 0, data.quiet_ns),
    }


def engine_config(
    strategy: Strategy | Signals,
    *,
    market: Mapping[str, Any],
    profile: Profile,
    cash: Decimal,
    sizing: Sizing | None,
) -> dict[str, Any]:
    """What the engine is made of: instrument, strategy, protection, cash.

    `market` is the instrument in the engine's units, and the age at which its data is old.
    """
    return {
        "instruments": [dict(market)],
        "strategies": [_strategy(strategy, sizing)],
        "profile": profile.engine(),
        "cash": int(cash * _MONEY),
        "answer_timeout_ns": _ANSWER_TIMEOUT_NS,
    }


def sim_config(sim: Sim, data: Dataset) -> dict[str, Any]:
    """What is assumed of the venue and the way to it."""
    assumed = venue(data.instrument.venue)
    return sim.engine(
        order=assumed.order_latency,
        report=assumed.report_latency,
        clock_offset_ns=data.clock_offset_ns,
    )


def bound_strategy(strategy: Strategy, *, sized: bool) -> tuple[str, Any, Any, bool]:
    """What the engine calls: the strategy's name, its `decide`, and the view that it gets."""
    decide = getattr(strategy, "decide", None)
    if not callable(decide):
        raise ConfigError(f"{strategy!r} is no strategy: it has no decide(view)")
    aliases = list(declared_features(strategy))
    taken = [alias for alias in aliases if hasattr(_core.View, alias)]
    if taken:
        raise ConfigError(f"{taken[0]!r} is a name of the view itself: call the feature otherwise")
    attributes = {alias: _core.FeatureAttr(index) for index, alias in enumerate(aliases)}
    view_class = type("View", (_core.View,), {"__slots__": (), **attributes})
    view = view_class(features=len(aliases), depth=int(getattr(strategy, "depth", 0)))
    return type(strategy).__name__, decide, view, sized
