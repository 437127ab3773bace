//! What accounts ask of the venue: place, modify, cancel, say.

use crate::domain::{
    Body, CancelReason, ClientOrderId, InstrumentId, Money, Order, OrderReport, PositionReport,
    Qty, RejectReason, Status, TimeInForce, VenueOrderId,
};
use crate::risk::Approved;
use crate::sim::AccountId;
use crate::sim::faults::Fault;
use crate::sim::market::Resting;
use crate::sim::matching::Taker;
use crate::sim::order::{
    Grouping, Life, OrderRecord, OrderRef, Trigger, VenueOrder, VenueOrderKind,
};
use crate::sim::report::Cause;
use crate::sim::venue::Venue;

/// Why an order could not be modified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModifyError {
    /// It does not rest or wait, or is of another instrument.
    #[error("no such order rests or waits")]
    NotLive,
    /// What it was to become would be rejected. It stays as it is.
    #[error("the new order would be rejected")]
    Rejected(RejectReason),
}

/// What an order belongs to.
#[derive(Clone, Copy, Debug, Default)]
struct Bonds {
    /// The order that it waits for.
    child_of: Option<VenueOrderId>,
    siblings: u64,
    /// Whether others are going to wait for it.
    parent: bool,
}

impl Venue {
    /// An order of the engine arrives. Only approved ones can.
    pub fn submit(&mut self, account: AccountId, approved: &Approved<Order>, now: i64) {
        self.arrive(account, &approved.get().into(), now);
    }

    /// An order arrives over the wire, from a client that passed no gate of ours. Only for a venue
    /// that is served (an architecture test sees to that). What became of it at once.
    pub fn place(&mut self, account: AccountId, order: &VenueOrder, now: i64) -> OrderRecord {
        self.arrive(account, order, now)
    }

    /// Orders of one request arrive over the wire. What became of each at once, in their order.
    ///
    /// A group of which one order makes no sense is rejected as a whole (assumed).
    pub fn place_group(
        &mut self,
        account: AccountId,
        grouping: Grouping,
        orders: &[VenueOrder],
        now: i64,
    ) -> Vec<OrderRecord> {
        let all = match grouping {
            Grouping::Independent => orders
                .iter()
                .map(|order| self.enter(account, order, Bonds::default(), now))
                .collect(),
            Grouping::Normal => self.enter_family(account, orders, now),
            Grouping::Position => self.enter_position_group(account, orders, now),
        };
        if self.unsettled {
            self.settle(now);
        }
        all
    }

    fn enter_family(
        &mut self,
        account: AccountId,
        orders: &[VenueOrder],
        now: i64,
    ) -> Vec<OrderRecord> {
        let Some((first, rest)) = orders.split_first() else { return Vec::new() };
        let siblings = self.next_group();
        let bonds = Bonds { parent: !rest.is_empty(), ..Bonds::default() };
        let wrong = rest.iter().find_map(|child| {
            let closes = child.trigger().is_some() && child.reduce_only;
            let fits = closes && child.side != first.side && child.instrument == first.instrument;
            if fits { self.admits(account, child, true).err() } else { Some(RejectReason::Parent) }
        });
        let parent = match wrong {
            None => self.enter(account, first, bonds, now),
            Some(reason) => self.refuse(account, first, reason, now),
        };
        let mut all = vec![parent];
        for child in rest {
            let refused = match (wrong, parent.ended()) {
                (Some(reason), _) => Some(reason),
                (None, Some(Status::Rejected(_))) => Some(RejectReason::Parent),
                _ => None,
            };
            let bonds = Bonds { child_of: Some(parent.venue_order_id), siblings, parent: false };
            let record = match refused {
                Some(reason) => self.refuse(account, child, reason, now),
                _ => self.enter(account, child, bonds, now),
            };
            all.push(record);
        }
        // A parent that was over before its children came.
        if !parent.is_live() && wrong.is_none() {
            self.parent_ended(&Resting::new(parent), now);
            for record in &mut all {
                *record =
                    self.order(account, record.venue_order_id.into()).copied().unwrap_or(*record);
            }
        }
        all
    }

    fn enter_position_group(
        &mut self,
        account: AccountId,
        orders: &[VenueOrder],
        now: i64,
    ) -> Vec<OrderRecord> {
        let siblings = self.next_group();
        let bonds = Bonds { siblings, ..Bonds::default() };
        let place = |order: &VenueOrder| match order.kind {
            VenueOrderKind::Limit(_) => self.refuse(account, order, RejectReason::Other, now),
            VenueOrderKind::Trigger(trigger) => {
                let kind = VenueOrderKind::Trigger(Trigger { whole_position: true, ..trigger });
                self.enter(account, &VenueOrder { kind, reduce_only: true, ..*order }, bonds, now)
            }
        };
        orders.iter().map(place).collect()
    }

    const fn next_group(&mut self) -> u64 {
        self.group_count = self.group_count.saturating_add(1);
        self.group_count
    }

    fn arrive(&mut self, account: AccountId, order: &VenueOrder, now: i64) -> OrderRecord {
        let record = self.enter(account, order, Bonds::default(), now);
        if self.unsettled {
            self.settle(now);
        }
        record
    }

