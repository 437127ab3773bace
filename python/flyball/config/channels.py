"""Where alerts go: a TOML file that only its owner can read, because addresses hold tokens.

escalate_after = "5m"          # a critical alert that nobody acknowledged goes on

[[channel]]
name = "phone"
url = "tgram://TOKEN/CHAT"     # as apprise writes it
severity = "warning"           # the least that it wants: info, warning or critical

[[channel]]
name = "partner"
url = "mailto://…"
escalation = true              # only what was not acknowledged in time
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from flyball.config import toml
from flyball.config.keys import private_text
from flyball.config.secret import Secret
from flyball.domain import duration_ns
from flyball.errors import ConfigError

__all__ = ["Channel", "Channels", "Severity", "load_channels"]

Severity: TypeAlias = Literal["info", "warning", "critical"]


class _Channel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    url: str
    severity: Severity = "warning"
    escalation: bool = False

    def __repr__(self) -> str:
        return "_Channel(…)"


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    channel: list[_Channel] = []
    escalate_after: str = "5m"

    def __repr__(self) -> str:
        return "_File(…)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """One way to a person."""

    name: str
    url: Secret
    severity: Severity = "warning"
    escalation: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Channels:
    """All ways to people."""

    channels: tuple[Channel, ...] = ()
    escalate_after_s: float = 300.0


def load_channels(path: Path) -> Channels:
    """Read a file of channels.

    Raises
    ------
    ConfigError
        If it cannot be read, others than its owner can read it, or it makes no sense. No message
        repeats an address.
    """
    found = toml.decode(private_text(path), _File, where=str(path))
    names = [each.name for each in found.channel]
    if not names:
        raise ConfigError(f"{path}: names no [[channel]]")
    if len(set(names)) != len(names):
        raise ConfigError(f"{path}: two channels have the same name")
    return Channels(
        channels=tuple(
            Channel(
                name=each.name,
                url=Secret(each.url),
                severity=each.severity,
                escalation=each.escalation,
            )
            for each in found.channel
        ),
        escalate_after_s=duration_ns(found.escalate_after) / 1e9,
    )
