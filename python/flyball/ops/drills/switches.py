"""The six switches, each tripped by what happens at the venue."""

from collections.abc import Callable
from decimal import Decimal

from flyball.config.profile import Profile
from flyball.ops.drills.stage import COIN, LOWEST, DrillFailed, Seen, Stage

__all__ = [
    "daily_loss",
    "drawdown",
    "emergency",
    "leverage",
    "lose",
    "margin",
    "money_speed",
    "position_loss",
]

# Beyond the line by a tenth of it, and by what trading costs.
_BEYOND = Decimal("1.1")
_MORE = Decimal("0.002")
# No gap brings more than that.
_HIGHEST = 20.0
# Of what is set aside for a position, a gap surely takes so much.
_SURE = Decimal("0.98")
# Money of which no ledger tells is missed after so long by the run's clock, and how fast that runs.
_MISSED_S, _MONEY_SPEED = 45.0, 5
# What closing costs beside the gap, by the governor: two fees, and the venue's maintenance margin.
_FEES, _KEPT = Decimal("0.0009"), Decimal("0.025")


def _beyond(limit: Decimal) -> Decimal:
    return limit * _BEYOND + _MORE


def money_speed(limit: Callable[[Profile], Decimal]) -> Callable[[Profile], int]:
    """How fast the clock must run for a line that no price can carry the account to.

    Where money is set aside for positions, what the governor lets through can take no more than
    that: `lose` lets money vanish then, and the run finds out when it compares.
    """

    def speed(profile: Profile) -> int:
        if profile.governor.margin_mode == "cross":
            return 1
        governor, switches = profile.governor, profile.switches
        loss = switches.position_loss + governor.gap_floor + governor.slippage + _FEES
        bound = min(min(switches.drawdown, switches.daily_loss) / loss, Decimal(1))
        bound = min(bound, profile.gate.max_concentration)
        leverage = max(1, int(1 / (loss + _KEPT)))
        return 1 if _beyond(limit(profile)) <= bound / leverage * _SURE else _MONEY_SPEED

    return speed


def lose(stage: Stage, limit: Decimal) -> tuple[int, str, float]:
    """Let the account lose a little more than a limit.

    By a jump of prices; or, where money is set aside for the position and a jump takes no more
    than that, by money that vanishes.

    Returns
    -------
    since_ns, did, patience_s
        When, what was done, and how long the switch may take.
    """
    factor, did = gap(stage, limit, of="equity")
    equity, _, _ = stage.worth()
    lost, most = _beyond(limit) * equity, stage.set_aside()
    if most is None or lost <= most * _SURE:
        return stage.move(factor), did, stage.patience_s
    told = f"{lost:,.2f} of {equity:,.2f} vanished, no ledger tells of it"
    why = f"a jump takes no more than the {most:,.2f} set aside"
    return stage.vanish(lost), f"{told} ({why})", stage.patience_s + _MISSED_S / stage.speed


def gap(stage: Stage, limit: Decimal, *, of: str) -> tuple[float, str]:
    """The move of prices that makes the account lose a little more than a limit."""
    equity, _, _ = stage.worth()
    held = stage.held()[COIN]
    value = abs(held) * stage.price()
    wanted = _beyond(limit)
    move = wanted * equity / value if of == "equity" else wanted
    factor = float(1 - move if held > 0 else 1 + move)
    if not LOWEST <= factor <= _HIGHEST or (of == "equity" and limit >= 1):
        raise DrillFailed(
            f"a limit of {limit} cannot be reached: prices would have to be multiplied by "
            f"{factor:.3g} with {value / equity:.0%} of the account in {COIN}"
        )
    side = "long" if held > 0 else "short"
    return factor, f"{COIN} moved by {(factor - 1) * 100:+.1f} % at once, {side} {abs(held)}"


def _stopped(stage: Stage, switch: str, limit: Decimal, *, strategy: str) -> Seen:
    """A loss of the account: all trading stops."""
    stage.start(strategy)
    stage.opened()
    since, did, patience_s = lose(stage, limit)
    trip = stage.trip(switch, since, seconds=patience_s)
    flat = stage.flat(since)
    stage.stays_flat()
    tripped = [name for name, _ in stage.status()["tripped"]]
    if switch not in tripped:
        raise DrillFailed(f"{switch} tripped and is not latched: {tripped}")
    equity, _, _ = stage.worth()
    saw = f"tripped {', '.join(tripped)}; flat; nothing opened again; equity {equity:,.2f}"
    return Seen(did=did, saw=saw, ms_to_trip=trip, ms_to_flat=flat)


