"""Grafana's dashboards: written from one place, of metrics that there are, in PromQL that holds."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from flyball.ops.telemetry.collector import LATENCY, SPECS
from tests.conftest import ROOT

GRAFANA = ROOT / "deploy" / "grafana"
BOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
PROCESS = {"process_resident_memory_bytes", "process_cpu_seconds_total"}


def board(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def expressions(path: Path) -> list[str]:
    panels = board(path)["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_there_is_one_of_each() -> None:
    assert [path.stem for path in BOARDS] == ["risk", "system", "trading"]


def run(*words: str, fails: bool = False) -> str:
    """What a command says in Grafana's folder."""
    done = subprocess.run(words, cwd=GRAFANA, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def typed() -> None:
    if shutil.which("node") is None:
        pytest.skip("Node is not here: it writes the dashboards")
    if not (GRAFANA / "node_modules" / "@grafana" / "schema").is_dir():
        pytest.skip("Grafana's schema is not here: make check, or npm ci in deploy/grafana")


@pytest.mark.usefixtures("typed")
def test_the_dashboards_are_what_their_writer_writes(tmp_path: Path) -> None:
    run("node", "node_modules/typescript/bin/tsc", "--outDir", "build")
    run("node", "build/write.js", str(tmp_path))
    for path in BOARDS:
        written = (tmp_path / path.name).read_text()
        assert path.read_text() == written, "npm run build, in deploy/grafana"


@pytest.mark.usefixtures("typed")
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('placement: "bottom"', 'placement: "below"'),
        ("SortOrder.Descending", '"descending"'),
        ("lineWidth: 1", "lineWith: 1"),
        ("calcs: [], ", ""),
        ("w: WIDTH", 'w: "8"'),
    ],
)
def test_what_grafanas_schema_does_not_know_is_no_dashboard(
    tmp_path: Path, right: str, wrong: str
) -> None:
    (tmp_path / "node_modules").symlink_to(GRAFANA / "node_modules")
    shutil.copytree(GRAFANA / "src", tmp_path / "src")
    shutil.copy(GRAFANA / "tsconfig.json", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    path = tmp_path / "src" / "panels.ts"
    assert right in path.read_text()
    path.write_text(path.read_text().replace(right, wrong, 1))
    words = ("node", "node_modules/typescript/bin/tsc", "--noEmit", "-p", str(tmp_path))
    assert "error TS" in run(*words, fails=True)


@pytest.mark.parametrize("path", BOARDS, ids=lambda it: it.stem)
def test_a_dashboard_shows_metrics_that_there_are(path: Path) -> None:
    known = {it.full_name for it in SPECS} | {f"{LATENCY}_bucket"} | PROCESS
    for expression in expressions(path):
        used = set(re.findall(r"\b(?:flyball|process)_\w+", expression))
        assert used, expression
        assert used <= known, f"{expression}: {used - known}"


@pytest.mark.parametrize("path", BOARDS, ids=lambda it: it.stem)
def test_prometheus_understands_every_expression(path: Path, promtool: str, tmp_path: Path) -> None:
    rules = [
        {"record": f"check:{number}", "expr": it.replace("$__range", "1h").replace("$run", "a")}
        for number, it in enumerate(expressions(path))
    ]
    # A file of JSON is one of YAML.
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "check", "rules": rules}]}))
    done = subprocess.run(
        [promtool, "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout


@pytest.mark.parametrize("path", BOARDS, ids=lambda it: it.stem)
def test_panels_do_not_lie_on_each_other(path: Path) -> None:
    places: set[tuple[int, int]] = set()
    for panel in board(path)["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & places
        assert at["x"] + at["w"] <= 24
        places |= cells
        assert len({it["refId"] for it in panel["targets"]}) == len(panel["targets"])


def test_the_data_source_is_the_one_that_is_asked() -> None:
    text = (GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text()
    assert "uid: prometheus" in text
    for path in BOARDS:
        assert {panel["datasource"]["uid"] for panel in board(path)["panels"]} == {"prometheus"}
