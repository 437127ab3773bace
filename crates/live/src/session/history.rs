//! What the venue's own records say the account was worth: moments at which the engine may not have
//! looked.
//!
//! Read when all else fits, after every start and once an hour. The engine compares it with its peak.
//! Only moments since money came or went for the last time count: what a transfer makes of an earlier
//! worth depends on when it came.

use flyball_core::domain::{Body, HOUR, LedgerRecord, MILLISECOND, MINUTE, Money};
use flyball_venues::hyperliquid::Query;
use flyball_venues::hyperliquid::info::{PastWorth, WorthPeriod};

use crate::outbox::Ahead;
use crate::recover::Told;
use crate::session::heard::AccountView;
use crate::session::money;
use crate::session::wire::{Came, Wire};
use crate::session::{Session, Wanted};

const EVERY_NS: i64 = HOUR;
const AGAIN_NS: i64 = MINUTE;
/// What was read a moment before and the newest of the history are the same account when they differ
/// by no more than one part in so many: else something has happened between them.
const SAME: i128 = 1_000;

/// When the history is read next, and what it has to begin with.
#[derive(Debug)]
pub(super) struct History {
    due_ns: i64,
    /// What the account was worth when it was asked for.
    worth: Money,
    /// Until then it was worth something that is not the engine's, as far as this run has seen.
    foreign_until_ns: i64,
}

impl History {
    /// Not read yet.
    pub(super) const fn new() -> Self {
        Self { due_ns: i64::MIN, worth: Money::UNKNOWN, foreign_until_ns: i64::MIN }
    }
}

impl<A: Ahead> Session<A> {
    /// Everything fits: ask what the account was worth before, where that is due.
    pub(super) fn ask_history(&mut self, state: &AccountView, now_ns: i64) {
        if !state.foreign.is_empty() {
            self.history.foreign_until_ns = state.time_ns;
        } else if now_ns >= self.history.due_ns {
            self.history.due_ns = now_ns.saturating_add(AGAIN_NS);
            self.history.worth = state.equity;
            let query = Query::Portfolio { user: self.settings.user };
            self.ask(Wanted::History, Wire::ask(&query), now_ns);
        }
    }

    /// Tell the engine. What was not understood, or does not fit what was read before it, is asked
    /// for again with a later reading.
    pub(super) fn history_answered(&mut self, came: &Came<'_>, now_ns: i64) {
        let Some(periods) = Wire::worth_history(came) else { return };
        let newest = periods.first().and_then(|period| period.moments.last());
        let Some(now) = newest.map(|moment| moment.worth) else { return };
        let apart = now.minus(self.history.worth).abs();
        if apart.is_unknown() || apart > now.abs().scaled(1, SAME) {
            return;
        }
        self.history.due_ns = now_ns.saturating_add(EVERY_NS);
        self.counts.histories += 1;
        for (at_ns, then) in highs(&periods, &self.told, self.history.foreign_until_ns) {
            self.say(now_ns, Body::Ledger(LedgerRecord::Worth { at_ns, then, now }));
        }
    }
}

/// The moments at which the account was worth more than at all later ones, the highest first.
fn highs(periods: &[WorthPeriod], told: &Told, after_ns: i64) -> Vec<(i64, Money)> {
    let since_ns = told.transfers_since_ns().max(after_ns.saturating_add(1));
    let mut all: Vec<_> =
        periods.iter().flat_map(|it| since_transfers(&it.moments, told)).collect();
    all.retain(|(at_ns, _)| *at_ns >= since_ns);
    all.sort_unstable_by_key(|(at_ns, _)| std::cmp::Reverse(*at_ns));
    let newest = periods.first().and_then(|period| period.moments.last());
    let mut highest = newest.map_or(Money::UNKNOWN, |moment| moment.worth);
    all.retain(|(_, worth)| {
        let higher = *worth > highest;
        highest = highest.max(*worth);
        higher
    });
    all.reverse();
    all
}

/// Moments since money came or went for the last time: by the ledger that was told, and by what the
/// venue calls no gain. The newest first.
fn since_transfers(moments: &[PastWorth], told: &Told) -> Vec<(i64, Money)> {
    let time_ns = |moment: &PastWorth| moment.time_ms.saturating_mul(MILLISECOND);
    let mut all = Vec::new();
    for pair in moments.windows(2).rev() {
        let [before, after] = pair else { break };
        let [earlier, later] = [before, after].map(|it| it.worth.minus(it.gained));
        let moved = money::differs(earlier, later);
        if moved || told.has_transfer(time_ns(before), time_ns(after)) {
            break;
        }
        all.push((time_ns(before), before.worth));
    }
    all
}

#[cfg(test)]
mod tests {
    use flyball_core::portfolio::Portfolio;
    use proptest::prelude::*;

    use super::*;

    /// Time, worth, gain in whole dollars.
    type Row = (i64, i64, i64);

    fn period(rows: &[Row]) -> WorthPeriod {
        let whole = Money::from_whole;
        let one = |&(time_ms, worth, gained): &Row| PastWorth {
            time_ms,
            worth: whole(worth),
            gained: whole(gained),
        };
        WorthPeriod { name: "perpDay".to_owned(), moments: rows.iter().map(one).collect() }
    }

