//! What a check found, for people and for programmes.

use serde::{Deserialize, Serialize};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Unusual: look at it before you trust results that depend on it.
    Warning,
    /// Something is missing or wrong.
    Error,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident: $severity:ident, $says:literal;)*) => {
        /// What kind of thing was found.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum FindingKind {
            $($(#[$doc])* $name,)*
        }

        impl FindingKind {
            /// How bad it is.
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$severity,)*
                }
            }

            /// What it means, in words.
            pub const fn says(self) -> &'static str {
                match self {
                    $(Self::$name => $says,)*
                }
            }
        }
    };
}

kinds! {
    /// Book messages are missing.
    SequenceGap: Error, "book messages are missing: the book was empty until the next snapshot";
    /// The venue's checksum is not that of the rebuilt book.
    WrongChecksum: Error, "the venue's checksum is not that of the rebuilt book";
    /// The book has more levels than there is room for.
    BookFull: Error, "the book has more levels than book_depth makes room for";
    /// Best bid and ask of the book overlap.
    CrossedBook: Error, "best bid and ask of the book overlap";
    /// Best bid and ask of a quote overlap.
    CrossedQuote: Warning, "best bid and ask of a quote overlap";
    /// A book message came before its snapshot and waited for it.
    Waiting: Note, "book messages came before their snapshot and waited for it";
    /// A book message was older than the book.
    Stale: Note, "book messages were older than the book and changed nothing";
    /// A book message came twice.
    DuplicateMessage: Note, "the same book message came twice in a row";
    /// A trade came twice.
    DuplicateTrade: Warning, "the same trade came twice";
    /// Numbers of trades are missing.
    MissingTrade: Warning, "numbers of trades are missing between those that came";
    /// Something was received before the venue sent it.
    NegativeLatency: Warning, "received before it was sent: the recorder's clock was slow";
    /// The recorder's clock went back.
    ReceivedBack: Warning, "the time of receipt went back";
    /// The venue's time of book messages went back.
    VenueTimeBack: Note, "the venue's time went back between two messages of one kind";
    /// A price far from its neighbours.
    Outlier: Warning, "a price is far from the median of its neighbours";
    /// A price that is none.
    ImpossiblePrice: Error, "a price is zero or negative";
    /// A bar whose prices contradict each other.
    BadBar: Error, "a bar's high is below its low, or its open or close lies outside them";
    /// Bars are missing.
    MissingBar: Warning, "bars are missing";
    /// A bar came twice; the second was left out.
    DuplicateBar: Warning, "a bar came twice; the second one was left out";
    /// Nothing was traded during a bar.
    ZeroVolumeBar: Note, "nothing was traded during a bar: an outage, a thin market, or no volumes";
    /// A row without a value was left out.
    NoValue: Warning, "a row has no value and was left out";
    /// A quantity was rounded to the nearest lot.
    Rounded: Note, "a quantity was a float artefact, or finer than a lot: the nearest lot was taken";
}

/// One case of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// When, by the event's own time: UTC nanoseconds since 1970.
    pub time_ns: i64,
    /// Where: file and line, or number of the event.
    pub place: String,
    /// What exactly.
    pub detail: String,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// How bad it is.
    pub severity: Severity,
    /// How often.
    pub count: u64,
    /// The first few cases.
    pub examples: Vec<Example>,
}

/// How many events of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All of them.
    pub events: u64,
    /// Book messages that replace the book.
    pub snapshots: u64,
    /// Book messages that change it.
    pub diffs: u64,
    /// Price levels in both.
    pub levels: u64,
    /// Best bid and ask.
    pub touches: u64,
    /// Trades.
    pub trades: u64,
    /// Bars.
    pub bars: u64,
    /// Mark and oracle prices.
    pub references: u64,
    /// Funding rates.
    pub funding_rates: u64,
    /// Most levels that one side of a book had.
    pub deepest: u64,
}

/// How long messages took: time received less the venue's time, ns. Of book messages; of trades
/// where there are no book messages. Messages without a time of one of the two are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Messages that tell.
    pub count: u64,
    /// Smallest.
    pub min_ns: i64,
    /// Half are smaller: to 1 % of its distance from the first one.
    pub median_ns: i64,
    /// 99 of 100 are smaller: to 1 % of its distance from the first one.
    pub p99_ns: i64,
    /// Largest.
    pub max_ns: i64,
    /// How many are below zero.
    pub negative: u64,
}

/// The longest time in which nothing came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// How long, ns.
    pub ns: i64,
    /// Since when: received, UTC nanoseconds since 1970.
    pub from_ns: i64,
    /// What ended it.
    pub place: String,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// How many events of each kind there are.
    pub counts: Counts,
    /// When the first event was received.
    pub first_ns: Option<i64>,
    /// When the last event was received.
    pub last_ns: Option<i64>,
    /// How long messages took.
    pub latency: Option<Latency>,
    /// What to add to the time received so that no message takes less than the smallest latency
    /// that is possible, ns. Zero when none does.
    pub clock_offset_ns: i64,
    /// The longest time in which nothing came; of bars and funding rates none.
    pub longest_silence: Option<Silence>,
    /// All findings, the worst first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// How often a kind of thing was found.
    pub fn count(&self, kind: FindingKind) -> u64 {
        self.findings.iter().find(|it| it.kind == kind).map_or(0, |it| it.count)
    }

    /// The worst that was found; `None` when nothing was.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|it| it.severity).max()
    }
}
