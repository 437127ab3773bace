//! One event, command or mark as 64-bit words, and back. Market data is laid out so that reading
//! it back is a look at the words where they lie; the rest is packed by `postcard`.

use serde::{Deserialize, Serialize};

use crate::domain::{
    AccountState, Bar, Body, CommandOf, Decision, Depth, DepthKind, Direction, Event, FeedState,
    Fill, FundingPayment, FundingRate, InstrumentId, Intent, LedgerRecord, Level, NetQty, Operator,
    Order, OrderReport, PositionReport, Price, Qty, Quotes, Rate, Reference, Restraint,
    SentinelState, Sequence, Side, Signal, StrategyId, StrategyState, Target, Touch, Trade,
    Transfer,
};
use crate::journal::JournalError;

/// Words before a record's payload: kind, flags, instrument and length; time; time received.
const HEADER: usize = 3;

/// The longest record, in words: a book of half a million levels.
const MAX_WORDS: usize = 1 << 20;

const DEPTH: u8 = 1;
const TOUCH: u8 = 2;
const TRADE: u8 = 3;
const BAR: u8 = 4;
const REFERENCE: u8 = 5;
const FUNDING_RATE: u8 = 6;
const TIMER: u8 = 7;
const ACCOUNT: u8 = 8;
const COMMAND: u8 = 9;
const SNAPSHOT: u8 = 10;
const END: u8 = 11;
const DECISION: u8 = 12;

const SNAPSHOT_FLAG: u8 = 1;
const CHECKSUM_FLAG: u8 = 2;

const SIGNAL: u8 = 0;
const TARGET: u8 = 1;
const QUOTES: u8 = 2;
/// Stands for a number that is not there.
const ABSENT: i64 = i64::MIN;

/// A record read back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Entry<'a> {
    /// Something happened to the engine.
    Event(Event<'a>),
    /// The engine said this, because of the event before it.
    Command(CommandOf<Order>),
    /// The engine's whole state at this point.
    Snapshot(&'a [u8]),
    /// The record is complete; the state's hash at the end.
    End([u8; 32]),
}

/// What concerns our account and our operators. Rare beside market data.
#[derive(Serialize, Deserialize)]
enum Rare {
    Feed(FeedState),
    Order(OrderReport),
    Fill(Fill),
    Funding(FundingPayment),
    Transfer(Transfer),
    Position(PositionReport),
    Operator(Operator),
    Strategy(StrategyState),
    State(AccountState),
    Sentinel(SentinelState),
    Restraint(Restraint),
    Ledger(LedgerRecord),
}

/// Appends records to a buffer of words.
pub(super) struct Encoder<'a> {
    words: &'a mut Vec<u64>,
    start: usize,
}

impl<'a> Encoder<'a> {
    pub(super) fn new(words: &'a mut Vec<u64>) -> Self {
        let start = words.len();
        words.extend_from_slice(&[0; HEADER]);
        Self { words, start }
    }

    fn push(&mut self, word: u64) {
        self.words.push(word);
    }

    fn signed(&mut self, word: i64) {
        self.words.push(word.cast_unsigned());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.push(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            self.push(u64::from_le_bytes(word));
        }
    }

    fn packed<T: Serialize>(&mut self, value: &T, scratch: &mut Scratch) {
        scratch.0.clear();
        // Writing to memory cannot fail; if it did, the empty record would not read back.
        if let Ok(bytes) = postcard::to_extend(value, std::mem::take(&mut scratch.0)) {
            self.bytes(&bytes);
            scratch.0 = bytes;
        }
    }

    fn finish(self, kind: u8, flags: u8, instrument: InstrumentId, times: (i64, i64)) {
        let length = self.words.len().saturating_sub(self.start) as u64;
        let header = u64::from(kind)
            | (u64::from(flags) << 8)
            | (u64::from(instrument.raw()) << 16)
            | (length << 32);
        let place = self.start..self.start.saturating_add(HEADER);
        if let Some(target) = self.words.get_mut(place) {
            target.copy_from_slice(&[header, times.0.cast_unsigned(), times.1.cast_unsigned()]);
        }
    }

