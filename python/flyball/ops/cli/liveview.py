"""How a live run looks in a terminal, and as a line where there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from flyball.ops.cli.notices import is_alarm, sentence
from flyball.ops.health import Health
from flyball.ops.report.formats import amount, clock, duration, percent, plain, plural, signed
from flyball.trading.runtime.runs import RunInfo

__all__ = ["Shown", "line", "panel", "position_text", "rows", "sentinel_text"]

_SHOWN_NOTICES = 5
_OLD_FEED_NS = 2 * 10**9
_OLD_SENTINEL_MS = 3_000
_KINDS = {"local": "simulated", "testnet": "testnet", "mainnet": "REAL MONEY"}
_MODES = {"normal": "normal", "reduce_only": "may only reduce", "killed": "killed: may only reduce"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A run and how it is doing, to be shown."""

    run: RunInfo
    status: Mapping[str, Any]
    first_equity: str | None = None
    elapsed: str = ""
    sentinel: Mapping[str, Any] | None = None
    health: Health | None = None

    @property
    def age_ns(self) -> int | None:
        """How long ago the market was heard, by the run's clock."""
        heard = int(self.status["connections"]["market_heard_ns"])
        return None if heard == 0 else max(0, self.run.now_ns - heard)


def _money(text: str) -> str:
    return "unknown" if text == "unknown" else amount(Decimal(text))


def _loss(value: float | None) -> str:
    return "unknown" if value is None else percent(max(0.0, value))


def _price(ticks: int | None, tick: Decimal) -> str:
    return "unknown" if ticks is None else plain(float(ticks * tick))


def panel(shown: Shown) -> RenderableType:
    """The whole of it."""
    run, status = shown.run, shown.status
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows(shown):
        grid.add_row(name, value)
    parts: list[RenderableType] = [grid]
    if notices := _notices(status["notices"], run):
        parts += [Text(), notices]
    bad = bool(status["tripped"]) or status["killed"]
    title = f"{', '.join(run.strategies)} on {', '.join(it.symbol for it in run.instruments)}"
    return Panel(
        Group(*parts),
        title=Text(title, style="bold"),
        title_align="left",
        border_style="red" if bad else "dim",
    )


def rows(shown: Shown) -> list[tuple[str, Text]]:
    """Names and values, one below the other."""
    run, status = shown.run, shown.status
    found = [("venue", _venue(shown)), ("equity", _equity(shown)), ("drawdown", _drawdown(shown))]
    for traded, it in zip(run.instruments, status["instruments"], strict=False):
        found += [
            ("position", position_text(traded, it)),
            ("stop", _stop(traded.tick_size, it, run)),
        ]
        if it["orders"]:
            found.append(("orders", _orders(it)))
        if it["mode"] != "normal":
            found.append(("mode", Text(_MODES.get(it["mode"], it["mode"]), style="yellow")))
    if status["restraints"]:
        found.append(("budget", _budget(status)))
    found += [("switches", _switches(status)), ("feed", _feed(shown))]
    found += [("strategy", _strategy(each)) for each in status["strategies"]]
    if (guard := _guard(shown)) is not None:
        found.append(("sentinel", guard))
    if status["connections"]["journal_failing"]:
        text = f"CANNOT BE WRITTEN, {status['connections']['journal_lag']:,} records wait"
        found.append(("journal", Text(text, style="bold red")))
    if shown.health is not None:
        found += _unwell(shown.health)
    return found


def _unwell(found: Health) -> list[tuple[str, Text]]:
    """The parts that are not well, where it begins first; and what a person can do."""
    bad = [it for it in found.components if it.state in ("degraded", "failed")]
    if not bad:
        return [("health", Text("all parts are well", style="dim"))]
    roots = {it.name for it in found.roots()}
    rows: list[tuple[str, Text]] = []
    for it in sorted(bad, key=lambda it: it.name not in roots):
        style = "bold red" if it.state == "failed" else "bold yellow"
        text = Text(f"{it.name}: {it.reason}", style=style)
        if it.advice:
            text.append(f"\n{it.advice}", style="dim")
        rows.append(("health" if not rows else "", text))
    return rows


