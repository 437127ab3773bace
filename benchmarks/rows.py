"""A line of the benchmark table."""

from typing import Any

from rich.console import Console

Row = dict[str, Any]
console = Console()


def row(case: str, data: str, value: float, unit: str, note: str = "") -> Row:
    return {
        "case": case,
        "data": data,
        "flyball": value,
        "unit": unit,
        "peers": {},
        "ratio_best_peer": None,
        "floor": None,
        "note": note,
    }
