"""`flyball status`, `flyball kill`, `flyball resume`: a run that goes on in another process."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from flyball import _core
from flyball.errors import ConfigError
from flyball.ops.cli import console
from flyball.ops.cli.liveview import Shown, panel, sentinel_text
from flyball.ops.cli.looks import health_of
from flyball.ops.cli.notices import sentence
from flyball.ops.cli.selecting import State, ended_text, one_run, try_status
from flyball.trading.runtime.factor import factor_of
from flyball.trading.runtime.latches import CLEARS, clears, latched, wait_released, why_not
from flyball.trading.runtime.runs import ROOT, RunInfo, ask, find_runs, read_run, scope_number
from flyball.trading.runtime.sentinel import ask_sentinel, stand
from flyball.trading.runtime.venue import account_worth, open_orders, positions

__all__ = ["kill", "restrict", "resume", "status"]

_LOOK_S = 0.02
_SAY_S = 5.0
_ANSWER_S = 5.0

Json = Annotated[bool, Parameter(help="Print one JSON object.")]


def status(*, state: State = None, json: Json = False) -> int:
    """Show how live runs are doing. --state all shows every run, also those that have ended.

    Exit code 0 when one goes on, 2 when none does.

    Example: flyball status --json
    """
    everything = state is not None and str(state) == "all"
    runs = find_runs() if state is None or everything else [read_run(state)]
    found = [(run, try_status(run)) for run in runs]
    going = [(run, now) for run, now in found if now is not None]
    guards = {run.folder: _sentinel(run) for run in runs}
    whole = everything or state is not None
    # A sentinel that lives is shown although its run is gone: it keeps the account flat.
    alive = {folder for folder, guard in guards.items() if guard is not None and guard["pid"]}
    shown = [(run, now) for run, now in found if whole or now is not None or run.folder in alive]
    if json:
        console.print_json({"runs": [_row(run, now, guards[run.folder]) for run, now in shown]})
    elif not going and not whole:
        console.say(f"no live run goes on below {ROOT.absolute()}")
    for run, now in [] if json else shown:
        guard = guards[run.folder]
        if now is not None:
            found_health = health_of(run, now)
            console.out.print(
                panel(Shown(run=run, status=now, sentinel=guard, health=found_health))
            )
            continue
        console.out.print(f"{run.folder}: {ended_text(run)}", markup=False)
        if guard is not None:
            console.out.print(f"  sentinel: {sentinel_text(guard)}", markup=False)
    return 0 if going else 2


def kill(
    *,
    scope: Annotated[
        str,
        Parameter(
            help="all, venue, account, instrument:XRP, strategy:NAME or order:ID: one step, no "
            "question."
        ),
    ] = "all",
    state: State = None,
    patience: Annotated[float, Parameter(help="Seconds to wait until it is flat.")] = 60.0,
    json: Json = False,
) -> int:
    """Stop trading at once, close everything, and wait until the venue says that nothing is left.

    It stays stopped, also after a restart, until `flyball resume`. A run trades on one account at
    one venue: venue and account are all of it. An order is cancelled, and never sent again. A file
    called KILL in the run's folder and the signal SIGUSR1 do the same. Exit code 0 only when flat.

    Example: flyball kill --scope instrument:XRP
    """
    run = one_run(state)
    wanted = scope_number(run, scope)
    before = _asked(run)
    began = time.perf_counter()
    kept = bool(ask(run, "kill", wanted)["kept"])
    if not kept:
        console.say("flyball: killed, and that is not on the disk yet: look at the run's folder")
    if wanted.startswith("order:"):
        return _order_gone(run, before, wanted, patience_s=patience, json=json)
    flat = _wait_flat(run, wanted, since_ns=int(before["time_ns"]), patience_s=patience)
    took_ms = (time.perf_counter() - began) * 1e3
    dust = [] if flat else _dust(run, wanted)
    if json:
        known = {"scope": scope, "flat": flat, "took_ms": took_ms, "folder": run.folder}
        console.print_json({**known, "kept": kept, "dust": dust})
    elif flat:
        console.out.print(f"killed {scope}: flat, says the venue, after {took_ms:,.0f} ms")
    if dust:
        console.say(
            f"flyball: flat but for dust: {', '.join(dust)}: less than the venue's smallest order, "
            "it cannot be closed by one"
        )
    elif not flat:
        console.say(
            f"flyball: NOT FLAT after {took_ms / 1e3:,.1f} s: it goes on closing; "
            "look at `flyball status` and at the venue"
        )
    return 0 if flat else 1


def restrict(
    share: str,
    /,
    *,
    source: Annotated[
        Literal["operator", "ledger"],
        Parameter(help="Whose restraint: ledger lets go of one that the venue's records set."),
    ] = "operator",
    state: State = None,
    json: Json = False,
) -> int:
    """Let a run use only a share of its risk budget: 0 is reduce-only, 1 lets go again.

    What a forecast, a regime or a canary wants counts beside it: the smallest share holds. Where
    the venue's records (money, peak) were not what the run counted, the run is reduce-only until an
    operator has looked: --source ledger.

    Example: flyball restrict 0.5
    """
    run = one_run(state)
    ask(run, "restrict", f"{source}={share}")
    found = _asked(run)
    if json:
        known = {"share": found["share"], "restraints": dict(found["restraints"])}
        console.print_json({**known, "folder": run.folder})
    else:
        console.out.print(f"{found['share']:.0%} of the risk budget may be used")
    return 0


def _order_gone(
    run: RunInfo, before: Mapping[str, Any], scope: str, *, patience_s: float, json: bool
) -> int:
    """Wait until the engine says that an order has ended."""
    number = int(scope.partition(":")[2])

    def working(found: Mapping[str, Any]) -> bool:
        return any(number in it["order_ids"] for it in found["instruments"])

    if not working(before):
        ids = [str(each) for it in before["instruments"] for each in it["order_ids"]]
        raise ConfigError(
            f"--scope {scope!r}: no such order works; there are {', '.join(ids) or 'none'}"
        )
    until = time.monotonic() + patience_s
    while (there := working(_asked(run))) and time.monotonic() < until:
        time.sleep(_LOOK_S)
    if json:
        console.print_json({"scope": scope, "gone": not there, "folder": run.folder})
    elif not there:
        console.out.print(f"killed {scope}: it is gone, says the venue")
    if there:
        console.say(f"flyball: {scope} IS NOT KNOWN TO BE GONE: look at it at the venue")
    return 1 if there else 0


def _in_scope(found: Mapping[str, Any], scope: str) -> list[Mapping[str, Any]]:
    """The instruments of a scope. One strategy an instrument: both are numbered alike."""
    kind, _, at = scope.partition(":")
    instruments: list[Mapping[str, Any]] = found["instruments"]
    return instruments if kind == "all" else instruments[int(at) : int(at) + 1]


def _dust(run: RunInfo, scope: str) -> list[str]:
    """What is left and too little to be closed, when nothing else is."""
    found = _in_scope(_asked(run), scope)
    if any(it["closing"] or (it["position"] and not it["dust"]) for it in found):
        return []
    lots = {each.symbol: each.lot_size for each in run.instruments}
    return [f"{it['position'] * lots[it['symbol']]:+} {it['symbol']}" for it in found if it["dust"]]


def _wait_flat(run: RunInfo, scope: str, *, since_ns: int, patience_s: float) -> bool:
    """Wait for the engine's word that the venue confirmed it, or that dust is left."""
    until, said = time.monotonic() + patience_s, time.monotonic()
    while time.monotonic() < until:
        found = _asked(run)
        if _is_flat(found, scope, since_ns):
            return True
        if _dust_told(found, scope, since_ns):
            return False
        if time.monotonic() - said > _SAY_S:
            said = time.monotonic()
            console.say("not flat yet …")
        time.sleep(_LOOK_S)
    return False


