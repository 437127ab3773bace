"""A contestant: gets ready, says so, and does its work once for every line that it reads.

Runs in a peer's own interpreter: nothing but the standard library here.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any


def peak_mb() -> float:
    """The most memory that this process ever had."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
        for line in status:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return float("nan")


def serve(work: Callable[[], Mapping[str, Any]], *packages: str) -> None:
    """Do the work for every line of standard input; figures of its own win over those here."""
    out = sys.stdout
    sys.stdout = sys.stderr  # What libraries print is no figure.
    versions = {name: version(name) for name in packages}
    print(json.dumps({"ready": True, "versions": versions}), file=out, flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        told = dict(work())
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        figures = {"cpu_s": cpu, "wall_s": wall, "peak_mb": peak_mb()} | told
        print(json.dumps(figures), file=out, flush=True)
