"""What `flyball risk` is asked about: datasets of the catalogue, recordings, journals of runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from flyball.domain import duration_ns, duration_text
from flyball.errors import ConfigError, DataError
from flyball.research.analytics.curve import Curve, Floats, sampling
from flyball.research.data import Catalogue
from flyball.research.risk.prices import Prices, aligned, read_prices
from flyball.trading.runtime.replay import equity_of

__all__ = ["Sample", "moment_ns", "named", "prices_of", "sample"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """Returns of equal steps of one or several things that are held.

    Parameters
    ----------
    names : tuple of str
    returns : array, shape (n, names)
    step : str
        A duration as people write it.
    first_ns, last_ns : int
        When the first return began, and the last ended.
    """

    names: tuple[str, ...]
    returns: Floats
    step: str
    first_ns: int
    last_ns: int

    @property
    def span(self) -> str:
        """How many returns, of what, from when to when."""
        first, last = (
            datetime.fromtimestamp(ns / 1e9, tz=UTC).strftime("%Y-%m-%d")
            for ns in (self.first_ns, self.last_ns)
        )
        return f"{len(self.returns):,} returns of {self.step}, {first} to {last}"


def moment_ns(text: str) -> int | None:
    """UTC nanoseconds of a moment such as 2025-10-10 or 2025-10-10T21:00; None of nothing.

    Raises
    ------
    ConfigError
        If the text is none.

    Examples
    --------
    >>> moment_ns("1970-01-02")
    86400000000000
    """
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"--until: {text!r} is no moment: write 2025-10-10 or 2025-10-10T21:00"
        ) from error
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    return int(when.timestamp()) * 10**9


def named(texts: Sequence[str], what: str) -> tuple[list[str], list[float] | None]:
    """`NAME=NUMBER` or `NAME`, all in the same way: names, and the numbers if there are any."""
    if not texts:
        raise ConfigError(f"name a dataset of the catalogue: NAME or NAME={what.upper()}")
    names, numbers = [], []
    for text in texts:
        name, equals, number = text.rpartition("=")
        if not equals:
            names.append(text)
            continue
        names.append(name)
        try:
            numbers.append(float(number))
        except ValueError as error:
            raise ConfigError(f"{text}: {number!r} is no {what}") from error
    if numbers and len(numbers) < len(names):
        raise ConfigError(f"give each a {what} (NAME={what.upper()}), or none")
    return names, numbers or None


def prices_of(names: Sequence[str], root: Path | None, until_ns: int | None) -> list[Prices]:
    """Prices of datasets until a moment; no two of them of one instrument."""
    catalogue = Catalogue(root)
    found = [read_prices(catalogue.find(name)).until(until_ns) for name in names]
    symbols = [each.symbol for each in found]
    if len(set(symbols)) < len(symbols):
        raise DataError(f"{', '.join(symbols)}: the same instrument twice")
    return found


def sample(names: Sequence[str], *, step: str, root: Path | None, until_ns: int | None) -> Sample:
    """Returns of datasets over the time that all have in common, or of a run's equity."""
    step_ns = duration_ns(step) if step else None
    if len(names) == 1 and _is_journal(names[0], root):
        return _equity(Path(names[0]), step_ns)
    prices = prices_of(names, root, until_ns)
    if step_ns is None and prices[0].interval_ns is None:
        raise ConfigError(f"{names[0]} holds trades: say the --step of returns, such as 1m")
    if step_ns is not None and all(each.interval_ns == step_ns for each in prices):
        step_ns = None
    times, closes = aligned(prices, step_ns)
    length = step_ns or prices[0].interval_ns or 0
    return Sample(
        names=tuple(each.symbol for each in prices),
        returns=closes[1:] / closes[:-1] - 1.0,
        step=duration_text(length),
        first_ns=int(times[0]),
        last_ns=int(times[-1]),
    )


def _is_journal(name: str, root: Path | None) -> bool:
    known = (Catalogue(root).root / name / "dataset.json").is_file()
    return not known and any(Path(name).glob("*.fbj"))


def _equity(folder: Path, step_ns: int | None) -> Sample:
    time_ns, equity = equity_of(folder, step_ns=step_ns or duration_ns("1m"))
    curve = Curve(time_ns, equity)
    step = step_ns or sampling(curve.duration_ns).step_ns
    returns = curve.returns(step)
    if returns.size < 2:
        raise DataError(f"{folder}: the run is too short for returns of {duration_text(step)}")
    return Sample(
        names=("equity",),
        returns=np.asarray(returns)[:, None],
        step=duration_text(step),
        first_ns=int(curve.time_ns[0]),
        last_ns=int(curve.time_ns[-1]),
    )
