//! Where in the queue of its price level a resting order stands. A recording says how much rests
//! at a price, never who stands where: each model is an assumption, and a run names its own.

use serde::{Deserialize, Serialize};

use crate::domain::{ConfigError, Qty};

/// A model of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum QueueModel {
    /// Nobody stands ahead: the first trade at the price is ours. The most hopeful assumption.
    Front,
    /// Everybody was there before us, and who leaves leaves from behind us: only trades bring the
    /// order forward. The most careful assumption.
    Back,
    /// Who leaves stood ahead of us with a probability that grows with the share of the queue
    /// ahead: f(ahead) / (f(ahead) + f(behind)) with f(x) = xⁿ. (As in Rigtorp 2013, "Estimating
    /// order queue position", and hftbacktest's power models.)
    Probability {
        /// The power n, from 0.1 to 10.
        power: f64,
    },
}

impl QueueModel {
    /// Check that the numbers make sense.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the power is out of range.
    pub fn check(&self) -> Result<(), ConfigError> {
        match *self {
            Self::Probability { power } if !(0.1..=10.0).contains(&power) => {
                Err(ConfigError::new("queue.power", "must lie between 0.1 and 10"))
            }
            _ => Ok(()),
        }
    }
}

/// The place of one order in its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Place {
    /// Lots that must trade before it does.
    ahead: Qty,
    /// What the level showed last.
    shown: Qty,
    /// Lots that traded at the level since.
    traded: Qty,
}

impl Place {
    /// Not in a queue.
    pub(super) const NOWHERE: Self = Self { ahead: Qty::ZERO, shown: Qty::ZERO, traded: Qty::ZERO };

    /// Join a level that shows so much.
    pub(super) const fn join(model: QueueModel, shown: Qty) -> Self {
        let ahead = match model {
            QueueModel::Front => Qty::ZERO,
            QueueModel::Back | QueueModel::Probability { .. } => shown,
        };
        Self { ahead, shown, traded: Qty::ZERO }
    }

    /// So many of the level's own lots must trade before the order does.
    pub(super) const fn ahead(&self) -> Qty {
        self.ahead
    }

    /// `qty` traded at the level, of which accounts' orders that stand before this one left `left`:
    /// what of that reaches the order.
    pub(super) fn trade(&mut self, qty: Qty, left: Qty) -> Qty {
        self.traded = self.traded.plus(qty);
        let reaches = left.minus(self.ahead);
        self.ahead = self.ahead.minus(left);
        reaches
    }

    /// An account took so much of the level's own. A recording does not know of it.
    pub(super) fn taken(&mut self, qty: Qty) {
        self.ahead = self.ahead.minus(qty);
    }

    /// The level now shows so much.
    pub(super) fn shows(&mut self, model: QueueModel, shown: Qty) {
        // What left without trading was cancelled, ahead of us or behind.
        let cancelled = self.shown.minus(self.traded).minus(shown);
        if let QueueModel::Probability { power } = model
            && !cancelled.is_zero()
        {
            let behind = self.shown.minus(self.traded).minus(self.ahead);
            let left = share_ahead(self.ahead, behind, power, cancelled);
            self.ahead = self.ahead.minus(left);
        }
        self.ahead = self.ahead.min(shown);
        self.shown = shown;
        self.traded = Qty::ZERO;
    }
}

/// How much of what was cancelled stood ahead.
#[expect(clippy::cast_precision_loss, reason = "lots are below 2^53")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 ≤ share ≤ 1")]
fn share_ahead(ahead: Qty, behind: Qty, power: f64, cancelled: Qty) -> Qty {
    let weight = |qty: Qty| libm::pow(qty.lots() as f64, power);
    let (front, back) = (weight(ahead), weight(behind));
    if front + back <= 0.0 {
        return Qty::ZERO;
    }
    let share = front / (front + back);
    Qty::from_lots((share * cancelled.lots() as f64) as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::qty;

    #[test]
    fn back_moves_forward_with_trades_only() {
        let mut place = Place::join(QueueModel::Back, qty(10));
        assert_eq!(place.trade(qty(4), qty(4)), Qty::ZERO);
        place.shows(QueueModel::Back, qty(6));
        place.shows(QueueModel::Back, qty(20)); // others join behind
        place.shows(QueueModel::Back, qty(9)); // and leave
        assert_eq!(place.ahead(), qty(6));
        assert_eq!(place.trade(qty(7), qty(7)), qty(1), "the seventh lot is ours");
    }

    #[test]
    fn nobody_can_stand_ahead_who_is_not_there() {
        let mut place = Place::join(QueueModel::Back, qty(10));
        place.shows(QueueModel::Back, qty(3));
        assert_eq!(place.ahead(), qty(3));
    }

    #[test]
    fn front_trades_first() {
        let mut place = Place::join(QueueModel::Front, qty(10));
        assert_eq!(place.trade(qty(4), qty(4)), qty(4));
    }

    #[test]
    fn probability_splits_what_left_by_where_it_stood() {
        let model = QueueModel::Probability { power: 1.0 };
        let mut place = Place::join(model, qty(10));
        place.shows(model, qty(30)); // 10 ahead, 20 behind
        place.shows(model, qty(15)); // 15 left: a third of them stood ahead
        assert_eq!(place.ahead(), qty(5));
    }

    #[test]
    fn a_trade_is_not_counted_again_when_the_level_shrinks_by_it() {
        let model = QueueModel::Probability { power: 2.0 };
        let mut place = Place::join(model, qty(10));
        place.trade(qty(4), qty(4));
        place.shows(model, qty(6));
        assert_eq!(place.ahead(), qty(6));
    }

    proptest! {
        #[test]
        fn the_queue_ahead_never_grows(
            first in 0_u64..100,
            steps in proptest::collection::vec((any::<bool>(), 0_u64..100), 0..50),
            power in 0.1_f64..10.0,
        ) {
            for model in [QueueModel::Front, QueueModel::Back, QueueModel::Probability { power }] {
                let mut place = Place::join(model, qty(first));
                for &(trade, lots) in &steps {
                    let before = place.ahead();
                    if trade { place.trade(qty(lots), qty(lots)); } else { place.shows(model, qty(lots)); }
                    prop_assert!(place.ahead() <= before);
                }
            }
        }
    }
}
