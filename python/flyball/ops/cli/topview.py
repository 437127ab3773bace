"""A run in a terminal, drawn anew twice a second: the same as the page, in characters."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Footer, Sparkline, Static

from flyball.errors import FlyballError
from flyball.ops.cli.liveview import Shown, rows
from flyball.ops.cli.notices import is_alarm, sentence
from flyball.ops.dashboard.picture import gate, latencies, switch_rows
from flyball.ops.report.formats import clock, duration, multiple, percent, plural
from flyball.trading.runtime.runs import RunInfo

__all__ = ["Seen", "Top"]

_LOOK_S = 0.5
_CURVE = 120
_NOTICES = 40
_BAR = 10
_TIMES = ("leverage", "margin")
_STALE_S = 3.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A run at one moment; `status` is `None` while it does not answer, and `reason` says why."""

    run: RunInfo
    status: Mapping[str, Any] | None
    sentinel: Mapping[str, Any] | None = None
    drill: Mapping[str, Any] | None = None
    reason: str = ""


class Top(App[None]):
    """The view.

    Parameters
    ----------
    look : callable
        Looks at the run once; it may wait.
    kill : callable
        Kills everything and says in words what came of it.
    """

    TITLE = "flyball top"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[Any]] = [
        ("K", "kill_run", "KILL: stop and close everything"),
        ("q", "quit", "leave (the run goes on)"),
    ]
    CSS = """
    Screen { layout: vertical; }
    #banner { height: auto; padding: 0 1; }
    #upper { height: auto; }
    .box, #curve, #lower { border-title-color: $text; }
    .box { border: round $surface-lighten-2; padding: 0 1; height: auto; }
    #run { width: 3fr; }
    #right { width: 2fr; height: auto; }
    #curve { height: 4; border: round $surface-lighten-2; padding: 0 1; }
    #lower { height: 1fr; border: round $surface-lighten-2; padding: 0 1; }
    .stale { opacity: 50%; }
    .bad { border: round $error; }
    """

    def __init__(self, look: Callable[[], Seen], kill: Callable[[], str]) -> None:
        super().__init__()
        self._look, self._kill = look, kill
        self._curve: deque[float] = deque(maxlen=_CURVE)
        self._heard: float | None = None
        self._first: str | None = None
        self._busy = False

    def compose(self) -> ComposeResult:
        """What there is to see."""
        yield Static("looking …", id="banner")
        with Horizontal(id="upper"):
            yield Static(id="run", classes="box")
            with Vertical(id="right"):
                yield Static(id="switches", classes="box")
                yield Static(id="gate", classes="box")
        yield Sparkline([], id="curve")
        with VerticalScroll(id="lower"):
            yield Static(id="notices")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin to look."""
        self.query_one("#switches").border_title = "Switches"
        self.query_one("#gate").border_title = "Gate and latency"
        self.query_one("#curve").border_title = "Equity since this was opened"
        self.query_one("#lower").border_title = "Journal tail"
        self.begin_look()
        self.set_interval(_LOOK_S, self.begin_look)

    def begin_look(self) -> None:
        """Look on a thread of its own: the view stays alive when the run does not answer."""
        if not self._busy:
            self._busy = True
            self.run_worker(self._looked, thread=True, exit_on_error=False)

    def _looked(self) -> None:
        try:
            seen = self._look()
        finally:
            self._busy = False
        self.call_from_thread(self.show, seen)

    def action_kill_run(self) -> None:
        """Kill: one step."""
        self.notify("killing …", severity="warning")
        self.run_worker(self._killed, thread=True, exit_on_error=False)

    def _killed(self) -> None:
        try:
            said, bad = self._kill(), False
        except FlyballError as error:
            said, bad = f"NOT KILLED from here: {error}", True
        self.call_from_thread(self.notify, said, severity="error" if bad else "warning", timeout=20)

    def show(self, seen: Seen) -> None:
        """Draw it."""
        now = time.monotonic()
        if seen.status is not None:
            self._heard = now
            self._draw(seen, seen.status)
        silent_s = None if self._heard is None else now - self._heard
        stale = seen.status is None or (silent_s or 0.0) > _STALE_S
        for name in ("#upper", "#curve"):
            self.query_one(name).set_class(stale, "stale")
        self.query_one("#banner", Static).update(_banner(seen, silent_s))

    def _draw(self, seen: Seen, status: Mapping[str, Any]) -> None:
        run = seen.run
        if status["equity"] != "unknown":
            self._curve.append(float(status["equity"]))
            self._first = self._first or status["equity"]
        shown = Shown(run=run, status=status, first_equity=self._first, sentinel=seen.sentinel)
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, value in rows(shown):
            grid.add_row(name, value)
        box = self.query_one("#run", Static)
        box.border_title = (
            f"{', '.join(run.strategies)} on {', '.join(it.symbol for it in run.instruments)}"
        )
        box.set_class(bool(status["tripped"]) or bool(status["killed"]), "bad")
        box.update(grid)
        self.query_one("#switches", Static).update(_switches(seen, status))
        self.query_one("#gate", Static).update(_gate(status))
        self.query_one("#curve", Sparkline).data = list(self._curve)
        self.query_one("#notices", Static).update(_notices(status, run))


def _banner(seen: Seen, silent_s: float | None) -> Text:
    if seen.status is None:
        age = "" if silent_s is None else f"; what is shown is {silent_s:.0f} s old"
        return Text(f"THE RUN DOES NOT ANSWER: {seen.reason}{age}", style="bold red")
    run, text = seen.run, Text()
    if run.network == "mainnet":
        text.append(" REAL MONEY ", style="bold white on red")
    else:
        text.append("simulated" if run.simulated else run.network, style="yellow")
    text.append(f"  {clock(int(seen.status['time_ns']))} UTC", style="dim")
    return text.append(f"  {run.folder}", style="dim")


def _switches(seen: Seen, status: Mapping[str, Any]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    for _ in range(3):
        table.add_column(no_wrap=True)
    for row in switch_rows(seen.run, status, seen.sentinel):
        name = row["name"].replace("_", " ")
        used = row["used"]
        if row["tripped_ns"] is not None:
            said = Text(f"TRIPPED {clock(row['tripped_ns'])}", style="bold red")
        elif row["never"]:
            said = Text("never fires", style="dim")
        elif row["value"] is None:
            said = Text("no position" if status["flat"] else "unknown", style="dim")
        else:
            shown = multiple if row["name"] in _TIMES else percent
            said = Text(f"{shown(row['value'])} of {shown(row['limit'])}")
        table.add_row(Text(name, style="dim"), _bar(used), said)
    drill = seen.drill
    if drill is None or drill["age_s"] is None:
        table.add_row(Text("drill", style="dim"), "", Text("never", style="yellow"))
    else:
        style = "" if drill["counts"] else "yellow"
        said = Text(f"{duration(drill['age_s'] * 1e9)} ago {drill['note']}", style=style)
        table.add_row(Text("drill", style="dim"), "", said)
    return table


def _bar(used: float | None) -> Text:
    if used is None:
        return Text("·" * _BAR, style="dim")
    full = round(used * _BAR)
    style = "red" if used >= 0.8 else "yellow" if used >= 0.5 else "green"
    return Text("█" * full, style=style).append("─" * (_BAR - full), style="dim")


def _gate(status: Mapping[str, Any]) -> Text:
    found, text = gate(status), Text()
    if found is None:
        refused = sum("Refused" in notice for _, notice in status["notices"])
        text.append(f"{plural(refused, 'refusal')} among the last notices", style="dim")
    else:
        refused = sum(found["refused"].values())
        text.append(f"{found['attempted']:,} to the gate, {refused:,} refused")
        for rule, count in sorted(found["refused"].items(), key=lambda it: -it[1])[:3]:
            text.append(f"\n{rule} {count:,}", style="yellow")
    for row in latencies(status)[:6]:
        p99 = "beyond" if row["p99"] is None else f"≤ {duration(row['p99'] * 1e6)}"
        text.append(f"\n{row['name']} {duration(row['mean'] * 1e6)}, 99 % {p99}", style="dim")
    return text


def _notices(status: Mapping[str, Any], run: RunInfo) -> Text:
    text = Text()
    for time_ns, notice in reversed(status["notices"][-_NOTICES:]):
        ((kind, told),) = notice.items()
        text.append(f"{clock(time_ns)} ", style="dim")
        text.append(sentence(kind, told, run) + "\n", style="red" if is_alarm(kind) else "")
    text.rstrip()
    return text or Text("it has said nothing yet", style="dim")
