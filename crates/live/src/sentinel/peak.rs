//! The sentinel's own peak: the highest equity that it saw, net of what was put in and taken out.
//!
//! Deposits and withdrawals are read from the venue's ledger now and then, so the equities between
//! two readings of it wait: only when the ledger was read after them is it known whether a new high
//! was a gain. Until then the highest of them counts as the peak: a withdrawal looks like a loss and
//! a deposit hides one until the ledger is read, which a jump of the equity makes happen at once.

use flyball_core::domain::{Money, Rate};

/// An equity that waits for the ledger, and when, by the venue's clock in milliseconds.
type Sample = (i64, Money);
/// More wait than fit between two readings of the ledger; beyond that the oldest go.
const WAITING: usize = 1_024;

/// The peak, and what waits to become one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peak {
    highest: Option<Money>,
    /// The last equity up to which the ledger is known.
    settled: Option<Money>,
    waiting: Vec<Sample>,
    /// Everything in the ledger up to here is accounted for: milliseconds since 1970.
    ledger_ms: Option<i64>,
}

impl Peak {
    /// As it was kept: peak, the equity then, and the ledger's time.
    pub const fn resume(peak: Money, settled: Money, ledger_ms: i64) -> Self {
        Self {
            highest: Some(peak),
            settled: Some(settled),
            waiting: Vec::new(),
            ledger_ms: Some(ledger_ms),
        }
    }

    /// What is to be kept: peak, equity, ledger's time; none before the first reading.
    pub fn kept(&self) -> Option<(Money, Money, i64)> {
        Some((self.highest?, self.settled?, self.ledger_ms?))
    }

    /// From when the ledger is to be read: milliseconds since 1970; none before the first equity.
    pub const fn ledger_ms(&self) -> Option<i64> {
        self.ledger_ms
    }

    /// An equity was read at this time of the venue.
    pub fn equity(&mut self, venue_ms: i64, equity: Money) {
        if self.highest.is_none() {
            (self.highest, self.settled) = (Some(equity), Some(equity));
            self.ledger_ms = Some(venue_ms);
        }
        if self.waiting.len() >= WAITING {
            self.waiting.remove(0);
        }
        self.waiting.push((venue_ms, equity));
    }

    /// The ledger was read, up to `until_ms`: what was put in (positive) or taken out, by time. The
    /// peak moves with each in proportion, so that the drawdown stays what it was.
    pub fn ledger(&mut self, until_ms: i64, transfers: &[(i64, Money)]) {
        let (Some(mut peak), Some(mut last), Some(from)) =
            (self.highest, self.settled, self.ledger_ms)
        else {
            return;
        };
        let mut due: Vec<(i64, Money)> =
            transfers.iter().copied().filter(|(at, _)| *at > from && *at <= until_ms).collect();
        due.sort_by_key(|(at, _)| *at);
        let mut due = due.into_iter().peekable();
        let mut apply = |until: i64, peak: &mut Money, last: &mut Money| {
            while let Some((_, amount)) = due.next_if(|(at, _)| *at <= until) {
                let after = last.plus(amount);
                *peak = if *last > Money::ZERO && after > Money::ZERO {
                    peak.scaled(after.units(), last.units())
                } else {
                    after
                };
                *last = after;
            }
        };
        let settled = self.waiting.iter().take_while(|(at, _)| *at <= until_ms).count();
        for (at, equity) in self.waiting.drain(..settled) {
            apply(at, &mut peak, &mut last);
            peak = peak.max(equity);
            last = equity;
        }
        apply(until_ms, &mut peak, &mut last);
        if !peak.is_unknown() && !last.is_unknown() {
            (self.highest, self.settled) = (Some(peak), Some(last));
        }
        self.ledger_ms = Some(until_ms.max(from));
    }

    /// Whether equities wait for the ledger whose newest lies at or after this time of the venue.
    pub fn waits_since(&self, venue_ms: i64) -> bool {
        self.ledger_ms.is_none_or(|until| until < venue_ms)
    }

