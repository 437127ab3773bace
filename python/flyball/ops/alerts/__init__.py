"""Rules about metrics, and telling people: once, together, again, until somebody has seen it."""

from flyball.ops.alerts.delivery import Delivery, check
from flyball.ops.alerts.manager import (
    Alert,
    Manager,
    Message,
    Timing,
    acknowledge,
    firing_of,
    read_history,
    seen_by,
)
from flyball.ops.alerts.prometheus import rules_yaml
from flyball.ops.alerts.rules import RULES, Rule
from flyball.ops.alerts.watch import AlertWatch, delivery_state, folder_of

__all__ = [
    "RULES",
    "Alert",
    "AlertWatch",
    "Delivery",
    "Manager",
    "Message",
    "Rule",
    "Timing",
    "acknowledge",
    "check",
    "delivery_state",
    "firing_of",
    "folder_of",
    "read_history",
    "rules_yaml",
    "seen_by",
]