def _dust_told(found: Mapping[str, Any], scope: str, since_ns: int) -> bool:
    told = any(at >= since_ns and "Dust" in notice for at, notice in found["notices"])
    busy = found["flattening"] or any(it["closing"] for it in _in_scope(found, scope))
    return told and not busy


def _is_flat(found: Mapping[str, Any], scope: str, since_ns: int) -> bool:
    """Whether nothing is held or closed in a scope, and the venue said so since then."""
    kind, _, at = scope.partition(":")
    if any(it["position"] or it["closing"] for it in _in_scope(found, scope)):
        return False
    confirmed: list[Any] = ["All"] if kind == "all" else ["All", {"Instrument": int(at)}]
    return any(
        time_ns >= since_ns and "Flat" in notice and notice["Flat"]["scope"] in confirmed
        for time_ns, notice in found["notices"]
    )


def resume(
    *,
    switch: Annotated[
        str, Parameter(help="operator, drawdown, emergency, daily_loss, leverage or margin.")
    ] = "",
    sentinel: Annotated[
        bool, Parameter(negative=(), help="Release the sentinel's latch instead of a switch.")
    ] = False,
    scope: Annotated[
        str, Parameter(help="What was killed: all, instrument:XRP or strategy:NAME.")
    ] = "",
    state: State = None,
    yes: Annotated[bool, Parameter(help="Do not ask, where nobody can answer.")] = False,
    code: Annotated[
        str, Parameter(help="Of the second factor, where `flyball factor enrol` was done.")
    ] = "",
    json: Json = False,
) -> int:
    """Release what stopped trading: a switch that tripped, or a kill of a scope.

    It says what is cleared and what is not, asks, and then takes both steps that the engine wants.
    The engine refuses unless the account is flat and known. Exit code 0 only when it is released.

    Example: flyball resume --scope all
    """
    if sentinel:
        if switch or scope:
            raise ConfigError(
                "--sentinel stands alone: the sentinel's latch first, then the others"
            )
        return _resume_sentinel(state, yes=yes, code=code, json=json)
    if bool(switch) == bool(scope):
        raise ConfigError("give --switch NAME or --scope SCOPE: one of the two")
    if switch and switch not in CLEARS:
        raise ConfigError(f"--switch {switch!r}: wants one of {', '.join(CLEARS)}")
    return _resume_engine(state, switch, scope, yes=yes, code=code, json=json)


