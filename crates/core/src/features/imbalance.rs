use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Parameter, Values};
use super::{Feature, Input, float};
use crate::book::{Best, Book};
use crate::domain::Side;

/// The imbalance of the book's best levels: (B − A) / (B + A), from −1 to 1, where B and A are the
/// lots on the best `levels` levels of bids and asks.
///
/// With one level it looks at the newest best prices, with more at the levels of the book's own
/// messages. NaN when nothing rests there. Cartea, Donnelly and Jaimungal 2018, "Enhancing trading
/// strategies with order book signals".
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Imbalance {
    levels: u32,
    value: f64,
}

impl Imbalance {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "imbalance",
        doc: "Bid lots less ask lots over both, on the best levels.",
        unit: "-1 to 1",
        inputs: &[InputKind::Book],
        parameters: &[Parameter {
            name: "levels",
            unit: "levels",
            min: 1.0,
            max: 100.0,
            whole: true,
            default: None,
        }],
    };

    pub(super) fn new(values: &Values<'_>) -> Self {
        Self { levels: values.whole("levels"), value: f64::NAN }
    }

    fn lots(&self, book: &Book, best: Best, side: Side) -> f64 {
        if self.levels <= 1 {
            return float::lots(best.level(side).qty);
        }
        float::lots(book.lots(side, self.levels as usize))
    }
}

impl Feature for Imbalance {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        let Input::Book { book, best, .. } = *input else { return };
        self.value = best.map_or(f64::NAN, |best| {
            let [bids, asks] = [Side::Bid, Side::Ask].map(|side| self.lots(book, best, side));
            (bids - asks) / (bids + asks)
        });
    }

    #[inline]
    fn value(&self) -> f64 {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::features::twin;

    proptest! {
        #[test]
        fn equals_its_twin(steps in twin::steps(), levels in 1..6_u32) {
            twin::on_books("imbalance", &[("levels", levels.into())], &steps, |seen| {
                let now = seen.last().unwrap();
                let sum = |side: &[(i64, u64)]| {
                    side.iter().take(levels as usize).map(|level| level.1).sum::<u64>() as f64
                };
                let (bids, asks) = match now.best? {
                    best if levels == 1 => (best.bid.qty.lots() as f64, best.ask.qty.lots() as f64),
                    _ => (sum(&now.bids), sum(&now.asks)),
                };
                Some((bids - asks) / (bids + asks))
            })?;
        }
    }
}
