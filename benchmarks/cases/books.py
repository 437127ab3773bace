"""Books: a market maker, a callback on every update, the order's way there and back, memory."""

from cases.bench import Bench, less, told
from cases.data import Feed
from contest import Entrant
from flyball.domain import Wake
from rows import Row, row

NS, US = ("ns", 1e9), ("µs", 1e6)
NO_RISK = "no risk layer, strategies in numba only"
FEW_RULES = "checks of size, price, balance and rate only"
# Objects of these take much memory each: they get the first rows of the feed.
MOST_V2, MOST_V1 = 1_000_000, 300_000


def peers(wants: str, feed: Feed, most: tuple[int, int] = (MOST_V2, MOST_V1)) -> list[Entrant]:
    """The peers with the same strategy on the same rows."""
    rows, grid = str(feed.rows), (str(feed.tick), str(feed.lot))
    found = []
    for name, environment, many in (
        ("nautilus_trader", "nautilus_v2", most[0]),
        ("nautilus_trader v1", "nautilus_v1", most[1]),
    ):
        words = (f"peers.{environment}", wants, rows, str(min(many, feed.count)))
        found.append(Entrant(name=name, words=words, environment=environment, lacks=FEW_RULES))
    if wants in ("around", "cycle", "idle"):
        compiled = ("peers.hft", wants, rows, *grid)
        first = Entrant(
            name="hftbacktest", words=compiled, environment="hftbacktest", lacks=NO_RISK
        )
        found.insert(0, first)
    return found


def maker_rows(bench: Bench) -> list[Row]:
    """A market maker, its whole order path, on the synthetic feed and on a recording."""
    found = []
    feeds = [(f"feed:{bench.rows_of_feed}", bench.data.feed(bench.rows_of_feed))]
    if (recorded := bench.data.recorded) is not None:
        feeds.append(("recorded", recorded))
    else:
        bench.absent["the recorded book"] = f"{bench.data.shared} is absent"
    for what, feed in feeds:
        entrants = [
            Entrant(name="flyball", words=bench.ours("around", what), role="flyball"),
            Entrant(
                name="flyball, native strategy",
                words=bench.native("around", feed, Wake(every="100ms")),
                role="measure",
            ),
            *peers("around", feed),
        ]
        if what != "recorded":  # The sketch knows no snapshots in between, and one window.
            entrants.append(bench.floor("maker", feed.rows))
        outcomes = bench.play(f"market maker, {feed.title}", entrants)
        if (native := outcomes.get("flyball, native strategy")) is not None:
            native.rounds = [it | {"rows": feed.count} for it in native.rounds]
        title = f"{feed.title} book, {feed.count:,} rows"
        did = "; ".join(
            f"{name}: {it.last('orders')} orders, {it.last('fills')} fills of "
            f"{it.last('rows', feed.count):,} rows"
            for name, it in outcomes.items()
        )
        case = f"L2 market maker every 100 ms, {feed.title}"
        found.append(told(case, title, outcomes, NS, per="rows", goal=30, note=did))
        native_case = f"{case}, native strategy"
        found.append(
            told(
                native_case,
                title,
                outcomes,
                NS,
                per="rows",
                ours="flyball, native strategy",
                goal=30,
            )
        )
        peaks = {
            name: float(it.rounds[0]["peak_mb"])
            for name, it in outcomes.items()
            if it.entrant.role == "peer"
        }
        mine = outcomes.get("flyball")
        value = None if mine is None else float(mine.rounds[0]["peak_mb"])
        note = f"process with its data; nautilus on its first {MOST_V2:,} and {MOST_V1:,} rows"
        case = f"peak memory, {feed.title}"
        found.append(row(case, title, value, "MB", note, peers=peaks, goal=150))
    return found


def callback_rows(bench: Bench) -> list[Row]:
    """A Python callback on every update of the book."""
    feed = bench.data.feed(bench.rows_of_feed)
    outcomes = {}
    for wants in ("look", "quiet"):
        ours = bench.ours(wants, f"feed:{bench.rows_of_feed}")
        entrants = [Entrant(name="flyball", words=ours, role="flyball"), *peers(wants, feed)]
        outcomes[wants] = bench.play(f"callback, {wants}", entrants)
    title = f"{feed.title} book, {feed.count:,} rows"
    whole = told(
        "a run with a Python callback on every update, an update",
        title,
        outcomes["look"],
        NS,
        per="calls",
        note="ours is called once a message of several levels, nautilus once a level",
    )
    alone = less(outcomes["look"], outcomes["quiet"], per="calls")
    case, note = "Python callback on every update", "against a run that is not called"
    return [told(case, title, alone, NS, per="calls", goal=150, note=note), whole]


def order_rows(bench: Bench) -> list[Row]:
    """An order sent, answered, cancelled: against a run that only looks."""
    feed = bench.data.ticks
    ran = {}
    most = (50_000, 20_000)
    for wants, sketch in (("cycle", "cycle"), ("idle", "idle")):
        entrants = [
            Entrant(name="flyball", words=bench.ours(wants, "ticks"), role="flyball"),
            Entrant(
                name="flyball, native",
                words=bench.native(wants, feed, Wake(book=True)),
                role="measure",
            ),
            *peers(wants, feed, most),
            bench.floor(sketch, feed.rows),
        ]
        ran[wants] = bench.play(f"order cycle, {wants}", entrants)
        for outcome in ran[wants].values():
            outcome.rounds = [{"rows": feed.count} | it for it in outcome.rounds]
    alone = less(ran["cycle"], ran["idle"], per="orders")
    title = f"{feed.messages:,} updates, an order and a cancel at each"
    note = "the decision too: in Python here"
    python = told("order cycle from Python", title, alone, US, per="orders", goal=2, note=note)
    native = told(
        "order cycle, native", title, alone, US, per="orders", goal=0.3, ours="flyball, native"
    )
    return [native, python]
