"""`flyball trace`: the life of each order of a run, from its journal."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table

from flyball.ops.cli import console
from flyball.ops.logs import Life, lives, to_otlp
from flyball.ops.report.formats import clock, duration

__all__ = ["trace"]


def trace(
    journal: Annotated[Path, Parameter(help="A journal's folder, as `flyball status` names it.")],
    *,
    order: Annotated[int | None, Parameter(help="Only this order, step by step.")] = None,
    otlp: Annotated[
        str, Parameter(help="Send spans to a collector: http://127.0.0.1:4318/v1/traces.")
    ] = "",
    json: Annotated[bool, Parameter(help="Print one JSON object.")] = False,
) -> int:
    """Show what became of each order, and how long each step took.

    Example: flyball trace runs/demo-7/protected/run-000001 --order 3
    """
    if otlp:
        console.out.print(f"sent {to_otlp(journal, otlp)} orders to {otlp}", markup=False)
        return 0
    found = [it for it in lives(journal) if order is None or it.order == order]
    if json:
        console.print_json({"orders": [_row(it) for it in found]})
    elif order is None:
        console.out.print(_table(found))
    else:
        for life in found:
            _steps(life)
    return 0


def _row(life: Life) -> dict[str, Any]:
    return {
        "order": life.order,
        **life.about,
        "woken_ns": life.woken_ns,
        "end": life.end,
        "ended_ns": life.ended_ns,
        "steps": [
            {"what": it.what, "event": it.event, "time_ns": it.time_ns, **it.about}
            for it in life.steps
        ],
    }


def _table(found: list[Life]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("began", "order", "for", "side", "qty", "price", "end", "after"):
        table.add_column(name, justify="right" if name in ("order", "qty", "price") else "left")
    for it in found:
        about = it.about
        lasted = "" if it.ended_ns is None else duration(max(0, it.ended_ns - it.began_ns))
        end = f"{it.end} ({about['rule']})" if "rule" in about else it.end
        table.add_row(
            clock(it.began_ns),
            str(it.order),
            about["purpose"],
            about["side"],
            str(about["qty"]),
            str(about["price"]),
            end,
            lasted,
        )
    return table


def _steps(life: Life) -> None:
    before = life.began_ns
    if life.woken_ns is not None:
        console.out.print(f"{clock(life.woken_ns)} the strategy was woken", markup=False)
    for step in life.steps:
        took = duration(max(0, step.time_ns - before))
        about = ", ".join(
            f"{key} {value}" for key, value in step.about.items() if value is not None
        )
        console.out.print(
            f"{clock(step.time_ns)} +{took:<10} event {step.event:<8} {step.what}: {about}",
            markup=False,
        )
        before = step.time_ns