    fn told(since_ms: i64, transfers: &[(i64, i64)]) -> Told {
        let mut told = Told::since(since_ms * MILLISECOND);
        for &(time_ms, dollars) in transfers {
            assert!(told.transfer(time_ms * MILLISECOND, Money::from_whole(dollars)));
        }
        told
    }

    fn highs_of(all: &[&[Row]], told: &Told) -> Vec<(i64, i64)> {
        let periods: Vec<_> = all.iter().map(|rows| period(rows)).collect();
        let dollars = |money: Money| money.scaled(1, Money::ONE.units()).units();
        let found = highs(&periods, told, i64::MIN).into_iter();
        found
            .map(|(at_ns, then)| (at_ns / MILLISECOND, i64::try_from(dollars(then)).unwrap()))
            .collect()
    }

    #[test]
    fn the_highest_of_what_came_after_is_told_the_highest_first() {
        let day = [(1, 100, 0), (2, 130, 30), (3, 110, 10), (4, 120, 20), (5, 90, -10)];
        let untouched = |since_ms| told(since_ms, &[]);
        assert_eq!(highs_of(&[&day], &untouched(0)), [(2, 130), (4, 120)]);
        assert_eq!(highs_of(&[&day], &untouched(2)), [(2, 130), (4, 120)]);
        assert_eq!(highs_of(&[&day], &untouched(3)), [(4, 120)], "nothing from before counts");
        assert_eq!(highs_of(&[&day], &untouched(5)), []);
        assert_eq!(highs_of(&[], &untouched(0)), []);
        let week = [(1, 100, 0), (3, 140, 40), (5, 90, -10)];
        assert_eq!(highs_of(&[&day, &week], &untouched(0)), [(3, 140), (4, 120)]);
        let seen = highs(&[period(&day)], &untouched(0), 2 * MILLISECOND);
        assert_eq!(seen.len(), 1, "what others had a part in counts no more");
    }

    #[test]
    fn nothing_from_before_a_transfer_counts() {
        let out = [(1, 300, 0), (2, 250, -50), (4, 150, -50), (5, 160, -40), (6, 140, -60)];
        assert_eq!(highs_of(&[&out], &told(0, &[(3, -100)])), [(5, 160)]);
        assert_eq!(highs_of(&[&out], &told(0, &[])), [(5, 160)], "the venue calls it no loss");
        let lost = [(1, 300, 0), (2, 250, -50), (4, 150, -150), (5, 160, -140), (6, 140, -160)];
        assert_eq!(highs_of(&[&lost], &told(0, &[(3, -100)])), [(5, 160)], "its ledger knows");
        assert_eq!(highs_of(&[&lost], &told(0, &[])), [(1, 300), (2, 250), (5, 160)], "a loss");
        // There and back again between two moments.
        let both = [(1, 300, 0), (4, 290, -10)];
        assert_eq!(highs_of(&[&both], &told(0, &[(2, 900), (3, -900)])), []);
    }

    proptest! {
        /// Whatever came, went and was gained between the moments that the venue remembers: what is
        /// told of them was never above the peak.
        #[test]
        fn no_moment_is_above_the_peak(
            steps in prop::collection::vec((-900..900_i64, prop::option::of(-900..900_i64)), 2..60),
            remembered in prop::collection::vec(any::<[bool; 2]>(), 60),
            ledger_knows: bool,
            venue_calls_it_gain: bool,
        ) {
            let whole = Money::from_whole;
            let mut portfolio = Portfolio::new(0, whole(10_000));
            let mut told = Told::since(0);
            let mut gained = 0;
            let (mut fine, mut coarse) = (vec![], vec![]);
            for (at, ((gain, transfer), [in_fine, in_coarse])) in (1..).zip(steps.iter().zip(&remembered)) {
                let before = portfolio.equity();
                if let Some(amount) = transfer && before.plus(whole(*amount)) > whole(1_000) {
                    portfolio.apply_transfer(whole(*amount));
                    if ledger_knows {
                        told.transfer(at * MILLISECOND, whole(*amount));
                        gained += if venue_calls_it_gain { *amount } else { 0 };
                    }
                }
                if portfolio.equity().plus(whole(*gain)) > whole(1_000) {
                    portfolio.apply_loss(whole(*gain));
                    gained += gain;
                }
                let worth = portfolio.equity();
                let moment = PastWorth { time_ms: at, worth, gained: whole(gained) };
                let last = usize::try_from(at).unwrap() == steps.len();
                if *in_fine || last || !ledger_knows {
                    fine.push(moment);
                }
                if (*in_coarse && ledger_knows) || last {
                    coarse.push(moment);
                }
            }
            let period = |moments| WorthPeriod { name: "perpDay".to_owned(), moments };
            let peak = portfolio.peak();
            for (at_ns, then) in highs(&[period(fine), period(coarse)], &told, i64::MIN) {
                prop_assert!(then <= peak, "{then} at {at_ns} of {peak}");
            }
        }
    }
}
