use super::*;
use crate::domain::{Sequence, SequenceRule};

fn book(rule: SequenceRule, checksum: ChecksumRule) -> Book {
    let mut spec = crate::testing::xrp_spec();
    spec.sequence_rule = rule;
    spec.checksum_rule = checksum;
    Book::new(&Instrument::new(InstrumentId::new(0), &spec).unwrap())
}

fn level(ticks: i64, lots: u64) -> Level {
    Level { price: Price::from_ticks(ticks), qty: Qty::from_lots(lots) }
}

struct Message {
    kind: DepthKind,
    sequence: Sequence,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

impl Message {
    fn send(&self, to: &mut Book) -> Result<Applied, BookError> {
        to.apply(&Depth {
            instrument: InstrumentId::new(0),
            kind: self.kind,
            sequence: self.sequence,
            checksum: None,
            bids: &self.bids,
            asks: &self.asks,
        })
    }
}

fn snapshot(last: u64, bids: &[(i64, u64)], asks: &[(i64, u64)]) -> Message {
    diff((0, last, 0), bids, asks, DepthKind::Snapshot)
}

fn diff(n: (u64, u64, u64), bids: &[(i64, u64)], asks: &[(i64, u64)], kind: DepthKind) -> Message {
    let levels = |all: &[(i64, u64)]| all.iter().map(|&(t, l)| level(t, l)).collect();
    Message {
        kind,
        sequence: Sequence { first: n.0, last: n.1, previous: n.2 },
        bids: levels(bids),
        asks: levels(asks),
    }
}

fn bids(n: (u64, u64, u64), bids: &[(i64, u64)]) -> Message {
    diff(n, bids, &[], DepthKind::Diff)
}

fn best(book: &Book) -> Option<(i64, i64)> {
    book.best().map(|best| (best.bid.price.ticks(), best.ask.price.ticks()))
}

#[test]
fn changes_that_come_before_their_snapshot_are_kept() {
    // The trap of the recordings: a snapshot that is older than changes already received.
    let mut book = book(SequenceRule::Contiguous, ChecksumRule::Absent);
    assert_eq!(bids((8, 9, 0), &[(96, 1)]).send(&mut book), Ok(Applied::Waits));
    assert_eq!(bids((10, 11, 0), &[(98, 1)]).send(&mut book), Ok(Applied::Waits));
    assert_eq!(bids((12, 12, 0), &[(99, 1)]).send(&mut book), Ok(Applied::Waits));
    assert_eq!(best(&book), None, "nothing is shown before the snapshot");

    let applied = snapshot(10, &[(97, 1)], &[(101, 1)]).send(&mut book);

    assert_eq!(applied, Ok(Applied::Changed));
    assert_eq!(best(&book), Some((99, 101)));
    assert_eq!(book.qty_at(Side::Bid, Price::from_ticks(96)), Qty::ZERO, "9 is older than 10");
    assert_eq!(book.sequence(), 12);
}

#[test]
fn a_gap_hides_the_book_until_a_snapshot_heals_it() {
    let mut book = book(SequenceRule::Contiguous, ChecksumRule::Absent);
    snapshot(10, &[(97, 1)], &[(101, 1)]).send(&mut book).unwrap();
    bids((11, 11, 0), &[(98, 1)]).send(&mut book).unwrap();

    let error = bids((13, 14, 0), &[(99, 1)]).send(&mut book).unwrap_err();

    assert_eq!(error, BookError::Gap { expected: 12, actual: 13 });
    assert_eq!((best(&book), book.state()), (None, BookState::Broken));
    assert_eq!(bids((15, 15, 0), &[(96, 5)]).send(&mut book), Ok(Applied::Waits));
    let applied = snapshot(13, &[(97, 1)], &[(101, 1)]).send(&mut book);
    assert_eq!(applied, Ok(Applied::Healed));
    assert_eq!(best(&book), Some((99, 101)), "what waited was applied");
    assert_eq!(book.qty_at(Side::Bid, Price::from_ticks(96)), Qty::from_lots(5));
}

#[test]
fn a_snapshot_older_than_what_waits_is_a_gap_and_keeps_what_waits() {
    let mut book = book(SequenceRule::Contiguous, ChecksumRule::Absent);
    bids((20, 21, 0), &[(99, 1)]).send(&mut book).unwrap();
    let error = snapshot(10, &[(97, 1)], &[(101, 1)]).send(&mut book).unwrap_err();
    assert_eq!(error, BookError::Gap { expected: 11, actual: 20 });
    assert_eq!(best(&book), None);
    snapshot(20, &[(97, 1)], &[(101, 1)]).send(&mut book).unwrap();
    assert_eq!(best(&book), Some((99, 101)));
}

#[test]
fn futures_messages_name_the_one_before() {
    let mut book = book(SequenceRule::NamesPrevious, ChecksumRule::Absent);
    snapshot(100, &[(97, 1)], &[(101, 1)]).send(&mut book).unwrap();
    // The first after a snapshot begins inside it; later ones may skip numbers.
    assert_eq!(bids((95, 105, 90), &[(98, 1)]).send(&mut book), Ok(Applied::Changed));
    assert_eq!(bids((110, 115, 105), &[(99, 1)]).send(&mut book), Ok(Applied::Changed));
    assert_eq!(
        bids((120, 125, 118), &[(100, 1)]).send(&mut book),
        Err(BookError::Gap { expected: 115, actual: 118 })
    );
}

#[test]
fn a_snapshot_may_end_where_a_futures_message_ends() {
    let mut book = book(SequenceRule::NamesPrevious, ChecksumRule::Absent);
    bids((95, 100, 90), &[(98, 1)]).send(&mut book).unwrap();
    snapshot(100, &[(97, 1)], &[(101, 1)]).send(&mut book).unwrap();
    // Its numbers begin later, but it names the message that the snapshot holds.
    assert_eq!(bids((110, 115, 100), &[(99, 1)]).send(&mut book), Ok(Applied::Changed));
}

#[test]
fn a_crossed_book_is_hidden_until_it_is_parted() {
    let mut book = book(SequenceRule::Contiguous, ChecksumRule::Absent);
    snapshot(10, &[(97, 1)], &[(101, 1)]).send(&mut book).unwrap();
    bids((11, 11, 0), &[(101, 4)]).send(&mut book).unwrap();
    assert_eq!((best(&book), book.state()), (None, BookState::Crossed));
    assert_eq!(book.levels(Side::Bid).count(), 0);
    let parted = diff((12, 12, 0), &[], &[(101, 0), (102, 3)], DepthKind::Diff);
    assert_eq!(parted.send(&mut book), Ok(Applied::Healed));
    assert_eq!(best(&book), Some((101, 102)));
}

#[test]
fn a_touch_ahead_of_the_book_wins_until_the_book_catches_up() {
    let mut book = book(SequenceRule::Contiguous, ChecksumRule::Absent);
    snapshot(10, &[(97, 1)], &[(101, 1)]).send(&mut book).unwrap();
    let touch = |sequence, bid, ask| Touch {
        instrument: InstrumentId::new(0),
        sequence,
        bid: level(bid, 1),
        ask: level(ask, 1),
    };
    assert_eq!(book.apply_touch(&touch(12, 98, 100)), Applied::Changed);
    assert_eq!(best(&book), Some((98, 100)));
    bids((11, 11, 0), &[(96, 1)]).send(&mut book).unwrap();
    assert_eq!(best(&book), Some((98, 100)), "the book is still behind");
    bids((12, 13, 0), &[(99, 1)]).send(&mut book).unwrap();
    assert_eq!(best(&book), Some((99, 101)));
    assert_eq!(book.apply_touch(&touch(12, 98, 100)), Applied::Stale);
    assert_eq!(book.apply_touch(&touch(14, 100, 100)), Applied::Stale, "a crossed touch");
}

#[test]
fn lots_near_the_best_price_begin_with_what_came_ahead_of_the_book() {
    let mut book = book(SequenceRule::Contiguous, ChecksumRule::Absent);
    let near = |book: &Book, most, ticks| {
        [Side::Bid, Side::Ask].map(|side| book.liquid_lots(side, most, |_| Some(ticks)).lots())
    };
    assert_eq!(near(&book, 9, u64::MAX), [0, 0], "nothing has come");
    snapshot(10, &[(97, 1), (96, 2), (90, 4)], &[(101, 8), (105, 16)]).send(&mut book).unwrap();
    assert_eq!(near(&book, 9, u64::MAX), [7, 24]);
    assert_eq!((near(&book, 2, 9), near(&book, 9, 0)), ([3, 24], [1, 8]));
    assert_eq!(book.lots(Side::Bid, 2).lots(), 3);
    assert_eq!(book.liquid_lots(Side::Bid, 9, |_| None), Qty::ZERO);
    let touch = Touch {
        instrument: InstrumentId::new(0),
        sequence: 12,
        bid: level(98, 32),
        ask: level(103, 64),
    };
    assert_eq!(book.apply_touch(&touch), Applied::Changed);
    // What was better than the new best prices is gone.
    assert_eq!(near(&book, 9, u64::MAX), [39, 80]);
    assert_eq!((near(&book, 2, 9), near(&book, 9, 1)), ([33, 80], [33, 64]));
    bids((20, 20, 0), &[(96, 1)]).send(&mut book).unwrap_err();
    assert_eq!((near(&book, 9, u64::MAX), book.lots(Side::Bid, 9)), ([0, 0], Qty::ZERO));
}

#[test]
fn a_wrong_checksum_breaks_the_book() {
    let mut book = book(SequenceRule::Unnumbered, ChecksumRule::KrakenTop10);
    snapshot(0, &[(97, 1)], &[(101, 1)]).send(&mut book).unwrap();
    let mut send = |checksum| {
        book.apply(&Depth {
            instrument: InstrumentId::new(0),
            kind: DepthKind::Diff,
            sequence: Sequence::default(),
            checksum: Some(checksum),
            bids: &[level(98, 20)],
            asks: &[],
        })
    };
    // asks 101 1, bids 98 20, 97 1
    let right = crc32fast::hash(b"101" as &[u8]);
    assert!(matches!(send(right), Err(BookError::Checksum { expected, .. }) if expected == right));
}

#[test]
fn a_right_checksum_keeps_the_book() {
    let mut book = book(SequenceRule::Unnumbered, ChecksumRule::KrakenTop10);
    snapshot(0, &[(97, 1)], &[(101, 1)]).send(&mut book).unwrap();
    let applied = book.apply(&Depth {
        instrument: InstrumentId::new(0),
        kind: DepthKind::Diff,
        sequence: Sequence::default(),
        checksum: Some(crc32fast::hash(b"10119820971")),
        bids: &[level(98, 20)],
        asks: &[],
    });
    assert_eq!(applied, Ok(Applied::Changed));
}

#[test]
fn a_lost_feed_shows_nothing() {
    let mut book = book(SequenceRule::Contiguous, ChecksumRule::Absent);
    snapshot(10, &[(97, 1)], &[(101, 1)]).send(&mut book).unwrap();
    book.disconnect();
    assert_eq!(best(&book), None);
    assert_eq!(bids((11, 11, 0), &[(98, 1)]).send(&mut book), Ok(Applied::Waits));
}

#[test]
fn more_messages_than_the_waiting_room_holds_do_not_grow_it() {
    let mut book = book(SequenceRule::Contiguous, ChecksumRule::Absent);
    for n in 1..5000 {
        bids((n, n, 0), &[(90, n)]).send(&mut book).unwrap();
    }
    assert!(snapshot(10, &[(97, 1)], &[(101, 1)]).send(&mut book).is_err(), "too old by now");
    assert!(snapshot(4999, &[(97, 1)], &[(101, 1)]).send(&mut book).is_ok());
}