def _resume_engine(
    state: Path | None, switch: str, scope: str, *, yes: bool, code: str, json: bool
) -> int:
    """Release a switch of the engine, or what was killed: two steps."""
    run = one_run(state)
    what, wanted, name = _wanted(run, switch, scope)
    before = _asked(run)
    stopping = latched(before)
    if name not in stopping:
        others = f"; latched are {', '.join(stopping)}" if stopping else "; nothing is latched"
        raise ConfigError(f"{name} is not latched{others}")
    console.say(f"This clears {clears(name)}.")
    if stays := [each for each in stopping if each != name]:
        console.say(f"It does not clear {', '.join(stays)}: what that stops stays stopped.")
    if not yes:
        _sure()
    _second_factor(run.folder, code)
    ask(run, f"request_{what}", wanted)
    ask(run, f"confirm_{what}", wanted)
    released, left = wait_released(run, name, since_ns=int(before["time_ns"]))
    if json:
        told = {"switch": switch or None, "scope": scope or None, "released": released}
        console.print_json({**told, "latched": left})
    elif released:
        console.out.print(f"released {name}" + (f"; still latched: {', '.join(left)}" * bool(left)))
    if not released:
        console.say(f"flyball: not released: {why_not(before, name)}")
        return 1
    return 0


def _resume_sentinel(state: Path | None, *, yes: bool, code: str, json: bool) -> int:
    """Release the sentinel's latch: two steps, and only on a flat account."""
    if state is None:
        raise ConfigError("--sentinel wants --state: the folder whose latch is released")
    reason = stand(state)["refuses"]
    if reason is None:
        raise ConfigError(f"{state}: the sentinel's latch is not set")
    console.say(f"The sentinel's latch is set: {reason}.")
    console.say("This clears it: runs may trade again, and losses are counted from here.")
    console.say("It does not clear the engine's own switches, nor a kill (--switch operator).")
    if not yes:
        _sure()
    _second_factor(state, code)
    if ask_sentinel(state, "status") is None:
        _release_alone(state)
    else:
        ask_sentinel(state, "request_release")
        ask_sentinel(state, "confirm_release")
    until = time.monotonic() + _ANSWER_S
    while (left := stand(state)["refuses"]) is not None and time.monotonic() < until:
        time.sleep(_LOOK_S)
    if json:
        console.print_json({"switch": "sentinel", "released": left is None, "was": reason})
    elif left is None:
        console.out.print("released the sentinel's latch")
    if left is not None:
        console.say(f"flyball: not released: {left}")
        return 1
    return 0


