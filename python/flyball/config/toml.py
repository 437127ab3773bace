"""TOML into typed values, with errors that name the key, its place and the nearest valid key."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import msgspec

from flyball.errors import ConfigError

__all__ = ["decode", "load"]

T = TypeVar("T")

_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>[^`]+)`(?: - at `\$(?P<path>.*)`)?")
_MISSING = re.compile(r"Object missing required field `(?P<key>[^`]+)`(?: - at `\$(?P<path>.*)`)?")
_WRONG = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$")


def load(path: Path, kind: type[T]) -> T:
    """Read a TOML file as `kind`.

    Raises
    ------
    ConfigError
        If the file cannot be read, is no TOML, or does not hold what `kind` wants; the message
        names the file, the line, the key and the nearest valid key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"{path}: {reason}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start})") from error
    return decode(text, kind, where=str(path))


def decode(text: str, kind: type[T], *, where: str) -> T:
    """Read TOML text as `kind`; `where` names it in errors. See `load`."""
    try:
        data = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not valid TOML: {error}") from error
    try:
        return msgspec.convert(data, kind, strict=True)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}{_explain(str(error), text, kind)}") from error


def _explain(message: str, text: str, kind: type) -> str:
    if found := _UNKNOWN.match(message):
        key, path = found["key"], (found["path"] or "").lstrip(".")
        valid = _keys(kind, path)
        import difflib

        near = difflib.get_close_matches(key, valid, n=1, cutoff=0.5)
        hint = f"; the nearest valid key is {near[0]!r}" if near else ""
        if not near and valid:
            hint = f"; valid keys here: {', '.join(sorted(valid))}"
        return f"{_line(text, path, key)}: unknown key {_dotted(path, key)!r}{hint}"
    if found := _MISSING.match(message):
        key, path = found["key"], (found["path"] or "").lstrip(".")
        return f"{_line(text, path, None)}: missing key {_dotted(path, key)!r}"
    found = _WRONG.match(message)
    path = (found["path"] if found else "") or ""
    what = found["what"] if found else message
    table, _, key = path.rpartition(".")
    return f"{_line(text, table, key or None)}: {path}: {what}"


def _dotted(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _keys(kind: type, path: str) -> list[str]:
    """Valid keys of the table at `path`."""
    for part in filter(None, path.split(".")):
        try:
            found = [f for f in msgspec.structs.fields(kind) if f.encode_name == part]
        except TypeError:
            return []
        if not found or not isinstance(found[0].type, type):
            return []
        kind = found[0].type
    try:
        return [f.encode_name for f in msgspec.structs.fields(kind)]
    except TypeError:
        return []


def _line(text: str, table: str, key: str | None) -> str:
    """`:12` for the line of a key in a table, of the table itself, or nothing."""
    here, found = "", ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line):
            here = header[1].replace('"', "")
            if here == table and key is None:
                return f":{number}"
        elif key is not None and re.match(rf"\s*\"?{re.escape(key)}\"?\s*[.=]", line):
            if here == table:
                return f":{number}"
            found = found or f":{number}"
    return found
