//! Arbitrary bytes, and real messages with arbitrary damage, give events or an error and never a
//! panic. The messages are those with which fuzzing begins (`fuzz/seeds`).

#[path = "shared/damage.rs"]
mod damage;
#[path = "shared/feed.rs"]
mod feed;

use std::path::PathBuf;

use damage::{apply, damage};
use feed::{decoders, hyperliquid_answer, hyperliquid_frame, hyperliquid_info};
use flyball_venues::hyperliquid::{Answer, Frame, Stream};
use flyball_venues::{DecodeError, Listings};
use proptest::prelude::*;

type Feed = fn(&[u8]);

const TARGETS: [(&str, Feed); 4] = [
    ("decoders", decoders),
    ("hyperliquid_frame", hyperliquid_frame),
    ("hyperliquid_info", hyperliquid_info),
    ("hyperliquid_answer", hyperliquid_answer),
];

/// The messages of a fuzz target, by name.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())
    };
    let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(read).collect();
    all.sort();
    all
}

/// Every message with the decoder that it is for.
fn all() -> Vec<(Feed, Vec<u8>)> {
    let of = |&(target, feed): &(&str, Feed)| {
        seeds(target).into_iter().map(move |(_, message)| (feed, message))
    };
    TARGETS.iter().flat_map(of).collect()
}

#[test]
fn the_messages_are_sound_to_begin_with() {
    for (feed, message) in all() {
        feed(&message);
    }
    assert_eq!(seeds("decoders").len(), 15);
    for (name, message) in seeds("hyperliquid_frame") {
        let mut stream = Stream::new(Listings::survey());
        let frame = stream.decode(&message, 1, |_| Ok::<_, DecodeError>(())).unwrap();
        assert!(!matches!(frame, Frame::Unknown(_)), "{name}");
    }
    for (name, message) in seeds("hyperliquid_answer") {
        assert_eq!(Answer::of_json(&message).is_ok(), name != "limited", "{name}");
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow_of_the_stack() {
    for open in
        ["[", "{\"data\":", "{\"a\":[", "[0,[", "{\"x\":", "[{\"children\":", "{\"channel\":"]
    {
        let message = open.repeat(100_000);
        for (_, feed) in &TARGETS {
            feed(message.as_bytes());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]
    #[test]
    fn damaged_messages_never_panic(
        (feed, message) in proptest::sample::select(all()),
        every in proptest::collection::vec(damage(), 1..6),
    ) {
        let mut bytes = message;
        for damage in &every {
            apply(&mut bytes, damage);
        }
        feed(&bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for (_, feed) in &TARGETS {
            feed(&bytes);
        }
    }
}
