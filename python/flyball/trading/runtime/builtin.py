"""Strategies by name: built-in ones, and those in the user's own files."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from flyball.domain import Strategy
from flyball.errors import ConfigError
from flyball.trading.runtime.signals import Signals, signature_of

__all__ = ["BUILTIN", "find_strategy", "make_strategy"]

BUILTIN = {
    "breakout": "flyball.trading.strategies.breakout:Breakout",
    "maker": "flyball.trading.strategies.maker:Maker",
    "mean_reversion": "flyball.trading.strategies.mean_reversion:MeanReversion",
}


def make_strategy(name: str, parameters: Mapping[str, Any]) -> Strategy | Signals:
    """The strategy of this name, with these parameters.

    Parameters
    ----------
    name : str
        A built-in name, "module:Class", or "path/to/file.py:Class". A function in the place of the
        class is one of signals over arrays.
    parameters : mapping
        Fields of the strategy; texts are turned into what the field is.

    Raises
    ------
    ConfigError
        If there is no such strategy, or a parameter is unknown, missing or of the wrong kind.

    Examples
    --------
    >>> make_strategy("breakout", {"channel": "20"})
    Breakout(bars='5m', channel=20, stop=3.0)
    """
    found = find_strategy(name)
    if not isinstance(found, type):
        return _signals(found, parameters)
    known = {f.name: f for f in fields(found)} if is_dataclass(found) else {}
    values: dict[str, Any] = {}
    for key, value in parameters.items():
        if known and key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"; the nearest is {near[0]!r}" if near else f": it has {', '.join(known)}"
            raise ConfigError(f"{found.__name__} has no parameter {key!r}{hint}")
        values[key] = _typed(key, value, known[key].type if key in known else None)
    missing = [
        key
        for key, f in known.items()
        if f.default is MISSING and f.default_factory is MISSING and key not in values
    ]
    if missing:
        raise ConfigError(f"{found.__name__} wants a value for {missing[0]!r}")
    try:
        made: Strategy = found(**values)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{found.__name__} cannot be made: {error}") from error
    return made


def _signals(function: Callable[..., object], parameters: Mapping[str, Any]) -> Signals:
    """A function of bars with these parameters; its first is the bars themselves."""
    known = dict(list(signature_of(function).parameters.items())[1:])
    values: dict[str, Any] = {}
    for key, value in parameters.items():
        if key == "bars":
            values[key] = value
            continue
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"; the nearest is {near[0]!r}" if near else f": it has {', '.join(known)}"
            raise ConfigError(f"{function.__name__} has no parameter {key!r}{hint}")
        kind, default = known[key].annotation, known[key].default
        if kind is inspect.Parameter.empty:
            kind = type(default)
        values[key] = _typed(key, value, kind)
    return Signals(function, **values)


def find_strategy(name: str) -> type | Callable[..., object]:
    """The class of this name, or the function of bars.

    Raises
    ------
    ConfigError
        If there is none.
    """
    return _find(BUILTIN.get(name, name))


def _find(target: str) -> type | Callable[..., object]:
    module_name, colon, class_name = target.rpartition(":")
    if not colon:
        near = get_close_matches(target, BUILTIN, n=1)
        hint = f"; the nearest is {near[0]!r}" if near else ""
        raise ConfigError(
            f"there is no strategy {target!r}{hint}: built in are {', '.join(BUILTIN)}; "
            "your own is file.py:Class"
        )
    if module_name.endswith(".py"):
        module = _load_file(Path(module_name))
    else:
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            raise ConfigError(f"there is no module {module_name!r}: {error}") from error
    found = getattr(module, class_name, None)
    if not (inspect.isclass(found) or inspect.isfunction(found)):
        kinds = (inspect.isclass, inspect.isfunction)
        names = [key for key, value in vars(module).items() if any(kind(value) for kind in kinds)]
        near = get_close_matches(class_name, names, n=1)
        hint = f"; the nearest is {near[0]!r}" if near else ""
        raise ConfigError(f"{module_name} has no class {class_name!r}{hint}")
    made: type | Callable[..., object] = found
    return made


def _load_file(path: Path) -> Any:  # noqa: ANN401
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ConfigError(f"{path}: there is no such Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _typed(key: str, value: Any, kind: Any) -> Any:  # noqa: ANN401
    """A parameter given as text becomes what the field is."""
    name = kind.__name__ if isinstance(kind, type) else kind
    if not isinstance(value, str) or name not in ("int", "float", "bool"):
        return value
    try:
        if name == "bool":
            return {"true": True, "false": False}[value.lower()]
        return int(value) if name == "int" else float(value)
    except (ValueError, KeyError) as error:
        raise ConfigError(f"parameter {key}: {value!r} is no {name}") from error
