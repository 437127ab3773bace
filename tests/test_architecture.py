"""The rules of the house, checked: who may import whom, who may be async, how long things are."""

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "python" / "flyball"
CORE = ROOT / "crates" / "core" / "src"

FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
PUBLIC_NAMES_MAX = 50
MAKE_TARGETS_MAX = 15
FORBIDDEN_ROOMS = {"utils", "common", "helpers", "misc"}

BASE = {"_core", "errors", "domain"}
# room -> rooms it may import. A room that is not listed may not exist.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "domain": {"_core", "errors"},
    "config": BASE,
    "svg": set(),
    "trading.strategies": BASE,
    "trading.runtime": BASE | {"config", "trading.strategies"},
    "research.data": BASE | {"config"},
    "research.analytics": BASE,
    # Reads prices from the catalogue, and measures with the ratios of analytics.
    "research.risk": BASE | {"research.data", "research.analytics"},
    # Numbers alone: what is left of a result after it was selected.
    "research.selection": BASE,
    "ops.report": BASE | {"config", "svg", "trading.runtime", "research.analytics"},
    # Async only at its border; whoever starts it brings what other rooms measure.
    "ops.dashboard": BASE | {"config", "trading.runtime"},
    # A drill starts runs and exchanges as people do, and looks at both.
    "ops.drills": BASE | {"config", "trading.runtime"},
    # A cell is a run on a drill's stage, with another strategy and other prices.
    "ops.wire": BASE | {"config", "trading.runtime", "ops.drills"},
    # A sweep runs backtests as people do, and judges them by what research knows of selection.
    "ops.sweep": BASE | {"config", "trading.runtime", "research.selection"},
    # Fed with numbers by whoever has them; knows no room of trading.
    "ops.detection": BASE,
    # What a run measures, and what becomes of it. None of them decides anything about trading.
    "ops.telemetry": BASE | {"trading.runtime"},
    "ops.health": BASE | {"trading.runtime"},
    "ops.alerts": BASE | {"config", "ops.telemetry"},
    # Commands from a chat: what `flyball kill` and its like ask, asked from elsewhere.
    "ops.chat": BASE | {"config", "trading.runtime", "ops.alerts"},
    "ops.logs": BASE | {"config", "ops.health", "trading.runtime"},
    "ops.cli": BASE
    | {
        "config",
        "trading.runtime",
        "trading.strategies",
        "research.data",
        "research.analytics",
        "research.risk",
        "ops.report",
        "ops.drills",
        "ops.wire",
        "ops.sweep",
        "ops.detection",
        "ops.telemetry",
        "ops.health",
        "ops.alerts",
        "ops.chat",
        "ops.logs",
        "ops.dashboard",
    },
}
# flyball/__init__.py hands names on, and imports each only when it is asked for.
FACADE = set(ALLOWED) | {"_core"}
MAY_BE_ASYNC = {"ops.dashboard"}

# Rust room -> rooms it may use, in the order in which an event walks through them.
CORE_ALLOWED: dict[str, set[str]] = {
    "domain": set(),
    "book": {"domain"},
    "features": {"domain", "book"},
    "portfolio": {"domain"},
    "strategy": {"domain", "book", "features"},
    "risk": {"domain", "portfolio"},
    "execution": {"domain", "book", "portfolio", "risk"},
    "sim": {"domain", "book", "portfolio", "risk"},
    "journal": {"domain"},
    "engine": {"domain", "book", "features", "portfolio", "strategy", "risk", "execution"},
    "backtest": {"domain", "engine", "journal", "portfolio", "risk", "sim", "strategy"},
    "replay": {"domain", "engine", "journal", "risk"},
    # Walks over bars beside the engine, and targets that a run of the engine pursues again.
    "screen": {"backtest", "domain", "engine", "features", "strategy"},
}
# Crates a crate may use: the core knows nobody, nobody but the glue knows Python.
CRATES: dict[str, set[str]] = {
    "core": set(),
    "venues": {"flyball-core"},
    "data": {"flyball-core", "flyball-venues"},
    "exchange": {"flyball-core", "flyball-venues", "flyball-data"},
    "live": {"flyball-core", "flyball-data", "flyball-venues"},
    # Engines and the local exchange in virtual time: what tests and the score of detection run in.
    "world": {"flyball-core", "flyball-exchange", "flyball-live", "flyball-venues"},
    # Runs the engine against the simulated venue; the session over the local exchange in time.
    "proof": {"flyball-core", "flyball-data", "flyball-venues"},
    "python": {
        "flyball-core",
        "flyball-data",
        "flyball-exchange",
        "flyball-live",
        "flyball-proof",
        "flyball-venues",
        "flyball-world",
    },
}

