//! Orders meet: accounts' with each other by price and time, and with the market's others by where
//! they stand in the queue.

use crate::domain::{CancelReason, InstrumentId, Level, Qty, Trade};
use crate::sim::AccountId;
use crate::sim::booking::Deal;
use crate::sim::market::{Resting, WALK};
use crate::sim::report::Cause;
use crate::sim::venue::Venue;

/// An order that takes.
#[derive(Debug)]
pub(super) struct Taker<'a> {
    pub(super) resting: &'a mut Resting,
    /// What it may still take.
    pub(super) most: Qty,
    pub(super) cause: Cause,
}

impl Taker<'_> {
    fn left(&self) -> Qty {
        self.resting.record.remaining.min(self.most)
    }

    fn liquidated(&self) -> Option<AccountId> {
        (self.cause == Cause::Liquidation).then_some(self.resting.record.account)
    }
}

impl Venue {
    /// Trade as taker with what is there, up to the order's price.
    pub(super) fn take(&mut self, taker: &mut Taker<'_>, now: i64) {
        let (side, limit) = (taker.resting.side(), taker.resting.price());
        let instrument = taker.resting.record.order.instrument;
        while !taker.left().is_zero() {
            let Some(market) = self.market(instrument) else { return };
            let (levels, count) = market.find(side, limit);
            for level in levels.iter().take(count) {
                self.take_level(taker, *level, now);
                if taker.left().is_zero() {
                    return;
                }
            }
            if count < WALK {
                // Nothing of the others is left within the price.
                while let Some(at) = self.market(instrument).and_then(|m| m.meets(side, limit)) {
                    if taker.left().is_zero() {
                        return;
                    }
                    self.meet(taker, at, now);
                }
                return;
            }
        }
    }

    /// Trade with a level of the market's others, and with the accounts' orders that come before it
    /// or stand in it.
    fn take_level(&mut self, taker: &mut Taker<'_>, level: Level, now: i64) {
        let side = taker.resting.side();
        let instrument = taker.resting.record.order.instrument;
        let mut others = level.qty;
        while !taker.left().is_zero() {
            let Some(market) = self.market(instrument) else { return };
            let first = market.meets(side, level.price);
            let standing = first.and_then(|at| Some((at, market.resting.get(at)?)));
            // Behind so much of the level's own; before all of it at a better price.
            let ahead = standing.map_or(others, |(_, resting)| {
                let within = resting.price() == level.price;
                if within { resting.place.ahead().min(others) } else { Qty::ZERO }
            });
            let qty = ahead.min(taker.left());
            match (qty.is_zero(), standing) {
                (false, _) => {
                    others = others.minus(qty);
                    self.take_others(taker, Level { price: level.price, qty }, now);
                }
                (true, Some((at, _))) => self.meet(taker, at, now),
                (true, None) => return,
            }
        }
    }

    fn take_others(&mut self, taker: &mut Taker<'_>, at: Level, now: i64) {
        let instrument = taker.resting.record.order.instrument;
        let trade_id = self.next_trade();
        let Some(market) = self.market_mut(instrument) else { return };
        market.take(taker.resting.side(), at.price, at.qty);
        let value = market.instrument.value(at.price, at.qty);
        taker.most = taker.most.minus(at.qty);
        taker.resting.filled(at, value, now);
        let (cause, liquidated) = (taker.cause, taker.liquidated());
        let deal =
            Deal { trade_id, at, maker: false, cause, other: None, liquidated, settles: None };
        self.publish(&taker.resting.record, &deal, now);
        self.book_with_others(taker.resting, &deal, now);
    }

    /// An order takes what an account's order offers, at that one's price. An order of the same
    /// account goes, instead.
    fn meet(&mut self, taker: &mut Taker<'_>, at: usize, now: i64) {
        let instrument = taker.resting.record.order.instrument;
        let Some(market) = self.market_mut(instrument) else { return };
        let Some(found) = market.resting.get(at) else { return };
        let (other, price) = (found.record.account, found.price());
        let wish = found.record.remaining.min(taker.left());
        if other == taker.resting.record.account {
            let gone = market.resting.remove(at);
            return self.cancelled(gone, CancelReason::SelfTrade, now);
        }
        let Some(qty) = self.offered(instrument, at, wish, now) else { return };
        let trade_id = self.next_trade();
        let at_price = Level { price, qty };
        let Some(market) = self.market(instrument) else { return };
        let value = market.instrument.value(price, qty);
        taker.most = taker.most.minus(qty);
        taker.resting.filled(at_price, value, now);
        let deal = Deal {
            trade_id,
            at: at_price,
            maker: false,
            cause: taker.cause,
            other: Some(other),
            liquidated: taker.liquidated(),
            settles: None,
        };
        let Some(maker) = self.make(instrument, at, at_price, now) else { return };
        self.publish(&taker.resting.record, &deal, now);
        let owner = taker.resting.record.account;
        self.book(taker.resting, &deal, now);
        self.book(&maker, &Deal { maker: true, other: Some(owner), ..deal }, now);
        if maker.record.remaining.is_zero() {
            self.remember(&maker, now);
        }
    }

