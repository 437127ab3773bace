//! Random markets, and the comparison of a feature with its naive twin, which looks at the whole
//! history again at every step. `None` from a twin means NaN.

use proptest::prelude::*;

use super::{AnyFeature, Feature, Input};
use crate::book::{Best, Book};
use crate::domain::{
    Bar, ChecksumRule, Decimal, Depth, DepthKind, Fees, Instrument, InstrumentId, InstrumentKind,
    InstrumentSpec, Level, MINUTE, MarginTier, Price, PriceRule, Qty, Random, Rate, SECOND,
    Sequence, SequenceRule, Side, Touch, Trade,
};

pub(super) fn instrument() -> Instrument {
    let spec = InstrumentSpec {
        symbol: "XRP".into(),
        kind: InstrumentKind::Linear,
        tick_size: Decimal::new(1, 4),
        lot_size: Decimal::new(1, 0),
        contract_size: Decimal::new(1, 0),
        price_rule: PriceRule::AnyTick,
        sequence_rule: SequenceRule::Unnumbered,
        checksum_rule: ChecksumRule::Absent,
        min_notional: Decimal::new(10, 0),
        fees: Fees { maker: Rate::ZERO, taker: Rate::ZERO },
        margin_tiers: vec![MarginTier { from_notional: 0, max_leverage: 20 }],
        book_depth: 100,
    };
    Instrument::new(InstrumentId::new(0), &spec).unwrap()
}

pub(super) fn feature(name: &str, parameters: &[(&str, f64)]) -> AnyFeature {
    AnyFeature::new(name, parameters).unwrap()
}

fn compare(name: &str, ours: f64, naive: Option<f64>) -> Result<(), String> {
    let naive = naive.unwrap_or(f64::NAN);
    let tolerance = 1e-9 * naive.abs().max(ours.abs()) + 1e-12;
    let same = (ours.is_nan() && naive.is_nan()) || (ours - naive).abs() <= tolerance;
    if same { Ok(()) } else { Err(format!("{name}: {ours} instead of {naive}")) }
}

// ---- books

/// What happens to a book in one step.
#[derive(Clone, Debug)]
pub(super) struct Step {
    after_ns: i64,
    change: Change,
}

#[derive(Clone, Debug)]
enum Change {
    Levels(Vec<(Side, i64, u64)>),
    /// A new book around this price.
    Snapshot(i64, Vec<(Side, i64, u64)>),
    Touch(i64, i64, (u64, u64)),
    Disconnect,
}

/// What could be seen of a book after a step.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) now_ns: i64,
    pub(super) best: Option<Best>,
    pub(super) bids: Vec<(i64, u64)>,
    pub(super) asks: Vec<(i64, u64)>,
}

impl Seen {
    fn of(book: &Book, best: Option<Best>, now_ns: i64) -> Self {
        let levels = |side| book.levels(side).map(|l| (l.price.ticks(), l.qty.lots())).collect();
        Self { now_ns, best, bids: levels(Side::Bid), asks: levels(Side::Ask) }
    }

    /// Seconds until a later moment.
    pub(super) fn age(&self, now: &Self) -> f64 {
        (now.now_ns - self.now_ns) as f64 / 1e9
    }

    pub(super) fn mid(&self) -> Option<f64> {
        let best = self.best?;
        Some(f64::midpoint(best.bid.price.ticks() as f64, best.ask.price.ticks() as f64))
    }
}

/// Books that tick, jump, lose a side, cross, break and come back, at irregular times.
pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let lots = || prop_oneof![2 => Just(0_u64), 6 => 0_u64..20, 1 => 0_u64..1 << 40];
    let level = move || {
        let bid = (Just(Side::Bid), -5_i64..2, lots());
        prop_oneof![bid, (Just(Side::Ask), 0_i64..7, lots())]
    };
    let levels = move || proptest::collection::vec(level(), 0..6);
    let price = || prop_oneof![3 => Just(1000_i64), 2 => 6_i64..2000, 1 => 6_i64..1 << 45];
    let change = prop_oneof![
        10 => levels().prop_map(Change::Levels),
        3 => (price(), levels()).prop_map(|(around, levels)| Change::Snapshot(around, levels)),
        3 => (1_i64..2000, 1_i64..5, (lots(), lots())).prop_map(|(b, s, q)| Change::Touch(b, s, q)),
        1 => Just(Change::Disconnect),
    ];
    let after_ns = prop_oneof![
        2 => Just(0_i64),
        6 => 0_i64..3 * SECOND,
        2 => Just(SECOND),
        1 => 0_i64..200 * SECOND,
    ];
    let step = (after_ns, change).prop_map(|(after_ns, change)| Step { after_ns, change });
    proptest::collection::vec(step, 0..80)
}

/// A book that goes through steps.
pub(super) struct Market {
    pub(super) book: Book,
    pub(super) now_ns: i64,
    around: i64,
}

impl Market {
    pub(super) fn new() -> Self {
        Self { book: Book::new(&instrument()), now_ns: 1_700_000_000 * SECOND, around: 1000 }
    }

