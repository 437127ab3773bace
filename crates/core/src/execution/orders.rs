//! Our orders, from the moment they are sent to the moment they are known to have ended.
//!
//! ```text
//! pending ─▶ working ─▶ filled / cancelled / rejected
//!    └──▶ unknown ─▶ (asked, answered) ─▶ any of the above, or never arrived
//! ```
//!
//! Invariant: until an order is known to have ended it counts as if it were to fill.

use serde::{Deserialize, Serialize};

use crate::domain::{
    ClientOrderId, Fill, Instrument, InstrumentId, Money, NEVER, Order, OrderKind, OrderReport,
    Price, Purpose, Qty, Side, Status, TimeInForce, VenueOrderId,
};
use crate::risk::Exposure;

/// What is known of an order that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderState {
    /// Sent, not yet answered.
    Pending,
    /// Resting at the venue.
    Working,
    /// No answer came in time: it may rest, have traded, or never have arrived.
    Unknown,
}

/// An order that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveOrder {
    /// What was sent.
    pub order: Order,
    /// The venue's id, once known.
    pub venue_order_id: VenueOrderId,
    /// What was filled so far.
    pub filled: Qty,
    /// What is known of it.
    pub state: OrderState,
    /// Whether we asked for its cancel.
    pub cancelling: bool,
    /// When an answer is overdue; never while none is awaited.
    pub answer_due_ns: i64,
    #[serde(skip)]
    weight: Weight,
}

/// What an order weighs with so much of it left. Kept, because it seldom changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Weight {
    of: Option<Qty>,
    value: Money,
    maintenance: Money,
}

impl LiveOrder {
    /// What it weighs with what is left of it. Its price does not change.
    fn weigh(&mut self, instrument: &Instrument) -> Weight {
        let of = Some(self.remaining());
        if self.weight.of != of {
            let value = instrument.value(self.order.price, self.remaining());
            let maintenance = instrument.maintenance_margin(value);
            self.weight = Weight { of, value, maintenance };
        }
        self.weight
    }

    /// What could still fill.
    pub const fn remaining(&self) -> Qty {
        self.order.qty.minus(self.filled)
    }

    /// Whether it could add to a position.
    const fn can_add(&self) -> bool {
        !self.order.reduce_only && !matches!(self.order.kind, OrderKind::Stop { .. })
    }

    /// Whether it can meet an order of our own at the venue.
    const fn rests(&self) -> bool {
        let waits = matches!(
            self.order.kind,
            OrderKind::Limit(TimeInForce::GoodTilCancelled | TimeInForce::PostOnly)
        );
        waits && !self.cancelling
    }
}

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The order, as it was last known.
    pub live: LiveOrder,
    /// What the venue said.
    pub status: Status,
}

/// What our orders in one instrument add up to.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Sums {
    bids: Qty,
    asks: Qty,
    best_bid: Option<Price>,
    best_ask: Option<Price>,
    value: Money,
    maintenance: Money,
    answer_due_ns: i64,
}

/// All our orders that have not ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Orders {
    live: Vec<Vec<LiveOrder>>,
    sums: Vec<Sums>,
    open: u32,
    value: Money,
    maintenance: Money,
    last_id: u64,
    answer_timeout_ns: i64,
}

impl Orders {
    /// Room for `capacity` orders an instrument. Ids begin after `last_id`.
    pub fn new(instruments: usize, capacity: usize, answer_timeout_ns: i64, last_id: u64) -> Self {
        Self {
            live: (0..instruments).map(|_| Vec::with_capacity(capacity)).collect(),
            sums: vec![Sums { answer_due_ns: NEVER, ..Sums::default() }; instruments],
            open: 0,
            value: Money::ZERO,
            maintenance: Money::ZERO,
            last_id,
            answer_timeout_ns,
        }
    }

    /// A new id. Ids are never used twice.
    pub const fn next_id(&mut self) -> ClientOrderId {
        self.last_id = self.last_id.saturating_add(1);
        ClientOrderId::new(self.last_id)
    }

    /// Ids up to this one are taken: by a run whose record was cut off.
    pub(crate) fn skip_ids(&mut self, last: ClientOrderId) {
        self.last_id = self.last_id.max(last.raw());
    }

    /// The orders in one instrument.
    pub fn of(&self, instrument: InstrumentId) -> &[LiveOrder] {
        self.live.get(instrument.index()).map_or(&[], Vec::as_slice)
    }

    /// How many there are.
    pub const fn open(&self) -> u32 {
        self.open
    }

    /// What the gate counts.
    pub fn exposure(&self, instrument: InstrumentId) -> Exposure {
        let sums = self.sums.get(instrument.index()).copied().unwrap_or_default();
        Exposure {
            bids: sums.bids,
            asks: sums.asks,
            open_orders: self.open,
            best_bid: sums.best_bid,
            best_ask: sums.best_ask,
            value_elsewhere: self.value.minus(sums.value),
            maintenance_elsewhere: self.maintenance.minus(sums.maintenance),
        }
    }

