//! The journal's thread: what the engine records is written as soon as it comes, and waited for on
//! the disk every while. A journal that cannot be written is told, and tried again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use flyball_data::DataError;
use flyball_data::journal::Journal;

use crate::clock::Clock;
use crate::node::Keep;

const SYNC_EVERY: Duration = Duration::from_millis(500);
const TRY_AGAIN: Duration = Duration::from_millis(200);

enum Message {
    Words(Vec<u64>, u32),
    Snapshot(Vec<u8>),
    Chain(Sender<[u8; 32]>),
    End([u8; 32]),
}

/// How the journal is doing.
#[derive(Debug, Default)]
pub struct Health {
    failing: AtomicBool,
    queued: AtomicU64,
    written: AtomicU64,
}

impl Health {
    /// Whether the last write failed.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Records that were handed over and are not written yet.
    pub fn lag(&self) -> u64 {
        let written = self.written.load(Ordering::Relaxed);
        self.queued.load(Ordering::Relaxed).saturating_sub(written)
    }

    /// Records that were written.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }
}

/// The engine's end of the journal.
#[derive(Debug)]
pub struct Recorder {
    to: Sender<Message>,
    empty: Receiver<Vec<u64>>,
    /// What was recorded and not handed over yet.
    words: Vec<u64>,
    records: u32,
    health: Arc<Health>,
    thread: Option<JoinHandle<Result<(), DataError>>>,
}

impl Recorder {
    /// Write to this journal on a thread of its own.
    ///
    /// # Errors
    ///
    /// [`std::io::Error`] when the system gives no thread.
    pub fn start(journal: Journal, clock: Clock) -> std::io::Result<Self> {
        let (to, from) = mpsc::channel();
        let (back, empty) = mpsc::channel();
        let health = Arc::new(Health::default());
        let shared = Arc::clone(&health);
        let thread = std::thread::Builder::new()
            .name("flyball-journal".into())
            .spawn(move || Writing { journal, clock, from, back, health: shared }.run())?;
        Ok(Self { to, empty, words: Vec::new(), records: 0, health, thread: Some(thread) })
    }

    /// How it is doing.
    pub fn health(&self) -> Arc<Health> {
        Arc::clone(&self.health)
    }

    /// Hand what was recorded to the journal's thread, which may have to be woken for it: to be
    /// done when what is more urgent is done.
    pub fn hand_over(&mut self) {
        if self.records == 0 {
            return;
        }
        let mut next = self.empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(4_096));
        next.clear();
        let full = std::mem::replace(&mut self.words, next);
        // The thread ends only after us.
        let _sent = self.to.send(Message::Words(full, std::mem::take(&mut self.records)));
    }

    /// Record the engine's whole state.
    pub fn snapshot(&mut self, state: Vec<u8>) {
        self.hand_over();
        self.health.queued.fetch_add(1, Ordering::Relaxed);
        let _sent = self.to.send(Message::Snapshot(state));
    }

    /// Ask for the journal's hash over all that was recorded until now.
    pub fn chain(&mut self) -> Receiver<[u8; 32]> {
        self.hand_over();
        let (back, answer) = mpsc::channel();
        // Without a thread there is no answer either.
        let _sent = self.to.send(Message::Chain(back));
        answer
    }

    /// Close the journal with the hash of the final state, and wait until it is on the disk.
    ///
    /// # Errors
    ///
    /// [`DataError`] when what was recorded could not be written.
    pub fn end(mut self, state_hash: [u8; 32]) -> Result<(), DataError> {
        self.hand_over();
        let _sent = self.to.send(Message::End(state_hash));
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(outcome)) => outcome,
            _ => Ok(()),
        }
    }
}

impl Keep for Recorder {
    fn keep(&mut self, words: &mut Vec<u64>, records: u32) {
        if self.words.is_empty() {
            std::mem::swap(&mut self.words, words);
        } else {
            self.words.extend_from_slice(words);
        }
        words.clear();
        self.records = self.records.saturating_add(records);
        self.health.queued.fetch_add(u64::from(records), Ordering::Relaxed);
    }
}

struct Writing {
    journal: Journal,
    clock: Clock,
    from: Receiver<Message>,
    back: Sender<Vec<u64>>,
    health: Arc<Health>,
}

impl Writing {
    fn run(mut self) -> Result<(), DataError> {
        let mut synced = Instant::now();
        loop {
            let first = match self.from.recv_timeout(SYNC_EVERY) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return self.insist(Journal::sync),
            };
            let mut next = first;
            while let Some(message) = next {
                match message {
                    Message::End(hash) => {
                        self.insist(Journal::sync)?;
                        return self.journal.end(hash, self.clock.now_ns()).map(drop);
                    }
                    other => self.write(other)?,
                }
                next = self.from.try_recv().ok();
            }
            self.insist(Journal::flush)?;
            if synced.elapsed() >= SYNC_EVERY {
                self.insist(Journal::sync)?;
                synced = Instant::now();
            }
        }
    }

    fn write(&mut self, message: Message) -> Result<(), DataError> {
        let now = self.clock.now_ns();
        let records = match message {
            Message::Words(words, records) => {
                // The writer takes them in even when it cannot write them: only once.
                if let Err(error) = self.journal.append_words(&words, records, now) {
                    self.failed(error)?;
                }
                let _returned = self.back.send(words);
                u64::from(records)
            }
            Message::Snapshot(state) => {
                if let Err(error) = self.journal.snapshot(&state, now) {
                    self.failed(error)?;
                }
                1
            }
            Message::Chain(back) => {
                if let Ok(chain) = self.journal.chain() {
                    // Whoever asked may have gone.
                    let _told = back.send(chain);
                }
                0
            }
            Message::End(_) => 0,
        };
        self.health.written.fetch_add(records, Ordering::Relaxed);
        Ok(())
    }

    /// Do it until it is done. Nothing is lost meanwhile: the engine's records wait in memory.
    fn insist(&mut self, what: fn(&mut Journal) -> Result<(), DataError>) -> Result<(), DataError> {
        loop {
            match what(&mut self.journal) {
                Ok(()) => {
                    self.health.failing.store(false, Ordering::Relaxed);
                    return Ok(());
                }
                Err(error) => self.failed(error)?,
            }
        }
    }

    /// A full disk may have room again; a journal without a segment has no way on.
    fn failed(&self, error: DataError) -> Result<(), DataError> {
        self.health.failing.store(true, Ordering::Relaxed);
        if matches!(error, DataError::Journal { .. }) {
            return Err(error);
        }
        std::thread::sleep(TRY_AGAIN);
        Ok(())
    }
}
