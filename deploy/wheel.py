"""Looks at what a wheel carries: `python deploy/wheel.py dist`; code 1 when something is amiss.

Compared is with the sources beside it: each file of the package that belongs into a wheel must be
in it, the built page with everything that it names, and nothing that a user has no use for.
"""

import base64
import csv
import hashlib
import io
import re
import sys
import zipfile
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "python"
PAGE = "flyball/ops/dashboard/page/"
ENGINE = re.compile(r"flyball/_core\.[\w.-]+")
NOT_CARRIED = ("__pycache__", ".so", ".pyc")


def wanted() -> set[str]:
    """What of the sources belongs into a wheel; the engine itself is named by the platform."""
    found = set()
    for path in PACKAGE.rglob("*"):
        name = path.relative_to(PACKAGE).as_posix()
        if path.is_file() and not any(it in name for it in NOT_CARRIED):
            found.add(name)
    return {name for name in found if not name.rpartition("/")[2].startswith("test_")}


def page(read: zipfile.ZipFile) -> list[str]:
    """What the page names and is not there."""
    there = set(read.namelist())
    if PAGE + "index.html" not in there:
        return ["the page is not there: make setup builds it where Node is"]
    named = re.findall(r'(?:src|href)="/([^"]+)"', read.read(PAGE + "index.html").decode())
    missing = [name for name in named if PAGE + name not in there]
    if not any(name.endswith(".js") for name in named):
        missing.append("a script")
    return [f"the page names {name}, which is not there" for name in missing]


def recorded(read: zipfile.ZipFile) -> list[str]:
    """Files whose hash is not the one that the wheel's own list has."""
    (record,) = (name for name in read.namelist() if name.endswith(".dist-info/RECORD"))
    bad = []
    for name, digest, _ in csv.reader(io.StringIO(read.read(record).decode())):
        if digest:
            found = hashlib.sha256(read.read(name)).digest()
            own = base64.urlsafe_b64encode(found).rstrip(b"=").decode()
            if digest != f"sha256={own}":
                bad.append(f"{name} is not what RECORD says")
    return bad


def amiss(wheel: Path) -> list[str]:
    """What is wrong with a wheel, a line each."""
    with zipfile.ZipFile(wheel) as read:
        there = {name for name in read.namelist() if not name.endswith("/")}
        found = [f"{name} is missing" for name in sorted(wanted() - there)]
        if not any(ENGINE.fullmatch(name) and not name.endswith(".pyi") for name in there):
            found.append("the engine is missing")
        known = {*wanted(), *(name for name in there if ENGINE.fullmatch(name))}
        own = {name for name in there if ".dist-info/" not in name}
        found += [f"{name} has no business there" for name in sorted(own - known)]
        return [*found, *page(read), *recorded(read)]


def main() -> int:
    """Look at the only wheel of a folder."""
    folder = Path(sys.argv[1])
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        sys.stderr.write(f"{folder}: wants one wheel, there are {len(wheels)}\n")
        return 1
    name, found = wheels[0].name, amiss(wheels[0])
    size = wheels[0].stat().st_size / 1e6
    well = f"{name}: {size:.1f} MB, all of the package and its page are in it\n"
    sys.stderr.write("".join(f"{name}: {line}\n" for line in found) or well)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
