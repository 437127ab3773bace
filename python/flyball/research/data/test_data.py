"""The catalogue from a small recording: names, questions to its tables, what is known when."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from flyball.errors import DataError
from flyball.research.data import Catalogue
from flyball.research.data.query import as_of, connect
from flyball.research.data.recognise import recognise

START = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
BARS = """open_time,open,high,low,close,volume
1700000000000,2.0,2.2,1.9,2.1,100
1700000060000,2.1,2.3,2.0,2.2,200
1700000120000,2.2,2.2,1.8,1.9,300
1700000300000,1.9,2.0,1.9,2.0,50
"""


def bars_file(folder: Path, name: str = "XRPUSDT_1m.csv.gz") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(gzip.compress(BARS.encode()))
    return path


def trades_file(folder: Path) -> Path:
    """Trades in Binance's raw layout: two are received at the same moment."""
    received = [0, 1, 1, 3]
    lines = []
    for number, second in enumerate(received):
        data = {
            "e": "trade", "E": (START + second * SECOND) // 10**6, "s": "XRPUSDT",
            "T": (START + second * SECOND) // 10**6, "t": number + 1, "p": f"2.{number}",
            "q": "10", "X": "MARKET", "m": False,
        }  # fmt: skip
        line = json.dumps({"stream": "xrpusdt@trade", "data": data})
        lines.append(f"{START + second * SECOND} {line}\n")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "xrpusdt_usdm_20231114.gz"
    path.write_bytes(gzip.compress("".join(lines).encode()))
    return path


def test_a_file_becomes_a_dataset_that_is_found_by_name(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "catalogue")
    (done,) = catalogue.import_path(bars_file(tmp_path / "binance_usdm_bars"))
    assert done.fresh
    dataset = catalogue.get(done.dataset.name)
    assert dataset == done.dataset
    assert (dataset.contents, dataset.events, dataset.interval_ns) == ("bars", 4, 60 * SECOND)
    assert (dataset.instrument.symbol, dataset.instrument.kind) == ("XRPUSDT", "linear")
    (again,) = catalogue.import_path(tmp_path / "binance_usdm_bars" / "XRPUSDT_1m.csv.gz")
    assert not again.fresh
    report = catalogue.check(dataset.name)
    assert report["verified_events"] == 4
    assert [finding["kind"] for finding in report["findings"]] == ["missing_bar"]


def test_an_unknown_name_is_told_with_the_nearest(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "catalogue")
    catalogue.import_path(bars_file(tmp_path / "binance_usdm_bars"), name="ripple")
    with pytest.raises(DataError, match="near are ripple"):
        catalogue.get("riple")


def test_tables_answer_sql(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "catalogue")
    (done,) = catalogue.import_path(bars_file(tmp_path / "binance_usdm_bars"))
    row = connect(done.dataset).execute("select count(*), max(high), min(low) from bars")
    assert row.fetchone() == (4, 2.3, 1.8)


def test_as_of_tells_what_was_received_and_no_more(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "catalogue")
    (done,) = catalogue.import_path(trades_file(tmp_path / "binance_usdm_trades"))
    asked = START + np.array([-1, 0, SECOND - 1, SECOND, 2 * SECOND, 9 * SECOND])
    found = as_of(done.dataset, asked, table="trades")
    price = np.ma.asarray(found["price"])
    assert np.ma.getmaskarray(price).tolist() == [True, False, False, False, False, False]
    assert price[1:].tolist() == [2.0, 2.0, 2.2, 2.2, 2.3], "of two at once the last counts"
    with pytest.raises(DataError, match="it has trades"):
        as_of(done.dataset, asked, table="funding")


def test_a_bar_is_not_known_before_it_is_over(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "catalogue")
    (done,) = catalogue.import_path(bars_file(tmp_path / "binance_usdm_bars"))
    end = START + 60 * SECOND
    found = as_of(done.dataset, [end - 1, end], table="bars")
    assert np.ma.getmaskarray(np.ma.asarray(found["close"])).tolist() == [True, False]
    assert np.ma.asarray(found["close"])[1] == 2.1


def test_what_is_in_a_file_is_recognised_by_its_content(tmp_path: Path) -> None:
    assert recognise(trades_file(tmp_path / "some_usdm"))[0].format == "binance"
    capture = tmp_path / "capture"
    capture.write_text('wss://ws.kraken.com <-> 1618678132.38\n1618678132.8: {"event":"x"}\n')
    assert recognise(capture)[0].format == "kraken_capture"
    capture.write_text('wss://ws-feed.pro.coinbase.com <-> 1.5\n1.5: {"type":"x"}\n')
    assert recognise(capture)[0].format == "coinbase_capture"
    capture.write_text('wss://stream.binance.com:9443/x <-> 1.5\n1.5: {"stream":"x"}\n')
    with pytest.raises(DataError, match=r"capture of stream\.binance\.com"):
        recognise(capture)
    capture.write_text("nothing that anybody knows\n")
    with pytest.raises(DataError, match="not recognised"):
        recognise(capture)
