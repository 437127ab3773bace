"""Kills, by every way and in every scope; and what is left of them after a crash."""

import json
import signal
from decimal import Decimal

from flyball import _core
from flyball.ops.drills.stage import COIN, DrillFailed, Seen, Stage
from flyball.ops.drills.switches import lose

__all__ = [
    "kill_api",
    "kill_command",
    "kill_file",
    "kill_orders_of_others",
    "kill_scopes",
    "kill_signal",
    "kill_state_lost",
    "kill_stuck",
    "restart_latched",
]


def _ended(stage: Stage, since: int, *, did: str, by: str) -> Seen:
    """What must follow a kill: flat, latched, kept, and nothing opens again."""
    trip = stage.began(since)
    flat = stage.flat(since)
    stage.stays_flat()
    found = stage.status()
    ways = [each["trigger"] for each in found["kills"]["killed"]]
    if not found["killed"] or by not in ways:
        raise DrillFailed(f"not latched and kept as killed by {by}: {ways}")
    kept = (stage.state / "killed").read_text("utf-8").splitlines()
    if by not in [each["trigger"] for each in json.loads(kept[0])["killed"]]:
        raise DrillFailed(f"the kill is not on the disk: {kept}")
    report = stage.wait(lambda: _report(stage, by), why=f"no report of a flatten by {by}")
    saw = f"flat; kept as killed by {by}; nothing opened again; {report}"
    return Seen(did=did, saw=saw, ms_to_trip=trip, ms_to_flat=flat)


def _report(stage: Stage, by: str) -> str | None:
    """What the newest report of a flatten says, once it is there; its signature is verified."""
    files = sorted((stage.state / "reports").glob("flatten-*.json"))
    if not files:
        return None
    told = json.loads(_core.verify_report(files[-1]))
    report, agent = told["report"], stage.exchange.keys[0].agent_key
    if told["signer"] != _core.key_address(agent):
        raise DrillFailed(f"the report is signed by {told['signer']}, which is not the agent")
    if (report["trigger"], report["outcome"]) != (by, "flat") or not report["journal_hash"]:
        raise DrillFailed(f"the report says {report['trigger']}, {report['outcome']}")
    return f"signed report: {len(report['attempts'])} closing orders"


def kill_api(stage: Stage) -> Seen:
    """`LiveSession.kill`."""
    stage.start("Holder")
    stage.opened()
    since = stage.now_ns()
    if stage.session is None or not stage.session.kill():
        raise DrillFailed("the kill was not on the disk within a second")
    return _ended(stage, since, did="LiveSession.kill()", by="api")


def kill_command(stage: Stage) -> Seen:
    """`flyball kill`, in another process."""
    stage.start("Holder")
    stage.opened()
    since = stage.now_ns()
    done = stage.command("kill", "--scope", "account", "--state", str(stage.state), "--json")
    if done.returncode != 0 or not json.loads(done.stdout)["flat"]:
        raise DrillFailed(f"flyball kill ended with {done.returncode}: {done.stderr}")
    return _ended(stage, since, did="flyball kill --scope account", by="command")


def kill_file(stage: Stage) -> Seen:
    """A file in the state folder; taking it away takes nothing back."""
    stage.start("Holder")
    stage.opened()
    since = stage.now_ns()
    file = stage.state / "KILL"
    file.touch()
    seen = _ended(stage, since, did="touch KILL in the run's folder", by="file")
    file.unlink()
    stage.stays_flat()
    if not stage.status()["killed"]:
        raise DrillFailed("the kill went with the file")
    return seen


def _signalled(stage: Stage, number: signal.Signals, *, did: str) -> Seen:
    """A signal to a process whose Python stands still."""
    stage.spawn("Stuck", "--deadline", "300ms")
    stage.opened()
    # Before its lock is held, Python would end the run in order.
    stage.wait(lambda: _is_late(stage), why="the strategy does not hold Python's lock")
    since = stage.now_ns()
    if stage.process is not None:
        stage.process.send_signal(number)
    return _ended(stage, since, did=did, by=f"signal:{number.name}")


def _is_late(stage: Stage) -> bool:
    return bool(stage.status()["strategies"][0]["attention"] == "late")


