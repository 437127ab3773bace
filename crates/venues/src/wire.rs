//! JSON into buffers that are used again and again.
//!
//! `serde_json` reads; what is here says where each part goes. Parts that nobody wants are walked
//! through by [`Skip`], because `serde_json`'s own way of ignoring them allocates.

use std::fmt;
use std::marker::PhantomData;

use flyball_core::domain::{InstrumentId, Level};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::listing::Listed;
use crate::{DecodeError, Number};

/// A price level as it was written: `["price", "qty", …]`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RawLevel {
    pub(crate) price: Number,
    pub(crate) qty: Number,
}

/// The levels of one message: first as they were written, then in ticks and lots.
#[derive(Clone, Debug, Default)]
pub(crate) struct Levels {
    pub(crate) raw_bids: Vec<RawLevel>,
    pub(crate) raw_asks: Vec<RawLevel>,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

impl Levels {
    pub(crate) fn clear(&mut self) {
        self.raw_bids.clear();
        self.raw_asks.clear();
    }

    /// Both sides in ticks and lots of this instrument.
    #[inline]
    pub(crate) fn resolve(
        &mut self,
        it: &mut Listed,
    ) -> Result<(InstrumentId, &[Level], &[Level]), DecodeError> {
        self.bids.clear();
        self.asks.clear();
        for raw in &self.raw_bids {
            self.bids.push(it.level(raw.price, raw.qty)?);
        }
        for raw in &self.raw_asks {
            self.asks.push(it.level(raw.price, raw.qty)?);
        }
        Ok((it.id(), &self.bids, &self.asks))
    }
}

/// Read a whole message.
pub(crate) fn read<'de, S: DeserializeSeed<'de>>(
    message: &'de [u8],
    seed: S,
) -> Result<S::Value, DecodeError> {
    // Once for the whole message: every string in it is then known to be one.
    let text = std::str::from_utf8(message).map_err(|error| DecodeError::Json {
        byte: error.valid_up_to().saturating_add(1),
        reason: "not UTF-8".to_owned(),
    })?;
    let mut json = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut json).map_err(|error| DecodeError::json(message, &error))?;
    json.end().map_err(|error| DecodeError::json(message, &error))?;
    Ok(value)
}

/// A part of a message that may have several shapes. What is not overridden is skipped.
pub(crate) trait Node<'de> {
    /// It is an object: read the value of this key.
    fn field<A: MapAccess<'de>>(&mut self, _key: &str, map: &mut A) -> Result<(), A::Error> {
        map.next_value::<Skip>().map(drop)
    }

    /// It is an array: read its next element. Whether there was one.
    fn item<A: SeqAccess<'de>>(&mut self, _at: usize, seq: &mut A) -> Result<bool, A::Error> {
        Ok(seq.next_element::<Skip>()?.is_some())
    }

    /// It is a string.
    fn text<E: Error>(&mut self, _text: &str) -> Result<(), E> {
        Ok(())
    }

    /// It is a whole number.
    fn whole(&mut self, _number: u64) {}
}

/// Reads a [`Node`].
pub(crate) struct Fill<'a, T>(pub(crate) &'a mut T);

impl<'de, T: Node<'de>> DeserializeSeed<'de> for Fill<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Node<'de>> Visitor<'de> for Fill<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a part of a message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(key)) = map.next_key()? {
            self.0.field(key.unwrap_or_default(), &mut map)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut at = 0_usize;
        while self.0.item(at, &mut seq)? {
            at = at.saturating_add(1);
        }
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.text(text)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.0.whole(number);
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A key of an object; `None` for one that is written with escapes, as none of ours is.
struct Key<'de>(Option<&'de str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Some(key)))
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Key<'de>, E> {
                Ok(Key(None))
            }
        }
        deserializer.deserialize_str(Borrow)
    }
}

/// Anything, unread.
pub(crate) struct Skip;

struct Nothing;

impl Node<'_> for Nothing {}

impl<'de> Deserialize<'de> for Skip {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Fill(&mut Nothing).deserialize(deserializer).map(|()| Self)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number in quotes")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                Number::parse(text.as_bytes()).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Reads a list of levels, each written as a `T`.
pub(crate) struct Rows<'a, T>(&'a mut Vec<RawLevel>, PhantomData<T>);

impl<'a, T> Rows<'a, T> {
    pub(crate) const fn into(levels: &'a mut Vec<RawLevel>) -> Self {
        Self(levels, PhantomData)
    }
}

impl<'de, T: Deserialize<'de> + Into<RawLevel>> DeserializeSeed<'de> for Rows<'_, T> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de> + Into<RawLevel>> Visitor<'de> for Rows<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of levels")
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(level) = seq.next_element::<T>()? {
            self.0.push(level.into());
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for RawLevel {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pair;
        impl<'de> Visitor<'de> for Pair {
            type Value = RawLevel;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a price and a quantity")
            }

            #[inline]
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawLevel, A::Error> {
                let short = |had| A::Error::invalid_length(had, &"a price and a quantity");
                let price = seq.next_element()?.ok_or_else(|| short(0))?;
                let qty = seq.next_element()?.ok_or_else(|| short(1))?;
                while seq.next_element::<Skip>()?.is_some() {}
                Ok(RawLevel { price, qty })
            }
        }
        deserializer.deserialize_seq(Pair)
    }
}
