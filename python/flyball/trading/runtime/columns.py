"""What a run leaves behind, as columns: arrays when somebody looks at them.

NumPy takes longer to load than many a run takes: who only wants a run's numbers does without.
"""

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["Columns", "collected", "row_count"]

_TABLES = ("samples", "fills", "orders")


class Columns(Mapping[str, Any]):
    """Columns by name: NumPy arrays, shape (rows,), read-only; words are lists.

    Parameters
    ----------
    raw : mapping
        By name a NumPy type and the bytes, or a list.
    """

    def __init__(self, raw: Mapping[str, tuple[str, bytes] | list[str]]) -> None:
        self._raw = raw
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401
        if name not in self._made:
            given = self._raw[name]
            if isinstance(given, list):
                return given
            import numpy as np

            kind, values = given
            self._made[name] = np.frombuffer(values, dtype=kind)
        return self._made[name]

    @property
    def rows(self) -> int:
        """How many values a column has."""
        kind, values = self._raw["time_ns"]
        return len(values) // int(kind[2:])

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)


def row_count(table: Mapping[str, Any]) -> int:
    """How many rows a table of a run has."""
    if isinstance(table, Columns):
        return table.rows
    return len(table["time_ns"])


def collected(outcome: dict[str, Any]) -> dict[str, Any]:
    """What the engine collected of a run, its tables as columns."""
    return outcome | {name: Columns(outcome[name]) for name in _TABLES}
