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

[chat]                         # commands from Telegram, to a bot of one's own
token = "123456:AA…"
chats = [123456]               # where commands are taken from
users = [123456]               # and from whom: both must be listed
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from flyball.config import toml
from flyball.config.keys import private_text
from flyball.config.secret import Secret
from flyball.domain import duration_ns
from flyball.errors import ConfigError

__all__ = ["Channel", "Channels", "Chat", "Severity", "load_channels"]

Severity: TypeAlias = Literal["info", "warning", "critical"]

_TELEGRAM = "https://api.telegram.org"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class _Channel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    url: str
    severity: Severity = "warning"
    escalation: bool = False

    def __repr__(self) -> str:
        return "_Channel(…)"


class _Chat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    token: str
    chats: list[int]
    users: list[int]
    api: str = _TELEGRAM
    stale_after: str = "60s"
    code_lasts: str = "60s"

    def __repr__(self) -> str:
        return "_Chat(…)"


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    channel: list[_Channel] = []
    chat: _Chat | None = None
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
class Chat:
    """Commands from Telegram.

    Attributes
    ----------
    token : Secret
        Of the bot.
    chats, users : frozenset of int
        Who may command, and where: both must be listed.
    api : str
        Where the Bot API is; https, or one of this machine.
    stale_s : float
        A command that was sent longer ago, in seconds, is not taken.
    code_s : float
        For so many seconds a code confirms.
    """

    token: Secret
    chats: frozenset[int]
    users: frozenset[int]
    api: str = _TELEGRAM
    stale_s: float = 60.0
    code_s: float = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Channels:
    """All ways to people, and the one by which they command."""

    channels: tuple[Channel, ...] = ()
    escalate_after_s: float = 300.0
    chat: Chat | None = None


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
    if not names and found.chat is None:
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
        chat=None if found.chat is None else _chat(found.chat, path),
    )


def _chat(found: _Chat, path: Path) -> Chat:
    if not found.chats or not found.users:
        raise ConfigError(f"{path}: [chat] wants chats and users: who may command, and where")
    if not found.token:
        raise ConfigError(f"{path}: [chat] wants a token: BotFather gives it with the bot")
    parts = urlsplit(found.api)
    known = parts.scheme == "https" or (
        parts.scheme == "http" and (parts.hostname or "") in _LOOPBACK
    )
    if not known or not parts.hostname:
        raise ConfigError(f"{path}: [chat] api: wants https://, or http:// on this machine")
    return Chat(
        token=Secret(found.token),
        chats=frozenset(found.chats),
        users=frozenset(found.users),
        api=found.api.rstrip("/"),
        stale_s=duration_ns(found.stale_after) / 1e9,
        code_s=duration_ns(found.code_lasts) / 1e9,
    )