    /// Every order gets an id, whatever becomes of it.
    const fn number(&mut self, account: AccountId, order: &VenueOrder, now: i64) -> Resting {
        self.order_count = self.order_count.saturating_add(1);
        Resting::new(OrderRecord {
            account,
            venue_order_id: VenueOrderId::new(self.order_count),
            order: *order,
            life: Life::Acting,
            remaining: order.qty,
            filled: Qty::ZERO,
            paid: Money::ZERO,
            triggered: false,
            placed_ns: now,
            changed_ns: now,
        })
    }

    fn refuse(
        &mut self,
        account: AccountId,
        order: &VenueOrder,
        reason: RejectReason,
        now: i64,
    ) -> OrderRecord {
        let mut refused = self.number(account, order, now);
        self.end(&mut refused, Status::Rejected(reason), now);
        refused.record
    }

    fn enter(
        &mut self,
        account: AccountId,
        order: &VenueOrder,
        bonds: Bonds,
        now: i64,
    ) -> OrderRecord {
        let fault = self.account_mut(account).and_then(|owner| owner.fault.take());
        if let Some(Fault::Reject(reason)) = fault {
            return self.refuse(account, order, reason, now);
        }
        if let Err(reason) = self.takes(account, order, bonds.child_of.is_some()) {
            return self.refuse(account, order, reason, now);
        }
        let mut resting = self.number(account, order, now);
        (resting.siblings, resting.parent) = (bonds.siblings, bonds.parent);
        match order.kind {
            VenueOrderKind::Trigger(_) => self.accept_trigger(resting, bonds.child_of, now),
            VenueOrderKind::Limit(time_in_force) => {
                let most = match fault {
                    Some(Fault::PartialFill(most)) => most,
                    _ => Qty::MAX,
                };
                self.accept_limit(resting, time_in_force, most, now)
            }
        }
    }

    /// Whether the venue takes the order.
    fn takes(
        &self,
        account: AccountId,
        order: &VenueOrder,
        child: bool,
    ) -> Result<(), RejectReason> {
        self.admits(account, order, child)?;
        let posts = matches!(order.kind, VenueOrderKind::Limit(TimeInForce::PostOnly));
        let market = self.market(order.instrument);
        let trades = market.is_some_and(|it| it.would_trade(account, order.side, order.price));
        if posts && trades { Err(RejectReason::WouldTrade) } else { Ok(()) }
    }

    /// A limit order trades with what is there, `most` at most, and rests with what is left.
    pub(super) fn accept_limit(
        &mut self,
        mut resting: Resting,
        time_in_force: TimeInForce,
        most: Qty,
        now: i64,
    ) -> OrderRecord {
        let order = resting.record.order;
        if time_in_force == TimeInForce::PostOnly {
            self.expire_own(&resting, now);
        }
        if order.reduce_only {
            let owner = self.account(resting.record.account);
            let closable = owner.map_or(Qty::ZERO, |it| it.closable(order.instrument, order.side));
            resting.record.remaining = resting.record.remaining.min(closable);
        }
        let cut = most < resting.record.remaining;
        if time_in_force != TimeInForce::PostOnly {
            self.take(&mut Taker { resting: &mut resting, most, cause: Cause::Order }, now);
        }
        if resting.record.remaining.is_zero() {
            resting.record.life = Life::Ended(Status::Filled);
            self.remember(&resting, now);
            return resting.record;
        }
        if cut || time_in_force == TimeInForce::ImmediateOrCancel {
            self.end(&mut resting, Status::Cancelled(CancelReason::Unfilled), now);
            return resting.record;
        }
        (resting.record.life, resting.record.changed_ns) = (Life::Resting, now);
        self.say_order(&resting, Status::Working, now);
        let record = resting.record;
        if let Some(market) = self.markets.get_mut(order.instrument.index()) {
            if let Some(account) = self.accounts.get_mut(record.account.index()) {
                account.open(&market.instrument, &record);
            }
            market.rest(resting);
        }
        record
    }

    /// Take an order out of the book, or out of those that wait.
    fn pull(&mut self, account: AccountId, at: InstrumentId, which: OrderRef) -> Option<Resting> {
        let market = self.market_mut(at)?;
        let is_it = |it: &Resting| it.record.account == account && it.record.is(which);
        if let Some(at) = market.resting.iter().position(is_it) {
            return Some(market.resting.remove(at));
        }
        let at = market.triggers.iter().position(is_it)?;
        Some(market.triggers.remove(at))
    }

    /// Cancel an order by either of its ids. `None` when it does not rest or wait.
    pub fn cancel_order(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        which: OrderRef,
        now: i64,
    ) -> Option<OrderRecord> {
        let mut gone = self.pull(account, instrument, which)?;
        self.close(&gone);
        self.end(&mut gone, Status::Cancelled(CancelReason::Requested), now);
        Some(gone.record)
    }

