//! How soon a thread is let in when it wakes. The only unsafe code of this crate.

use std::io;
use std::thread::{Builder, JoinHandle};

/// A thread that is let in soon when it wakes.
pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    Builder::new().name(format!("flyball-{name}")).spawn(move || {
        short();
        work()
    })
}

/// Ask the scheduler for short turns of the calling thread: whoever wants little at a time is let in
/// before those who are at a longer turn (Linux 6.12 and later; before that, and elsewhere, nothing
/// changes). Nobody needs to be privileged for it.
#[cfg(target_os = "linux")]
fn short() {
    /// The least that Linux takes.
    const TURN_NS: u64 = 100_000;
    /// `struct sched_attr`, of its first version: `sched(7)`, `sched_setattr(2)`.
    #[repr(C)]
    #[derive(Default)]
    struct Attributes {
        size: u32,
        policy: u32,
        flags: u64,
        nice: i32,
        priority: u32,
        runtime_ns: u64,
        deadline_ns: u64,
        period_ns: u64,
    }
    let size = u32::try_from(size_of::<Attributes>()).unwrap_or(0);
    let wanted = Attributes { size, runtime_ns: TURN_NS, ..Attributes::default() };
    #[expect(unsafe_code, reason = "the kernel only reads `wanted`, which is as long as it says")]
    // SAFETY: as above; the thread is the calling one, and no flags are set.
    unsafe {
        libc::syscall(libc::SYS_sched_setattr, 0, &raw const wanted, 0);
    }
}

/// Nothing to ask for.
#[cfg(not(target_os = "linux"))]
fn short() {}
