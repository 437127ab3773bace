//! How much money stands behind a position, and no more.
//!
//! The governor bounds what the assumed gap costs. What a larger one costs is bounded by setting
//! money aside for each position: enough for the assumed gap, and what is beyond it is the venue's
//! loss.

use crate::domain::{Instrument, InstrumentKind, MarginMode, Rate};
use crate::risk::Profile;

impl Profile {
    /// The leverage at which an instrument is margined by itself: the highest at which a position
    /// outlives a loss as large as a position may have, then the assumed gap, slippage and fees.
    /// `gap_loss`: what the gap costs of the value, with fees. `None` where positions share the
    /// account's money.
    pub fn isolated_leverage(&self, instrument: &Instrument, gap_loss: Rate) -> Option<u16> {
        let borrows = !matches!(instrument.kind(), InstrumentKind::Spot);
        if self.governor.margin_mode == MarginMode::Cross || !borrows {
            return None;
        }
        let most = i64::from(instrument.max_leverage()).max(1);
        let maintenance = Rate::ONE.parts().checked_div(most.saturating_mul(2)).unwrap_or(0);
        let loss = gap_loss.plus(self.switches.position_loss).plus(self.governor.slippage);
        let loss = loss.plus(Rate::from_parts(maintenance)).parts().max(1);
        let leverage = Rate::ONE.parts().checked_div(loss).unwrap_or(1);
        u16::try_from(leverage.clamp(1, most)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::InstrumentSpec;
    use crate::risk::testing::profile;
    use crate::testing::{inverse_btc, xrp, xrp_spec};

    fn leverage(gap_ppm: i64) -> Option<u16> {
        let mut profile = profile();
        profile.governor.margin_mode = MarginMode::Isolated;
        profile.governor.slippage = Rate::from_ppm(5_000);
        profile.switches.position_loss = Rate::from_ppm(20_000);
        profile.isolated_leverage(&xrp(), Rate::from_ppm(gap_ppm)) // at most 20x: 2.5 % must stay
    }

    #[test]
    fn what_is_set_aside_outlives_the_loss_the_gap_and_what_must_be_kept() {
        for (gap_ppm, expected) in [
            (400_000, 2), // 45 %
            (450_000, 2), // 50 %
            (450_001, 1), // a millionth more
            (150_000, 5), // 20 %
            (950_000, 1), // 100 %
            (950_001, 1), // no leverage is less than one
            (9_000_000, 1),
            (0, 20), // 5 %
        ] {
            assert_eq!(leverage(gap_ppm), Some(expected), "{gap_ppm}");
        }
        assert_eq!(leverage(-60_000), Some(20), "never more than the venue allows");
    }

    #[test]
    fn what_cannot_be_borrowed_for_or_shares_the_account_has_none() {
        let mut profile = profile();
        profile.governor.margin_mode = MarginMode::Cross;
        assert_eq!(profile.isolated_leverage(&xrp(), Rate::ZERO), None);
        profile.governor.margin_mode = MarginMode::Isolated;
        let id = crate::domain::InstrumentId::new(0);
        let spec = InstrumentSpec { kind: InstrumentKind::Spot, ..xrp_spec() };
        let spot = Instrument::new(id, &spec).unwrap();
        assert_eq!(profile.isolated_leverage(&spot, Rate::ZERO), None);
        let endless = Rate::MAX;
        assert_eq!(profile.isolated_leverage(&inverse_btc(), endless), Some(1));
    }
}
