"""Libraries of the extra `research`: imported when they are needed, and named when absent."""

from importlib import import_module
from typing import Any

from flyball.errors import DataError

__all__ = ["library"]


def library(module: str) -> Any:  # noqa: ANN401
    """A module of an optional library, such as "scipy.stats".

    Raises
    ------
    DataError
        If the library is not installed; the message says how to install it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        name = module.partition(".")[0]
        if error.name is not None and error.name.partition(".")[0] != name:
            raise
        raise DataError(f"{name} is not installed: pip install flyball[research]") from error
