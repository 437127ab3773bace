//! The ids that we give to orders at the venue.

use std::fmt;

use flyball_core::domain::ClientOrderId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::DecodeError;

/// Which engine sent an order: the first half of its client order id at the venue. Orders of other
/// engines, of people and of other programmes on the same account are told from ours by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EngineTag(u64);

impl EngineTag {
    /// The tag of this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The raw number.
    pub const fn raw(self) -> u64 {
        self.0
    }
}

/// The venue's client order id: 128 bits, `0x` and 32 hexadecimal digits. Ours are the engine's tag
/// and behind it the engine's own id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cloid(u128);

impl Cloid {
    /// The id of one of our orders.
    pub fn new(tag: EngineTag, id: ClientOrderId) -> Self {
        Self((u128::from(tag.raw()) << 64) | u128::from(id.raw()))
    }

    /// The id of these bits.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// Its bits.
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// Read `0x` and 32 hexadecimal digits of any case.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Unexpected`].
    pub fn parse(text: &str) -> Result<Self, DecodeError> {
        let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 32);
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        digits.and_then(|digits| u128::from_str_radix(digits, 16).ok()).map(Self).ok_or(
            DecodeError::Unexpected { field: "cloid", expected: "0x and 32 hexadecimal digits" },
        )
    }

    /// The engine's id of the order; `None` for an order that is not this engine's.
    pub fn ours(self, tag: EngineTag) -> Option<ClientOrderId> {
        let (high, low) = (self.0 >> 64, self.0 & u128::from(u64::MAX));
        let id = u64::try_from(low).ok().filter(|_| high == u128::from(tag.raw()));
        id.map(ClientOrderId::new)
    }
}

impl fmt::Display for Cloid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:032x}", self.0)
    }
}

impl fmt::Debug for Cloid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Cloid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cloid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_order_of_another_engine_is_foreign() {
        let (ours, theirs) = (EngineTag::new(7), EngineTag::new(8));
        let cloid = Cloid::new(ours, ClientOrderId::new(12));
        assert_eq!(cloid.to_string(), "0x0000000000000007000000000000000c");
        assert_eq!(cloid.ours(ours), Some(ClientOrderId::new(12)));
        assert_eq!(cloid.ours(theirs), None);
        let somebody = Cloid::parse("0x1234567890ABCDEF1234567890abcdef").unwrap();
        assert_eq!(somebody.ours(ours), None);
    }

    #[test]
    fn a_text_that_is_no_id_is_refused() {
        for text in [
            "",
            "0x",
            "0x1",
            "1234567890abcdef1234567890abcdef",
            "0x+234567890abcdef1234567890abcdef",
        ] {
            assert!(Cloid::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(tag in any::<u64>(), id in any::<u64>()) {
            let (tag, id) = (EngineTag::new(tag), ClientOrderId::new(id));
            let cloid = Cloid::new(tag, id);
            prop_assert_eq!(Cloid::parse(&cloid.to_string()).unwrap(), cloid);
            prop_assert_eq!(serde_json::to_string(&cloid).unwrap(), format!("\"{cloid}\""));
            prop_assert_eq!(cloid.ours(tag), Some(id));
        }
    }
}