    pub(super) fn step(&mut self, step: &Step) {
        self.now_ns += step.after_ns;
        match &step.change {
            Change::Levels(levels) => self.send(DepthKind::Diff, levels),
            Change::Snapshot(around, levels) => {
                self.around = *around;
                self.send(DepthKind::Snapshot, levels);
            }
            Change::Touch(bid, spread, lots) => {
                self.book.apply_touch(&Touch {
                    instrument: InstrumentId::new(0),
                    sequence: 0,
                    bid: level(*bid, lots.0),
                    ask: level(bid + spread, lots.1),
                });
            }
            Change::Disconnect => self.book.disconnect(),
        }
    }

    fn send(&mut self, kind: DepthKind, levels: &[(Side, i64, u64)]) {
        let of = |side| -> Vec<Level> {
            let mine = levels.iter().filter(|level| level.0 == side);
            mine.map(|&(_, offset, lots)| level(self.around + offset, lots)).collect()
        };
        let (bids, asks) = (of(Side::Bid), of(Side::Ask));
        let _ = self.book.apply(&Depth {
            instrument: InstrumentId::new(0),
            kind,
            sequence: Sequence::default(),
            checksum: None,
            bids: &bids,
            asks: &asks,
        });
    }
}

fn level(ticks: i64, lots: u64) -> Level {
    Level { price: Price::from_ticks(ticks), qty: Qty::from_lots(lots) }
}

/// Compare a feature of the book with its twin after every step.
pub(super) fn on_books(
    name: &str,
    parameters: &[(&str, f64)],
    steps: &[Step],
    naive: impl Fn(&[Seen]) -> Option<f64>,
) -> Result<(), TestCaseError> {
    let mut feature = feature(name, parameters);
    let mut market = Market::new();
    let mut seen = Vec::new();
    for step in steps {
        market.step(step);
        let (book, now_ns) = (&market.book, market.now_ns);
        let best = book.best();
        seen.push(Seen::of(book, best, now_ns));
        feature.update(&Input::Book { book, best, now_ns });
        compare(name, feature.value(), naive(&seen)).map_err(TestCaseError::fail)?;
    }
    Ok(())
}

/// Compare a feature of the book with its twin along 100 000 updates of a random walk.
pub(super) fn on_many_books(
    name: &str,
    parameters: &[(&str, f64)],
    naive: impl Fn(&[Seen]) -> Option<f64>,
) {
    let mut feature = feature(name, parameters);
    let mut random = Random::new(7);
    let book = Book::new(&instrument());
    let (mut now_ns, mut bid) = (1_700_000_000 * SECOND, 1_000_000_i64);
    let mut seen = Vec::new();
    for step in 0..100_000 {
        now_ns += random.below(SECOND as u64) as i64;
        bid += random.below(7) as i64 - 3;
        let best = Best { bid: level(bid, 1), ask: level(bid + 2, 1) };
        let best = (!random.chance(0.01)).then_some(best);
        seen.push(Seen { now_ns, best, bids: vec![], asks: vec![] });
        feature.update(&Input::Book { book: &book, best, now_ns });
        if step < 200 || step % 997 == 0 {
            compare(name, feature.value(), naive(&seen)).unwrap();
        }
    }
}

/// Show a feature these best prices at this second; its value then.
pub(super) fn show(
    feature: &mut AnyFeature,
    seconds: f64,
    bid: (i64, u64),
    ask: (i64, u64),
) -> f64 {
    let best = Some(Best { bid: level(bid.0, bid.1), ask: level(ask.0, ask.1) });
    let now_ns = (seconds * 1e9).round() as i64;
    feature.update(&Input::Book { book: &Book::new(&instrument()), best, now_ns });
    feature.value()
}

// ---- trades

pub(super) fn trade(aggressor: Side, ticks: i64, lots: u64) -> Trade {
    let (price, qty) = (Price::from_ticks(ticks), Qty::from_lots(lots));
    Trade { instrument: InstrumentId::new(0), aggressor, price, qty, id: 0 }
}

fn ticks() -> impl Strategy<Value = i64> {
    prop_oneof![3 => Just(100_i64), 5 => 90_i64..110, 1 => 1_i64..5, 1 => 1_i64..1 << 46]
}

fn volume() -> impl Strategy<Value = u64> {
    prop_oneof![2 => Just(0_u64), 6 => 0_u64..20, 1 => 0_u64..1 << 46]
}

/// Trades with the engine's now, in order of time.
pub(super) fn trades() -> impl Strategy<Value = Vec<(i64, Trade)>> {
    let side = prop_oneof![Just(Side::Bid), Just(Side::Ask)];
    let after_ns = prop_oneof![
        2 => Just(0_i64),
        6 => 0_i64..30 * SECOND,
        2 => Just(MINUTE),
        1 => 0_i64..10 * MINUTE,
    ];
    let one = (after_ns, side, ticks(), volume());
    proptest::collection::vec(one, 0..80).prop_map(|all| {
        let mut now_ns = 1_700_000_000 * SECOND;
        let at = |(after_ns, side, ticks, lots)| {
            now_ns += after_ns;
            (now_ns, trade(side, ticks, lots))
        };
        all.into_iter().map(at).collect()
    })
}

