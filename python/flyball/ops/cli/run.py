"""`flyball run`: a strategy over a venue's sockets, until somebody stops it."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from flyball.config.endpoints import Endpoint, endpoint
from flyball.config.keys import Keys, load_keys
from flyball.config.profile import Profile
from flyball.config.profile import profile as find_profile
from flyball.domain import duration_ns
from flyball.errors import ConfigError, DataError, StrategyError
from flyball.ops.cli import console
from flyball.ops.cli.arguments import number, pairs, sizing_of
from flyball.ops.cli.dashboard import AUTO, beside_run
from flyball.ops.cli.follow import Signals, follow
from flyball.ops.cli.observing import Observing, Onlooker
from flyball.ops.cli.watching import Predict, shared, watching
from flyball.ops.drills import record
from flyball.ops.drills.runner import DRILLS
from flyball.ops.report import report as write_report
from flyball.trading.runtime.builtin import make_strategy
from flyball.trading.runtime.canary import Canary
from flyball.trading.runtime.live import LiveSession
from flyball.trading.runtime.local import LocalExchange
from flyball.trading.runtime.mirror import mirrored
from flyball.trading.runtime.result import Result
from flyball.trading.runtime.signals import Signals as OverBars
from flyball.trading.runtime.venue import positions
from flyball.trading.runtime.warden import memory_bytes

__all__ = ["run"]

_CONFIRMED_DIGITS = 6


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Where:
    """Where is traded, and for whom."""

    venue: Annotated[
        str | None,
        Parameter(
            help="hyperliquid, hyperliquid-testnet, or a local exchange's http://127.0.0.1:PORT; "
            "without one, a local exchange is started for the run."
        ),
    ] = None
    live: Annotated[
        bool, Parameter(help="Trade on a real venue. Wants --keys and a confirmation.")
    ] = False
    paper: Annotated[
        bool,
        Parameter(
            help="Live data of the venue, simulated fills: what a real venue without --live means."
        ),
    ] = False
    keys: Annotated[Path | None, Parameter(help="A key file; see docs/live.md.")] = None
    confirm: Annotated[
        str, Parameter(help="The last six characters of the account, where nobody can type them.")
    ] = ""
    cash: Annotated[
        str, Parameter(help="Dollars of the account at the exchange that the run starts itself.")
    ] = "10000"
    speed: Annotated[
        int, Parameter(help="How many times as fast as ours the run's own exchange runs.")
    ] = 1
    seed: Annotated[int, Parameter(help="Seed of the run's own exchange.")] = 1


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class How:
    """How the account and the strategy are dealt with."""

    state: Annotated[Path | None, Parameter(help="Where journals and latches are kept.")] = None
    deadline: Annotated[
        str, Parameter(help="A decision that takes longer, by the machine's clock, is dropped.")
    ] = "1s"
    late: Annotated[
        Literal["reduce-only", "count"], Parameter(help="What becomes of a strategy that is late.")
    ] = "reduce-only"
    adopt: Annotated[bool, Parameter(help="Take over a position that no run of ours opened.")] = (
        False
    )
    guard: Annotated[
        list[str],
        Parameter(help="Other instruments that the account may hold: protected and closed too."),
    ] = field(default_factory=list)
    cancel_foreign: Annotated[bool, Parameter(help="Cancel orders that no run of ours placed.")] = (
        False
    )
    max_memory: Annotated[
        str, Parameter(help="The strategy is ended when the process holds more: 2GB.")
    ] = ""
    sentinel: Annotated[
        bool,
        Parameter(help="A process of its own watches over the account and the run."),
    ] = True
    canary: Annotated[
        str,
        Parameter(
            help="A strategy that is new here begins with this share of its risk budget, for so "
            "many clean days: 0.25,5; none; auto: with real money."
        ),
    ] = AUTO
    predict: Predict = True
    dashboard: Annotated[
        str,
        Parameter(help="HOST:PORT of its page, none, or auto: in a terminal, where it is built."),
    ] = AUTO


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class End:
    """When it ends, how, and what is said then."""

    for_: Annotated[
        str, Parameter(name="--for", help="Stop after this long, by the machine's clock: 60s.")
    ] = ""
    on_stop: Annotated[
        Literal["flatten", "hold"], Parameter(help="What becomes of positions at the end.")
    ] = "flatten"
    report: Annotated[Path | None, Parameter(help="An HTML file for the report.")] = None
    json: Annotated[bool, Parameter(help="Print one JSON object at the end.")] = False


_WHERE, _HOW, _END, _OBSERVING = Where(), How(), End(), Observing()


def run(
    strategy: Annotated[str, Parameter(help="breakout, maker, mean_reversion, or file.py:Class.")],
    *,
    instrument: Annotated[str, Parameter(help="What is traded, by the venue's name: XRP.")],
    profile: Annotated[str, Parameter(help="What protects: emergency, or a .toml file.")],
    sizing: Annotated[
        str,
        Parameter(help="Size of signals: equity_fraction=0.2, risk_fraction=, lots=, notional=."),
    ] = "",
    set_: Annotated[
        list[str], Parameter(name="--set", help="A parameter of the strategy: --set period=20.")
    ] = [],  # noqa: B006
    where: Where = _WHERE,
    how: How = _HOW,
    end: End = _END,
    observing: Observing = _OBSERVING,
) -> int:
    """Trade with a strategy over a venue's sockets until it is stopped.

    Without --venue it starts a local exchange with a simulated market, and trades there with a new
    account. With a real venue and without --live it is paper: live data, simulated fills. Ctrl-C
    closes everything and ends; a second one leaves at once. Exit codes: 0 done, 1 the account is
    not known to be flat though it should be, 5 the strategy ended before its time.

    Example: flyball run mean_reversion --instrument XRP --profile emergency
    --sizing equity_fraction=0.2 --set bars=1s --set period=20 --for 60s
    """
    chosen = find_profile(profile)
    made = make_strategy(strategy, pairs(set_, "--set"))
    if isinstance(made, OverBars):
        raise ConfigError(f"{made.name} is a function over recorded bars: sweep or backtest it")
    policy, amount = sizing_of(sizing), number("--cash", where.cash)
    length_s = duration_ns(end.for_) / 1e9 if end.for_ else None
    limit = memory_bytes(how.max_memory) if how.max_memory else None
    onlooker = Onlooker(observing)
    venue = _endpoint(where)
    paper = venue is not None and (where.paper or (venue.is_real and not where.live))
    own = None if venue is None or paper else _keys(venue, where.keys)
    if venue is not None and own is not None and venue.is_real:
        _confirm(venue, own, chosen, instrument=instrument, given=where.confirm)
        _drilled(chosen, profile)
    with ExitStack() as stack:
        signals = stack.enter_context(Signals())
        place: str | LocalExchange = str(where.venue)
        if venue is None or paper:
            place = stack.enter_context(_own(where, amount, venue, instrument))
        session = LiveSession(
            made,
            venue=place,
            keys=own,
            instrument=instrument,
            profile=chosen,
            sizing=policy,
            state=how.state,
            deadline=how.deadline,
            late=how.late,
            adopt=how.adopt,
            guard=how.guard,
            cancel_foreign=how.cancel_foreign,
            max_memory=limit,
            sentinel=_guarded(how, venue, own),
            canary=_canary(how.canary, own),
            tell=console.say,
        )
        flatten = end.on_stop == "flatten"
        result = follow(
            session, signals, length_s=length_s, flatten=flatten, beside=_beside(onlooker, how)
        )
        return _ended(result, session, end)


def _beside(onlooker: Onlooker, how: How) -> Callable[[LiveSession], AbstractContextManager[None]]:
    """What looks on while a run goes on: alerts and metrics, predictions, the page."""

    @contextmanager
    def beside(running: LiveSession) -> Iterator[None]:
        # The page first: a strategy may hold Python's lock soon, and for long.
        with (
            beside_run(how.dashboard, running.folder),
            onlooker.looking(running),
            watching(predict=how.predict)(running) as watch,
            shared(watch, running.folder),
        ):
            yield

    return beside


def _canary(wanted: str, own: Keys | None) -> Canary | None:
    if wanted == AUTO:
        return Canary() if own is not None and own.network == "mainnet" else None
    if wanted == "none":
        return None
    share, comma, days = wanted.partition(",")
    try:
        return (
            Canary(share=Decimal(share), clean_days=int(days))
            if comma
            else Canary(share=Decimal(share))
        )
    except (ArithmeticError, ValueError) as error:
        raise ConfigError(f"--canary {wanted!r}: SHARE,DAYS as 0.25,5, none or auto") from error


def _guarded(how: How, venue: Endpoint | None, own: Keys | None) -> bool:
    """Whether a sentinel watches over the run; said when none does."""
    missing = own is not None and own.sentinel_key is None
    if how.sentinel and missing and venue is not None and venue.is_real:
        raise ConfigError(
            "the sentinel has no key: approve a second agent and add to the key file [sentinel] "
            'with agent_key = "0x…", or say --no-sentinel'
        )
    if not how.sentinel:
        console.say("NO SENTINEL (--no-sentinel): nothing acts when this process dies or hangs")
    elif missing:
        console.say("NO SENTINEL: the key file has no [sentinel] agent_key (see docs/sentinel.md)")
    return how.sentinel and not missing


def _own(where: Where, cash: Decimal, venue: Endpoint | None, instrument: str) -> LocalExchange:
    """An exchange for this run alone: with a made-up market, or with the live one of a venue."""
    market = None if venue is None else mirrored(venue.http, [instrument])
    made = LocalExchange(cash=[cash], seed=where.seed, speed=where.speed, market=market)
    what = (
        f"seed {where.seed}: everything is simulated"
        if venue is None
        else f"with live data of {venue.name}: paper, the fills are simulated"
    )
    console.say(f"local exchange at {made.url}, {what}")
    return made


def _endpoint(wanted: Where) -> Endpoint | None:
    """Where to trade; `None` is an exchange of one's own. What makes no sense is refused here."""
    venue, live, speed = wanted.venue, wanted.live, wanted.speed
    if venue is None:
        if live:
            raise ConfigError("--live wants --venue hyperliquid or hyperliquid-testnet")
        if not 1 <= speed <= 1000:
            raise ConfigError(f"--speed {speed}: must lie between 1 and 1000")
        return None
    where = endpoint(venue)
    if speed != 1:
        raise ConfigError("--speed is about the run's own exchange: leave out --venue")
    if live and not where.is_real:
        raise ConfigError(f"--live is about real venues: {where.name} is a local exchange")
    if live and wanted.paper:
        raise ConfigError("--live and --paper: one of the two")
    return where


