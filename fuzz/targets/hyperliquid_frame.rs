#![no_main]

#[path = "../../crates/venues/tests/shared/feed.rs"]
mod feed;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| feed::hyperliquid_frame(bytes));
