"""What the documentation says is there, is there."""

import json
import re
from pathlib import Path

import pytest

from flyball import _core
from flyball.config import run as run_file
from flyball.config import toml

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_feature_is_documented() -> None:
    page = (ROOT / "docs" / "strategies.md").read_text()
    for feature in json.loads(_core.features()):
        assert f"| `{feature['name']}` |" in page


def test_every_fault_of_the_local_exchange_is_documented() -> None:
    page = (ROOT / "docs" / "exchange.md").read_text()
    source = (ROOT / "crates/exchange/src/faults/script.rs").read_text()
    kinds = re.findall(
        r"^    (\w+),$", source.split("pub enum Kind {")[1].split("}")[0], re.MULTILINE
    )
    assert len(kinds) == 15
    for kind in kinds:
        name = re.sub(r"(?<!^)([A-Z])", r"_\1", kind).lower()
        assert f"| `{name}` |" in page, f"docs/exchange.md does not tell of {name}"


def test_what_the_local_exchange_serves_is_documented() -> None:
    page = (ROOT / "docs" / "exchange.md").read_text()
    source = (ROOT / "crates/exchange/src/streams/topic.rs").read_text()
    streams = re.findall(r'^            "(\w+)" =>', source.split("fn parse")[1], re.MULTILINE)
    assert len(streams) == 14
    for stream in streams:
        assert stream in page, f"docs/exchange.md does not tell of {stream}"


def test_every_rule_is_documented() -> None:
    page = (ROOT / "docs" / "protection.md").read_text()
    source = (ROOT / "crates/core/src/domain/notice.rs").read_text()
    rules = re.findall(r'Self::\w+ => "(\w+)"', source.split("impl RuleName")[1].split("impl ")[0])
    assert len(rules) == 25
    for rule in rules:
        assert rule in page, f"docs/protection.md does not tell of {rule}"


def test_the_run_file_in_the_docs_is_valid() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    assert toml.decode(example, run_file.RunFile, where="docs").strategy == "breakout"


def test_the_readmes_strategy_is_the_one_of_the_first_example() -> None:
    readme = (ROOT / "README.md").read_text()
    example = (ROOT / "examples" / "01_first_backtest.py").read_text()
    for line in (
        'Long while the fast average is above the slow one."""',
        'fast = fb.Feature("ema"',
    ):
        assert line in readme
        assert line in example
    code = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    for block in code:
        compile(block, "README.md", "exec")
