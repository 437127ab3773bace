//! Rate limits, as documented ("Rate limits and user limits"): by address of the network, by
//! account, by connection.

mod account;
mod peer;
mod socket;
mod weights;

pub use account::{AccountBudget, Spend};
pub use peer::{PeerLimits, SocketRefusal};
pub use socket::SocketLimits;
pub use weights::{exchange_weight, extra_weight, info_weight};

use std::collections::VecDeque;

use flyball_core::domain::SECOND;

/// What limits count over.
const MINUTE_NS: i64 = 60 * SECOND;

/// A sum over the last minute.
#[derive(Clone, Debug, Default)]
struct LastMinute {
    entries: VecDeque<(i64, u32)>,
    sum: u32,
}

impl LastMinute {
    /// What was counted in the minute that ends now.
    fn sum(&mut self, now_ns: i64) -> u32 {
        while let Some(&(at, count)) = self.entries.front() {
            if at.saturating_add(MINUTE_NS) > now_ns {
                break;
            }
            self.entries.pop_front();
            self.sum = self.sum.saturating_sub(count);
        }
        self.sum
    }

    fn add(&mut self, now_ns: i64, count: u32) {
        self.sum = self.sum.saturating_add(count);
        match self.entries.back_mut() {
            // What is counted within a millisecond is one entry: memory stays bounded.
            Some((at, sum)) if now_ns.saturating_sub(*at) < 1_000_000 => {
                *sum = sum.saturating_add(count);
            }
            _ => self.entries.push_back((now_ns, count)),
        }
    }

    /// Count it if the sum stays within the limit.
    fn admit(&mut self, now_ns: i64, count: u32, limit: u32) -> bool {
        let fits = self.sum(now_ns).saturating_add(count) <= limit;
        if fits {
            self.add(now_ns, count);
        }
        fits
    }
}