def drawdown(stage: Stage) -> Seen:
    """A loss with a long position: beyond the drawdown line."""
    return _stopped(stage, "drawdown", stage.profile.switches.drawdown, strategy="Holder")


def daily_loss(stage: Stage) -> Seen:
    """A loss with a short position: beyond the loss of a day."""
    return _stopped(stage, "daily_loss", stage.profile.switches.daily_loss, strategy="Short")


def emergency(stage: Stage) -> Seen:
    """A loss with a short position: beyond everything."""
    return _stopped(stage, "emergency", stage.profile.switches.emergency, strategy="Short")


def position_loss(stage: Stage) -> Seen:
    """A gap against one position, small for the account."""
    stage.start("Holder")
    stage.opened()
    exits = stage.profile.exits
    # The venue's stop would end a smaller gap: it must not find anybody to trade with.
    beyond = exits.stop_distance + exits.stop_slippage + Decimal("0.01")
    limit = max(stage.profile.switches.position_loss, beyond)
    factor, did = gap(stage, limit, of="position")
    since = stage.move(factor)
    trip = stage.trip("position_loss", since)
    flat = stage.flat(since)
    stage.stays_flat()
    return Seen(
        did=did,
        saw="tripped; flat; the instrument stays reduce-only while it cools off",
        ms_to_trip=trip,
        ms_to_flat=flat,
    )


def _withdrawn(stage: Stage, switch: str, left: Decimal) -> tuple[int, str]:
    """Take money out of the account until so much is left."""
    equity, value, _ = stage.worth()
    if left <= 0:
        raise DrillFailed(f"the {switch} switch cannot be reached: nothing would be left")
    taken = equity - left
    if taken <= 0:
        raise DrillFailed(f"the {switch} switch cannot be reached with {value:,.0f} held")
    since = stage.transfer(-taken)
    return since, f"{taken:,.2f} of {equity:,.2f} taken out, {value:,.2f} held"


def leverage(stage: Stage) -> Seen:
    """Money leaves the account: what it holds is then too much for it."""
    stage.start("Holder")
    before = stage.opened()
    _, value, _ = stage.worth()
    limit = stage.profile.switches.leverage
    since, did = _withdrawn(stage, "leverage", value / (limit * _BEYOND))
    trip = stage.trip("leverage", since)

    def reduced() -> bool:
        equity, value, _ = stage.worth()
        return value < equity * limit

    stage.wait(reduced, why="leverage is still above its limit, says the venue")
    flat = stage.ms(stage.now_ns() - since)
    after = stage.held().get(COIN, Decimal(0))
    if not abs(after) < abs(before):
        raise DrillFailed(f"the position was not made smaller: {before} → {after}")
    equity, value, _ = stage.worth()
    saw = f"tripped; {before} → {after} {COIN}; leverage {value / equity:.2f} of {limit}"
    return Seen(did=did, saw=saw, ms_to_trip=trip, ms_to_flat=flat)


def margin(stage: Stage) -> Seen:
    """Nearly all money leaves the account: what it holds is then close to liquidation."""
    stage.start("Holder")
    stage.opened()
    _, _, maintenance = stage.worth()
    limit = stage.profile.switches.margin
    if limit <= 1:
        raise DrillFailed(f"a limit of {limit} cannot be reached: the venue liquidates at 1")
    # Between liquidation and the limit, nearer to the limit.
    ratio = 1 + (limit - 1) * Decimal("0.8")
    since, did = _withdrawn(stage, "margin", maintenance * ratio)
    trip = stage.trip("margin", since)
    flat = stage.flat(since)
    said = stage.notices("Liquidated", since)
    if said:
        raise DrillFailed("the venue liquidated the position: the switch came too late")
    saw = f"tripped at a ratio below {limit}; flat; not liquidated"
    return Seen(did=did, saw=saw, ms_to_trip=trip, ms_to_flat=flat)
