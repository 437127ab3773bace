//! Nonces, as Hyperliquid keeps them (documentation, "Nonces and API wallets"): for each signer the
//! 100 highest are remembered; a new one must be unused, larger than the smallest of them, and lie
//! within two days before and one day after the time of the venue.

use std::collections::{BTreeMap, BTreeSet};

use flyball_core::domain::{DAY, MILLISECOND};

use crate::Address;

/// How many nonces of a signer are remembered.
const KEPT: usize = 100;

/// Why a nonce is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonceError {
    /// It was used before.
    Duplicate(u64),
    /// It is not larger than the smallest of the remembered ones.
    TooLow {
        /// The nonce.
        nonce: u64,
        /// The smallest that is remembered.
        smallest: u64,
    },
    /// It is too far from the time of the venue.
    OutOfWindow {
        /// The nonce.
        nonce: u64,
        /// The venue's time, ms.
        now_ms: u64,
    },
}

impl std::fmt::Display for NonceError {
    /// The venue's words. The last one is unverified.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Duplicate(nonce) => write!(f, "Invalid nonce: duplicate nonce {nonce}"),
            Self::TooLow { nonce, smallest } => {
                write!(f, "Invalid nonce: nonce too low {nonce} < {smallest}")
            }
            Self::OutOfWindow { nonce, now_ms } => {
                write!(f, "Invalid nonce: {nonce} is too far from the current time {now_ms}")
            }
        }
    }
}

/// The nonces of all signers.
#[derive(Clone, Debug, Default)]
pub struct Nonces {
    used: BTreeMap<Address, BTreeSet<u64>>,
}

impl Nonces {
    /// Take a nonce of a signer, at the venue's time. It is used from then on, whatever becomes of
    /// its action.
    ///
    /// # Errors
    ///
    /// [`NonceError`] when it may not be used; nothing changes then.
    pub fn take(&mut self, signer: Address, nonce: u64, now_ns: i64) -> Result<(), NonceError> {
        let clock = u64::try_from(now_ns.div_euclid(MILLISECOND)).unwrap_or(0);
        let day_ms = u64::try_from(DAY.div_euclid(MILLISECOND)).unwrap_or(0);
        let earliest = clock.saturating_sub(day_ms.saturating_mul(2));
        let latest = clock.saturating_add(day_ms);
        if nonce <= earliest || nonce >= latest {
            return Err(NonceError::OutOfWindow { nonce, now_ms: clock });
        }
        let used = self.used.entry(signer).or_default();
        if used.contains(&nonce) {
            return Err(NonceError::Duplicate(nonce));
        }
        if used.len() >= KEPT
            && let Some(&smallest) = used.first()
        {
            if nonce < smallest {
                return Err(NonceError::TooLow { nonce, smallest });
            }
            used.pop_first();
        }
        used.insert(nonce);
        Ok(())
    }

    /// Forget a signer: what the venue does when an agent is deregistered. Its old actions could
    /// then be sent again, which is why an agent's address is never used twice.
    pub fn forget(&mut self, signer: Address) {
        self.used.remove(&signer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_700_000_000_000;
    const NOW_NS: i64 = 1_700_000_000_000 * MILLISECOND;
    const DAY_MS: u64 = 86_400_000;

    fn signer(byte: u8) -> Address {
        Address([byte; 20])
    }

    #[test]
    fn a_nonce_is_used_once_for_each_signer() {
        let mut nonces = Nonces::default();
        assert_eq!(nonces.take(signer(1), NOW_MS, NOW_NS), Ok(()));
        assert_eq!(nonces.take(signer(1), NOW_MS, NOW_NS), Err(NonceError::Duplicate(NOW_MS)));
        assert_eq!(nonces.take(signer(2), NOW_MS, NOW_NS), Ok(()), "another signer's are its own");
    }

    #[test]
    fn the_hundred_highest_are_kept_and_a_new_one_must_exceed_the_smallest() {
        let mut nonces = Nonces::default();
        for step in 1..=100 {
            nonces.take(signer(1), NOW_MS + step, NOW_NS).unwrap();
        }
        let low = nonces.take(signer(1), NOW_MS, NOW_NS);
        assert_eq!(low, Err(NonceError::TooLow { nonce: NOW_MS, smallest: NOW_MS + 1 }));
        nonces.take(signer(1), NOW_MS + 200, NOW_NS).unwrap();
        // The smallest fell out: what equals it is too low now, and no longer a duplicate.
        let gone = nonces.take(signer(1), NOW_MS + 1, NOW_NS);
        assert_eq!(gone, Err(NonceError::TooLow { nonce: NOW_MS + 1, smallest: NOW_MS + 2 }));
        // Anything between the smallest and the highest may still come, in any order.
        assert_eq!(nonces.take(signer(1), NOW_MS + 150, NOW_NS), Ok(()));
    }

    #[test]
    fn fewer_than_a_hundred_may_come_in_any_order() {
        let mut nonces = Nonces::default();
        nonces.take(signer(1), NOW_MS + 50, NOW_NS).unwrap();
        assert_eq!(nonces.take(signer(1), NOW_MS + 10, NOW_NS), Ok(()));
    }

    #[test]
    fn a_nonce_lies_within_two_days_before_and_one_day_after() {
        let mut nonces = Nonces::default();
        let mut take = |nonce| nonces.take(signer(1), nonce, NOW_NS);
        assert!(matches!(take(NOW_MS - 2 * DAY_MS), Err(NonceError::OutOfWindow { .. })));
        assert_eq!(take(NOW_MS - 2 * DAY_MS + 1), Ok(()));
        assert_eq!(take(NOW_MS + DAY_MS - 1), Ok(()));
        assert!(matches!(take(NOW_MS + DAY_MS), Err(NonceError::OutOfWindow { .. })));
        assert!(matches!(take(0), Err(NonceError::OutOfWindow { .. })));
        assert!(matches!(take(u64::MAX), Err(NonceError::OutOfWindow { .. })));
    }

    #[test]
    fn a_forgotten_signer_can_be_replayed() {
        let mut nonces = Nonces::default();
        nonces.take(signer(1), NOW_MS, NOW_NS).unwrap();
        nonces.forget(signer(1));
        assert_eq!(nonces.take(signer(1), NOW_MS, NOW_NS), Ok(()));
    }
}