/// Compare a feature of trades with its twin after every trade.
pub(super) fn on_trades(
    name: &str,
    parameters: &[(&str, f64)],
    trades: &[(i64, Trade)],
    naive: impl Fn(&[(i64, Trade)]) -> Option<f64>,
) -> Result<(), TestCaseError> {
    let mut feature = feature(name, parameters);
    for (i, (now_ns, trade)) in trades.iter().enumerate() {
        feature.update(&Input::Trade { trade, now_ns: *now_ns });
        compare(name, feature.value(), naive(&trades[..=i])).map_err(TestCaseError::fail)?;
    }
    Ok(())
}

// ---- bars

/// A minute bar of these prices: open, high, low, close.
pub(super) fn bar((open, high, low, close): (i64, i64, i64, i64)) -> Bar {
    Bar {
        instrument: InstrumentId::new(0),
        interval_ns: MINUTE,
        open: Price::from_ticks(open),
        high: Price::from_ticks(high),
        low: Price::from_ticks(low),
        close: Price::from_ticks(close),
        volume: Qty::from_lots(1),
    }
}

fn bar_through(path: [i64; 4], lots: u64) -> Bar {
    let (high, low) = (path.into_iter().max().unwrap(), path.into_iter().min().unwrap());
    Bar { volume: Qty::from_lots(lots), ..bar((path[0], high, low, path[3])) }
}

/// Bars that stand still, move, jump and are empty.
pub(super) fn bars() -> impl Strategy<Value = Vec<Bar>> {
    let path = prop_oneof![
        2 => ticks().prop_map(|ticks| [ticks; 4]),
        5 => [ticks(), ticks(), ticks(), ticks()],
    ];
    let one = (path, volume()).prop_map(|(path, lots)| bar_through(path, lots));
    proptest::collection::vec(one, 0..60)
}

/// Compare a feature of bars with its twin after every bar.
pub(super) fn on_bars(
    name: &str,
    parameters: &[(&str, f64)],
    bars: &[Bar],
    naive: impl Fn(&[Bar]) -> Option<f64>,
) -> Result<(), TestCaseError> {
    for (i, ours) in values_of_bars(name, parameters, bars).into_iter().enumerate() {
        compare(name, ours, naive(&bars[..=i])).map_err(TestCaseError::fail)?;
    }
    Ok(())
}

/// Compare a feature of bars with its twin along 100 000 bars of a random walk with jumps.
pub(super) fn on_many_bars(
    name: &str,
    parameters: &[(&str, f64)],
    naive: impl Fn(&[Bar]) -> Option<f64>,
) {
    let mut random = Random::new(7);
    let mut price = 1_000_000_i64;
    let bars: Vec<Bar> = (0..100_000)
        .map(|_| {
            let path = [0; 4].map(|_| {
                price = (price + random.below(2001) as i64 - 1000).max(1);
                price
            });
            if random.chance(0.001) {
                price = 1 + random.below(1 << 40) as i64;
            }
            bar_through(path, random.below(1000))
        })
        .collect();
    let values = values_of_bars(name, parameters, &bars);
    for (i, ours) in values.into_iter().enumerate() {
        if i < 300 || i % 997 == 0 {
            compare(name, ours, naive(&bars[..=i])).unwrap();
        }
    }
}

pub(super) fn values_of_bars(name: &str, parameters: &[(&str, f64)], bars: &[Bar]) -> Vec<f64> {
    let mut feature = feature(name, parameters);
    let value = |bar: &Bar| {
        feature.update(&Input::Bar { bar, time_ns: 0 });
        feature.value()
    };
    bars.iter().map(value).collect()
}

/// Values after bars of which all prices are the close.
pub(super) fn values(name: &str, parameters: &[(&str, f64)], closes: &[i64]) -> Vec<f64> {
    let bars: Vec<Bar> = closes.iter().map(|&close| bar((close, close, close, close))).collect();
    values_of_bars(name, parameters, &bars)
}

// ---- arithmetic that twins share

pub(super) fn last<T>(all: &[T], count: usize) -> Option<&[T]> {
    Some(&all[all.len().checked_sub(count)?..])
}

pub(super) fn closes(bars: &[Bar]) -> Vec<f64> {
    bars.iter().map(|bar| bar.close.ticks() as f64).collect()
}

/// Sample variance.
pub(super) fn variance(items: &[f64]) -> f64 {
    let n = items.len() as f64;
    let mean = items.iter().sum::<f64>() / n;
    items.iter().map(|item| (item - mean).powi(2)).sum::<f64>() / (n - 1.0)
}

/// The mean of the first `period` items, then exponential weights: written out as one sum.
pub(super) fn smooth(items: &[f64], period: usize, weight: f64) -> Option<f64> {
    if items.len() < period {
        return None;
    }
    let (first, rest) = items.split_at(period);
    let seed = first.iter().sum::<f64>() / period as f64;
    let (mut sum, mut share) = (0.0, 1.0);
    for item in rest.iter().rev() {
        sum += weight * share * item;
        share *= 1.0 - weight;
    }
    Some(sum + share * seed)
}
