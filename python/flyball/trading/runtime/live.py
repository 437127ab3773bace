"""A strategy over a venue's own sockets: the same engine as in a backtest, on threads of its own.

The engine, its connections and its journal never take Python's lock. A strategy decides on a thread
of Python beside them, and whatever it does, or does not, stops, switches and closing go on.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from flyball import _core
from flyball.config.endpoints import Endpoint, endpoint
from flyball.config.keys import Keys, load_keys
from flyball.config.profile import Profile
from flyball.config.profile import profile as find_profile
from flyball.config.run import Sizing
from flyball.config.venues import venue as assumed_venue
from flyball.domain import Dataset, Instrument, MarginTier, Strategy, duration_ns
from flyball.errors import ConfigError
from flyball.trading.runtime.canary import Canary, Tier
from flyball.trading.runtime.clock import Clock
from flyball.trading.runtime.columns import collected
from flyball.trading.runtime.local import LocalExchange
from flyball.trading.runtime.plan import bound_strategy, engine_config
from flyball.trading.runtime.result import Result, from_outcome
from flyball.trading.runtime.runs import ROOT, RunInfo, Traded, scope_number, socket_for
from flyball.trading.runtime.sentinel import (
    Watched,
    ask_sentinel,
    command,
    log_path,
    plan_line,
)
from flyball.trading.runtime.warden import Warden, default_limit, memory_text, raise_in_thread

__all__ = ["LiveSession"]

_RATE = 10**12
_SAMPLES = 4_000
# By the machine's clock: an action that adds risk is void, an action is lost.
_EXPIRES = "5s"
_ANSWER = "3s"
_FLATTEN_S = 30.0
_WITHDRAW_S = 3.0
_DISMISS_S = 0.5

Late = Literal["reduce-only", "count"]
OnStop = Literal["flatten", "hold"]
Restrainer = Literal["operator", "prediction", "regime", "canary", "ledger"]


def _say(text: str) -> None:
    with suppress(OSError):  # a full disk ends no run
        sys.stderr.write(text.rstrip() + "\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Venue:
    """Where a session trades."""

    endpoint: Endpoint
    keys: Keys
    clock: Clock
    seed: int | None
    market: str

    @classmethod
    def of(cls, venue: "str | LocalExchange", keys: Keys | Path | None) -> "_Venue":
        if isinstance(venue, LocalExchange):
            own = venue.keys[0] if keys is None else keys
            where, clock, seed = venue.endpoint, venue.clock, venue.seed
            market = venue.market_text
        elif keys is None:
            raise ConfigError("keys: a venue that is there already wants keys")
        else:
            own, where, clock, seed = keys, endpoint(venue), Clock(), None
            market = "real" if where.is_real else "of the local exchange"
        found = own if isinstance(own, Keys) else load_keys(own, network=where.network)
        if found.network != where.network:
            raise ConfigError(
                f"keys: are for {found.network}, and {where.name} is {where.network}: "
                "keys of one network are never used on another"
            )
        return cls(endpoint=where, keys=found, clock=clock, seed=seed, market=market)


class LiveSession:
    """A strategy that trades at a venue until it is stopped. A context manager.

    Parameters
    ----------
    strategy : Strategy
        Anything with a `decide`.
    venue : str or LocalExchange
        Its name, the address of a local exchange, or a local exchange of one's own.
    keys : Keys or Path, optional
        An account and its agent's key, or the file that holds them; of a local exchange of one's
        own the first account's if nothing else is said.
    instrument : str
        What is traded, by the venue's name.
    profile : str, Path or Profile
        What protects the account.
    sizing : Sizing, optional
        How large a signal becomes.
    state : Path, optional
        The folder that the account's journals and latches are kept in;
        `runs/live/<network>-<account>` by default.
    deadline : str
        A decision that takes longer, by the machine's clock, is dropped and counted.
    late : "reduce-only" or "count"
        What a strategy may do that is late: only reduce until it answers in time, or anything.
    adopt : bool
        Whether a position that no run of ours opened is taken over. Refused otherwise.
    guard : sequence of str
        Other instruments that the account may hold: no strategy trades them, the engine protects
        and closes what is held of them. A position that appears in any other is not seen.
    cancel_foreign : bool
        Whether orders that no run of ours placed are cancelled. Refused otherwise.
    max_memory : int, optional
        Bytes that the process may hold before the strategy is ended; what it holds at the start and
        half of what the machine has free by default.
    sentinel : bool
        Whether a sentinel watches over the account: a process of its own, started and supervised by
        the session. It wants a key of its own, `Keys.sentinel_key`.
    canary : Canary, optional
        How a strategy that is new on the account begins; with its whole budget by default.
    tell : callable
        Takes what a person should read; stderr by default.

    Raises
    ------
    ConfigError
        If something makes no sense, or the venue or the account refuses. Nothing was sent then.
    DataError
        If the venue does not answer.
    JournalError
        If what the last run left cannot be gone on with.
    """

    def __init__(
        self,
        strategy: Strategy,
        *,
        venue: str | LocalExchange,
        keys: Keys | Path | None = None,
        instrument: str,
        profile: str | Path | Profile,
        sizing: Sizing | None = None,
        state: Path | None = None,
        deadline: str = "1s",
        late: Late = "reduce-only",
        adopt: bool = False,
        guard: Sequence[str] = (),
        cancel_foreign: bool = False,
        max_memory: int | None = None,
        sentinel: bool = False,
        canary: Canary | None = None,
        tell: Callable[[str], None] = _say,
    ) -> None:
        self.strategy, self.symbol, self.sizing = strategy, instrument, sizing
        self.profile = profile if isinstance(profile, Profile) else find_profile(profile)
        self.venue = _Venue.of(venue, keys)
        where, own = self.venue.endpoint, self.venue.keys
        if where.is_real and self.profile.simulation_only:
            raise ConfigError(
                f"profile {self.profile.name} protects nothing: it is for simulated venues only"
            )
        self.folder = state or ROOT / f"{own.network}-{own.account}"
        self.max_memory = default_limit() if max_memory is None else max_memory
        self.failure: BaseException | None = None
        self.failure_text = ""
        self.result: Result | None = None
        self._deadline, self._late = deadline, late
        self._adopt, self._cancel_foreign = adopt, cancel_foreign
        self._canary = canary
        self._tier: Tier | None = None
        self._own_exchange = isinstance(venue, LocalExchange)
        self.sentinel = sentinel
        if sentinel:
            plan_line(self._watched())
        self._symbols = (instrument, *(name for name in guard if name != instrument))
        self._tell = tell
        self._run: _core.LiveRun | None = None
        self._dismissed = False
        self._asking = threading.Event()
        self._warden: Warden | None = None

    @property
    def name(self) -> str:
        """What the strategy is called."""
        return type(self.strategy).__name__

    def start(self) -> "LiveSession":
        """Read the account, and trade once it is known."""
        bound = bound_strategy(self.strategy, sized=self.sizing is not None)
        listed, fees = self._listing()
        self._instruments = tuple(_instrument(each["spec"], fees) for each in listed)
        self._instrument = self._instruments[0]
        self._make_folder()
        plan = self._plan(listed)
        self._run = run = _core.LiveRun(json.dumps(plan), self.venue.keys.agent_key, [bound])
        try:
            self._started = time.perf_counter()
            self._first = json.loads(run.status())
            socket = socket_for(self.folder)
            run.listen(socket)
            # Where nobody answers SIGTERM, the process ends by it as it always did.
            run.hear_signals(end_too=callable(signal.getsignal(signal.SIGTERM)))
            self.info = self._about(socket)
            self.info.write(self.folder)
            self._guard(run)
            self._begin_small(run)
        except BaseException:
            run.stop(flatten=False, patience_s=0.0)
            self._run = None
            raise
        self._asking.set()
        self._thread = threading.Thread(
            target=self._serve, args=(run,), name=f"flyball-{self.name}", daemon=True
        )
        self._thread.start()
        if self.max_memory is None:
            self._tell("memory is not watched: this system does not say what the process holds")
        else:
            self._warden = Warden(self.max_memory, self._hog, self._breached)
        return self

    def _watched(self) -> Watched:
        return Watched(
            endpoint=self.venue.endpoint,
            keys=self.venue.keys,
            profile=self.profile,
            state=self.folder,
            clock=self.venue.clock,
            with_run=True,
            own_exchange=self._own_exchange,
        )

    def _guard(self, run: "_core.LiveRun") -> None:
        """Start the sentinel, unless one watches over this folder already."""
        if self.sentinel and ask_sentinel(self.folder, "status") is None:
            run.guard(command(), plan_line(self._watched()), log_path(self.folder))

    def _begin_small(self, run: "_core.LiveRun") -> None:
        """What a strategy that is new here may use; all, where nobody asks."""
        if self._canary is not None:
            self._tier = Tier(self.folder, self.strategy, self.profile, self._canary)
            if text := self._tier.told():
                self._tell(text)
        share = Decimal(1) if self._tier is None else self._tier.share
        run.operate("restrict", f"canary={share:f}")

    def _listing(self) -> tuple[list[dict[str, Any]], tuple[Decimal, Decimal]]:
        base = assumed_venue("hyperliquid")
        fees = {"maker": int(base.maker_fee * _RATE), "taker": int(base.taker_fee * _RATE)}
        url = self.venue.endpoint.http
        listed = json.loads(_core.venue_listing(url, list(self._symbols), json.dumps(fees)))
        return listed, (base.maker_fee, base.taker_fee)

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigError(
                f"--state {self.folder}: cannot be made: {error.strerror or error}"
            ) from error

    def _plan(self, listed: list[dict[str, Any]]) -> dict[str, Any]:
        where, own, clock = self.venue.endpoint, self.venue.keys, self.venue.clock
        engine = engine_config(
            self.strategy,
            market={"spec": listed[0]["spec"], "quiet_ns": 0},
            profile=self.profile,
            cash=Decimal(0),
            sizing=self.sizing,
        )
        engine["instruments"] += [{"spec": each["spec"], "quiet_ns": 0} for each in listed[1:]]
        engine["answer_timeout_ns"] *= clock.speed
        return {
            "http": where.http,
            "websocket": where.websocket,
            "mainnet": own.network == "mainnet",
            "user": own.account,
            "folder": str(self.folder),
            "engine": engine,
            "numbers": [each["number"] for each in listed],
            "clock": None if clock == Clock() else clock.engine(),
            "strategies": [(self.name, int(getattr(self.strategy, "depth", 0)))],
            "deadline_ns": duration_ns(self._deadline) * clock.speed,
            "late_is_reduce_only": self._late == "reduce-only",
            "expires_ns": duration_ns(_EXPIRES) * clock.speed,
            "answer_ns": duration_ns(_ANSWER) * clock.speed,
            "adopt_positions": self._adopt,
            "cancel_foreign": self._cancel_foreign,
            "guarded": self.sentinel,
            "seed": time.time_ns() & 0xFFFF_FFFF,
        }

    def _about(self, socket: Path) -> RunInfo:
        where, own, clock = self.venue.endpoint, self.venue.keys, self.venue.clock
        return RunInfo(
            pid=os.getpid(),
            venue=where.name,
            url=where.http,
            network=own.network,
            account=own.account,
            strategies=(self.name,),
            instruments=tuple(
                Traded(symbol=it.symbol, tick_size=it.tick_size, lot_size=it.lot_size)
                for it in self._instruments
            ),
            profile=f"{self.profile.name} v{self.profile.version}",
            limits={key: value for key, value in self.profile.rows() if "switches." in key},
            socket=str(socket),
            journal=str(self._running.journal.absolute()),
            clock=clock.engine(),
            started_ns=clock.now_ns(),
            simulated=not where.is_real,
            folder=self.folder,
        )

    @property
    def _running(self) -> "_core.LiveRun":
        if self._run is None:
            raise ConfigError("the session is not running")
        return self._run

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._run is not None

    @property
    def is_alive(self) -> bool:
        """Whether the engine's own thread is alive."""
        return self._run is not None and self._run.alive

    def status(self) -> dict[str, Any]:
        """How it is doing; the words are those of `flyball status --json`."""
        found: dict[str, Any] = json.loads(self._running.status())
        return found

    def kill(self, scope: str = "all") -> bool:
        """Stop trading and close: it stays so, also after a restart.

        `scope` is "all", "instrument:XRP", "strategy:NAME", "order:ID", or "venue" or "account",
        which are all of a run: it trades on one account at one venue. Whether it is on the disk
        already; if not, that is tried again and again.
        """
        return self._running.operate("kill", scope_number(self.info, scope))

    def restrict(self, share: Decimal | int | str, source: Restrainer = "operator") -> None:
        """Let only a share of the risk budget be used: 0 is reduce-only, 1 is all of it.

        Of several sources the smallest share counts, and each lets go for itself. It lasts beyond
        a restart. What rests already stays until its strategy decides anew, but at 0 what could
        add risk is withdrawn at once.

        Raises
        ------
        ConfigError
            If the share does not lie between 0 and 1.
        """
        self._running.operate("restrict", f"{source}={Decimal(share):f}")

    def flatten(self) -> None:
        """Close everything, once: trading goes on."""
        self._running.operate("flatten")

    def reset(self, switch: str) -> None:
        """Release a latched switch, or "operator" for a kill of everything: both steps.

        It is refused, and the status says so, unless the account is flat and known, and the venue
        has confirmed it: while the status says "flattening" it has not.
        """
        self._running.operate("request_reset", switch)
        self._running.operate("confirm_reset", switch)

    def release(self, scope: str = "all") -> None:
        """Release what was killed, "all", "instrument:XRP" or "strategy:NAME": both steps.

        It is refused, and the status says so, unless what is released is flat and the account
        known, and the venue has confirmed it.
        """
        wanted = scope_number(self.info, scope)
        self._running.operate("request_release", wanted)
        self._running.operate("confirm_release", wanted)

    def stop(self, *, flatten: bool = True) -> Result:
        """End it: close everything first, or leave the position to its stop at the venue.

        Raises
        ------
        JournalError
            If the journal could not be written.
        """
        run = self._running
        if self._warden is not None:
            self._warden.stop()
        run.lose(0, "the run ends")
        if not flatten:
            self._withdrawn()
        last = self.status()
        ending = json.loads(run.stop(flatten=flatten, patience_s=_FLATTEN_S))
        self._run = None
        self._dismiss()
        self.info = replace(self.info, ended_ns=self.venue.clock.now_ns())
        self.info.write(self.folder)
        self.result = self._collect(Path(ending["journal"]))
        if self._tier is not None:
            try:
                self._tier.note(self._first, last, traded=self.result.trades > 0)
            except OSError as error:
                self._tell(f"the canary's days cannot be kept: {error.strerror or error}")
        return self.result

    def _dismiss(self) -> None:
        """End the strategy's thread, whatever it does: an endless loop would outlive the run."""
        self._dismissed = True
        until = time.monotonic() + _DISMISS_S
        self._thread.join(0.05)
        while self._thread.is_alive() and time.monotonic() < until:
            if self._thread.ident is not None:
                raise_in_thread(self._thread.ident, SystemExit)
            self._thread.join(0.05)

    def _withdrawn(self) -> None:
        """Wait until nothing rests at the venue but stops."""
        until = time.monotonic() + _WITHDRAW_S
        while time.monotonic() < until:
            instruments = self.status()["instruments"]
            if all(it["orders"] <= (it["stop"] is not None) for it in instruments):
                return
            time.sleep(0.02)

    def _collect(self, journal: Path) -> Result:
        about = json.loads(_core.journal_about(journal))
        span = max(1, self.venue.clock.now_ns() - self.info.started_ns)
        engine = json.dumps(about["engine"])
        outcome = collected(_core.collect_journal(journal, engine, max(1, span // _SAMPLES)))
        if len(self._instruments) > 1:
            # What was guarded is in the money, and not listed: it has other units.
            for kind in ("fills", "orders"):
                outcome[kind] = _of_first(outcome[kind])
        times = outcome["samples"]["time_ns"]
        where = self.venue.endpoint
        begun = self._first["equity"]
        return from_outcome(
            outcome,
            strategy=self.name,
            live=True,
            simulated=not where.is_real,
            data=Dataset(
                name=f"{self.symbol} at {where.name}",
                folder=journal,
                instrument=self._instrument,
                contents="live",
                first_ns=int(times[0]) if len(times) else self.info.started_ns,
                last_ns=int(times[-1]) if len(times) else self.info.started_ns,
                events=outcome["events"],
            ),
            profile=self.profile,
            cash=Decimal(self._first["cash"] if begun == "unknown" else begun),
            journal=journal,
            seconds=time.perf_counter() - self._started,
            interrupted=False,
            assumptions=self._assumptions(),
        )

    def _assumptions(self) -> dict[str, str]:
        """What was real and what was simulated, for people."""
        where, clock = self.venue.endpoint, self.venue.clock
        base = assumed_venue("hyperliquid")
        found = {
            "venue": f"{where.name}, real" if where.is_real else f"local exchange at {where.http}",
            "market": self.venue.market,
            "fills": "real" if where.is_real else "simulated",
            "money": {"mainnet": "real", "testnet": "of the testnet"}.get(
                where.network, "simulated"
            ),
            "engine, sockets, threads": "real: another run differs a little in its timing",
            "clock": "the system's" if clock.speed == 1 else f"{clock.speed} times real time",
            "fees assumed": f"maker {base.maker_fee:%}, taker {base.taker_fee:%}",
            "deadline of decisions": f"{self._deadline}, late: {self._late}",
        }
        if self.venue.seed is not None:
            found["seed of the exchange"] = str(self.venue.seed)
        return found

    def _serve(self, run: "_core.LiveRun") -> None:
        """The strategy's thread."""
        failure: BaseException | None = None
        try:
            try:
                run.serve(0)
            finally:
                self._asking.clear()
        except BaseException as error:
            failure = error
        # The warden may have raised once more meanwhile.
        for _ in range(3):
            try:
                self._failed(failure)
            except MemoryError:
                continue
            break

    def _failed(self, failure: BaseException | None) -> None:
        if failure is None or self._dismissed:
            return
        cause = failure.__cause__ or failure
        text = "".join(traceback.format_exception(cause))
        for error in (failure, cause):
            # What its frames hold is let go.
            traceback.clear_frames(error.__traceback__)
        self.failure, self.failure_text = failure, text
        self._tell(f"{text.rstrip()}\n{self.name} is gone; the engine goes on protecting")

    def _hog(self) -> threading.Thread | None:
        """The thread that is ended when memory runs out: the strategy's, while it is asked."""
        return self._thread if self._asking.is_set() else None

    def _breached(self, held: int) -> None:
        reason = (
            f"the process held {memory_text(held)}, more than {memory_text(self.max_memory or 0)}"
        )
        self._tell(f"{reason}: {self.name} is ended; the engine goes on protecting")
        self._running.lose(0, reason)

    def __enter__(self) -> "LiveSession":
        return self if self.is_running else self.start()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self.is_running:
            self.stop()


def _of_first(table: Mapping[str, Any]) -> dict[str, Any]:
    """The rows of a table that are about the first instrument."""
    rows = [at for at, number in enumerate(table["instrument"]) if number == 0]
    return {
        name: [column[at] for at in rows] if isinstance(column, list) else column[rows]
        for name, column in table.items()
    }


def _decimal(value: dict[str, int]) -> Decimal:
    return Decimal(value["units"]).scaleb(-value["decimals"])


def _instrument(spec: dict[str, Any], fees: tuple[Decimal, Decimal]) -> Instrument:
    """The instrument as the venue lists it, in people's units."""
    return Instrument(
        symbol=spec["symbol"],
        venue="hyperliquid",
        kind=spec["kind"],
        tick_size=_decimal(spec["tick_size"]),
        lot_size=_decimal(spec["lot_size"]),
        contract_size=_decimal(spec["contract_size"]),
        significant_figures=spec["price_rule"]["significant_figures"],
        min_notional=_decimal(spec["min_notional"]),
        maker_fee=fees[0],
        taker_fee=fees[1],
        margin_tiers=tuple(MarginTier(**tier) for tier in spec["margin_tiers"]),
        book_depth=spec["book_depth"],
    )
