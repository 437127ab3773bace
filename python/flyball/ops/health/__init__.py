"""How the parts of a run are doing, why, and what a person can do."""

from flyball.ops.health.components import Component, Health, State, health
from flyball.ops.health.notify import Watchdog

__all__ = ["Component", "Health", "State", "Watchdog", "health"]
