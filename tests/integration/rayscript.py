"""A sweep on a Ray cluster of two nodes on this machine; what it came to as JSON.

Run by `test_sweep_cluster.py` in a process of its own: Ray leaves threads and warnings behind.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import flyball as fb
from flyball.trading.runtime.demo import synthetic_market
from tests.integration.test_screen import USERS, walked

_NODE: dict[str, Any] = {
    "num_cpus": 1,
    "object_store_memory": 80 * 2**20,
    "node_ip_address": "127.0.0.1",
}


def main(folder: Path) -> dict[str, Any]:
    """Two nodes, one of which goes away in the middle."""
    import ray
    from ray.cluster_utils import Cluster

    (folder / "market").mkdir()
    market = synthetic_market(folder / "market", seed=3, hours=2.0)
    seen = folder / "seen"
    seen.mkdir()
    strategy = folder / "held.py"
    strategy.write_text(
        "from pathlib import Path\n"
        "import os, ray\n"
        "import flyball as fb\n"
        f"if os.getpid() != {os.getpid()}:\n"
        f"    Path({str(seen)!r}, ray.get_runtime_context().get_node_id()).touch()\n"
        "class Held:\n"
        "    wake = fb.Wake(every='1m')\n"
        "    def __init__(self, lots):\n"
        "        self.lots = lots\n"
        "    def decide(self, view):\n"
        "        return fb.Target(self.lots)\n"
    )
    sweep = fb.Sweep(
        strategy=f"{strategy}:Held",
        grid=["lots=1..12:1"],
        data=market,
        profile="unprotected",
        cash=10_000,
        splits="walk_forward=2",
    )
    cluster = Cluster(
        initialize_head=True,
        head_node_args={**_NODE, "include_dashboard": False},
    )
    second = cluster.add_node(**_NODE)
    cluster.wait_for_nodes()
    gone = False

    def progress(done: int, total: int) -> None:
        nonlocal gone
        if done >= total // 2 and len(list(seen.iterdir())) == 2 and not gone:
            gone = True
            cluster.remove_node(second, allow_graceful=False)

    found = sweep.run(ray=cluster.address, progress=progress)
    nodes = len(list(seen.iterdir()))
    signals = _signals(folder)
    screened = signals.run(ray=cluster.address)
    ray.shutdown()
    cluster.shutdown()  # type: ignore[no-untyped-call, unused-ignore]
    here = sweep.run()
    return {
        "hash": found["hash"],
        "here": here["hash"],
        "trials": found["trials"]["made"],
        "nodes": nodes,
        "one_went_away": gone,
        "screened": screened["hash"],
        "screened_here": signals.run(jobs=2)["hash"],
        "confirmed": len(screened["screening"]["again"]),
    }


def _signals(folder: Path) -> fb.Sweep:
    """A function of bars, which is screened in the workers."""
    (folder / "bars").mkdir()
    path = folder / "mine.py"
    path.write_text(USERS)
    return fb.Sweep(
        strategy=f"{path}:cross",
        grid=["fast=2..9:1", "slow=20..60:10"],
        data=walked(folder / "bars"),
        profile="unprotected",
        cash=10_000,
        sizing=fb.Sizing.lots(100),
        splits="walk_forward=2",
        step="15m",
        confirm=2,
    )


if __name__ == "__main__":
    # A short path: sockets of Ray lie in it.
    with tempfile.TemporaryDirectory(prefix="fbray", ignore_cleanup_errors=True) as short:
        os.environ |= {
            "RAY_TMPDIR": short,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # 127.0.0.1, not the address of the machine
        }
        print(json.dumps(main(Path(sys.argv[1]))))
