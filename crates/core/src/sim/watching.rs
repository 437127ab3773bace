//! What can be seen of the venue: by everybody, and by the owner of an account.

use crate::domain::{Instrument, InstrumentId, Level, Money, Price, Qty, Side};
use crate::sim::AccountId;
use crate::sim::market::{Market, Resting};
use crate::sim::order::{OrderRecord, OrderRef};
use crate::sim::report::PublicTrade;
use crate::sim::venue::Venue;

/// A level of the book with everybody's orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthLevel {
    /// Price and size.
    pub level: Level,
    /// Orders of accounts in it; the market's others count as one.
    pub orders: u32,
}

impl Venue {
    /// An instrument of the venue.
    pub fn instrument(&self, id: InstrumentId) -> Option<&Instrument> {
        self.market(id).map(|market| &market.instrument)
    }

    /// The mark of an instrument.
    pub fn mark(&self, instrument: InstrumentId) -> Option<Price> {
        self.market(instrument)?.marks.mark
    }

    /// The oracle price of an instrument.
    pub fn oracle(&self, instrument: InstrumentId) -> Option<Price> {
        let marks = &self.market(instrument)?.marks;
        marks.forced.or(marks.oracle)
    }

    /// The best levels of one side with everybody's orders, at most `most`, best first.
    pub fn depth(&self, instrument: InstrumentId, side: Side, most: usize) -> Vec<DepthLevel> {
        let Some(market) = self.market(instrument) else { return Vec::new() };
        let others =
            market.book.liquidity(side).map(|level| (level.price, market.left(side, level)));
        let accounts = market.resting.iter().filter(|resting| resting.side() == side);
        let mut all: Vec<(Price, Qty)> =
            others.filter(|(_, qty)| !qty.is_zero()).take(most).collect();
        all.extend(accounts.map(|resting| (resting.price(), resting.record.remaining)));
        all.sort_by_key(|(price, _)| match side {
            Side::Bid => price.ticks().saturating_neg(),
            Side::Ask => price.ticks(),
        });
        let mut levels: Vec<DepthLevel> = Vec::with_capacity(most);
        for (price, qty) in all {
            let known = levels.iter_mut().rev().find(|known| known.level.price == price);
            if let Some(known) = known {
                known.level.qty = known.level.qty.plus(qty);
                known.orders = known.orders.saturating_add(1);
            } else if levels.len() < most {
                levels.push(DepthLevel { level: Level { price, qty }, orders: 1 });
            }
        }
        levels
    }

    /// Keep trades of accounts for [`Venue::drain_trades`], from now on.
    pub const fn publish_trades(&mut self) {
        self.publishes = true;
    }

    /// Trades that accounts took part in since last asked, in order. A trade of the market's others
    /// that reached a resting order is told by the market's own events, and not again here.
    pub fn drain_trades(&mut self) -> impl Iterator<Item = PublicTrade> + '_ {
        self.trades.drain(..)
    }

    /// Orders of an account that rest or wait.
    pub fn open_orders(&self, account: AccountId) -> u32 {
        self.account(account).map_or(0, |account| account.open_orders)
    }

    pub(super) fn find_live(&self, account: AccountId, which: OrderRef) -> Option<&Resting> {
        let mut live = self.markets.iter().flat_map(Market::live);
        live.find(|resting| resting.record.account == account && resting.record.is(which))
    }

    /// An order, by either id: one that rests or waits, or one of the last 2 048 that ended.
    pub fn order(&self, account: AccountId, which: OrderRef) -> Option<&OrderRecord> {
        let live = self.find_live(account, which).map(|resting| &resting.record);
        live.or_else(|| self.account(account)?.history.find(which))
    }

    /// The account's orders that rest or wait: instrument by instrument, resting ones first.
    pub fn orders(&self, account: AccountId) -> impl Iterator<Item = &OrderRecord> {
        let live = self.markets.iter().flat_map(Market::live);
        live.map(|resting| &resting.record).filter(move |record| record.account == account)
    }

    /// The account's last 2 048 orders that ended, the newest first.
    pub fn history(&self, account: AccountId) -> impl Iterator<Item = &OrderRecord> {
        self.account(account).into_iter().flat_map(|account| account.history.iter())
    }

    /// Value of everything that the account traded.
    pub fn volume(&self, account: AccountId) -> Money {
        self.account(account).map_or(Money::UNKNOWN, |account| account.volume)
    }

    /// Fees that the account paid.
    pub fn fees_paid(&self, account: AccountId) -> Money {
        self.account(account).map_or(Money::UNKNOWN, |account| account.fees)
    }
}
