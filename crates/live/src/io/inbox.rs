//! What a thread waits for: other threads, its connections' sockets, and time.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::time::Duration;

use mio::{Events, Poll, Registry, Token, Waker};

use crate::clock::Clock;
use crate::io::alarm::Alarm;
use crate::transport::{Broken, Socket, Told};

const WAKE: Token = Token(0);
pub(super) const ALARM: Token = Token(1);
/// The connections' sockets are numbered from here.
const SOCKETS: usize = 2;

/// What comes to a thread from other threads.
#[derive(Debug)]
pub enum Inbound<M> {
    /// Somebody says something.
    Message(M),
    /// The connection of this number hears what was done for it.
    Line(usize, Done),
    /// The thread is to end.
    Stop,
}

/// What other threads did for a connection.
#[derive(Debug)]
pub enum Done {
    /// An HTTP request was answered, or will not be.
    Asked(Told),
    /// A websocket was made, or not: at which attempt.
    Connected(u64, Result<Box<Socket>, Broken>),
}

/// Nobody hears any more: the thread has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the thread has ended")]
pub struct Ended;

/// How other threads reach a thread that waits at an [`Inbox`].
#[derive(Debug)]
pub struct Reach<M> {
    to: SyncSender<Inbound<M>>,
    waker: Arc<Waker>,
    waiting: Arc<AtomicUsize>,
}

impl<M> Clone for Reach<M> {
    fn clone(&self) -> Self {
        let (waker, waiting) = (Arc::clone(&self.waker), Arc::clone(&self.waiting));
        Self { to: self.to.clone(), waker, waiting }
    }
}

impl<M> Reach<M> {
    /// Tell it something. Waits while it has more than it can take.
    ///
    /// # Errors
    ///
    /// [`Ended`].
    pub fn tell(&self, message: M) -> Result<(), Ended> {
        self.send(Inbound::Message(message))
    }

    /// Tell it something, without waiting: the message comes back when it has more than it can take.
    pub fn offer(&self, message: M) -> Option<M> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        match self.to.try_send(Inbound::Message(message)) {
            Ok(()) => {
                let _woken = self.waker.wake();
                return None;
            }
            Err(TrySendError::Full(Inbound::Message(message))) => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                return Some(message);
            }
            Err(_) => {}
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        None
    }

    /// Make it end.
    pub fn stop(&self) {
        // It may have ended already.
        let _ended = self.send(Inbound::Stop);
    }

    pub(super) fn send(&self, inbound: Inbound<M>) -> Result<(), Ended> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        if self.to.send(inbound).is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Ended);
        }
        let _woken = self.waker.wake();
        Ok(())
    }
}

/// Where a thread waits.
#[derive(Debug)]
pub struct Inbox<M> {
    poll: Poll,
    events: Events,
    alarm: Alarm,
    from: Receiver<Inbound<M>>,
    reach: Reach<M>,
}

impl<M> Inbox<M> {
    /// An inbox in which so many messages wait at most; whoever brings one more waits too.
    ///
    /// # Errors
    ///
    /// [`io::Error`] from the system.
    pub fn new(room: usize) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let alarm = Alarm::new(poll.registry())?;
        let (to, from) = mpsc::sync_channel(room);
        let reach = Reach { to, waker, waiting: Arc::default() };
        Ok(Self { poll, events: Events::with_capacity(16), alarm, from, reach })
    }

    /// How other threads reach it.
    pub fn reach(&self) -> Reach<M> {
        self.reach.clone()
    }

    /// Messages that wait.
    pub fn waiting(&self) -> usize {
        self.reach.waiting.load(Ordering::Relaxed)
    }

    /// Wait for something, for at most so long, and no longer than until `due_ns`.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the system cannot wait any more.
    pub fn wait(&mut self, clock: Clock, due_ns: i64, most: Duration) -> io::Result<()> {
        let wait = clock.until(due_ns).min(most);
        self.alarm.set(due_ns, wait)?;
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            outcome => outcome,
        }
    }

    /// Whether something came to the socket of this connection the last time that was waited.
    pub(super) fn has_come(&self, line: usize) -> bool {
        self.events.iter().any(|event| event.token() == socket(line))
    }

    /// The next message, without waiting.
    pub fn next(&self) -> Option<Inbound<M>> {
        let inbound = self.from.try_recv().ok()?;
        self.reach.waiting.fetch_sub(1, Ordering::Relaxed);
        Some(inbound)
    }

    pub(super) fn registry(&self) -> &Registry {
        self.poll.registry()
    }
}

/// The name of a connection's socket.
pub(super) const fn socket(line: usize) -> Token {
    Token(SOCKETS + line)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn whoever_brings_more_than_there_is_room_for_gets_it_back_or_waits() {
        let inbox = Inbox::new(1).unwrap();
        let reach = inbox.reach();
        assert_eq!(reach.offer(1), None);
        assert_eq!((reach.offer(2), inbox.waiting()), (Some(2), 1));
        let other = reach.clone();
        let thread = std::thread::spawn(move || other.tell(3));
        let mut heard = Vec::new();
        let until = Instant::now() + Duration::from_secs(5);
        while heard.len() < 2 && Instant::now() < until {
            if let Some(Inbound::Message(message)) = inbox.next() {
                heard.push(message);
            }
        }
        assert_eq!((heard.as_slice(), inbox.waiting()), ([1, 3].as_slice(), 0));
        thread.join().unwrap().unwrap();
        drop(inbox);
        assert_eq!((reach.tell(4), reach.offer(5)), (Err(Ended), None));
    }

    #[test]
    fn waits_to_the_moment_and_not_after_what_came() {
        let mut inbox = Inbox::<()>::new(8).unwrap();
        let clock = Clock::SYSTEM;
        for micros in [0, 300, 2_700] {
            let due_ns = clock.now_ns() + micros * 1_000;
            while clock.now_ns() < due_ns {
                inbox.wait(clock, due_ns, Duration::from_secs(5)).unwrap();
            }
        }
        let began = Instant::now();
        inbox.reach().tell(()).unwrap();
        inbox.wait(clock, i64::MAX, Duration::from_secs(60)).unwrap();
        assert!(began.elapsed() < Duration::from_secs(30) && inbox.next().is_some());
    }
}
