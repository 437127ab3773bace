//! The protective stop that rests at the venue for every position: placed when the position opens,
//! moved when it should lie elsewhere (the new one first, then the old one goes), cancelled when
//! the position is gone. A position without a confirmed one for too long is closed.

use serde::{Deserialize, Serialize};

use crate::domain::{NEVER, Notice, OrderKind, Price, Purpose, Side, StrategyId};
use crate::execution::desk::{Desk, Wish};
use crate::execution::entries::{reach, within};
use crate::execution::exits::ExitPlan;
use crate::execution::orders::{LiveOrder, OrderState};
use crate::portfolio::liquidation_price;
use crate::risk::deviation;

/// Whether a position has its stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// Since when it has none.
    unprotected_since_ns: Option<i64>,
    told: bool,
    next_try_ns: i64,
}

impl Protection {
    /// When a position without a stop has been so for too long, or the next try is due.
    pub(super) fn due_ns(&self, max_unprotected_ns: i64) -> i64 {
        match self.unprotected_since_ns {
            Some(since) => self.next_try_ns.min(since.saturating_add(max_unprotected_ns)),
            None => NEVER,
        }
    }

    /// Since when the position has no confirmed stop at the venue, if it has none.
    pub const fn unprotected_since_ns(&self) -> Option<i64> {
        self.unprotected_since_ns
    }

    /// Whether the position has been without a confirmed stop for longer than it may.
    pub(super) fn is_overdue(&self, now_ns: i64, max_unprotected_ns: i64) -> bool {
        let since = self.unprotected_since_ns;
        since.is_some_and(|since| now_ns.saturating_sub(since) > max_unprotected_ns)
    }

    /// Bring the resting stop to where it should be.
    pub(super) fn ensure(&mut self, desk: &mut Desk<'_>, plan: &ExitPlan) {
        let Some(side) = desk.position().and_then(crate::portfolio::Position::closing_side) else {
            *self = Self::default();
            desk.cancel_all(&[Purpose::Stop], true);
            return;
        };
        let Some(trigger) = trigger(desk, plan, side) else {
            self.unconfirmed(desk);
            return;
        };
        let near = |live: &&LiveOrder| {
            live.order.side == side
                && !live.cancelling
                && matches!(live.order.kind, OrderKind::Stop { trigger: at }
                    if deviation(at, trigger) <= desk.limits.stop_drift)
        };
        let stops =
            || desk.orders.of(desk.id()).iter().filter(|live| live.order.purpose == Purpose::Stop);
        let good = stops().find(near).copied();
        let confirmed =
            stops().any(|live| live.order.side == side && live.state == OrderState::Working);
        if confirmed {
            self.unprotected_since_ns = None;
            self.told = false;
        } else {
            self.unconfirmed(desk);
        }
        match good {
            Some(good) if good.state == OrderState::Working => cancel_others(desk, &good),
            Some(_) => {}
            None => self.place(desk, side, trigger),
        }
    }

    fn unconfirmed(&mut self, desk: &mut Desk<'_>) {
        let since = *self.unprotected_since_ns.get_or_insert(desk.now_ns);
        let for_ns = desk.now_ns.saturating_sub(since);
        if for_ns > desk.limits.max_unprotected_ns && !self.told {
            self.told = true;
            desk.out.notice(Notice::Unprotected { instrument: desk.id(), for_ns });
        }
    }

    fn place(&mut self, desk: &mut Desk<'_>, side: Side, trigger: Price) {
        let pending = desk.orders.of(desk.id()).iter().any(|live| {
            live.order.purpose == Purpose::Stop
                && live.order.side == side
                && live.state == OrderState::Pending
        });
        if pending || desk.now_ns < self.next_try_ns {
            return;
        }
        self.next_try_ns = desk.now_ns.saturating_add(desk.limits.close_retry_ns);
        let Some(position) = desk.position() else { return };
        let worst = trigger.worse(side, reach(trigger.ticks(), desk.limits.stop_slippage.parts()));
        let worst = desk.instrument.round_aggressive(Price::from_ticks(worst.ticks().max(1)), side);
        let wish = Wish {
            strategy: StrategyId::new(0),
            side,
            price: if worst.is_tradable() { worst } else { trigger },
            qty: position.qty().abs(),
            kind: OrderKind::Stop { trigger },
            reduce_only: true,
            purpose: Purpose::Stop,
        };
        // A refusal is told by the gate; the position stays unprotected and is closed in time.
        let _told = desk.submit(&wish);
    }
}

/// Cancel every other stop: the good one is confirmed.
fn cancel_others(desk: &mut Desk<'_>, good: &LiveOrder) {
    let id = good.order.client_order_id;
    while let Some(other) = desk.orders.of(desk.id()).iter().find(|live| {
        live.order.purpose == Purpose::Stop && live.order.client_order_id != id && !live.cancelling
    }) {
        let other = other.order.client_order_id;
        if !desk.cancel(other, true) {
            return;
        }
    }
}

/// Where the stop should rest: the strategy's, unless the profile's or the liquidation price is
/// nearer to the entry.
fn trigger(desk: &Desk<'_>, plan: &ExitPlan, side: Side) -> Option<Price> {
    let position = desk.position()?;
    let entry = position.entry_price(desk.instrument)?;
    let farthest = entry.worse(side, within(entry.ticks(), desk.limits.stop_distance.parts()));
    let mut trigger = farthest;
    if let Some(stop) = plan.stop_level(side)
        && stop.better(side.opposite(), trigger)
    {
        trigger = stop;
    }
    if let Some(liquidation) = liquidation_price(desk.portfolio, desk.instrument)
        && liquidation.better(side.opposite(), trigger)
    {
        let between = liquidation.ticks().midpoint(entry.ticks());
        trigger = Price::from_ticks(between);
    }
    // Rounded towards the entry: never further away than was allowed.
    let trigger = desk.instrument.round_passive(trigger, side);
    trigger.is_tradable().then_some(trigger)
}
