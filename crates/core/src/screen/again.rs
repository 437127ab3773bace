//! Targets, decided again in the engine: what was screened, with every rule.

use crate::backtest::{Decide, Stopped, Wake};
use crate::domain::{Intent, NetQty, Target};
use crate::engine::{Sight, StrategyView};
use crate::screen::Terms;
use crate::strategy::Draft;

/// A strategy that wants what a row of targets says, each from the close of its bar on.
#[derive(Clone, Debug)]
pub struct Again {
    /// When each target's bar closed, in order.
    pub end_ns: Vec<i64>,
    /// The targets, `full` for a whole position.
    pub targets: Vec<i8>,
    /// A whole position.
    pub full: i8,
    /// What it is sized by.
    pub terms: Terms,
    /// It is not asked before this.
    pub first_ns: i64,
    /// How many bars have closed.
    pub closed: usize,
    /// The target that is pursued.
    pub level: i8,
}

impl Decide for Again {
    fn decide(
        &mut self,
        _: Wake,
        view: &StrategyView<'_>,
        draft: &mut Draft,
    ) -> Result<(), Stopped> {
        let now = view.time_ns();
        let later = self.end_ns.get(self.closed..).unwrap_or_default();
        let closed = later.iter().take_while(|end| **end <= now).count();
        self.closed = self.closed.saturating_add(closed);
        let known = self.closed.checked_sub(1).and_then(|at| self.targets.get(at)).copied();
        let (Some(level), Some(instrument), Some(best)) = (known, view.instrument(), view.best())
        else {
            return Ok(());
        };
        if now < self.first_ns || level == self.level {
            return Ok(());
        }
        self.level = level;
        let touch = (best.bid.price.ticks(), best.ask.price.ticks());
        let position: NetQty =
            self.terms.wanted(instrument, (level, self.full), view.equity(), touch);
        let target = Target { position, stop: None, take_profit: None, trailing: None };
        draft.write(&Intent::Target(target));
        Ok(())
    }
}
