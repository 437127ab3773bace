"""What is kept of drills: which profile was drilled, with which build, when, and how it went.

`runs/drills/<profile>.json` holds the last whole drill of a profile. It counts for the same numbers
and the same build only: the numbers as the engine takes them are hashed, and so is the binary of
the engine.
"""

import hashlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from flyball import _core
from flyball.config.profile import Profile
from flyball.errors import ConfigError

__all__ = [
    "FOLDER",
    "build_hash",
    "drilled",
    "path_of",
    "profile_hash",
    "record_path",
    "write_record",
]

FOLDER = Path("runs") / "drills"


def profile_hash(profile: Profile) -> str:
    """SHA-256 of the numbers of a profile, as the engine takes them."""
    text = json.dumps(profile.engine(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def build_hash() -> str:
    """SHA-256 of the engine's binary: of the extension that is loaded now."""
    return hashlib.sha256(Path(str(_core.__file__)).read_bytes()).hexdigest()


def record_path(profile: Profile, folder: Path = FOLDER) -> Path:
    """Where the last drill of a profile is kept."""
    return path_of(profile.name, folder)


def path_of(name: str, folder: Path = FOLDER) -> Path:
    """The same for a profile of this name."""
    return folder / (re.sub(r"[^\w.-]", "_", name) + ".json")


def write_record(
    profile: Profile, drills: Sequence[Mapping[str, Any]], *, folder: Path = FOLDER
) -> Path:
    """Keep a whole drill of a profile. Where it lies."""
    path = record_path(profile, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {
        "profile": profile.name,
        "version": profile.version,
        "profile_hash": profile_hash(profile),
        "build": build_hash(),
        "time_ns": time.time_ns(),
        "simulated": True,
        "drills": list(drills),
        "passed": all(each["passed"] for each in drills),
    }
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)
    return path


def drilled(
    profile: Profile, *, source: str, names: Sequence[str], folder: Path = FOLDER
) -> Mapping[str, Any]:
    """The drill of a profile, when there is one that counts.

    Parameters
    ----------
    source : str
        The profile's name or file, for the command that is told.
    names : sequence of str
        All drills that must have passed.

    Raises
    ------
    ConfigError
        If it is missing, failed, or was made with other numbers or another build.
    """
    path = record_path(profile, folder)

    def refused(reason: str) -> ConfigError:
        return ConfigError(
            f"profile {profile.name} v{profile.version} {reason}: run "
            f"`flyball drill --profile {source}` first"
        )

    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        passed = {each["name"] for each in found["drills"] if each["passed"] is True}
        known, build = found["profile_hash"], found["build"]
    except FileNotFoundError:
        raise refused(f"was never drilled ({path} is not there)") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise refused(f"has a drill that cannot be read ({path}: {error})") from error
    if known != profile_hash(profile):
        raise refused("was drilled with other numbers")
    if build != build_hash():
        raise refused("was drilled with another build of the engine")
    if missing := [name for name in names if name not in passed]:
        raise refused(f"did not pass its drill ({', '.join(missing)})")
    return found
