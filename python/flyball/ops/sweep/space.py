"""What a sweep may try: axes, conditions between them, and how values are drawn."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import product
from math import exp, inf, log, prod
from typing import TypeAlias

import numpy as np

from flyball.errors import ConfigError

__all__ = ["Axis", "Condition", "Parameters", "Space", "Value", "axis_of", "condition_of"]

Value: TypeAlias = int | float | str | bool
Parameters: TypeAlias = Mapping[str, Value]

_VALUES_AT_MOST = 100_000
_ATTEMPTS = 200  # draws for one combination that fits the conditions


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """A parameter and what it may be: listed `values`, or a range from `low` to `high`.

    A range without a `step` is continuous, or every whole number where its ends are whole; with
    `logarithmic` its logarithm is drawn evenly.
    """

    name: str
    text: str
    values: tuple[Value, ...] = ()
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    step: Decimal | None = None
    logarithmic: bool = False

    @property
    def whole(self) -> bool:
        """Whether a range holds whole numbers."""
        return all(n == int(n) and _exponent(n) >= 0 for n in (self.low, self.high, self.step or 0))

    def grid(self) -> tuple[Value, ...]:
        """Every value, in order.

        Raises
        ------
        ConfigError
            If there is no end of them.
        """
        if self.values:
            return self.values
        if self.step is None:
            raise ConfigError(
                f"--grid {self.name}={self.text}: a grid wants a step, as in "
                f"{self.name}={self.low}..{self.high}:1; without one use --random or --optuna"
            )
        return tuple(self._at(place) for place in range(self._places()))

    def draw(self, chance: np.random.Generator) -> Value:
        """A value by chance."""
        if self.values:
            return self.values[int(chance.integers(len(self.values)))]
        if self.step is not None and not self.logarithmic:
            return self._at(int(chance.integers(self._places())))
        low, high = float(self.low), float(self.high)
        if self.logarithmic:
            drawn = exp(chance.uniform(log(low), log(high)))
            return round(drawn) if self.whole else drawn
        if self.whole:
            return int(chance.integers(int(low), int(high) + 1))
        return float(chance.uniform(low, high))

    def _places(self) -> int:
        step = self.step if self.step is not None else Decimal(1)
        return int((self.high - self.low) / step) + 1

    def _at(self, place: int) -> Value:
        value = self.low + place * (self.step or Decimal(1))
        return int(value) if self.whole else float(value)


def _exponent(number: Decimal | int) -> int:
    found = Decimal(number).as_tuple().exponent
    return found if isinstance(found, int) else -1


def axis_of(text: str) -> Axis:
    """The axis that a text names.

    Raises
    ------
    ConfigError
        If it is none; the message says what would be.

    Examples
    --------
    >>> axis_of("fast=5..20:5").grid()
    (5, 10, 15, 20)
    >>> axis_of("stop=1.5,2,none").grid()
    (1.5, 2, 'none')
    """
    name, equals, rest = text.partition("=")
    if not equals or not name.isidentifier() or not rest:
        raise ConfigError(f"--grid wants name=values, got {text!r}: as in fast=5..50:5 or fast=5,9")
    span = re.fullmatch(r"([^.:,][^:,]*?)\.\.([^:,]+?)(?::([^:,]+))?", rest)
    if span is None:
        values = tuple(_value(part) for part in rest.split(","))
        if len(set(values)) != len(values) or any(value == "" for value in values):
            raise ConfigError(f"--grid {text}: a value is empty or there twice")
        return Axis(name=name, text=rest, values=values)
    low, high = (_number(text, part) for part in span.groups()[:2])
    logarithmic = span[3] == "log"
    step = None if span[3] is None or logarithmic else _number(text, span[3])
    if not low < high:
        raise ConfigError(f"--grid {text}: {low} is not below {high}")
    if step is not None and step <= 0:
        raise ConfigError(f"--grid {text}: the step must be above zero")
    if logarithmic and low <= 0:
        raise ConfigError(f"--grid {text}: a logarithm wants a range above zero")
    if step is not None and (high - low) / step > _VALUES_AT_MOST:
        raise ConfigError(f"--grid {text}: more than {_VALUES_AT_MOST:,} values")
    return Axis(name=name, text=rest, low=low, high=high, step=step, logarithmic=logarithmic)


def _number(text: str, part: str) -> Decimal:
    try:
        found = Decimal(part)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise ConfigError(f"--grid {text}: {part!r} is no number")
    return found


def _value(text: str) -> Value:
    text = text.strip()
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return text
    return number if abs(number) < inf else text


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """What must hold between two parameters, or a parameter and a number: "fast<slow"."""

    text: str
    left: str
    sign: str
    right: str | float

    def holds(self, parameters: Parameters) -> bool:
        """Whether a combination is allowed."""
        one = parameters[self.left]
        other = parameters[self.right] if isinstance(self.right, str) else self.right
        if isinstance(one, str) or isinstance(other, str):
            raise ConfigError(f"--where {self.text}: {one!r} and {other!r} cannot be compared")
        return {
            "<": one < other,
            "<=": one <= other,
            ">": one > other,
            ">=": one >= other,
            "!=": one != other,
        }[self.sign]


def condition_of(text: str) -> Condition:
    """The condition that a text names.

    Raises
    ------
    ConfigError
        If it is none.

    Examples
    --------
    >>> condition_of("fast<slow").holds({"fast": 5, "slow": 20})
    True
    """
    found = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*(<=|>=|!=|<|>)\s*(\S+)\s*", text)
    if found is None:
        raise ConfigError(f"--where wants fast<slow, fast>=5 or the like, got {text!r}")
    left, sign, right = found.groups()
    if right.isidentifier():
        return Condition(text=text, left=left, sign=sign, right=right)
    number = _value(right)
    if isinstance(number, str):
        raise ConfigError(f"--where {text}: {right!r} is neither a parameter nor a number")
    return Condition(text=text, left=left, sign=sign, right=float(number))


@dataclass(frozen=True, kw_only=True, slots=True)
class Space:
    """Axes and the conditions between them."""

    axes: tuple[Axis, ...]
    conditions: tuple[Condition, ...] = ()

    @classmethod
    def of(cls, axes: Sequence[str], conditions: Sequence[str] = ()) -> "Space":
        """The space that texts name.

        Raises
        ------
        ConfigError
            If one of them makes no sense, or an axis is there twice.
        """
        made = tuple(axis_of(text) for text in axes)
        names = [axis.name for axis in made]
        if not names:
            raise ConfigError("a sweep wants something to vary: --grid fast=5..50:5")
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ConfigError(f"--grid {twice[0]} is there twice")
        bounds = tuple(condition_of(text) for text in conditions)
        for bound in bounds:
            for name in (bound.left, bound.right):
                if isinstance(name, str) and name not in names:
                    raise ConfigError(
                        f"--where {bound.text}: {name!r} is not varied; {', '.join(names)} are"
                    )
        return cls(axes=made, conditions=bounds)

    def allows(self, parameters: Parameters) -> bool:
        """Whether all conditions hold."""
        return all(condition.holds(parameters) for condition in self.conditions)

    def grid(self) -> Iterator[dict[str, Value]]:
        """Every combination that is allowed; the last axis runs fastest.

        Raises
        ------
        ConfigError
            If an axis is continuous.
        """
        names = [axis.name for axis in self.axes]
        for values in product(*(axis.grid() for axis in self.axes)):
            parameters = dict(zip(names, values, strict=True))
            if self.allows(parameters):
                yield parameters

    def drawn(self, count: int, *, seed: int) -> list[dict[str, Value]]:
        """So many different combinations by chance; fewer where there are not as many.

        Raises
        ------
        ConfigError
            If the conditions let nothing through.
        """
        chance = np.random.default_rng(seed)
        found: dict[str, dict[str, Value]] = {}
        for _ in range(count * _ATTEMPTS):
            if len(found) == count:
                break
            parameters = {axis.name: axis.draw(chance) for axis in self.axes}
            if self.allows(parameters):
                found.setdefault(repr(parameters), parameters)
        if not found:
            raise ConfigError("--where: no combination that was drawn fulfils it")
        return list(found.values())

    def size(self) -> int | None:
        """Combinations before conditions; `None` where there is no end of them."""
        try:
            return prod(len(axis.grid()) for axis in self.axes)
        except ConfigError:
            return None
