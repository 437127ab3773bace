"""The second factor: a code of an authenticator (RFC 6238) without which nothing is released.

It holds for a run's folder from when it was enrolled there: a file with the key, another one with
what was used. A code is good once, for the step of 30 seconds that it is of, the one before it and
the one after. Whatever cannot be read, or is not ours alone, refuses: killed stays killed.

It stands between a release and somebody who has the page's token, or types before thinking. Who can
write to the folder can also remove it.
"""

import base64
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flyball.config.keys import private_text
from flyball.config.secret import Secret
from flyball.errors import ConfigError

if TYPE_CHECKING:
    from pyotp import TOTP

__all__ = ["FILE", "Factor", "enrol", "factor_of", "new_key", "uri"]

FILE = "second-factor"
_USED = "second-factor.used"
_STEP_S = 30
_WINDOW = 1
_DIGITS = 6
_KEY_MIN = 16  # bytes
# Wrong codes before it takes none for a while: one in 300 000 is right by chance.
_WRONG_MAX, _WAIT_S = 5, 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Used:
    """The last step whose code was taken, and when the last wrong codes were given."""

    step: int
    wrong_s: tuple[float, ...]


class Factor:
    """The second factor of a folder.

    Parameters
    ----------
    folder : Path
        Where what was used is kept.
    key : Secret
        In base 32, as authenticators take it.
    digits : int
        Of a code.
    """

    def __init__(self, folder: Path, key: Secret, *, digits: int = _DIGITS) -> None:
        self._folder, self._digits = folder, digits
        self._codes = _codes(key, digits)

    def take(self, code: str, *, now_s: float | None = None) -> None:
        """Take a code: that it was used is on the disk before this returns.

        Parameters
        ----------
        now_s : float, optional
            Seconds since 1970; the machine's clock by default.

        Raises
        ------
        ConfigError
            If it is missing or wrong, was used before, too many were wrong, or what was used is not
            known or cannot be kept.
        """
        now_s = time.time() if now_s is None else now_s
        given = "".join(code.split())
        if not given:
            raise ConfigError("not released: it wants the code of your authenticator")
        with self._kept() as (used, keep):
            # A clock that was set back makes nobody wait for ever.
            wrong = tuple(at for at in used.wrong_s if 0 <= now_s - at < _WAIT_S)
            if len(wrong) >= _WRONG_MAX:
                left = _WAIT_S - (now_s - wrong[0])
                raise ConfigError(f"not released: too many wrong codes: wait {left:.0f} s")
            step = self._step(given, now_s)
            if step is None:
                keep(_Used(step=used.step, wrong_s=(*wrong, now_s)))
                raise ConfigError("not released: that is not the code of now")
            if step <= used.step:
                raise ConfigError("not released: that code was used: wait for the next one")
            keep(_Used(step=step, wrong_s=wrong))

    def matches(self, code: str, *, now_s: float) -> bool:
        """Whether it is a code of now. Nothing is taken."""
        return self._step("".join(code.split()), now_s) is not None

    def _step(self, given: str, now_s: float) -> int | None:
        """Of which step it is a code; every one is compared, in constant time."""
        from pyotp.utils import strings_equal

        now, found = int(now_s) // _STEP_S, None
        for step in range(now - _WINDOW, now + _WINDOW + 1):
            if strings_equal(given, self._codes.generate_otp(step)):
                found = step
        return found

    @contextmanager
    def _kept(self) -> "Iterator[tuple[_Used, _Keep]]":
        """What was used, and how that is changed: by one at a time, also of several processes."""
        path = self._folder / _USED
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
            with os.fdopen(os.open(path, flags, 0o600), "r+", encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield _read(file.read(), path), _Keep(file.fileno())
        except OSError as error:
            reason = error.strerror or error
            raise ConfigError(f"not released: {path}: {reason}") from error


class _Keep:
    """Writes what was used over what was there."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __call__(self, used: _Used) -> None:
        text = json.dumps({"step": used.step, "wrong_s": used.wrong_s}) + "\n"
        os.pwrite(self._number, text.encode(), 0)
        os.ftruncate(self._number, len(text))
        os.fsync(self._number)


def _read(text: str, path: Path) -> _Used:
    if not text:
        return _Used(step=-1, wrong_s=())
    try:
        found = json.loads(text)
        return _Used(step=int(found["step"]), wrong_s=tuple(map(float, found["wrong_s"])))
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"not released: {path} is damaged: look at it, and remove it") from None


def factor_of(folder: Path) -> Factor | None:
    """The second factor of a folder; `None` where none was enrolled.

    Raises
    ------
    ConfigError
        If there is one that cannot be used.
    """
    path = folder / FILE
    if not os.path.lexists(path):
        return None
    return Factor(folder, Secret(private_text(path).strip()))


def new_key() -> Secret:
    """A key of 160 bits, by chance.

    Raises
    ------
    ConfigError
        If pyotp is not installed.
    """
    return Secret(str(_pyotp().random_base32()))


def uri(key: Secret, *, account: str) -> str:
    """What an authenticator takes, as text or as a picture: it holds the key."""
    return _codes(key, _DIGITS).provisioning_uri(name=account, issuer_name="Flyball")


def enrol(folder: Path, key: Secret) -> None:
    """From now on releases in this folder want a code.

    Raises
    ------
    ConfigError
        If one was enrolled already, or it cannot be kept.
    """
    path = folder / FILE
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(key.reveal() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise ConfigError(
            f"{path}: is enrolled already: remove the file first, which only you should be able to"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    with suppress(FileNotFoundError):
        (folder / _USED).unlink()


def _codes(key: Secret, digits: int) -> "TOTP":
    pyotp = _pyotp()
    try:
        whole = len(base64.b32decode(key.reveal(), casefold=True)) >= _KEY_MIN
    except ValueError:
        whole = False
    if not whole:
        # A key that was cut short would be a code that anybody can work out.
        raise ConfigError("not released: the second factor's key is damaged")
    made: TOTP = pyotp.TOTP(key.reveal(), digits=digits, interval=_STEP_S)
    return made


def _pyotp() -> Any:  # noqa: ANN401
    try:
        import pyotp
    except ImportError:
        raise ConfigError("the second factor wants pyotp: pip install 'flyball[observe]'") from None
    return pyotp
