//! Fault scripts: TOML, a list of `[[fault]]`.

use flyball_core::domain::MILLISECOND;
use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A message is lost: a request that never arrives, a push that is never seen.
    Drop,
    /// A message comes later.
    Delay,
    /// A message comes twice.
    Duplicate,
    /// A message is overtaken by those behind it.
    Reorder,
    /// The connection is cut.
    Disconnect,
    /// The websocket stays open and says nothing more, in neither direction.
    HalfOpen,
    /// HTTP 429 instead of an answer.
    TooManyRequests,
    /// HTTP 503 instead of an answer.
    ServerError,
    /// An order that takes finds only a part of what is there.
    PartialFill,
    /// Orders are rejected.
    Reject,
    /// The action is executed and its answer lost.
    LostAck,
    /// Market data stops while the connection lives.
    FrozenFeed,
    /// Market data shows absurd prices.
    WildPrice,
    /// The venue's clock is wrong.
    ClockSkew,
    /// The venue goes away and comes back with all its state.
    Restart,
}

/// Which messages it happens to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// All.
    #[default]
    Any,
    /// Requests to `/info`.
    Info,
    /// Requests to `/exchange`.
    Exchange,
    /// Posts over a websocket.
    Post,
    /// Market data over a websocket.
    Market,
    /// An account's own streams over a websocket.
    User,
}

impl Target {
    /// Whether a fault of this target concerns a message of `other`.
    pub fn covers(self, other: Self) -> bool {
        self == Self::Any || self == other
    }

    const fn is_request(self) -> bool {
        matches!(self, Self::Any | Self::Info | Self::Exchange | Self::Post)
    }

    const fn is_action(self) -> bool {
        matches!(self, Self::Any | Self::Exchange | Self::Post)
    }

    const fn is_stream(self) -> bool {
        matches!(self, Self::Any | Self::Market | Self::User)
    }
}

/// One line of a script.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: Kind,
    /// For which messages.
    #[serde(default)]
    pub target: Target,
    /// How probable it is for each message, 0 to 1. Without it: for every message while it lasts;
    /// `disconnect`, `half_open`, `restart` and `clock_skew` then happen when their window begins.
    #[serde(default)]
    pub probability: Option<f64>,
    /// From when, ms after the start of the exchange.
    #[serde(default)]
    pub from_ms: u64,
    /// Until when; without it: for ever.
    #[serde(default)]
    pub until_ms: Option<u64>,
    /// It comes back this often from `from_ms` on.
    #[serde(default)]
    pub every_ms: Option<u64>,
    /// How long it lasts each time.
    #[serde(default)]
    pub lasts_ms: Option<u64>,
    /// How long a message is held up.
    #[serde(default)]
    pub delay_ms: u64,
    /// By how much more, at random, up to.
    #[serde(default)]
    pub jitter_ms: u64,
    /// `wild_price`: what prices are multiplied with. `partial_fill`: the share that is found.
    #[serde(default)]
    pub factor: Option<f64>,
    /// `clock_skew`: how far the venue's clock is ahead; negative is behind.
    #[serde(default)]
    pub skew_ms: i64,
    /// `server_error`: whether the action was executed all the same.
    #[serde(default)]
    pub executed: bool,
    /// `restart`: how long only post-only orders are taken afterwards.
    #[serde(default)]
    pub post_only_ms: u64,
}

/// What is wrong with a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// It is no TOML, or has keys or values that are unknown.
    #[error("{0}")]
    Toml(String),
    /// A line makes no sense.
    #[error("fault {number} ({kind:?}): {reason}")]
    Fault {
        /// Which one, from 1.
        number: usize,
        /// What it is about.
        kind: Kind,
        /// What is wrong.
        reason: &'static str,
    },
}

/// A script.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Its lines.
    #[serde(default)]
    pub fault: Vec<Fault>,
}

impl Script {
    /// Read a script.
    ///
    /// # Errors
    ///
    /// [`ScriptError`].
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let script: Self =
            toml::from_str(text).map_err(|error| ScriptError::Toml(error.to_string()))?;
        script.check()?;
        Ok(script)
    }

    /// Check that its lines make sense.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Fault`] naming the first that does not.
    pub fn check(&self) -> Result<(), ScriptError> {
        for (at, fault) in self.fault.iter().enumerate() {
            fault.check().map_err(|reason| ScriptError::Fault {
                number: at.saturating_add(1),
                kind: fault.kind,
                reason,
            })?;
        }
        Ok(())
    }
}

