"""What the tests that cross rooms share: recordings, imports of them, counts."""

import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from flyball import Dataset
from flyball.research.data import Catalogue

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

Tell = Callable[[str], None]
Imported = Callable[[str], Dataset]


def recordings() -> Path | None:
    """The folder of recordings, if it is there."""
    shared = os.environ.get("FLYBALL_SHARED")
    data = Path(shared) / "data" if shared else ROOT.parent / "shared" / "data"
    return data if data.is_dir() else None


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recordings; whoever needs it is skipped where it is absent."""
    data = recordings()
    if data is None:
        pytest.skip("there are no recordings: set FLYBALL_SHARED to the folder that has data/")
    return data


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """A catalogue of this session."""
    return Catalogue(tmp_path_factory.mktemp("catalogue"))


@pytest.fixture(scope="session")
def imported(shared: Path, catalogue: Catalogue) -> Imported:
    """Import the recording at a path below the recordings, once."""

    @cache
    def of(path: str) -> Dataset:
        (imported,) = catalogue.import_path(shared / path)
        return imported.dataset

    return of


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Say in the summary what was compared."""
    return lambda text: record_property("compared", text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was compared, also from other processes."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    told = [
        (report.nodeid.removeprefix("tests/reference/"), text)
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, text in report.user_properties
        if name == "compared"
    ]
    if told:
        terminalreporter.section("compared with naive twins")
    for test, text in told:
        terminalreporter.line(f"{test}: {text}")