    /// When the next answer is overdue.
    pub fn answer_due_ns(&self) -> i64 {
        self.sums.iter().map(|sums| sums.answer_due_ns).min().unwrap_or(NEVER)
    }

    /// An order was sent.
    pub fn sent(&mut self, instrument: &Instrument, order: Order, now_ns: i64) {
        let answer_due_ns = now_ns.saturating_add(self.answer_timeout_ns);
        if let Some(live) = self.live.get_mut(instrument.id().index()) {
            live.push(LiveOrder {
                order,
                venue_order_id: VenueOrderId::default(),
                filled: Qty::ZERO,
                state: OrderState::Pending,
                cancelling: false,
                answer_due_ns,
                weight: Weight::default(),
            });
            self.open = self.open.saturating_add(1);
        }
        self.refresh(instrument);
    }

    /// A cancel was sent for it.
    pub fn cancel_sent(&mut self, instrument: &Instrument, id: ClientOrderId, now_ns: i64) {
        let answer_due_ns = now_ns.saturating_add(self.answer_timeout_ns);
        if let Some(live) = self.find(instrument.id(), id) {
            live.cancelling = true;
            live.answer_due_ns = answer_due_ns;
        }
        self.refresh(instrument);
    }

    /// The venue says what became of an order. What ended, if one did.
    pub fn reported(&mut self, instrument: &Instrument, report: &OrderReport) -> Option<Ended> {
        let live = self.find(instrument.id(), report.client_order_id)?;
        if report.venue_order_id.raw() != 0 {
            live.venue_order_id = report.venue_order_id;
        }
        let ended = match report.status {
            Status::Working | Status::Triggered => {
                // Asked about and still there: a cancel that was sent has not arrived.
                live.cancelling &= live.state != OrderState::Unknown;
                live.state = OrderState::Working;
                // The answer to a cancel is still awaited: it may have been lost.
                if !live.cancelling {
                    live.answer_due_ns = NEVER;
                }
                None
            }
            Status::Unknown => {
                live.state = OrderState::Unknown;
                None
            }
            // A stop ends by this; other orders end with their last fill, which may still come. What
            // only reduces ends by it too when it was asked about: the venue takes no more of it
            // than is held by then, so that its fills need not add up to its size.
            Status::Filled if !ends_when_filled(live) => {
                live.state = OrderState::Working;
                None
            }
            Status::Rejected(_) | Status::Cancelled(_) | Status::NotFound | Status::Filled => {
                Some(Ended { live: *live, status: report.status })
            }
        };
        if ended.is_some() {
            self.remove(instrument.id(), report.client_order_id);
        }
        self.refresh(instrument);
        ended
    }

    /// An order traded. The order as it was before, and whether it is done.
    pub fn filled(&mut self, instrument: &Instrument, fill: &Fill) -> Option<(LiveOrder, bool)> {
        let live = self.find(instrument.id(), fill.client_order_id)?;
        let before = *live;
        live.filled = live.filled.plus(fill.qty);
        live.venue_order_id = fill.venue_order_id;
        let whole = matches!(live.order.kind, OrderKind::Stop { .. });
        let done = live.remaining().is_zero() && !whole;
        if done {
            self.remove(instrument.id(), fill.client_order_id);
        }
        self.refresh(instrument);
        Some((before, done))
    }

    /// The first order whose answer is overdue: it is unknown from now on, and asked about again
    /// after another while.
    pub fn next_overdue(&mut self, instrument: &Instrument, now_ns: i64) -> Option<LiveOrder> {
        let again = now_ns.saturating_add(self.answer_timeout_ns);
        let live = self.live.get_mut(instrument.id().index())?;
        let overdue = live.iter_mut().find(|live| live.answer_due_ns <= now_ns)?;
        overdue.state = OrderState::Unknown;
        overdue.answer_due_ns = again;
        let found = *overdue;
        self.refresh(instrument);
        Some(found)
    }

    /// Go on with other orders; for each pair of their instrument and ours.
    pub(super) fn resume(&mut self, old: &Self, pairs: &[(Instrument, InstrumentId)]) {
        self.last_id = old.last_id;
        for (instrument, from) in pairs {
            let Some(place) = self.live.get_mut(instrument.id().index()) else { continue };
            for live in old.of(*from) {
                let order = Order { instrument: instrument.id(), ..live.order };
                place.push(LiveOrder { order, weight: Weight::default(), ..*live });
                self.open = self.open.saturating_add(1);
            }
            self.refresh(instrument);
        }
    }

