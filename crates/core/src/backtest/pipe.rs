//! Messages on their way. What was sent first arrives first, whatever the latency drawn for it.

use std::collections::VecDeque;

use crate::domain::NEVER;

#[derive(Debug)]
pub(super) struct Pipe<T> {
    waiting: VecDeque<(i64, T)>,
    last_ns: i64,
}

impl<T> Pipe<T> {
    pub(super) fn new() -> Self {
        Self { waiting: VecDeque::with_capacity(256), last_ns: i64::MIN }
    }

    pub(super) fn send(&mut self, arrives_ns: i64, message: T) {
        self.last_ns = self.last_ns.max(arrives_ns);
        self.waiting.push_back((self.last_ns, message));
    }

    /// When the next one arrives.
    #[inline]
    pub(super) fn next_ns(&self) -> i64 {
        self.waiting.front().map_or(NEVER, |(arrives, _)| *arrives)
    }

    pub(super) fn take(&mut self) -> Option<(i64, T)> {
        self.waiting.pop_front()
    }
}
