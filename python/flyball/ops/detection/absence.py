"""Values that are not there. Unknown is never safe, and never zero."""

import numpy as np

from flyball.ops.detection.streams import Flags, Floats, Shape

__all__ = ["Absence"]


class Absence:
    """For how many seconds in a row a value has been missing.

    A metric that was never there is not missing: a run without a sentinel has none to hear.

    Parameters
    ----------
    shape : tuple of int
        Of one observation.

    Examples
    --------
    >>> gone = Absence(())
    >>> found = [float(gone.update(np.asarray(v), seconds=1.0)) for v in (np.nan, 1.0, np.nan)]
    >>> found
    [0.0, 0.0, 1.0]
    """

    def __init__(self, shape: Shape) -> None:
        self._known: Flags = np.zeros(shape, dtype=bool)
        self._for = np.zeros(shape)

    def update(self, values: Floats, /, *, seconds: float) -> Floats:
        """How long each value has been gone, `seconds` after the last look."""
        missing = np.isnan(values)
        self._for = np.where(missing & self._known, self._for + seconds, 0.0)
        self._known = self._known | ~missing
        return self._for
