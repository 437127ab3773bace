use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Parameter, Values};
use super::window::Ring;
use super::{Feature, Input, float};
use crate::book::Best;

/// Order flow imbalance at the best prices: the sum of e over the last `window` book updates, in
/// lots, where for bid price b, ask price a and their quantities p and q
///
/// e = p·1{b ≥ b′} − p′·1{b ≤ b′} − q·1{a ≤ a′} + q′·1{a ≥ a′}
///
/// and a dash means: at the update before. Cont, Kukanov and Stoikov 2014, "The price impact of
/// order book events". A hidden book empties the window: what flowed meanwhile is not known.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrderFlowImbalance {
    flows: Ring<i64>,
    sum: i128,
    previous: Option<Best>,
}

impl OrderFlowImbalance {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "order_flow_imbalance",
        doc: "Lots added to the best bid and taken from the best ask, less the reverse.",
        unit: "lots",
        inputs: &[InputKind::Book],
        parameters: &[Parameter::events("window", "book updates")],
    };

    pub(super) fn new(values: &Values<'_>) -> Self {
        Self { flows: Ring::new(values.whole("window"), 0), sum: 0, previous: None }
    }
}

#[inline]
fn flow(before: Best, now: Best) -> i64 {
    let lots = |best: Best| (i128::from(best.bid.qty.lots()), i128::from(best.ask.qty.lots()));
    let ((bid_before, ask_before), (bid, ask)) = (lots(before), lots(now));
    let when = |condition: bool, lots: i128| if condition { lots } else { 0 };
    let added = when(now.bid.price >= before.bid.price, bid)
        .saturating_add(when(now.ask.price >= before.ask.price, ask_before));
    let taken = when(now.bid.price <= before.bid.price, bid_before)
        .saturating_add(when(now.ask.price <= before.ask.price, ask));
    let flow = added.saturating_sub(taken);
    i64::try_from(flow).unwrap_or(if flow < 0 { i64::MIN } else { i64::MAX })
}

impl Feature for OrderFlowImbalance {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        let Input::Book { best, .. } = *input else { return };
        match (self.previous, best) {
            (Some(before), Some(now)) => {
                let flow = flow(before, now);
                let leaves = self.flows.push(flow).unwrap_or(0);
                self.sum = self.sum.wrapping_add(flow.into()).wrapping_sub(leaves.into());
            }
            (_, None) => {
                self.flows.clear();
                self.sum = 0;
            }
            (None, Some(_)) => {}
        }
        self.previous = best;
    }

    #[inline]
    fn value(&self) -> f64 {
        if self.flows.is_full() { float::wide(self.sum) } else { f64::NAN }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Level, Price, Qty};
    use crate::features::twin;

    fn best(bid: (i64, u64), ask: (i64, u64)) -> Best {
        let level =
            |(ticks, lots)| Level { price: Price::from_ticks(ticks), qty: Qty::from_lots(lots) };
        Best { bid: level(bid), ask: level(ask) }
    }

    #[test]
    fn the_cases_of_the_paper() {
        let before = best((100, 5), (101, 7));
        let cases = [
            (best((100, 9), (101, 7)), 4, "the bid grows"),
            (best((100, 5), (101, 10)), -3, "the ask grows"),
            (best((101, 2), (102, 6)), 2 + 7, "the price rises"),
            (best((99, 3), (100, 4)), -5 - 4, "the price falls"),
        ];
        for (now, expected, name) in cases {
            assert_eq!(flow(before, now), expected, "{name}");
        }
    }

    #[test]
    fn enormous_quantities_do_not_wrap() {
        let (small, huge) = (best((100, 1), (200, 1)), best((101, u64::MAX), (200, 1)));
        assert_eq!(flow(small, huge), i64::MAX);
        assert_eq!(flow(huge, small), i64::MIN);
    }

    proptest! {
        #[test]
        fn equals_its_twin(steps in twin::steps(), window in 1..9_u32) {
            twin::on_books("order_flow_imbalance", &[("window", window.into())], &steps, |seen| {
                let tail = seen.len().checked_sub(window as usize + 1)?;
                let flows = seen[tail..].windows(2).map(|pair| {
                    let (was, now) = (pair[0].best?, pair[1].best?);
                    let mut e = 0.0;
                    if now.bid.price >= was.bid.price { e += now.bid.qty.lots() as f64; }
                    if now.bid.price <= was.bid.price { e -= was.bid.qty.lots() as f64; }
                    if now.ask.price <= was.ask.price { e -= now.ask.qty.lots() as f64; }
                    if now.ask.price >= was.ask.price { e += was.ask.qty.lots() as f64; }
                    Some(e)
                });
                flows.sum::<Option<f64>>()
            })?;
        }
    }
}
