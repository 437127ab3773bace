"""Bars: a cross of two averages over a year of minutes, and a thousand pairs of them."""

from cases.bench import Bench, told
from cases.data import BARS
from contest import Entrant
from rows import Row

MS, US = ("ms", 1e3), ("µs", 1e6)
SIGNALS = "signals worked out before, no book, venue or rules"
PAIRS_FLYBALL, PAIRS_RAPTOR, PAIRS_VECTOR = 2, 200, 60


def _peer(name: str, environment: str, what: tuple[str, ...], lacks: str) -> Entrant:
    words = ("peers.crosses", name, *what)
    return Entrant(name=name, words=words, environment=environment, lacks=lacks)


def bar_rows(bench: Bench) -> list[Row]:
    """One pair, with what each gives of statistics; and what a bar costs where Python is called."""
    arrays, _ = bench.data.bars()
    path = str(arrays)
    what = f"bars:{BARS}"
    ours = {
        "flyball": "bars",
        "flyball, signals from the tape on": "screen",
        "flyball, signals": "signals",
    }
    entrants = [
        *(
            Entrant(name=name, words=bench.ours(wants, what), role="flyball")
            for name, wants in ours.items()
        ),
        _peer("raptorbt", "raptorbt", ("bars", path), SIGNALS),
        _peer("vectorbt", "vectorbt", ("bars", path), SIGNALS),
        _peer("raptorbt-class", "raptorbt", ("bars", path), "no rules"),
        Entrant(
            name="nautilus_trader",
            words=("peers.nautilus_v2", "bars", path),
            environment="nautilus_v2",
        ),
        _peer("backtesting", "backtesting", ("bars", path), "no rules"),
        bench.floor("bars", arrays.with_name("close.bin")),
    ]
    outcomes = bench.play("bars", entrants)
    title = f"SMA 50/200 cross, {BARS:,} one-minute bars"
    trades = ", ".join(f"{name} {it.last('trades')}" for name, it in outcomes.items())
    notes = {
        "flyball": (
            "through the engine",
            "all of a run: book, venue, every rule; a path in each bar",
        ),
        "flyball, signals from the tape on": (
            "signals, from the tape on",
            "reading the bars and both averages included",
        ),
        "flyball, signals": ("signals", "bars and averages from an earlier round, as the peers'"),
    }
    whole = [
        told(
            f"bars with statistics, {case}",
            title,
            outcomes,
            MS,
            per="once",
            goal=4,
            note=f"{note}; trades: {trades}",
            ours=name,
        )
        for name, (case, note) in notes.items()
    ]
    called = {
        name: it
        for name, it in outcomes.items()
        if name in ("flyball", "raptorbt-class", "nautilus_trader", "backtesting")
    }
    note = "the whole run by its bars; ours walks a path within each bar"
    each = told("Python on_bar, a bar", title, called, US, per="bars", goal=0.25, note=note)
    return [*whole, each]


def sweep_rows(bench: Bench) -> list[Row]:
    """A thousand pairs: processor time, and the wall on as many cores as each one uses."""
    arrays, _ = bench.data.bars()
    path = str(arrays)
    one = bench.ours("pairs", f"bars:{BARS}")
    entrants = [
        Entrant(name="flyball", words=bench.ours("screen-pairs", f"bars:{BARS}"), role="flyball"),
        Entrant(name="flyball, engine", words=(*one, str(PAIRS_FLYBALL)), role="flyball", rounds=1),
        _peer("raptorbt", "raptorbt", ("sweep", path, str(PAIRS_RAPTOR)), SIGNALS),
        _peer("vectorbt", "vectorbt", ("sweep", path, str(PAIRS_VECTOR)), SIGNALS),
        bench.floor("sweep", arrays.with_name("close.bin")),
    ]
    outcomes = bench.play("sweep of 1 000 pairs", entrants)
    title = f"SMA cross, {BARS:,} bars, 1 000 pairs"
    scaled = f"peers scaled from {PAIRS_RAPTOR} (raptorbt) and {PAIRS_VECTOR} (vectorbt) pairs"
    seconds = ("s", 1e3)
    all_of_it = f"all pairs, as signals, from the tape on; {scaled}"
    engine = f"scaled from {PAIRS_FLYBALL} pairs; {scaled}"
    return [
        told("1 000-pair sweep, CPU", title, outcomes, seconds, per="pairs", note=all_of_it),
        told(
            "1 000-pair sweep through the engine, CPU",
            title,
            outcomes,
            seconds,
            per="pairs",
            note=engine,
            ours="flyball, engine",
        ),
        told(
            "1 000-pair sweep, wall",
            title,
            outcomes,
            seconds,
            per="pairs",
            key="wall_s",
            goal=0.8,
            note=f"{all_of_it}; Flyball and raptorbt use all cores, the others one",
        ),
    ]