def _budget(status: Mapping[str, Any]) -> Text:
    who = ", ".join(f"{by} leaves {share:.0%}" for by, share in status["restraints"])
    return Text(f"{status['share']:.0%} of the risk budget: {who}", style="yellow")


def _venue(shown: Shown) -> Text:
    run = shown.run
    kind = _KINDS.get(run.network, run.network)
    parts = [f"{run.venue} ({kind})", f"{run.account[:6]}…{run.account[-6:]}", run.profile]
    if run.clock[2] != 1:
        parts.insert(1, f"{run.clock[2]} times real time")
    if shown.elapsed:
        parts.append(shown.elapsed)
    return Text(" · ".join(parts), style="bold" if run.network == "mainnet" else "")


def _equity(shown: Shown) -> Text:
    status, first = shown.status, shown.first_equity
    text = Text().append(_money(status["equity"]), style="bold")
    known = "unknown" not in (status["equity"], first)
    if first is not None and known and Decimal(first):
        gain = Decimal(status["equity"]) - Decimal(first)
        style = "green" if gain > 0 else "red" if gain < 0 else "dim"
        text.append(f"  {signed(gain)} ({percent(gain / Decimal(first))})", style=style)
    return text.append(f"  cash {_money(status['cash'])}", style="dim")


def _drawdown(shown: Shown) -> Text:
    status, limits = shown.status, shown.run.limits
    text = Text(_loss(status["drawdown"]))
    text.append(f" of {_limit(limits.get('switches.drawdown'))}", style="dim")
    text.append(f"  today {_loss(status['daily_loss'])}")
    return text.append(f" of {_limit(limits.get('switches.daily_loss'))}", style="dim")


def _limit(value: str | None) -> str:
    if value is None:
        return "?"
    return "no limit" if Decimal(value) >= 1 else percent(Decimal(value), 0)


def position_text(traded: Any, it: Mapping[str, Any]) -> Text:  # noqa: ANN401
    """What is held of an instrument, in words."""
    held, tick = int(it["position"]), traded.tick_size
    now = _price(it["mark"], tick)
    if not held:
        return Text("flat").append(f", {traded.symbol} at {now}", style="dim")
    size = plain(float(abs(held) * traded.lot_size))
    side = "long" if held > 0 else "short"
    text = Text().append(f"{side} {size} {traded.symbol}", style="bold")
    text.append(f" at {_price(it['entry'], tick)}, now {now}  ")
    gain = it["unrealised"]
    if gain == "unknown":
        return text.append("gain unknown")
    return text.append(signed(Decimal(gain)), style="green" if Decimal(gain) > 0 else "red")


def _stop(tick: Decimal, it: Mapping[str, Any], run: RunInfo) -> Text:
    if it["closing"]:
        return Text(f"closing: {str(it['closing']).replace('_', ' ')}", style="bold yellow")
    if it["stop"] is not None:
        text = Text(f"{_price(it['stop'], tick)} rests at the venue")
        if it["mark"]:
            text.append(f", {percent(abs(it['stop'] / it['mark'] - 1))} away", style="dim")
        return text
    if it["position"]:
        since = it["unprotected_since_ns"]
        age = "" if since is None else f" for {duration(max(0, run.now_ns - since))}"
        return Text(f"NONE confirmed{age}", style="bold red")
    return Text("none needed", style="dim")


def _orders(it: Mapping[str, Any]) -> Text:
    text = Text(f"{it['orders']} open")
    if it["unknown_orders"]:
        text.append(f", {it['unknown_orders']} whose fate is unknown", style="bold yellow")
    return text


def _switches(status: Mapping[str, Any]) -> Text:
    names = [name.replace("_", " ") for name, _ in status["tripped"]]
    if status["killed"]:
        ways = {each["trigger"] for each in status.get("kills", {}).get("killed", [])}
        other = sorted(way for way in ways if not way.startswith("switch:"))
        names.insert(0, f"killed ({', '.join(other)})" if other else "killed by an operator")
    if not names:
        return Text("none tripped", style="dim")
    return Text(", ".join(names).upper(), style="bold red")


