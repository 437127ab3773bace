"""The programme that walks the hot paths, and what it walks on: synthetic and seeded."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import flyball as fb
from cases.data import bitcoin
from flyball.config.profile import profile
from flyball.config.run import Sim
from flyball.domain import Dataset
from flyball.trading.runtime.plan import engine_config, recorded_market, sim_config


class Quoting:
    """Woken every 100 ms, with features that listen to levels and trades."""

    wake = fb.Wake(every="100ms")
    micro = fb.Feature("microprice")
    imbalance = fb.Feature("imbalance", levels=5)
    spread = fb.Feature("spread")
    flow = fb.Feature("order_flow_imbalance", window=100)

    def decide(self, view: fb.View) -> None:
        """Nothing: the native strategy decides."""


@contextmanager
def words(binary: Path) -> Iterator[list[str]]:
    """The command, while its configuration is there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        feed = Dataset(
            name="paths",
            folder=folder,
            instrument=bitcoin(),
            contents="book",
            first_ns=0,
            last_ns=0,
            events=0,
        )
        engine, sim = folder / "engine.json", folder / "sim.json"
        config = engine_config(
            Quoting(),
            market=recorded_market(feed),
            profile=profile("emergency"),
            cash=Decimal(10_000_000),
            sizing=None,
        )
        assumed = Sim(queue="probability", order_latency="5ms", report_latency="5ms")
        engine.write_text(json.dumps(config))
        sim.write_text(json.dumps(sim_config(assumed, feed)))
        yield [str(binary), "paths", str(engine), str(sim)]
