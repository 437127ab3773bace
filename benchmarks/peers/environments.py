"""The peers' own environments, made once and kept: pinned, hashed, never the project's own.

A peer that cannot be installed here is left out, with the reason.
"""

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements")
WANTED = (3, 12)
_PROBE = "import sys; print(*sys.version_info[:2])"
_INSTALL_S = 1_200


class Unavailable(Exception):
    """A peer is not there; the text says why."""


@dataclass(frozen=True)
class Environments:
    """Where they are kept."""

    folder: Path

    def python(self, name: str) -> Path:
        """The interpreter of a peer; installs it the first time.

        Raises
        ------
        Unavailable
            With the reason.
        """
        lock = REQUIREMENTS / f"{name}.txt"
        base = interpreter()
        if base is None:
            wanted = ".".join(map(str, WANTED))
            raise Unavailable(f"no CPython {wanted} here, and {name} is pinned for it")
        stamp = hashlib.sha256(lock.read_bytes() + base.encode()).hexdigest()
        home = self.folder / name
        mark, python = home / "installed", home / "bin" / "python"
        if mark.is_file() and mark.read_text() == stamp:
            return python
        shutil.rmtree(home, ignore_errors=True)
        home.parent.mkdir(parents=True, exist_ok=True)
        _run([base, "-m", "venv", str(home)], name)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--no-deps", "--require-hashes", "-r", str(lock)], name)
        mark.write_text(stamp)
        return python


def _run(words: list[str], name: str) -> None:
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=_INSTALL_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{name} cannot be installed: {error}") from error
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["no reason given"]
        raise Unavailable(f"{name} cannot be installed: {said[-1].strip()[:160]}")


@cache
def interpreter() -> str | None:
    """A CPython of the wanted version: on the path, or one of pyenv's or uv's."""
    name = "python" + ".".join(map(str, WANTED))
    found = [shutil.which(name)]
    for pattern in (".pyenv/versions/*/bin", ".local/share/uv/python/*/bin"):
        found += [
            str(it / name) for it in sorted(Path.home().glob(pattern)) if (it / name).exists()
        ]
    for one in filter(None, found):
        try:
            done = subprocess.run([one, "-c", _PROBE], capture_output=True, text=True, check=False)
        except OSError:
            continue
        if done.returncode == 0 and tuple(map(int, done.stdout.split())) == WANTED:
            return one
    return None


@cache
def optimised(python: str) -> bool:
    """Whether an interpreter was built with profile-guided optimisation."""
    ask = "import sysconfig; print(sysconfig.get_config_var('CONFIG_ARGS') or '')"
    done = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False)
    return "--enable-optimizations" in done.stdout
