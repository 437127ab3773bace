"""`flyball demo`: a crash, once with protection and once without."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from flyball.errors import DataError
from flyball.ops.cli import console
from flyball.ops.cli.follow import Signals
from flyball.ops.cli.liveview import position_text
from flyball.ops.report import report as write_report
from flyball.ops.report.formats import amount, percent
from flyball.trading.runtime import demo as market
from flyball.trading.runtime.backtest import backtest as backtest_of
from flyball.trading.runtime.live import LiveSession
from flyball.trading.runtime.replay import replay
from flyball.trading.runtime.result import Result
from flyball.trading.runtime.venue import positions
from flyball.trading.strategies.mean_reversion import MeanReversion

__all__ = ["demo"]

_LOOK_S = 0.1
_LINE_S = 10.0
_TITLES = ("protected", "without")


@dataclass(frozen=True, kw_only=True, slots=True)
class Demo:
    """Both runs, and where everything lies."""

    protected: Result
    unprotected: Result
    flat: bool | None
    report: Path
    replay_verified: bool
    simulated: str


def demo(
    *,
    seed: Annotated[int, Parameter(help="The market follows from it.")] = market.SEED,
    minutes: Annotated[
        float, Parameter(help="Minutes of the market before the crash.")
    ] = market.LIVE_MINUTES,
    speed: Annotated[
        int, Parameter(help="How many times as fast as ours the market runs.")
    ] = market.LIVE_SPEED,
    backtest: Annotated[
        bool, Parameter(help="Without sockets: a longer market, as fast as the machine can.")
    ] = False,
    hours: Annotated[
        float, Parameter(help="With --backtest: hours of the market before the crash.")
    ] = market.HOURS,
    out: Annotated[Path, Parameter(help="Where runs are kept.")] = Path("runs"),
    json: Annotated[bool, Parameter(help="Print one JSON object.")] = False,
) -> None:
    """Trade a simulated XRP market that ends in a crash, with and without protection.

    A local exchange serves the market over sockets, faster than real time. Two accounts trade on it
    at once with the same strategy: one under the profile `emergency`, one under `unprotected`. The
    market follows from the seed; the engine, its sockets and its threads are real, so that runs
    differ a little in their timing. In the crash, all prices gap by 16 % once the protected account
    is long: the worst moment, which the demonstration waits for.

    Example: flyball demo --seed 7
    """
    folder = console.fresh_folder(out, f"demo-{seed}")
    done = (
        _in_process(seed=seed, hours=hours, folder=folder)
        if backtest
        else _over_sockets(seed=seed, minutes=minutes, speed=speed, folder=folder)
    )
    if json:
        console.print_json(_json(done))
    else:
        _tell(done)


def _over_sockets(*, seed: int, minutes: float, speed: int, folder: Path) -> Demo:
    length_s = market.live_seconds(minutes=minutes, speed=speed)
    with (
        Signals() as signals,
        market.live_exchange(seed=seed, minutes=minutes, speed=speed) as exchange,
    ):
        console.say(f"local exchange at {exchange.url}, {speed} times real time, {length_s:.0f} s")
        sessions = [
            market.live_session(
                exchange, at, profile=profile, state=folder / title, tell=console.say
            )
            for at, (profile, title) in enumerate(
                zip(("emergency", "unprotected"), _TITLES, strict=True)
            )
        ]
        try:
            for session in sessions:
                session.start()
            gap = market.Gap(exchange, minutes=minutes)
            _show(sessions, length_s, gap, until=lambda: signals.count > 0)
            protected = sessions[0].stop(flatten=True)
            flat = _flat_at_venue(sessions[0])
            # Nobody closes what is not protected: it is what it is.
            unprotected = sessions[1].stop(flatten=False)
        finally:
            for session in sessions:
                if session.is_running:
                    session.stop()
        if signals.count:
            raise KeyboardInterrupt
    return _done(
        protected,
        unprotected,
        folder,
        flat=flat,
        simulated="market, venue and money; the engine, its sockets and its threads are real: "
        "runs differ a little in their timing",
    )


def _flat_at_venue(session: LiveSession) -> bool | None:
    where = session.venue
    try:
        return not positions(where.endpoint.http, where.keys.account)
    except DataError:
        return None


def _show(
    sessions: Sequence[LiveSession],
    length_s: float,
    gap: market.Gap,
    *,
    until: Callable[[], bool],
) -> None:
    """Both accounts, side by side, until the market is over."""
    began, lined = time.monotonic(), -_LINE_S
    terminal = console.err.is_terminal
    with Live(console=console.err, auto_refresh=False, transient=True) as live:
        while (elapsed := time.monotonic() - began) < length_s and not until():
            found = [session.status() for session in sessions]
            gap.look(found[0])
            if terminal:
                live.update(_view(sessions, found, elapsed / length_s), refresh=True)
            elif elapsed - lined >= _LINE_S:
                lined = elapsed
                console.say(f"{elapsed:3.0f} s  {_line(found)}")
            time.sleep(_LOOK_S)


def _loss(value: float | None) -> str:
    return "unknown" if value is None else percent(max(0.0, value))


def _view(sessions: Sequence[LiveSession], found: Sequence[dict[str, Any]], share: float) -> Group:
    table = Table(box=None, pad_edge=False)
    for title in ("", "equity", "drawdown", "position", "switches"):
        table.add_column(title, overflow="fold")
    for title, session, status in zip(_TITLES, sessions, found, strict=True):
        tripped = ", ".join(name.replace("_", " ") for name, _ in status["tripped"])
        equity = "unknown" if status["equity"] == "unknown" else amount(float(status["equity"]))
        table.add_row(
            title,
            equity,
            _loss(status["drawdown"]),
            position_text(session.info.instruments[0], status["instruments"][0]),
            Text(tripped.upper() or "-", style="bold red" if tripped else "dim"),
        )
    return Group(table, ProgressBar(total=1.0, completed=min(1.0, share), width=60))


def _line(found: Sequence[dict[str, Any]]) -> str:
    parts = []
    for title, status in zip(_TITLES, found, strict=True):
        tripped = "".join(f" {name.upper()}" for name, _ in status["tripped"])
        parts.append(
            f"{title}: equity {status['equity']}, down {_loss(status['drawdown'])}{tripped}"
        )
    return "; ".join(parts)


def _in_process(*, seed: int, hours: float, folder: Path) -> Demo:
    with console.progress_bar("making the market  ") as tell:
        dataset = market.synthetic_market(folder, seed=seed, hours=hours, progress=tell)
    strategy = MeanReversion()
    with console.progress_bar("trading, protected ") as tell:
        protected = backtest_of(
            strategy,
            data=dataset,
            profile="emergency",
            cash=market.CASH,
            sizing=market.SIZING,
            journal=folder / "journal",
            progress=tell,
        )
    with console.progress_bar("trading, without   ") as tell:
        unprotected = backtest_of(
            strategy,
            data=dataset,
            profile="unprotected",
            cash=market.CASH,
            sizing=market.SIZING,
            progress=tell,
        )
    return _done(
        protected,
        unprotected,
        folder,
        flat=protected.flat,
        simulated="all of it: no sockets, no threads; the same every time",
    )


def _done(
    protected: Result, unprotected: Result, folder: Path, *, flat: bool | None, simulated: str
) -> Demo:
    """Replay what was kept, and write the report."""
    journal = protected.journal or folder
    with console.progress_bar("replaying          ") as tell:
        replayed = replay(journal, progress=lambda events: tell(events / max(1, protected.events)))
    report = write_report([protected, unprotected], folder / "report.html")
    return Demo(
        protected=protected,
        unprotected=unprotected,
        flat=flat,
        report=report,
        replay_verified=replayed.state_hash == protected.state_hash,
        simulated=simulated,
    )


def _json(done: Demo) -> dict[str, object]:
    kept = done.protected
    return {
        "simulated": True,
        "what_is_simulated": done.simulated,
        "trades": kept.trades,
        "pnl": float(kept.pnl),
        "max_drawdown": kept.max_drawdown,
        "unprotected_drawdown": done.unprotected.max_drawdown,
        "unprotected_pnl": float(done.unprotected.pnl),
        "tripped": list(kept.tripped),
        "flat": done.flat,
        "ms_to_flat": kept.ms_to_flat,
        "journal": kept.journal,
        "report": done.report,
        "replay_verified": done.replay_verified,
        "state_hash": kept.state_hash,
    }


def _tell(done: Demo) -> None:
    kept, lost = done.protected, done.unprotected
    console.out.print()
    console.table(
        "A simulated XRP perpetual, its last minutes a crash, traded by mean reversion",
        [
            ("", "protected           without"),
            ("P&L", f"{kept.pnl:>+12,.2f} USD  {lost.pnl:>+12,.2f} USD"),
            ("max drawdown", f"{kept.max_drawdown:>12.2%}      {lost.max_drawdown:>12.2%}"),
            ("round trips", f"{kept.trades:>12}      {lost.trades:>12}"),
            ("flat at the end", f"{_yes(done.flat):>12}      {_yes(lost.flat):>12}"),
        ],
    )
    console.out.print()
    took = "-" if kept.ms_to_flat is None else f"{kept.ms_to_flat:.0f} ms (of the market's time)"
    console.table(
        "Protection",
        [
            ("switches tripped", ", ".join(kept.tripped) or "none"),
            ("trip to verified flat", took),
            ("replay", "gives the same commands and state" if done.replay_verified else "DIFFERS"),
            ("simulated", done.simulated),
            ("journal", str(kept.journal)),
            ("report", str(done.report)),
        ],
    )


def _yes(value: bool | None) -> str:  # noqa: FBT001
    return {True: "yes", False: "no", None: "unknown"}[value]
