"""What a chat may ask of a run: what its own commands ask, and nothing that releases."""

import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from flyball.errors import FlyballError
from flyball.ops.alerts import acknowledge, firing_of, folder_of, read_history, seen_by
from flyball.trading.runtime.latches import latched
from flyball.trading.runtime.runs import RunInfo, ask, read_run, scope_number

__all__ = ["AskedRun", "Commanded"]

_LOOK_S = 0.1


class Commanded(Protocol):
    """A run, as a chat sees it. Each of these may raise a `FlyballError`."""

    def status(self) -> str:
        """How it is doing, in lines."""
        ...

    def alerts(self) -> str:
        """What fires, in lines."""
        ...

    def acknowledge(self, ids: set[str], by: str) -> str:
        """Say that somebody has seen alerts."""
        ...

    def share(self) -> Decimal:
        """What the operator lets be used of the risk budget."""
        ...

    def restrict(self, share: Decimal) -> None:
        """Let less of it be used."""
        ...

    def check(self, scope: str) -> None:
        """Whether there is such a scope; raises where there is none."""
        ...

    def kill(self, scope: str) -> str:
        """Stop and close; what came of it."""
        ...

    def flatten(self) -> str:
        """Close everything, once; what came of it."""
        ...

    def flat(self, patience_s: float) -> bool:
        """Whether it is flat, at least within so many seconds."""
        ...


class AskedRun:
    """The run that goes on in a folder, asked over its socket.

    Parameters
    ----------
    folder : Path
        The run's folder. Another run that starts there is the one that is asked then.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def _run(self) -> RunInfo:
        return read_run(self._folder)

    def status(self) -> str:
        """How it is doing, in lines."""
        run = self._run
        found = ask(run, "status")
        money = "simulated" if run.simulated else "REAL MONEY"
        lines = [
            f"{', '.join(run.strategies)} on {run.venue} ({money}), {run.profile}",
            f"equity {found['equity']}, drawdown {found['drawdown']:.2%}, "
            f"today {found['daily_loss']:.2%}",
        ]
        for it, traded in zip(found["instruments"], run.instruments, strict=True):
            lines.append(_position(it, traded.lot_size, traded.tick_size))
        if stopping := latched(found):
            lines.append(f"STOPPED: {', '.join(stopping)} (released at the machine, not from here)")
        if found["share"] != 1:
            lines.append(f"{found['share']:.0%} of the risk budget may be used")
        if not found["account_known"]:
            lines.append("THE ACCOUNT IS NOT KNOWN: the connection to it does not stand")
        history = read_history(folder_of(self._folder) / "history.jsonl")
        lines.append(f"{len(_real(firing_of(history)))} alerts fire: /alerts")
        return "\n".join(lines)

    def alerts(self) -> str:
        """What fires, in lines."""
        history = read_history(folder_of(self._folder) / "history.jsonl")
        lines = [
            f"{it.id} {it.severity}: {it.summary} (seen by {seen_by(it, history) or 'nobody'})"
            for it in _real(firing_of(history))
        ]
        return "\n".join(lines) or "nothing fires"

    def acknowledge(self, ids: set[str], by: str) -> str:
        """Say that somebody has seen alerts."""
        done = acknowledge(folder_of(self._folder), ids, by=by)
        return f"acknowledged {', '.join(sorted(done))}" if done else "nothing fires"

    def share(self) -> Decimal:
        """What the operator lets be used of the risk budget."""
        found = dict(ask(self._run, "status")["restraints"])
        return Decimal(str(found.get("operator", 1)))

    def restrict(self, share: Decimal) -> None:
        """Let less of it be used."""
        ask(self._run, "restrict", f"operator={share:f}")

    def check(self, scope: str) -> None:
        """Whether there is such a scope."""
        scope_number(self._run, scope)

    def kill(self, scope: str) -> str:
        """Stop and close. Where nobody answers the file KILL is written, as from the dashboard."""
        run = self._run
        try:
            kept = bool(ask(run, "kill", scope_number(run, scope))["kept"])
        except FlyballError:
            if scope != "all":
                raise
            (self._folder / "KILL").touch()
            return "the run does not answer: the file KILL was written, it is killed when it does"
        return f"killed {scope}" if kept else f"killed {scope}: THAT IS NOT ON THE DISK YET"

    def flatten(self) -> str:
        """Close everything, once: trading goes on."""
        ask(self._run, "flatten")
        return "closing everything; trading goes on"

    def flat(self, patience_s: float) -> bool:
        """Whether it is flat, at least within so many seconds."""
        until = time.monotonic() + patience_s
        while True:
            found = ask(self._run, "status")
            if found["flat"] and not found["flattening"]:
                return True
            if time.monotonic() > until:
                return False
            time.sleep(_LOOK_S)


def _real(firing: list[Any]) -> list[Any]:
    return [it for it in firing if it.rule != "Watchdog"]


def _position(it: Mapping[str, Any], lot: Decimal, tick: Decimal) -> str:
    symbol, held = it["symbol"], it["position"] * lot
    if not held:
        return f"{symbol}: nothing held"
    stop = "NO STOP" if it["stop"] is None else f"stop {it['stop'] * tick:f}"
    mark = "" if it["mark"] is None else f" at {it['mark'] * tick:f}"
    return f"{symbol}: {held:+f}{mark}, {it['unrealised']}, {stop}"
