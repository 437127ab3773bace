//! What goes wrong while it crashes.

use flyball_core::backtest::{FeedTrouble, Trouble};
use flyball_core::domain::{HOUR, MINUTE, Qty, RejectReason};
use flyball_core::sim::Fault;
use serde::{Deserialize, Serialize};

/// A fault. Its time is the worst bar of the window, at least a quarter of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Nothing is wrong.
    None,
    /// The market's data stops, and does not come back.
    FeedDies,
    /// The same prices come again and again.
    FeedFreezes,
    /// The venue rejects every order.
    VenueRejects,
    /// What is sent is lost, and nobody answers: what an engine sees of a venue that says 5xx.
    VenueAway,
    /// The venue acts, and its answers and fills come when it is over.
    AcksLost,
    /// Orders trade a twentieth of the account at once, the rest is cancelled.
    PartialFills,
    /// The engine's process is killed, and started again when it is over.
    EngineKilled,
    /// The engine's process is killed, and started again after four minutes.
    EngineRestarted,
    /// The engine's clock jumps an hour ahead, and back when it is over.
    ClockAhead,
    /// The engine's clock jumps an hour back, and ahead again when it is over.
    ClockBack,
    /// The disk is full.
    DiskFull,
    /// The engine is gone for good, and only the sentinel is there.
    SentinelAlone,
    /// The venue's own protocol answers 5xx, over the session.
    Venue5xx,
}

impl FaultKind {
    /// Those that a cell can run in-process.
    pub const RUN: [Self; 11] = [
        Self::None,
        Self::FeedDies,
        Self::FeedFreezes,
        Self::VenueRejects,
        Self::VenueAway,
        Self::AcksLost,
        Self::PartialFills,
        Self::EngineKilled,
        Self::EngineRestarted,
        Self::ClockAhead,
        Self::ClockBack,
    ];

    /// Those that are not run here, and why.
    pub const NOT_RUN: [(Self, &'static str); 3] = [
        (Self::DiskFull, "needs files, and a live run"),
        (Self::SentinelAlone, "needs the sentinel's process: tests/integration/test_sentinel.py"),
        (Self::Venue5xx, "needs the session over the local exchange"),
    ];

    /// What figures call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::FeedDies => "feed_dies",
            Self::FeedFreezes => "feed_freezes",
            Self::VenueRejects => "venue_rejects",
            Self::VenueAway => "venue_away",
            Self::AcksLost => "acks_lost",
            Self::PartialFills => "partial_fills",
            Self::EngineKilled => "engine_killed",
            Self::EngineRestarted => "engine_restarted",
            Self::ClockAhead => "clock_ahead",
            Self::ClockBack => "clock_back",
            Self::DiskFull => "disk_full",
            Self::SentinelAlone => "sentinel_alone",
            Self::Venue5xx => "venue_5xx",
        }
    }

    /// What is wrong at this moment of a window whose storm lasts from `begin` to `end`.
    pub(crate) fn at(self, now: i64, (begin, end): (i64, i64)) -> Moment {
        let on = now >= begin && now < end;
        let mut moment = Moment::default();
        match self {
            Self::FeedDies if now >= begin => moment.trouble.feed = FeedTrouble::Dead,
            Self::FeedFreezes if on => moment.trouble.feed = FeedTrouble::Frozen,
            Self::VenueRejects => moment.rejects = on,
            Self::VenueAway => moment.trouble.commands_lost = on,
            Self::AcksLost => moment.trouble.answers_held = on,
            Self::PartialFills => moment.parts = true,
            Self::EngineKilled => moment.dead = on,
            Self::EngineRestarted => moment.dead = on && now < begin + 4 * MINUTE,
            Self::ClockAhead if on => moment.trouble.clock_ns = HOUR,
            Self::ClockBack if on => moment.trouble.clock_ns = -HOUR,
            _ => {}
        }
        moment
    }
}

/// What is wrong at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) trouble: Trouble,
    pub(crate) rejects: bool,
    pub(crate) parts: bool,
    pub(crate) dead: bool,
}

impl Moment {
    /// Whether the engine could not do anything about a position, whatever it wanted. One whose feed
    /// dies knows, and closes.
    pub(crate) fn helpless(self) -> bool {
        let Trouble { feed, commands_lost, answers_held, .. } = self.trouble;
        let frozen = feed == FeedTrouble::Frozen;
        frozen || commands_lost || answers_held || self.rejects || self.dead
    }

    /// What the venue does to the next order.
    pub(crate) fn fault(self, part: Qty) -> Option<Fault> {
        if self.rejects {
            Some(Fault::Reject(RejectReason::Other))
        } else if self.parts {
            Some(Fault::PartialFill(part))
        } else {
            None
        }
    }
}
