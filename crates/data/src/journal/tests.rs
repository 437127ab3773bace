use flyball_core::domain::{Body, Event};
use flyball_core::journal::{Entry, JournalError};

use super::*;

const ABOUT: &str = "{\"run\":1}";

fn tick(number: i64) -> Event<'static> {
    Event { time_ns: number, received_ns: number, body: Body::Timer }
}

/// A journal of `events` timers in segments of some 20 kB.
fn write(folder: &Path, events: i64) -> [u8; 32] {
    let mut journal = Journal::create(folder, ABOUT, 20_000).unwrap();
    for number in 0..events {
        journal.event(&tick(number)).unwrap();
    }
    journal.end([7; 32], events).unwrap()
}

fn read(folder: &Path) -> Result<Vec<i64>, DataError> {
    let reader = JournalReader::open(folder)?;
    let mut cursor = reader.cursor();
    let mut numbers = Vec::new();
    while let Some(entry) = cursor.next()? {
        match entry {
            Entry::Event(event) => numbers.push(event.time_ns),
            Entry::End(hash) => assert_eq!(hash, [7; 32]),
            other => panic!("{other:?}"),
        }
    }
    Ok(numbers)
}

#[test]
fn one_chain_runs_through_all_segments() {
    let folder = tempfile::tempdir().unwrap();
    let chain = write(folder.path(), 10_000);
    let reader = JournalReader::open(folder.path()).unwrap();
    assert!(reader.segments() > 5, "{}", reader.segments());
    assert_eq!(reader.about().unwrap(), ABOUT);
    assert_eq!(read(folder.path()).unwrap(), (0..10_000).collect::<Vec<_>>());
    let expected = Recovered { chain, entries: 10_001, closed: true, lost_bytes: 0 };
    assert_eq!(reader.recover().unwrap(), expected);
}

#[test]
fn a_segment_that_is_missing_swapped_or_foreign_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 10_000);
    let other = tempfile::tempdir().unwrap();
    write(other.path(), 9_999);
    let path = |number| segment_path(folder.path(), number);

    let third = std::fs::read(path(2)).unwrap();
    std::fs::copy(segment_path(other.path(), 3), path(2)).unwrap();
    let error = read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("000002.fbj: it does not follow"), "{error}");

    let mut altered = third.clone();
    let middle = altered.len() / 2;
    altered[middle] ^= 4;
    std::fs::write(path(2), &altered).unwrap();
    let error = read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("000002.fbj, block"), "{error}");

    std::fs::remove_file(path(2)).unwrap();
    let error = read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("000002.fbj: this segment is missing"), "{error}");
}

#[test]
fn a_crash_loses_the_torn_block_only_and_the_journal_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(folder.path(), ABOUT, 1 << 20).unwrap();
    for number in 0..100 {
        journal.event(&tick(number)).unwrap();
    }
    journal.sync().unwrap();
    for number in 100..200 {
        journal.event(&tick(number)).unwrap();
    }
    journal.flush().unwrap();
    drop(journal);
    // The power went while the second block was written.
    let path = segment_path(folder.path(), 0);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 1001]).unwrap();
    let error = read(folder.path()).unwrap_err();
    assert!(matches!(error, DataError::Segment { error: JournalError::Truncated, .. }));

    let (mut journal, recovered) = Journal::append(folder.path(), ABOUT, 1 << 20).unwrap();
    assert_eq!((recovered.entries, recovered.closed), (100, false));
    assert!(recovered.lost_bytes > 0);
    journal.event(&tick(300)).unwrap();
    journal.end([7; 32], 300).unwrap();
    let numbers = read(folder.path()).unwrap();
    assert_eq!(numbers, (0..100).chain([300]).collect::<Vec<_>>());
}

#[test]
fn a_crash_within_a_header_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(folder.path(), ABOUT, 1 << 20).unwrap();
    journal.event(&tick(1)).unwrap();
    journal.sync().unwrap();
    drop(journal);
    std::fs::write(segment_path(folder.path(), 1), b"FLYB").unwrap();
    let (mut journal, recovered) = Journal::append(folder.path(), ABOUT, 1 << 20).unwrap();
    assert_eq!((recovered.entries, journal.segment()), (1, 2));
    journal.event(&tick(2)).unwrap();
    journal.end([7; 32], 3).unwrap();
    assert_eq!(read(folder.path()).unwrap(), [1, 2]);
}

#[test]
fn what_is_there_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 10);
    let error = Journal::create(folder.path(), ABOUT, 1000).unwrap_err().to_string();
    assert!(error.contains("there is a journal here already"), "{error}");
    let empty = tempfile::tempdir().unwrap();
    let error = JournalReader::open(empty.path()).unwrap_err().to_string();
    assert!(error.contains("there is no journal here"), "{error}");
}

#[test]
fn a_full_disk_is_named_and_half_a_write_is_taken_back() {
    let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut file = JournalFile::create(folder.path(), 1000).unwrap();
    file.file = full;
    let error = file.write(&[1; 100]).unwrap_err();
    let error = file.failure(&error.0).to_string();
    assert!(error.contains("000000.fbj") && error.contains("free some space"), "{error}");
    assert_eq!(file.bytes(), 0);
}

#[test]
fn no_permission_says_what_to_do() {
    // Not even root makes folders here.
    let place = Path::new("/sys/flyball-test");
    if !Path::new("/sys/kernel").exists() {
        return;
    }
    let error = Journal::create(place, ABOUT, 1000).unwrap_err().to_string();
    assert!(error.contains("/sys/flyball-test") && error.contains("; "), "{error}");
}
