//! The gateway, shared by all connections, and its clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, oneshot};

use crate::exchange::Reply;
use crate::gateway::{Delivered, Gateway, RequestId};
use crate::server::ServerConfig;
use crate::{ConnId, Peer};

/// The driver looks at the clock at least this often.
const LOOK: Duration = Duration::from_millis(20);
/// And at most this often.
const BREATH: Duration = Duration::from_millis(1);

/// What becomes of an HTTP request.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is answered.
    Answer(Reply),
    /// Its connection is cut.
    Cut,
    /// Nobody ever answers.
    Silent,
}

/// What a websocket's task is told.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// Send this.
    Text(Arc<str>),
    /// Say and hear nothing any more.
    Stall,
}

/// The gateway and who waits for something from it.
pub(super) struct Board {
    pub(super) gateway: Gateway,
    waiting: BTreeMap<RequestId, oneshot::Sender<Outcome>>,
    sockets: BTreeMap<ConnId, mpsc::Sender<Outgoing>>,
    number: u64,
}

/// The gateway, shared.
pub(super) struct Hub {
    board: Mutex<Board>,
    pub(super) config: ServerConfig,
    started: Instant,
    start_ns: i64,
    changed: Notify,
}

impl Hub {
    pub(super) fn new(gateway: Gateway, config: ServerConfig) -> Self {
        let start_ns = gateway.now_ns();
        let board = Board {
            gateway: gateway.telling_silence(),
            waiting: BTreeMap::new(),
            sockets: BTreeMap::new(),
            number: 0,
        };
        let started = Instant::now();
        Self { board: Mutex::new(board), config, started, start_ns, changed: Notify::new() }
    }

    /// The time of the exchange.
    pub(super) fn now_ns(&self) -> i64 {
        let elapsed = self.started.elapsed().as_secs_f64() * self.config.speed * 1e9;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a float turned to an integer saturates"
        )]
        let elapsed = elapsed as i64;
        self.start_ns.saturating_add(elapsed)
    }

    pub(super) fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Do something with the gateway, and tell everybody whom it concerns.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Gateway, i64) -> T) -> T {
        let now_ns = self.now_ns();
        let mut board = self.board();
        let outcome = act(&mut board.gateway, now_ns);
        board.hand_out();
        outcome
    }

    /// An HTTP request.
    pub(super) fn request(
        &self,
        peer: Peer,
        path: &str,
        body: &[u8],
    ) -> oneshot::Receiver<Outcome> {
        let (sender, receiver) = oneshot::channel();
        let now_ns = self.now_ns();
        let mut board = self.board();
        let id = RequestId(board.next());
        board.waiting.insert(id, sender);
        board.gateway.request(id, peer, (path, body), now_ns);
        board.hand_out();
        self.changed.notify_one();
        receiver
    }

    /// A websocket opens: what it is to send comes out of the receiver.
    pub(super) fn open(&self, peer: Peer) -> Result<Socket, Option<String>> {
        let (sender, receiver) = mpsc::channel(self.config.queue.max(1));
        let now_ns = self.now_ns();
        let mut board = self.board();
        let conn = ConnId(board.next());
        let opened = board.gateway.open(conn, peer, now_ns);
        opened.map_err(|refusal| refusal.map(|refusal| refusal.to_string()))?;
        board.sockets.insert(conn, sender);
        board.hand_out();
        Ok(Socket { conn, receiver })
    }

    /// A websocket is gone.
    pub(super) fn close(&self, conn: ConnId) {
        let now_ns = self.now_ns();
        let mut board = self.board();
        if board.sockets.remove(&conn).is_some() {
            board.gateway.close(conn, now_ns);
            board.hand_out();
        }
    }

    /// Let time go on, for ever.
    pub(super) async fn drive(&self) {
        loop {
            let next = self.with(|gateway, now_ns| {
                gateway.advance(now_ns);
                gateway.next_due_ns()
            });
            let ahead = next.map_or(i64::MAX, |next| next.saturating_sub(self.now_ns()));
            let ahead = u64::try_from(ahead).unwrap_or(0);
            let wait = Duration::from_nanos(ahead).div_f64(self.config.speed.max(0.01));
            tokio::select! {
                () = tokio::time::sleep(wait.clamp(BREATH, LOOK)) => {}
                () = self.changed.notified() => {}
            }
        }
    }
}

/// A websocket as its task sees it.
pub(super) struct Socket {
    pub(super) conn: ConnId,
    pub(super) receiver: mpsc::Receiver<Outgoing>,
}

impl Board {
    const fn next(&mut self) -> u64 {
        self.number = self.number.saturating_add(1);
        self.number
    }

    /// Hand out what the gateway delivered. Who reads too slowly is cut off.
    fn hand_out(&mut self) {
        let mut slow = Vec::new();
        for delivery in self.gateway.drain() {
            match delivery.what {
                Delivered::Answer(id, reply) => {
                    tell(&mut self.waiting, id, Outcome::Answer(reply));
                }
                Delivered::Cut(id) => tell(&mut self.waiting, id, Outcome::Cut),
                Delivered::Silent(id) => tell(&mut self.waiting, id, Outcome::Silent),
                Delivered::Text(conn, text) => {
                    let sender = self.sockets.get(&conn);
                    let sent = sender.map(|sender| sender.try_send(Outgoing::Text(text)));
                    if sent.is_some_and(|sent| sent.is_err()) {
                        slow.push(conn);
                    }
                }
                Delivered::Stalled(conn) => {
                    if let Some(sender) = self.sockets.get(&conn) {
                        let _ = sender.try_send(Outgoing::Stall);
                    }
                }
                // Without its sender the task ends.
                Delivered::Closed(conn) => drop(self.sockets.remove(&conn)),
            }
        }
        let now_ns = self.gateway.now_ns();
        for conn in slow {
            if self.sockets.remove(&conn).is_some() {
                self.gateway.close(conn, now_ns);
            }
        }
    }
}

fn tell(
    waiting: &mut BTreeMap<RequestId, oneshot::Sender<Outcome>>,
    id: RequestId,
    outcome: Outcome,
) {
    if let Some(sender) = waiting.remove(&id) {
        // Whoever waited may be gone.
        let _ = sender.send(outcome);
    }
}
