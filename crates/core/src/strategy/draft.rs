//! Where a strategy writes down what it wants.

use crate::domain::{Intent, Level, MAX_QUOTES, Quotes, Signal, Target};

/// A decision being written; used again for the next one.
#[derive(Clone, Debug)]
pub struct Draft {
    choice: Choice,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Choice {
    Nothing,
    Signal(Signal),
    Target(Target),
    Quotes,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            choice: Choice::Nothing,
            bids: Vec::with_capacity(MAX_QUOTES),
            asks: Vec::with_capacity(MAX_QUOTES),
        }
    }
}

impl Draft {
    /// Nothing new is wanted.
    pub fn clear(&mut self) {
        self.choice = Choice::Nothing;
        self.bids.clear();
        self.asks.clear();
    }

    /// This is wanted.
    pub fn write(&mut self, intent: &Intent<'_>) {
        self.clear();
        self.choice = match *intent {
            Intent::Signal(signal) => Choice::Signal(signal),
            Intent::Target(target) => Choice::Target(target),
            Intent::Quotes(Quotes { bids, asks }) => {
                self.bids.extend_from_slice(bids);
                self.asks.extend_from_slice(asks);
                Choice::Quotes
            }
        };
    }

    /// What is wanted, if something is.
    pub fn intent(&self) -> Option<Intent<'_>> {
        match self.choice {
            Choice::Nothing => None,
            Choice::Signal(signal) => Some(Intent::Signal(signal)),
            Choice::Target(target) => Some(Intent::Target(target)),
            Choice::Quotes => Some(Intent::Quotes(Quotes { bids: &self.bids, asks: &self.asks })),
        }
    }
}
