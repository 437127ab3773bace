"""Less of the risk budget: by an operator, by a forecast, beyond a restart, and let go."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from flyball.config.keys import Keys
from flyball.domain import Target, View, Wake
from flyball.errors import ConfigError
from flyball.trading.runtime.canary import Canary
from flyball.trading.runtime.live import LiveSession
from flyball.trading.runtime.local import LocalExchange
from tests.integration.conftest import Run
from tests.integration.livetools import running, wait_for


class Grower:
    """Wants a little more at every decision."""

    wake = Wake(every="100ms")

    def decide(self, view: View) -> Target:
        return Target(view.position + 10)


def mode(session: LiveSession) -> str:
    return str(session.status()["instruments"][0]["mode"])


def test_a_predicted_failure_stops_new_risk_and_a_restart_lets_go_of_nothing(
    tmp_path: Path,
) -> None:
    with LocalExchange(seed=3) as exchange:

        def session(keys: Keys | None = None) -> LiveSession:
            return LiveSession(
                Grower(),
                venue=exchange,
                keys=keys,
                instrument="XRP",
                profile="emergency",
                state=tmp_path,
                tell=lambda _text: None,
            )

        first = session().start()
        wait_for(
            lambda: first.status()["instruments"][0]["position"] > 0, seconds=20, why="never grew"
        )
        first.restrict(0, source="prediction")
        wait_for(lambda: mode(first) == "reduce_only", seconds=5, why="not reduce-only")
        held = first.status()["instruments"][0]["position"]
        asked = first.status()["strategies"][0]["asked"]
        wait_for(
            lambda: first.status()["strategies"][0]["asked"] > asked + 5, seconds=10, why="asleep"
        )
        assert first.status()["instruments"][0]["position"] <= held, "and none was added"
        first.restrict("0.5")
        with pytest.raises(ConfigError, match="WHO=SHARE, of 0 to 1"):
            first.restrict(2)
        with pytest.raises(ConfigError, match="WHO=SHARE"):
            first.restrict(Decimal("-0.1"))
        both = [["operator", 0.5], ["prediction", 0.0]]
        wait_for(lambda: first.status()["restraints"] == both, seconds=5, why="not both")
        assert first.status()["share"] == 0.0
        first.stop()
        again = session().start()
        assert again.status()["restraints"] == both
        again.restrict(1, source="prediction")
        wait_for(lambda: again.status()["share"] == 0.5, seconds=5, why="not let go")
        again.restrict(1)
        wait_for(lambda: mode(again) == "normal", seconds=10, why="not normal")
        again.stop()


def test_an_operator_restricts_a_run_from_another_process(tmp_path: Path, flyball: Run) -> None:
    with (
        LocalExchange(seed=3, admin=True, limits={"weight_per_minute": 1_000_000}) as exchange,
        running(exchange, tmp_path, "Holder") as run,
    ):
        run.wait_protected()
        done = flyball("restrict", "0.25", "--state", run.state, "--json")
        assert done.returncode == 0, done.stderr
        run.wait_status(lambda it: it["share"] == 0.25, seconds=5, why="not restricted")
        said = json.loads(done.stdout)
        assert set(said) == {"share", "restraints", "folder"}
        wrong = flyball("restrict", "all", "--state", run.state)
        assert wrong.returncode == 2
        assert "of 0 to 1" in wrong.stderr
        assert run.status()["share"] == 0.25


def test_a_strategy_that_is_new_on_an_account_begins_small(tmp_path: Path) -> None:
    told: list[str] = []
    with LocalExchange(seed=3) as exchange:
        for begins in (0.1, 1.0):
            session = LiveSession(
                Grower(),
                venue=exchange,
                instrument="XRP",
                profile="emergency",
                state=tmp_path,
                canary=Canary(share=Decimal("0.1"), clean_days=1),
                tell=told.append,
            ).start()
            wait_for(
                lambda begins=begins, session=session: session.status()["share"] == begins,  # type: ignore[misc]
                seconds=5,
                why=f"not {begins}",
            )
            wait_for(
                lambda session=session: session.status()["instruments"][0]["position"] > 0,  # type: ignore[misc]
                seconds=20,
                why="no trade",
            )
            session.stop()
    assert sum("canary: 10% of the risk budget" in text for text in told) == 1