    pub(super) fn event(mut self, event: &Event<'_>, scratch: &mut Scratch) {
        let instrument = event.body.instrument().unwrap_or_default();
        let times = (event.time_ns, event.received_ns);
        let (kind, flags) = match &event.body {
            Body::Depth(depth) => self.depth(depth),
            Body::Touch(touch) => {
                self.push(touch.sequence);
                self.level(touch.bid);
                self.level(touch.ask);
                (TOUCH, 0)
            }
            Body::Trade(trade) => {
                self.level(Level { price: trade.price, qty: trade.qty });
                self.push(trade.id);
                (TRADE, trade.aggressor as u8)
            }
            Body::Bar(bar) => {
                self.signed(bar.interval_ns);
                for price in [bar.open, bar.high, bar.low, bar.close] {
                    self.signed(price.ticks());
                }
                self.push(bar.volume.lots());
                (BAR, 0)
            }
            Body::Reference(reference) => {
                self.signed(reference.mark.ticks());
                self.signed(reference.oracle.ticks());
                (REFERENCE, 0)
            }
            Body::FundingRate(funding) => {
                self.signed(funding.rate.parts());
                (FUNDING_RATE, u8::from(funding.settles))
            }
            Body::Timer => (TIMER, 0),
            Body::Decision(decision) => {
                let flags = self.decision(decision);
                let strategy = InstrumentId::new(decision.strategy.raw());
                return self.finish(DECISION, flags, strategy, times);
            }
            rare => {
                self.rare(rare, scratch);
                (ACCOUNT, 0)
            }
        };
        self.finish(kind, flags, instrument, times);
    }

    fn level(&mut self, level: Level) {
        self.signed(level.price.ticks());
        self.push(level.qty.lots());
    }

    fn depth(&mut self, depth: &Depth<'_>) -> (u8, u8) {
        self.push(depth.sequence.first);
        self.push(depth.sequence.last);
        self.push(depth.sequence.previous);
        self.push(depth.bids.len() as u64 | ((depth.asks.len() as u64) << 32));
        self.push(u64::from(depth.checksum.unwrap_or(0)));
        self.words.extend_from_slice(bytemuck::cast_slice(depth.bids));
        self.words.extend_from_slice(bytemuck::cast_slice(depth.asks));
        let snapshot = matches!(depth.kind, DepthKind::Snapshot);
        let flags = if snapshot { SNAPSHOT_FLAG } else { 0 }
            | if depth.checksum.is_some() { CHECKSUM_FLAG } else { 0 };
        (DEPTH, flags)
    }

    fn decision(&mut self, decision: &Decision<'_>) -> u8 {
        self.signed(decision.woken_ns);
        let ticks = |price: Option<Price>| price.map_or(ABSENT, Price::ticks);
        match decision.intent {
            Intent::Signal(signal) => {
                self.push(match signal.direction {
                    Direction::Flat => 0,
                    Direction::Long => 1,
                    Direction::Short => 2,
                });
                self.push(signal.confidence.to_bits());
                self.signed(ticks(signal.stop));
                self.signed(ticks(signal.take_profit));
                self.signed(signal.max_holding_ns.unwrap_or(ABSENT));
                self.signed(signal.trailing.map_or(ABSENT, Rate::parts));
                SIGNAL
            }
            Intent::Target(target) => {
                self.signed(target.position.lots());
                self.signed(ticks(target.stop));
                self.signed(ticks(target.take_profit));
                self.signed(target.trailing.map_or(ABSENT, Rate::parts));
                TARGET
            }
            Intent::Quotes(quotes) => {
                self.push(quotes.bids.len() as u64);
                self.words.extend_from_slice(bytemuck::cast_slice(quotes.bids));
                self.words.extend_from_slice(bytemuck::cast_slice(quotes.asks));
                QUOTES
            }
        }
    }

    fn rare(&mut self, body: &Body<'_>, scratch: &mut Scratch) {
        let rare = match *body {
            Body::Feed(x) => Rare::Feed(x),
            Body::Order(x) => Rare::Order(x),
            Body::Fill(x) => Rare::Fill(x),
            Body::Funding(x) => Rare::Funding(x),
            Body::Transfer(x) => Rare::Transfer(x),
            Body::Position(x) => Rare::Position(x),
            Body::Operator(x) => Rare::Operator(x),
            Body::Strategy(x) => Rare::Strategy(x),
            Body::Account(x) => Rare::State(x),
            Body::Sentinel(x) => Rare::Sentinel(x),
            Body::Restraint(x) => Rare::Restraint(x),
            Body::Ledger(x) => Rare::Ledger(x),
            // Written by their own arms above.
            Body::Depth(_)
            | Body::Touch(_)
            | Body::Trade(_)
            | Body::Bar(_)
            | Body::Reference(_)
            | Body::FundingRate(_)
            | Body::Decision(_)
            | Body::Timer => return,
        };
        self.packed(&rare, scratch);
    }

    pub(super) fn command<O: Serialize>(
        mut self,
        command: &CommandOf<O>,
        now_ns: i64,
        scratch: &mut Scratch,
    ) {
        self.packed(command, scratch);
        self.finish(COMMAND, 0, InstrumentId::default(), (now_ns, now_ns));
    }

