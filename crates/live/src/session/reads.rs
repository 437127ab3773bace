//! Reading the account: after every connection all of it, and whenever the engine wants to know
//! what the venue holds.
//!
//! What is read at different moments is put together only when it fits: the venue's positions are
//! compared with what the told fills add up to at the moment of the venue's answer. While the
//! connection stands all of it is read again now and then: a message may have been lost.

use flyball_core::domain::{
    Body, ClientOrderId, Instrument, InstrumentId, LedgerRecord, MILLISECOND, MINUTE, NEVER,
    NetQty, OrderReport, PositionReport, Reference, SECOND, Status, VenueOrderId,
};
use flyball_venues::hyperliquid::Query;

use crate::outbox::Ahead;
use crate::recover::Told;
use crate::session::heard::{AccountView, OpenOrder, Whose};
use crate::session::wire::{Came, Wire};
use crate::session::{Session, Wanted};

/// Another attempt to read comes after this, and later each time.
const AGAIN_NS: i64 = 300 * MILLISECOND;
const MOST_AGAIN_NS: i64 = 5 * SECOND;
/// Positions that do not fit the fills are adopted after this many readings: the venue is right.
const READINGS: u32 = 6;
/// Money that is not what was told is taken for the venue's after this many readings with payments,
/// so long after each other.
const MONEY_READINGS: u32 = 4;
const MONEY_AGAIN_NS: i64 = SECOND;
/// Orders of others that are still there after so many readings are told of all the same.
const UNWANTED_TRIES: u32 = 4;
/// Orders, fills and positions are read again this often.
const AUDIT_EVERY_NS: i64 = 20 * SECOND;
/// Funding and transfers with every so many of these.
const PAYMENTS_EVERY: u32 = 6;
/// After a restart, and where positions do not fit, fills are read from so long before.
const BEFORE_RESTART_NS: i64 = 60 * MINUTE;

#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "what is read, and how far it is")]
struct Reading {
    /// After a connection: until it is done the account is not known.
    resync: bool,
    /// Fills as well, whether or not positions fit.
    fills: bool,
    /// Payments as well.
    payments: bool,
    /// Answers that are still awaited.
    awaited: u32,
    failed: bool,
    state: Option<AccountView>,
    open: Option<Vec<OpenOrder>>,
    /// Whether fills were asked for after the state had come.
    asked_fills: bool,
    requests: Vec<u32>,
}

/// Orders that are asked about one by one before a resync is done.
#[derive(Clone, Copy, Debug, Default)]
struct Statuses {
    awaited: u32,
    failed: bool,
}

/// The reading of the account, if one goes on, and what waits for the next.
#[derive(Debug)]
pub(super) struct Reads {
    now: Option<Reading>,
    /// Engine's requests for the next reading.
    waiting: Vec<u32>,
    wanted: bool,
    resync: bool,
    again_ns: i64,
    tries: u32,
    /// Readings in a row whose positions did not fit.
    misfits: u32,
    /// Readings in a row whose money was not what was told.
    money_misfits: u32,
    /// When everything fitted last, by the venue's clock: nothing from before is missing.
    verified_ns: i64,
    next_audit_ns: i64,
    audits: u32,
    statuses: Statuses,
    resyncing: bool,
}

impl Reads {
    /// Nothing was read yet.
    pub(super) fn new(told: &Told) -> Self {
        Self {
            now: None,
            waiting: Vec::new(),
            wanted: false,
            resync: false,
            again_ns: NEVER,
            tries: 0,
            misfits: 0,
            money_misfits: 0,
            verified_ns: told.fills_from_ns().saturating_sub(BEFORE_RESTART_NS).max(told.since_ns),
            next_audit_ns: NEVER,
            audits: 0,
            statuses: Statuses::default(),
            resyncing: false,
        }
    }

