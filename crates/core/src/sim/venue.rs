//! The simulated venue: what happens in its markets, and what that does to its accounts.

use crate::domain::{
    Body, CancelReason, Event, FundingPayment, FundingRate, Instrument, InstrumentId, Money,
    OrderReport, Price, Status, Transfer,
};
use crate::portfolio::Portfolio;
use crate::sim::account::Account;
use crate::sim::ledger::Ledger;
use crate::sim::market::{Market, Resting};
use crate::sim::order::Life;
use crate::sim::report::PublicTrade;
use crate::sim::{AccountId, QueueModel, Report};

/// A venue without a network.
#[derive(Clone, Debug)]
pub struct Venue {
    pub(super) markets: Vec<Market>,
    pub(super) accounts: Vec<Account>,
    /// The venue's own account: see [`AccountId::BACKSTOP`].
    pub(super) house: Account,
    pub(super) ledger: Ledger,
    reports: Vec<Report>,
    pub(super) trades: Vec<PublicTrade>,
    pub(super) publishes: bool,
    /// Only post-only orders are taken.
    pub(super) post_only: bool,
    /// Something came about while orders traded that is to be dealt with when they have.
    pub(super) unsettled: bool,
    /// Fees and funding are charged in whole multiples of this.
    pub(super) smallest: Money,
    pub(super) order_count: u64,
    pub(super) trade_count: u64,
    pub(super) group_count: u64,
    /// Orders that are being withdrawn.
    pub(super) leaving: Vec<Resting>,
}

impl Venue {
    /// A venue for these instruments, with one account for each amount of cash.
    pub fn new(instruments: &[Instrument], cash: &[Money], queue: QueueModel) -> Self {
        let count = instruments.len();
        Self {
            markets: instruments.iter().map(|it| Market::new(it, queue)).collect(),
            accounts: cash.iter().map(|&cash| Account::new(count, cash)).collect(),
            house: Account::nameless(count, Money::ZERO),
            ledger: Ledger::new(count),
            reports: Vec::with_capacity(256),
            trades: Vec::new(),
            publishes: false,
            post_only: false,
            unsettled: false,
            smallest: Money::from_units(1),
            order_count: 0,
            trade_count: 0,
            group_count: 0,
            leaving: Vec::with_capacity(128),
        }
    }

    /// Charge fees and funding in whole multiples of this amount, to the nearest one: what a venue
    /// that writes amounts with so many decimals must do, so that what it writes is what it does.
    pub fn charge_in(&mut self, smallest: Money) {
        self.smallest = smallest.max(Money::from_units(1));
    }

    /// An amount as it is charged.
    pub(super) fn charged(amount: Money, smallest: Money) -> Money {
        if amount.is_unknown() {
            return amount;
        }
        let many = crate::domain::div_round(amount.units(), smallest.units());
        Money::from_units(many.saturating_mul(smallest.units()))
    }

    /// Open another account. `None` when there are as many as there can be.
    pub fn open_account(&mut self, cash: Money) -> Option<AccountId> {
        let id = AccountId::new(self.accounts.len());
        if id == AccountId::BACKSTOP {
            return None;
        }
        self.accounts.push(Account::new(self.markets.len(), cash));
        Some(id)
    }

    pub(super) fn account(&self, id: AccountId) -> Option<&Account> {
        if id == AccountId::BACKSTOP { Some(&self.house) } else { self.accounts.get(id.index()) }
    }

    pub(super) fn account_mut(&mut self, id: AccountId) -> Option<&mut Account> {
        if id == AccountId::BACKSTOP {
            Some(&mut self.house)
        } else {
            self.accounts.get_mut(id.index())
        }
    }

    pub(super) fn market(&self, id: InstrumentId) -> Option<&Market> {
        self.markets.get(id.index())
    }

    pub(super) fn market_mut(&mut self, id: InstrumentId) -> Option<&mut Market> {
        self.markets.get_mut(id.index())
    }

