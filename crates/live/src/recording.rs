//! A venue's market data, written down as it comes: lines of receive time and message, in files that
//! have their final name once they are complete.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use flyball_core::domain::{NEVER, SECOND};
use flyball_venues::hyperliquid::{PING, Subscription, subscribe};
use serde::Serialize;

use crate::clock::Clock;
use crate::duty::{Duty, Outcome, Todo};
use crate::io::{Endpoints, Io, Reach};
use crate::link::{Link, Step};

/// What is written reaches the file at least this often.
const FLUSH_EVERY_NS: i64 = SECOND;

/// When a file is ended and the next one begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// At this size.
    pub bytes: u64,
    /// At this age.
    pub ns: i64,
}

/// How a recording is doing. Counts are since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Messages that were written.
    pub lines: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Connections that were made.
    pub connects: u64,
    /// When something came last; 0 before.
    pub heard_ns: i64,
    /// Files that are complete.
    pub files: Vec<PathBuf>,
    /// Why nothing more is written, if that is so.
    pub failed: Option<String>,
}

/// A recording that goes on, on a thread of its own.
#[derive(Debug)]
pub struct Recording {
    reach: Reach<()>,
    thread: Option<JoinHandle<io::Result<()>>>,
    shared: Arc<Mutex<Progress>>,
}

impl Recording {
    /// Record these coins of a venue into a folder that is there.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the folder cannot be written, or the system gives no thread.
    pub fn start(
        endpoints: &Endpoints,
        coins: Vec<String>,
        folder: PathBuf,
        rotation: Rotation,
    ) -> io::Result<Self> {
        let clock = Clock::SYSTEM;
        let shared = Arc::new(Mutex::new(Progress::default()));
        let pages = Pages::new(folder, rotation, clock.now_ns())?;
        let io = Io::<Writing>::new(endpoints, clock, 0)?;
        let reach = io.reach();
        let mut writing = Writing {
            coins,
            link: Link::new(u64::from(std::process::id())),
            pages,
            todo: VecDeque::new(),
            progress: Progress::default(),
            shared: Arc::clone(&shared),
            flush_ns: i64::MIN,
        };
        let thread =
            std::thread::Builder::new().name("flyball-record".into()).spawn(move || {
                let outcome = io.run(&mut writing);
                writing.end();
                outcome
            })?;
        Ok(Self { reach, thread: Some(thread), shared })
    }

    /// How it is doing.
    pub fn progress(&self) -> Progress {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// End it: the last file gets its name.
    pub fn stop(mut self) -> Progress {
        self.end();
        self.progress()
    }

    fn end(&mut self) {
        self.reach.stop();
        if let Some(thread) = self.thread.take() {
            // What went wrong is in the progress.
            let _ended = thread.join();
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.end();
    }
}

/// The files of a recording, one after the other.
#[derive(Debug)]
struct Pages {
    folder: PathBuf,
    rotation: Rotation,
    page: Option<Page>,
}

/// A file that is being written, under a hidden name.
#[derive(Debug)]
struct Page {
    file: BufWriter<File>,
    draft: PathBuf,
    name: PathBuf,
    began_ns: i64,
    bytes: u64,
}

impl Page {
    fn new(folder: &Path, now_ns: i64) -> io::Result<Self> {
        let name = folder.join(format!("{now_ns}.jsonl"));
        let draft = folder.join(format!(".{now_ns}.jsonl.part"));
        let file = File::options().write(true).create_new(true).open(&draft)?;
        Ok(Self { file: BufWriter::new(file), draft, name, began_ns: now_ns, bytes: 0 })
    }

    /// Write a line. A message's own line ends become spaces: in JSON they mean the same.
    fn write(&mut self, text: &[u8], now_ns: i64) -> io::Result<()> {
        write!(self.file, "{now_ns} ")?;
        for (index, part) in text.split(|&byte| byte == b'\n' || byte == b'\r').enumerate() {
            if index > 0 {
                self.file.write_all(b" ")?;
            }
            self.file.write_all(part)?;
        }
        self.file.write_all(b"\n")?;
        self.bytes = self.bytes.saturating_add(text.len() as u64);
        Ok(())
    }

    /// Give it its name; without a line it goes.
    fn keep(mut self) -> io::Result<Option<PathBuf>> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        if self.bytes == 0 {
            fs::remove_file(&self.draft)?;
            return Ok(None);
        }
        fs::rename(&self.draft, &self.name)?;
        Ok(Some(self.name))
    }
}

impl Pages {
    fn new(folder: PathBuf, rotation: Rotation, now_ns: i64) -> io::Result<Self> {
        let page = Some(Page::new(&folder, now_ns)?);
        Ok(Self { folder, rotation, page })
    }

    /// Write a line; the file that it completed, if it did.
    fn write(&mut self, text: &[u8], now_ns: i64) -> io::Result<Option<PathBuf>> {
        let full = |page: &Page| {
            let age = now_ns.saturating_sub(page.began_ns);
            page.bytes > 0 && (page.bytes >= self.rotation.bytes || age >= self.rotation.ns)
        };
        let complete = if self.page.as_ref().is_some_and(full) { self.end()? } else { None };
        let page = match &mut self.page {
            Some(page) => page,
            none => none.insert(Page::new(&self.folder, now_ns)?),
        };
        page.write(text, now_ns)?;
        Ok(complete)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.page.as_mut().map_or(Ok(()), |page| page.file.flush())
    }

