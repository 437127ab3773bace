//! Answers of `/exchange`: what became of an action. "ok" says only that the action was read: what
//! became of each order stands inside. Source: Hyperliquid documentation, "API › Exchange endpoint"
//! and "API › Error responses".

use flyball_core::domain::{CancelReason, Decimal, Status};
use serde::Deserialize;
use serde_json::Value;

use super::cloid::Cloid;
use super::status::{Cause, Refused};
use crate::{DecodeError, Number};

/// What became of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done, and there is no more to say.
    Done,
    /// What became of each order or cancel. One refusal may stand for all: see
    /// [`Answer::outcomes`].
    Each(Vec<Outcome>),
    /// It was refused as a whole: nothing was done.
    Refused(Refused),
    /// Nobody knows whether it was done: a server failed, or said what this build does not know.
    Unknown(String),
}

/// What became of one order or cancel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The order rests.
    Resting {
        /// The venue's id.
        oid: u64,
        /// Our id.
        cloid: Option<Cloid>,
    },
    /// The order traded at once. Its fills come over the websocket.
    Filled {
        /// The venue's id.
        oid: u64,
        /// Our id.
        cloid: Option<Cloid>,
        /// How much traded.
        qty: Number,
        /// At this price, on average.
        average: Number,
    },
    /// The order is placed when its parent has filled.
    WaitingForFill,
    /// The order waits for the mark price.
    WaitingForTrigger,
    /// The cancel was done.
    Success,
    /// The order or cancel was refused.
    Refused(Refused),
    /// Something that this build does not know.
    Unknown(String),
}

impl Answer {
    /// What an HTTP answer says. Assumed, not verified: with the status 429, and with others from
    /// 400 to 499, nothing was done. With any other but 200 nobody knows.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the status is 200 and the body is no answer. Nobody knows then either.
    pub fn of_http(status: u16, body: &[u8]) -> Result<Self, DecodeError> {
        if status == 200 {
            return Self::of_json(body);
        }
        let text = format!("{status} {}", String::from_utf8_lossy(body));
        Ok(Self::of_failure(status, &text))
    }

    /// What the error text of a websocket's answer says: it begins with the HTTP status that the
    /// request would have had.
    pub fn of_error(text: &str) -> Self {
        let digits = text.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        Self::of_failure(digits.parse().unwrap_or(0), text)
    }

    fn of_failure(status: u16, text: &str) -> Self {
        let Refused { cause, text } = Refused::of(text);
        match status {
            429 => Self::Refused(Refused { cause: Cause::RateLimited, text }),
            400 | 422 => Self::Refused(Refused { cause: Cause::Malformed, text }),
            401..=499 => Self::Refused(Refused { cause, text }),
            _ => Self::Unknown(text),
        }
    }

    /// What the JSON of an answer says.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when it is no answer.
    pub fn of_json(body: &[u8]) -> Result<Self, DecodeError> {
        let wire: Wire =
            serde_json::from_slice(body).map_err(|error| DecodeError::json(body, &error))?;
        let unknown = || Self::Unknown(Refused::of(&String::from_utf8_lossy(body)).text);
        Ok(match (wire.status.as_str(), wire.response) {
            ("err", Response::Text(text)) => Self::Refused(Refused::of(&text)),
            ("ok", Response::Typed(Typed { kind, data: None })) if kind == "default" => Self::Done,
            ("ok", Response::Typed(Typed { data: Some(data), .. })) => match data.statuses {
                Some(all) => Self::Each(all.iter().map(Outcome::of).collect()),
                None => unknown(),
            },
            _ => unknown(),
        })
    }

    /// What became of each of `count` orders or cancels. A refusal of the whole, or a single one in
    /// the place of several, is that of each; where the numbers do not match nobody knows.
    pub fn outcomes(self, count: usize) -> Vec<Outcome> {
        match self {
            Self::Refused(refused) => vec![Outcome::Refused(refused); count],
            Self::Each(all) if all.len() == count => all,
            Self::Each(all) => match all.as_slice() {
                [Outcome::Refused(refused)] => vec![Outcome::Refused(refused.clone()); count],
                other => vec![Outcome::Unknown(format!("{} answers", other.len())); count],
            },
            Self::Unknown(text) => vec![Outcome::Unknown(text); count],
            Self::Done => vec![Outcome::Unknown("done, without a word on orders".into()); count],
        }
    }
}

impl Outcome {
    fn of(value: &Value) -> Self {
        match OneWire::deserialize(value) {
            Ok(OneWire::Resting { oid, cloid }) => Self::Resting { oid, cloid },
            Ok(OneWire::Filled { oid, cloid, total_sz, avg_px }) => {
                Self::Filled { oid, cloid, qty: total_sz, average: avg_px }
            }
            Ok(OneWire::Error(text)) => Self::Refused(Refused::of(&text)),
            Ok(OneWire::WaitingForFill) => Self::WaitingForFill,
            Ok(OneWire::WaitingForTrigger) => Self::WaitingForTrigger,
            Ok(OneWire::Success) => Self::Success,
            Err(_) => Self::Unknown(Refused::of(&value.to_string()).text),
        }
    }

    /// The status of an order of this size that was placed; `immediate` when what does not trade at
    /// once is cancelled. An order that traded in part and was not immediate is unknown: whether
    /// its rest works has to be asked. Fills come on their own way and may come later.
    pub fn order_status(&self, qty: Decimal, immediate: bool) -> Status {
        match self {
            // A child counts as working while it waits: it may be placed at any moment.
            Self::Resting { .. } | Self::WaitingForFill | Self::WaitingForTrigger => {
                Status::Working
            }
            Self::Filled { qty: traded, .. } if traded.reduced() == qty => Status::Filled,
            Self::Filled { .. } if immediate => Status::Cancelled(CancelReason::Unfilled),
            Self::Refused(Refused { cause: Cause::Unfilled, .. }) => {
                Status::Cancelled(CancelReason::Unfilled)
            }
            // What was sent with the nonce first may have placed it.
            Self::Refused(Refused { cause: Cause::NonceUsed, .. })
            | Self::Filled { .. }
            | Self::Success
            | Self::Unknown(_) => Status::Unknown,
            Self::Refused(refused) => Status::Rejected(refused.cause.reject_reason()),
        }
    }

    /// The status of an order that was to be cancelled; `None` when the refused cancel says nothing
    /// about the order.
    pub fn cancel_status(&self) -> Option<Status> {
        match self {
            Self::Success => Some(Status::Cancelled(CancelReason::Requested)),
            // It has ended, or never was: which of them has to be asked.
            Self::Refused(Refused { cause: Cause::MissingOrder | Cause::NonceUsed, .. })
            | Self::Unknown(_) => Some(Status::Unknown),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct Wire {
    status: String,
    #[serde(default)]
    response: Response,
}

#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Response {
    Text(String),
    Typed(Typed),
    Other(serde::de::IgnoredAny),
    #[default]
    Nothing,
}

#[derive(Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    statuses: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum OneWire {
    Resting {
        oid: u64,
        #[serde(default)]
        cloid: Option<Cloid>,
    },
    Filled {
        oid: u64,
        #[serde(default)]
        cloid: Option<Cloid>,
        total_sz: Number,
        avg_px: Number,
    },
    Error(String),
    WaitingForFill,
    WaitingForTrigger,
    Success,
}

#[cfg(test)]
mod tests;
