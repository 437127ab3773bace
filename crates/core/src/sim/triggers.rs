//! Orders that wait for the mark, and orders that belong together (Hyperliquid's documentation,
//! trading/take-profit-and-stop-loss-orders-tp-sl).

use crate::domain::{CancelReason, InstrumentId, Qty, Status, TimeInForce, VenueOrderId};
use crate::sim::market::Resting;
use crate::sim::matching::Taker;
use crate::sim::order::{Life, OrderRecord, TriggerThen};
use crate::sim::report::Cause;
use crate::sim::venue::Venue;

impl Venue {
    /// A trigger order waits from now on: for the mark, or for its parent.
    pub(super) fn accept_trigger(
        &mut self,
        mut resting: Resting,
        parent: Option<VenueOrderId>,
        now: i64,
    ) -> OrderRecord {
        resting.record.life = parent.map_or(Life::AwaitsTrigger, Life::AwaitsParent);
        self.say_order(&resting, Status::Working, now);
        let record = resting.record;
        if let Some(market) = self.markets.get_mut(record.order.instrument.index()) {
            if let Some(account) = self.accounts.get_mut(record.account.index()) {
                account.open(&market.instrument, &record);
            }
            market.triggers.push(resting);
        }
        record
    }

    /// Every trigger order that the mark has reached goes off.
    pub(super) fn fire_triggers(&mut self, instrument: InstrumentId, now: i64) {
        while let Some(market) = self.market_mut(instrument) {
            let Some(mark) = market.marks.mark else { return };
            let reached = |resting: &Resting| {
                let order = &resting.record.order;
                resting.record.life == Life::AwaitsTrigger
                    && order.trigger().is_some_and(|trigger| trigger.reached(order.side, mark))
            };
            let Some(at) = market.triggers.iter().position(reached) else { return };
            let fired = market.triggers.remove(at);
            self.close(&fired);
            self.fire(fired, now);
        }
    }

    /// A trigger order goes off: it keeps its id.
    fn fire(&mut self, mut fired: Resting, now: i64) {
        let order = fired.record.order;
        let Some(trigger) = order.trigger() else { return };
        let Some(owner) = self.account(fired.record.account) else { return };
        let closable = owner.closable(order.instrument, order.side);
        let refused = if self.post_only {
            Some(CancelReason::PostOnlyWindow)
        } else if order.reduce_only && closable.is_zero() {
            Some(CancelReason::ReduceOnly)
        } else if !order.reduce_only && !self.affords(fired.record.account, &order) {
            Some(CancelReason::Margin)
        } else {
            None
        };
        if let Some(reason) = refused {
            return self.end(&mut fired, Status::Cancelled(reason), now);
        }
        let record = &mut fired.record;
        record.remaining = match (trigger.whole_position, order.reduce_only) {
            (true, _) => closable,
            (false, true) => order.qty.min(closable),
            (false, false) => order.qty,
        };
        (record.triggered, record.life, record.changed_ns) = (true, Life::Acting, now);
        self.say_order(&fired, Status::Triggered, now);
        match trigger.then {
            TriggerThen::Market => self.fire_at_market(&mut fired, now),
            TriggerThen::Limit => {
                self.accept_limit(fired, TimeInForce::GoodTilCancelled, Qty::MAX, now);
            }
        }
    }

    fn fire_at_market(&mut self, fired: &mut Resting, now: i64) {
        self.take(&mut Taker { resting: fired, most: Qty::MAX, cause: Cause::Order }, now);
        let status = if fired.record.remaining.is_zero() {
            Status::Filled
        } else {
            Status::Cancelled(CancelReason::Unfilled)
        };
        self.end(fired, status, now);
    }

    /// An order for which others wait is over. They go to work when it has filled, or when margin
    /// cut it off after it had traded; otherwise they go with it.
    pub(super) fn parent_ended(&mut self, parent: &Resting, now: i64) {
        let record = &parent.record;
        let works = match record.ended() {
            Some(Status::Filled) => true,
            Some(Status::Cancelled(CancelReason::Margin)) => !record.filled.is_zero(),
            _ => false,
        };
        let waits = |child: &Resting| {
            child.record.account == record.account
                && child.record.life == Life::AwaitsParent(record.venue_order_id)
        };
        while let Some(market) = self.market_mut(record.order.instrument) {
            let Some(at) = market.triggers.iter().position(waits) else { return };
            if !works {
                let child = market.triggers.remove(at);
                self.cancelled(child, CancelReason::Parent, now);
                continue;
            }
            let Some(child) = market.triggers.get_mut(at) else { return };
            (child.record.life, child.record.changed_ns) = (Life::AwaitsTrigger, now);
            let child = *child;
            self.unsettled = true;
            self.say_order(&child, Status::Working, now);
        }
    }

    /// Stop-loss and take-profit go with each other: one traded, so the others are cancelled.
    pub(super) fn drop_siblings(&mut self, traded: &Resting, now: i64) {
        let record = &traded.record;
        let sibling = |other: &Resting| {
            other.siblings == traded.siblings
                && other.record.account == record.account
                && other.record.venue_order_id != record.venue_order_id
        };
        while let Some(market) = self.market_mut(record.order.instrument) {
            let gone = match market.triggers.iter().position(sibling) {
                Some(at) => market.triggers.remove(at),
                None => match market.resting.iter().position(sibling) {
                    Some(at) => market.resting.remove(at),
                    None => return,
                },
            };
            self.cancelled(gone, CancelReason::Sibling, now);
        }
    }
}
