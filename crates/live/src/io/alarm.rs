//! Time that is waited for together with sockets: to the microsecond where the system has timers for
//! it, else to the millisecond, in which [`mio`] counts.

use std::io;
use std::time::Duration;

use mio::Registry;

#[cfg(target_os = "linux")]
pub(super) use linux::Alarm;

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::{AsRawFd, OwnedFd};

    use mio::Interest;
    use mio::unix::SourceFd;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    use super::{Duration, Registry, io};
    use crate::io::inbox::ALARM;

    /// Ends a wait.
    #[derive(Debug)]
    pub(in crate::io) struct Alarm {
        timer: OwnedFd,
        /// For when it is set, by the clock of whoever waits.
        due_ns: i64,
    }

    impl Alarm {
        pub(in crate::io) fn new(registry: &Registry) -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            registry.register(&mut SourceFd(&timer.as_raw_fd()), ALARM, Interest::READABLE)?;
            Ok(Self { timer, due_ns: i64::MIN })
        }

        /// End the wait that begins now after so long, at `due_ns`. It is not read: setting it
        /// makes it silent, and what it said once is not heard again.
        pub(in crate::io) fn set(&mut self, due_ns: i64, wait: Duration) -> io::Result<()> {
            // Whole milliseconds need no alarm, and one that is set for then goes off by itself.
            if wait.is_zero()
                || wait.subsec_nanos().is_multiple_of(1_000_000)
                || self.due_ns == due_ns
            {
                return Ok(());
            }
            self.due_ns = due_ns;
            let value = Timespec {
                tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: wait.subsec_nanos().into(),
            };
            let once =
                Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
            timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
            Ok(())
        }
    }
}

/// Ends no wait: it ends up to a millisecond later by itself.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub(super) struct Alarm;

#[cfg(not(target_os = "linux"))]
impl Alarm {
    pub(super) fn new(_: &Registry) -> io::Result<Self> {
        Ok(Self)
    }

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as on Linux")]
    pub(super) fn set(&mut self, _: i64, _: Duration) -> io::Result<()> {
        Ok(())
    }
}
