"""A local exchange of one's own: a child process that ends with whoever started it.

The child is this module. It reads one line that describes the exchange from its standard input,
says on its standard output where it serves, and serves until its input ends: which it does when
the parent closes it, and when the parent is gone, however that went.
"""

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Any

from flyball import _core
from flyball.config.endpoints import Endpoint, endpoint
from flyball.config.keys import Keys
from flyball.errors import ConfigError
from flyball.trading.runtime.clock import Clock

__all__ = ["LocalExchange"]

_MILLISECOND = 1_000_000
_LEAVE_S = 5.0


def _new_key() -> str:
    return "0x" + secrets.token_hex(32)


class LocalExchange:
    """A local exchange in a process of its own, with funded accounts whose keys are made for it.

    Parameters
    ----------
    cash : sequence of Decimal
        US dollars of each account; two agents of each are approved, one for a run and one for its
        sentinel, and `keys` holds their keys.
    seed : int
        Everything that is chance follows from it.
    market : str or mapping
        "quiet", or what is traded: `{"synthetic": {...}}`, `{"replay": {...}}`.
    speed : int
        Its clock, and that of whoever trades there, runs so many times as fast as ours.
    admin : bool
        Whether it serves `/admin` and `/faults`, which change what happens.
    port : int
        0 takes any that is free.
    limits : mapping, optional
        What an address of the network may do in a minute, where that is not what the venue allows:
        `weight_per_minute`, `sockets_per_minute`, `messages_per_minute`.

    Raises
    ------
    ConfigError
        If it cannot be started.
    """

    def __init__(
        self,
        *,
        cash: Sequence[Decimal | int] = (Decimal(10_000),),
        seed: int = 1,
        market: str | Mapping[str, Any] | None = None,
        speed: int = 1,
        admin: bool = False,
        port: int = 0,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        owners = [_core.key_address(_new_key()) for _ in cash]
        agents = [_new_key() for _ in cash]
        sentinels = [_new_key() for _ in cash]
        accounts = [
            {
                "address": owner,
                "cash": f"{Decimal(amount):f}",
                "agents": [
                    ("run", _core.key_address(agent)),
                    ("sentinel", _core.key_address(sentinel)),
                ],
            }
            for owner, agent, sentinel, amount in zip(owners, agents, sentinels, cash, strict=True)
        ]
        self.market = market or {"synthetic": {}}
        setup = {"seed": seed, "market": self.market, "accounts": accounts, **(limits or {})}
        self.keys = tuple(
            Keys(network="local", account=owner, agent_key=agent, sentinel_key=sentinel)
            for owner, agent, sentinel in zip(owners, agents, sentinels, strict=True)
        )
        self.seed = seed
        self._child = _spawn()
        asked = {"setup": setup, "speed": speed, "admin": admin, "port": port}
        try:
            told = _converse(self._child, asked)
        except BaseException:
            self.close()
            raise
        self.url: str = told["url"]
        self.clock = Clock(
            anchor_ns=told["anchor_ns"], start_ns=told["start_ns"], speed=told["speed"]
        )

    @property
    def endpoint(self) -> Endpoint:
        """Where it is."""
        return endpoint(self.url)

    @property
    def market_text(self) -> str:
        """Where its market comes from, for people."""
        kind = self.market if isinstance(self.market, str) else next(iter(self.market))
        if kind == "mirror" and not isinstance(self.market, str):
            return f"live data of {self.market[kind]['http']}"
        return {"synthetic": "made up", "quiet": "empty", "replay": "recorded data"}.get(kind, kind)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._child.pid

    @property
    def is_alive(self) -> bool:
        """Whether it serves."""
        return self._child.poll() is None

    def close(self) -> None:
        """End it."""
        for end in (self._child.stdin, self._child.stdout):
            if end is not None:
                end.close()
        try:
            self._child.wait(_LEAVE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def __enter__(self) -> "LocalExchange":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()


def _spawn() -> "subprocess.Popen[str]":
    # A session of its own: an interrupt from the terminal is the parent's business.
    return subprocess.Popen(
        [sys.executable, "-m", "flyball.trading.runtime.local"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _converse(child: "subprocess.Popen[str]", asked: Mapping[str, Any]) -> dict[str, Any]:
    if child.stdin is None or child.stdout is None:  # pragma: no cover - they are pipes
        raise ConfigError("the local exchange has no pipes")
    try:
        child.stdin.write(json.dumps(asked) + "\n")
        child.stdin.flush()
        line = child.stdout.readline()
    except OSError:
        line = ""
    if not line:
        raise ConfigError(
            f"the local exchange did not start: its process ended with code {child.wait()}"
        )
    told: dict[str, Any] = json.loads(line)
    if "error" in told:
        raise ConfigError(f"the local exchange did not start: {told['error']}")
    return told


def _serve() -> int:
    """The child: serve what the first line of the input says, until the input ends."""
    asked = json.loads(sys.stdin.readline())
    # On whole milliseconds, as the venue's times are.
    start_ns = time.time_ns() // _MILLISECOND * _MILLISECOND
    speed = int(asked["speed"])
    try:
        served = _core.Exchange(
            json.dumps({**asked["setup"], "start_ns": start_ns}),
            port=int(asked["port"]),
            speed=float(speed),
            admin=bool(asked["admin"]),
        )
    except Exception as error:
        sys.stdout.write(json.dumps({"error": str(error)}) + "\n")
        return 2
    anchor_ns = time.time_ns()
    told = {"url": served.url, "anchor_ns": anchor_ns, "start_ns": start_ns, "speed": speed}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    while sys.stdin.readline():
        pass
    served.stop()
    return 0


if __name__ == "__main__":
    sys.exit(_serve())
