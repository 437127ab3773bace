import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flyball.config.profile import profile
from flyball.domain import Signal, View
from flyball.errors import ConfigError
from flyball.trading.runtime.canary import Canary, Tier, identity

DAY_NS = 86_400 * 10**9
START = 20_000 * DAY_NS
EMERGENCY = profile("emergency")


@dataclass(frozen=True)
class New:
    """A strategy."""

    period: int = 10

    def decide(self, view: View) -> Signal:  # noqa: ARG002
        return Signal("flat", confidence=0.0)


def status(day: float, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    quiet = {"time_ns": START + int(day * DAY_NS), "tripped": [], "killed": False, "notices": []}
    return {**quiet, **changes}


def tier(folder: Path, strategy: New | None = None, days: int = 3) -> Tier:
    return Tier(folder, strategy or New(), EMERGENCY, Canary(clean_days=days))


def run(folder: Path, begun: float, ended: float, **changes: Any) -> None:  # noqa: ANN401
    tier(folder).note(status(begun), status(ended, **changes), traded=True)


def test_a_new_strategy_has_a_share_until_it_had_enough_clean_days(tmp_path: Path) -> None:
    assert tier(tmp_path).share == Decimal("0.25")
    run(tmp_path, 0.2, 0.9)
    run(tmp_path, 0.95, 0.99)
    assert tier(tmp_path).days == ("2024-10-04",), "the same day counts once"
    run(tmp_path, 1.0, 2.5)
    found = tier(tmp_path)
    assert (found.share, len(found.days), found.told()) == (Decimal(1), 3, "")


def test_trouble_begins_the_count_anew_and_a_day_without_a_trade_is_none(tmp_path: Path) -> None:
    run(tmp_path, 0.0, 1.5)
    tier(tmp_path).note(status(2.0), status(2.5), traded=False)
    assert len(tier(tmp_path).days) == 2
    assert "25% of the risk budget, after 2 of 3" in tier(tmp_path).told()
    for trouble in (
        {"tripped": [["drawdown", 1]]},
        {"killed": True},
        {"notices": [[1, {"Tripped": {"switch": "position_loss"}}], [2, "Other"]]},
    ):
        run(tmp_path, 3.0, 4.5)
        assert tier(tmp_path).days
        run(tmp_path, 5.0, 5.5, **trouble)
        assert tier(tmp_path).days == (), trouble


def test_another_parameter_is_another_strategy_and_what_is_damaged_is_not_known(
    tmp_path: Path,
) -> None:
    run(tmp_path, 0.0, 5.0)
    assert tier(tmp_path).share == 1
    assert tier(tmp_path, New(period=11)).share == Decimal("0.25")
    assert identity(New(), EMERGENCY) != identity(New(), profile("strict"))
    file = tmp_path / "canary.json"
    kept = json.loads(file.read_text())
    damaged: list[object] = [
        {**kept, "days": [*kept["days"], "2030-01-01"]},
        {"days": kept["days"]},
        [],
    ]
    for damage in damaged:
        file.write_text(json.dumps(damage))
        assert tier(tmp_path).share == Decimal("0.25"), damage
    file.write_text("{")
    assert tier(tmp_path).share == Decimal("0.25")


@pytest.mark.parametrize(("share", "days"), [("0", 5), ("1.1", 5), ("-1", 5), ("0.5", 0)])
def test_what_makes_no_sense_is_refused(share: str, days: int) -> None:
    with pytest.raises(ConfigError, match="canary"):
        Canary(share=Decimal(share), clean_days=days)
