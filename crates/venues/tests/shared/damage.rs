//! Ways to damage a message.

use proptest::prelude::*;

/// One way to damage a message.
#[derive(Clone, Debug)]
pub(crate) enum Damage {
    Set(usize, u8),
    Remove(usize, usize),
    Insert(usize, Vec<u8>),
    Repeat(usize, usize),
    Cut(usize),
}

pub(crate) fn damage() -> impl Strategy<Value = Damage> {
    let at = || any::<prop::sample::Index>().prop_map(|index| index.index(400));
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..6),
        proptest::sample::select(
            [
                "[",
                "]",
                "{",
                "}",
                "\"",
                ",",
                ":",
                "null",
                "-",
                "1e999",
                "1e-99",
                "0.0",
                "99999999999999999999",
                "\\u0041",
                "\\",
                "[[[[",
                "{\"a\":",
                "\"b\":[],",
                "\"data\":",
                "true",
                "\u{feff}",
            ]
            .map(|text| text.as_bytes().to_vec())
            .to_vec()
        ),
    ];
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (at(), 1_usize..20).prop_map(|(at, length)| Damage::Remove(at, length)),
        (at(), piece).prop_map(|(at, piece)| Damage::Insert(at, piece)),
        (at(), 1_usize..40).prop_map(|(at, length)| Damage::Repeat(at, length)),
        at().prop_map(Damage::Cut),
    ]
}

pub(crate) fn apply(message: &mut Vec<u8>, damage: &Damage) {
    let clamp = |at: usize| at % (message.len() + 1);
    match damage {
        Damage::Set(at, byte) => {
            let at = clamp(*at);
            if let Some(target) = message.get_mut(at) {
                *target = *byte;
            }
        }
        Damage::Remove(at, length) => {
            let at = clamp(*at);
            message.drain(at..message.len().min(at + length));
        }
        Damage::Insert(at, piece) => {
            let at = clamp(*at);
            message.splice(at..at, piece.iter().copied());
        }
        Damage::Repeat(at, length) => {
            let at = clamp(*at);
            let piece = message[at..message.len().min(at + length)].to_vec();
            message.splice(at..at, piece);
        }
        Damage::Cut(at) => message.truncate(clamp(*at)),
    }
}
