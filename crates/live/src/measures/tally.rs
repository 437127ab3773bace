//! Counts of the engine's thread: what came in, what went out, what became of it.

use flyball_core::domain::{
    Body, CancelReason, CommandOf, Fill, Money, Notice, Order, OrderKind, OrderReport, Price,
    Purpose, RejectReason, Side, Status, SwitchName,
};
use flyball_core::engine::Engine;
use flyball_core::risk::Command;
use serde::Serialize;

/// Kinds of events, by name.
const EVENTS: [&str; 20] = [
    "depth",
    "touch",
    "trade",
    "bar",
    "reference",
    "funding_rate",
    "feed",
    "order",
    "fill",
    "funding",
    "transfer",
    "position",
    "decision",
    "operator",
    "strategy",
    "account",
    "sentinel",
    "restraint",
    "ledger",
    "timer",
];

/// Those of the market come before it.
const FIRST_OF_THE_ACCOUNT: usize = 7;

const fn event(body: &Body<'_>) -> usize {
    match body {
        Body::Depth(_) => 0,
        Body::Touch(_) => 1,
        Body::Trade(_) => 2,
        Body::Bar(_) => 3,
        Body::Reference(_) => 4,
        Body::FundingRate(_) => 5,
        Body::Feed(_) => 6,
        Body::Order(_) => 7,
        Body::Fill(_) => 8,
        Body::Funding(_) => 9,
        Body::Transfer(_) => 10,
        Body::Position(_) => 11,
        Body::Decision(_) => 12,
        Body::Operator(_) => 13,
        Body::Strategy(_) => 14,
        Body::Account(_) => 15,
        Body::Sentinel(_) => 16,
        Body::Restraint(_) => 17,
        Body::Ledger(_) => 18,
        Body::Timer => 19,
    }
}

/// Why an order is sent, by name.
const PURPOSES: [&str; 5] = ["entry", "quote", "stop", "exit", "flatten"];

const fn purpose(purpose: Purpose) -> usize {
    match purpose {
        Purpose::Entry => 0,
        Purpose::Quote => 1,
        Purpose::Stop => 2,
        Purpose::Exit => 3,
        Purpose::Flatten => 4,
    }
}

/// What became of orders, by name.
const OUTCOMES: [&str; 7] =
    ["working", "rejected", "cancelled", "filled", "triggered", "unknown", "not_found"];

const fn outcome(status: Status) -> usize {
    match status {
        Status::Working => 0,
        Status::Rejected(_) => 1,
        Status::Cancelled(_) => 2,
        Status::Filled => 3,
        Status::Triggered => 4,
        Status::Unknown => 5,
        Status::NotFound => 6,
    }
}

/// Why a venue rejects, by name.
const REJECTS: [&str; 13] = [
    "would_trade",
    "would_increase",
    "bad_price",
    "too_small",
    "margin",
    "too_many_orders",
    "rate_limited",
    "no_liquidity",
    "bad_trigger",
    "too_large",
    "post_only_window",
    "parent",
    "other",
];

const fn reject(reason: RejectReason) -> usize {
    match reason {
        RejectReason::WouldTrade => 0,
        RejectReason::WouldIncrease => 1,
        RejectReason::BadPrice => 2,
        RejectReason::TooSmall => 3,
        RejectReason::Margin => 4,
        RejectReason::TooManyOrders => 5,
        RejectReason::RateLimited => 6,
        RejectReason::NoLiquidity => 7,
        RejectReason::BadTrigger => 8,
        RejectReason::TooLarge => 9,
        RejectReason::PostOnlyWindow => 10,
        RejectReason::Parent => 11,
        _ => 12,
    }
}

/// What the engine says of itself and is counted, by name.
const NOTICES: [&str; 16] = [
    "exit",
    "flatten_started",
    "flat",
    "flatten_late",
    "gap",
    "healed",
    "outcome_unknown",
    "position_mismatch",
    "unprotected",
    "liquidated",
    "throttled",
    "account_unknown",
    "reset_refused",
    "dust",
    "doubted",
    "peak_mismatch",
];

const fn notice(notice: &Notice) -> Option<usize> {
    Some(match notice {
        Notice::Exit { .. } => 0,
        Notice::FlattenStarted { .. } => 1,
        Notice::Flat { .. } => 2,
        Notice::FlattenLate { .. } => 3,
        Notice::Gap { .. } => 4,
        Notice::Healed { .. } => 5,
        Notice::OutcomeUnknown { .. } => 6,
        Notice::PositionMismatch { .. } => 7,
        Notice::Unprotected { .. } => 8,
        Notice::Liquidated { .. } => 9,
        Notice::Throttled { .. } => 10,
        Notice::Account { known: false } => 11,
        Notice::ResetRefused { .. } => 12,
        Notice::Dust { .. } => 13,
        Notice::Doubted { .. } => 14,
        Notice::PeakMismatch { .. } => 15,
        _ => return None,
    })
}

