//! Auto-deleveraging (Hyperliquid's documentation, trading/auto-deleveraging): when an account is
//! worth less than nothing, those on the other side of its position are closed against it at the
//! mark before, the highest (mark ÷ entry) × (position ÷ account value) first. The backstop has its
//! place in that order like everybody; the market's others, of whom nothing is known, come last
//! (assumed). What is missing even so is the backstop's to pay.

use crate::domain::{Instrument, InstrumentId, Level, Money, NetQty, Price, Qty, Rate};
use crate::sim::AccountId;
use crate::sim::liquidation::{HandOver, closing_side};
use crate::sim::report::Cause;
use crate::sim::venue::Venue;

impl Venue {
    /// Close an account's positions against those on the other side, that of `moved` first, until it
    /// is worth more than nothing.
    pub(super) fn deleverage(&mut self, account: AccountId, moved: InstrumentId, now: i64) {
        let mut holdings = self.holdings(account);
        holdings.sort_by_key(|(instrument, _)| instrument.id() != moved);
        let count = holdings.len();
        for (at, (instrument, held)) in holdings.into_iter().enumerate() {
            let equity = self.account(account).map_or(Money::ZERO, |it| it.portfolio.equity());
            if equity >= Money::ZERO {
                return;
            }
            let marks = self.market(instrument.id()).map(|market| market.marks);
            let Some(price) = marks.and_then(|marks| marks.previous.or(marks.mark)) else {
                continue;
            };
            let last = at.saturating_add(1) == count;
            self.close_against_others(account, &instrument, (held, price, last), now);
        }
    }

    fn close_against_others(
        &mut self,
        account: AccountId,
        instrument: &Instrument,
        (held, price, last): (NetQty, Price, bool),
        now: i64,
    ) {
        let mut left = held.abs();
        while !left.is_zero() {
            let other = self.next_in_queue(account, instrument, held.is_long());
            let qty = other.map_or(left, |(_, qty)| qty.min(left));
            let done = qty == left;
            let missing = if last && done {
                self.missing(account, instrument, (price, qty))
            } else {
                Money::ZERO
            };
            let hand_over = HandOver {
                from: account,
                to: other.map(|(id, _)| id),
                cause: Cause::Deleveraging,
                at: Level { price, qty },
                side: closing_side(held),
                pays: missing.negated(),
            };
            self.hand_over(instrument, &hand_over, now);
            self.house.portfolio.apply_funding(instrument.id(), missing.negated());
            left = left.minus(qty);
        }
    }

    /// What an account would still owe after the rest of its last position is closed.
    fn missing(&self, account: AccountId, instrument: &Instrument, at: (Price, Qty)) -> Money {
        if account == AccountId::BACKSTOP {
            return Money::ZERO;
        }
        let Some(owner) = self.account(account) else { return Money::ZERO };
        let Some(position) = owner.portfolio.position(instrument.id()) else { return Money::ZERO };
        let exit = instrument.value(at.0, at.1);
        let gained = instrument.gain(position.qty().is_long(), position.entry_value(), exit);
        let cash = owner.portfolio.cash().plus(gained);
        if cash.is_unknown() { Money::ZERO } else { cash.negated().max(Money::ZERO) }
    }

    /// Who is closed next against a position that is long or not, and how much there is to close.
    fn next_in_queue(
        &self,
        account: AccountId,
        instrument: &Instrument,
        long: bool,
    ) -> Option<(AccountId, Qty)> {
        let everybody = (0..self.accounts.len()).map(AccountId::new);
        let others = everybody.chain([AccountId::BACKSTOP]).filter(|id| *id != account);
        let mut first: Option<(Rate, AccountId, Qty)> = None;
        for id in others {
            let held = self.account(id).map(|owner| owner.portfolio.qty(instrument.id()));
            let Some(held) = held.filter(|held| !held.is_flat() && held.is_long() != long) else {
                continue;
            };
            let rank = self.rank(id, instrument);
            if first.is_none_or(|(highest, ..)| rank > highest) {
                first = Some((rank, id, held.abs()));
            }
        }
        first.map(|(_, id, qty)| (id, qty))
    }

    /// (mark ÷ entry) × (position ÷ account value), as the documentation has it for either side
    /// (for shorts not verified).
    fn rank(&self, account: AccountId, instrument: &Instrument) -> Rate {
        const HIGHEST: Rate = Rate::from_parts(i64::MAX);
        let rank = || {
            let portfolio = &self.account(account)?.portfolio;
            let position = portfolio.position(instrument.id())?;
            let ticks = |price: Price| Money::from_units(i128::from(price.ticks()));
            let entry = position.entry_price(instrument)?;
            let gained = ticks(position.mark()?).fraction_of(ticks(entry))?;
            let leverage = position.value().fraction_of(portfolio.equity())?;
            Some(gained.times(leverage))
        };
        rank().unwrap_or(HIGHEST)
    }
}
