//! `l2Book` in the compact form in which the venue writes it: no blanks, no escapes, nothing but
//! what is known. Anything else is left to the reader of JSON, which takes three times as long.

use crate::Number;
use crate::wire::{Levels, RawLevel};

#[cfg(test)]
mod tests;

/// A whole number of more digits is left to others.
const DIGITS: usize = 18;

/// What such a message says besides its levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Compact<'a> {
    pub(super) coin: &'a str,
    pub(super) time_ms: i64,
}

/// Read a message; `None` when it is not such a one: then `levels` hold whatever was read of it.
///
/// What it gives is what reading it as JSON gives.
pub(super) fn read<'a>(message: &'a [u8], levels: &mut Levels) -> Option<Compact<'a>> {
    let mut text = Text(message);
    text.eat(br#"{"channel":"l2Book","data":{"#)?;
    let (mut coin, mut time_ms, mut sides) = (None, None, false);
    loop {
        match text.0 {
            [b'"', b'c', ..] if coin.is_none() => {
                text.eat(br#""coin":""#)?;
                coin = Some(text.name()?);
            }
            [b'"', b't', ..] if time_ms.is_none() => {
                text.eat(br#""time":"#)?;
                time_ms = Some(text.whole()?);
            }
            [b'"', b'l', ..] if !sides => {
                text.eat(br#""levels":["#)?;
                text.side(&mut levels.raw_bids)?;
                text.eat(b",")?;
                text.side(&mut levels.raw_asks)?;
                text.eat(b"]")?;
                sides = true;
            }
            _ => return None,
        }
        if text.eat(b",").is_none() {
            break;
        }
    }
    text.eat(b"}}")?;
    (text.0.is_empty() && sides).then_some(Compact { coin: coin?, time_ms: time_ms? })
}

/// What has not been read yet.
struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    #[inline]
    fn eat(&mut self, expected: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    /// Up to the quote that ends it.
    fn name(&mut self) -> Option<&'a str> {
        let end = self.0.iter().position(|&byte| byte == b'"')?;
        let (name, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        self.eat(b"\"")?;
        if name.iter().any(|&byte| byte == b'\\' || byte < b' ') {
            return None;
        }
        std::str::from_utf8(name).ok()
    }

    /// A whole number that is not negative, without zeros in front.
    #[inline]
    fn whole(&mut self) -> Option<i64> {
        let (mut number, mut rest) = (0_i64, self.0);
        while let [byte @ b'0'..=b'9', after @ ..] = rest {
            number = number.wrapping_mul(10).wrapping_add(i64::from(byte.wrapping_sub(b'0')));
            rest = after;
        }
        let digits = self.0.len().wrapping_sub(rest.len());
        let leads = digits > 1 && self.0.first() == Some(&b'0');
        self.0 = rest;
        (digits > 0 && digits <= DIGITS && !leads).then_some(number)
    }

    /// A number in quotes, of which the first has been read.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "an eleventh of a message's instructions")]
    fn number(&mut self) -> Option<Number> {
        let (number, rest) = Number::begin(self.0)?;
        self.0 = rest;
        self.eat(b"\"")?;
        Some(number)
    }

    fn side(&mut self, levels: &mut Vec<RawLevel>) -> Option<()> {
        self.eat(b"[")?;
        if self.eat(b"]").is_some() {
            return Some(());
        }
        loop {
            levels.push(self.level()?);
            if self.eat(b",").is_none() {
                return self.eat(b"]");
            }
        }
    }

    /// In either of the orders in which it was recorded.
    #[inline]
    fn level(&mut self) -> Option<RawLevel> {
        let orders_first = self.eat(br#"{"n":"#).is_some();
        if orders_first {
            self.whole()?;
            self.eat(br#","px":""#)?;
        } else {
            self.eat(br#"{"px":""#)?;
        }
        let price = self.number()?;
        self.eat(br#","sz":""#)?;
        let qty = self.number()?;
        if !orders_first {
            self.eat(br#","n":"#)?;
            self.whole()?;
        }
        self.eat(b"}")?;
        Some(RawLevel { price, qty })
    }
}
