"""Numbers and times as people read them. What is not known is a dash, never a zero."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import floor, isfinite, log10

__all__ = [
    "UNKNOWN",
    "amount",
    "clock",
    "compact",
    "date",
    "day",
    "duration",
    "fraction",
    "moment",
    "multiple",
    "percent",
    "places",
    "plain",
    "plural",
    "ratio",
    "second",
    "signed",
]

UNKNOWN = "\u2013"
_MINUS = "\u2212"
_TIMES = "\u00d7"
_THIN = "\u202f"  # a narrow space that does not break
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPANS = (("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("min", 60_000_000_000))
_SHORT = (("s", 10**9), ("ms", 10**6), ("\u00b5s", 10**3), ("ns", 1))
_LARGE = ((1e12, 1e12, "T"), (1e9, 1e9, "B"), (1e6, 1e6, "M"), (1e5, 1e3, "k"))


def _minus(text: str) -> str:
    """A real minus; none before zeros."""
    if text.startswith("-"):
        text = text[1:] if not any(digit in text for digit in "123456789") else _MINUS + text[1:]
    return text


def amount(value: float | Decimal, decimals: int = 2) -> str:
    """A number with thousands separators.

    Examples
    --------
    >>> amount(1234567.891)
    '1,234,567.89'
    >>> amount(-0.001)
    '0.00'
    """
    if not isfinite(value):
        return UNKNOWN
    if abs(float(value)) >= 1e21:
        return _minus(f"{value:.6e}")
    return _minus(f"{value:,.{decimals}f}")


def signed(value: float | Decimal, decimals: int = 2) -> str:
    """The same, with its sign.

    Examples
    --------
    >>> signed(12.5), signed(0.0)
    ('+12.50', '0.00')
    """
    text = amount(value, decimals)
    return (
        f"+{text}" if float(value) > 0.0 and any(digit in text for digit in "123456789") else text
    )


def percent(value: float | Decimal, decimals: int = 2) -> str:
    """A fraction of 1 in per cent; small ones to four places, lest they look like nothing.

    Examples
    --------
    >>> percent(0.0501) == "5.01\u202f%", percent(0.000017) == "0.0017\u202f%"
    (True, True)
    """
    if not isfinite(value):
        return UNKNOWN
    share = float(value)
    small = decimals == 2 and 5e-7 <= abs(share) < 0.0001
    return f"{amount(share * 100, 4 if small else decimals)}{_THIN}%"


def fraction(value: float | Decimal) -> str:
    """A limit in per cent, with no more digits than it has.

    Examples
    --------
    >>> fraction(Decimal("0.0005")) == "0.05\u202f%"
    True
    """
    return f"{plain(float(value) * 100)}{_THIN}%"


def plain(value: float) -> str:
    """A number with no more digits than it has, at most six after the point.

    Examples
    --------
    >>> plain(250_000.0), plain(1.20)
    ('250,000', '1.2')
    """
    text = amount(value, 6)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def multiple(value: float, decimals: int = 2) -> str:
    """How many times: "1.25x", with a real sign."""
    return f"{amount(value, decimals)}{_TIMES}" if isfinite(value) else UNKNOWN


def ratio(value: float) -> str:
    """A number without a unit, to two places; larger ones to none.

    Examples
    --------
    >>> ratio(1.234), ratio(12345.6)
    ('1.23', '12,346')
    """
    return amount(value, 0 if abs(value) >= 1000 else 2)


def plural(count: int, noun: str) -> str:
    """A count and its noun.

    Examples
    --------
    >>> plural(1, "fill"), plural(2000, "fill")
    ('1 fill', '2,000 fills')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _at(time_ns: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(microseconds=time_ns // 1000)
    except OverflowError:
        return None


def moment(time_ns: int) -> str:
    """A UTC time to the second; to the millisecond where it is not whole.

    Examples
    --------
    >>> moment(1_735_603_200_000_000_000)
    '2024-12-31 00:00:00'
    """
    found = _at(time_ns)
    if found is None:
        return UNKNOWN
    whole = time_ns % 10**9 < 10**6
    return f"{found:%Y-%m-%d %H:%M:%S}" + ("" if whole else f".{found.microsecond // 1000:03}")


def date(time_ns: int) -> str:
    """A UTC time to the minute."""
    found = _at(time_ns)
    return UNKNOWN if found is None else f"{found:%Y-%m-%d %H:%M}"


def second(time_ns: int) -> str:
    """A UTC time to the second."""
    return moment(time_ns - time_ns % 10**9)


def day(time_ns: int) -> str:
    """A UTC day."""
    found = _at(time_ns)
    return UNKNOWN if found is None else f"{found:%Y-%m-%d}"


def clock(time_ns: int) -> str:
    """A UTC time of the day, to the second."""
    found = _at(time_ns)
    return UNKNOWN if found is None else f"{found:%H:%M:%S}"


def duration(ns: float) -> str:
    """A time span in its two largest units.

    Examples
    --------
    >>> duration(300e9), duration(415.5 * 86_400e9), duration(40e6)
    ('5 min', '415 d 12 h', '40 ms')
    """
    if not isfinite(ns):
        return UNKNOWN
    left = round(abs(ns))
    parts: list[str] = []
    for unit, size in _SPANS:
        if left >= size or parts:
            parts.append(f"{left // size:,} {unit}" if left >= size else "")
            left %= size
        if len(parts) == 2:
            break
    if not parts:
        unit, size = next((pair for pair in _SHORT if left >= pair[1]), ("s", 10**9))
        return f"{plain(round(left / size, 1))} {unit}"
    if len(parts) == 1 and left >= 10**9:
        parts.append(f"{left // 10**9} s")
    return " ".join(part for part in parts if part)


def compact(value: float, step: float) -> str:
    """A tick of an axis: short, with the digits that its step needs.

    Examples
    --------
    >>> compact(9500.0, 250.0), compact(2.05, 0.05), compact(2.5e6, 5e5), compact(105_056.0, 2.0)
    ('9,500', '2.05', '2.5M', '105,056')
    """
    if abs(value) >= 1e16:
        return _minus(f"{value:.2e}")
    for least, size, unit in _LARGE:
        if abs(value) >= least and places(step / size) <= 2:
            return f"{amount(value / size, places(step / size))}{unit}"
    return amount(value, min(places(step), 10))


def places(step: float) -> int:
    """Digits after the point that multiples of a step need.

    Examples
    --------
    >>> places(0.0001), places(0.25), places(5.0)
    (4, 2, 0)
    """
    if not step > 0.0:
        return 0
    found = max(0, -floor(log10(step) + 1e-9))
    left = step * 10.0**found
    return found + (abs(left - round(left)) > 1e-6)
