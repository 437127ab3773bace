"""The built page, as files in memory."""

import mimetypes
from pathlib import Path

__all__ = ["PAGE", "UNBUILT", "page_files", "unbuilt"]

PAGE = Path(__file__).parent / "page"
UNBUILT = "the page is not built: `make setup` builds it where Node 20.19 or newer is installed"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8"}


def page_files(folder: Path = PAGE) -> dict[str, tuple[bytes, str]]:
    """The built page: each path with its bytes and type. Empty where it was not built.

    It is read once: no request ever reaches the file system.
    """
    if not (folder / "index.html").is_file():
        return {}
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
            name = "/" + path.relative_to(folder).as_posix()
            found[name] = (path.read_bytes(), kind or "application/octet-stream")
    return {**found, "/": found["/index.html"]}


def unbuilt() -> dict[str, tuple[bytes, str]]:
    """What is shown instead: how the page is had, and what works without it."""
    text = (
        f"Flyball: {UNBUILT}. Without it `flyball top`, `flyball status` and `flyball kill` work, "
        "and so do /status, /kill and /release here, with the token.\n"
    )
    return {"/": (text.encode(), "text/plain; charset=utf-8")}