/// Orders whose price is remembered until they fill; the oldest is forgotten first.
const REMEMBERED: usize = 256;

/// Counts since the start of the run.
#[derive(Clone, Debug)]
pub struct Tally {
    events: [u64; EVENTS.len()],
    submitted: [u64; PURPOSES.len()],
    cancels: u64,
    outcomes: [u64; OUTCOMES.len()],
    rejects: [u64; REJECTS.len()],
    cancelled_unasked: u64,
    maker_fills: u64,
    taker_fills: u64,
    volume: Money,
    fees: Money,
    funding: Money,
    slippage: Money,
    won: u64,
    lost: u64,
    realised: Money,
    trips: [u64; SwitchName::ALL.len()],
    notices: [u64; NOTICES.len()],
    /// The middle of the book when an order that takes was sent.
    arrivals: Vec<(u64, Price)>,
    next_arrival: usize,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            events: [0; EVENTS.len()],
            submitted: [0; PURPOSES.len()],
            cancels: 0,
            outcomes: [0; OUTCOMES.len()],
            rejects: [0; REJECTS.len()],
            cancelled_unasked: 0,
            maker_fills: 0,
            taker_fills: 0,
            volume: Money::ZERO,
            fees: Money::ZERO,
            funding: Money::ZERO,
            slippage: Money::ZERO,
            won: 0,
            lost: 0,
            realised: Money::ZERO,
            trips: [0; SwitchName::ALL.len()],
            notices: [0; NOTICES.len()],
            arrivals: Vec::with_capacity(REMEMBERED),
            next_arrival: 0,
        }
    }
}

#[inline]
fn up(count: Option<&mut u64>) {
    if let Some(count) = count {
        *count = count.wrapping_add(1);
    }
}

impl Tally {
    /// The engine took in an event.
    #[inline]
    pub fn event(&mut self, body: &Body<'_>, engine: &Engine) {
        let kind = event(body);
        up(self.events.get_mut(kind));
        if kind >= FIRST_OF_THE_ACCOUNT {
            self.account_event(body, engine);
        }
    }

    #[cold]
    fn account_event(&mut self, body: &Body<'_>, engine: &Engine) {
        match body {
            Body::Order(report) => self.report(report),
            Body::Fill(fill) => self.fill(fill, engine),
            Body::Funding(payment) => self.funding = self.funding.plus(payment.amount),
            _ => {}
        }
    }

    fn report(&mut self, report: &OrderReport) {
        up(self.outcomes.get_mut(outcome(report.status)));
        match report.status {
            Status::Rejected(reason) => up(self.rejects.get_mut(reject(reason))),
            Status::Cancelled(reason) if reason != CancelReason::Requested => {
                self.cancelled_unasked += 1;
            }
            _ => {}
        }
    }

    fn fill(&mut self, fill: &Fill, engine: &Engine) {
        if fill.maker {
            self.maker_fills += 1;
        } else {
            self.taker_fills += 1;
        }
        self.fees = self.fees.plus(fill.fee);
        let Some(instrument) = engine.instruments().get(fill.instrument.index()) else { return };
        let value = instrument.value(fill.price, fill.qty);
        self.volume = self.volume.plus(value);
        let order = fill.client_order_id.raw();
        let arrival = self.arrivals.iter().find(|(id, _)| *id == order);
        if let (false, Some((_, mid))) = (fill.maker, arrival) {
            // What buying dearer or selling cheaper than the middle cost.
            let then = instrument.value(*mid, fill.qty);
            let cost = instrument.gain(fill.side == Side::Bid, then, value);
            self.slippage = self.slippage.plus(cost);
        }
    }

    /// The engine wants something done.
    pub fn command(&mut self, command: &Command, engine: &Engine) {
        match command {
            CommandOf::Submit(approved) => {
                let order = approved.get();
                up(self.submitted.get_mut(purpose(order.purpose)));
                self.arrives(order, engine);
            }
            CommandOf::Cancel { .. } => self.cancels += 1,
            CommandOf::Notice(said) => self.notice(said),
            _ => {}
        }
    }

    /// Remember the middle of the book. A stop's moment is not this one.
    fn arrives(&mut self, order: &Order, engine: &Engine) {
        let best = engine.market(order.instrument).and_then(|market| market.best);
        let (OrderKind::Limit(_), Some(best)) = (order.kind, best) else { return };
        let arrival = (order.client_order_id.raw(), best.mid());
        if self.arrivals.len() < REMEMBERED {
            self.arrivals.push(arrival);
        } else if let Some(place) = self.arrivals.get_mut(self.next_arrival) {
            *place = arrival;
            self.next_arrival = (self.next_arrival + 1) % REMEMBERED;
        }
    }

    fn notice(&mut self, said: &Notice) {
        match said {
            Notice::Tripped { switch, .. } => {
                let place = SwitchName::ALL.iter().position(|it| it == switch);
                up(place.and_then(|place| self.trips.get_mut(place)));
            }
            Notice::TradeClosed { net, .. } => {
                self.realised = self.realised.plus(*net);
                if *net > Money::ZERO {
                    self.won += 1;
                } else {
                    self.lost += 1;
                }
            }
            other => {
                if let Some(place) = notice(other) {
                    up(self.notices.get_mut(place));
                }
            }
        }
    }

