use std::path::Path;

use flyball_core::domain::{Body, InstrumentId, Price, Qty, Side, Trade};

use super::*;

fn trade(id: u64) -> Event<'static> {
    let time_ns = i64::try_from(id).unwrap() * 1000;
    let body = Body::Trade(Trade {
        instrument: InstrumentId::new(0),
        aggressor: Side::Bid,
        price: Price::from_ticks(7),
        qty: Qty::from_lots(id),
        id,
    });
    Event { time_ns, received_ns: time_ns + 1, body }
}

fn write(path: &Path, events: u64) -> Chain {
    let mut writer = TapeWriter::create(path, "{\"name\":\"test\"}").unwrap();
    for id in 0..events {
        writer.event(&trade(id)).unwrap();
    }
    assert_eq!(writer.events(), events);
    writer.finish().unwrap()
}

#[test]
fn what_is_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tape.fbt");
    let chain = write(&path, 10_000);
    let tape = Tape::open(&path).unwrap();
    assert_eq!(tape.about(), "{\"name\":\"test\"}");
    let mut cursor = tape.cursor().unwrap();
    for id in 0..10_000 {
        assert_eq!(cursor.next().unwrap(), Some(trade(id)));
    }
    assert_eq!(cursor.next().unwrap(), None);
    assert_eq!(tape.verify().unwrap(), (10_000, chain));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
}

#[test]
fn a_damaged_tape_names_its_file_and_block() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tape.fbt");
    write(&path, 10_000);
    let whole = std::fs::read(&path).unwrap();

    let mut bytes = whole.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let error = Tape::open(&path).unwrap().verify().unwrap_err().to_string();
    assert!(error.contains("tape.fbt, block ") && error.contains("checksum"), "{error}");

    for length in [whole.len() - 8, (whole.len() / 2) & !7] {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(Tape::open(&path).unwrap().verify().is_err(), "cut to {length}");
    }
    std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
    assert!(Tape::open(&path).is_err(), "an odd length");
}

#[test]
fn other_files_are_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.fbt");
    let error = Tape::open(&path).unwrap_err().to_string();
    assert!(error.contains("x.fbt") && error.contains("check the path"), "{error}");
    for content in [&b""[..], b"hello", b"FLYBALL\n", &[0; 4096]] {
        std::fs::write(&path, content).unwrap();
        assert!(matches!(
            Tape::open(&path),
            Err(DataError::Segment { .. } | DataError::Open { .. })
        ));
    }
}