    /// The venue answers again: another attempt need not wait as long as the last one had to.
    pub(super) fn hurry(&mut self, now_ns: i64) {
        if self.again_ns != NEVER {
            self.tries = 0;
            self.again_ns = self.again_ns.min(now_ns.saturating_add(AGAIN_NS));
        }
    }

    /// Whether all of it was read since the connection was made.
    pub(super) const fn is_done(&self) -> bool {
        !self.resyncing
    }

    pub(super) fn due_ns(&self) -> i64 {
        self.again_ns.min(self.next_audit_ns)
    }
}

impl<A: Ahead> Session<A> {
    /// Read the account: for the engine, when `request` names its wish.
    pub(super) fn read(&mut self, request: Option<u32>, now_ns: i64) {
        self.reads.waiting.extend(request);
        self.reads.wanted = true;
        self.begin_reading(now_ns);
    }

    /// Everything is to be read: there is a new connection.
    pub(super) fn resync(&mut self, now_ns: i64) {
        self.reads.resync = true;
        self.reads.resyncing = true;
        self.reads.wanted = true;
        self.reads.tries = 0;
        self.begin_reading(now_ns);
    }

    /// A reading that failed is tried again; an audit is due.
    pub(super) fn read_due(&mut self, now_ns: i64) {
        if now_ns >= self.reads.again_ns {
            self.reads.again_ns = NEVER;
            self.begin_reading(now_ns);
        }
        if now_ns >= self.reads.next_audit_ns {
            self.reads.next_audit_ns = now_ns.saturating_add(AUDIT_EVERY_NS);
            if self.link.is_up() {
                self.reads.audits = self.reads.audits.wrapping_add(1);
                self.reads.wanted = true;
                self.begin_reading(now_ns);
            }
        }
    }

    fn begin_reading(&mut self, now_ns: i64) {
        if self.reads.now.is_some() || !self.reads.wanted || self.reads.again_ns != NEVER {
            return;
        }
        self.counts.reads += 1;
        let resync = self.reads.resync;
        let requests = std::mem::take(&mut self.reads.waiting);
        self.reads.wanted = false;
        self.reads.next_audit_ns = now_ns.saturating_add(AUDIT_EVERY_NS);
        // What the engine waits for is read as quickly as can be; the rest is an audit.
        let fills = resync || requests.is_empty() || self.reads.misfits > 0;
        let due = self.reads.audits.is_multiple_of(PAYMENTS_EVERY) || self.reads.money_misfits > 0;
        let payments = resync || (fills && due);
        let reading = Reading { resync, fills, payments, requests, ..Reading::default() };
        self.reads.now = Some(reading);
        let user = self.settings.user;
        self.ask_part(Wanted::Open, &Query::FrontendOpenOrders { user }, now_ns);
        self.ask_part(Wanted::State, &Query::ClearinghouseState { user }, now_ns);
        if payments {
            let from = |ns: i64| ns.div_euclid(MILLISECOND).saturating_sub(1_000);
            let start_time = from(self.told.funding_from_ns());
            let funding = Query::UserFunding { user, start_time, end_time: None };
            self.ask_part(Wanted::Funding, &funding, now_ns);
            let start_time = from(self.told.transfers_from_ns());
            let ledger = Query::UserNonFundingLedgerUpdates { user, start_time, end_time: None };
            self.ask_part(Wanted::Transfers, &ledger, now_ns);
        }
        // The market's own stream brings them, a little later than a new account wants them.
        if resync && self.link.connects() <= 1 {
            self.ask_part(Wanted::Prices, &Query::MetaAndAssetCtxs, now_ns);
        }
        self.read_step(now_ns);
    }

    fn ask_part(&mut self, wanted: Wanted, query: &Query<'_>, now_ns: i64) {
        let asked = self.ask(wanted, Wire::ask(query), now_ns);
        if let Some(reading) = &mut self.reads.now {
            if asked {
                reading.awaited += 1;
            } else {
                reading.failed = true;
            }
        }
    }

