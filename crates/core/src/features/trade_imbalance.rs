use serde::{Deserialize, Serialize};

use super::about::{About, InputKind, Parameter, Values};
use super::window::Ring;
use super::{Feature, Input, float};

/// Lots bought less lots sold over lots traded, of the last `window` trades: from −1 to 1. A trade
/// is bought when its aggressor took the ask.
///
/// NaN when nothing but empty trades is in the window. Chordia, Roll and Subrahmanyam 2002, "Order
/// imbalance, liquidity, and market returns".
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TradeImbalance {
    trades: Ring<i64>,
    net: i128,
    gross: i128,
}

impl TradeImbalance {
    /// What it says of itself.
    pub const ABOUT: About = About {
        name: "trade_imbalance",
        doc: "Lots bought less lots sold over lots traded.",
        unit: "-1 to 1",
        inputs: &[InputKind::Trade],
        parameters: &[Parameter::events("window", "trades")],
    };

    pub(super) fn new(values: &Values<'_>) -> Self {
        Self { trades: Ring::new(values.whole("window"), 0), net: 0, gross: 0 }
    }
}

impl Feature for TradeImbalance {
    #[inline]
    fn update(&mut self, input: &Input<'_>) {
        let Input::Trade { trade, .. } = *input else { return };
        let lots = trade.qty.signed(trade.aggressor).lots();
        let leaves = self.trades.push(lots).unwrap_or(0);
        let size = |lots: i64| i128::from(lots.unsigned_abs());
        self.net = self.net.wrapping_add(lots.into()).wrapping_sub(leaves.into());
        self.gross = self.gross.wrapping_add(size(lots)).wrapping_sub(size(leaves));
    }

    #[inline]
    fn value(&self) -> f64 {
        if self.trades.is_full() {
            float::wide(self.net) / float::wide(self.gross)
        } else {
            f64::NAN
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::domain::Side;
    use crate::features::twin;

    proptest! {
        #[test]
        fn equals_its_twin(trades in twin::trades(), window in 1..9_u32) {
            twin::on_trades("trade_imbalance", &[("window", window.into())], &trades, |seen| {
                let window = &seen[seen.len().checked_sub(window as usize)?..];
                let sum = |side: Side| {
                    let taken = window.iter().filter(|(_, trade)| trade.aggressor == side);
                    taken.map(|(_, trade)| trade.qty.lots() as f64).sum::<f64>()
                };
                let (bought, sold) = (sum(Side::Bid), sum(Side::Ask));
                Some((bought - sold) / (bought + sold))
            })?;
        }
    }
}
