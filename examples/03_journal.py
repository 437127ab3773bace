"""A journal: everything that came in and went out, replayed to the same commands and state.

python examples/03_journal.py
"""

import tempfile
from pathlib import Path

import flyball as fb


def main() -> None:
    """Run with a journal, replay it, then damage it and see that it is found."""
    with tempfile.TemporaryDirectory() as folder:
        market = fb.synthetic_market(Path(folder), seed=3, hours=1)
        journal = Path(folder) / "journal"
        result = fb.backtest(
            fb.MeanReversion(period=30),
            data=market,
            profile="emergency",
            cash=10_000,
            sizing=fb.Sizing.risk_fraction(0.002),
            journal=journal,
        )
        replayed = fb.replay(journal)
        print(f"{replayed.events:,} events gave the same {replayed.commands:,} commands")
        print("same state:", replayed.state_hash == result.state_hash)

        segment = journal / "000000.fbj"
        data = bytearray(segment.read_bytes())
        data[len(data) // 2] ^= 1
        segment.write_bytes(data)
        try:
            fb.replay(journal)
        except fb.JournalError as error:
            print("after one flipped bit:", str(error).replace(f"{folder}/", ""))


if __name__ == "__main__":
    main()
