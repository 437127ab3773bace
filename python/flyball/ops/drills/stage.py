"""The stage of a drill: a local exchange, an account of its own there, and a run that trades on it.

What a drill does, it does at the venue: to its prices, its balances, its orders and its network.
What it sees, it sees as another client of the venue, and as anybody who asks the run how it is.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from flyball.config.profile import Profile
from flyball.errors import ConfigError, DataError, FlyballError
from flyball.ops.drills import standins
from flyball.trading.runtime.clock import Clock
from flyball.trading.runtime.live import LiveSession
from flyball.trading.runtime.local import LocalExchange
from flyball.trading.runtime.runs import ask, read_run, scope_number
from flyball.trading.runtime.sentinel import ask_sentinel
from flyball.trading.runtime.venue import ask_venue, open_orders, positions, send_text

__all__ = ["CASH", "COIN", "LOWEST", "DrillFailed", "Seen", "Stage"]

T = TypeVar("T")

COIN = "XRP"
CASH = Decimal(10_000)
# No gap takes more of a price than this leaves.
LOWEST = 0.05
_LOOK_S = 0.02
_STARTED_S = 30.0
_OPENED_S = 20.0
_QUIET_S = 0.5
_ENDED_S = 5.0
_LAST_LINES = 40
# Who looks on uses the same address: what that costs is not the run's.
_WEIGHT = 1_000_000


class DrillFailed(Exception):
    """What should have happened did not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What a drill did at the venue, and what it saw. Milliseconds by the machine's clock."""

    did: str
    saw: str
    ms_to_trip: float | None = None
    ms_to_flat: float | None = None


