"""Questions to the catalogue's tables: SQL, and what was known at a moment.

Needs duckdb: `pip install flyball[research]`.
"""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from flyball.domain import Dataset
from flyball.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from duckdb import DuckDBPyConnection
    from numpy.typing import ArrayLike, NDArray

__all__ = ["as_of", "connect"]

Table = Literal["trades", "quotes", "bars", "funding", "references"]


def connect(dataset: Dataset) -> "DuckDBPyConnection":
    """A DuckDB connection in which each table of the dataset is a view of its name.

    Examples
    --------
    >>> connect(dataset).sql("select avg(price) from trades")  # doctest: +SKIP
    """
    try:
        import duckdb
    except ModuleNotFoundError as error:
        raise DataError("duckdb is not installed: pip install flyball[research]") from error
    connection = duckdb.connect()
    for path in sorted(dataset.folder.glob("*.parquet")):
        quoted = str(path).replace("'", "''")
        connection.execute(f"create view \"{path.stem}\" as select * from '{quoted}'")  # noqa: S608
    return connection


def as_of(dataset: Dataset, times_ns: "ArrayLike", *, table: Table) -> "Mapping[str, NDArray[Any]]":
    """For each time, the newest row of a table that had been received by then.

    By time of receipt and not of happening: what was not yet known is not told. Of rows that were
    received at the same nanosecond, the last one counts.

    Parameters
    ----------
    dataset : Dataset
    times_ns : array of int, shape (n,)
        UTC nanoseconds since 1970.
    table : str
        "trades", "quotes", "bars", "funding" or "references".

    Returns
    -------
    mapping of str to array, each of shape (n,)
        The table's columns and `at_ns`; a row from before the first one is masked.

    Raises
    ------
    DataError
        If the dataset has no such table, or duckdb is not installed.
    """
    connection = connect(dataset)
    known = {row[0] for row in connection.execute("show tables").fetchall()}
    if table not in known:
        raise DataError(f"{dataset.name} has no table {table!r}: it has {', '.join(sorted(known))}")
    times = np.atleast_1d(np.asarray(times_ns, dtype=np.int64))
    connection.register("asked", {"at_ns": times, "place": np.arange(times.size)})
    query = f"""
        with last as (
            select * from {table}
            qualify row_number() over (partition by received_ns order by event desc) = 1
        )
        select asked.at_ns, last.* from asked
        asof left join last on asked.at_ns >= last.received_ns
        order by asked.place
    """  # noqa: S608
    found: dict[str, NDArray[Any]] = connection.execute(query).fetchnumpy()
    return found
