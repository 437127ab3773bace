"""Where the instructions of a backtest go: a table by room, and a flamegraph.

The same walk as the budgets', with line tables kept, so that code that the compiler has moved into
its caller still counts for the room that it was written in.
"""

import json
import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

from cases.bench import Bench
from instructions import callgrind, paths
from peers.environments import Unavailable
from rows import Row, console, row

ROOT = Path(__file__).parents[2]
CALLERS = 20
# Functions of `src/paths.rs`, what one of them is about, and what its walk says it counts by.
WALKS = {
    "path_backtest": ("a row in a backtest", "rows"),
    "path_market": ("levels or a trade in the engine", "market"),
    "path_decision": ("a decision in the engine", "decisions"),
    "path_decode": ("a book message decoded and applied", "books"),
}
_FILE = re.compile(r"(?:crates/)?(\w+)/src/(\w+)(?:\.rs|/)")
_SYMBOL = re.compile(r"\bflyball_(\w+?)::(\w+)")
_HASH = re.compile(r"::h[0-9a-f]{16}\b")


def rows_by_room(counted: callgrind.Counted, per: float) -> list[tuple[str, float]]:
    """Instructions of each room, divided by `per`, the largest first."""
    rooms: dict[str, int] = defaultdict(int)
    for (context, file), cost in counted.own.items():
        rooms[room(context, file)] += cost
    return sorted(((name, cost / per) for name, cost in rooms.items()), key=lambda it: -it[1])


def room(context: tuple[str, ...], file: str) -> str:
    """Where code was written: by its file; library code by who called it."""
    if (found := _FILE.search(file)) and "/rustc/" not in file and "registry" not in file:
        return f"{found[1]}: {found[2]}"
    for name in context:
        if found := _SYMBOL.search(name):
            return f"{found[1]}: {found[2]}"
    return "outside"


def folded(counted: callgrind.Counted, walk: str) -> list[str]:
    """A line a stack, the outermost frame first, and its own instructions."""
    stacks: dict[str, int] = defaultdict(int)
    for (context, file), cost in counted.own.items():
        frames = [_shown(name) for name in reversed(context)]
        # What started it is the same for all.
        first = next((at for at, name in enumerate(frames) if walk in name), 0)
        frames = [*frames[first:], f"[{room(context, file)}]"]
        stacks[";".join(frames)] += cost
    return [f"{stack} {cost}" for stack, cost in sorted(stacks.items()) if cost]


def _shown(name: str) -> str:
    """A symbol without the hash and the crate that all of them have."""
    return _HASH.sub("", name).replace(";", ",").replace("flyball_core::", "")


def _build(folder: Path) -> Path:
    """The same release build, linked with its line tables."""
    words = ["cargo", "rustc", "--release", "--locked", "--quiet", "-p", "flyball-benchmarks"]
    words += ["--bin", "flyball-bench", "--", "-C", "strip=none"]
    subprocess.run(words, cwd=ROOT, check=True)
    binary = folder / "flyball-bench"
    shutil.copy2(ROOT / "target" / "release" / "flyball-bench", binary)
    return binary


def stage_rows(bench: Bench) -> list[Row]:
    """A table for each walk; its picture lies in runs/."""
    binary = _build(bench.scratch)
    rows = []
    for walk, (title, per) in WALKS.items():
        console.print(f"counting instructions of {title} …", style="dim")
        try:
            rows += _walked(bench, binary, walk, title, per)
        except Unavailable as error:
            bench.absent[f"stages of {title}"] = str(error)
    return rows


def _walked(bench: Bench, binary: Path, walk: str, title: str, per: str) -> list[Row]:
    out = bench.scratch / "stages.out"
    options = ("--dump-line=yes", f"--separate-callers={CALLERS}", f"--toggle-collect=*{walk}*")
    with paths.words(binary) as words:
        counted, printed = callgrind.run(words, out, *options)
    many = float(json.loads(printed)[per])
    picture = ROOT / "runs" / f"flamegraph-{walk.removeprefix('path_')}.svg"
    picture.parent.mkdir(exist_ok=True)
    lines = bench.scratch / "folded.txt"
    lines.write_text("\n".join(folded(counted, walk)) + "\n")
    subprocess.run(
        [binary, "flame", lines, picture, f"Instructions of {title}, all rules on"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    total = sum(counted.own.values()) / many
    data = f"instructions of {title}: {total:,.0f}; {picture.relative_to(ROOT)}"
    return [
        row(name, data, cost, "instr.", f"{cost / total:.1%}")
        for name, cost in rows_by_room(counted, many)
        if cost / total >= 0.005
    ]