    /// Ask for the fills since everything fitted last; where it does not fit, for those of long before
    /// that as well: the clock by which it did may have been wrong.
    pub(super) fn ask_fills(&mut self, read: bool, now_ns: i64) {
        let user = self.settings.user;
        let before = if self.reads.misfits > 0 { BEFORE_RESTART_NS } else { SECOND };
        let start_time = self.reads.verified_ns.saturating_sub(before).div_euclid(MILLISECOND);
        let query = Query::UserFillsByTime { user, start_time, end_time: None };
        if read {
            self.ask_part(Wanted::Fills { read }, &query, now_ns);
        } else {
            self.ask(Wanted::Fills { read }, Wire::ask(&query), now_ns);
        }
    }

    pub(super) fn read_answered(&mut self, wanted: Wanted, came: &Came<'_>, now_ns: i64) {
        let understood = match wanted {
            Wanted::State => {
                let state = self.wire.account(came);
                let understood = state.is_some();
                if let Some(reading) = &mut self.reads.now {
                    reading.state = state;
                }
                understood
            }
            Wanted::Open => {
                let open = self.wire.open_orders(came);
                let understood = open.is_some();
                if let Some(reading) = &mut self.reads.now {
                    reading.open = open;
                }
                understood
            }
            Wanted::Fills { .. } => {
                let count = self.wire.user_fills(came, &mut self.news);
                let before = self.fills_told;
                self.take_news(now_ns);
                self.counts.late_fills += self.fills_told.saturating_sub(before);
                count.is_some()
            }
            Wanted::Funding => {
                let count = self.wire.user_funding(came, &mut self.news);
                self.take_news(now_ns);
                count.is_some()
            }
            Wanted::Transfers => {
                let count = self.wire.user_ledger(came, &mut self.news);
                self.take_news(now_ns);
                count.is_some()
            }
            Wanted::Prices => {
                let prices = self.wire.prices(came);
                for it in prices.iter().flatten() {
                    let (mark, oracle) = (it.mark, it.oracle);
                    let reference = Reference { instrument: it.instrument, mark, oracle };
                    self.say(now_ns, Body::Reference(reference));
                }
                prices.is_some()
            }
            _ => true,
        };
        if wanted == (Wanted::Fills { read: false }) {
            return;
        }
        if let Some(reading) = &mut self.reads.now {
            reading.awaited = reading.awaited.saturating_sub(1);
            reading.failed |= !understood;
        }
        self.read_step(now_ns);
    }

    /// When all answers are there: put them together.
    fn read_step(&mut self, now_ns: i64) {
        let Some(reading) = &mut self.reads.now else { return };
        if reading.awaited > 0 {
            return;
        }
        if reading.failed {
            return self.read_again(now_ns);
        }
        let Some(state) = reading.state.clone() else { return self.read_again(now_ns) };
        let fits = self.fits(&state);
        let Some(reading) = &mut self.reads.now else { return };
        if !reading.asked_fills && (reading.fills || !fits) {
            // Asked for after the state came, they hold all that made it.
            reading.asked_fills = true;
            self.ask_fills(true, now_ns);
            return self.read_step(now_ns);
        }
        if !fits && self.reads.misfits < READINGS {
            self.reads.misfits += 1;
            return self.read_again(now_ns);
        }
        if self.reads.tries < UNWANTED_TRIES && self.cancel_unwanted(now_ns) {
            // What the engine is told then is what is there without them.
            return self.read_again(now_ns);
        }
        let Some(reading) = self.reads.now.take() else { return };
        if reading.asked_fills && fits {
            self.reads.verified_ns = self.reads.verified_ns.max(state.time_ns);
        }
        self.reads.tries = 0;
        self.reads.misfits = 0;
        self.check_margins(&state, now_ns);
        if fits {
            self.check_money(&state, reading.payments, now_ns);
        }
        let open = reading.open.unwrap_or_default();
        self.tell_positions(&state, &open, &reading.requests, now_ns);
        self.match_orders(&open, reading.resync, now_ns);
        if reading.resync {
            self.reads.resync = false;
            self.resync_step(now_ns);
        }
        self.begin_reading(now_ns);
    }