    /// What the venue has to say since it was last asked, in order.
    pub fn drain_reports(&mut self) -> impl Iterator<Item = Report> + '_ {
        self.reports.drain(..)
    }

    /// Whether there is something to say.
    #[inline]
    pub const fn has_reports(&self) -> bool {
        !self.reports.is_empty()
    }

    /// Something happened in a market.
    #[inline]
    pub fn on_market(&mut self, event: &Event<'_>) {
        let now = event.time_ns;
        match &event.body {
            Body::Depth(depth) => {
                let Some(market) = self.markets.get_mut(depth.instrument.index()) else { return };
                if market.book.apply(depth).is_ok() {
                    self.after_book(depth.instrument, now);
                }
            }
            Body::Touch(touch) => {
                let Some(market) = self.markets.get_mut(touch.instrument.index()) else { return };
                market.book.apply_touch(touch);
                self.after_book(touch.instrument, now);
            }
            Body::Trade(trade) => self.on_trade(trade, now),
            Body::Reference(reference) => {
                let Some(market) = self.markets.get_mut(reference.instrument.index()) else {
                    return;
                };
                market.marks.from_venue = true;
                market.marks.oracle = Some(reference.oracle);
                self.set_mark(reference.instrument, reference.mark, now);
            }
            Body::FundingRate(funding) if funding.settles => self.settle_funding(funding, now),
            _ => {}
        }
        if self.unsettled {
            self.settle(now);
        }
    }

    #[inline]
    fn after_book(&mut self, instrument: InstrumentId, now: i64) {
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        let Some(best) = market.book.best() else { return };
        if !market.resting.is_empty() {
            market.update_places();
            self.match_crossed(instrument, now);
        }
        let from_venue = self.markets.get(instrument.index()).is_some_and(|m| m.marks.from_venue);
        if !from_venue {
            self.set_mark(instrument, best.mid(), now);
        }
    }

    /// The mark moved: positions are valued, triggers go off, accounts in distress are liquidated.
    pub(super) fn set_mark(&mut self, instrument: InstrumentId, mark: Price, now: i64) {
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        let marks = &mut market.marks;
        marks.natural = Some(mark);
        if marks.mark == Some(mark) || marks.forced.is_some_and(|forced| forced != mark) {
            return;
        }
        marks.previous = marks.mark;
        marks.mark = Some(mark);
        if !market.triggers.is_empty() {
            self.fire_triggers(instrument, now);
        }
        let Some(market) = self.markets.get(instrument.index()) else { return };
        let mut distressed = false;
        for account in &mut self.accounts {
            if account.portfolio.set_mark(&market.instrument, mark) {
                distressed |= account.in_distress(instrument);
            }
        }
        if self.house.portfolio.set_mark(&market.instrument, mark) {
            distressed |= self.house.portfolio.equity() < Money::ZERO;
        }
        if distressed {
            self.liquidate(instrument, now);
        }
    }

    /// What orders that traded brought about: marks of markets that have no other, triggers that
    /// nobody waits for any more.
    #[cold]
    pub(super) fn settle(&mut self, now: i64) {
        while std::mem::take(&mut self.unsettled) {
            for at in 0..self.markets.len() {
                let Some(market) = self.markets.get(at) else { return };
                let instrument = market.instrument.id();
                if let Some(mark) = market.own_mark() {
                    self.set_mark(instrument, mark, now);
                }
                self.fire_triggers(instrument, now);
            }
        }
    }

    /// Put money into an account, or take it out.
    pub fn transfer(&mut self, account: AccountId, amount: Money, now: i64) {
        if let Some(owner) = self.account_mut(account) {
            owner.portfolio.apply_transfer(amount);
            self.say(account, Body::Transfer(Transfer { amount }), now);
        }
    }

    fn settle_funding(&mut self, funding: &FundingRate, now: i64) {
        let Some(market) = self.markets.get(funding.instrument.index()) else { return };
        let marks = &market.marks;
        let Some(price) = marks.forced.or(marks.oracle).or(marks.mark) else { return };
        let owed = |held| {
            let value = market.instrument.signed_value(price, held);
            Self::charged(value.at_rate(funding.rate).negated(), self.smallest)
        };
        let accounts = self.accounts.iter_mut().enumerate();
        let all = accounts.map(|(at, account)| (AccountId::new(at), account));
        for (id, account) in all.chain([(AccountId::BACKSTOP, &mut self.house)]) {
            let held = account.portfolio.qty(funding.instrument);
            if held.is_flat() {
                continue;
            }
            let amount = owed(held);
            account.portfolio.apply_funding(funding.instrument, amount);
            // Whoever is not an account stands on the other side, and takes what is rounded.
            self.ledger.others = self.ledger.others.minus(amount);
            if id == AccountId::BACKSTOP {
                continue;
            }
            let payment = FundingPayment { instrument: funding.instrument, amount };
            let body = Body::Funding(payment);
            self.reports.push(Report {
                account: id,
                time_ns: now,
                body,
                order: None,
                traded: None,
            });
        }
    }

    pub(super) fn report(&mut self, report: &Report) {
        if report.account != AccountId::BACKSTOP {
            self.reports.push(*report);
        }
    }

    pub(super) fn say(&mut self, account: AccountId, body: Body<'static>, time_ns: i64) {
        self.report(&Report { account, time_ns, body, order: None, traded: None });
    }

    /// Say what became of an order.
    pub(super) fn say_order(&mut self, resting: &Resting, status: Status, now: i64) {
        let record = resting.record;
        let report = OrderReport {
            instrument: record.order.instrument,
            client_order_id: record.order.client_id.engine(),
            venue_order_id: record.venue_order_id,
            status,
        };
        let body = Body::Order(report);
        let order = Some(record);
        self.report(&Report { account: record.account, time_ns: now, body, order, traded: None });
    }

    /// An order is over, and its owner is told.
    pub(super) fn end(&mut self, resting: &mut Resting, status: Status, now: i64) {
        resting.record.life = Life::Ended(status);
        resting.record.changed_ns = now;
        self.say_order(resting, status, now);
        self.remember(resting, now);
    }

    /// An order that rested or waited is over.
    pub(super) fn cancelled(&mut self, mut gone: Resting, reason: CancelReason, now: i64) {
        self.close(&gone);
        self.end(&mut gone, Status::Cancelled(reason), now);
    }

    /// An order has ended: it is kept for those who ask, and those that waited for it learn of it.
    pub(super) fn remember(&mut self, resting: &Resting, now: i64) {
        if let Some(account) = self.account_mut(resting.record.account) {
            account.history.push(resting.record);
        }
        if resting.parent {
            self.parent_ended(resting, now);
        }
    }

    /// An order rests or waits no more.
    pub(super) fn close(&mut self, gone: &Resting) {
        let at = gone.record.order.instrument.index();
        let Some(market) = self.markets.get(at) else { return };
        if let Some(account) = self.accounts.get_mut(gone.record.account.index()) {
            account.close(&market.instrument, &gone.record);
        }
    }

    /// The venue's own books of an account.
    pub fn portfolio(&self, account: AccountId) -> Option<&Portfolio> {
        self.account(account).map(|account| &account.portfolio)
    }
}
