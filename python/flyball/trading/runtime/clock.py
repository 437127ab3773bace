"""The clock of a run: the system's, or one that runs faster with a local exchange."""

import time
from dataclasses import dataclass

__all__ = ["Clock"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """Shows `start_ns` when the system's clock shows `anchor_ns`, and runs `speed` times as fast.

    Times are UTC nanoseconds since 1970.
    """

    anchor_ns: int = 0
    start_ns: int = 0
    speed: int = 1

    def now_ns(self) -> int:
        """What it shows now."""
        return self.start_ns + (time.time_ns() - self.anchor_ns) * self.speed

    def engine(self) -> tuple[int, int, int]:
        """As the engine takes it."""
        return self.anchor_ns, self.start_ns, self.speed
