//! Threads with connections: they wait for sockets, for other threads, for HTTP answers and for
//! time, all at one place.

mod alarm;
mod inbox;
mod line;

use std::io;
use std::time::Duration;

use crate::clock::Clock;
use crate::duty::Duty;

pub use inbox::{Done, Ended, Inbound, Inbox, Reach};
pub use line::Line;

/// However little there is to do, look at the clock this often.
const LONGEST_WAIT: Duration = Duration::from_millis(500);
/// Messages that wait for a thread with one connection.
const ROOM: usize = 1_024;
/// Frames that are read before others are heard.
pub(crate) const AT_ONCE: usize = 64;
/// The only connection of such a thread.
const ONLY: usize = 0;

/// Where a thread's connections go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// `http://…` or `https://…`, without a path.
    pub http: String,
    /// `ws://…` or `wss://…`.
    pub websocket: String,
}

/// A thread with one connection and nothing else to do, before it runs.
#[derive(Debug)]
pub struct Io<D: Duty> {
    inbox: Inbox<D::Message>,
    line: Line<D::Message>,
    clock: Clock,
}

impl<D: Duty> Io<D>
where
    D::Message: Send + 'static,
{
    /// Prepare a thread. With `requests` threads for HTTP beside it.
    ///
    /// # Errors
    ///
    /// [`io::Error`] from the system.
    pub fn new(endpoints: &Endpoints, clock: Clock, requests: usize) -> io::Result<Self> {
        let inbox = Inbox::new(ROOM)?;
        let line = Line::new(&inbox, ONLY, endpoints, clock, requests)?;
        Ok(Self { inbox, line, clock })
    }

    /// How other threads reach it.
    pub fn reach(&self) -> Reach<D::Message> {
        self.inbox.reach()
    }

    /// Do the duty until somebody stops it.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the system cannot wait any more.
    pub fn run(mut self, duty: &mut D) -> io::Result<()> {
        loop {
            duty.tick(self.clock.now_ns());
            self.line.carry_out(duty);
            let most = if self.line.is_readable() { Duration::ZERO } else { LONGEST_WAIT };
            self.inbox.wait(self.clock, duty.due_ns(), most)?;
            self.line.look(&self.inbox);
            while let Some(inbound) = self.inbox.next() {
                match inbound {
                    Inbound::Message(message) => {
                        duty.message(message, self.clock.now_ns());
                        self.line.carry_out(duty);
                    }
                    Inbound::Line(_, done) => self.line.done(done, duty),
                    Inbound::Stop => return Ok(()),
                }
            }
            // However much comes, others are heard in between.
            for _ in 0..AT_ONCE {
                if !self.line.read(duty) {
                    break;
                }
            }
        }
    }
}
