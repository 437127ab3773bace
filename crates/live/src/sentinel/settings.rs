//! What the sentinel goes by. Limits come from the run's own profile; the times have one place, here.

use flyball_core::domain::{MILLISECOND, MINUTE, Rate, SECOND};
use flyball_core::risk::{ExitLimits, SwitchLimits};
use serde::{Deserialize, Serialize};

/// The sentinel's lines lie this part beyond the engine's: the engine acts first.
pub const SLACK: Rate = Rate::from_ppm(100_000);

/// Where the sentinel acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Lines {
    /// 1 − equity / peak, at or above.
    pub drawdown: Rate,
    /// The same: the last line.
    pub emergency: Rate,
    /// Σ|value| / equity, at or above.
    pub leverage: Rate,
    /// Equity / maintenance margin, at or below.
    pub margin: Rate,
}

impl Lines {
    /// The engine's limits, and [`SLACK`] beyond each: 5 % becomes 5.5 %, 5 times 5.5 times; of a
    /// margin ratio only what lies above 1 shrinks: 1.2 becomes 1.18. The emergency line is the
    /// engine's own: by then its drawdown switch should have closed everything.
    pub fn beyond(limits: &SwitchLimits) -> Self {
        let over = |rate: Rate| rate.plus(rate.times(SLACK));
        let above_one = limits.margin.minus(Rate::ONE);
        Self {
            drawdown: over(limits.drawdown).min(limits.emergency),
            emergency: limits.emergency,
            leverage: over(limits.leverage),
            margin: limits.margin.minus(above_one.times(SLACK)),
        }
    }
}

/// How far closing orders go, and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Ladder {
    /// How far beyond the mark the first one goes.
    pub first: Rate,
    /// The furthest.
    pub last: Rate,
    /// The next one waits this long when one found nobody.
    pub retry_ns: i64,
    /// Not flat after this long: said again and again.
    pub deadline_ns: i64,
}

impl Ladder {
    /// As the engine's own.
    pub const fn of(exits: &ExitLimits) -> Self {
        Self {
            first: exits.close_slippage,
            last: exits.max_close_slippage,
            retry_ns: exits.close_retry_ns,
            deadline_ns: exits.close_deadline_ns,
        }
    }
}

/// Times, by the machine's monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Times {
    /// An engine that is silent for longer is gone.
    pub silence_ns: i64,
    /// The same until its first beat was heard.
    pub first_beat_ns: i64,
    /// The account is read this often while all is well.
    pub read_every_ns: i64,
    /// And this often when something may be wrong.
    pub read_fast_ns: i64,
    /// Working orders.
    pub orders_every_ns: i64,
    /// Deposits and withdrawals.
    pub ledger_every_ns: i64,
    /// A line that is crossed for longer than this is a breach.
    pub grace_ns: i64,
    /// The same while the engine is closing already.
    pub closing_grace_ns: i64,
    /// Another equity or position than the engine's for longer than this: it may only reduce.
    pub restrain_ns: i64,
    /// And for longer than this: everything is closed. Longer than the engine's own audit takes.
    pub disagree_ns: i64,
    /// An account that could not be read for longer than this is not known: no new risk.
    pub blind_ns: i64,
    /// A request without an answer for this long is lost.
    pub answer_ns: i64,
    /// An action is void after this.
    pub expires_ns: i64,
}

/// The times that are used.
pub const TIMES: Times = Times {
    silence_ns: SECOND,
    first_beat_ns: 5 * SECOND,
    read_every_ns: SECOND,
    read_fast_ns: 500 * MILLISECOND,
    orders_every_ns: 30 * SECOND,
    ledger_every_ns: MINUTE,
    grace_ns: 2 * SECOND,
    closing_grace_ns: 10 * SECOND,
    restrain_ns: 3 * SECOND,
    disagree_ns: 30 * SECOND,
    blind_ns: 5 * SECOND,
    answer_ns: 1_500 * MILLISECOND,
    expires_ns: 5 * SECOND,
};

/// Weight that the sentinel may ask for in a minute, a quarter of it only while it acts; calm reading
/// takes 180.
pub const WEIGHT_A_MINUTE: u32 = 480;

/// What the sentinel goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// Where it acts.
    pub lines: Lines,
    /// How it closes.
    pub ladder: Ladder,
    /// Its times.
    pub times: Times,
    /// Equities that are no further apart than this part agree.
    pub tolerance: Rate,
    /// Whether it ends with the run that it watches over.
    pub with_run: bool,
}

/// The parts of a profile that the sentinel goes by, as the engine takes them.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Limits {
    /// The six switches.
    pub switches: SwitchLimits,
    /// How positions are left.
    pub exits: ExitLimits,
}

impl Settings {
    /// For a run with these limits.
    pub fn of(limits: &Limits, with_run: bool) -> Self {
        Self {
            lines: Lines::beyond(&limits.switches),
            ladder: Ladder::of(&limits.exits),
            times: TIMES,
            tolerance: Rate::from_ppm(10_000),
            with_run,
        }
    }
}
