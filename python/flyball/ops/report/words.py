"""What the engine's names and numbers mean, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from flyball.domain import Instrument
from flyball.ops.report.formats import amount, compact, duration, fraction, multiple, plain, plural

__all__ = [
    "EXITS",
    "PROFILE",
    "RULES",
    "SWITCHES",
    "currencies",
    "exit_key",
    "limit",
    "numbers_of_refusal",
    "switch_number",
]

RATE = 1e12
MONEY = 1e10
_LONG = 1e9  # a number with more digits than a narrow column holds
_NEVER = 10  # a loss of ten times equity, a price ten times off: a limit that nothing reaches


@dataclass(frozen=True, slots=True)
class Switch:
    """A kill switch: what it is called, what it looks at, what it does."""

    name: str
    about: str
    action: str


SWITCHES: Mapping[str, Switch] = {
    "drawdown": Switch(
        "Drawdown", "loss from the peak of equity", "trading stopped, everything closed"
    ),
    "position_loss": Switch(
        "Position loss", "loss of a position against its entry", "that position closed"
    ),
    "daily_loss": Switch(
        "Daily loss", "loss since the start of the day", "trading stopped until a reset"
    ),
    "emergency": Switch(
        "Emergency", "loss from the peak of equity", "everything shut down and locked"
    ),
    "leverage": Switch("Leverage", "gross exposure over equity", "the largest position reduced"),
    "margin": Switch("Margin", "equity over maintenance margin", "the largest position closed"),
}

EXITS: Mapping[str, str] = {
    "Operator": "closed by an operator",
    "Catastrophic": "lost more of the account than any position may",
    "AbsoluteLoss": "lost as much of the account as a position may",
    "Stop": "its stop was crossed",
    "Unprotected": "no stop was confirmed at the venue in time",
    "Blind": "it could not be valued for too long",
    "MaxHolding": "held as long as it may be",
    "TakeProfit": "its take-profit was reached",
}

RULES: Mapping[str, str] = {
    "killed": "trading was stopped, or could only reduce",
    "allowed_instruments": "an instrument that is not on the list",
    "venue_grid": "a price or size that the venue does not take",
    "min_notional": "worth less than the venue's minimum",
    "max_order_qty": "larger than one order may be",
    "max_order_notional": "worth more than one order may be",
    "reduce_only": "was to reduce, but would not have",
    "account_known": "what the account is worth was not known",
    "market_fresh": "market data too old, or its sources disagreed",
    "price_collar": "too far from every reference price",
    "spot_short": "more spot would have been sold than was held",
    "max_position": "the position would have been worth too much",
    "max_open_orders": "too many orders open",
    "max_concentration": "too much of the account in one instrument",
    "max_leverage": "gross exposure would have been too large",
    "min_margin_ratio": "margin would have been too thin",
    "max_trade_var": "more at stake than the volatility allowed",
    "max_depth_share": "the book could not have taken it back",
    "max_net_exposure": "too much in one direction",
    "min_liquidation_distance": "too close to liquidation",
    "governor": "a jump of the price would have cost more than may be lost",
    "duplicate": "the same order again too soon",
    "self_trade": "would have traded with an order of our own",
    "repeated_execution": "the same order too often in a row",
    "message_rate": "too many messages",
}

_MONEY_RULES = {
    "min_notional", "max_order_notional", "max_position", "max_concentration", "max_leverage",
    "min_margin_ratio", "max_trade_var", "max_net_exposure", "min_liquidation_distance",
    "governor",
}  # fmt: skip
_LOT_RULES = {"max_order_qty", "max_depth_share", "reduce_only", "spot_short"}
_COUNT_RULES = {"max_open_orders", "repeated_execution"}

# Every number of a profile: how it is written, and what it means.
PROFILE: Mapping[str, tuple[str, str]] = {
    "switches.drawdown": ("loss", "loss from the peak that stops trading"),
    "switches.position_loss": ("loss", "loss against its entry that closes a position"),
    "switches.daily_loss": ("loss", "loss since the day's start that stops trading"),
    "switches.emergency": ("loss", "loss from the peak that shuts everything down"),
    "switches.leverage": ("times", "gross exposure over equity that reduces the largest position"),
    "switches.margin": ("times", "equity over maintenance margin that closes the largest"),
    "switches.hysteresis": ("fraction", "leverage and margin release this much better"),
    "switches.cool_off": ("text", "and no earlier than this"),
    "gate.price_collar": ("fraction", "distance from the references, orders that add risk"),
    "gate.exit_collar": ("fraction", "the same, orders that reduce it"),
    "gate.max_order_qty": ("lots", "one order"),
    "gate.max_order_notional": ("money", "value of one order"),
    "gate.max_position_notional": ("money", "value of a position, all orders filled"),
    "gate.max_open_orders": ("count", "orders at once"),
    "gate.max_concentration": ("loss", "one instrument over equity, all orders filled"),
    "gate.max_leverage": ("times", "gross exposure over equity, all orders filled"),
    "gate.min_margin_ratio": ("times", "equity over maintenance margin, all orders filled"),
    "gate.max_net_exposure": ("times", "long less short over equity, all orders filled"),
    "gate.min_liquidation_distance": ("fraction", "move of all prices that would liquidate"),
    "gate.max_depth_share": ("times", "a position over the depth where it would close"),
    "gate.max_trade_var": ("loss", "value at risk (95 %) of a position over equity"),
    "gate.max_data_age": ("text", "market data older than this is not traded on"),
    "gate.max_disagreement": ("fraction", "distance of fresh price sources"),
    "gate.duplicate_window": ("text", "the same order within this is a duplicate"),
    "gate.max_repeated": ("count", "the same order in a row"),
    "gate.messages_per_second": ("count", "messages a second"),
    "gate.message_burst": ("count", "messages at once"),
    "gate.message_reserve": ("count", "of these, for protection only"),
    "governor.gap_floor": ("fraction", "jump against us that is assumed at least"),
    "governor.gap_factor": ("times", "and so many times the largest move so far"),
    "governor.gap_sigmas": ("times", "and so many standard deviations over an outage"),
    "governor.outage": ("text", "how long nobody may be able to act"),
    "governor.slippage": ("fraction", "cost of closing within the depth that is seen"),
    "governor.gaps": ("text", "jumps that are assumed of single instruments"),
    "governor.margin_mode": ("text", "what stands behind a position: its own money, or all of it"),
    "exits.absolute_loss": ("loss", "of equity, by one position"),
    "exits.catastrophic_loss": ("loss", "of equity, by one position, whatever else goes on"),
    "exits.stop_distance": ("fraction", "from the entry, where no nearer stop is named"),
    "exits.stop_slippage": ("fraction", "how far beyond its trigger a stop may fill"),
    "exits.stop_drift": ("fraction", "a resting stop is moved when it is off by this"),
    "exits.max_unprotected": ("text", "a position without a confirmed stop is closed after"),
    "exits.max_holding": ("text", "a position is closed after"),
    "exits.max_blind": ("text", "a position that cannot be valued is closed after"),
    "exits.close_slippage": ("fraction", "first bound of a closing order"),
    "exits.max_close_slippage": ("fraction", "last bound of a closing order"),
    "exits.close_retry": ("text", "the next closing order follows after"),
    "exits.close_deadline": ("text", "closing that takes longer calls somebody"),
}


def limit(key: str, value: str, money: str) -> str:
    """A number of a profile for people; as it is written where the key is not known.

    Examples
    --------
    >>> limit("switches.leverage", "5", "USDT") == "5\u00d7"
    True
    >>> limit("switches.drawdown", "1000", "USDT")
    'never (1,000)'
    """
    kind = PROFILE.get(key, ("text", ""))[0]
    try:
        number = float(Decimal(value))
    except InvalidOperation:
        return value
    if kind in ("loss", "times") and (number >= 100 or (kind == "loss" and number >= _NEVER)):
        return f"never ({plain(number)})"
    match kind:
        case "loss" | "fraction":
            return fraction(number)
        case "times":
            return f"{plain(number)}\u00d7"
        case "money":
            return f"{plain(number)} {money}"
        case "lots":
            return f"{compact(number, number) if number >= _LONG else plain(number)} lots"
        case "count":
            return plain(number)
        case _:
            return value


def switch_number(switch: str, parts: int) -> str:
    """The number of a switch from parts of 10^-12: per cent, or how many times.

    Examples
    --------
    >>> switch_number("drawdown", 50_106_389_365) == "5.011\u202f%"
    True
    """
    value = parts / RATE
    if parts >= 2**63 - 1:
        return "beyond all measure"
    return multiple(value) if switch in ("leverage", "margin") else fraction(round(value, 5))


def exit_key(reason: Any) -> tuple[str, str]:  # noqa: ANN401
    """Name and words of an engine's reason to close: a text, or the switch that asked for it.

    Examples
    --------
    >>> exit_key({"Switch": "drawdown"})
    ('drawdown', 'the drawdown switch closed it')
    """
    if isinstance(reason, Mapping) and "Switch" in reason:
        name = str(reason["Switch"])
        done = "reduced" if name == "leverage" else "closed"
        return name, f"the {name.replace('_', ' ')} switch {done} it"
    name = str(reason)
    return name, EXITS.get(name, name)


def numbers_of_refusal(refusal: Mapping[str, Any], instrument: Instrument, money: str) -> str:
    """Limit and actual number of a refusal, in its rule's unit; empty where they say nothing."""
    rule, allowed, actual = str(refusal["rule"]), int(refusal["limit"]), int(refusal["actual"])
    if rule in _MONEY_RULES:
        if max(abs(allowed), abs(actual)) >= 2**126:
            return "value unknown"
        decimals = 2 if max(abs(allowed), abs(actual)) >= MONEY else 8
        pair = [amount(value / MONEY, decimals) for value in (actual, allowed)]
        return f"{pair[0]} against {pair[1]} {money}"
    if rule in _LOT_RULES:
        return f"{actual:,} against {plural(allowed, 'lot')}"
    if rule in _COUNT_RULES:
        return f"{actual:,} against {allowed:,}"
    if rule == "price_collar":
        return f"{fraction(round(actual / RATE, 5))} against {fraction(allowed / RATE)}"
    if rule == "self_trade":
        tick = float(instrument.tick_size)
        return f"at {plain(actual * tick)} against our {plain(allowed * tick)}"
    if rule == "duplicate":
        return f"after {duration(actual)} within {duration(allowed)}"
    return ""


_QUOTES = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USD", "EUR", "BTC", "ETH")
_VENUE_MONEY = {"hyperliquid": "USDC"}


def currencies(instrument: Instrument) -> tuple[str, str, str]:
    """Base, quote and settlement currency by symbol and venue; empty where they do not say.

    "BTCUSD_PERP", an inverse contract: ("BTC", "USD", "BTC").
    """
    symbol = instrument.symbol.upper().removesuffix("_PERP").removesuffix("-PERP")
    quote = next((name for name in _QUOTES if symbol.endswith(name) and symbol != name), "")
    base = symbol.removesuffix(quote).rstrip("-_/")
    if not quote:
        quote = _VENUE_MONEY.get(instrument.venue, "")
    return base, quote, base if instrument.kind == "inverse" else quote