def _keys(where: Endpoint, keys: Path | None) -> Keys:
    if keys is None:
        raise ConfigError(
            f"--keys is missing: {where.name} wants a key file with network = "
            f'"{where.network}", account and agent_key (see docs/live.md)'
        )
    return load_keys(keys, network=where.network)


def _confirm(where: Endpoint, own: Keys, profile: Profile, *, instrument: str, given: str) -> None:
    """What is at stake, and the account's last characters typed by a person."""
    console.say(f"{where.name}: account {own.account}, {instrument}, {where.network}")
    for name, value in profile.rows():
        console.say(f"  {name:<28} {value}")
    wanted = own.account[-_CONFIRMED_DIGITS:]
    if not given:
        if not sys.stdin.isatty():
            raise ConfigError(
                "nobody can confirm here: give --confirm and the last six characters of the account"
            )
        console.say("Type the last six characters of the account to trade on it:")
        given = sys.stdin.readline().strip()
    if given.lower() != wanted:
        raise ConfigError("not confirmed: those are not the last six characters of the account")


def _drilled(profile: Profile, source: str) -> None:
    """Only a profile that passed its drill, with these numbers and this build, meets real money."""
    shown = str(Path(source).absolute()) if source.endswith(".toml") else source
    names = [drill.name for drill in DRILLS]
    found = record.drilled(profile, source=shown, names=names)
    age_h = (time.time_ns() - int(found["time_ns"])) / 3.6e12
    console.say(f"drilled {age_h:,.1f} h ago: {len(names)} drills passed (at a local exchange)")


def _at_venue(session: LiveSession) -> bool | None:
    """Whether the venue says that nothing is held; `None` when it says nothing."""
    where = session.venue
    try:
        return not positions(where.endpoint.http, where.keys.account)
    except DataError:
        return None


def _ended(result: Result, session: LiveSession, end: End) -> int:
    """Say how it was."""
    flat = _at_venue(session)
    written = None if end.report is None else write_report(result, end.report)
    failed = session.failure
    if end.json:
        console.print_json(
            {
                **result.summary(),
                "flat_at_venue": flat,
                "strategy_error": None if failed is None else str(failed),
                "state": session.folder,
                "report": written,
            }
        )
    else:
        console.table("What was real", list(result.assumptions.items()))
        console.out.print()
        console.out.print(str(result), markup=False)
        console.out.print()
        said = {True: "yes", False: "NO", None: "the venue does not say"}[flat]
        rows = [("flat, says the venue", said), ("journal", str(result.journal))]
        console.table("Kept", [*rows, *([("report", str(written))] if written else [])])
    if end.on_stop == "flatten" and flat is not True:
        console.say("flyball: THE ACCOUNT IS NOT KNOWN TO BE FLAT: look at it at the venue")
        return 1
    return StrategyError.exit_code if failed is not None else 0
