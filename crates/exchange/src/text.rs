//! Numbers as the venue writes them: decimal text, no trailing zeros, at least one decimal.

use flyball_core::domain::{Decimal, Instrument, Money, NetQty, Price, Qty, Rate, div_round};

/// `units` × 10^−`decimals` as text.
fn decimal(units: i128, decimals: u8) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let width = usize::from(decimals).saturating_add(1);
    let digits = format!("{:0>width$}", units.unsigned_abs());
    let (whole, part) = digits.split_at(digits.len().saturating_sub(usize::from(decimals)));
    let part = part.trim_end_matches('0');
    format!("{sign}{whole}.{}", if part.is_empty() { "0" } else { part })
}

fn steps(count: i128, step: Decimal) -> String {
    decimal(count.saturating_mul(i128::from(step.units())), step.decimals())
}

/// A price.
pub(crate) fn price(instrument: &Instrument, price: Price) -> String {
    steps(i128::from(price.ticks()), instrument.tick_size())
}

/// A size.
pub(crate) fn qty(instrument: &Instrument, qty: Qty) -> String {
    steps(i128::from(qty.lots()), instrument.lot_size())
}

/// A signed size.
pub(crate) fn net(instrument: &Instrument, qty: NetQty) -> String {
    steps(i128::from(qty.lots()), instrument.lot_size())
}

/// An amount of USDC, exactly: the venue shows six decimals as a rule, and more where it has more.
/// What is not known is shown as nothing at all.
pub(crate) fn usdc(amount: Money) -> String {
    if amount.is_unknown() {
        return "0.0".to_owned();
    }
    decimal(amount.units(), Money::DECIMALS)
}

/// A rate, to ten decimals.
pub(crate) fn rate(rate: Rate) -> String {
    decimal(div_round(i128::from(rate.parts()), 100), 10)
}

/// A price between two ticks: twice the price, in ticks.
pub(crate) fn half(instrument: &Instrument, twice: i64) -> String {
    let step = instrument.tick_size();
    let tenths = i128::from(twice).saturating_mul(5).saturating_mul(i128::from(step.units()));
    decimal(tenths, step.decimals().saturating_add(1))
}

/// A price at a finer scale: `numerator` ÷ `denominator` ticks, to two decimals more than the tick.
pub(crate) fn fine(instrument: &Instrument, numerator: i128, denominator: i128) -> String {
    let step = instrument.tick_size();
    let scaled = numerator.saturating_mul(100).saturating_mul(i128::from(step.units()));
    decimal(div_round(scaled, denominator), step.decimals().saturating_add(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_as_the_venue_writes_them() {
        assert_eq!(decimal(297_920, 1), "29792.0");
        assert_eq!(decimal(-7566, 3), "-7.566");
        assert_eq!(decimal(0, 6), "0.0");
        assert_eq!(decimal(1, 6), "0.000001");
        assert_eq!(decimal(5, 0), "5.0");
        assert_eq!(usdc(Money::from_units(833_076_385_001)), "83.3076385001");
        assert_eq!(usdc(Money::from_whole(-3)), "-3.0");
        assert_eq!(rate(Rate::from_parts(12_500_000)), "0.0000125");
        assert_eq!(rate(Rate::from_parts(-1)), "0.0", "no minus before nothing");
    }
}