    fn find(&mut self, instrument: InstrumentId, id: ClientOrderId) -> Option<&mut LiveOrder> {
        let live = self.live.get_mut(instrument.index())?;
        live.iter_mut().find(|live| live.order.client_order_id == id)
    }

    fn remove(&mut self, instrument: InstrumentId, id: ClientOrderId) {
        if let Some(live) = self.live.get_mut(instrument.index())
            && let Some(at) = live.iter().position(|live| live.order.client_order_id == id)
        {
            live.remove(at);
            self.open = self.open.saturating_sub(1);
        }
    }

    /// Add up the instrument's orders anew.
    fn refresh(&mut self, instrument: &Instrument) {
        let index = instrument.id().index();
        let (Some(live), Some(place)) = (self.live.get_mut(index), self.sums.get_mut(index)) else {
            return;
        };
        let mut sums = Sums { answer_due_ns: NEVER, ..Sums::default() };
        for live in live {
            let (price, remaining) = (live.order.price, live.remaining());
            sums.answer_due_ns = sums.answer_due_ns.min(live.answer_due_ns);
            if live.can_add() {
                let weight = live.weigh(instrument);
                sums.value = sums.value.plus(weight.value);
                sums.maintenance = sums.maintenance.plus(weight.maintenance);
            }
            let (total, best) = match live.order.side {
                Side::Bid => (&mut sums.bids, &mut sums.best_bid),
                Side::Ask => (&mut sums.asks, &mut sums.best_ask),
            };
            if live.can_add() {
                *total = total.plus(remaining);
            }
            if live.rests() && best.is_none_or(|best| price.better(live.order.side, best)) {
                *best = Some(price);
            }
        }
        self.value = self.value.minus(place.value).plus(sums.value);
        self.maintenance = self.maintenance.minus(place.maintenance).plus(sums.maintenance);
        *place = sums;
    }

    /// Whether an order of this purpose is on its way or resting, its cancel not yet asked for.
    pub fn any(&self, instrument: InstrumentId, purpose: Purpose) -> bool {
        self.of(instrument).iter().any(|live| live.order.purpose == purpose && !live.cancelling)
    }
}