/// Milliseconds of a script as nanoseconds.
pub(crate) fn nanos(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(MILLISECOND)
}

impl Fault {
    /// A fault of this kind with nothing else said.
    pub const fn new(kind: Kind, target: Target) -> Self {
        Self {
            kind,
            target,
            probability: None,
            from_ms: 0,
            until_ms: None,
            every_ms: None,
            lasts_ms: None,
            delay_ms: 0,
            jitter_ms: 0,
            factor: None,
            skew_ms: 0,
            executed: false,
            post_only_ms: 0,
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.probability.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
            return Err("probability must lie between 0 and 1");
        }
        if self.every_ms == Some(0) {
            return Err("every_ms must be above 0");
        }
        if self.until_ms.is_some_and(|until| until <= self.from_ms) {
            return Err("until_ms must be above from_ms");
        }
        if self.every_ms.zip(self.lasts_ms).is_some_and(|(every, lasts)| lasts > every) {
            return Err("lasts_ms must not be above every_ms");
        }
        match self.kind {
            Kind::Delay | Kind::Reorder if self.delay_ms == 0 && self.jitter_ms == 0 => {
                Err("needs delay_ms or jitter_ms")
            }
            Kind::TooManyRequests | Kind::ServerError if !self.target.is_request() => {
                Err("is about requests: target info, exchange, post or any")
            }
            Kind::PartialFill | Kind::Reject | Kind::LostAck if !self.target.is_action() => {
                Err("is about actions: target exchange, post or any")
            }
            Kind::HalfOpen if !self.target.is_stream() => {
                Err("is about websockets: target market, user or any")
            }
            Kind::FrozenFeed | Kind::WildPrice if !self.target.covers(Target::Market) => {
                Err("is about market data: target market or any")
            }
            Kind::WildPrice if !self.factor.is_some_and(|f| (0.01..=100.0).contains(&f)) => {
                Err("needs a factor between 0.01 and 100")
            }
            Kind::PartialFill if !self.factor.is_some_and(|f| (0.0..1.0).contains(&f)) => {
                Err("needs a factor of at least 0 and below 1")
            }
            Kind::ClockSkew if self.skew_ms == 0 => Err("needs skew_ms"),
            Kind::ClockSkew | Kind::Restart if self.probability.is_some() => {
                Err("happens at a time: no probability")
            }
            Kind::Restart if self.lasts_ms.is_none() => Err("needs lasts_ms"),
            _ => Ok(()),
        }
    }

    /// Whether it happens once when its window begins, and not to each message.
    pub(super) const fn is_timed(&self) -> bool {
        matches!(self.kind, Kind::Disconnect | Kind::HalfOpen | Kind::Restart | Kind::ClockSkew)
            && self.probability.is_none()
    }

    /// The window that holds at `since` (ns after the start), as its beginning and its end.
    pub(super) fn window(&self, since: i64) -> Option<(i64, i64)> {
        let from = nanos(self.from_ms);
        let until = self.until_ms.map_or(i64::MAX, nanos);
        if since < from || since >= until {
            return None;
        }
        let (begin, length) = match self.every_ms {
            Some(every) => {
                let every = nanos(every);
                let past = since.saturating_sub(from).checked_rem(every).unwrap_or(0);
                (since.saturating_sub(past), self.lasts_ms.map_or(every, nanos))
            }
            None => (from, self.lasts_ms.map_or(i64::MAX, nanos)),
        };
        let end = begin.saturating_add(length.max(1)).min(until);
        (since < end).then_some((begin, end))
    }

    /// When its next window begins, at `since` or later.
    pub(super) fn next_begin(&self, since: i64) -> Option<i64> {
        let from = nanos(self.from_ms);
        let begin = match self.every_ms {
            _ if since <= from => from,
            None => return None,
            Some(every) => {
                let every = nanos(every);
                let past = since.saturating_sub(from);
                let full = past.saturating_add(every.saturating_sub(1)).checked_div(every)?;
                from.saturating_add(full.saturating_mul(every))
            }
        };
        (begin < self.until_ms.map_or(i64::MAX, nanos)).then_some(begin)
    }
}
