//! Auto-deleveraging (Hyperliquid's documentation, trading/auto-deleveraging): when an account is
//! worth less than nothing, those on the other side of its position are closed against it at the
//! mark before, the highest (mark ÷ entry) × (position ÷ account value) first. The backstop has its
//! place in that order like everybody; the market's others, of whom nothing is known, come last
//! (assumed). What is missing even so is the backstop's to pay: of a position that is margined by
//! itself, all beyond what is set aside for it.

use crate::domain::{Instrument, InstrumentId, Level, Money, NetQty, Price, Qty, Rate};
use crate::sim::AccountId;
use crate::sim::account::Estate;
use crate::sim::liquidation::{HandOver, closing_side};
use crate::sim::report::Cause;
use crate::sim::venue::Venue;

/// Who owes.
#[derive(Clone, Copy, Debug)]
struct Debtor {
    account: AccountId,
    estate: Estate,
    /// Whether it is the estate's last position that is closed.
    last: bool,
}

impl Venue {
    /// Close an estate's positions against those on the other side, that of `moved` first, until it
    /// is worth more than nothing.
    pub(super) fn deleverage(
        &mut self,
        account: AccountId,
        estate: Estate,
        (moved, now): (InstrumentId, i64),
    ) {
        let mut holdings = self.holdings(account, estate);
        holdings.sort_by_key(|(instrument, _)| instrument.id() != moved);
        let count = holdings.len();
        for (at, (instrument, held)) in holdings.into_iter().enumerate() {
            let worth = self.account(account).map_or(Money::ZERO, |it| it.worth(estate));
            if worth >= Money::ZERO {
                return;
            }
            let marks = self.market(instrument.id()).map(|market| market.marks);
            let Some(price) = marks.and_then(|marks| marks.previous.or(marks.mark)) else {
                continue;
            };
            let debtor = Debtor { account, estate, last: at.saturating_add(1) == count };
            self.close_against_others(debtor, &instrument, (held, price), now);
        }
    }

    fn close_against_others(
        &mut self,
        debtor: Debtor,
        instrument: &Instrument,
        (held, price): (NetQty, Price),
        now: i64,
    ) {
        let account = debtor.account;
        let mut left = held.abs();
        while !left.is_zero() {
            let other = self.next_in_queue(account, instrument, held.is_long());
            let qty = other.map_or(left, |(_, qty)| qty.min(left));
            let missing = self.missing(debtor, instrument, Level { price, qty });
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

    /// What an account would still owe after so much is closed: with the rest of its last position
    /// where positions share its money; beyond what is set aside for it where one is by itself.
    fn missing(&self, debtor: Debtor, instrument: &Instrument, at: Level) -> Money {
        if debtor.account == AccountId::BACKSTOP {
            return Money::ZERO;
        }
        let Some(owner) = self.account(debtor.account) else { return Money::ZERO };
        let Some(position) = owner.portfolio.position(instrument.id()) else { return Money::ZERO };
        let all = position.qty().abs();
        let part = |whole: Money| whole.scaled(at.qty.lots().into(), all.lots().max(1).into());
        let exit = instrument.value(at.price, at.qty);
        let long = position.qty().is_long();
        let gained = instrument.gain(long, part(position.entry_value()), exit);
        let left = match debtor.estate {
            Estate::Alone(_) => part(position.margin()).plus(gained),
            Estate::Shared if debtor.last && at.qty == all => {
                owner.portfolio.cash().minus(owner.portfolio.set_aside()).plus(gained)
            }
            Estate::Shared => return Money::ZERO,
        };
        if left.is_unknown() { Money::ZERO } else { left.negated().max(Money::ZERO) }
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
        const HIGHEST: Rate = Rate::MAX;
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
