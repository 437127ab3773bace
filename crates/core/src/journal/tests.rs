use proptest::prelude::*;

use super::*;
use crate::domain::{
    Bar, Body, ClientOrderId, CommandOf, Decision, Depth, DepthKind, Direction, Event, Fill,
    InstrumentId, Intent, LedgerRecord, Level, Money, NetQty, Notice, Operator, Order, Price, Qty,
    Quotes, Rate, Restrainer, Restraint, Scope, SentinelState, Sequence, Side, Signal, StrategyId,
    SwitchName, Target, Touch, Trade, VenueOrderId,
};

fn level(ticks: i64, lots: u64) -> Level {
    Level { price: Price::from_ticks(ticks), qty: Qty::from_lots(lots) }
}

fn at(time_ns: i64, body: Body<'_>) -> Event<'_> {
    Event { time_ns, received_ns: time_ns + 5, body }
}

const IT: InstrumentId = InstrumentId::new(3);

fn samples(levels: &[Level]) -> Vec<Event<'_>> {
    let (bids, asks) = levels.split_at(levels.len() / 2);
    let fill = Fill {
        instrument: IT,
        client_order_id: ClientOrderId::new(9),
        venue_order_id: VenueOrderId::new(10),
        trade_id: 11,
        side: Side::Ask,
        price: Price::from_ticks(12),
        qty: Qty::from_lots(13),
        fee: Money::from_units(-14),
        maker: true,
        liquidation: false,
    };
    let bar = Bar {
        instrument: IT,
        interval_ns: 300,
        open: Price::from_ticks(1),
        high: Price::from_ticks(4),
        low: Price::from_ticks(-1),
        close: Price::from_ticks(2),
        volume: Qty::from_lots(9),
    };
    let trade = Trade {
        instrument: IT,
        aggressor: Side::Ask,
        price: Price::from_ticks(7),
        qty: Qty::from_lots(8),
        id: u64::MAX,
    };
    let depth = |kind, checksum| Depth {
        instrument: IT,
        kind,
        sequence: Sequence { first: 1, last: 2, previous: 3 },
        checksum,
        bids,
        asks,
    };
    let touch = Touch { instrument: IT, sequence: 5, bid: level(1, 2), ask: level(3, 4) };
    let decide = |intent| Decision { strategy: StrategyId::new(2), woken_ns: -4, intent };
    let signal = Signal {
        direction: Direction::Short,
        confidence: 0.25,
        stop: Some(Price::from_ticks(0)),
        take_profit: None,
        trailing: None,
        max_holding_ns: Some(1),
    };
    let target = Target {
        position: NetQty::from_lots(-4),
        stop: None,
        take_profit: Some(bar.open),
        trailing: None,
    };
    vec![
        at(8, Body::Decision(decide(Intent::Quotes(Quotes { bids, asks })))),
        at(9, Body::Decision(decide(Intent::Signal(signal)))),
        at(9, Body::Decision(decide(Intent::Target(target)))),
        at(1, Body::Depth(depth(DepthKind::Snapshot, Some(77)))),
        at(2, Body::Depth(depth(DepthKind::Diff, None))),
        at(-3, Body::Touch(touch)),
        at(4, Body::Trade(trade)),
        at(5, Body::Bar(bar)),
        at(6, Body::Fill(fill)),
        at(7, Body::Operator(Operator::Kill(Scope::Instrument(IT)))),
        at(8, Body::Sentinel(SentinelState::Restrains)),
        at(8, Body::Restraint(Restraint { by: Restrainer::Canary, share: Rate::ZERO })),
        at(8, Body::Ledger(LedgerRecord::Untold { amount: Money::from_units(-7) })),
        at(9, Body::Ledger(LedgerRecord::Worth { at_ns: 4, then: Money::ONE, now: Money::ZERO })),
        at(i64::MAX - 5, Body::Timer),
    ]
}

fn tripped() -> CommandOf<Order> {
    CommandOf::Notice(Notice::Tripped {
        switch: SwitchName::Drawdown,
        instrument: None,
        limit: crate::domain::Rate::from_ppm(50_000),
        actual: crate::domain::Rate::from_ppm(50_001),
    })
}

fn journal(copies: usize) -> Vec<u64> {
    let levels: Vec<_> = (0..7).map(|k| level(k, 10)).collect();
    let mut file = Vec::new();
    let mut writer = Writer::begin(SegmentKind::Journal, "{\"a\":1}", [0; 32], &mut file).unwrap();
    for _ in 0..copies {
        for event in samples(&levels) {
            writer.event(&event, &mut file).unwrap();
            writer.command(&tripped(), event.received_ns, &mut file).unwrap();
        }
    }
    writer.snapshot(&[1, 2, 3], 4, &mut file).unwrap();
    writer.end([7; 32], 5, &mut file).unwrap();
    file
}

