"""Where the instructions of a backtest go: a table by room, and a flamegraph.

The same walk as the budgets', with line tables kept, so that code that the compiler has moved into
its caller still counts for the room that it was written in.
"""

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
WALK = "path_backtest"
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


def folded(counted: callgrind.Counted) -> list[str]:
    """A line a stack, the outermost frame first, and its own instructions."""
    stacks: dict[str, int] = defaultdict(int)
    for (context, file), cost in counted.own.items():
        frames = [_shown(name) for name in reversed(context)]
        # What started it is the same for all.
        first = next((at for at, name in enumerate(frames) if WALK in name), 0)
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
    """The table; the picture lies in runs/flamegraph.svg."""
    console.print("counting instructions by stage …", style="dim")
    binary = _build(bench.scratch)
    out = bench.scratch / "stages.out"
    options = ("--dump-line=yes", f"--separate-callers={CALLERS}", f"--toggle-collect=*{WALK}*")
    try:
        with paths.words(binary) as words:
            counted, printed = callgrind.run(words, out, *options)
    except Unavailable as error:
        bench.absent["stages"] = str(error)
        return []
    many = float(re.findall(r'"rows":(\d+)', printed)[0])
    picture = ROOT / "runs" / "flamegraph.svg"
    picture.parent.mkdir(exist_ok=True)
    lines = bench.scratch / "folded.txt"
    lines.write_text("\n".join(folded(counted)) + "\n")
    title = "A backtest with all rules on, by instructions"
    subprocess.run([binary, "flame", lines, picture, title], check=True, stdout=subprocess.DEVNULL)
    console.print(f"flamegraph: {picture.relative_to(ROOT)}")
    total = sum(counted.own.values()) / many
    data = f"instructions a row of the feed; whole {total:,.0f}; {picture.relative_to(ROOT)}"
    return [
        row(name, data, cost, "instr.", f"{cost / total:.1%}")
        for name, cost in rows_by_room(counted, many)
        if cost / total >= 0.005
    ]
