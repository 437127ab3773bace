"""Copies of the profiles are what the profiles are."""

import json
from pathlib import Path

from flyball.config.profile import profile

ROOT = Path(__file__).parent.parent


def test_the_profile_that_engines_are_tested_with_is_the_one_that_ships() -> None:
    kept = json.loads((ROOT / "crates/live/tests/world/emergency.json").read_text())
    assert kept == json.loads(json.dumps(profile("emergency").engine()))
