//! A recording becomes a tape for the engine and tables for people, once.

mod table;
mod tables;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use flyball_core::domain::{ChecksumRule, Event, InstrumentId, InstrumentKind, InstrumentSpec};
use flyball_venues::Listings;
use serde::{Deserialize, Serialize};

use crate::DataError;
use crate::check::{CheckOptions, Checker, FindingKind, Place};
use crate::files::{Draft, draft_of, fingerprint};
use crate::recording::{Line, Oddity, Recording, Survey, Totals, Visit, read, survey};
use crate::tape::{About, Source, Table, Tape, TapeWriter};
use tables::{NAMES, Tables};

/// Changes whenever the same recording would give another tape or other tables.
const VERSION: u32 = 1;
const TAPE: &str = "tape.fbt";
/// The tape before it is known what to write into its header.
const BODY: &str = "body.fbt";

/// What to import, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportSpec {
    /// What people call it.
    pub name: String,
    /// Where it was recorded.
    pub venue: String,
    /// How a position in its instruments turns into money.
    pub kind: InstrumentKind,
    /// The files.
    pub recording: Recording,
    /// Its instruments, in the order of their ids. None means that they are inferred: tick and lot
    /// size are then the decimals in use, which takes a second look at the files.
    pub instruments: Vec<InstrumentSpec>,
    /// What the check goes by.
    pub check: CheckOptions,
}

impl ImportSpec {
    /// An import of this recording, whose instruments are inferred.
    pub fn new(name: &str, venue: &str, kind: InstrumentKind, recording: Recording) -> Self {
        let check = CheckOptions::new(recording.format.counts_trades());
        let (name, venue) = (name.to_owned(), venue.to_owned());
        Self { name, venue, kind, recording, instruments: Vec::new(), check }
    }
}

/// What an import is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It looks whether this was imported before.
    Hashing,
    /// It looks which instruments and decimals there are.
    Surveying,
    /// It decodes, checks and writes.
    Decoding,
    /// It writes the tape with its report, and gives the files their names.
    Finishing,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub stage: Stage,
    /// Bytes of the files that were read, each time they are read.
    pub bytes: u64,
    /// Bytes that will be read.
    pub total_bytes: u64,
    /// Events that were decoded.
    pub events: u64,
}

/// An import that is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// Where the tape is.
    pub tape: PathBuf,
    /// What it says about itself: counts, tables, and the report of the check.
    pub about: About,
    /// Whether it was done now; otherwise it was found done.
    pub fresh: bool,
}

/// Import a recording into a folder: `tape.fbt`, and the tables `depth.parquet`, `trades.parquet`,
/// `quotes.parquet`, `references.parquet`, `bars.parquet`, `funding.parquet` as far as it has
/// events for them.
///
/// An import of the same files with the same wishes is found done and not repeated. Files have
/// their names only when all of them are complete; the tape gets its name last. `progress` hears
/// how far it is and can end it.
///
/// # Errors
///
/// [`DataError`]: what is wrong with the recording, file and line; what cannot be written;
/// [`DataError::Cancelled`]. Nothing half done is left.
pub fn import_recording(
    spec: &ImportSpec,
    out_dir: impl AsRef<Path>,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Imported, DataError> {
    let out_dir = out_dir.as_ref();
    let is_new = !out_dir.exists();
    let imported = Import::new(spec, out_dir, progress).and_then(Import::run);
    if imported.is_err() && is_new {
        // Only if nothing is in it.
        let _ = std::fs::remove_dir(out_dir);
    }
    imported
}

struct Import<'a> {
    spec: &'a ImportSpec,
    out_dir: &'a Path,
    teller: Teller<'a>,
}

/// Tells of progress.
struct Teller<'a> {
    progress: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    now: Progress,
}

impl Teller<'_> {
    fn read(&mut self, bytes: u64) -> Result<(), DataError> {
        self.now.bytes = self.now.bytes.saturating_add(bytes);
        match (self.progress)(self.now) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(DataError::Cancelled),
        }
    }

    fn begin(&mut self, stage: Stage) -> Result<(), DataError> {
        self.now.stage = stage;
        self.read(0)
    }
}

