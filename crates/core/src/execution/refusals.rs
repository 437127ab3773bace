//! What the gate refused: counted every time, told when it is news.

use serde::{Deserialize, Serialize};

use crate::domain::{Notice, Order, Refusal, RuleName, SECOND};
use crate::risk::Commands;

/// The same rule refusing in the same instrument is told again after this long.
const TELL_AGAIN_NS: i64 = SECOND;

/// How often each rule refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refusals {
    counts: Vec<(RuleName, u64)>,
    told: Vec<Option<(RuleName, i64)>>,
}

impl Refusals {
    pub(super) fn new(instruments: usize) -> Self {
        let counts = RuleName::ALL.iter().map(|&rule| (rule, 0)).collect();
        Self { counts, told: vec![None; instruments] }
    }

    /// How often each rule refused, in the order of the rules.
    pub fn counts(&self) -> &[(RuleName, u64)] {
        &self.counts
    }

    pub(super) fn add(&mut self, order: Order, refusal: Refusal, now_ns: i64, out: &mut Commands) {
        if let Some((_, count)) = self.counts.iter_mut().find(|(rule, _)| *rule == refusal.rule) {
            *count = count.saturating_add(1);
        }
        let Some(told) = self.told.get_mut(order.instrument.index()) else { return };
        let news = told.is_none_or(|(rule, then)| {
            rule != refusal.rule || now_ns.saturating_sub(then) >= TELL_AGAIN_NS
        });
        if news {
            *told = Some((refusal.rule, now_ns));
            out.notice(Notice::Refused { order, refusal });
        }
    }
}