    /// How much of a resting order trades, of what it is asked for: an order that only reduces gives
    /// no more than is held. One that may not trade any more is cancelled.
    fn offered(&mut self, instrument: InstrumentId, at: usize, wish: Qty, now: i64) -> Option<Qty> {
        let market = self.market_mut(instrument)?;
        let resting = *market.resting.get(at)?;
        let refused = match self.allowed(&resting, wish) {
            Ok(qty) => return Some(qty),
            Err(reason) => reason,
        };
        let gone = self.market_mut(instrument)?.resting.remove(at);
        self.cancelled(gone, refused, now);
        None
    }

    fn allowed(&self, resting: &Resting, wish: Qty) -> Result<Qty, CancelReason> {
        let order = &resting.record.order;
        let Some(owner) = self.account(resting.record.account) else {
            return Err(CancelReason::Other);
        };
        if order.reduce_only {
            let qty = wish.min(owner.closable(order.instrument, order.side));
            return if qty.is_zero() { Err(CancelReason::ReduceOnly) } else { Ok(qty) };
        }
        if self.carries(resting, wish) { Ok(wish) } else { Err(CancelReason::Margin) }
    }

    /// A resting order trades: as it is after it.
    fn make(
        &mut self,
        instrument: InstrumentId,
        at: usize,
        deal: Level,
        now: i64,
    ) -> Option<Resting> {
        let market = self.markets.get_mut(instrument.index())?;
        let resting = market.resting.get_mut(at)?;
        let was = resting.record;
        resting.filled(deal, market.instrument.value(deal.price, deal.qty), now);
        let maker = *resting;
        let owner = self.accounts.get_mut(was.account.index())?;
        if maker.record.remaining.is_zero() {
            market.resting.remove(at);
            owner.close(&market.instrument, &was);
        } else {
            owner.release(&market.instrument, &was, deal.qty);
        }
        Some(maker)
    }

    /// A resting order trades with the market's others, at its own price. What of it did.
    fn fill_resting(
        &mut self,
        instrument: InstrumentId,
        at: usize,
        qty: Qty,
        now: i64,
    ) -> Option<(Resting, Deal)> {
        let price = self.market(instrument)?.resting.get(at)?.price();
        let qty = self.offered(instrument, at, qty, now)?;
        let at_price = Level { price, qty };
        let trade_id = self.next_trade();
        let maker = self.make(instrument, at, at_price, now)?;
        let deal = Deal {
            trade_id,
            at: at_price,
            maker: true,
            cause: Cause::Order,
            other: None,
            liquidated: None,
            settles: None,
        };
        self.book_with_others(&maker, &deal, now);
        if maker.record.remaining.is_zero() {
            self.remember(&maker, now);
        }
        Some((maker, deal))
    }

    /// The book moved through resting orders: they trade with what is there.
    pub(super) fn match_crossed(&mut self, instrument: InstrumentId, now: i64) {
        while let Some(market) = self.market(instrument) {
            let Some(found) = market.book.best().and_then(|best| market.crossed(best)) else {
                return;
            };
            let Some(resting) = market.resting.get(found.at) else { return };
            let (side, price) = (resting.side(), resting.price());
            let Some((maker, deal)) = self.fill_resting(instrument, found.at, found.qty, now)
            else {
                continue;
            };
            let mut left = deal.at.qty;
            if let Some(market) = self.market_mut(instrument) {
                let (levels, count) = market.find(side, price);
                for level in levels.iter().take(count) {
                    let qty = level.qty.min(left);
                    market.take(side, level.price, qty);
                    left = left.minus(qty);
                }
            }
            self.publish(&maker.record, &deal, now);
        }
    }

    /// The market's others traded: resting orders that would have been in the way trade too.
    pub(super) fn on_trade(&mut self, trade: &Trade, now: i64) {
        let (mut after, mut left, mut blocked) = (None, trade.qty, None);
        while let Some(market) = self.market_mut(trade.instrument) {
            if market.resting.is_empty() {
                return;
            }
            let Some(at) = market.reached(trade, after) else { return };
            let Some(resting) = market.resting.get_mut(at) else { return };
            let (side, price) = (resting.side(), resting.price());
            after = Some((price, resting.rank));
            // It traded beyond our price: everything at our price went first.
            let reaches = if price.better(side, trade.price) {
                resting.record.remaining
            } else {
                resting.place.trade(trade.qty, left)
            };
            let qty = reaches.min(resting.record.remaining);
            // Whoever is not done lets nobody behind him at his price trade.
            if qty.is_zero() || blocked == Some(price) {
                blocked = Some(price);
                continue;
            }
            if qty < resting.record.remaining {
                blocked = Some(price);
            }
            if let Some((_, deal)) = self.fill_resting(trade.instrument, at, qty, now) {
                left = left.minus(deal.at.qty);
            }
        }
    }

    /// An order that must not trade comes to rest: orders of the same account that it would have
    /// met go.
    pub(super) fn expire_own(&mut self, taker: &Resting, now: i64) {
        let (account, side) = (taker.record.account, taker.side());
        let price = taker.price();
        let meets = |resting: &Resting| {
            resting.record.account == account
                && resting.side() != side
                && price.crosses(side, resting.price())
        };
        while let Some(market) = self.market_mut(taker.record.order.instrument) {
            let Some(at) = market.resting.iter().position(meets) else { return };
            let gone = market.resting.remove(at);
            self.cancelled(gone, CancelReason::SelfTrade, now);
        }
    }
}