def _feed(shown: Shown) -> Text:
    age, connections = shown.age_ns, shown.status["connections"]
    old = age is None or age > _OLD_FEED_NS * shown.run.clock[2]
    words = "nothing heard yet" if age is None else f"{age / 1e9:.1f} s old"
    text = Text().append(words, style="bold yellow" if old else "")
    again = int(connections["market_connects"]) + int(connections["account_connects"]) - 2
    text.append(f"  {plural(max(0, again), 'reconnect')}", style="dim")
    if shown.status["account_known"]:
        return text.append("  account known", style="dim")
    return text.append("  ACCOUNT NOT KNOWN", style="bold red")


def _strategy(each: Mapping[str, Any]) -> Text:
    state = each["attention"]
    style = {"awake": "green", "late": "bold yellow"}.get(state, "bold red")
    text = Text().append(state.upper() if state != "awake" else state, style=style)
    text.append(f"  asked {each['asked']:,}, late {each['overruns']:,}", style="dim")
    text.append(f", dropped {each['dropped']:,}", style="dim")
    return text.append(f"  {each['reason']}" if each["reason"] else "")


def _guard(shown: Shown) -> Text | None:
    """The sentinel: as it says itself where it was asked, else as the run last heard it."""
    if shown.sentinel is not None:
        bad = shown.sentinel["latched"]
        return Text(sentinel_text(shown.sentinel), style="bold red" if bad else "")
    known = shown.status.get("sentinel")
    if known is None or (not known["expected"] and known["said"] is None):
        return None
    said = known["said"]
    if said is None or known["heard_ms"] > _OLD_SENTINEL_MS:
        age = "never heard" if said is None else f"not heard for {known['heard_ms'] / 1e3:.1f} s"
        return Text(f"{age.upper()}: no new risk", style="bold red")
    return Text(sentinel_text(said), style="bold red" if said["latched"] else "")


def sentinel_text(said: Mapping[str, Any]) -> str:
    """How a sentinel is doing, in words."""
    if said["latched"]:
        return f"LATCHED: {said['reason']}" + ("" if said["pid"] else " (it does not run)")
    age = said["age_ms"]
    read = "has not read the account yet" if age is None else f"read {age / 1e3:.1f} s ago"
    parts = ["alive", read, f"equity {_money(said['equity'])}"]
    if said["wish"] != "nothing":
        parts.append("WANTS NO NEW RISK")
    return ", ".join(parts)


def _notices(found: Sequence[Any], run: RunInfo) -> Text | None:
    if not found:
        return None
    text = Text()
    for time_ns, notice in found[-_SHOWN_NOTICES:]:
        ((kind, about),) = notice.items()
        style = "red" if is_alarm(kind) else ""
        text.append(f"{clock(time_ns)} ", style="dim")
        text.append(sentence(kind, about, run) + "\n", style=style)
    text.rstrip()
    return text


def line(shown: Shown) -> str:
    """The same in one line."""
    run, status = shown.run, shown.status
    parts = [shown.elapsed] if shown.elapsed else []
    parts += [f"equity {_money(status['equity'])}", f"drawdown {_loss(status['drawdown'])}"]
    for traded, it in zip(run.instruments, status["instruments"], strict=False):
        parts.append(position_text(traded, it).plain)
        if it["position"] or it["closing"]:
            parts.append(f"stop {_stop(traded.tick_size, it, run).plain}")
        if it["mode"] != "normal":
            parts.append(_MODES.get(it["mode"], it["mode"]))
    if status["tripped"] or status["killed"]:
        parts.append(_switches(status).plain)
    parts += [f"feed {_feed(shown).plain}"]
    parts += [f"{each['name']} {_strategy(each).plain}" for each in status["strategies"]]
    return " | ".join(parts)
