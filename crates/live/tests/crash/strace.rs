//! Looking at the system calls of a process, and stopping it at one of them, with `strace`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// Where in a system call the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// On entering it: the system does nothing of what it was called for.
    Before,
    /// On leaving it: the system has done it, and the thread does not hear of it.
    After,
}

impl Edge {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Before => "entering",
            Self::After => "leaving",
        }
    }
}

/// Why system calls cannot be stopped at here, if so.
pub(crate) fn missing() -> Option<String> {
    let mut sleeper = Command::new("sleep").arg("5").spawn().ok()?;
    let traced = Command::new("strace")
        .args(["-p", &sleeper.id().to_string(), "-o", "/dev/null"])
        .stderr(Stdio::piped())
        .spawn();
    let reason = match traced {
        Err(_) => Some("strace is not here (on Debian: apt-get install strace)".to_owned()),
        Ok(mut child) => {
            let mut line = String::new();
            let _read = BufReader::new(child.stderr.take().unwrap()).read_line(&mut line);
            let _gone = child.kill();
            child.wait().unwrap();
            (!line.contains("attached")).then(|| {
                format!(
                    "strace may not trace: {} (kernel.yama.ptrace_scope=0 lets it)",
                    line.trim()
                )
            })
        }
    };
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    reason
}

/// The threads of a process by name; `flyball-http-0` and its like are one.
pub(crate) fn threads(process: u32) -> BTreeMap<u32, String> {
    let all = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let named = all.filter_map(|it| {
        let path = it.ok()?.path();
        let name = std::fs::read_to_string(path.join("comm")).ok()?;
        let name = name.trim().trim_start_matches("flyball-");
        let name = if name.starts_with("http") { "http" } else { name };
        Some((path.file_name()?.to_str()?.parse().ok()?, name.to_owned()))
    });
    named.collect()
}

/// A trace of some threads.
pub(crate) struct Tracer {
    child: Child,
    lines: Receiver<String>,
    held: bool,
}

impl Tracer {
    fn start(threads: &[u32], more: &[&str]) -> Self {
        let mut command = Command::new("strace");
        for thread in threads {
            command.args(["-p", &thread.to_string()]);
        }
        let mut child = command.args(more).stderr(Stdio::piped()).spawn().unwrap();
        let (to, lines) = mpsc::channel();
        let said = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                if to.send(line).is_err() {
                    return;
                }
            }
        });
        for thread in threads {
            let line = lines.recv_timeout(Duration::from_secs(10)).unwrap();
            // Some threads live for one request only.
            let gone = line.contains("No such process");
            assert!(gone || line.contains("attached"), "strace -p {thread}: {line}");
        }
        Self { child, lines, held: false }
    }

    /// Stop the process at the `number`th call of this name by one of these threads. Before the
    /// call strace kills it. After the call strace holds the thread: see [`Tracer::holds`].
    pub(crate) fn stop_at(threads: &[u32], call: &str, edge: Edge, number: u64) -> Self {
        let how = match edge {
            Edge::Before => "signal=SIGKILL",
            Edge::After => "delay_exit=60000000",
        };
        let inject = format!("inject={call}:{how}:when={number}");
        Self::start(threads, &["-e", &format!("trace={call}"), "-e", &inject])
    }

    /// Write down every call of all threads of a process, in this file.
    pub(crate) fn record(process: u32, file: &Path) -> Self {
        Self::start(&[process], &["-f", "-ttt", "-y", "-s", "0", "-o", file.to_str().unwrap()])
    }

    /// Whether a thread stands between a call that was done and what comes after it.
    pub(crate) fn holds(&mut self) -> bool {
        self.held |= self.lines.try_iter().any(|line| line.contains("(DELAYED)"));
        self.held
    }

    /// Let go.
    pub(crate) fn end(mut self) {
        let id = self.child.id().to_string();
        // Interrupted, it writes what it has to write.
        let _told = Command::new("kill").args(["-INT", &id]).status();
        let until = Instant::now() + Duration::from_millis(500);
        while Instant::now() < until && self.child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let _gone = self.child.kill();
        self.child.wait().unwrap();
    }
}

/// A system call, as it was written down.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) thread: u32,
    /// By the system's clock.
    pub(crate) at_s: f64,
    pub(crate) name: String,
    /// What it was about, where it was about a file or a socket.
    pub(crate) about: &'static str,
}

/// What was written down: calls by when they were entered.
pub(crate) fn read(file: &Path) -> Vec<Call> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().filter_map(call).collect()
}

fn call(line: &str) -> Option<Call> {
    let (thread, rest) = line.split_once(' ')?;
    let (at, rest) = rest.trim_start().split_once(' ')?;
    let (name, arguments) = rest.split_once('(')?;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let about = [
        ("/outbox", "outbox"),
        ("/run-", "journal"),
        ("eventfd", "waker"),
        ("TCP:", "venue"),
        ("socket:", "venue"),
    ];
    let about = about.iter().find(|(part, _)| arguments.contains(part)).map_or("", |it| it.1);
    let call =
        Call { thread: thread.parse().ok()?, at_s: at.parse().ok()?, name: name.to_owned(), about };
    plain.then_some(call)
}
