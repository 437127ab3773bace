"""The highest rate of messages and updates in the recordings: `python benchmarks/peak.py`.

Any second counts, not only whole ones, by the recorder's clock. An update is a level of a book that
changes, a best price, or a trade. Of other formats than that of Binance's collector the peaks are
lower (Coinbase's whole book: 548 updates in a second), or they are too short to have one.
"""

import gzip
import json
import os
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rows import console

SHARED = Path(os.environ.get("FLYBALL_SHARED", Path(__file__).parents[2] / "shared" / "data"))
_SECOND_NS = 1_000_000_000
_KINDS = {"depth": "books", "bookTicker": "touches", "trade": "trades"}
_MICROSECONDS = 16  # digits of a time in older recordings


@dataclass(frozen=True, kw_only=True, slots=True)
class Peak:
    """The busiest second of a recording: messages of each kind, and updates in them."""

    recording: str
    kinds: dict[str, int]
    updates: int

    @property
    def messages(self) -> int:
        """All messages of that second."""
        return sum(self.kinds.values())


def lines(folder: Path) -> Iterator[tuple[int, str, int]]:
    """Receive time in UTC nanoseconds, kind, and updates of each message."""
    for path in sorted(folder.glob("*.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                at, _, text = line.partition(" ")
                found = json.loads(text)
                kind = _KINDS.get(found.get("stream", "@").split("@")[1])
                if kind is not None:
                    data = found["data"]
                    levels = len(data["b"]) + len(data["a"]) if kind == "books" else 1
                    yield int(at) * (1000 if len(at) == _MICROSECONDS else 1), kind, levels


def peak(folder: Path) -> Peak | None:
    """The second with the most messages; `None` of a recording in another format."""
    window: deque[tuple[int, str, int]] = deque()
    kinds: Counter[str] = Counter()
    updates, best = 0, None
    for at, kind, levels in lines(folder):
        window.append((at, kind, levels))
        kinds[kind] += 1
        updates += levels
        while window[0][0] <= at - _SECOND_NS:
            _, old, gone = window.popleft()
            kinds[old] -= 1
            updates -= gone
        if best is None or len(window) > best.messages:
            best = Peak(recording=folder.name, kinds=dict(kinds), updates=updates)
    return best


def highest() -> Peak:
    """The busiest second of all recordings."""
    folders = sorted((SHARED / "books").glob("binance_*"))
    found = [each for folder in folders if (each := peak(folder)) is not None]
    if not found:
        raise SystemExit(f"{SHARED}/books: no recordings: the peak is measured in them")
    return max(found, key=lambda it: it.messages)


def main() -> None:
    """Print the peak of each."""
    for folder in sorted((SHARED / "books").glob("binance_*")):
        found = peak(folder)
        if found is not None:
            shown = {"messages": found.messages, "updates": found.updates, **found.kinds}
            console.print(f"{found.recording:<36} {shown}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