PYTHON_FILES = sorted(PACKAGE.rglob("*.py"))
RUST_FILES = sorted(CORE.rglob("*.rs"))
WINGS = {"trading", "research", "ops"}


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def room(module: str) -> str:
    """`trading.runtime.plan` -> `trading.runtime`; `domain` -> `domain`."""
    parts = module.split(".")
    return ".".join(parts[:2] if parts[0] in WINGS else parts[:1])


def module(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = node.module or ""
            names = [base] if base != "flyball" else [f"flyball.{a.name}" for a in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith("flyball."):
                yield room(name.removeprefix("flyball."))


@pytest.mark.parametrize("path", PYTHON_FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_python_file_obeys_the_house_rules(path: Path) -> None:
    tree = ast.parse(path.read_text())
    here = room(module(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{node.name} is {length} lines"
    if path.name.startswith("test_") or here in WINGS:
        return  # Tests may reach anywhere; wings hold only a docstring.
    allowed = FACADE if here == "" else ALLOWED.get(here)
    assert allowed is not None, f"unknown room {here!r}: add it to ALLOWED on purpose"
    for target in imports(tree):
        assert target == here or target in allowed, f"{here} may not import {target}"
    if here not in MAY_BE_ASYNC:
        asynchronous = [n.name for n in ast.walk(tree) if isinstance(n, ast.AsyncFunctionDef)]
        assert not asynchronous, f"{here} must not be async: {asynchronous}"


@pytest.mark.parametrize("path", RUST_FILES, ids=lambda p: str(p.relative_to(CORE)))
def test_a_core_room_uses_only_rooms_upstream(path: Path) -> None:
    here = path.relative_to(CORE).parts[0].removesuffix(".rs")
    if here in {"lib", "testing"} or "test" in path.stem or path.stem == "twin":
        return
    assert here in CORE_ALLOWED, f"unknown room {here!r}: add it to CORE_ALLOWED on purpose"
    code = path.read_text().split("#[cfg(test)]\nmod tests {")[0]
    for target in re.findall(r"\bcrate::(\w+)", code):
        assert target == here or target in CORE_ALLOWED[here], f"{here} may not use {target}"


def test_only_a_served_venue_takes_orders_that_no_gate_approved() -> None:
    wire = r"(place|place_group|modify)"
    calls = re.compile(rf"\bvenue\w*(\(\))?\s*\.{wire}\(|Venue::{wire}\b")
    named = re.compile(rf"\.{wire}\(")
    for path in sorted((ROOT / "crates").rglob("*.rs")) + sorted(
        (ROOT / "benchmarks").rglob("*.rs")
    ):
        inside = path.relative_to(ROOT).parts
        if inside[1] == "exchange" or inside[1:4] == ("core", "src", "sim"):
            continue
        code = path.read_text()
        taken = calls.search(code) or (re.search(r"\bVenue\b", code) and named.search(code))
        assert not taken, f"{path.relative_to(ROOT)}: the engine's orders come by Venue::submit"


@pytest.mark.parametrize("crate", sorted(CRATES))
def test_a_crate_uses_only_crates_that_it_may(crate: str) -> None:
    manifest = (ROOT / "crates" / crate / "Cargo.toml").read_text()
    main = manifest.split("[dev-dependencies]")[0]
    used = set(re.findall(r"^(flyball-\w+)", main, flags=re.MULTILINE))
    assert used == CRATES[crate]
    assert {path.name for path in (ROOT / "crates").iterdir() if path.is_dir()} == set(CRATES)


def test_the_core_stays_pure() -> None:
    lib = (CORE / "lib.rs").read_text()
    assert "#![forbid(unsafe_code)]" in lib
    denied = ("unwrap_used", "expect_used", "panic", "indexing_slicing", "arithmetic_side_effects")
    for lint in denied:
        assert f"clippy::{lint}" in lib, f"{lint} is no longer denied"
    for path in RUST_FILES:
        code = path.read_text()
        for banned in ("std::time::", "std::thread", "std::fs", "std::net", "std::env", "HashMap"):
            assert banned not in code, f"{path.name} uses {banned}"


def test_the_sentinel_shares_no_bug_with_the_engine_that_it_watches() -> None:
    source = ROOT / "crates" / "live" / "src" / "sentinel"
    assert len(list(source.rglob("*.rs"))) > 10
    for path in sorted(source.rglob("*.rs")):
        code = path.read_text().replace("crate::session::budget", "")
        for banned in (
            "flyball_core::engine",
            "flyball_core::execution",
            "flyball_core::portfolio",
            "crate::session",
            "crate::node",
            "crate::recover",
        ):
            assert banned not in code, f"{path.relative_to(source)} uses {banned}"


def test_only_the_server_of_the_local_exchange_knows_clocks_and_sockets() -> None:
    source = ROOT / "crates" / "exchange" / "src"
    for path in sorted(source.rglob("*.rs")):
        code = path.read_text()
        for everywhere in ("UNSPECIFIED", "0.0.0.0"):
            assert everywhere not in code, f"{path.name} listens widely"
        if path.relative_to(source).parts[0] == "server":
            continue
        for banned in (
            "std::time::",
            "std::thread",
            "TcpListener",
            "TcpStream",
            "tokio",
            "HashMap",
        ):
            assert banned not in code, f"{path.relative_to(source)} uses {banned}"


def test_sizes_stay_readable() -> None:
    for path in tracked():
        if path.suffix in {".rs", ".py", ".pyi", ".ts", ".svelte"}:
            lines = path.read_text().count("\n")
            assert lines <= FILE_LINES_MAX, f"{path.relative_to(ROOT)} has {lines} lines"
    engine = (CORE / "engine" / "mod.rs").read_text().count("\n")
    assert engine <= 300, f"the engine calls the rooms, and no more: {engine} lines"


def test_no_room_is_a_lumber_room() -> None:
    names = {path.stem for path in tracked()} | {path.parent.name for path in tracked()}
    assert not names & FORBIDDEN_ROOMS


def test_the_public_names_are_few_and_all_there() -> None:
    import flyball

    assert len(flyball.__all__) <= PUBLIC_NAMES_MAX
    for name in flyball.__all__:
        assert getattr(flyball, name) is not None
    with pytest.raises(AttributeError, match="no attribute"):
        flyball.nothing_of_this_name  # noqa: B018


def test_makefile_targets_are_few_and_explained() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE)
    assert len(targets) <= MAKE_TARGETS_MAX
    for target in targets:
        assert re.search(rf"^{target}:.*##", makefile, flags=re.MULTILINE), f"{target}: no help"


def test_locks_are_hashed_name_no_registry_and_pull_no_giants() -> None:
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text()
        assert not re.search(r"https?://|--(extra-)?index-url", text), f"{path.name} names a host"
        pinned = re.findall(r"^([a-z0-9_.-]+)==", text, flags=re.MULTILINE)
        assert pinned
        assert text.count("--hash=sha256:") >= len(pinned)
        assert not [name for name in pinned if name == "torch" or name.startswith("nvidia-")]


def test_no_tracked_file_names_a_path_of_a_machine() -> None:
    pattern = re.compile(r"(?<![\w.])/(work|root|farm|home)/")
    for path in tracked():
        if path.suffix in {".lock", ".gz", ".parquet", ".png"} or path == Path(__file__):
            continue
        found = pattern.search(path.read_text(errors="replace"))
        assert found is None, f"{path.relative_to(ROOT)}: {found and found[0]}"


@pytest.mark.parametrize(("folder", "least"), [("web", 10), ("deploy/grafana", 3)])
def test_a_lock_of_node_is_hashed_and_names_no_registry(folder: str, least: int) -> None:
    lock = json.loads((ROOT / folder / "package-lock.json").read_text())
    packages = {name: it for name, it in lock["packages"].items() if name}
    assert len(packages) > least
    for name, about in packages.items():
        assert "resolved" not in about, f"{name} names a host"
        assert about["integrity"].startswith("sha512-"), f"{name} has no hash"
        assert not about.get("hasInstallScript") or about.get("optional"), f"{name} runs a script"
    wanted = json.loads((ROOT / folder / "package.json").read_text())
    known = lock["packages"][""]
    for kind in ("dependencies", "devDependencies"):
        assert wanted.get(kind) == known.get(kind)
    assert "ignore-scripts=true" in (ROOT / folder / ".npmrc").read_text()
