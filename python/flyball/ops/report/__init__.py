"""Reports in HTML."""

from pathlib import Path


def report(results, path):  # noqa
    Path(path).write_text("x")
    return Path(path)