    pub(super) fn snapshot(mut self, state: &[u8], now_ns: i64) {
        self.bytes(state);
        self.finish(SNAPSHOT, 0, InstrumentId::default(), (now_ns, now_ns));
    }

    pub(super) fn end(mut self, hash: [u8; 32], now_ns: i64) {
        self.bytes(&hash);
        self.finish(END, 0, InstrumentId::default(), (now_ns, now_ns));
    }
}

/// Room in which rare records are packed, used again and again.
#[derive(Debug)]
pub(super) struct Scratch(Vec<u8>);

impl Scratch {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(1024))
    }
}

/// Turns events and commands into words, for whoever hands them to another thread: what
/// [`decode`] reads, and [`Writer::append`](crate::journal::Writer::append) keeps.
#[derive(Debug)]
pub struct Encode(Scratch);

impl Default for Encode {
    fn default() -> Self {
        Self(Scratch::new())
    }
}

impl Encode {
    /// Append an event to `words`.
    pub fn event(&mut self, event: &Event<'_>, words: &mut Vec<u64>) {
        Encoder::new(words).event(event, &mut self.0);
    }

    /// Append a command that the last event brought.
    pub fn command<O: Serialize>(
        &mut self,
        command: &CommandOf<O>,
        now_ns: i64,
        words: &mut Vec<u64>,
    ) {
        Encoder::new(words).command(command, now_ns, &mut self.0);
    }
}

/// Read the record at the start of `words`. Returns it and its length in words.
///
/// # Errors
///
/// [`JournalError::Malformed`] when the words are no record.
#[inline]
pub fn decode(words: &[u64]) -> Result<(Entry<'_>, usize), JournalError> {
    let malformed = JournalError::Malformed;
    let [header, time, received, ..] = *words else { return Err(malformed) };
    let length = usize::try_from(header >> 32).map_err(|_| malformed)?;
    let payload = words.get(HEADER..length).ok_or(malformed)?;
    #[expect(clippy::cast_possible_truncation, reason = "one byte, and two, of the word")]
    let (kind, flags, raw) = (header as u8, (header >> 8) as u8, (header >> 16) as u16);
    let record = Record { flags, instrument: InstrumentId::new(raw), payload };
    let body = match kind {
        DEPTH => record.depth().map(Body::Depth),
        TOUCH => record.touch().map(Body::Touch),
        TRADE => record.trade().map(Body::Trade),
        BAR => record.bar().map(Body::Bar),
        REFERENCE => record.reference().map(Body::Reference),
        FUNDING_RATE => record.funding_rate().map(Body::FundingRate),
        TIMER => Some(Body::Timer),
        DECISION => record.decision().map(Body::Decision),
        ACCOUNT => record.rare(),
        _ => return Ok((record.mark(kind).ok_or(malformed)?, length)),
    };
    let event = Event {
        time_ns: time.cast_signed(),
        received_ns: received.cast_signed(),
        body: body.ok_or(malformed)?,
    };
    Ok((Entry::Event(event), length))
}

struct Record<'a> {
    flags: u8,
    instrument: InstrumentId,
    payload: &'a [u64],
}