/// Whether the venue's word that an order filled ends it, whatever was told of its fills.
fn ends_when_filled(live: &LiveOrder) -> bool {
    let stop = matches!(live.order.kind, OrderKind::Stop { .. });
    stop || (live.order.reduce_only && live.state == OrderState::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CancelReason, RejectReason};
    use crate::risk::testing::{ask, bid, reduce};
    use crate::testing::{fill, price, qty, xrp};

    const ID: InstrumentId = InstrumentId::new(0);
    const TIMEOUT: i64 = 1_000;

    fn orders() -> Orders {
        Orders::new(1, 8, TIMEOUT, 0)
    }

    fn report(id: u64, status: Status) -> OrderReport {
        OrderReport {
            instrument: ID,
            client_order_id: ClientOrderId::new(id),
            venue_order_id: VenueOrderId::new(id + 100),
            status,
        }
    }

    fn send(orders: &mut Orders, order: Order) -> ClientOrderId {
        let client_order_id = orders.next_id();
        orders.sent(&xrp(), Order { client_order_id, ..order }, 0);
        client_order_id
    }

    #[test]
    fn what_only_reduces_and_filled_less_than_its_size_ends_when_it_is_asked_about() {
        let mut orders = orders();
        // 10 are to be closed, but something else closed 7 of them on the way.
        send(&mut orders, reduce(Side::Ask, 20_000, 10));
        let (before, done) = orders.filled(&xrp(), &fill(1, Side::Ask, 20_000, 3)).unwrap();
        assert_eq!((before.remaining(), done), (qty(10), false));
        assert!(orders.reported(&xrp(), &report(1, Status::Filled)).is_none(), "more may come");
        assert!(orders.next_overdue(&xrp(), TIMEOUT).is_some(), "nothing came");
        assert!(orders.reported(&xrp(), &report(1, Status::Filled)).is_some());
        assert_eq!(orders.open(), 0);
        // What adds risk counts on.
        send(&mut orders, bid(20_000, 10));
        orders.next_overdue(&xrp(), TIMEOUT).unwrap();
        assert!(orders.reported(&xrp(), &report(2, Status::Filled)).is_none());
        assert_eq!(orders.exposure(ID).bids, qty(10));
    }

    #[test]
    fn an_order_counts_until_it_is_known_to_have_ended() {
        let mut orders = orders();
        send(&mut orders, bid(20_000, 10));
        assert_eq!(orders.exposure(ID).bids, qty(10), "in flight");
        orders.reported(&xrp(), &report(1, Status::Working));
        orders.cancel_sent(&xrp(), ClientOrderId::new(1), 5);
        assert_eq!(orders.exposure(ID).bids, qty(10), "the cancel may come too late");
        orders.reported(&xrp(), &report(1, Status::Unknown));
        assert_eq!(orders.exposure(ID).bids, qty(10), "nobody knows");
        let ended = orders.reported(&xrp(), &report(1, Status::NotFound)).unwrap();
        assert_eq!(ended.live.order.qty, qty(10));
        assert_eq!((orders.exposure(ID).bids, orders.open()), (Qty::ZERO, 0));
    }

    #[test]
    fn partial_fills_leave_the_rest_working() {
        let mut orders = orders();
        send(&mut orders, bid(20_000, 10));
        let (before, done) = orders.filled(&xrp(), &fill(1, Side::Bid, 20_000, 4)).unwrap();
        assert_eq!((before.filled, done), (Qty::ZERO, false));
        assert_eq!(orders.exposure(ID).bids, qty(6));
        let (_, done) = orders.filled(&xrp(), &fill(2, Side::Bid, 20_000, 6)).unwrap();
        assert!(done && orders.of(ID).is_empty());
    }

    #[test]
    fn an_answer_that_does_not_come_makes_the_order_unknown() {
        let mut orders = orders();
        send(&mut orders, bid(20_000, 10));
        assert_eq!(orders.answer_due_ns(), TIMEOUT);
        assert_eq!(orders.next_overdue(&xrp(), TIMEOUT - 1), None);
        let overdue = orders.next_overdue(&xrp(), TIMEOUT).unwrap();
        assert_eq!(overdue.state, OrderState::Unknown);
        assert_eq!(orders.answer_due_ns(), 2 * TIMEOUT, "it is asked about again");
        orders.reported(&xrp(), &report(1, Status::Working));
        assert_eq!(orders.answer_due_ns(), NEVER);
    }

    #[test]
    fn a_cancel_that_got_lost_is_asked_for_again() {
        let mut orders = orders();
        let id = send(&mut orders, bid(20_000, 10));
        orders.reported(&xrp(), &report(1, Status::Working));
        orders.cancel_sent(&xrp(), id, 0);
        orders.next_overdue(&xrp(), TIMEOUT).unwrap();
        assert!(orders.of(ID)[0].cancelling, "nobody knows yet");
        orders.reported(&xrp(), &report(1, Status::Working));
        assert!(!orders.of(ID)[0].cancelling);
    }

    #[test]
    fn the_answer_to_a_cancel_is_awaited_whatever_else_is_said() {
        let mut orders = orders();
        let id = send(&mut orders, bid(20_000, 10));
        orders.cancel_sent(&xrp(), id, 5);
        orders.reported(&xrp(), &report(1, Status::Working));
        assert_eq!(orders.answer_due_ns(), 5 + TIMEOUT, "that it works is no answer to a cancel");
        orders.next_overdue(&xrp(), 5 + TIMEOUT).unwrap();
        orders.reported(&xrp(), &report(1, Status::Working));
        assert!(!orders.of(ID)[0].cancelling, "now it is: the cancel was lost");
    }

    #[test]
    fn what_only_reduces_adds_no_exposure() {
        let mut orders = orders();
        send(&mut orders, reduce(Side::Ask, 20_000, 10));
        let stop = OrderKind::Stop { trigger: price(19_000) };
        send(&mut orders, Order { kind: stop, ..reduce(Side::Ask, 18_000, 10) });
        let exposure = orders.exposure(ID);
        assert_eq!((exposure.asks, exposure.open_orders), (Qty::ZERO, 2));
        assert_eq!(exposure.best_ask, Some(price(20_000)), "a stop does not rest in the book");
    }

    #[test]
    fn best_prices_are_of_what_rests_and_is_not_being_cancelled() {
        let mut orders = orders();
        send(&mut orders, bid(19_990, 1));
        let better = send(&mut orders, bid(19_995, 1));
        send(&mut orders, ask(20_010, 1));
        let exposure = orders.exposure(ID);
        assert_eq!(
            (exposure.best_bid, exposure.best_ask),
            (Some(price(19_995)), Some(price(20_010)))
        );
        orders.cancel_sent(&xrp(), better, 1);
        assert_eq!(orders.exposure(ID).best_bid, Some(price(19_990)));
    }

    #[test]
    fn reports_about_orders_that_are_gone_change_nothing() {
        let mut orders = orders();
        send(&mut orders, bid(20_000, 10));
        orders.reported(&xrp(), &report(1, Status::Rejected(RejectReason::Margin))).unwrap();
        let late = report(1, Status::Cancelled(CancelReason::Requested));
        assert_eq!(orders.reported(&xrp(), &late), None);
        assert_eq!(orders.filled(&xrp(), &fill(1, Side::Bid, 20_000, 4)), None);
        assert_eq!(orders.open(), 0);
    }
}
