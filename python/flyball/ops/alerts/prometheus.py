"""The same rules as a file for Prometheus."""

import json
from collections.abc import Iterable

from flyball.ops.alerts.rules import RULES, Rule

__all__ = ["rules_yaml"]

_HEAD = """\
# Written by `flyball alerts rules --prometheus` from flyball.ops.alerts.rules: change them there.
groups:
  - name: flyball
    interval: 1s
    rules:
"""


def rules_yaml(rules: Iterable[Rule] = RULES) -> str:
    """The rules as YAML, as Prometheus loads them."""
    return _HEAD + "".join(_one(rule) for rule in rules)


def _one(rule: Rule) -> str:
    # A string of JSON is one of YAML.
    lines = [
        f"      - alert: {rule.name}",
        f"        expr: {json.dumps(rule.expression.promql())}",
        f"        for: {rule.for_s:g}s",
        "        labels:",
        f"          severity: {rule.severity}",
        "        annotations:",
        f"          summary: {json.dumps(rule.template())}",
        f"          action: {json.dumps(_action(rule))}",
    ]
    return "\n".join(lines) + "\n"


def _action(rule: Rule) -> str:
    return rule.action.replace("{switch}", "{{ $labels.switch }}")