    /// The peak, with what waits; unknown before the first equity.
    pub fn peak(&self) -> Money {
        let Some(peak) = self.highest else { return Money::UNKNOWN };
        self.waiting.iter().fold(peak, |peak, (_, equity)| peak.max(*equity))
    }

    /// 1 − equity / peak; none when it is not known. A peak of nothing is a loss of everything.
    pub fn drawdown(&self, equity: Money) -> Option<Rate> {
        let peak = self.peak();
        if peak.is_unknown() || equity.is_unknown() {
            return None;
        }
        let lost = peak.minus(equity);
        if lost <= Money::ZERO {
            return Some(Rate::ZERO);
        }
        Some(lost.fraction_of(peak).unwrap_or(Rate::MAX))
    }

    /// An operator released the latch: losses are counted from this equity.
    pub fn begin_again(&mut self, venue_ms: i64, equity: Money) {
        *self = Self::resume(equity, equity, venue_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(whole: i64) -> Money {
        Money::from_whole(whole)
    }

    fn at(peak: &Peak, whole: i64) -> i64 {
        peak.drawdown(usd(whole)).unwrap().parts() / 1_000_000
    }

    #[test]
    fn the_peak_is_the_highest_equity_and_a_gain_is_no_drawdown() {
        let mut peak = Peak::default();
        assert_eq!(peak.drawdown(usd(1)), None, "nothing is known yet");
        peak.equity(1, usd(100));
        peak.equity(2, usd(120));
        peak.equity(3, usd(90));
        assert_eq!((at(&peak, 90), at(&peak, 130)), (250_000, 0));
        peak.ledger(4, &[]);
        assert_eq!(peak.kept(), Some((usd(120), usd(90), 4)));
        assert_eq!(Peak::resume(usd(120), usd(90), 4).drawdown(usd(90)), peak.drawdown(usd(90)));
    }

    #[test]
    fn a_withdrawal_is_no_loss_and_a_deposit_no_gain() {
        let mut peak = Peak::resume(usd(100), usd(95), 0);
        peak.equity(10, usd(45));
        assert_eq!(at(&peak, 45), 550_000, "the ledger was not read");
        peak.ledger(11, &[(5, usd(-50))]);
        // 100 × 45 / 95.
        assert!((at(&peak, 45) - 50_000).abs() <= 1);
        peak.equity(20, usd(145));
        peak.ledger(21, &[(5, usd(-50)), (15, usd(100))]);
        assert!((at(&peak, 145) - 50_000).abs() <= 1, "the one from before is counted once");
    }

    #[test]
    fn a_high_that_a_deposit_made_does_not_stay() {
        let mut peak = Peak::resume(usd(100), usd(96), 0);
        peak.equity(10, usd(196));
        peak.equity(11, usd(190));
        peak.ledger(12, &[(9, usd(100))]);
        // 4 % before; 100 × 196 / 96 is the peak now.
        let expected = 1_000_000 - 190 * 96 * 1_000_000 / (100 * 196);
        assert!((at(&peak, 190) - expected).abs() <= 1);
    }

    #[test]
    fn equities_that_came_after_the_ledger_wait_on() {
        let mut peak = Peak::resume(usd(100), usd(100), 0);
        peak.equity(10, usd(110));
        peak.ledger(5, &[]);
        assert!(peak.waits_since(10));
        assert_eq!(peak.kept(), Some((usd(100), usd(100), 5)));
        peak.ledger(10, &[]);
        assert!(!peak.waits_since(10));
        assert_eq!(peak.kept(), Some((usd(110), usd(110), 10)));
    }

    #[test]
    fn an_account_that_was_emptied_and_filled_anew_begins_anew() {
        let mut peak = Peak::resume(usd(100), usd(100), 0);
        peak.ledger(1, &[(1, usd(-100))]);
        peak.ledger(2, &[(2, usd(40))]);
        peak.equity(3, usd(40));
        assert_eq!(at(&peak, 40), 0);
        assert_eq!(
            Peak::resume(usd(100), usd(1), 0).drawdown(usd(-1)).unwrap(),
            Rate::from_ppm(1_010_000)
        );
    }
}
