"""The word that opens the dashboard: made once for a run's folder, readable by its owner only."""

import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from flyball.errors import ConfigError

__all__ = ["FILE", "token_of"]

FILE = "dashboard.token"
_BYTES = 32
_SHAPE = re.compile(r"[0-9a-f]{64}")


def token_of(folder: Path) -> str:
    """The folder's token, 64 hexadecimal digits; a new one where none is kept that can be trusted.

    A file that others can read, or that is not ours, or no plain file, is replaced.

    Raises
    ------
    ConfigError
        If it cannot be kept.
    """
    path = folder / FILE
    kept = _kept(path)
    if kept is not None:
        return kept
    token = secrets.token_hex(_BYTES)
    try:
        with suppress(FileNotFoundError):
            path.unlink()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o600), "w") as file:
            file.write(token + "\n")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}") from error
    return token


def _kept(path: Path) -> str | None:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)) as file:
            about = os.fstat(file.fileno())
            own = stat.S_ISREG(about.st_mode) and about.st_uid == os.geteuid()
            if not own or stat.S_IMODE(about.st_mode) & 0o077:
                return None
            found = file.read(2 * _BYTES + 2).strip()
    except (OSError, UnicodeDecodeError):
        return None
    return found if _SHAPE.fullmatch(found) else None