    /// Complete the file that is being written.
    fn end(&mut self) -> io::Result<Option<PathBuf>> {
        self.page.take().map_or(Ok(None), Page::keep)
    }
}

/// What the thread of a recording does.
#[derive(Debug)]
struct Writing {
    coins: Vec<String>,
    link: Link,
    pages: Pages,
    todo: VecDeque<Todo>,
    progress: Progress,
    shared: Arc<Mutex<Progress>>,
    flush_ns: i64,
}

impl Writing {
    fn tell(&mut self) {
        self.progress.connects = self.link.connects();
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = self.progress.clone();
    }

    fn fail(&mut self, error: &io::Error) {
        self.progress.failed = Some(format!("{}: {error}", self.pages.folder.display()));
        self.link.stop();
        self.todo.push_back(Todo::Close);
    }

    fn end(&mut self) {
        match self.pages.end() {
            Ok(file) => self.progress.files.extend(file),
            Err(error) => self.fail(&error),
        }
        self.tell();
    }
}

impl Duty for Writing {
    type Message = ();

    fn message(&mut self, (): (), _: i64) {}

    fn connected(&mut self, now_ns: i64) {
        self.link.connected(now_ns);
        for coin in &self.coins {
            let streams = [
                Subscription::L2Book { coin },
                Subscription::Bbo { coin },
                Subscription::Trades { coin },
                Subscription::ActiveAssetCtx { coin },
            ];
            // Ours can be written.
            self.todo.extend(streams.iter().flat_map(subscribe).map(Todo::Send));
        }
    }

    fn disconnected(&mut self, now_ns: i64) {
        if self.progress.failed.is_none() {
            self.link.disconnected(now_ns);
        }
    }

    fn frame(&mut self, text: &[u8], now_ns: i64) {
        self.link.heard(now_ns);
        if self.progress.failed.is_some() {
            return;
        }
        match self.pages.write(text, now_ns) {
            Ok(complete) => {
                self.progress.lines += 1;
                self.progress.bytes += text.len() as u64;
                self.progress.heard_ns = now_ns;
                self.progress.files.extend(complete);
            }
            Err(error) => self.fail(&error),
        }
    }

    fn answered(&mut self, _: u64, _: Outcome<'_>, _: i64) {}

    fn due_ns(&self) -> i64 {
        let flush = if self.progress.failed.is_some() { NEVER } else { self.flush_ns };
        self.link.due_ns().min(flush)
    }

    fn tick(&mut self, now_ns: i64) {
        match self.link.step(now_ns) {
            Some(Step::Connect) => self.todo.push_back(Todo::Connect),
            Some(Step::Close) => self.todo.push_back(Todo::Close),
            Some(Step::Ping) => self.todo.push_back(Todo::Send(PING.to_vec())),
            None => {}
        }
        if now_ns >= self.flush_ns {
            self.flush_ns = now_ns.saturating_add(FLUSH_EVERY_NS);
            if let Err(error) = self.pages.flush() {
                self.fail(&error);
            }
            self.tell();
        }
    }

    fn next_todo(&mut self) -> Option<Todo> {
        self.todo.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writing(folder: &Path, bytes: u64) -> Writing {
        let rotation = Rotation { bytes, ns: 10 * SECOND };
        Writing {
            coins: vec!["XRP".to_owned()],
            link: Link::new(1),
            pages: Pages::new(folder.to_owned(), rotation, 1).unwrap(),
            todo: VecDeque::new(),
            progress: Progress::default(),
            shared: Arc::default(),
            flush_ns: i64::MIN,
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_has_its_name_when_it_is_complete_and_holds_lines_of_time_and_message() {
        let folder = tempfile::tempdir().unwrap();
        let mut writing = writing(folder.path(), 20);
        writing.connected(5);
        assert_eq!(writing.todo.len(), 4, "one a stream");
        writing.frame(b"{\"channel\":\r\n\"pong\"}", 7);
        assert_eq!(names(folder.path()), [".1.jsonl.part"]);
        writing.frame(b"{}", 9);
        assert_eq!(names(folder.path()), [".9.jsonl.part", "1.jsonl"], "the first one is full");
        let text = fs::read_to_string(folder.path().join("1.jsonl")).unwrap();
        assert_eq!(text, "7 {\"channel\":  \"pong\"}\n");
        writing.frame(b"{}", 9 + 10 * SECOND);
        writing.end();
        assert_eq!(names(folder.path()).len(), 3, "old enough is full too");
        assert_eq!(writing.progress.lines, 3);
        assert_eq!(writing.progress.files.len(), 3);
    }

    #[test]
    fn a_recording_without_a_message_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut writing = writing(folder.path(), 20);
        writing.end();
        assert!(names(folder.path()).is_empty());
        assert_eq!(writing.progress.failed, None);
    }

    #[test]
    fn what_cannot_be_written_is_told_and_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut writing = writing(folder.path(), 1);
        writing.connected(1);
        writing.frame(b"{}", 2);
        fs::remove_dir_all(folder.path()).unwrap();
        writing.frame(b"{}", 3);
        writing.tick(4);
        assert!(writing.shared.lock().unwrap().failed.is_some());
        assert_eq!(writing.due_ns(), NEVER, "nothing is tried again");
    }
}
