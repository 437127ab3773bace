//! How much of the risk budget may be used, in the eyes of those who may make it smaller.

use serde::{Deserialize, Serialize};

use crate::domain::{Rate, Restrainer, Restraint};

/// A share of the risk budget from each of those who may make it smaller. The smallest counts; at
/// zero, positions may only be reduced. Nobody can make it larger than the profile's.
///
/// Invariant: one who lets go leaves what the others want.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restraints {
    shares: [Rate; Restrainer::ALL.len()],
}

impl Default for Restraints {
    fn default() -> Self {
        Self { shares: [Rate::ONE; Restrainer::ALL.len()] }
    }
}

impl Restraints {
    /// One of them wants this share from now on: below zero is none, above one is all. Whether that
    /// is something new.
    pub fn set(&mut self, restraint: Restraint) -> bool {
        let share = restraint.share.clamp(Rate::ZERO, Rate::ONE);
        let mut places = self.shares.iter_mut().zip(Restrainer::ALL);
        let place = places.find(|(_, by)| *by == restraint.by);
        place.is_some_and(|(place, _)| std::mem::replace(place, share) != share)
    }

    /// What one of them wants.
    pub fn of(&self, by: Restrainer) -> Rate {
        self.shares.get(by as usize).copied().unwrap_or(Rate::ZERO)
    }

    /// The share that counts.
    pub fn share(&self) -> Rate {
        self.shares.iter().copied().min().unwrap_or(Rate::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half(by: Restrainer) -> Restraint {
        Restraint { by, share: Rate::from_ppm(500_000) }
    }

    #[test]
    fn the_smallest_share_counts_and_each_lets_go_for_itself() {
        let mut restraints = Restraints::default();
        assert_eq!(restraints.share(), Rate::ONE);
        assert!(restraints.set(half(Restrainer::Regime)));
        assert!(!restraints.set(half(Restrainer::Regime)), "that was said before");
        assert!(restraints.set(Restraint { by: Restrainer::Prediction, share: Rate::ZERO }));
        assert_eq!(restraints.share(), Rate::ZERO);
        assert_eq!(restraints.of(Restrainer::Regime), Rate::from_ppm(500_000));
        assert!(restraints.set(Restraint { by: Restrainer::Prediction, share: Rate::ONE }));
        assert_eq!(restraints.share(), Rate::from_ppm(500_000));
        assert!(restraints.set(Restraint { by: Restrainer::Regime, share: Rate::ONE }));
        assert_eq!(restraints.share(), Rate::ONE);
    }

    #[test]
    fn nobody_makes_the_budget_larger_or_turns_it_over() {
        for by in Restrainer::ALL {
            let mut restraints = Restraints::default();
            restraints.set(Restraint { by, share: Rate::MAX });
            assert_eq!(restraints.share(), Rate::ONE, "{by:?}");
            restraints.set(Restraint { by, share: Rate::from_parts(i64::MIN) });
            assert_eq!(restraints.share(), Rate::ZERO, "{by:?}");
        }
    }
}
