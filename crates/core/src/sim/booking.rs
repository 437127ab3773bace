//! A trade is booked: money and positions move, and everybody concerned is told.

use crate::domain::{Body, CancelReason, Fill, InstrumentId, Level, Money, Side, Status, Trade};
use crate::portfolio::{Portfolio, Position};
use crate::sim::ledger::settled;
use crate::sim::market::Resting;
use crate::sim::order::{Life, OrderRecord};
use crate::sim::report::{Cause, PublicTrade, Traded};
use crate::sim::venue::Venue;
use crate::sim::{AccountId, Report};

/// A trade, as one of its sides sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deal {
    pub(super) trade_id: u64,
    pub(super) at: Level,
    pub(super) maker: bool,
    pub(super) cause: Cause,
    /// Who stands on the other side; `None` for the market's others.
    pub(super) other: Option<AccountId>,
    /// Whose position is liquidated by it.
    pub(super) liquidated: Option<AccountId>,
    /// What the side pays to the backstop instead of a fee; less than zero for what it is given.
    pub(super) settles: Option<Money>,
}

impl Resting {
    /// It traded so much.
    pub(super) fn filled(&mut self, at: Level, value: Money, now: i64) {
        let record = &mut self.record;
        record.remaining = record.remaining.minus(at.qty);
        record.filled = record.filled.plus(at.qty);
        record.paid = record.paid.plus(value);
        if record.remaining.is_zero() {
            record.life = Life::Ended(Status::Filled);
            record.changed_ns = now;
        }
    }
}

impl Venue {
    pub(super) const fn next_trade(&mut self) -> u64 {
        self.trade_count = self.trade_count.saturating_add(1);
        self.trade_count
    }

    /// One side of a trade: money and position move, and the account is told. `resting` is the order
    /// as it is after it.
    pub(super) fn book(&mut self, resting: &Resting, deal: &Deal, now: i64) {
        let record = &resting.record;
        let (id, side) = (record.order.instrument, record.order.side);
        let Level { price, qty } = deal.at;
        let Some(market) = self.markets.get_mut(id.index()) else { return };
        let owner = record.account;
        let account = if owner == AccountId::BACKSTOP {
            Some(&mut self.house)
        } else {
            self.accounts.get_mut(owner.index())
        };
        let Some(account) = account else { return };
        let instrument = &market.instrument;
        let value = instrument.value(price, qty);
        let rates = instrument.fees();
        let rate = if deal.maker { rates.maker } else { rates.taker };
        let smallest = self.smallest;
        let fee = deal.settles.unwrap_or_else(|| Self::charged(value.at_rate(rate), smallest));
        let fill = Fill {
            instrument: id,
            client_order_id: record.order.client_id.engine(),
            venue_order_id: record.venue_order_id,
            trade_id: deal.trade_id,
            side,
            price,
            qty,
            fee,
            maker: deal.maker,
            liquidation: deal.liquidated == Some(owner),
        };
        let realised =
            |portfolio: &Portfolio| portfolio.position(id).map_or(Money::ZERO, Position::realised);
        let (before, had) = (account.portfolio.qty(id), realised(&account.portfolio));
        let was = settled(instrument, &account.portfolio);
        account.portfolio.apply_fill(instrument, &fill, now);
        let moved = settled(instrument, &account.portfolio).minus(was).plus(fee);
        let due = instrument.gain(side == Side::Bid, value, Money::ZERO);
        self.ledger.rounded = self.ledger.rounded.plus(due.minus(moved));
        let mark = *market.marks.mark.get_or_insert(price);
        account.portfolio.set_mark(instrument, mark);
        let traded = Traded {
            before,
            realised: realised(&account.portfolio).minus(had),
            other: deal.other,
            cause: deal.cause,
            liquidated: deal.liquidated,
            mark: Some(mark),
        };
        account.volume = account.volume.plus(value);
        if deal.settles.is_none() {
            account.fees = account.fees.plus(fee);
            self.ledger.fees = self.ledger.fees.plus(fee);
        }
        let after = account.portfolio.qty(id);
        let named = record.venue_order_id.raw() != 0;
        let order = named.then_some(*record);
        let body = Body::Fill(fill);
        self.report(&Report { account: owner, time_ns: now, body, order, traded: Some(traded) });
        if resting.siblings != 0 {
            self.drop_siblings(resting, now);
        }
        if after.is_flat() {
            self.drop_reducing(owner, id, now);
        }
    }

    /// The market's others stand on the other side of an account's order.
    pub(super) fn book_with_others(&mut self, resting: &Resting, deal: &Deal, now: i64) {
        let id = resting.record.order.instrument;
        let Some(market) = self.markets.get(id.index()) else { return };
        let others = resting.side().opposite();
        self.ledger.others_trade(&market.instrument, others, (deal.at.price, deal.at.qty));
        self.book(resting, deal, now);
    }

    /// Tell everybody, where that is wanted, and remember the price.
    pub(super) fn publish(&mut self, record: &OrderRecord, deal: &Deal, now: i64) {
        let (instrument, side) = (record.order.instrument, record.order.side);
        if let Some(market) = self.markets.get_mut(instrument.index()) {
            market.marks.last = Some(deal.at.price);
            self.unsettled |= market.lacks_mark();
        }
        if !self.publishes {
            return;
        }
        let trade = Trade {
            instrument,
            aggressor: if deal.maker { side.opposite() } else { side },
            price: deal.at.price,
            qty: deal.at.qty,
            id: deal.trade_id,
        };
        let (own, other) = (Some(record.account), deal.other);
        let (buyer, seller) = if side == Side::Bid { (own, other) } else { (other, own) };
        self.trades.push(PublicTrade { time_ns: now, trade, buyer, seller });
    }

    /// The position is gone: orders that could only reduce it go with it. Of a position that turned
    /// they stay, and go when they would act (assumed).
    fn drop_reducing(&mut self, account: AccountId, instrument: InstrumentId, now: i64) {
        let Some(owner) = self.account(account) else { return };
        if owner.open_orders == 0 {
            return;
        }
        let goes = |resting: &Resting| {
            let record = &resting.record;
            record.account == account
                && record.order.reduce_only
                && !matches!(record.life, Life::AwaitsParent(_))
        };
        while let Some(market) = self.market_mut(instrument) {
            let gone = match market.resting.iter().position(goes) {
                Some(at) => market.resting.remove(at),
                None => match market.triggers.iter().position(goes) {
                    Some(at) => market.triggers.remove(at),
                    None => return,
                },
            };
            self.cancelled(gone, CancelReason::PositionClosed, now);
        }
    }
}
