//! A thread with a websocket: waits for it, for other threads, for HTTP answers and for time, and
//! does what its [`Duty`] says.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};
use tungstenite::Message as Frame;

use crate::clock::Clock;
use crate::duty::{Duty, Todo};
use crate::measures::{Meters, Stage, TIMED_EVERY};
use crate::transport::{Ask, Broken, Http, Socket, Told};

const WAKE: Token = Token(0);
const SOCKET: Token = Token(1);
/// An HTTP request takes no longer than this, by the system's clock.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// However little there is to do, look at the clock this often.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

enum Inbound<M> {
    Message(M),
    Told(Told),
    Connected(u64, Result<Box<Socket>, Broken>),
    Stop,
}

/// How other threads reach a thread with a websocket.
#[derive(Debug)]
pub struct Reach<M> {
    to: Sender<Inbound<M>>,
    waker: Arc<Waker>,
}

impl<M> Clone for Reach<M> {
    fn clone(&self) -> Self {
        Self { to: self.to.clone(), waker: Arc::clone(&self.waker) }
    }
}

impl<M> Reach<M> {
    /// Tell it something.
    pub fn tell(&self, message: M) {
        self.send(Inbound::Message(message));
    }

    /// Make it end.
    pub fn stop(&self) {
        self.send(Inbound::Stop);
    }

    fn send(&self, inbound: Inbound<M>) {
        // A thread that has ended hears nothing more.
        if self.to.send(inbound).is_ok() {
            let _woken = self.waker.wake();
        }
    }
}

/// Where a thread's connections go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// `http://…` or `https://…`, without a path.
    pub http: String,
    /// `ws://…` or `wss://…`.
    pub websocket: String,
}

/// A thread with a websocket, before it runs.
#[derive(Debug)]
pub struct Io<D: Duty> {
    poll: Poll,
    from: Receiver<Inbound<D::Message>>,
    reach: Reach<D::Message>,
    endpoints: Endpoints,
    clock: Clock,
    http: Option<Http>,
    socket: Option<Box<Socket>>,
    /// Number of the connection that stands or is being made.
    attempt: u64,
    /// Where it is noted how long a frame takes, one of so many.
    meters: Option<Arc<Meters>>,
    frames: u64,
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
    pub fn new(endpoints: Endpoints, clock: Clock, requests: usize) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let (to, from) = mpsc::channel();
        let reach = Reach { to, waker };
        let http = if requests == 0 {
            None
        } else {
            let back = reach.clone();
            let told = move |told| back.send(Inbound::Told(told));
            Some(Http::start(&endpoints.http, requests, told)?)
        };
        Ok(Self {
            poll,
            from,
            reach,
            endpoints,
            clock,
            http,
            socket: None,
            attempt: 0,
            meters: None,
            frames: 0,
        })
    }

    /// Note how long its frames take to be taken in.
    #[must_use]
    pub fn timed(mut self, meters: Arc<Meters>) -> Self {
        self.meters = Some(meters);
        self
    }

    /// How other threads reach it.
    pub fn reach(&self) -> Reach<D::Message> {
        self.reach.clone()
    }

    /// Do the duty until somebody stops it.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the system cannot wait any more.
    pub fn run(mut self, duty: &mut D) -> io::Result<()> {
        let mut events = Events::with_capacity(16);
        loop {
            duty.tick(self.clock.now_ns());
            self.carry_out(duty);
            let wait = self.clock.until(duty.due_ns()).min(LONGEST_WAIT);
            match self.poll.poll(&mut events, Some(wait)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            if events.iter().any(|event| event.token() == SOCKET) {
                self.read(duty);
            }
            loop {
                match self.from.try_recv() {
                    Ok(Inbound::Stop) => return Ok(()),
                    Ok(inbound) => self.take(inbound, duty),
                    Err(_) => break,
                }
            }
        }
    }

    fn take(&mut self, inbound: Inbound<D::Message>, duty: &mut D) {
        let now = self.clock.now_ns();
        match inbound {
            Inbound::Message(message) => duty.message(message, now),
            Inbound::Told(Told { id, outcome }) => {
                let outcome = outcome.as_ref().ok();
                duty.answered(id, outcome.map(|(status, body)| (*status, body.as_slice())), now);
            }
            Inbound::Connected(attempt, outcome) if attempt == self.attempt => {
                let joined = outcome.ok().and_then(|mut socket| {
                    socket.register(self.poll.registry(), SOCKET).ok().map(|()| socket)
                });
                self.socket = joined;
                if self.socket.is_some() {
                    duty.connected(now);
                    self.carry_out(duty);
                    self.read(duty);
                } else {
                    duty.disconnected(now);
                }
            }
            Inbound::Connected(..) | Inbound::Stop => {}
        }
        self.carry_out(duty);
    }

    /// Read all that has come, and send what waited for room.
    fn read(&mut self, duty: &mut D) {
        while let Some(socket) = &mut self.socket {
            match socket.read() {
                Ok(Some(frame)) => {
                    let now = self.clock.now_ns();
                    self.frames = self.frames.wrapping_add(1);
                    let timed = self.meters.as_deref();
                    let timed = timed.filter(|_| self.frames.is_multiple_of(TIMED_EVERY));
                    let began = timed.map(|_| Instant::now());
                    match &frame {
                        Frame::Text(text) => duty.frame(text.as_bytes(), now),
                        Frame::Binary(bytes) => duty.frame(bytes, now),
                        _ => {}
                    }
                    if let (Some(meters), Some(began)) = (timed, began) {
                        meters.note_real(Stage::Decode, began.elapsed());
                    }
                    self.carry_out(duty);
                }
                Ok(None) => {
                    if socket.flush().is_err() {
                        self.close(duty);
                    }
                    return;
                }
                Err(_) => self.close(duty),
            }
        }
    }

    fn close(&mut self, duty: &mut D) {
        self.attempt += 1;
        if let Some(mut socket) = self.socket.take() {
            socket.deregister(self.poll.registry());
        }
        duty.disconnected(self.clock.now_ns());
    }

    /// Do what there is to do. Messages that go out together go out in one piece.
    fn carry_out(&mut self, duty: &mut D) {
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

    fn carry(&mut self, todo: Todo, duty: &mut D) {
        match todo {
            Todo::Connect => self.connect(),
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
    fn connect(&mut self) {
        self.attempt += 1;
        let (attempt, back) = (self.attempt, self.reach.clone());
        let url = self.endpoints.websocket.clone();
        let made = std::thread::Builder::new().name("flyball-connect".into()).spawn(move || {
            back.send(Inbound::Connected(attempt, Socket::connect(&url).map(Box::new)));
        });
        if let Err(error) = made {
            let outcome = Err(Broken(error.to_string()));
            self.reach.send(Inbound::Connected(attempt, outcome));
        }
    }
}