def _release_alone(state: Path) -> None:
    """No sentinel runs there: the venue is asked from here whether the account is flat."""
    run = read_run(state)
    held, orders = positions(run.url, run.account), open_orders(run.url, run.account)
    if held or orders:
        raise ConfigError(
            f"not released: the venue shows {len(held)} positions and {len(orders)} orders of "
            f"{run.account}: close them first"
        )
    worth, time_ms = account_worth(run.url, run.account)
    _core.release_sentinel(state, int(worth.scaleb(10)), time_ms)


def _wanted(run: RunInfo, switch: str, scope: str) -> tuple[str, str, str]:
    """What the engine is asked for, and what that is called among what is latched."""
    if switch:
        return "reset", switch, switch
    wanted = scope_number(run, scope)
    if wanted.startswith("order:"):
        raise ConfigError(f"--scope {scope!r}: an order that was killed is gone")
    if wanted == "all":
        return "release", wanted, "operator"
    at = int(wanted.partition(":")[2])
    return "release", wanted, f"instrument:{run.instruments[at].symbol}"


def _sure() -> None:
    if not sys.stdin.isatty():
        raise ConfigError("nobody can answer here: give --yes")
    console.say("Go on? Type yes:")
    if sys.stdin.readline().strip().lower() != "yes":
        raise ConfigError("not released")


def _second_factor(folder: Path, code: str) -> None:
    """Take the code of the second factor, where there is one."""
    factor = factor_of(folder)
    if factor is None:
        return
    if not code and sys.stdin.isatty():
        console.say("The code of your authenticator:")
        code = sys.stdin.readline()
    factor.take(code)


def _sentinel(run: RunInfo) -> dict[str, Any] | None:
    """How its sentinel is doing; what it keeps when it does not run and is latched."""
    found = ask_sentinel(run.folder, "status")
    if found is not None:
        return found
    kept = stand(run.folder)
    if kept["refuses"] is None:
        return None
    return {"pid": None, "latched": True, "reason": kept["refuses"], "report": kept["report"]}


def _asked(run: RunInfo) -> dict[str, Any]:
    return ask(run, "status")


def _row(
    run: RunInfo, now: Mapping[str, Any] | None, guard: Mapping[str, Any] | None
) -> dict[str, Any]:
    known = {
        "folder": run.folder,
        "running": now is not None,
        "pid": run.pid,
        "venue": run.venue,
        "url": run.url,
        "network": run.network,
        "account": run.account,
        "strategies": list(run.strategies),
        "instruments": [it.symbol for it in run.instruments],
        "profile": run.profile,
        "simulated": run.simulated,
        "journal": run.journal,
        "sentinel": guard,
    }
    if now is None:
        return {**known, "status": None, "ended_in_order": run.ended_ns is not None}
    said = []
    for time_ns, notice in now["notices"]:
        ((kind, about),) = notice.items()
        said.append({"time_ns": time_ns, "kind": kind, "text": sentence(kind, about, run)})
    return {**known, "status": {**now, "notices": said}, "health": health_of(run, now).summary()}
