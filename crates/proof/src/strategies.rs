//! Deliberately bad strategies. They see what every strategy sees, ask for absurd positions, and
//! leave it to the engine to cut them. Woken once or twice a minute and by their own fills.

use flyball_core::backtest::{Decide, Stopped, Wake};
use flyball_core::domain::{
    Intent, Level, Money, NetQty, Price, Qty, Quotes, Random, Rate, Side, Target,
};
use flyball_core::engine::{Sight, StrategyView};
use flyball_core::strategy::{Draft, WakeSpec};
use serde::{Deserialize, Serialize};

/// A bad strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrategyKind {
    /// Everything the account has, long.
    AllIn,
    /// Twice as much after each loss.
    Martingale,
    /// Long with all the leverage that the venue allows.
    AlwaysLong,
    /// Short with all the leverage that the venue allows.
    AlwaysShort,
    /// After a loss at once back in, three times as large, the other way round.
    Revenge,
    /// Something else at every moment.
    Random,
    /// From long to short and back, at every moment.
    FlipFlop,
    /// Quotes far more than it has, on both sides.
    HugeMaker,
}

impl StrategyKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::AllIn,
        Self::Martingale,
        Self::AlwaysLong,
        Self::AlwaysShort,
        Self::Revenge,
        Self::Random,
        Self::FlipFlop,
        Self::HugeMaker,
    ];

    /// What figures call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllIn => "all_in",
            Self::Martingale => "martingale",
            Self::AlwaysLong => "always_long",
            Self::AlwaysShort => "always_short",
            Self::Revenge => "revenge",
            Self::Random => "random",
            Self::FlipFlop => "flip_flop",
            Self::HugeMaker => "huge_maker",
        }
    }
}

/// What wakes all of them.
pub(crate) fn wake(every_ns: i64) -> WakeSpec {
    WakeSpec { every_ns: Some(every_ns), fill: true, ..WakeSpec::default() }
}

/// A bad strategy at work.
#[derive(Clone, Debug)]
pub(crate) struct Bad {
    kind: StrategyKind,
    random: Random,
    /// A multiple of equity: what the next entry asks for.
    stake: f64,
    /// +1 long, −1 short.
    side: f64,
    /// Equity when the position was flat last.
    flat_equity: Money,
    was_flat: bool,
    /// A leverage of its own, in place of all that the venue allows.
    leverage: Option<f64>,
    /// From then on it wants nothing new: what it sent comes to an end before the cell is judged.
    pub(crate) until_ns: i64,
}

impl Bad {
    pub(crate) fn new(kind: StrategyKind, seed: u64) -> Self {
        Self {
            kind,
            random: Random::new(seed),
            stake: if kind == StrategyKind::Martingale { 0.05 } else { 1.0 },
            side: 1.0,
            flat_equity: Money::ZERO,
            was_flat: true,
            leverage: None,
            until_ns: i64::MAX,
        }
    }

    /// Always long, with this leverage.
    pub(crate) fn long_at(leverage: f64) -> Self {
        Self { leverage: Some(leverage), ..Self::new(StrategyKind::AlwaysLong, 0) }
    }

    /// What it wants to hold, as a multiple of equity; `None` keeps what it has.
    fn multiple(&mut self, view: &StrategyView<'_>, most: f64) -> Option<f64> {
        let flat = view.position().is_flat();
        let closed = flat && !self.was_flat;
        let lost = closed && view.equity() < self.flat_equity;
        if flat && !view.equity().is_unknown() {
            self.flat_equity = view.equity();
        }
        self.was_flat = flat;
        match self.kind {
            StrategyKind::AllIn => Some(1.0),
            StrategyKind::AlwaysLong => Some(most),
            StrategyKind::AlwaysShort => Some(-most),
            StrategyKind::Martingale => {
                if closed {
                    self.stake = if lost { (self.stake * 2.0).min(most) } else { 0.05 };
                }
                flat.then_some(self.stake)
            }
            StrategyKind::Revenge => {
                if lost {
                    (self.side, self.stake) = (-self.side, (self.stake * 3.0).min(most));
                } else if closed {
                    self.stake = 1.0;
                }
                flat.then_some(self.side * self.stake)
            }
            StrategyKind::Random => {
                let drawn = self.random.uniform() * 2.0 - 1.0;
                self.random.chance(0.5).then_some(drawn * most)
            }
            StrategyKind::FlipFlop => {
                self.side = -self.side;
                Some(self.side * most / 2.0)
            }
            StrategyKind::HugeMaker => None,
        }
    }

    fn quote(view: &StrategyView<'_>, most: f64, draft: &mut Draft) {
        let (Some(best), Some(it)) = (view.best(), view.instrument()) else { return };
        let mid = best.mid();
        let lots = it.qty_for(worth(view, most), mid).min(Qty::MAX);
        if lots.is_zero() || mid.ticks() < 4 {
            return;
        }
        let away = (mid.ticks() / 2_000).max(1);
        let at = |sign: i64, side| {
            let wanted = Price::from_ticks(mid.ticks() + sign * away);
            [Level { price: it.round_passive(wanted, side), qty: lots }]
        };
        let (bids, asks) = (at(-1, Side::Bid), at(1, Side::Ask));
        draft.write(&Intent::Quotes(Quotes { bids: &bids, asks: &asks }));
    }
}

/// This multiple of equity.
fn worth(view: &StrategyView<'_>, multiple: f64) -> Money {
    let rate = Rate::from_f64(multiple.abs()).unwrap_or(Rate::ZERO);
    if view.equity().is_unknown() { Money::ZERO } else { view.equity().at_rate(rate) }
}

impl Decide for Bad {
    fn decide(
        &mut self,
        _: Wake,
        view: &StrategyView<'_>,
        draft: &mut Draft,
    ) -> Result<(), Stopped> {
        let Some(it) = view.instrument().filter(|_| view.time_ns() < self.until_ns) else {
            return Ok(());
        };
        let most = self.leverage.unwrap_or_else(|| f64::from(it.max_leverage()));
        if self.kind == StrategyKind::HugeMaker {
            Self::quote(view, most, draft);
            return Ok(());
        }
        let Some(best) = view.best() else { return Ok(()) };
        let Some(multiple) = self.multiple(view, most) else { return Ok(()) };
        let lots = it.qty_for(worth(view, multiple), best.mid()).min(Qty::MAX);
        let side = if multiple < 0.0 { Side::Ask } else { Side::Bid };
        let position: NetQty = lots.signed(side);
        // With a leverage of its own it enters once, and holds on.
        if self.leverage.is_some() && !view.position().is_flat() {
            return Ok(());
        }
        draft.write(&Intent::Target(Target {
            position,
            stop: None,
            trailing: None,
            take_profit: None,
        }));
        Ok(())
    }
}