fn read_all(words: &[u64]) -> Result<usize, (JournalError, Place)> {
    let reader = Reader::open(words).map_err(|error| (error, Place::default()))?;
    let mut cursor = reader.verifying_cursor();
    let mut count = 0;
    loop {
        match cursor.next() {
            Ok(Some(_)) => count += 1,
            Ok(None) => return Ok(count),
            Err(error) => return Err((error, cursor.place())),
        }
    }
}

#[test]
fn what_is_written_is_read_back() {
    let levels: Vec<_> = (0..7).map(|k| level(k, 10)).collect();
    let file = journal(1);
    let reader = Reader::open(&file).unwrap();
    assert_eq!((reader.about(), reader.kind()), ("{\"a\":1}", SegmentKind::Journal));
    let mut cursor = reader.verifying_cursor();
    for event in samples(&levels) {
        assert_eq!(cursor.next().unwrap(), Some(Entry::Event(event)));
        assert_eq!(cursor.next().unwrap(), Some(Entry::Command(tripped())));
    }
    assert_eq!(cursor.next().unwrap(), Some(Entry::Snapshot(&[1, 2, 3])));
    assert_eq!(cursor.next().unwrap(), Some(Entry::End([7; 32])));
    assert_eq!(cursor.next().unwrap(), None);
}

#[test]
fn every_flipped_bit_is_found_and_its_block_named() {
    let file = journal(300);
    let blocks = file.len() / block::BLOCK_WORDS;
    assert!(blocks > 3, "the test wants several blocks, has {blocks}");
    assert_eq!(read_all(&file), Ok(300 * 2 * samples(&[]).len() + 2));
    for word in (0..file.len()).step_by(37) {
        let mut altered = file.clone();
        altered[word] ^= 1 << (word % 64);
        let (_, place) = read_all(&altered).expect_err("a flipped bit was not found");
        assert!(place.byte <= word as u64 * 8, "word {word} named {place}");
    }
}

#[test]
fn a_cut_off_end_is_found() {
    let file = journal(300);
    for keep in [0, 3, 8, 100, file.len() / 2, file.len() - 1] {
        assert!(read_all(&file[..keep]).is_err(), "cut to {keep} words");
    }
}

#[test]
fn a_removed_block_is_found_although_every_checksum_is_right() {
    let file = journal(300);
    let reader = Reader::open(&file).unwrap();
    let mut cursor = reader.cursor();
    let start = cursor.next_block_for_test();
    cursor.next().unwrap();
    let end = cursor.words_read();
    let mut altered = file.clone();
    altered.drain(start..end);
    assert!(matches!(read_all(&altered), Err((JournalError::ChainBroken, _))));
}

#[test]
fn a_full_disk_keeps_what_is_in_hand() {
    struct Disk {
        room: usize,
        kept: Vec<u64>,
    }
    impl Sink for Disk {
        fn write(&mut self, words: &[u64]) -> Result<(), SinkError> {
            if words.len() > self.room {
                return Err(SinkError("no space left".into()));
            }
            self.room -= words.len();
            self.kept.extend_from_slice(words);
            Ok(())
        }
    }
    let mut disk = Disk { room: 64, kept: Vec::new() };
    let mut writer = Writer::begin(SegmentKind::Journal, "", [0; 32], &mut disk).unwrap();
    let event = at(1, Body::Timer);
    let error = (0..10_000).find_map(|_| writer.event(&event, &mut disk).err());
    assert!(error.is_some_and(|error| error.to_string().contains("no space left")));
    disk.room = usize::MAX;
    let records = writer.records();
    writer.end([0; 32], 1, &mut disk).unwrap();
    assert_eq!(read_all(&disk.kept), Ok(records as usize + 1), "nothing was lost");
}

#[test]
fn other_files_are_refused_in_words() {
    assert!(matches!(Reader::open(&[]), Err(JournalError::NotASegment)));
    assert!(matches!(Reader::open(&[1; 100]), Err(JournalError::NotASegment)));
    let mut file = journal(1);
    file[1] += 1;
    assert!(matches!(Reader::open(&file), Err(JournalError::Version { found: 2 })));
}

proptest! {
    #[test]
    fn any_words_decode_to_a_record_or_an_error(words in proptest::collection::vec(any::<u64>(), 0..64)) {
        let _ = decode(&words);
        let _ = read_all(&words);
    }

    #[test]
    fn a_damaged_header_never_panics(kind in 0_u8..14, flags: u8, length in 0_u64..40,
                                     rest in proptest::collection::vec(0_u64..50, 0..40)) {
        let mut words = vec![u64::from(kind) | (u64::from(flags) << 8) | (length << 32)];
        words.extend(rest);
        let _ = decode(&words);
    }
}
