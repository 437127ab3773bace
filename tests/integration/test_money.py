"""The venue's money against what was told of it, while a run goes on."""

import json
from decimal import Decimal
from pathlib import Path

from flyball.trading.runtime.local import LocalExchange
from flyball.trading.runtime.venue import account_worth, ask_venue
from tests.integration.conftest import Run
from tests.integration.livetools import running, wait_for


def test_money_of_which_no_ledger_tells_ends_new_risk_until_an_operator_has_looked(
    exchange: LocalExchange, tmp_path: Path, flyball: Run
) -> None:
    account = exchange.keys[0].account
    with running(exchange, tmp_path, "Holder") as run:
        run.wait_protected()
        found = run.wait_status(
            lambda it: it["connections"]["session"]["histories"] == 1,
            seconds=20,
            why="no history was read",
        )
        assert found["restraints"] == [], "it fits"
        wish = {"type": "transfer", "user": account, "usd": "-50", "untold": True}
        ask_venue(exchange.url, "/admin", wish)
        found = run.wait_status(
            lambda it: dict(it["restraints"]).get("ledger") == 0, seconds=60, why="not seen"
        )
        assert found["share"] == 0
        assert found["connections"]["session"]["money_differed"] == 1
        assert found["instruments"][0]["position"] == 400, "what is held stays, with its stop"
        assert found["instruments"][0]["stop"] is not None

        def counts_it() -> bool:
            worth, _ = account_worth(exchange.url, account)
            return abs(Decimal(run.status()["equity"]) - worth) < 5

        wait_for(counts_it, seconds=5, why="the venue's money is not counted")
        assert run.status()["drawdown"] > 0.004, "it is a loss"
        told = flyball("status", "--state", run.state)
        assert "flyball restrict 1 --source ledger" in told.stdout
        done = flyball("restrict", "1", "--source", "ledger", "--state", run.state, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["share"] == 1
        assert run.end()["flat_at_venue"] is True
