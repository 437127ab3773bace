//! What the told fills, payments and transfers add up to in money: now, and at any moment of late, so
//! that it can be compared with what the venue had at that moment.
//!
//! Compared is what no price moves: cash less what positions cost, which the venue calls `totalRawUsd`.

use std::collections::VecDeque;

use flyball_core::domain::{Fill, Instrument, InstrumentId, MINUTE, Money, Side};
use flyball_core::portfolio::{Portfolio, Position};

/// What was told is remembered for this long: answers are never older.
const REMEMBERED_NS: i64 = 10 * MINUTE;
/// Less than this is no difference: the venue rounds what it writes.
const LEAST: Money = Money::from_units(Money::ONE.units() / 100);

/// Whether two amounts are not the same but for rounding.
pub(super) fn differs(one: Money, other: Money) -> bool {
    let apart = one.minus(other).abs();
    apart.is_unknown() || apart > LEAST
}

/// Cash less what positions cost, as far as it was told.
#[derive(Debug)]
pub(super) struct Ledger {
    now: Money,
    recent: VecDeque<(i64, Money)>,
}

/// What a fill moves.
pub(super) fn moved(instrument: &Instrument, fill: &Fill) -> Money {
    let value = instrument.value(fill.price, fill.qty);
    let paid = if fill.side == Side::Bid { value.negated() } else { value };
    paid.minus(fill.fee)
}

impl Ledger {
    /// As the engine's account is.
    pub(super) fn of(portfolio: &Portfolio, instruments: &[Instrument]) -> Self {
        let cost = |id: InstrumentId| {
            let cost = portfolio.position(id).map_or(Money::ZERO, Position::entry_value);
            if portfolio.qty(id).is_long() { cost } else { cost.negated() }
        };
        let all = instruments.iter().map(|it| cost(it.id()));
        let now = all.fold(portfolio.cash(), Money::minus);
        Self { now, recent: VecDeque::new() }
    }

    /// Money moved at this time of the venue, and the engine was told.
    pub(super) fn told(&mut self, time_ns: i64, amount: Money) {
        self.now = self.now.plus(amount);
        self.recent.push_back((time_ns, amount));
        let oldest = time_ns.saturating_sub(REMEMBERED_NS);
        while self.recent.front().is_some_and(|(then, _)| *then < oldest) {
            self.recent.pop_front();
        }
    }

    /// What the venue had at this time beyond what was told until then; `None` when it is no more
    /// than rounding. Of what moved within the same millisecond it is not known on which side of it
    /// it lies.
    pub(super) fn beyond(&self, time_ns: i64, venue: Money) -> Option<Money> {
        let then = |at_it_too: bool| {
            let later =
                |&&(moved, _): &&(i64, Money)| moved > time_ns || (at_it_too && moved == time_ns);
            let since = self.recent.iter().filter(later);
            since.fold(self.now, |sum, (_, amount)| sum.minus(*amount))
        };
        let differences = [venue.minus(then(false)), venue.minus(then(true))];
        let unknown = differences.iter().any(|it| it.is_unknown());
        let least = differences.into_iter().min_by_key(|it| it.abs())?;
        (unknown || least.abs() > LEAST).then_some(least)
    }

    /// The venue is right: it had so much at this time.
    pub(super) fn adopt(&mut self, time_ns: i64, venue: Money) {
        let later = self.recent.iter().filter(|(moved, _)| *moved > time_ns);
        self.now = later.fold(venue, |sum, (_, amount)| sum.plus(*amount));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cents(cents: i64) -> Money {
        Money::from_units(Money::ONE.units() / 100).scaled(cents.into(), 1)
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger::of(&Portfolio::new(0, Money::from_whole(100)), &[]);
        ledger.told(100, cents(300));
        ledger.told(200, cents(-500));
        ledger
    }

    #[test]
    fn an_older_state_is_compared_with_what_was_told_until_then() {
        let ledger = ledger();
        for (time_ns, venue, beyond) in [
            (99, 10_000, 0),
            (100, 10_000, 0), // within the same millisecond: either
            (100, 10_300, 0),
            (150, 10_300, 0),
            (150, 9_800, -500),
            (300, 9_800, 0),
            (300, 9_799, 0), // a cent is rounding
            (300, 9_798, -2),
            (300, 9_900, 100),
        ] {
            let expected = (beyond != 0).then(|| cents(beyond));
            assert_eq!(ledger.beyond(time_ns, cents(venue)), expected, "{time_ns} {venue}");
        }
        assert!(ledger.beyond(300, Money::UNKNOWN).is_some());
    }

    #[test]
    fn what_came_after_a_state_is_kept_when_the_state_is_adopted() {
        let mut ledger = ledger();
        ledger.adopt(150, cents(20_000));
        assert_eq!(ledger.beyond(300, cents(19_500)), None);
    }
}
