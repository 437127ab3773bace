//! Checksums by which a venue lets us check the rebuilt book.

use crate::book::Book;
use crate::domain::{Level, Side};

/// CRC-32 over the ten best asks and then bids, each price and quantity written as digits without
/// point and leading zeros. Ticks and lots are those digits when tick and lot size are the
/// decimals that the venue prints. Source: Kraken websocket API v1, "book checksum".
pub(super) fn kraken_top10(book: &Book) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for side in [Side::Ask, Side::Bid] {
        for Level { price, qty } in book.levels(side).take(10) {
            write_digits(&mut hasher, price.ticks().unsigned_abs());
            write_digits(&mut hasher, qty.lots());
        }
    }
    hasher.finalize()
}

fn write_digits(hasher: &mut crc32fast::Hasher, number: u64) {
    let mut digits = [0_u8; 20];
    let mut rest = number;
    let mut start = digits.len();
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        if rest == 0 {
            break;
        }
        *digit = b'0'.wrapping_add(u8::try_from(rest % 10).unwrap_or(0));
        rest /= 10;
        start = at;
    }
    hasher.update(digits.get(start..).unwrap_or_default());
}
