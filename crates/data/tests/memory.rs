//! Reading a tape takes no more memory however long it is.

use flyball_core::domain::{
    Body, Depth, DepthKind, Event, InstrumentId, Level, Price, Qty, Sequence,
};
use flyball_data::tape::{Tape, TapeWriter};

/// Memory of this process that is in use, bytes.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    text.split(' ').nth(1)?.parse::<u64>().ok()?.checked_mul(4096)
}

#[test]
fn memory_does_not_grow_with_the_tape() {
    let Some(before) = resident() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.fbt");
    let levels = vec![Level { price: Price::from_ticks(1), qty: Qty::from_lots(1) }; 100];
    let mut writer = TapeWriter::create(&path, "{}").unwrap();
    for number in 0..80_000 {
        let sequence = Sequence { first: number, last: number, previous: 0 };
        let instrument = InstrumentId::new(0);
        let (bids, asks) = levels.split_at(50);
        let kind = DepthKind::Diff;
        let depth = Depth { instrument, kind, sequence, checksum: None, bids, asks };
        let time_ns = i64::try_from(number).unwrap();
        writer.event(&Event { time_ns, received_ns: time_ns, body: Body::Depth(depth) }).unwrap();
    }
    writer.finish().unwrap();
    let tape = Tape::open(&path).unwrap();
    assert!(tape.bytes() > 120 << 20, "{}", tape.bytes());
    let mut cursor = tape.verifying_cursor().unwrap();
    let mut most = 0;
    while cursor.next().unwrap().is_some() {
        if cursor.events() % 1000 == 0 {
            most = most.max(resident().unwrap_or(0));
        }
    }
    assert_eq!(cursor.events(), 80_000);
    let grown = most.saturating_sub(before);
    assert!(grown < 32 << 20, "{} MB", grown >> 20);
}
