"""The second factor: the standard's vectors, replays, guessing, clocks, damaged files."""

import base64
import stat
import sys
import threading
from pathlib import Path

import pytest

from flyball.config.secret import Secret
from flyball.errors import ConfigError
from flyball.trading.runtime.factor import FILE, Factor, enrol, factor_of, new_key, uri

pyotp = pytest.importorskip("pyotp", reason="codes are pyotp's: flyball[observe]")

# RFC 6238, appendix B, SHA-1: the key is the ASCII text, a code has eight digits.
KEY = Secret(base64.b32encode(b"12345678901234567890").decode())
VECTORS = [
    (59, "94287082"),
    (1_111_111_109, "07081804"),
    (1_111_111_111, "14050471"),
    (1_234_567_890, "89005924"),
    (2_000_000_000, "69279037"),
    (20_000_000_000, "65353130"),
]
NOW = 1_111_111_111.0


@pytest.fixture
def factor(tmp_path: Path) -> Factor:
    enrol(tmp_path, KEY)
    found = factor_of(tmp_path)
    assert found is not None
    return found


def code(at_s: float) -> str:
    """The code of a moment, six digits of the standard's eight."""
    return str(pyotp.TOTP(KEY.reveal()).at(int(at_s)))


@pytest.mark.parametrize(("at_s", "digits"), VECTORS)
def test_the_standards_vectors(tmp_path: Path, at_s: int, digits: str) -> None:
    eight = Factor(tmp_path, KEY, digits=8)
    assert eight.matches(digits, now_s=at_s)
    assert not eight.matches(f"{(int(digits) + 1) % 10**8:08}", now_s=at_s)
    enrol(tmp_path, KEY)
    six = factor_of(tmp_path)
    assert six is not None
    six.take(digits[2:], now_s=at_s)


def test_a_code_is_good_one_step_before_and_after(factor: Factor) -> None:
    for away in (-1, 0, 1):
        assert factor.matches(code(NOW + 30 * away), now_s=NOW)
    for away in (-2, 2):
        assert not factor.matches(code(NOW + 30 * away), now_s=NOW)


def test_a_code_is_good_once_also_in_another_process(factor: Factor, tmp_path: Path) -> None:
    factor.take(code(NOW), now_s=NOW)
    for again in (factor, factor_of(tmp_path)):
        assert again is not None
        with pytest.raises(ConfigError, match="was used"):
            again.take(code(NOW), now_s=NOW + 1)
        with pytest.raises(ConfigError, match="was used"):
            again.take(code(NOW - 30), now_s=NOW + 1)  # an older one neither
    factor.take(code(NOW + 30), now_s=NOW + 30)


def test_one_of_many_at_once_is_taken(factor: Factor) -> None:
    taken: list[bool] = []

    def take() -> None:
        try:
            factor.take(code(NOW), now_s=NOW)
        except ConfigError:
            return
        taken.append(True)

    threads = [threading.Thread(target=take) for _ in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert taken == [True]


def test_guessing_ends_for_a_while(factor: Factor) -> None:
    wrong = f"{(int(code(NOW)) + 7) % 10**6:06}"
    for _ in range(5):
        with pytest.raises(ConfigError, match="not the code"):
            factor.take(wrong, now_s=NOW)
    with pytest.raises(ConfigError, match="wait 290 s"):
        factor.take(code(NOW + 10), now_s=NOW + 10)
    factor.take(code(NOW + 301), now_s=NOW + 301)


def test_a_clock_that_was_set_back_locks_nobody_out_for_long(factor: Factor) -> None:
    for _ in range(5):
        with pytest.raises(ConfigError):
            factor.take("000000x", now_s=NOW + 86_400)
    factor.take(code(NOW), now_s=NOW)


@pytest.mark.parametrize("given", ["", "   ", "12345", "1234567", "abcdef", "٠٧٠٨١٨", "\0" * 6])
def test_what_is_no_code_is_refused(factor: Factor, given: str) -> None:
    with pytest.raises(ConfigError, match="not released"):
        factor.take(given, now_s=NOW)


def test_a_code_may_be_typed_with_a_space(factor: Factor) -> None:
    found = code(NOW)
    factor.take(f" {found[:3]} {found[3:]}\n", now_s=NOW)


def test_without_a_file_nothing_is_wanted(tmp_path: Path) -> None:
    assert factor_of(tmp_path) is None


def test_whatever_is_not_right_refuses(factor: Factor, tmp_path: Path) -> None:
    used = tmp_path / "second-factor.used"
    for text in ("nonsense", "{}", '{"step": null, "wrong_s": []}', "[]"):
        used.write_text(text)
        with pytest.raises(ConfigError, match="damaged"):
            factor.take(code(NOW), now_s=NOW)
    used.unlink()
    used.mkdir()
    with pytest.raises(ConfigError, match="not released"):
        factor.take(code(NOW), now_s=NOW)
    path = tmp_path / FILE
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        factor_of(tmp_path)
    path.chmod(0o600)
    for text in ("not base 32 !\n", "", "\n", KEY.reveal()[:16]):
        path.write_text(text)
        with pytest.raises(ConfigError, match="damaged"):
            factor_of(tmp_path)
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigError):
        factor_of(tmp_path)


@pytest.mark.usefixtures("factor")
def test_without_the_library_a_release_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyotp", None)
    with pytest.raises(ConfigError, match="pip install"):
        factor_of(tmp_path)


def test_keys_are_chance_kept_for_their_owner_and_enrolled_once(tmp_path: Path) -> None:
    key = new_key()
    assert key != new_key()
    assert len(base64.b32decode(key.reveal())) == 20
    assert uri(key, account="local-0x12").startswith("otpauth://totp/Flyball:local-0x12?secret=")
    enrol(tmp_path, key)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    with pytest.raises(ConfigError, match="already") as found:
        enrol(tmp_path, new_key())
    assert key.reveal() not in str(found.value)
