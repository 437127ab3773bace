//! A connection to a venue: a websocket, and HTTP beside it. It belongs to a thread that waits at an
//! [`Inbox`], and does what a [`Duty`] says.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::Registry;
use tungstenite::Message as Frame;

use crate::clock::Clock;
use crate::duty::{Duty, Todo};
use crate::io::Endpoints;
use crate::io::inbox::{self, Done, Inbound, Inbox, Reach};
use crate::measures::{Meters, Stage, TIMED_EVERY};
use crate::transport::{Ask, Broken, Http, Socket, Told};

/// An HTTP request takes no longer than this, by the system's clock.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection. What its duty is, is said at each call: it must always be the same one.
#[derive(Debug)]
pub struct Line<M> {
    /// Its number at the inbox.
    number: usize,
    back: Reach<M>,
    registry: Registry,
    clock: Clock,
    websocket: String,
    http: Option<Http>,
    socket: Option<Box<Socket>>,
    /// Number of the connection that stands or is being made.
    attempt: u64,
    /// Whether there may be more to read.
    readable: bool,
    /// Where it is noted how long a frame takes, one of so many.
    meters: Option<Arc<Meters>>,
    frames: u64,
    /// When there was nothing more to read.
    dry: Instant,
}

impl<M: Send + 'static> Line<M> {
    /// A connection that does not stand yet, with `requests` threads for HTTP beside it. No two at
    /// an inbox have the same number.
    ///
    /// # Errors
    ///
    /// [`io::Error`] from the system.
    pub fn new(
        inbox: &Inbox<M>,
        number: usize,
        endpoints: &Endpoints,
        clock: Clock,
        requests: usize,
    ) -> io::Result<Self> {
        let back = inbox.reach();
        let http = if requests == 0 {
            None
        } else {
            let back = back.clone();
            // Nobody asks any more when the thread has ended.
            let told = move |told| _ = back.send(Inbound::Line(number, Done::Asked(told)));
            Some(Http::start(&endpoints.http, requests, told)?)
        };
        Ok(Self {
            number,
            back,
            registry: inbox.registry().try_clone()?,
            clock,
            websocket: endpoints.websocket.clone(),
            http,
            socket: None,
            attempt: 0,
            readable: false,
            meters: None,
            frames: 0,
            dry: Instant::now(),
        })
    }

    /// Note how long its frames take to be taken in.
    #[must_use]
    pub fn timed(mut self, meters: Arc<Meters>) -> Self {
        self.meters = Some(meters);
        self
    }

    /// Other threads did something for it.
    pub fn done(&mut self, done: Done, duty: &mut impl Duty) {
        match done {
            Done::Asked(Told { id, outcome }) => {
                let outcome = outcome.as_ref().ok();
                let outcome = outcome.map(|(status, body)| (*status, body.as_slice()));
                duty.answered(id, outcome, self.clock.now_ns());
            }
            Done::Connected(attempt, outcome) if attempt == self.attempt => {
                self.connected(outcome, duty);
            }
            // It is wanted no more.
            Done::Connected(..) => {}
        }
        self.carry_out(duty);
    }

    fn connected(&mut self, outcome: Result<Box<Socket>, Broken>, duty: &mut impl Duty) {
        let token = inbox::socket(self.number);
        self.socket = outcome
            .ok()
            .and_then(|mut socket| socket.register(&self.registry, token).ok().map(|()| socket));
        let now = self.clock.now_ns();
        if self.socket.is_some() {
            self.may_read();
            duty.connected(now);
        } else {
            duty.disconnected(now);
        }
    }

    /// Look whether something came to the socket, or there is room for what waits to be sent, the
    /// last time that was waited at its inbox.
    pub fn look(&mut self, inbox: &Inbox<M>) {
        if inbox.has_come(self.number) {
            self.may_read();
        }
    }

    fn may_read(&mut self) {
        if !self.readable {
            self.readable = true;
            self.dry = Instant::now();
        }
    }

    /// Whether there may be more to read.
    pub const fn is_readable(&self) -> bool {
        self.readable
    }

    /// For how long there has always been something more to read, by the system's clock.
    pub fn behind(&self) -> Duration {
        if self.readable { self.dry.elapsed() } else { Duration::ZERO }
    }

    /// Take in one frame, if there is one: whether there was. When there is none any more, what
    /// waited for room is sent.
    pub fn read(&mut self, duty: &mut impl Duty) -> bool {
        if !self.readable {
            return false;
        }
        let came = self.socket.as_mut().map_or(Ok(None), |socket| socket.read());
        match came {
            Ok(Some(frame)) => {
                self.frame(&frame, duty);
                self.carry_out(duty);
                return true;
            }
            Ok(None) => {
                self.readable = false;
                self.dry = Instant::now();
                if self.flush().is_err() {
                    self.close(duty);
                }
            }
            Err(_) => self.close(duty),
        }
        false
    }

    fn frame(&mut self, frame: &Frame, duty: &mut impl Duty) {
        let now = self.clock.now_ns();
        self.frames = self.frames.wrapping_add(1);
        let timed = self.meters.as_deref();
        let timed = timed.filter(|_| self.frames.is_multiple_of(TIMED_EVERY));
        let began = timed.map(|_| Instant::now());
        match frame {
            Frame::Text(text) => duty.frame(text.as_bytes(), now),
            Frame::Binary(bytes) => duty.frame(bytes, now),
            _ => {}
        }
        if let (Some(meters), Some(began)) = (timed, began) {
            meters.note_real(Stage::Decode, began.elapsed());
        }
    }

    fn close(&mut self, duty: &mut impl Duty) {
        self.attempt += 1;
        self.readable = false;
        if let Some(mut socket) = self.socket.take() {
            socket.deregister(&self.registry);
        }
        duty.disconnected(self.clock.now_ns());
    }

    /// Do what there is to do. Messages that go out together go out in one piece.
    pub fn carry_out(&mut self, duty: &mut impl Duty) {
        let mut queued = false;
        loop {
            while let Some(todo) = duty.next_todo() {
                queued |= matches!(todo, Todo::Send(_));
                self.carry(todo, duty);
            }
            if !std::mem::take(&mut queued) {
                return;
            }
            if self.flush().is_err() {
                self.close(duty);
            } else {
                duty.handed_over(self.clock.now_ns());
            }
        }
    }

    fn carry(&mut self, todo: Todo, duty: &mut impl Duty) {
        match todo {
            Todo::Connect => self.connect(duty),
            Todo::Close => {
                // It is closed whatever becomes of what waited.
                let _sent = self.flush();
                self.close(duty);
            }
            Todo::Send(bytes) => {
                let text = String::from_utf8(bytes).unwrap_or_default();
                let queued = self.socket.as_mut().map(|socket| socket.queue(text));
                if matches!(queued, Some(Err(_))) {
                    self.close(duty);
                }
            }
            Todo::Ask { id, path, body } => match &self.http {
                Some(http) => {
                    let path = path.as_str();
                    http.ask(Ask { id, path, body, timeout: ASK_TIMEOUT });
                }
                None => duty.answered(id, None, self.clock.now_ns()),
            },
        }
    }

    fn flush(&mut self) -> Result<(), Broken> {
        self.socket.as_mut().map_or(Ok(()), |socket| socket.flush())
    }

    /// Connect on a thread of its own: names and handshakes take their time.
    fn connect(&mut self, duty: &mut impl Duty) {
        self.attempt += 1;
        let (number, attempt, back) = (self.number, self.attempt, self.back.clone());
        let url = self.websocket.clone();
        let made = std::thread::Builder::new().name("flyball-connect".into()).spawn(move || {
            let outcome = Socket::connect(&url).map(Box::new);
            // Nobody wants it any more when the thread has ended.
            let _ended = back.send(Inbound::Line(number, Done::Connected(attempt, outcome)));
        });
        if made.is_err() {
            duty.disconnected(self.clock.now_ns());
        }
    }
}
