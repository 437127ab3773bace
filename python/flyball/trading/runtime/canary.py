"""A strategy that is new on an account begins with a share of its risk budget.

What is new: another name, other parameters, another text of its file, or another version of the
profile. It has the whole budget from the start that comes after so many clean days: days on which a
run of it traded, no switch tripped and nobody killed. A day that was not clean begins the count
anew. It is kept beside the account's journals, with a checksum; missing or damaged, nothing is
known of the strategy, and it begins again.
"""

import hashlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from flyball.config.profile import Profile
from flyball.domain import Strategy
from flyball.errors import ConfigError

__all__ = ["Canary", "Tier", "identity"]

_NAME = "canary.json"
_DAY_NS = 86_400 * 10**9


@dataclass(frozen=True, kw_only=True, slots=True)
class Canary:
    """How a strategy that is new here begins.

    Parameters
    ----------
    share : Decimal
        What it may use of the risk budget; above 0, at most 1.
    clean_days : int
        UTC days without trouble after which it may use all of it.

    Raises
    ------
    ConfigError
        If one makes no sense.
    """

    share: Decimal = Decimal("0.25")
    clean_days: int = 5

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ConfigError(f"canary: a share above 0, at most 1, not {self.share}")
        if self.clean_days < 1:
            raise ConfigError(f"canary: at least one clean day, not {self.clean_days}")


def identity(strategy: Strategy, profile: Profile) -> str:
    """What a strategy is: its name, its parameters, its text, its profile; hashed."""
    kind = type(strategy)
    try:
        text = inspect.getsource(inspect.getmodule(kind) or kind)
    except (OSError, TypeError):
        # Typed at a prompt: another one every time.
        text = f"{id(kind)}"
    parameters = repr(sorted(vars(strategy).items())) if hasattr(strategy, "__dict__") else ""
    parts = (kind.__qualname__, parameters, text, f"{profile.name} v{profile.version}")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


class Tier:
    """How far a strategy has come on an account."""

    def __init__(self, folder: Path, strategy: Strategy, profile: Profile, canary: Canary) -> None:
        self._path = folder / _NAME
        self._identity = identity(strategy, profile)
        self._canary = canary
        self.days: tuple[str, ...] = self._read()

    @property
    def share(self) -> Decimal:
        """What it may use of the risk budget."""
        return Decimal(1) if len(self.days) >= self._canary.clean_days else self._canary.share

    def told(self) -> str:
        """Where it stands, for people; nothing when it may use everything."""
        if self.share == 1:
            return ""
        return (
            f"canary: {self.share:.0%} of the risk budget, after {len(self.days)} of "
            f"{self._canary.clean_days} clean days"
        )

    def note(self, first: Mapping[str, Any], last: Mapping[str, Any], *, traded: bool) -> None:
        """A run has ended: its first and its last status.

        Raises
        ------
        OSError
            If it cannot be kept.
        """
        troubled = bool(last["tripped"] or last["killed"] or _tripped(last))
        if troubled:
            self.days = ()
        elif traded:
            begun, ended = int(first["time_ns"]), int(last["time_ns"])
            days = range(begun // _DAY_NS, ended // _DAY_NS + 1)
            self.days = tuple(sorted({*self.days, *(_day(number) for number in days)}))
        else:
            return
        self._write()

    def _read(self) -> tuple[str, ...]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            kept = {"identity": found["identity"], "days": found["days"]}
            known = found["sum"] == _sum(kept) and found["identity"] == self._identity
            return tuple(str(day) for day in found["days"]) if known else ()
        except (OSError, ValueError, KeyError, TypeError):
            return ()

    def _write(self) -> None:
        kept: dict[str, Any] = {"identity": self._identity, "days": list(self.days)}
        draft = self._path.with_suffix(".draft")
        draft.write_text(json.dumps({**kept, "sum": _sum(kept)}), encoding="utf-8")
        draft.replace(self._path)


def _tripped(status: Mapping[str, Any]) -> bool:
    """Whether a switch tripped of late, also one that was released."""
    return any("Tripped" in notice for _, notice in status["notices"] if isinstance(notice, dict))


def _sum(kept: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def _day(number: int) -> str:
    return datetime.fromtimestamp(number * 86_400, UTC).date().isoformat()
