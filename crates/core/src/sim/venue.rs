//! The simulated venue: what it does with orders, and with what happens in its markets.

use crate::domain::{
    Body, CancelReason, ClientOrderId, Event, Fill, FundingPayment, FundingRate, Instrument,
    InstrumentId, Level, Money, Order, OrderKind, OrderReport, PositionReport, Price, Qty,
    RejectReason, Side, Status, TimeInForce, Trade, Transfer, VenueOrderId,
};
use crate::portfolio::Portfolio;
use crate::risk::Approved;
use crate::sim::account::Account;
use crate::sim::market::{Market, Resting};
use crate::sim::queue::Place;
use crate::sim::{AccountId, QueueModel, Report};

/// Orders that have ended and are still known by their id, for those who ask.
const REMEMBERED: usize = 1024;

/// A venue without a network.
#[derive(Clone, Debug)]
pub struct Venue {
    markets: Vec<Market>,
    accounts: Vec<Account>,
    reports: Vec<Report>,
    max_open_orders: u32,
    order_count: u64,
    trade_count: u64,
    ended: Vec<(AccountId, ClientOrderId, Status)>,
    next_ended: usize,
}

impl Venue {
    /// A venue for these instruments, with one account for each amount of cash.
    pub fn new(instruments: &[Instrument], cash: &[Money], queue: QueueModel) -> Self {
        Self {
            markets: instruments.iter().map(|it| Market::new(it, queue)).collect(),
            accounts: cash.iter().map(|&cash| Account::new(instruments.len(), cash)).collect(),
            reports: Vec::with_capacity(256),
            max_open_orders: 1_000,
            order_count: 0,
            trade_count: 0,
            ended: Vec::with_capacity(REMEMBERED),
            next_ended: 0,
        }
    }

    /// The venue's own books of an account.
    pub fn portfolio(&self, account: AccountId) -> Option<&Portfolio> {
        self.accounts.get(account.index()).map(|account| &account.portfolio)
    }

    /// Orders of an account that rest or wait.
    pub fn open_orders(&self, account: AccountId) -> u32 {
        self.accounts.get(account.index()).map_or(0, |account| account.open_orders)
    }