    /// Put another order in the place of one that rests or waits: it gets an id of its own, and a
    /// place at the end of the queue. All of it happens, or nothing.
    ///
    /// Orders that wait for the old one wait for the new one (assumed).
    ///
    /// # Errors
    ///
    /// [`ModifyError`]; the order is then as it was.
    pub fn modify(
        &mut self,
        account: AccountId,
        which: OrderRef,
        order: &VenueOrder,
        now: i64,
    ) -> Result<OrderRecord, ModifyError> {
        let live = self.find_live(account, which).ok_or(ModifyError::NotLive)?;
        let old = live.record.venue_order_id;
        if live.record.order.instrument != order.instrument {
            return Err(ModifyError::NotLive);
        }
        let parent = match live.record.life {
            Life::AwaitsParent(parent) => Some(parent),
            _ => None,
        };
        let bonds = Bonds { child_of: parent, siblings: live.siblings, parent: live.parent };
        let copy = *live;
        let fault = self.account(account).and_then(|owner| owner.fault);
        if let Some(Fault::Reject(reason)) = fault {
            self.set_fault(account, None);
            return Err(ModifyError::Rejected(reason));
        }
        // The new order is judged as if the old one were gone.
        self.close(&copy);
        let judged = self.takes(account, order, parent.is_some());
        self.reopen(&copy);
        judged.map_err(ModifyError::Rejected)?;
        let mut gone =
            self.pull(account, order.instrument, old.into()).ok_or(ModifyError::NotLive)?;
        self.close(&gone);
        let heirs = std::mem::take(&mut gone.parent);
        self.end(&mut gone, Status::Cancelled(CancelReason::Replaced), now);
        if heirs {
            let next = VenueOrderId::new(self.order_count.saturating_add(1));
            self.adopt_children(&gone, next);
        }
        let record = self.enter(account, order, bonds, now);
        if self.unsettled {
            self.settle(now);
        }
        Ok(record)
    }

    fn reopen(&mut self, resting: &Resting) {
        let record = &resting.record;
        if let Some(market) = self.markets.get(record.order.instrument.index())
            && let Some(account) = self.accounts.get_mut(record.account.index())
        {
            account.open(&market.instrument, record);
        }
    }

    fn adopt_children(&mut self, gone: &Resting, next: VenueOrderId) {
        let record = &gone.record;
        let Some(market) = self.market_mut(record.order.instrument) else { return };
        for child in &mut market.triggers {
            let waits = child.record.life == Life::AwaitsParent(record.venue_order_id);
            if waits && child.record.account == record.account {
                child.record.life = Life::AwaitsParent(next);
            }
        }
    }

    /// Cancel all orders of an account, those that wait too. How many there were.
    pub fn cancel_all(&mut self, account: AccountId, reason: CancelReason, now: i64) -> usize {
        self.cancel_each(account, None, reason, now)
    }

    /// The same, of one instrument where one is named.
    pub(super) fn cancel_each(
        &mut self,
        account: AccountId,
        of: Option<InstrumentId>,
        reason: CancelReason,
        now: i64,
    ) -> usize {
        let mut leaving = std::mem::take(&mut self.leaving);
        for market in &mut self.markets {
            if of.is_some_and(|of| of != market.instrument.id()) {
                continue;
            }
            let own = |resting: &Resting| resting.record.account == account;
            for all in [&mut market.resting, &mut market.triggers] {
                leaving.extend(all.iter().filter(|resting| own(resting)));
                all.retain(|resting| !own(resting));
            }
        }
        let count = leaving.len();
        for gone in leaving.drain(..) {
            self.cancelled(gone, reason, now);
        }
        self.leaving = leaving;
        count
    }

    /// Cancel an order of the engine. What is gone stays gone: the answer says how it ended.
    pub fn cancel(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        id: ClientOrderId,
        now: i64,
    ) {
        let which = OrderRef::Client(id.into());
        if self.cancel_order(account, instrument, which, now).is_none() {
            self.query(account, instrument, id, now);
        }
    }

    /// Say what became of an order of the engine.
    pub fn query(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        id: ClientOrderId,
        now: i64,
    ) {
        if self.market(instrument).is_none() {
            return;
        }
        let found = self.order(account, OrderRef::Client(id.into()));
        let status = match found.map(|record| record.life) {
            None => Status::NotFound,
            Some(Life::Ended(status)) => status,
            Some(_) => Status::Working,
        };
        let venue_order_id = found.map_or(VenueOrderId::default(), |it| it.venue_order_id);
        let report = OrderReport { instrument, client_order_id: id, venue_order_id, status };
        self.say(account, Body::Order(report), now);
    }

    /// Tell all positions of an account, one report an instrument.
    pub fn read_account(&mut self, account: AccountId, request: u32, now: i64) {
        let count = self.markets.len();
        for at in 0..count {
            let (Some(market), Some(owner)) = (self.markets.get(at), self.account(account)) else {
                return;
            };
            let instrument = market.instrument.id();
            let open = market.live().filter(|resting| resting.record.account == account).count();
            let report = PositionReport {
                request,
                instrument,
                position: owner.portfolio.qty(instrument),
                open_orders: u32::try_from(open).unwrap_or(u32::MAX),
                last: at.saturating_add(1) == count,
            };
            self.say(account, Body::Position(report), now);
        }
    }
}
