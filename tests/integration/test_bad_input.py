"""Bad input: a clear error that says what to do, an exit code, nothing lost."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import Run, is_root, raw_lines, write_recording

STRATEGY = """
import flyball as fb


class Bad:
    wake = fb.Wake(every="1s")

    def decide(self, view):
        {body}
"""


def run_bad(
    flyball: Run, tmp_path: Path, dataset: str, body: str
) -> "subprocess.CompletedProcess[str]":
    file = tmp_path / "bad.py"
    file.write_text(STRATEGY.format(body=body))
    return flyball(
        *("backtest", f"{file}:Bad", "--data", dataset, "--profile", "emergency"),
        *("--cash", "1000", "--journal", tmp_path / "journal"),
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return {}['nothing']", "Bad raised KeyError: 'nothing'"),
        ("return 5", "Bad returned 5: decide() returns Signal, Target, Quotes or None"),
        ("return fb.Quotes(bids=((float('nan'), 1),))", "whole number of ticks"),
        ("return fb.Signal('long', confidence=float('nan'))", "confidence must lie between"),
        ("return fb.Signal('long', confidence=1.0)", "give the run a sizing"),
        ("return fb.Target(10**30)", "whole number of lots"),
    ],
)
def test_a_strategy_that_fails_stops_the_run_with_its_traceback(
    flyball: Run, tmp_path: Path, dataset: str, body: str, message: str
) -> None:
    done = run_bad(flyball, tmp_path, dataset, body)
    assert done.returncode == 5, done.stderr
    assert message in done.stderr
    if "raised" in message:
        assert "Traceback" in done.stderr
        assert "bad.py" in done.stderr
    replayed = flyball("replay", tmp_path / "journal", "--json")
    assert replayed.returncode == 0, "the journal up to there is whole: " + replayed.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["backtest", "breakot"], 2, "--data is missing"),
        (
            ["backtest", "breakot", "--data", "x", "--profile", "emergency", "--cash", "1"],
            3,
            "no dataset 'x'",
        ),
        (["data", "check", "nothing"], 3, "there is no dataset 'nothing'"),
        (["data", "import", "nowhere"], 3, "no such file or folder"),
        (["replay", "nowhere"], 4, "nowhere"),
        (["backtest", "nowhere.toml"], 2, "No such file"),
    ],
)
def test_what_is_not_there_is_named(
    flyball: Run, words: list[str], code: int, message: str
) -> None:
    done = flyball(*words)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--profile", "emergncy"), "known are conservative, emergency, strict, unprotected"),
        (("--cash", "much"), "'much' is no number"),
        (("--cash", "-5"), "above zero"),
        (("--sizing", "size=3"), "--sizing wants one of"),
        (("--set", "perod=3"), "the nearest is 'period'"),
        (("--set", "period=x"), "'x' is no int"),
        (("--set", "period=1"), "period"),
        (("--sim", "queu=front"), "--sim has no 'queu'"),
        (("--sim", "order_latency=fast"), "is no duration"),
    ],
)
def test_a_wrong_setting_is_named(
    flyball: Run, backtest_arguments: list[str], change: tuple[str, str], message: str
) -> None:
    option, value = change
    words = list(backtest_arguments)
    if option in words and option != "--set":
        words[words.index(option) + 1] = value
    else:
        words += [option, value]
    done = flyball(*words)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr


def test_an_unknown_strategy_names_the_nearest(flyball: Run, backtest_arguments: list[str]) -> None:
    words = [word if word != "mean_reversion" else "mean_reverson" for word in backtest_arguments]
    done = flyball(*words)
    assert done.returncode == 2
    assert "the nearest is 'mean_reversion'" in done.stderr


def journal_of(flyball: Run, words: list[str], folder: Path) -> Path:
    done = flyball(*words, "--journal", folder, "--json")
    assert done.returncode == 0, done.stderr
    return folder / "000000.fbj"


def test_an_altered_journal_is_found_and_the_place_named(
    flyball: Run, backtest_arguments: list[str], tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    segment = journal_of(flyball, backtest_arguments, journal)
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 0x10
    segment.write_bytes(data)
    done = flyball("replay", journal, "--verify")
    assert done.returncode == 4
    assert "block" in done.stderr
    assert "record" in done.stderr
    assert "altered or damaged" in done.stderr


def test_a_truncated_journal_is_found(
    flyball: Run, backtest_arguments: list[str], tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    segment = journal_of(flyball, backtest_arguments, journal)
    os.truncate(segment, segment.stat().st_size // 2 // 8 * 8)
    done = flyball("replay", journal, "--verify")
    assert done.returncode == 4
    assert "ends in the middle" in done.stderr or "never closed" in done.stderr


def test_a_journal_of_another_configuration_does_not_replay(
    flyball: Run, backtest_arguments: list[str], tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    segment = journal_of(flyball, backtest_arguments, journal)
    data = segment.read_bytes().replace(b'"max_open_orders": 200', b'"max_open_orders": 201')
    segment.write_bytes(data)
    done = flyball("replay", journal)
    assert done.returncode == 4, "the header is covered by the hash chain"


def test_a_journal_is_never_written_over(
    flyball: Run, backtest_arguments: list[str], tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    segment = journal_of(flyball, backtest_arguments, journal)
    before = segment.read_bytes()
    again = flyball(*backtest_arguments, "--journal", journal)
    assert again.returncode == 4
    assert segment.read_bytes() == before


@pytest.mark.parametrize("damage", ["json", "price", "cut", "bytes"])
def test_a_corrupt_recording_names_file_and_line_and_leaves_nothing(
    flyball: Run, tmp_path: Path, damage: str
) -> None:
    folder = tmp_path / "raw_usdm"
    path = write_recording(folder, seconds=20)
    lines = raw_lines(seconds=20)
    if damage == "json":
        lines[100] = lines[100][:80]
    elif damage == "price":
        lines[100] = lines[100].replace('"b": [["', '"b": [["1.x', 1)
    if damage in ("json", "price"):
        with gzip.open(path, "wt") as file:
            file.write("\n".join(lines))
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        data = bytearray(path.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 50] = b"\0" * 50
        path.write_bytes(data)
    done = flyball("data", "import", folder, cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert path.name in done.stderr
    if damage in ("json", "price"):
        assert "101" in done.stderr, "the line is named: " + done.stderr
    left = [p for p in (tmp_path / "catalogue").rglob("*") if p.is_file()]
    assert not left, "nothing half done is left"
    listed = flyball("data", "ls", "--json", cwd=tmp_path)
    assert json.loads(listed.stdout)["datasets"] == []


def test_a_damaged_tape_is_found_where_it_is_damaged(
    flyball: Run, home: Path, dataset: str, tmp_path: Path, backtest_arguments: list[str]
) -> None:
    catalogue = tmp_path / "catalogue"
    shutil.copytree(home / "catalogue", catalogue)
    tape = catalogue / dataset / "tape.fbt"
    data = bytearray(tape.read_bytes())
    data[len(data) // 2] ^= 1
    tape.write_bytes(data)
    for words in (["data", "check", dataset], backtest_arguments):
        done = flyball(*words, "--catalogue", catalogue)
        assert done.returncode == 3, done.stderr
        assert "tape.fbt" in done.stderr
        assert "block" in done.stderr


def test_files_that_are_something_else_are_not_recognised(flyball: Run, tmp_path: Path) -> None:
    other = tmp_path / "letter.txt"
    other.write_text("Dear Sir or Madam,\n")
    done = flyball("data", "import", other)
    assert done.returncode == 3
    assert "not recognised" in done.stderr


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
from flyball.ops.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_disk_that_is_full_ends_the_run_and_what_was_written_is_whole(
    flyball: Run, home: Path, backtest_arguments: list[str], tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    done = subprocess.run(
        [sys.executable, "-c", FULL, *backtest_arguments, "--journal", str(journal)],
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 4, done.stderr
    assert "cannot write" in done.stderr
    assert "000000.fbj" in done.stderr
    assert "Traceback" not in done.stderr
    told = flyball("replay", journal)
    assert told.returncode == 4
    assert "never closed" in told.stderr or "ends in the middle" in told.stderr


NOBODY = """
import os, sys
import flyball.ops.cli.main, flyball.ops.cli.data
from flyball.config import profile, venues
profile.names(), venues.venues()  # read while everything may be read
if os.geteuid() == 0:
    os.seteuid(65534)
sys.exit(flyball.ops.cli.main.main(sys.argv[1:]))
"""


def test_no_permission_is_told(recording: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    if not is_root():
        locked.chmod(0o555)
    for parent in (tmp_path, *tmp_path.parents[:3], recording.parent, recording.parent.parent):
        if parent.stat().st_uid == os.getuid():
            parent.chmod(parent.stat().st_mode | 0o055)
    done = subprocess.run(
        [
            *(sys.executable, "-c", NOBODY, "data", "import", str(recording)),
            *("--catalogue", str(locked / "catalogue")),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "ermission denied" in done.stderr
    assert "Traceback" not in done.stderr
