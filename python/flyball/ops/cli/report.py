"""`flyball report`: reports that a run wrote of its flattens."""

import json as json_of
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from flyball import _core
from flyball.errors import JournalError
from flyball.ops.cli import console

__all__ = ["app", "verify"]

app = App(name="report", help="Reports that a run wrote of its flattens.")


@app.command
def verify(
    files: Annotated[list[Path], Parameter(help="Reports: <state>/reports/flatten-NNNNNN.json.")],
    *,
    signer: Annotated[
        str, Parameter(help="The agent's address that must have signed them; any by default.")
    ] = "",
    json: Annotated[bool, Parameter(help="Print one JSON object.")] = False,
) -> int:
    """Verify that reports say what was signed, and that none before them was changed or removed.

    Exit code 0 when all are, 4 when one is not.

    Example: flyball report verify runs/live/local-0x…/reports/flatten-000001.json
    """
    found = []
    for path in files:
        told: dict[str, Any] = json_of.loads(_core.verify_report(path))
        if signer and told["signer"].lower() != signer.lower():
            raise JournalError(f"{path}: signed by {told['signer']}, not by {signer}")
        found.append({"file": path, **told})
    if json:
        console.print_json({"verified": found})
        return 0
    for each in found:
        report = each["report"]
        before = "the first one" if each["chained"] is None else "the one before it is unchanged"
        console.table(
            f"{each['file']}: verified",
            [
                ("signed by", each["signer"]),
                ("number", f"{report['number']}, {before}"),
                ("outcome", f"{report['outcome']} after {report['took_ns'] / 1e6:,.1f} ms"),
                ("reason", f"{report['reason']}, by {report['trigger']}"),
                ("closing orders", str(len(report["attempts"]))),
                ("cost against mark", f"{report['cost_against_mark']}, fees {report['fees']}"),
                ("journal", str(report["journal_hash"] or "its hash was not to be had")),
            ],
        )
    return 0