impl<'a> Record<'a> {
    #[inline]
    fn depth(&self) -> Option<Depth<'a>> {
        let (&[first, last, previous, counts, checksum], levels) =
            self.payload.split_first_chunk::<5>()?;
        let bids = usize::try_from(counts & 0xFFFF_FFFF).ok()?;
        let asks = usize::try_from(counts >> 32).ok()?;
        let levels: &[Level] = bytemuck::try_cast_slice(levels).ok()?;
        let (bids, rest) = levels.split_at_checked(bids)?;
        if rest.len() != asks {
            return None;
        }
        let checked = self.flags & CHECKSUM_FLAG != 0;
        let snapshot = self.flags & SNAPSHOT_FLAG != 0;
        Some(Depth {
            instrument: self.instrument,
            kind: if snapshot { DepthKind::Snapshot } else { DepthKind::Diff },
            sequence: Sequence { first, last, previous },
            checksum: if checked { Some(u32::try_from(checksum).ok()?) } else { None },
            bids,
            asks: rest,
        })
    }

    fn touch(&self) -> Option<Touch> {
        let &[sequence, bid_price, bid_qty, ask_price, ask_qty] = self.payload else {
            return None;
        };
        Some(Touch {
            instrument: self.instrument,
            sequence,
            bid: Level { price: price(bid_price), qty: Qty::from_lots(bid_qty) },
            ask: Level { price: price(ask_price), qty: Qty::from_lots(ask_qty) },
        })
    }

    fn trade(&self) -> Option<Trade> {
        let &[at, qty, id] = self.payload else { return None };
        Some(Trade {
            instrument: self.instrument,
            aggressor: if self.flags == 0 { Side::Bid } else { Side::Ask },
            price: price(at),
            qty: Qty::from_lots(qty),
            id,
        })
    }

    fn bar(&self) -> Option<Bar> {
        let &[interval, open, high, low, close, volume] = self.payload else { return None };
        Some(Bar {
            instrument: self.instrument,
            interval_ns: interval.cast_signed(),
            open: price(open),
            high: price(high),
            low: price(low),
            close: price(close),
            volume: Qty::from_lots(volume),
        })
    }

    fn reference(&self) -> Option<Reference> {
        let &[mark, oracle] = self.payload else { return None };
        let (mark, oracle) = (price(mark), price(oracle));
        Some(Reference { instrument: self.instrument, mark, oracle })
    }

    fn funding_rate(&self) -> Option<FundingRate> {
        let &[rate] = self.payload else { return None };
        let rate = Rate::from_parts(rate.cast_signed());
        Some(FundingRate { instrument: self.instrument, rate, settles: self.flags != 0 })
    }

    fn decision(&self) -> Option<Decision<'a>> {
        let (&woken, payload) = self.payload.split_first()?;
        let signed = |word: u64| Some(word.cast_signed()).filter(|&number| number != ABSENT);
        let price = |word| signed(word).map(Price::from_ticks);
        // Journals from before there were trailing stops end a word earlier.
        let trailing = |rest: &[u64]| match *rest {
            [] => Some(None),
            [parts] => Some(signed(parts).map(Rate::from_parts)),
            _ => None,
        };
        let intent = match (self.flags, payload) {
            (SIGNAL, &[direction, confidence, stop, take_profit, max_holding, ref rest @ ..]) => {
                Intent::Signal(Signal {
                    direction: match direction {
                        0 => Direction::Flat,
                        1 => Direction::Long,
                        2 => Direction::Short,
                        _ => return None,
                    },
                    confidence: f64::from_bits(confidence),
                    stop: price(stop),
                    take_profit: price(take_profit),
                    trailing: trailing(rest)?,
                    max_holding_ns: signed(max_holding),
                })
            }
            (TARGET, &[position, stop, take_profit, ref rest @ ..]) => Intent::Target(Target {
                position: NetQty::from_lots(position.cast_signed()),
                stop: price(stop),
                take_profit: price(take_profit),
                trailing: trailing(rest)?,
            }),
            (QUOTES, &[bids, ref levels @ ..]) => {
                let levels: &[Level] = bytemuck::try_cast_slice(levels).ok()?;
                let (bids, asks) = levels.split_at_checked(usize::try_from(bids).ok()?)?;
                Intent::Quotes(Quotes { bids, asks })
            }
            _ => return None,
        };
        let strategy = StrategyId::new(self.instrument.raw());
        Some(Decision { strategy, woken_ns: woken.cast_signed(), intent })
    }

    fn rare(&self) -> Option<Body<'a>> {
        Some(match postcard::from_bytes(self.bytes()?).ok()? {
            Rare::Feed(x) => Body::Feed(x),
            Rare::Order(x) => Body::Order(x),
            Rare::Fill(x) => Body::Fill(x),
            Rare::Funding(x) => Body::Funding(x),
            Rare::Transfer(x) => Body::Transfer(x),
            Rare::Position(x) => Body::Position(x),
            Rare::Operator(x) => Body::Operator(x),
            Rare::Strategy(x) => Body::Strategy(x),
            Rare::State(x) => Body::Account(x),
            Rare::Sentinel(x) => Body::Sentinel(x),
            Rare::Restraint(x) => Body::Restraint(x),
            Rare::Ledger(x) => Body::Ledger(x),
        })
    }

    fn mark(&self, kind: u8) -> Option<Entry<'a>> {
        let bytes = self.bytes()?;
        match kind {
            COMMAND => postcard::from_bytes(bytes).ok().map(Entry::Command),
            SNAPSHOT => Some(Entry::Snapshot(bytes)),
            END => bytes.try_into().ok().map(Entry::End),
            _ => None,
        }
    }

    fn bytes(&self) -> Option<&'a [u8]> {
        let (&length, words) = self.payload.split_first()?;
        bytemuck::cast_slice(words).get(..usize::try_from(length).ok()?)
    }
}

const fn price(word: u64) -> Price {
    Price::from_ticks(word.cast_signed())
}

/// Whether a record of this many levels can be written.
pub(super) const fn fits(levels: usize) -> bool {
    levels < MAX_WORDS / 2 - 16
}
