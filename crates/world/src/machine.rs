//! The machine and the process around a run. Simulated: a world in one thread has no memory, disk or
//! processor of its own. Numbers are those of live runs of some minutes; what such runs do not
//! show (stalls, other processes) is assumed.

use flyball_core::domain::{MILLISECOND, Random};

/// What the process and its machine say of themselves.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Host {
    /// Processor time so far, seconds.
    pub(crate) cpu_s: f64,
    /// Bytes.
    pub(crate) memory: f64,
    /// Bytes.
    pub(crate) disk_free: f64,
    /// Records that wait for the disk.
    pub(crate) lag: u64,
    /// Whether the disk takes nothing.
    pub(crate) failing: bool,
}

const MB: f64 = 1e6;
const FREE: f64 = 20_000.0 * MB;
/// Something that happens 24 times a day, per second.
const HOURLY: f64 = 24.0 / 86_400.0;

/// A machine.
#[derive(Debug)]
pub(crate) struct Machine {
    random: Random,
    level: f64,
    wanders: f64,
    jumped: f64,
    others: f64,
    others_jump: f64,
    cpu_s: f64,
    written: f64,
    /// Records until the second before.
    seen: f64,
    bytes: f64,
    stalled_s: f64,
    /// A leak: bytes a second.
    pub(crate) leaks: f64,
    /// Somebody fills the disk: bytes a second.
    pub(crate) fills: f64,
    /// The share of what is recorded that the disk cannot take.
    pub(crate) slow: f64,
    /// What leaked and what was filled up so far.
    leaked: f64,
    filled: f64,
}

impl Machine {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x6d61_6368);
        let level = 150.0 * MB * (0.25 * random.normal()).exp();
        Self {
            random,
            level,
            wanders: 0.0,
            jumped: 0.0,
            others: 0.0,
            others_jump: 0.0,
            cpu_s: 0.0,
            written: 0.0,
            seen: 0.0,
            bytes: 0.0,
            stalled_s: 0.0,
            leaks: 0.0,
            fills: 0.0,
            slow: 0.0,
            leaked: 0.0,
            filled: 0.0,
        }
    }

    /// A second has passed in which the engine took in so many events, and recorded so much.
    pub(crate) fn second(&mut self, events: u64, (records, bytes): (u64, u64)) -> Host {
        let random = &mut self.random;
        let often = |random: &mut Random| random.chance(HOURLY);
        // Memory that comes and goes, now and then a bit more for ten seconds.
        self.wanders = 0.998 * self.wanders + 0.12 * MB * random.normal();
        self.jumped *= 0.905;
        if often(random) {
            self.jumped += 8.0 * MB * random.uniform();
        }
        self.leaked += self.leaks;
        // Other programmes write to the same disk.
        self.others = 0.998 * self.others + 0.3 * MB * random.normal();
        self.others_jump *= 0.905;
        if often(random) {
            self.others_jump += 0.005 * FREE * random.uniform();
        }
        self.filled += self.fills;
        let free = FREE - self.others - self.others_jump - self.filled - self.bytes;
        let disk_free = free.max(0.0);
        self.write(records, bytes, disk_free > 0.0);
        let random = &mut self.random;
        let jump = if random.chance(2.0 * HOURLY) { 0.5 * random.uniform() } else { 0.0 };
        let used = 0.02 + 4e-4 * events as f64 + jump;
        self.cpu_s += (used * (0.1 * random.normal()).exp()).min(1.0);
        Host {
            cpu_s: self.cpu_s,
            memory: self.level + self.wanders + self.jumped + self.leaked,
            disk_free,
            lag: (records as f64 - self.written).max(0.0) as u64,
            failing: disk_free <= 0.0,
        }
    }

    /// The journal's thread writes what was recorded, unless the disk stalls or is too slow.
    fn write(&mut self, records: u64, bytes: u64, has_room: bool) {
        if self.random.chance(2.0 * HOURLY) {
            self.stalled_s = self.random.exponential(0.4).min(2.0);
        }
        let fresh = records as f64 - self.written;
        let stalled = self.stalled_s.min(1.0);
        self.stalled_s -= stalled;
        if has_room && fresh > 0.0 {
            let kept_up = if self.slow > 0.0 {
                (1.0 - self.slow) * (records as f64 - self.seen)
            } else {
                fresh
            };
            self.written += kept_up.min(fresh) * (1.0 - stalled);
            self.bytes = bytes as f64;
        }
        self.seen = records as f64;
    }

    /// How late a thread that sleeps for a second wakes.
    pub(crate) fn wakes_late_ns(&mut self) -> i64 {
        let late = self.random.exponential(0.3e6);
        let held =
            if self.random.chance(4.0 * HOURLY) { 120e6 * self.random.uniform() } else { 0.0 };
        (late + held).min(900.0 * MILLISECOND as f64) as i64
    }

    /// What leaked is given back, what was filled up is removed.
    pub(crate) fn mend(&mut self) {
        (self.leaks, self.fills, self.slow) = (0.0, 0.0, 0.0);
        (self.leaked, self.filled) = (0.0, 0.0);
    }
}