class _LastWords:
    """What a process said last: it is read as it comes, for a full pipe would hold it up."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._thread = threading.Thread(target=self._read, name="last-words", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        if self._process.stderr is not None:
            with self._process.stderr:
                self._lines.extend(self._process.stderr)

    def ended(self) -> str:
        """Wait until the process has ended. Its last lines."""
        self._process.wait()
        # A child of it that lives on holds the pipe open.
        self._thread.join(_ENDED_S)
        return "".join(self._lines)


@dataclass(kw_only=True)
class Stage:
    """A local exchange with one account, and at most one run on it.

    Parameters
    ----------
    profile : Profile
        What is being drilled.
    armed : Profile, optional
        What protects the account in truth: another one, to see that the drill fails.
    source : str
        The profile's name, or its file: what a run in a process of its own is told.
    patience_s : float
        How long something may take that should happen at once.
    seed : int
        Of the exchange.
    speed : int
        How many times as fast as ours the exchange's clock runs, and the run's.
    """

    profile: Profile
    source: str
    patience_s: float = 10.0
    seed: int = 7
    speed: int = 1
    armed: Profile | None = None
    session: LiveSession | None = None
    process: "subprocess.Popen[str] | None" = None
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> "Stage":
        folder = self._stack.enter_context(
            tempfile.TemporaryDirectory(prefix="flyball-drill-", ignore_cleanup_errors=True)
        )
        self.folder = Path(folder)
        self.exchange = self._stack.enter_context(
            LocalExchange(
                cash=[CASH],
                seed=self.seed,
                speed=self.speed,
                admin=True,
                limits={"weight_per_minute": _WEIGHT},
            )
        )
        self.account = self.exchange.keys[0].account
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self.session is not None and self.session.is_running:
            self._stack.callback(self.session.stop, flatten=False)
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        self._end_sentinel()
        self._stack.close()

    def _end_sentinel(self) -> None:
        """The sentinel of a run that died lives on: it is ended with its stage."""
        if self.process is not None and (found := self.sentinel()) is not None:
            with suppress(ProcessLookupError):
                os.kill(int(found["pid"]), signal.SIGKILL)

    # The run.

    @property
    def clock(self) -> Clock:
        """The run's clock: the exchange's, or the system's in a process of its own."""
        return Clock() if self.process is not None else self.exchange.clock

    @property
    def state(self) -> Path:
        """The run's folder."""
        return self.folder / "state"

    def start(self, strategy: str = "Holder", **more: Any) -> None:  # noqa: ANN401
        """Start a run in this process."""
        made = getattr(standins, strategy)(self.lots())
        self.session = LiveSession(
            made,
            venue=self.exchange,
            instrument=COIN,
            profile=self.armed or self.profile,
            state=self.state,
            tell=lambda _text: None,
            **more,
        )
        self.session.start()

    def spawn(
        self,
        strategy: str = "Holder",
        *options: str,
        guarded: bool = False,
        url: str | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        """Start a run in a process of its own, with `flyball run`.

        Parameters
        ----------
        strategy : str
            One of the stand-ins, or `file.py:Class`.
        options : str
            More of the command's options.
        guarded : bool
            Whether a sentinel watches over it.
        url : str, optional
            Where it finds the exchange; the exchange's own address by default.
        more : mapping, optional
            What its environment has besides.
        """
        keys = self.folder / "keys.toml"
        keys.touch(mode=0o600)
        keys.write_text(self._keys(guarded=guarded))
        named = strategy if ":" in strategy else f"{Path(standins.__file__)}:{strategy}"
        words = [
            *("run", named, "--instrument", COIN, "--profile", self.source),
            *("--venue", url or self.exchange.url, "--keys", str(keys)),
            *("--state", str(self.state), "--json", *options),
        ]
        before = self._started_ns()
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "flyball.ops.cli.main", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
            env={**os.environ, "FLYBALL_DRILL_LOTS": str(self.lots()), **(more or {})},
        )
        self._said = _LastWords(self.process)
        self.wait(
            lambda: self._started_ns() != before and self._answers(),
            seconds=_STARTED_S,
            why="the run did not start",
        )

    def _keys(self, *, guarded: bool) -> str:
        own = self.exchange.keys[0]
        engine = f'network = "local"\naccount = "{own.account}"\nagent_key = "{own.agent_key}"\n'
        return engine + f'[sentinel]\nagent_key = "{own.sentinel_key}"\n' * guarded

    def _started_ns(self) -> int:
        try:
            return read_run(self.state).started_ns
        except FlyballError:
            return 0

    def _answers(self) -> bool:
        try:
            return bool(self.status())
        except FlyballError:
            return False

    def crash(self) -> None:
        """Kill the run's process: nothing of it runs any more."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def freeze(self) -> None:
        """Stop the run's process where it stands."""
        if self.process is not None:
            self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let the run's process go on that was stopped."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)

    def sentinel(self) -> dict[str, Any] | None:
        """How the run's sentinel says that it is doing; `None` where none answers."""
        return ask_sentinel(self.state, "status")

    def watched(self) -> None:
        """Wait until the sentinel hears the engine and has read the account.

        Raises
        ------
        DrillFailed
            If it does not.
        """

        def look() -> bool:
            found = self.sentinel()
            if found is None or found["engine"] != "alive":
                return False
            # None until it has read the account.
            return found["age_ms"] is not None and found["age_ms"] < 2_000

        self.wait(look, seconds=_STARTED_S, why="the sentinel does not watch")

    def sentinel_did(self, kind: str) -> list[dict[str, Any]]:
        """What the sentinel's report holds of one kind, the oldest first."""
        try:
            text = (self.state / "sentinel" / "report.jsonl").read_text("utf-8")
        except OSError:
            return []
        lines = [json.loads(line) for line in text.splitlines(keepends=True) if line[-1:] == "\n"]
        return [line for line in lines if line["kind"] == kind]

    def status(self) -> dict[str, Any]:
        """How the run says that it is doing."""
        if self.session is not None:
            return self.session.status()
        return ask(read_run(self.state), "status")

    def operate(self, what: str, scope: str) -> None:
        """Ask the run over its socket, as `flyball kill` does."""
        run = read_run(self.state)
        ask(run, what, scope_number(run, scope) if what == "kill" else scope)

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of Flyball's."""
        return subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "flyball.ops.cli.main", *words],
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    # What is done at the venue.

    def move(self, factor: float) -> int:
        """Multiply all prices of the coin; a second factor takes the place of the first.

        The time before is given, in ns of the run's clock.
        """
        return self.admin({"type": "move_prices", "coin": COIN, "factor": f"{factor:.6f}"})

    def transfer(self, dollars: Decimal) -> int:
        """Put money into the account, or take it out."""
        return self.admin({"type": "transfer", "user": self.account, "usd": f"{dollars:.2f}"})

    def vanish(self, dollars: Decimal) -> int:
        """Take money out of the account of which no ledger tells."""
        usd = f"{-dollars:.2f}"
        return self.admin({"type": "transfer", "user": self.account, "usd": usd, "untold": True})

    def admin(self, wish: Mapping[str, Any]) -> int:
        """A wish of the exchange's operator. The time before, in ns of the run's clock."""
        before = self.clock.now_ns()
        ask_venue(self.exchange.url, "/admin", wish)
        return before

    # What is seen at the venue, and of the run.

    def held(self) -> dict[str, Decimal]:
        """What the venue says that the account holds."""
        return positions(self.exchange.url, self.account)

    def orders(self) -> list[dict[str, Any]]:
        """Orders that rest at the venue."""
        return open_orders(self.exchange.url, self.account)

    def stops(self) -> list[dict[str, Any]]:
        """Stops that rest at the venue."""
        return [each for each in self.orders() if each["isTrigger"] and each["reduceOnly"]]

    def fills(self) -> list[dict[str, Any]]:
        """The account's fills, as the venue tells them, the newest first."""
        query = {"type": "userFills", "user": self.account}
        found: list[dict[str, Any]] = ask_venue(self.exchange.url, "/info", query)
        return found

    def worth(self) -> tuple[Decimal, Decimal, Decimal]:
        """The account's equity, the value of what it holds, its maintenance margin.

        The first two are the venue's; maintenance is half of the initial margin at the highest
        leverage, of all positions, those too that are margined by themselves.
        """
        query = {"type": "clearinghouseState", "user": self.account}
        state = ask_venue(self.exchange.url, "/info", query)
        summary = state["marginSummary"]
        held = [each["position"] for each in state["assetPositions"]]
        maintenance = sum(Decimal(it["positionValue"]) / (2 * it["maxLeverage"]) for it in held)
        return (
            Decimal(summary["accountValue"]),
            Decimal(summary["totalNtlPos"]),
            Decimal(maintenance),
        )

    def set_aside(self) -> Decimal | None:
        """What is set aside for the coin's position; `None` where it shares the account's money."""
        query = {"type": "clearinghouseState", "user": self.account}
        state = ask_venue(self.exchange.url, "/info", query)
        held = [each["position"] for each in state["assetPositions"]]
        alone = (it for it in held if it["coin"] == COIN and it["leverage"]["type"] == "isolated")
        return next((Decimal(it["marginUsed"]) for it in alone), None)

    def price(self) -> Decimal:
        """The coin's middle price at the venue."""
        return Decimal(ask_venue(self.exchange.url, "/info", {"type": "allMids"})[COIN])

    def lots(self) -> int:
        """More lots than the gate lets through: it is the gate that cuts them."""
        share = min(self.profile.gate.max_concentration, self.profile.gate.max_leverage)
        most = min(share, Decimal(2)) * CASH * Decimal("1.2")
        return int(most / self.price())

    def wait(self, what: Callable[[], T | None], *, seconds: float | None = None, why: str) -> T:
        """The first answer that is true.

        Raises
        ------
        DrillFailed
            If none comes in time.
        """
        limit = self.patience_s if seconds is None else seconds
        until = time.monotonic() + limit
        while True:
            try:
                if found := what():
                    return found
            except DataError:
                pass  # the venue does not answer now
            except ConfigError:
                # A run that is about to end does not answer any more.
                if not self._ending():
                    raise
            if time.monotonic() > until:
                raise DrillFailed(f"not within {limit:g} s: {why}")
            if self.process is not None and self.process.poll() not in (None, -signal.SIGKILL):
                said = self._said.ended()
                raise DrillFailed(f"the run ended with {self.process.returncode}: {why}\n{said}")
            time.sleep(_LOOK_S)

    def _ending(self) -> bool:
        """Whether the run's process ends, within some seconds."""
        if self.process is None:
            return False
        try:
            self.process.wait(_ENDED_S)
        except subprocess.TimeoutExpired:
            return False
        return True

    def opened(self) -> Decimal:
        """Wait until the account holds something and its stop rests at the venue: what it holds."""

        def look() -> Decimal | None:
            held = self.held().get(COIN)
            return held if held and self.stops() else None

        return self.wait(look, seconds=_OPENED_S, why="no position with a stop at the venue")

    def notices(self, kind: str, since_ns: int) -> list[tuple[int, dict[str, Any]]]:
        """What the run said since then, of one kind."""
        said = self.status()["notices"]
        return [(at, it[kind]) for at, it in said if kind in it and at >= since_ns]

    def act(self, action: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Do what another client of the account would have it do. The venue's answer."""
        return ask_venue(
            self.exchange.url, "/admin", {"type": "act", "user": self.account, "action": action}
        )

    def faults(self, script: str) -> int:
        """Let the exchange's network do this from now on. The time before, as `admin` gives it."""
        before = self.clock.now_ns()
        send_text(self.exchange.url, "/faults", script)
        return before

    def trade(self, coin: str, size: Decimal) -> None:
        """Buy at the market, or sell, as another client of the account."""
        mid = Decimal(ask_venue(self.exchange.url, "/info", {"type": "allMids"})[coin])
        limit = mid * (Decimal("1.02") if size > 0 else Decimal("0.98"))
        self.order(coin, size, limit, tif="Ioc")

    def order(self, coin: str, size: Decimal, price: Decimal, *, tif: str) -> Any:  # noqa: ANN401
        """Place an order as another client of the account. The venue's answer."""
        meta = ask_venue(self.exchange.url, "/info", {"type": "meta"})["universe"]
        number = next(at for at, each in enumerate(meta) if each["name"] == coin)
        digits = 6 - int(meta[number]["szDecimals"])
        price = Decimal(f"{price:.5g}").quantize(Decimal(1).scaleb(-digits)).normalize()
        wire = {
            "a": number,
            "b": size > 0,
            "p": f"{price:f}",
            "s": f"{abs(size).normalize():f}",
            "r": False,
            "t": {"limit": {"tif": tif}},
        }
        return self.act({"type": "order", "orders": [wire], "grouping": "na"})

    def cancel(self, order: Mapping[str, Any]) -> None:
        """Cancel an order as another client of the account."""
        meta = ask_venue(self.exchange.url, "/info", {"type": "meta"})["universe"]
        number = next(at for at, each in enumerate(meta) if each["name"] == order["coin"])
        self.act({"type": "cancel", "cancels": [{"a": number, "o": order["oid"]}]})

    def trip(self, switch: str, since_ns: int, *, seconds: float | None = None) -> float:
        """Wait until a switch has tripped: after how many ms."""

        def look() -> float | None:
            for at, about in self.notices("Tripped", since_ns):
                if _snake(about["switch"]) == switch:
                    return max(0.001, self.ms(at - since_ns))
            return None

        return self.wait(look, seconds=seconds, why=f"the {switch} switch did not trip")

    def began(self, since_ns: int) -> float:
        """Wait until everything is being flattened: after how many ms that began."""

        def look() -> float | None:
            for at, _ in self.notices("FlattenStarted", since_ns):
                return max(0.001, self.ms(at - since_ns))
            return None

        return self.wait(look, why="nothing began to be flattened")

    def now_ns(self) -> int:
        """What the run's clock shows."""
        return self.clock.now_ns()

    def ms(self, nanoseconds: int) -> float:
        """Nanoseconds of the run's clock as milliseconds of the machine's."""
        return nanoseconds / self.clock.speed / 1e6

    def flat(self, since_ns: int, *, seconds: float | None = None, stops: bool = False) -> float:
        """Wait until the venue says that nothing is held and nothing rests: after how many ms."""

        def look() -> bool:
            return not self.held() and (stops or not self.orders())

        self.wait(look, seconds=seconds, why="not flat at the venue")
        return self.ms(self.clock.now_ns() - since_ns)

    def stays_flat(self) -> None:
        """The strategy goes on asking for a position, and gets none."""
        until = time.monotonic() + _QUIET_S
        while time.monotonic() < until:
            if held := self.held():
                raise DrillFailed(f"after it was flat it opened again: {held}")
            time.sleep(_LOOK_S)


def _snake(name: str) -> str:
    """`DailyLoss` as configuration writes it; what is written so already stays."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
