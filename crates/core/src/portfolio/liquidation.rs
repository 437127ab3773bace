//! Where a position would be liquidated.

use crate::domain::{Instrument, InstrumentKind, Money, Price};
use crate::portfolio::Portfolio;

/// The mark price at which the account's equity falls to its maintenance margin, everything but
/// this instrument standing still. `None` when no price does that, or something is unknown.
///
/// With V the position's value, E its cost, L a tier's leverage, D the tier's deduction and R
/// what the rest of the account can lose: a position that gains with V is liquidated where
/// R + V − E = V/2L − D, one that loses with V where R + E − V = V/2L − D. For a linear position
/// this is the formula of Hyperliquid's documentation (trading/liquidations):
/// price − side × margin available ÷ size ÷ (1 − l × side), l = 1/2L.
///
/// Of a position that is margined by itself R is what is set aside for it.
///
/// The tier is the one of the value at the liquidation price. Margin rises ever faster with value,
/// so it is the largest of all tiers' lines, and that tier is the one that is met first.
pub fn liquidation_price(portfolio: &Portfolio, instrument: &Instrument) -> Option<Price> {
    let position = portfolio.position(instrument.id())?;
    let equity = portfolio.equity();
    let borrows = !matches!(instrument.kind(), InstrumentKind::Spot);
    if !borrows || position.qty().is_flat() || equity.is_unknown() {
        return None;
    }
    let rest = if position.isolated().is_some() {
        position.margin()
    } else {
        let others = portfolio.shared_maintenance().minus(position.maintenance());
        portfolio.shared_equity().minus(position.unrealised()).minus(others)
    };
    let entry = position.entry_value();
    let long = position.qty().is_long();
    let gains_with_value = instrument.gain(long, Money::ZERO, Money::ONE) > Money::ZERO;
    let values = instrument.maintenance_lines().iter().map(|&(leverage, deduction)| {
        let twice = i128::from(leverage).saturating_mul(2);
        if gains_with_value {
            entry.minus(rest).minus(deduction).scaled(twice, twice.saturating_sub(1))
        } else {
            rest.plus(entry).plus(deduction).scaled(twice, twice.saturating_add(1))
        }
    });
    let value = if gains_with_value { values.max() } else { values.min() };
    instrument.price_for(value?, position.qty().abs())
}