    /// While trading is stopped: cancel what others have on the account and could add risk. Whether
    /// there was anything.
    fn cancel_unwanted(&mut self, now_ns: i64) -> bool {
        if !self.halt.is_stopped() {
            return false;
        }
        let open = self.reads.now.as_ref().and_then(|reading| reading.open.as_ref());
        let unwanted = |order: &&OpenOrder| {
            let ours = matches!(order.whose, Whose::Ours(_));
            !ours && order.can_add
        };
        let found: Vec<_> = open
            .into_iter()
            .flatten()
            .filter(unwanted)
            .filter_map(|order| order.instrument.map(|it| (it, order.venue_order_id)))
            .collect();
        self.counts.foreign_orders = found.len() as u64;
        self.cancel_foreign(&found, now_ns);
        !found.is_empty()
    }

    /// Whether the venue's positions are what the told fills add up to.
    fn fits(&self, state: &AccountView) -> bool {
        let ids = self.instruments.iter().map(Instrument::id);
        let mut all = ids.map(|id| (id, held_by(state, id)));
        all.all(|(id, venue)| self.holdings.fits(state.time_ns, id, venue))
    }

    /// The venue's money against what was told of it. Where it differs, and still does after all of it
    /// was read again, the engine is told.
    fn check_money(&mut self, state: &AccountView, payments: bool, now_ns: i64) {
        let Some(beyond) = self.ledger.beyond(state.time_ns, state.money) else {
            self.reads.money_misfits = 0;
            if payments {
                self.ask_history(state, now_ns);
            }
            return;
        };
        self.reads.money_misfits += u32::from(payments || self.reads.money_misfits == 0);
        if self.reads.money_misfits <= MONEY_READINGS {
            let soon = now_ns.saturating_add(MONEY_AGAIN_NS);
            self.reads.next_audit_ns = self.reads.next_audit_ns.min(soon);
            return;
        }
        self.reads.money_misfits = 0;
        self.counts.money_differed += 1;
        self.say(now_ns, Body::Ledger(LedgerRecord::Untold { amount: beyond }));
        self.ledger.adopt(state.time_ns, state.money);
    }

    fn read_again(&mut self, now_ns: i64) {
        let Some(reading) = self.reads.now.take() else { return };
        let reads = &mut self.reads;
        reads.waiting.splice(0..0, reading.requests);
        reads.wanted = true;
        let wait = again_after(reads.tries);
        reads.tries += 1;
        reads.again_ns = now_ns.saturating_add(wait);
    }

    /// Tell the engine what the venue holds, in answer to each of its requests.
    fn tell_positions(
        &mut self,
        state: &AccountView,
        open: &[OpenOrder],
        requests: &[u32],
        now_ns: i64,
    ) {
        let count = self.instruments.len();
        // Without a request the engine still hears it: it is right.
        let requests = if requests.is_empty() { &[0][..] } else { requests };
        for &request in requests {
            for at in 0..count {
                let Some(instrument) = self.instruments.get(at).map(Instrument::id) else { break };
                let venue = held_by(state, instrument);
                if !self.holdings.fits(state.time_ns, instrument, venue) {
                    // Nobody told what was paid for it: money is compared from here on.
                    self.ledger.adopt(state.time_ns, state.money);
                    self.holdings.adopt(state.time_ns, instrument, venue);
                }
                // The venue's, and what has been filled since.
                let position = self.holdings.now(instrument);
                let here = open.iter().filter(|order| order.instrument == Some(instrument));
                let report = PositionReport {
                    request,
                    instrument,
                    position,
                    open_orders: u32::try_from(here.count()).unwrap_or(u32::MAX),
                    last: at + 1 == count,
                };
                self.say(now_ns, Body::Position(report));
            }
        }
    }

