//! What can be wrong with a message.

use flyball_core::domain::DecimalError;

/// Which number of a message is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// A price.
    Price,
    /// A quantity.
    Qty,
    /// A funding rate.
    Rate,
    /// A moment.
    Time,
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Price => "price",
            Self::Qty => "quantity",
            Self::Rate => "rate",
            Self::Time => "time",
        })
    }
}

/// Why a message cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// It is not JSON, or not of the shape that the venue documents.
    #[error("byte {byte}: {reason}")]
    Json {
        /// Byte of the message at which reading stopped, from 1.
        byte: usize,
        /// What was found there.
        reason: String,
    },
    /// A part that such a message always has is not there.
    #[error("the message has no {0:?}")]
    Missing(&'static str),
    /// A text is none of those that the venue documents.
    #[error("{field:?} is none of {expected}")]
    Unexpected {
        /// Which part of the message.
        field: &'static str,
        /// What it may be.
        expected: &'static str,
    },
    /// A number cannot be kept.
    #[error("{quantity} {value}: {error} (steps of {step})")]
    Number {
        /// Which number.
        quantity: Quantity,
        /// What was sent, as `mantissa` × 10^−`decimals`.
        value: crate::Number,
        /// Tick size, lot size, or the smallest unit that is kept.
        step: flyball_core::domain::Decimal,
        /// Why not.
        error: DecimalError,
    },
    /// A message without an instrument's name came, and not exactly one instrument is listed.
    #[error("the message does not say which instrument it is about, and {listed} are listed")]
    Nameless {
        /// How many instruments the decoder knows.
        listed: usize,
    },
    /// An instrument cannot be listed.
    #[error("instrument {symbol:?} cannot be listed: {reason}")]
    Listing {
        /// Its name.
        symbol: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl DecodeError {
    #[cold]
    pub(crate) fn json(message: &[u8], error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let reason = text.split(" at line ").next().unwrap_or(&text).to_owned();
        let before = message.split_inclusive(|&byte| byte == b'\n');
        let before = before.take(error.line().saturating_sub(1)).map(<[u8]>::len).sum::<usize>();
        Self::Json { byte: before.saturating_add(error.column()), reason }
    }
}