    /// What was counted, by name; what the gate refused with it.
    pub fn totals(&self, engine: &Engine) -> Totals {
        let refused = engine.execution().refusals.counts();
        let sent: u64 = self.submitted.iter().sum();
        Totals {
            events: named(&EVENTS, &self.events),
            attempted: sent.saturating_add(refused.iter().map(|(_, count)| count).sum()),
            submitted: named(&PURPOSES, &self.submitted),
            cancels: self.cancels,
            refused: refused.iter().map(|(rule, count)| (rule.as_str(), *count)).collect(),
            outcomes: named(&OUTCOMES, &self.outcomes),
            rejected: named(&REJECTS, &self.rejects),
            cancelled_unasked: self.cancelled_unasked,
            fills: vec![("maker", self.maker_fills), ("taker", self.taker_fills)],
            volume: self.volume.to_string(),
            fees: self.fees.to_string(),
            funding: self.funding.to_string(),
            slippage: self.slippage.to_string(),
            trades: vec![("won", self.won), ("lost", self.lost)],
            realised: self.realised.to_string(),
            trips: SwitchName::ALL.iter().map(|it| it.as_str()).zip(self.trips).collect(),
            notices: named(&NOTICES, &self.notices),
        }
    }
}

type Named = Vec<(&'static str, u64)>;

fn named(names: &[&'static str], counts: &[u64]) -> Named {
    names.iter().copied().zip(counts.iter().copied()).collect()
}

/// Counts since the start of the run. Money is text in the settlement currency, exactly.
#[derive(Clone, Debug, Serialize)]
pub struct Totals {
    /// Events that the engine took in, by kind.
    pub events: Named,
    /// Orders that went to the gate: sent or refused.
    pub attempted: u64,
    /// Orders that left the engine, by purpose.
    pub submitted: Named,
    /// Cancels that left the engine.
    pub cancels: u64,
    /// Orders that the gate refused, by rule.
    pub refused: Named,
    /// What the venue said of orders.
    pub outcomes: Named,
    /// Orders that the venue, or the account's budget, rejected: by reason.
    pub rejected: Named,
    /// Orders that were cancelled and not by us.
    pub cancelled_unasked: u64,
    /// Fills, by who came first.
    pub fills: Named,
    /// What was traded.
    pub volume: String,
    /// Fees paid; negative ones are rebates.
    pub fees: String,
    /// Funding received; negative is paid.
    pub funding: String,
    /// What taking cost against the middle of the book when each order was sent.
    pub slippage: String,
    /// Round trips that ended, with a gain and without.
    pub trades: Named,
    /// What they brought, fees and funding included.
    pub realised: String,
    /// How often each switch tripped.
    pub trips: Named,
    /// What else the engine said, by kind.
    pub notices: Named,
}

#[cfg(test)]
mod tests {
    use flyball_core::domain::{ClientOrderId, InstrumentId, VenueOrderId};

    use super::*;

    fn report(status: Status) -> OrderReport {
        OrderReport {
            instrument: InstrumentId::new(0),
            client_order_id: ClientOrderId::new(1),
            venue_order_id: VenueOrderId::default(),
            status,
        }
    }

    #[test]
    fn rejections_are_counted_by_their_reason() {
        let mut tally = Tally::default();
        tally.report(&report(Status::Working));
        tally.report(&report(Status::Rejected(RejectReason::Margin)));
        tally.report(&report(Status::Cancelled(CancelReason::Requested)));
        tally.report(&report(Status::Cancelled(CancelReason::Unfilled)));
        assert_eq!(tally.outcomes, [1, 1, 2, 0, 0, 0, 0]);
        assert_eq!(tally.rejects[reject(RejectReason::Margin)], 1);
        assert_eq!(tally.cancelled_unasked, 1);
    }

    #[test]
    fn a_trade_that_brings_nothing_is_not_won() {
        let mut tally = Tally::default();
        let instrument = InstrumentId::new(0);
        for units in [5, 0, -7] {
            let net = Money::from_units(units);
            tally.notice(&Notice::TradeClosed { instrument, net, opened_ns: 0 });
        }
        assert_eq!((tally.won, tally.lost, tally.realised.units()), (1, 2, -2));
    }

    #[test]
    fn switches_are_counted_by_name() {
        let mut tally = Tally::default();
        let rate = flyball_core::domain::Rate::ONE;
        tally.notice(&Notice::Tripped {
            switch: SwitchName::Margin,
            instrument: None,
            limit: rate,
            actual: rate,
        });
        let place = SwitchName::ALL.iter().position(|it| *it == SwitchName::Margin).unwrap();
        assert_eq!(tally.trips[place], 1);
        assert_eq!(tally.trips.iter().sum::<u64>(), 1);
    }
}
