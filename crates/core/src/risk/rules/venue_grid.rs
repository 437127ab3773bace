//! Only prices and sizes that the venue takes.

use serde::{Deserialize, Serialize};

use crate::domain::{Instrument, OrderKind, Price, Qty, Refusal, RuleName};
use crate::risk::{Case, Rule};

/// The price is on the venue's grid, the size is above nothing and within what can be counted.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct VenueGrid;

fn on_grid(price: Price, instrument: &Instrument) -> Result<(), Refusal> {
    if instrument.is_valid_price(price) {
        return Ok(());
    }
    let (limit, actual) = (instrument.price_step(price).into(), price.ticks().into());
    Err(Refusal { rule: RuleName::VenueGrid, limit, actual })
}

impl Rule for VenueGrid {
    #[inline(always)]
    fn check(&self, case: &Case<'_>) -> Result<(), Refusal> {
        on_grid(case.order.price, case.view.instrument)?;
        if let OrderKind::Stop { trigger } = case.order.kind {
            on_grid(trigger, case.view.instrument)?;
        }
        if case.order.qty.is_zero() || case.order.qty > Qty::MAX {
            let (limit, actual) = (i128::from(Qty::MAX.lots()), i128::from(case.order.qty.lots()));
            return Err(Refusal { rule: RuleName::VenueGrid, limit, actual });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::risk::testing::{Desk, bid};

    use super::*;

    #[test]
    fn nonsense_prices_and_sizes_are_refused() {
        let desk = Desk::new();
        for ticks in [0, -1, i64::MIN, i64::MAX, 1 << 47] {
            assert_eq!(
                desk.refused(&VenueGrid, &bid(ticks, 1)),
                Some(RuleName::VenueGrid),
                "{ticks}"
            );
        }
        for lots in [0, (1 << 53) + 1, u64::MAX] {
            assert_eq!(desk.refused(&VenueGrid, &bid(20_000, lots)), Some(RuleName::VenueGrid));
        }
        assert_eq!(desk.refused(&VenueGrid, &bid(1, 1)), None);
        assert_eq!(desk.refused(&VenueGrid, &bid((1 << 47) - 1, 1 << 53)), None);
    }
}
