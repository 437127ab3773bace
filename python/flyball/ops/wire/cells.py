"""The cells: each a profile, a bad strategy, a window and a fault."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flyball.config.profile import Profile
from flyball.ops.wire import strategies
from flyball.ops.wire.faults import FAULTS, Fault
from flyball.ops.wire.windows import Window, made_gap, recorded_crash

__all__ = ["GAPS", "STRATEGIES", "UNPROTECTED", "Cell", "Outcome", "all_cells", "few_cells"]

UNPROTECTED = "unprotected"
GAPS = (0.10, 0.20, 0.40)
STRATEGIES = {
    "all_in": strategies.AllIn,
    "always_long": strategies.AlwaysLong,
    "flip_flop": strategies.FlipFlop,
}
_NOISE = 0.005  # of a price: half the spread at the entry, and what the market does by itself
_SOON = 1.5  # the recorded crash in a small set: played so many times as fast


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One run: what protects it, what trades, what prices do, what goes wrong."""

    profile: Profile
    source: str
    strategy: str
    window: Window
    fault: Fault

    @property
    def name(self) -> str:
        """What figures call it."""
        return f"{self.profile.name}/{self.window.name}/{self.strategy}/{self.fault.name}"

    @property
    def protected(self) -> bool:
        """Whether anything protects it."""
        return self.profile.name != UNPROTECTED


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a cell came to, at the venue. Fractions are of 1, times milliseconds of the machine's.

    Attributes
    ----------
    cell, profile, strategy, window, fault, kind : str
        Which; `kind` is the crash matrix's word for the fault.
    failure : str
        Why it could not be judged; empty otherwise.
    drawdown, line, overshoot, emergency : float
        The deepest drawdown that was seen at the venue, the profile's lines, what went beyond.
    move_met, gap_assumed : float
        The largest move against a position, from its entry or from the best price since then, and
        the profile's assumed gap.
    held : bool
        Whether something was held when the prices began to move.
    stopped_by : str
        What stopped all trading first: a switch, the sentinel, or the operator at the end; empty
        where the engine was gone and the stop at the venue left the sentinel nothing to close.
    flat, said_flat : bool
        Whether the venue held nothing at the end, no order among it; whether engine or sentinel had
        said so within a minute of that.
    ms_to_closed : float or None
        From the first move of prices until the venue showed for the first time that nothing is
        held; looked at every 25 ms.
    ms_to_act : float or None
        From the fault's beginning to the sentinel's first action on the wire, where it acted.
    ms_to_stop, ms_to_flat : float or None
        From the first move of prices to the stop of all trading; from the stop to a flat account as
        whoever closed says it.
    ms_after_fault : float or None
        From the end of the fault until whoever closed had said that the account is flat; negative
        where that was before.
    orders_after_stop : int
        Orders that could add risk and reached the venue later than 10 ms after the stop.
    signs : tuple of str
        By what the fault was noticed: what could not be written, how often the venue failed.
    fills, looks : int
        Fills of the account; how often it was looked at.
    seconds : float
        How long the cell took.
    """

    cell: str
    profile: str
    strategy: str
    window: str
    fault: str
    kind: str
    failure: str = ""
    drawdown: float = 0.0
    line: float = 0.0
    emergency: float = 0.0
    overshoot: float = 0.0
    move_met: float = 0.0
    gap_assumed: float = 0.0
    held: bool = False
    stopped_by: str = ""
    flat: bool = False
    said_flat: bool = False
    ms_to_closed: float | None = None
    ms_to_act: float | None = None
    ms_to_stop: float | None = None
    ms_to_flat: float | None = None
    ms_after_fault: float | None = None
    orders_after_stop: int = 0
    signs: tuple[str, ...] = ()
    fills: int = 0
    looks: int = 0
    seconds: float = 0.0

    @property
    def within(self) -> bool:
        """Whether the move was one that had to be expected, spread and noise aside."""
        return self.move_met <= self.gap_assumed + _NOISE

    def row(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def _windows(data: Path | None, *, seconds: float) -> list[Window]:
    recorded = [] if data is None else [recorded_crash(data, seconds=seconds)]
    return [*recorded, *(made_gap(gap) for gap in GAPS)]


def all_cells(
    profiles: Sequence[tuple[Profile, str]], off: Profile, *, data: Path | None
) -> list[Cell]:
    """Every profile with everything; without protection every strategy and window, and no fault.

    Parameters
    ----------
    profiles : sequence of (Profile, str)
        What protects, and its name or file.
    off : Profile
        What protects nothing, to compare with.
    data : Path, optional
        The folder of recorded bars; without it only made gaps are there.
    """
    windows = _windows(data, seconds=30.0)
    cells = [
        Cell(profile=profile, source=source, strategy=strategy, window=window, fault=fault)
        for window in windows
        for profile, source in profiles
        for strategy in STRATEGIES
        for fault in FAULTS
    ]
    return cells + _compared(off, windows, tuple(STRATEGIES))


def few_cells(
    profiles: Sequence[tuple[Profile, str]], off: Profile, *, data: Path | None
) -> list[Cell]:
    """Every fault once with every profile; strategies and windows in turn."""
    windows = _windows(data, seconds=30.0 / _SOON)
    # Each fault meets another strategy and another window with each profile.
    names = tuple(STRATEGIES)
    cells = [
        Cell(
            profile=profile,
            source=source,
            strategy=names[(at + step) % len(names)],
            window=windows[-1 - (at + step) % len(windows)],
            fault=fault,
        )
        for step, (profile, source) in enumerate(profiles)
        for at, fault in enumerate(FAULTS)
    ]
    return cells + _compared(off, windows[-1:], names[:1])


def _compared(off: Profile, windows: Sequence[Window], names: Sequence[str]) -> list[Cell]:
    return [
        Cell(profile=off, source=off.name, strategy=strategy, window=window, fault=FAULTS[0])
        for window in windows
        for strategy in names
    ]
