//! The predecessor's case: a loss of 40.21 % from the peak under a limit of 8 % that was looked at
//! only now and then.
//!
//! A reconstruction: its trading log is not in the data. A long position in XRP is opened before the
//! crash of 2025-10-10 and held, unprotected, with the leverage at which the recorded bars bring
//! just that loss. Then each profile gets the same market and the same strategy.

use flyball_core::risk::Profile;
use serde::Serialize;

use crate::cell::{Path, Stage, assumed, tape};
use crate::faults::FaultKind;
use crate::judge::Outcome;
use crate::setup::ProofError;
use crate::strategies::Bad;
use crate::windows::Window;

/// What it lost.
pub(crate) const LOSS: f64 = 0.4021;

/// What became of the case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Case {
    pub(crate) window: String,
    pub(crate) leverage: f64,
    /// Profile, path, outcome.
    pub(crate) outcomes: Vec<(String, Path, Outcome)>,
}

/// The recorded market in which it is made to happen.
pub(crate) fn is_its_market(window: &Window) -> bool {
    window.name.starts_with("binance_usdm_5m_2025_oct10/XRPUSDT_5m 2025-10-10")
}

/// The leverage at which the unprotected account loses what the predecessor lost, by halving.
fn leverage(stage: &Stage<'_>, unprotected: &Profile) -> Result<f64, ProofError> {
    let (mut low, mut high) = (0.01, 10.0);
    for _ in 0..24 {
        let middle = f64::midpoint(low, high);
        let bad = Bad::long_at(middle);
        let out = stage.run(bad, FaultKind::None, Path::Continuous, unprotected)?;
        if out.drawdown < LOSS {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(high)
}

pub(crate) fn case(
    window: &Window,
    profiles: &[Profile],
    seed: u64,
    cash: i64,
) -> Result<Case, ProofError> {
    let words = tape(window)?;
    let none = || ProofError::Setup("there is no profile".to_owned());
    let assumed = assumed(profiles.first().ok_or_else(none)?, window);
    let stage = Stage { window, tape: &words, cash, seed, assumed };
    let leverage = leverage(&stage, profiles.last().ok_or_else(none)?)?;
    let mut outcomes = Vec::new();
    for profile in profiles {
        for path in Path::ALL {
            let out = stage.run(Bad::long_at(leverage), FaultKind::None, path, profile)?;
            outcomes.push((profile.name.clone(), path, out));
        }
    }
    Ok(Case { window: window.name.clone(), leverage, outcomes })
}
