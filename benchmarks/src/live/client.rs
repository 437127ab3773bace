//! A process that trades, and what it says.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use crate::{Fallible, wrong};

const PATIENCE: Duration = Duration::from_secs(20);

/// A process that trades.
pub(crate) struct Client {
    child: Child,
    lines: Receiver<String>,
}

impl Client {
    /// The engine: this programme, started again.
    pub(crate) fn engine(profile: &str, url: &str, folder: &Path, how: &str) -> Fallible<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["subject", profile, url]).arg(folder).arg(how);
        Self::start(command)
    }

    pub(crate) fn start(mut command: Command) -> Fallible<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().ok_or_else(|| wrong("it has no output"))?;
        let (to, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if to.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, lines })
    }

    /// The rest of the next line that begins so.
    pub(crate) fn wait_for(&self, begins: &str) -> Fallible<String> {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line.map_err(|_| wrong(format!("the client never said {begins:?}")))?;
            if let Some(rest) = line.strip_prefix(begins) {
                return Ok(rest.trim().to_owned());
            }
        }
    }

    /// The time in the next line that begins so.
    pub(crate) fn time_of(&self, begins: &str) -> Fallible<i64> {
        Ok(self.wait_for(begins)?.parse()?)
    }

    /// Let it end, and hear its last words, which are JSON.
    pub(crate) fn end(mut self) -> Fallible<serde_json::Value> {
        drop(self.child.stdin.take());
        let words = self.wait_for("{")?;
        self.child.wait()?;
        Ok(serde_json::from_str(&format!("{{{words}"))?)
    }

    /// Kill it.
    pub(crate) fn kill(mut self) -> Fallible<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}