def kill_signal(stage: Stage) -> Seen:
    """SIGUSR1, while Python stands still."""
    return _signalled(stage, signal.SIGUSR1, did="SIGUSR1 while a library held Python's lock")


def kill_stuck(stage: Stage) -> Seen:
    """SIGTERM, while Python stands still and cannot end in order."""
    did = (
        "SIGTERM while a library held Python's lock: three seconds for an orderly end, then a kill"
    )
    return _signalled(stage, signal.SIGTERM, did=did)


def _at_rest(stage: Stage) -> bool:
    return stage.status()["instruments"][0]["closing"] is None


def kill_scopes(stage: Stage) -> Seen:
    """One order, one instrument, one strategy."""
    stage.start("Quoter")
    all_of_them = 16
    stage.wait(lambda: len(stage.orders()) == all_of_them, why="not all quotes rest")
    ids = stage.status()["instruments"][0]["order_ids"]
    since = stage.now_ns()
    stage.operate("kill", f"order:{ids[0]}")
    stage.wait(lambda: len(stage.orders()) == all_of_them - 1, why="the order still rests")
    trip = stage.ms(stage.now_ns() - since)
    stage.operate("kill", f"instrument:{COIN}")
    flat = stage.flat(since)
    for scope in (f"instrument:{COIN}", "strategy:Quoter"):
        stage.wait(lambda: _at_rest(stage), why=f"{scope} is still being closed")
        if not stage.status()["instruments"][0]["locked"]:
            raise DrillFailed(f"{scope} is killed and not latched")
        stage.operate("request_release", scope)
        stage.operate("confirm_release", scope)
        stage.wait(
            lambda: not stage.status()["instruments"][0]["locked"], why=f"{scope} stays latched"
        )
        stage.operate("kill", "strategy:Quoter")
        stage.wait(lambda: stage.status()["instruments"][0]["locked"], why="not latched")
    did = "kill order:ID, instrument, strategy; each released by two steps"
    saw = "one order less, then none; latched, released, latched again"
    return Seen(did=did, saw=saw, ms_to_trip=trip, ms_to_flat=flat)


def kill_orders_of_others(stage: Stage) -> Seen:
    """Orders that another client placed on the account could add risk: they go too."""
    stage.start("Holder")
    stage.opened()
    price = stage.price() * Decimal("0.9")
    for step in range(5):
        stage.order(COIN, Decimal(20), price * (1 - Decimal(step) / 1000), tif="Gtc")
    since = stage.now_ns()
    stage.operate("kill", "all")
    seen = _ended(stage, since, did="5 orders of another client rest, then killed", by="command")
    if stage.orders():
        raise DrillFailed("orders of others are left")
    return seen


def restart_latched(stage: Stage) -> Seen:
    """A switch trips, the process is killed; the next one is still stopped."""
    stage.spawn("Holder")
    stage.opened()
    since, did, patience_s = lose(stage, stage.profile.switches.drawdown)
    trip = stage.trip("drawdown", since, seconds=patience_s)
    flat = stage.flat(since)
    stage.crash()
    stage.spawn("Holder")
    stage.wait(lambda: stage.status()["account_known"], why="the account is not known")
    stage.stays_flat()
    tripped = [name for name, _ in stage.status()["tripped"]]
    if "drawdown" not in tripped:
        raise DrillFailed(f"the latch did not outlive the process: {tripped}")
    saw = "tripped; flat; after a restart still latched, nothing opened"
    return Seen(did=f"{did}; killed; started again", saw=saw, ms_to_trip=trip, ms_to_flat=flat)


def kill_state_lost(stage: Stage) -> Seen:
    """What is killed cannot be read: everything is."""
    stage.spawn("Once")
    stage.opened()
    stage.crash()
    (stage.state / "killed").write_text("")
    since = stage.now_ns()
    stage.spawn("Holder")
    flat = stage.flat(since)
    stage.stays_flat()
    found = stage.status()
    if not found["killed"] or not found["kills"]["alarm"]:
        raise DrillFailed(f"not killed: {found['kills']}")
    saw = f"killed at the start, flat: {found['kills']['alarm']}"
    did = "the process killed, the file of kills emptied, started again"
    return Seen(did=did, saw=saw, ms_to_flat=flat)
