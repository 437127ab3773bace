"""`flyball exchange`: a local exchange that speaks Hyperliquid's protocol."""

import json as jsons
import re
import signal
import sys
import threading
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from flyball import _core
from flyball.errors import ConfigError
from flyball.ops.cli import console
from flyball.trading.runtime.mirror import mirrored

__all__ = ["exchange"]

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def exchange(
    *,
    port: Annotated[int, Parameter(help="The port on 127.0.0.1; 0 takes any that is free.")] = 0,
    seed: Annotated[int, Parameter(help="Everything that is chance follows from it.")] = 1,
    market: Annotated[
        str,
        Parameter(
            help="synthetic, quiet, replay:PATH with the folder of a dataset, or mirror:URL with "
            "the live markets of a venue."
        ),
    ] = "synthetic",
    coin: Annotated[
        list[str] | None, Parameter(help="A market to mirror; can be said again.")
    ] = None,
    faults: Annotated[Path | None, Parameter(help="A script of faults (TOML).")] = None,
    speed: Annotated[float, Parameter(help="How many times as fast as ours its clock runs.")] = 1.0,
    account: Annotated[
        list[str] | None, Parameter(help="ADDRESS=CASH: an account and its US dollars.")
    ] = None,
    agent: Annotated[
        list[str] | None, Parameter(help="ADDRESS=AGENT: an agent that may sign for an account.")
    ] = None,
    crash: Annotated[
        str | None, Parameter(help="MINUTES:DROP: the synthetic market falls, e.g. 30:0.4.")
    ] = None,
    start: Annotated[
        int | None, Parameter(help="When its clock begins, ms since 1970; now if not said.")
    ] = None,
    keep_times: Annotated[
        bool, Parameter(help="A recording keeps its own times, and the clock begins there.")
    ] = False,
    again: Annotated[bool, Parameter(help="A recording begins again at its end.")] = False,
    ip_weight: Annotated[
        int, Parameter(help="Weight of requests a minute that an IP address may use.")
    ] = 1200,
    admin: Annotated[
        bool, Parameter(help="Serve /faults and /admin, which change what happens.")
    ] = False,
    json: Annotated[bool, Parameter(help="Print one line of JSON with the URL first.")] = False,
) -> None:
    """Serve a local exchange on 127.0.0.1 until it is interrupted.

    Any client of Hyperliquid can trade on it: give it the printed URL as its base URL. Signatures
    are those of the testnet. Accounts exist when they are named, or when somebody sends them money.

    Example: flyball exchange --seed 7 --account 0x14dc79964da2c08b23698b3d3cc7ca32193d9955=10000
    """
    setup = {
        "seed": seed,
        "start_ns": None if start is None else start * 1_000_000,
        "market": _market(
            market, coins=coin or [], crash=crash, keep_times=keep_times, again=again
        ),
        "accounts": _accounts(account or [], agent or []),
        "faults": None if faults is None else faults.read_text(encoding="utf-8"),
        "weight_per_minute": ip_weight,
    }
    _serve(_core.Exchange(jsons.dumps(setup), port=port, speed=speed, admin=admin), json=json)


def _serve(served: _core.Exchange, *, json: bool) -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if json:
        sys.stdout.write(jsons.dumps({"url": served.url}) + "\n")
        sys.stdout.flush()
    else:
        console.out.print(served.url)
        console.say("serving; Ctrl-C stops it")
    while served.running and not stop.wait(0.2):
        pass
    served.stop()
    console.say("stopped")


def _market(
    text: str, *, coins: list[str], crash: str | None, keep_times: bool, again: bool
) -> Any:  # noqa: ANN401
    kind, _, rest = text.partition(":")
    if kind != "synthetic" and crash is not None:
        raise ConfigError("--crash is about the synthetic market")
    if kind != "replay" and (keep_times or again):
        raise ConfigError("--keep-times and --again are about a recording: --market replay:PATH")
    if kind == "replay" and rest:
        return {"replay": {"path": rest, "keep_times": keep_times, "again": again}}
    if kind == "mirror" and rest:
        return mirrored(rest, coins)
    if text == "quiet":
        return "quiet"
    if text == "synthetic":
        return {"synthetic": {"crash": None if crash is None else _crash(crash)}}
    raise ConfigError(f"--market {text!r}: must be synthetic, quiet, replay:PATH or mirror:URL")


def _crash(text: str) -> dict[str, Any]:
    minutes, _, drop = text.partition(":")
    try:
        at, part = float(minutes), float(drop)
    except ValueError:
        raise ConfigError(f"--crash {text!r}: must be MINUTES:DROP, e.g. 30:0.4") from None
    minute = 60_000_000_000
    return {
        "at_ns": round(at * minute),
        "duration_ns": 10 * minute,
        "drop": part,
        "gap": round(part * 0.4, 6),
    }


def _accounts(accounts: list[str], agents: list[str]) -> list[dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for text in accounts:
        address, _, cash = text.partition("=")
        try:
            amount = Decimal(cash)
        except InvalidOperation:
            amount = Decimal("NaN")
        if not ADDRESS.fullmatch(address) or not amount.is_finite():
            raise ConfigError(f"--account {text!r}: must be ADDRESS=CASH, e.g. 0x…=10000")
        made[address.lower()] = {"address": address, "cash": f"{amount:f}", "agents": []}
    for number, text in enumerate(agents):
        master, _, agent = text.partition("=")
        if not ADDRESS.fullmatch(master) or not ADDRESS.fullmatch(agent):
            raise ConfigError(f"--agent {text!r}: must be ADDRESS=AGENT")
        if master.lower() not in made:
            raise ConfigError(f"--agent {text!r}: there is no --account {master}")
        made[master.lower()]["agents"].append((f"agent{number}", agent))
    return list(made.values())