    /// Compare the orders that rest at the venue with ours.
    fn match_orders(&mut self, open: &[OpenOrder], resync: bool, now_ns: i64) {
        let (mut orphans, mut foreign) = (Vec::new(), Vec::new());
        self.counts.foreign_orders = 0;
        for order in open {
            match (order.whose, order.instrument) {
                (Whose::Ours(id), Some(instrument)) if self.orders.knows(id) => {
                    self.say(now_ns, working(instrument, id, order.venue_order_id));
                    self.orders.heard(id, order.venue_order_id);
                }
                (Whose::Ours(id), Some(instrument)) if self.outbox.sending(id).is_none() => {
                    if !self.orders.has_just_ended(id) {
                        orphans.push((instrument, id));
                    }
                }
                (Whose::Ours(_), Some(_)) => {}
                (_, instrument) => {
                    self.counts.foreign_orders += 1;
                    let unwanted =
                        self.settings.cancel_foreign || (self.halt.is_stopped() && order.can_add);
                    let it = instrument.filter(|_| unwanted);
                    foreign.extend(it.map(|it| (it, order.venue_order_id)));
                }
            }
        }
        if !orphans.is_empty() {
            self.counts.orphans += orphans.len() as u64;
            self.cancel(&orphans, now_ns);
        }
        if !foreign.is_empty() {
            self.cancel_foreign(&foreign, now_ns);
        }
        self.ask_about_missing(open, resync, now_ns);
    }

    /// Orders of ours that do not rest: what became of them while nobody listened?
    fn ask_about_missing(&mut self, open: &[OpenOrder], resync: bool, now_ns: i64) {
        let rests = |id: ClientOrderId| open.iter().any(|it| it.whose == Whose::Ours(id));
        let missing: Vec<ClientOrderId> = self
            .orders
            .iter()
            .map(|(id, _)| id)
            .filter(|id| !rests(*id) && self.outbox.sending(*id).is_none())
            .collect();
        if resync {
            self.reads.statuses = Statuses::default();
        }
        for order in missing {
            let wanted = Wanted::Status { order, nonce: None, resync };
            let body = self.wire.ask_status(order);
            let asked = self.ask(wanted, body, now_ns);
            if resync {
                self.reads.statuses.awaited += u32::from(asked);
                self.reads.statuses.failed |= !asked;
            }
        }
    }

    pub(super) fn status_read(&mut self, understood: bool, now_ns: i64) {
        let statuses = &mut self.reads.statuses;
        statuses.awaited = statuses.awaited.saturating_sub(1);
        statuses.failed |= !understood;
        self.resync_step(now_ns);
    }

    /// A resync is done when every order of ours has been found again.
    fn resync_step(&mut self, now_ns: i64) {
        let reads = &mut self.reads;
        if !reads.resyncing || reads.resync || reads.statuses.awaited > 0 {
            return;
        }
        if reads.statuses.failed {
            reads.resync = true;
            reads.wanted = true;
            reads.statuses.failed = false;
            reads.again_ns = now_ns.saturating_add(AGAIN_NS);
            return;
        }
        reads.resyncing = false;
        self.know(now_ns);
    }
}

/// How long to wait before what failed so often is tried again.
pub(super) fn again_after(tries: u32) -> i64 {
    AGAIN_NS.saturating_mul(1 << tries.min(5)).min(MOST_AGAIN_NS)
}

/// What the venue held of an instrument.
fn held_by(state: &AccountView, instrument: InstrumentId) -> NetQty {
    let found = state.held.iter().find(|held| held.instrument == instrument);
    found.map_or(NetQty::FLAT, |held| held.qty)
}

fn working(instrument: InstrumentId, id: ClientOrderId, venue_order_id: u64) -> Body<'static> {
    Body::Order(OrderReport {
        instrument,
        client_order_id: id,
        venue_order_id: VenueOrderId::new(venue_order_id),
        status: Status::Working,
    })
}
