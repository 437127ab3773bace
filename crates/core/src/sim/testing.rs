//! A pit with several accounts: one XRP perpetual, at first without anybody else.

use crate::domain::{
    Body, Depth, DepthKind, Event, Fill, FundingRate, Instrument, InstrumentId, Level, Money, Rate,
    Reference, Sequence, Side, Status, TimeInForce, Trade,
};
use crate::sim::{
    AccountId, ClientId, Life, OrderRecord, QueueModel, Report, Trigger, TriggerThen, TriggerWhen,
    Venue, VenueOrder, VenueOrderKind,
};
use crate::testing::{price, qty, xrp};

pub(super) const ID: InstrumentId = InstrumentId::new(0);
pub(super) const A: AccountId = AccountId::FIRST;

pub(super) type Levels<'a> = &'a [(i64, u64)];

pub(super) struct Rig {
    pub(super) venue: Venue,
    pub(super) now: i64,
    pub(super) heard: Vec<Report>,
}

/// Accounts by their number.
pub(super) fn account(at: usize) -> AccountId {
    AccountId::new(at)
}

impl Rig {
    /// Three accounts with 1 000 USD each in an empty market.
    pub(super) fn new() -> Self {
        Self::with(&[xrp()], &[1_000, 1_000, 1_000], QueueModel::Back)
    }

    pub(super) fn with(instruments: &[Instrument], cash: &[i64], model: QueueModel) -> Self {
        let cash: Vec<Money> = cash.iter().map(|&whole| Money::from_whole(whole)).collect();
        let mut venue = Venue::new(instruments, &cash, model);
        venue.publish_trades();
        Self { venue, now: 0, heard: Vec::new() }
    }

    pub(super) fn listen(&mut self) {
        self.heard.extend(self.venue.drain_reports());
    }

    pub(super) fn tell(&mut self, body: Body<'_>) {
        self.now += 1;
        self.venue.on_market(&Event { time_ns: self.now, received_ns: self.now, body });
        self.listen();
    }

    /// Levels of the market's others.
    pub(super) fn book(&mut self, bids: Levels<'_>, asks: Levels<'_>) {
        let levels = |all: Levels<'_>| -> Vec<Level> {
            all.iter().map(|&(p, q)| Level { price: price(p), qty: qty(q) }).collect()
        };
        let (bids, asks) = (levels(bids), levels(asks));
        let first = self.venue.markets[0].book.best().is_none();
        let kind = if first { DepthKind::Snapshot } else { DepthKind::Diff };
        let sequence = Sequence::default();
        let depth =
            Depth { instrument: ID, kind, sequence, checksum: None, bids: &bids, asks: &asks };
        self.tell(Body::Depth(depth));
    }

    /// The market's others trade.
    pub(super) fn trade(&mut self, aggressor: Side, ticks: i64, lots: u64) {
        let (price, qty) = (price(ticks), qty(lots));
        self.tell(Body::Trade(Trade { instrument: ID, aggressor, price, qty, id: 1 }));
    }

    pub(super) fn mark(&mut self, ticks: i64) {
        self.mark_of(ID, ticks);
    }

    pub(super) fn mark_of(&mut self, instrument: InstrumentId, ticks: i64) {
        let mark = price(ticks);
        self.tell(Body::Reference(Reference { instrument, mark, oracle: mark }));
    }

    pub(super) fn funding(&mut self, ppm: i64) {
        let rate = Rate::from_ppm(ppm);
        self.tell(Body::FundingRate(FundingRate { instrument: ID, rate, settles: true }));
    }

    pub(super) fn place(&mut self, by: usize, order: VenueOrder) -> OrderRecord {
        self.now += 1;
        let record = self.venue.place(account(by), &order, self.now);
        self.listen();
        record
    }

    pub(super) fn cancel(&mut self, by: usize, record: &OrderRecord) -> bool {
        let (instrument, id) = (record.order.instrument, record.venue_order_id.into());
        let gone = self.venue.cancel_order(account(by), instrument, id, self.now).is_some();
        self.listen();
        gone
    }

    /// The order as the venue has it now.
    pub(super) fn look(&self, record: &OrderRecord) -> OrderRecord {
        *self.venue.order(record.account, record.venue_order_id.into()).unwrap()
    }

    pub(super) fn life(&self, record: &OrderRecord) -> Life {
        self.look(record).life
    }

    pub(super) fn held(&self, by: usize) -> i64 {
        self.venue.portfolio(account(by)).unwrap().qty(ID).lots()
    }

    pub(super) fn cash(&self, by: usize) -> Money {
        self.venue.portfolio(account(by)).unwrap().cash()
    }

    pub(super) fn equity(&self, by: usize) -> Money {
        self.venue.portfolio(account(by)).unwrap().equity()
    }

    pub(super) fn fills(&self, by: usize) -> Vec<Fill> {
        let own = self.heard.iter().filter(|report| report.account == account(by));
        let fills = own.filter_map(|report| match report.body {
            Body::Fill(fill) => Some(fill),
            _ => None,
        });
        fills.collect()
    }

    /// Price, lots, and whether it rested.
    pub(super) fn traded(&self, by: usize) -> Vec<(i64, u64, bool)> {
        let fills = self.fills(by);
        fills.iter().map(|fill| (fill.price.ticks(), fill.qty.lots(), fill.maker)).collect()
    }

    pub(super) fn statuses(&self, by: usize) -> Vec<Status> {
        let own = self.heard.iter().filter(|report| report.account == account(by));
        let statuses = own.filter_map(|report| match report.body {
            Body::Order(report) => Some(report.status),
            _ => None,
        });
        statuses.collect()
    }

    /// Everybody's levels of a side.
    pub(super) fn levels(&self, side: Side) -> Vec<(i64, u64)> {
        let levels = self.venue.depth(ID, side, 20);
        levels.iter().map(|it| (it.level.price.ticks(), it.level.qty.lots())).collect()
    }

    pub(super) fn balanced(&self) {
        let audit = self.venue.audit();
        assert!(audit.is_balanced(), "{audit:?}");
    }
}