impl<'a> Import<'a> {
    fn new(
        spec: &'a ImportSpec,
        out_dir: &'a Path,
        progress: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Self, DataError> {
        let mut bytes = 0_u64;
        for path in spec.recording.files() {
            let length = std::fs::metadata(path).map_err(DataError::open(path))?.len();
            bytes = bytes.saturating_add(length);
        }
        let times = if spec.instruments.is_empty() { 3 } else { 2 };
        let total_bytes = bytes.saturating_mul(times);
        let now = Progress { stage: Stage::Hashing, bytes: 0, total_bytes, events: 0 };
        Ok(Self { spec, out_dir, teller: Teller { progress, now } })
    }

    fn run(mut self) -> Result<Imported, DataError> {
        let sources = self.sources()?;
        let request = self.request()?;
        let tape = self.out_dir.join(TAPE);
        if let Some(about) = self.done_before(&tape, &sources, &request) {
            return Ok(Imported { tape, about, fresh: false });
        }
        std::fs::create_dir_all(self.out_dir).map_err(DataError::write(self.out_dir))?;
        let found = self.survey()?;
        let recording =
            Recording { interval_ns: Some(found.interval_ns), ..self.spec.recording.clone() };

        self.teller.begin(Stage::Decoding)?;
        let files = sources.iter().map(|source| source.file.clone()).collect();
        let tables = Tables::new(self.out_dir, &found.instruments, self.metadata(&sources)?);
        let mut decoding = Decoding {
            teller: &mut self.teller,
            body: TapeWriter::create(self.out_dir.join(BODY), "{}")?,
            tables,
            checker: Checker::new(&found.instruments, files, self.spec.check)?,
        };
        let lines = read(&recording, listings(&found.instruments)?, &mut decoding)?;
        let Decoding { body, tables, checker, .. } = decoding;
        let (_, body) = body.complete()?;
        let tables = tables.complete()?;

        self.teller.begin(Stage::Finishing)?;
        let mut about = self.about(found, checker, lines);
        (about.sources, about.importer) = (sources, request);
        about.tables = tables.iter().map(|(table, _)| table.clone()).collect();
        let written = self.write_tape(&tape, &body, &about)?;
        keep(written, tables)?;
        Ok(Imported { tape, about, fresh: true })
    }

    fn sources(&mut self) -> Result<Vec<Source>, DataError> {
        self.teller.begin(Stage::Hashing)?;
        let mut sources = Vec::new();
        for path in self.spec.recording.files() {
            let (bytes, blake3) = fingerprint(path, |bytes| self.teller.read(bytes))?;
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            sources.push(Source { file, bytes, blake3 });
        }
        Ok(sources)
    }

    /// The importer, and what it was asked for, but for the files.
    fn request(&self) -> Result<String, DataError> {
        let mut asked = self.spec.clone();
        asked.recording.funding = asked.recording.funding.map(|_| PathBuf::new());
        asked.recording.sources.clear();
        let hash = blake3::hash(json(&asked)?.as_bytes()).to_hex();
        Ok(format!("flyball-data importer {VERSION}, request {hash}"))
    }

    /// What was imported before, if it is the same as is asked for and still all there.
    fn done_before(&self, tape: &Path, sources: &[Source], request: &str) -> Option<About> {
        let about = Tape::open(tape).ok()?.details().ok()?;
        let same = about.sources == sources && about.importer == request;
        let whole = about.tables.iter().all(|table| self.out_dir.join(&table.file).is_file());
        (same && whole).then_some(about)
    }

    fn survey(&mut self) -> Result<Survey, DataError> {
        let Self { spec, teller, .. } = self;
        let given = spec.instruments.clone();
        if !given.is_empty() && (spec.recording.interval_ns.is_some() || !is_bars(spec)) {
            let interval_ns = spec.recording.interval_ns.unwrap_or(0);
            return Ok(Survey { instruments: given, interval_ns });
        }
        teller.begin(Stage::Surveying)?;
        let mut found = survey(&spec.recording, spec.kind, &mut |bytes| teller.read(bytes))?;
        if !given.is_empty() {
            found.instruments = given;
        }
        Ok(found)
    }

    /// What tables say about themselves.
    fn metadata(&self, sources: &[Source]) -> Result<Vec<(String, String)>, DataError> {
        let ImportSpec { name, venue, .. } = self.spec;
        Ok(vec![
            ("flyball.name".to_owned(), name.clone()),
            ("flyball.venue".to_owned(), venue.clone()),
            ("flyball.sources".to_owned(), json(&sources)?),
        ])
    }

    fn about(&self, found: Survey, checker: Checker, lines: Totals) -> About {
        let spec = self.spec;
        let report = checker.finish();
        let inferred = spec.instruments.is_empty();
        let mut instruments = found.instruments;
        let room = u32::try_from(report.counts.deepest).unwrap_or(u32::MAX);
        if inferred && room > 0 && report.count(FindingKind::BookFull) == 0 {
            let roomy = |it: &&mut InstrumentSpec| it.checksum_rule == ChecksumRule::Absent;
            for it in instruments.iter_mut().filter(roomy) {
                it.book_depth = room.saturating_add(1).next_power_of_two().max(1024);
            }
        }
        About {
            name: spec.name.clone(),
            venue: spec.venue.clone(),
            kind: spec.kind,
            format: spec.recording.format,
            instruments,
            inferred,
            interval_ns: is_bars(spec).then_some(found.interval_ns),
            counts_trades: spec.check.counts_trades,
            sources: Vec::new(),
            lines,
            report,
            tables: Vec::new(),
            importer: String::new(),
        }
    }

    /// The events again, behind a header that tells what was found in them.
    fn write_tape(&mut self, path: &Path, body: &Draft, about: &About) -> Result<Draft, DataError> {
        let body = Tape::open(body.place())?;
        let mut writer = TapeWriter::create(path, &json(about)?)?;
        let mut cursor = body.cursor()?;
        while let Some(event) = cursor.next()? {
            writer.event(&event)?;
            if cursor.events().is_multiple_of(1 << 16) {
                self.teller.read(0)?;
            }
        }
        Ok(writer.complete()?.1)
    }
}

fn is_bars(spec: &ImportSpec) -> bool {
    spec.recording.format == crate::recording::Format::Bars
}

fn json(value: &impl Serialize) -> Result<String, DataError> {
    serde_json::to_string(value).map_err(|error| DataError::Request(error.to_string()))
}

fn listings(instruments: &[InstrumentSpec]) -> Result<Listings, DataError> {
    let mut listings = Listings::new();
    for (id, spec) in (0..).zip(instruments) {
        let id = InstrumentId::new(id);
        let added = listings.add(id, &spec.symbol, spec.tick_size, spec.lot_size);
        added.map_err(|error| DataError::Request(error.to_string()))?;
    }
    Ok(listings)
}

/// Give all files their names, the tape last: where it is, the import is done. Tables of an earlier
/// import and what a killed one left go.
fn keep(tape: Draft, tables: Vec<(Table, Draft)>) -> Result<(), DataError> {
    let path = tape.path().to_owned();
    let out_dir = path.parent().unwrap_or(Path::new("")).to_owned();
    remove(&path)?;
    for name in NAMES {
        let file = format!("{name}.parquet");
        if !tables.iter().any(|(table, _)| table.file == file) {
            remove(&out_dir.join(&file))?;
            remove(&draft_of(&out_dir.join(&file)))?;
        }
    }
    for (_, table) in tables {
        table.keep()?;
    }
    tape.keep()
}

/// Remove a file, if it is there.
fn remove(path: &Path) -> Result<(), DataError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(DataError::write(path)(error))
        }
        _ => Ok(()),
    }
}

/// One pass over the events: to the tape, to the tables, to the check.
struct Decoding<'a, 'b> {
    teller: &'a mut Teller<'b>,
    body: TapeWriter,
    tables: Tables,
    checker: Checker,
}

impl Visit for Decoding<'_, '_> {
    #[inline]
    fn event(&mut self, event: &Event<'_>, line: Line) -> Result<(), DataError> {
        self.body.event(event)?;
        self.tables.event(event, self.body.events())?;
        self.checker.event(event, Place::Line(line))
    }

    fn oddity(&mut self, oddity: Oddity, time_ns: i64, line: Line) {
        let kind = match oddity {
            Oddity::DuplicateBar => FindingKind::DuplicateBar,
            Oddity::NoValue => FindingKind::NoValue,
            Oddity::Rounded => FindingKind::Rounded,
        };
        self.checker.note(kind, time_ns, Place::Line(line));
    }

    fn progress(&mut self, bytes: u64) -> Result<(), DataError> {
        self.teller.now.events = self.body.events();
        self.teller.read(bytes)
    }
}
