//! How other processes reach a run: a socket in the file system that only its owner can open. A
//! line of JSON in, a line out, as often as wanted; each connection has a thread of its own, so that
//! one that says nothing holds up none.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A request is no longer than this.
const MAX_REQUEST: u64 = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections at once; one more is closed.
const CONNECTIONS: usize = 32;

/// The socket of a run, while it goes on.
#[derive(Debug)]
pub struct Control {
    path: PathBuf,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    /// Listen at `path`. Each request is answered by `answer`.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when there is no listening.
    pub fn start<F>(path: &Path, answer: F) -> io::Result<Self>
    where
        F: Fn(&str) -> String + Send + Sync + 'static,
    {
        if path.exists() {
            fs::remove_file(path)?;
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        let ended = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&ended);
        let (answer, open) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
        let thread =
            std::thread::Builder::new().name("flyball-control".into()).spawn(move || {
                for stream in listener.incoming() {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    let Ok(stream) = stream else { continue };
                    let one = Seat::take(&open);
                    if one.is_none() {
                        continue;
                    }
                    let (answer, over) = (Arc::clone(&answer), Arc::clone(&over));
                    let named = std::thread::Builder::new().name("flyball-asked".into());
                    // One that goes wrong concerns only whoever asked.
                    let _made = named.spawn(move || {
                        let _served = serve(&stream, &*answer, &over);
                        drop(one);
                    });
                }
            })?;
        Ok(Self { path: path.to_owned(), ended, thread: Some(thread) })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that listens.
        let _woken = UnixStream::connect(&self.path);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
        let _removed = fs::remove_file(&self.path);
    }
}

/// A connection that counts as open until it is dropped.
struct Seat(Arc<AtomicUsize>);

impl Seat {
    fn take(open: &Arc<AtomicUsize>) -> Option<Self> {
        let seat = Self(Arc::clone(open));
        (open.fetch_add(1, Ordering::Relaxed) < CONNECTIONS).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn serve(
    stream: &UnixStream,
    answer: &impl Fn(&str) -> String,
    over: &AtomicBool,
) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(stream);
    while !over.load(Ordering::Relaxed) {
        let mut line = String::new();
        (&mut lines).take(MAX_REQUEST).read_line(&mut line)?;
        if !line.ends_with('\n') {
            return Ok(());
        }
        let mut said = answer(line.trim_end());
        said.push('\n');
        (&*stream).write_all(said.as_bytes())?;
    }
    Ok(())
}

/// Send one line to a run and read its answer.
///
/// # Errors
///
/// [`io::Error`] when there is no run, or it does not answer.
pub fn ask(path: &Path, request: &str) -> io::Result<String> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    (&stream).write_all(format!("{request}\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}
