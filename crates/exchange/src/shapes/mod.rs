//! Answers as the venue shapes them. The same ones go out by HTTP and by websocket.

pub(crate) mod account;
pub(crate) mod fill;
pub(crate) mod market;
pub(crate) mod order;
pub(crate) mod words;

use flyball_core::domain::{MILLISECOND, Side};

/// How the venue writes a side: `B` buys, `A` sells.
pub(crate) const fn side(side: Side) -> &'static str {
    match side {
        Side::Bid => "B",
        Side::Ask => "A",
    }
}

/// Milliseconds since 1970.
pub(crate) const fn millis(time_ns: i64) -> i64 {
    time_ns.div_euclid(MILLISECOND)
}

/// The hash of a transaction, made up from its number.
pub(crate) fn hash(number: u64) -> String {
    if number == 0 {
        return format!("0x{:064x}", 0);
    }
    // SplitMix64's finaliser spreads neighbouring numbers apart.
    let mix = |seed: u64| {
        let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    let part = |at: u64| mix(number.wrapping_mul(4).wrapping_add(at));
    format!("0x{:016x}{:016x}{:016x}{:016x}", part(0), part(1), part(2), part(3))
}
