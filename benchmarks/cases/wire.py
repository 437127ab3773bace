"""A message of the venue becomes a book."""

from cases.bench import Bench, told
from contest import Entrant
from rows import Row

US = ("µs", 1e6)


def decode_rows(bench: Bench) -> list[Row]:
    """Hyperliquid's l2Book."""
    path, title = bench.data.l2book
    words = (str(bench.data.binary), "decode", "BTC", str(path))

    def peer(name: str, lacks: str) -> Entrant:
        asked = ("peers.wire", name, str(path))
        return Entrant(name=name, words=asked, environment="wire", lacks=lacks)

    unchecked = "floats, nothing is checked"
    entrants = [
        Entrant(name="flyball", words=words, role="flyball"),
        peer("msgspec", unchecked),
        peer("orjson", unchecked),
        peer("sdk", unchecked),
        peer("ccxt", unchecked),
        bench.floor("l2book", path),
    ]
    outcomes = bench.play("l2Book", entrants)
    mine = outcomes.get("flyball")
    note = "" if mine is None else f"{mine.last('bytes'):,.0f} bytes a message"
    return [told("l2Book decode + book", title, outcomes, US, per="messages", goal=0.9, note=note)]