pub(super) fn limit(side: Side, ticks: i64, lots: u64, time_in_force: TimeInForce) -> VenueOrder {
    VenueOrder {
        client_id: ClientId::NONE,
        instrument: ID,
        side,
        price: price(ticks),
        qty: qty(lots),
        reduce_only: false,
        kind: VenueOrderKind::Limit(time_in_force),
    }
}

pub(super) fn bid(ticks: i64, lots: u64) -> VenueOrder {
    limit(Side::Bid, ticks, lots, TimeInForce::GoodTilCancelled)
}

pub(super) fn ask(ticks: i64, lots: u64) -> VenueOrder {
    limit(Side::Ask, ticks, lots, TimeInForce::GoodTilCancelled)
}

pub(super) fn ioc(order: VenueOrder) -> VenueOrder {
    VenueOrder { kind: VenueOrderKind::Limit(TimeInForce::ImmediateOrCancel), ..order }
}

pub(super) fn post(order: VenueOrder) -> VenueOrder {
    VenueOrder { kind: VenueOrderKind::Limit(TimeInForce::PostOnly), ..order }
}

pub(super) fn reduce(order: VenueOrder) -> VenueOrder {
    VenueOrder { reduce_only: true, ..order }
}

fn trigger(when: TriggerWhen, order: VenueOrder, at: i64) -> VenueOrder {
    let then = TriggerThen::Market;
    let trigger = Trigger { price: price(at), when, then, whole_position: false };
    VenueOrder { kind: VenueOrderKind::Trigger(trigger), reduce_only: true, ..order }
}

/// At the market no further than the order's price, when the mark is at `at`.
pub(super) fn stop(order: VenueOrder, at: i64) -> VenueOrder {
    trigger(TriggerWhen::StopLoss, order, at)
}

pub(super) fn take_profit(order: VenueOrder, at: i64) -> VenueOrder {
    trigger(TriggerWhen::TakeProfit, order, at)
}

/// It rests at its price when it goes off.
pub(super) fn resting(order: VenueOrder) -> VenueOrder {
    let VenueOrderKind::Trigger(trigger) = order.kind else { panic!("waits for nothing") };
    let kind = VenueOrderKind::Trigger(Trigger { then: TriggerThen::Limit, ..trigger });
    VenueOrder { kind, ..order }
}

pub(super) fn named(id: u128, order: VenueOrder) -> VenueOrder {
    VenueOrder { client_id: ClientId::new(id), ..order }
}
