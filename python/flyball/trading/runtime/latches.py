"""What stops trading until a person releases it, and whether that was done."""

import time
from collections.abc import Mapping
from typing import Any

from flyball.trading.runtime.runs import RunInfo, ask

__all__ = ["CLEARS", "clears", "latched", "wait_released", "why_not"]

_LOOK_S = 0.02
_ANSWER_S = 5.0

CLEARS: Mapping[str, str] = {
    "operator": "the operator's kill of everything: strategies may trade again",
    "drawdown": "the drawdown switch: trading goes on, and the peak is counted from here",
    "emergency": "the emergency switch: trading goes on, and the peak is counted from here",
    "daily_loss": "the daily loss switch: not before the next UTC day",
    "leverage": "the leverage switch, which also releases itself",
    "margin": "the margin switch, which also releases itself",
}


def clears(name: str) -> str:
    """What releasing one of `latched` clears, in words."""
    return CLEARS.get(name, f"the kill of {name}: one strategy an instrument, both go on")


def latched(status: Mapping[str, Any]) -> list[str]:
    """What stops trading until somebody releases it: switches, "operator", "instrument:XRP"."""
    names = [str(name) for name, _ in status["tripped"] if name != "position_loss"]
    locked = [f"instrument:{it['symbol']}" for it in status["instruments"] if it["locked"]]
    return ["operator"] * bool(status["killed"]) + names + locked


def wait_released(run: RunInfo, name: str, *, since_ns: int) -> tuple[bool, list[str]]:
    """Wait for the engine's word after both steps: whether it is released, and what is not."""
    until = time.monotonic() + _ANSWER_S
    left = latched(ask(run, "status"))
    while time.monotonic() < until and name in left:
        found = ask(run, "status")
        refused = any(
            time_ns >= since_ns and "ResetRefused" in notice for time_ns, notice in found["notices"]
        )
        left = latched(found)
        if refused:
            break
        time.sleep(_LOOK_S)
    return name not in left, left


def why_not(status: Mapping[str, Any], name: str) -> str:
    """Why the engine would not release it, as it stands."""
    if not status["flat"]:
        return "the account is not flat (`flyball kill` closes it)"
    if any(it["closing"] for it in status["instruments"]):
        return "something is being closed"
    if not status["account_known"] or status["equity"] == "unknown":
        return "what the account is worth is not known"
    if name == "daily_loss":
        return "it is still the day on which it tripped (UTC)"
    return "the engine refused"