    /// The mark of an instrument.
    pub fn mark(&self, instrument: InstrumentId) -> Option<Price> {
        self.markets.get(instrument.index())?.mark
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
                market.has_venue_mark = true;
                market.oracle = Some(reference.oracle);
                self.set_mark(reference.instrument, reference.mark, now);
            }
            Body::FundingRate(funding) if funding.settles => self.settle_funding(funding, now),
            _ => {}
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
        let venue_mark = self.markets.get(instrument.index()).is_some_and(|m| m.has_venue_mark);
        if !venue_mark {
            self.set_mark(instrument, best.mid(), now);
        }
    }

    fn match_crossed(&mut self, instrument: InstrumentId, now: i64) {
        while let Some(market) = self.markets.get_mut(instrument.index()) {
            let Some(found) = market.book.best().and_then(|best| market.crossed(best)) else {
                return;
            };
            let Some(resting) = market.resting.get(found.at).copied() else { return };
            let (side, price) = (resting.order.side, resting.order.price);
            let mut left = found.qty;
            let (levels, count) = market.find(side, price);
            for level in levels.iter().take(count) {
                let qty = level.qty.min(left);
                market.take(side, level.price, qty);
                left = left.minus(qty);
            }
            self.fill_resting(instrument, found.at, found.qty, now);
        }
    }

    fn on_trade(&mut self, trade: &Trade, now: i64) {
        let (mut from, mut left) = (0_usize, trade.qty);
        while let Some(market) = self.markets.get_mut(trade.instrument.index()) {
            if market.resting.is_empty() {
                return;
            }
            let Some(found) = market.traded(trade, from, left) else { return };
            let before = market.resting.len();
            left = left.minus(found.qty);
            self.fill_resting(trade.instrument, found.at, found.qty, now);
            let after = self.markets.get(trade.instrument.index()).map_or(0, |m| m.resting.len());
            from = if after < before { found.at } else { found.at.saturating_add(1) };
        }
    }

    /// A resting order trades as maker at its own price.
    fn fill_resting(&mut self, instrument: InstrumentId, at: usize, qty: Qty, now: i64) {
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        let Some(resting) = market.resting.get_mut(at) else { return };
        let qty = self.accounts.get(resting.account.index()).map_or(Qty::ZERO, |account| {
            let held = account.portfolio.qty(instrument);
            if resting.order.reduce_only { qty.min(held.abs()) } else { qty }
        });
        resting.remaining = resting.remaining.minus(qty);
        let done = resting.remaining.is_zero() || qty.is_zero();
        let copy = *resting;
        if done {
            market.resting.remove(at);
        }
        let freed = if done { copy.remaining.plus(qty) } else { qty };
        self.release(&copy, freed, done);
        if qty.is_zero() {
            self.say_status(&copy, Status::Cancelled(CancelReason::ReduceOnly), now);
            return;
        }
        self.trade(&copy, Level { price: copy.order.price, qty }, true, now);
        if done {
            self.remember(copy.account, copy.order.client_order_id, Status::Filled);
        }
    }

    /// Give back what a resting order had reserved.
    fn release(&mut self, resting: &Resting, qty: Qty, done: bool) {
        let index = resting.order.instrument.index();
        let Some(market) = self.markets.get(index) else { return };
        let Some(account) = self.accounts.get_mut(resting.account.index()) else { return };
        let value = Account::reserve(&market.instrument, &resting.order, qty);
        account.reserved = account.reserved.minus(value).max(Money::ZERO);
        if done {
            account.open_orders = account.open_orders.saturating_sub(1);
        }
    }

    /// An order of an account trades: money and position move, and the account is told.
    fn trade(&mut self, resting: &Resting, at: Level, maker: bool, now: i64) {
        let Level { price, qty } = at;
        let index = resting.order.instrument.index();
        let Some(market) = self.markets.get(index) else { return };
        let Some(account) = self.accounts.get_mut(resting.account.index()) else { return };
        let fees = market.instrument.fees();
        let rate = if maker { fees.maker } else { fees.taker };
        self.trade_count = self.trade_count.saturating_add(1);
        let fill = Fill {
            instrument: resting.order.instrument,
            client_order_id: resting.order.client_order_id,
            venue_order_id: resting.venue_order_id,
            trade_id: self.trade_count,
            side: resting.order.side,
            price,
            qty,
            fee: market.instrument.value(price, qty).at_rate(rate),
            maker,
            liquidation: false,
        };
        account.portfolio.apply_fill(&market.instrument, &fill, now);
        if let Some(mark) = market.mark {
            account.set_mark(&market.instrument, mark);
        }
        let flat = account.portfolio.qty(resting.order.instrument).is_flat();
        self.say(resting.account, Body::Fill(fill), now);
        if flat {
            self.drop_reducing(resting.account, resting.order.instrument, now);
        }
    }

    /// The position is gone: orders that could only reduce it go with it.
    fn drop_reducing(&mut self, account: AccountId, instrument: InstrumentId, now: i64) {
        let reduces = |resting: &Resting| resting.account == account && resting.order.reduce_only;
        while let Some(market) = self.markets.get_mut(instrument.index()) {
            let gone = match market.resting.iter().position(reduces) {
                Some(at) => market.resting.remove(at),
                None => match market.stops.iter().position(reduces) {
                    Some(at) => market.stops.remove(at),
                    None => return,
                },
            };
            self.release(&gone, gone.remaining, true);
            self.say_status(&gone, Status::Cancelled(CancelReason::PositionClosed), now);
        }
    }

    /// An order arrives. Only approved ones can.
    pub fn submit(&mut self, account: AccountId, approved: &Approved<Order>, now: i64) {
        let order = *approved.get();
        let (Some(market), Some(owner)) =
            (self.markets.get(order.instrument.index()), self.accounts.get(account.index()))
        else {
            return;
        };
        let admitted = owner.admits(market, &order, self.max_open_orders);
        let post_only = matches!(order.kind, OrderKind::Limit(TimeInForce::PostOnly));
        let would_trade = post_only && market.would_trade(order.side, order.price);
        self.order_count = self.order_count.saturating_add(1);
        let resting = Resting {
            account,
            order,
            venue_order_id: VenueOrderId::new(self.order_count),
            remaining: order.qty,
            place: Place::default(),
        };
        if let Err(reason) = admitted {
            return self.say_status(&resting, Status::Rejected(reason), now);
        }
        if would_trade {
            let status = Status::Rejected(RejectReason::WouldTrade);
            return self.say_status(&resting, status, now);
        }
        match order.kind {
            OrderKind::Stop { .. } => self.accept_stop(resting, now),
            OrderKind::Limit(time_in_force) => self.accept_limit(resting, time_in_force, now),
        }
    }

    fn accept_stop(&mut self, resting: Resting, now: i64) {
        self.say_status(&resting, Status::Working, now);
        if let Some(account) = self.accounts.get_mut(resting.account.index()) {
            account.open_orders = account.open_orders.saturating_add(1);
        }
        let instrument = resting.order.instrument;
        if let Some(market) = self.markets.get_mut(instrument.index()) {
            market.stops.push(resting);
        }
        self.fire_stops(instrument, now);
    }

    fn accept_limit(&mut self, mut resting: Resting, time_in_force: TimeInForce, now: i64) {
        self.expire_own(&resting, now);
        if resting.order.reduce_only {
            let held = self.accounts.get(resting.account.index());
            let held = held.map_or(Qty::ZERO, |a| a.portfolio.qty(resting.order.instrument).abs());
            resting.remaining = resting.remaining.min(held);
        }
        self.take(&mut resting, now);
        if resting.remaining.is_zero() {
            return self.remember(resting.account, resting.order.client_order_id, Status::Filled);
        }
        if time_in_force == TimeInForce::ImmediateOrCancel {
            return self.say_status(&resting, Status::Cancelled(CancelReason::Unfilled), now);
        }
        self.say_status(&resting, Status::Working, now);
        let Some(market) = self.markets.get_mut(resting.order.instrument.index()) else { return };
        let value = Account::reserve(&market.instrument, &resting.order, resting.remaining);
        market.rest(resting);
        if let Some(account) = self.accounts.get_mut(resting.account.index()) {
            account.open_orders = account.open_orders.saturating_add(1);
            account.reserved = account.reserved.plus(value);
        }
    }

    /// An order that would meet one of the same account: the resting one goes.
    fn expire_own(&mut self, taker: &Resting, now: i64) {
        let order = taker.order;
        while let Some(market) = self.markets.get_mut(order.instrument.index()) {
            let meets = |resting: &Resting| {
                resting.account == taker.account
                    && resting.order.side != order.side
                    && order.price.crosses(order.side, resting.order.price)
            };
            let Some(at) = market.resting.iter().position(meets) else { return };
            let gone = market.resting.remove(at);
            self.release(&gone, gone.remaining, true);
            self.say_status(&gone, Status::Cancelled(CancelReason::SelfTrade), now);
        }
    }

    /// Trade as taker with what is there, up to the order's price.
    fn take(&mut self, taker: &mut Resting, now: i64) {
        let (side, limit) = (taker.order.side, taker.order.price);
        while !taker.remaining.is_zero() {
            let Some(market) = self.markets.get_mut(taker.order.instrument.index()) else { return };
            let (levels, count) = market.find(side, limit);
            if count == 0 {
                return;
            }
            for level in levels.iter().take(count) {
                let qty = level.qty.min(taker.remaining);
                if qty.is_zero() {
                    break;
                }
                if let Some(market) = self.markets.get_mut(taker.order.instrument.index()) {
                    market.take(side, level.price, qty);
                }
                taker.remaining = taker.remaining.minus(qty);
                self.trade(taker, Level { price: level.price, qty }, false, now);
            }
        }
    }

    /// Cancel an order. What is gone stays gone: the answer says how it ended.
    pub fn cancel(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        id: ClientOrderId,
        now: i64,
    ) {
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        let is_it =
            |resting: &Resting| resting.account == account && resting.order.client_order_id == id;
        let gone = match market.resting.iter().position(is_it) {
            Some(at) => Some(market.resting.remove(at)),
            None => market.stops.iter().position(is_it).map(|at| market.stops.remove(at)),
        };
        match gone {
            Some(gone) => {
                self.release(&gone, gone.remaining, true);
                self.say_status(&gone, Status::Cancelled(CancelReason::Requested), now);
            }
            None => self.query(account, instrument, id, now),
        }
    }

    /// Say what became of an order.
    pub fn query(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        id: ClientOrderId,
        now: i64,
    ) {
        let Some(market) = self.markets.get(instrument.index()) else { return };
        let mut all = market.resting.iter().chain(&market.stops);
        let live = all.find(|r| r.account == account && r.order.client_order_id == id);
        let ended = self.ended.iter().find(|(who, which, _)| *who == account && *which == id);
        let status = match (live, ended) {
            (Some(_), _) => Status::Working,
            (None, Some(&(_, _, status))) => status,
            (None, None) => Status::NotFound,
        };
        let venue_order_id = live.map_or(VenueOrderId::default(), |live| live.venue_order_id);
        let report = OrderReport { instrument, client_order_id: id, venue_order_id, status };
        self.say(account, Body::Order(report), now);
    }

    /// Tell all positions of an account, one report an instrument.
    pub fn read_account(&mut self, account: AccountId, request: u32, now: i64) {
        let count = self.markets.len();
        for (at, market) in self.markets.iter().enumerate() {
            let instrument = market.instrument.id();
            let Some(owner) = self.accounts.get(account.index()) else { return };
            let all = market.resting.iter().chain(&market.stops);
            let open = all.filter(|resting| resting.account == account).count();
            let report = PositionReport {
                request,
                instrument,
                position: owner.portfolio.qty(instrument),
                open_orders: u32::try_from(open).unwrap_or(u32::MAX),
                last: at.saturating_add(1) == count,
            };
            self.reports.push(Report {
                account,
                time_ns: now,
                body: Body::Position(report),
                order: None,
                traded: None,
            });
        }
    }

    /// Put money into an account, or take it out.
    pub fn transfer(&mut self, account: AccountId, amount: Money, now: i64) {
        if let Some(owner) = self.accounts.get_mut(account.index()) {
            owner.portfolio.apply_transfer(amount);
            self.say(account, Body::Transfer(Transfer { amount }), now);
        }
    }

    fn settle_funding(&mut self, funding: &FundingRate, now: i64) {
        let Some(market) = self.markets.get(funding.instrument.index()) else { return };
        let Some(price) = market.oracle.or(market.mark) else { return };
        for (at, account) in self.accounts.iter_mut().enumerate() {
            let held = account.portfolio.qty(funding.instrument);
            if held.is_flat() {
                continue;
            }
            let value = market.instrument.signed_value(price, held);
            let amount = value.at_rate(funding.rate).negated();
            account.portfolio.apply_funding(funding.instrument, amount);
            let payment = FundingPayment { instrument: funding.instrument, amount };
            let body = Body::Funding(payment);
            self.reports.push(Report {
                account: AccountId::new(at),
                time_ns: now,
                body,
                order: None,
                traded: None,
            });
        }
    }

    /// The mark moved: positions are valued, stops go off, accounts in distress are liquidated.
    fn set_mark(&mut self, instrument: InstrumentId, mark: Price, now: i64) {
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        if market.mark == Some(mark) {
            return;
        }
        market.mark = Some(mark);
        if !market.stops.is_empty() {
            self.fire_stops(instrument, now);
        }
        let Some(market) = self.markets.get(instrument.index()) else { return };
        let mut distressed = false;
        for account in &mut self.accounts {
            if account.set_mark(&market.instrument, mark) {
                distressed |= account.distress().0;
            }
        }
        if distressed {
            self.liquidate(now);
        }
    }

    fn fire_stops(&mut self, instrument: InstrumentId, now: i64) {
        while let Some(market) = self.markets.get_mut(instrument.index()) {
            let Some(mark) = market.mark else { return };
            let reached = |stop: &Resting| match stop.order.kind {
                OrderKind::Stop { trigger } => mark.crosses(stop.order.side, trigger),
                OrderKind::Limit(_) => false,
            };
            let Some(at) = market.stops.iter().position(reached) else { return };
            let stop = market.stops.remove(at);
            self.release(&stop, stop.remaining, true);
            self.fire(stop, now);
        }
    }

    /// A stop closes what its account holds by now, at the market, no further than its price.
    fn fire(&mut self, mut stop: Resting, now: i64) {
        let Some(account) = self.accounts.get(stop.account.index()) else { return };
        let held = account.portfolio.qty(stop.order.instrument);
        if held.reducing_side() != Some(stop.order.side) {
            return self.say_status(&stop, Status::Cancelled(CancelReason::ReduceOnly), now);
        }
        stop.remaining = held.abs();
        self.say_status(&stop, Status::Triggered, now);
        self.take(&mut stop, now);
        let status = if stop.remaining.is_zero() {
            Status::Filled
        } else {
            Status::Cancelled(CancelReason::Unfilled)
        };
        self.say_status(&stop, status, now);
    }

    pub(super) fn say(&mut self, account: AccountId, body: Body<'static>, time_ns: i64) {
        self.reports.push(Report { account, time_ns, body, order: None, traded: None });
    }

    pub(super) fn say_status(&mut self, resting: &Resting, status: Status, now: i64) {
        let live = matches!(status, Status::Working | Status::Triggered);
        if !live {
            self.remember(resting.account, resting.order.client_order_id, status);
        }
        let report = OrderReport {
            instrument: resting.order.instrument,
            client_order_id: resting.order.client_order_id,
            venue_order_id: resting.venue_order_id,
            status,
        };
        self.say(resting.account, Body::Order(report), now);
    }

    fn remember(&mut self, account: AccountId, id: ClientOrderId, status: Status) {
        if self.ended.len() < REMEMBERED {
            self.ended.push((account, id, status));
        } else if let Some(place) = self.ended.get_mut(self.next_ended) {
            *place = (account, id, status);
            self.next_ended = self.next_ended.wrapping_add(1) % REMEMBERED;
        }
    }

    pub(super) fn parts(&mut self) -> (&mut [Market], &mut [Account], &mut u64) {
        (&mut self.markets, &mut self.accounts, &mut self.trade_count)
    }

    /// Take what an account's position finds in the book, whatever the price, as a liquidation.
    pub(super) fn take_all(&mut self, taker: &mut Resting, now: i64) {
        self.take(taker, now);
    }

    /// Withdraw every order of an account.
    pub(super) fn withdraw(&mut self, account: AccountId, reason: CancelReason, now: i64) {
        for at in 0..self.markets.len() {
            while let Some(market) = self.markets.get_mut(at) {
                let own = |resting: &Resting| resting.account == account;
                let gone = match market.resting.iter().position(own) {
                    Some(place) => market.resting.remove(place),
                    None => match market.stops.iter().position(own) {
                        Some(place) => market.stops.remove(place),
                        None => break,
                    },
                };
                self.release(&gone, gone.remaining, true);
                self.say_status(&gone, Status::Cancelled(reason), now);
            }
        }
    }
}

/// The side of an order that closes this position, for a liquidation.
pub(super) const fn closing_side(long: bool) -> Side {
    if long { Side::Ask } else { Side::Bid }
}
