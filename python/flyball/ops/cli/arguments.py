"""Options that several commands have."""

from decimal import Decimal, InvalidOperation
from typing import get_args

from flyball.config.run import Kelly, Sizing, SizingKind
from flyball.errors import ConfigError

__all__ = ["number", "pairs", "sizing_of"]

_KINDS = get_args(SizingKind)
_EDGE = ("mean", "deviation", "error", "share")


def number(name: str, text: str) -> Decimal:
    """The number that an option was given."""
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ConfigError(f"{name}: {text!r} is no number") from error


def pairs(texts: list[str], option: str) -> dict[str, str]:
    """What options of the form key=value say."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ConfigError(f"{option} wants key=value, got {text!r}")
        found[key] = value
    return found


def sizing_of(text: str) -> Sizing | None:
    """The sizing that `--sizing` names."""
    if not text:
        return None
    kind, equals, value = text.partition("=")
    if kind not in _KINDS or not equals:
        raise ConfigError(
            f"--sizing wants one of {', '.join(k + '=' for k in _KINDS)} got {text!r}"
        )
    if kind == "kelly":
        edge = pairs([part.replace(":", "=", 1) for part in value.split(",")], "--sizing kelly")
        if set(edge) != set(_EDGE):
            wanted = ",".join(f"{name}:NUMBER" for name in _EDGE)
            raise ConfigError(f"--sizing kelly wants kelly={wanted}; got {value!r}")
        numbers = {name: number(f"--sizing kelly {name}", edge[name]) for name in _EDGE}
        return Sizing("kelly", Kelly(**numbers))
    return Sizing(kind, number("--sizing", value))  # type: ignore[arg-type]
