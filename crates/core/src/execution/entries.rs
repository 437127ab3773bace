//! From the position that is wanted to the position that is held, one order at a time. What turns
//! a position over is done in two steps: close, then open, so that a race cannot overshoot.

use serde::{Deserialize, Serialize};

use crate::domain::{NEVER, NetQty, OrderKind, Purpose, Refusal, StrategyId, TimeInForce};
use crate::execution::desk::{Desk, Wish};

/// Orders that one decision may take before it is given up.
const MAX_ATTEMPTS: u32 = 8;

/// The position that a strategy wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedPosition {
    target: NetQty,
    attempts: u32,
    next_ns: i64,
}

impl WantedPosition {
    /// This many lots.
    pub const fn new(target: NetQty) -> Self {
        Self { target, attempts: 0, next_ns: i64::MIN }
    }

    /// Lots wanted.
    pub const fn target(&self) -> NetQty {
        self.target
    }

    /// When the next order may be sent; never when there is nothing to do or it was given up.
    pub(super) const fn due_ns(&self) -> i64 {
        if self.attempts == 0 || self.attempts >= MAX_ATTEMPTS { NEVER } else { self.next_ns }
    }
}

/// Send the next order towards the wanted position, if one is needed and none is on its way.
pub(super) fn pursue(
    desk: &mut Desk<'_>,
    strategy: StrategyId,
    wanted: &mut WantedPosition,
) -> Option<Refusal> {
    let held = desk.position().map_or(NetQty::FLAT, crate::portfolio::Position::qty);
    let missing = wanted.target.minus(held);
    let (Some(side), Some(best)) = (missing.side(), desk.market.best) else {
        if missing.is_flat() {
            wanted.attempts = 0;
        }
        return None;
    };
    let busy = desk.orders.of(desk.id()).iter().any(|live| live.order.purpose == Purpose::Entry);
    if busy || wanted.attempts >= MAX_ATTEMPTS || desk.now_ns < wanted.next_ns {
        return None;
    }
    let closing = held.reducing_side() == Some(side);
    let qty = if closing { missing.abs().min(held.abs()) } else { missing.abs() };
    wanted.attempts = wanted.attempts.saturating_add(1);
    wanted.next_ns = desk.now_ns.saturating_add(desk.limits.close_retry_ns);
    let touch = best.level(side.opposite()).price;
    let slip = reach(touch.ticks(), desk.limits.close_slippage.parts());
    let price = desk.instrument.round_aggressive(touch.worse(side, slip), side);
    let wish = Wish {
        strategy,
        side,
        price,
        qty,
        kind: OrderKind::Limit(TimeInForce::ImmediateOrCancel),
        reduce_only: closing,
        purpose: Purpose::Entry,
    };
    // Opening orders are cut to what the size rules let through, and the wish with them; when
    // nothing fits, the whole order is shown to the gate, which says why.
    let (qty, sent) = if closing { (qty, desk.submit(&wish)) } else { desk.submit_up_to(&wish) };
    if qty < wish.qty {
        wanted.target = held.plus(qty.signed(side));
    }
    let refusal = sent.err();
    if refusal.is_some() {
        wanted.attempts = MAX_ATTEMPTS;
    }
    refusal
}

/// A fraction of a price in whole ticks, rounded down.
pub(super) fn within(ticks: i64, parts: i64) -> i64 {
    let product = i128::from(ticks).saturating_mul(i128::from(parts));
    let down = product.checked_div(i128::from(crate::domain::Rate::ONE.parts()));
    i64::try_from(down.unwrap_or(0)).unwrap_or(i64::MAX)
}

/// A fraction of a price in whole ticks, rounded up.
pub(super) fn reach(ticks: i64, parts: i64) -> i64 {
    let product = i128::from(ticks).saturating_mul(i128::from(parts));
    let one = i128::from(crate::domain::Rate::ONE.parts());
    let up = product.saturating_add(one.saturating_sub(1));
    i64::try_from(up.checked_div(one).unwrap_or(0)).unwrap_or(i64::MAX)
}
