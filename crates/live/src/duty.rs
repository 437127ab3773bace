//! What a thread with a connection does, without the thread and without the connection: bytes,
//! answers and time come in, things to do come out.

use flyball_core::domain::NEVER;

/// Something to do outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Todo {
    /// Connect the websocket.
    Connect,
    /// Close the websocket.
    Close,
    /// Send a text on the websocket.
    Send(Vec<u8>),
    /// Send an HTTP request.
    Ask {
        /// The number that the answer carries.
        id: u64,
        /// Where to.
        path: Path,
        /// JSON.
        body: Vec<u8>,
    },
}

/// Where an HTTP request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Questions.
    Info,
    /// Actions.
    Exchange,
}

impl Path {
    /// As the venue names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "/info",
            Self::Exchange => "/exchange",
        }
    }
}

/// An answer to a request: status and body; or nothing, and it may or may not have arrived.
pub type Outcome<'a> = Option<(u16, &'a [u8])>;

/// What a thread with a connection does.
pub trait Duty {
    /// What other threads tell it.
    type Message;

    /// Another thread says something.
    fn message(&mut self, message: Self::Message, now_ns: i64);

    /// The websocket stands.
    fn connected(&mut self, now_ns: i64);

    /// The websocket is gone, or could not be made.
    fn disconnected(&mut self, now_ns: i64);

    /// A text came on the websocket.
    fn frame(&mut self, text: &[u8], now_ns: i64);

    /// The answer to an HTTP request.
    fn answered(&mut self, id: u64, outcome: Outcome<'_>, now_ns: i64);

    /// When time alone makes something happen.
    fn due_ns(&self) -> i64 {
        NEVER
    }

    /// Time passed.
    fn tick(&mut self, now_ns: i64);

    /// The next thing to do outside, in order.
    fn next_todo(&mut self) -> Option<Todo>;

    /// What was to be sent on the websocket was handed to the system.
    fn handed_over(&mut self, _now_ns: i64) {}
}
