//! The walk against a naive twin: every bar, every tick of its path, the portfolio of the engine.

use proptest::prelude::*;

use super::*;
use crate::domain::{
    Bar, ClientOrderId, Fees, Fill, Instrument, InstrumentId, InstrumentKind, InstrumentSpec,
    MINUTE, Money, Price, Qty, Rate, Side, VenueOrderId,
};
use crate::features::{BarBuilder, BarSpec};
use crate::portfolio::Portfolio;
use crate::strategy::Sizing;
use crate::testing::{price, qty, xrp_spec};

const NEVER: Rate = Rate::from_ppm(1_000_000_000);

fn instrument(kind: InstrumentKind) -> Instrument {
    let fees = Fees { maker: Rate::from_ppm(100), taker: Rate::from_ppm(450) };
    let spec = InstrumentSpec { kind, fees, ..xrp_spec() };
    Instrument::new(InstrumentId::new(0), &spec).unwrap()
}

fn terms() -> Terms {
    Terms {
        cash: Money::from_whole(1_000),
        sizing: Sizing::Lots { lots: qty(900) },
        spread: Rate::from_ppm(200),
        jumps: false,
        stop_distance: Rate::from_ppm(980_000),
        absolute_loss: NEVER,
        max_holding_ns: i64::MAX,
        drawdown: NEVER,
    }
}

fn bar((open, high, low, close): (i64, i64, i64, i64)) -> Bar {
    Bar {
        instrument: InstrumentId::new(0),
        interval_ns: MINUTE,
        open: price(open),
        high: price(high),
        low: price(low),
        close: price(close),
        volume: qty(1),
    }
}

fn columns(bars: &[Bar]) -> Columns {
    let mut made = Columns::new(InstrumentId::new(0), MINUTE);
    for (at, bar) in bars.iter().enumerate() {
        made.push(bar, (at as i64 + 1) * MINUTE);
    }
    made
}

/// What the twin remembers.
struct Twin<'a> {
    instrument: &'a Instrument,
    terms: Terms,
    portfolio: Portfolio,
    peak: Money,
    worst: Rate,
    opened: usize,
    entry: i64,
    stop: Option<i64>,
    over: bool,
    fills: u64,
}

impl Twin<'_> {
    fn held(&self) -> i64 {
        self.portfolio.qty(InstrumentId::new(0)).lots()
    }

    fn fill(&mut self, lots: i64, ticks: i64) {
        if lots == 0 {
            return;
        }
        let (bid, ask) = self.terms.touch(ticks);
        let side = if lots > 0 { Side::Bid } else { Side::Ask };
        let at = Price::from_ticks(if lots > 0 { ask } else { bid });
        let traded = Qty::from_lots(lots.unsigned_abs());
        let fee = self.instrument.value(at, traded).at_rate(self.instrument.fees().taker);
        self.fills += 1;
        let fill = Fill {
            instrument: InstrumentId::new(0),
            client_order_id: ClientOrderId::new(self.fills),
            venue_order_id: VenueOrderId::new(self.fills),
            trade_id: self.fills,
            side,
            price: at,
            qty: traded,
            fee,
            maker: false,
            liquidation: false,
        };
        self.portfolio.apply_fill(self.instrument, &fill, 0);
    }

    fn trade(&mut self, to: i64, ticks: i64, at: usize) {
        let before = self.held();
        if before.signum() * to.signum() < 0 {
            self.fill(-before, ticks);
        }
        self.fill(to - self.held(), ticks);
        if before.signum() != to.signum() {
            self.opened = at;
        }
        let position = self.portfolio.position(InstrumentId::new(0)).unwrap().clone();
        let Some(entry) = position.entry_price(self.instrument) else {
            self.stop = None;
            self.see(ticks, at);
            return;
        };
        let far = Money::from_units(entry.ticks().into()).at_rate(self.terms.stop_distance);
        let far = far.units() as i64;
        self.entry = entry.ticks();
        self.stop = Some(if to > 0 { self.entry - far } else { self.entry + far });
        self.see(ticks, at);
    }

    fn equity(&mut self, ticks: i64) -> Money {
        self.portfolio.set_mark(self.instrument, Price::from_ticks(ticks));
        self.portfolio.equity()
    }

    /// Equity at a price; whether the line is crossed there.
    fn see(&mut self, ticks: i64, at: usize) -> bool {
        let equity = self.equity(ticks);
        self.peak = self.peak.max(equity);
        let fall = self.peak.minus(equity);
        self.worst = self.worst.max(fall.fraction_of(self.peak).unwrap());
        let line = self.terms.drawdown;
        let crossed =
            equity <= Money::ZERO || (line < Rate::ONE && fall >= self.peak.at_rate(line));
        if crossed && !self.over {
            self.over = true;
            if self.held() != 0 {
                self.trade(0, ticks, at);
            }
        }
        crossed
    }

    fn stopped(&self, ticks: i64) -> bool {
        self.stop.is_some_and(|stop| if self.held() > 0 { ticks <= stop } else { ticks >= stop })
    }

    /// Walk a bar tick by tick.
    fn bar(&mut self, bar: &Bar, at: usize) {
        let (open, close) = (bar.open.ticks(), bar.close.ticks());
        let (low, high) = (bar.low.ticks(), bar.high.ticks());
        let held = self.held();
        if held == 0 {
            return;
        }
        let most = self.terms.max_holding_ns;
        if (at - self.opened) as i64 >= most / MINUTE {
            self.trade(0, open, at);
            return;
        }
        let (worst, best) = if held > 0 { (low, high) } else { (high, low) };
        let step = if worst < open { -1 } else { 1 };
        let mut now = open;
        loop {
            if self.see(now, at) {
                return;
            }
            if self.stopped(now) {
                self.trade(0, now, at);
                return;
            }
            if now == worst {
                break;
            }
            now += step;
        }
        self.see(best, at);
        self.see(close, at);
    }
}

/// Equity after each bar, and the twin at the end.
fn naive<'a>(
    instrument: &'a Instrument,
    terms: Terms,
    bars: &[Bar],
    targets: &[i8],
    full: i8,
) -> (Vec<Money>, Twin<'a>) {
    let portfolio = Portfolio::new(1, terms.cash);
    let mut twin = Twin {
        instrument,
        terms,
        portfolio,
        peak: terms.cash,
        worst: Rate::ZERO,
        opened: 0,
        entry: 0,
        stop: None,
        over: false,
        fills: 0,
    };
    let (mut level, mut notes) = (0, Vec::new());
    for (at, bar) in bars.iter().enumerate() {
        if at > 0 && targets[at - 1] != level && !twin.over {
            level = targets[at - 1];
            let close = bars[at - 1].close.ticks();
            let equity = twin.equity(close);
            let wanted = terms.wanted(instrument, (level, full), equity, terms.touch(close));
            twin.trade(wanted.lots(), bar.open.ticks(), at);
        }
        twin.bar(bar, at);
        notes.push(twin.equity(bar.close.ticks()));
    }
    (notes, twin)
}

fn compare(kind: InstrumentKind, terms: Terms, bars: &[Bar], targets: &[i8], full: i8) {
    let instrument = instrument(kind);
    let columns = columns(bars);
    let screen = Screen::new(&instrument, &columns, terms).unwrap();
    let edges: Vec<usize> = (1..=bars.len()).collect();
    let mut notes = vec![Money::ZERO; bars.len()];
    let span = Span { from: 0, to: bars.len(), edges: &edges };
    let found = screen.run(targets, full, span, &mut notes).unwrap();
    let (expected, twin) = naive(&instrument, terms, bars, targets, full);
    assert_eq!(notes, expected);
    assert_eq!(found.equity, *expected.last().unwrap());
    assert_eq!(found.fees, twin.portfolio.position(InstrumentId::new(0)).unwrap().fees());
    assert_eq!(found.max_drawdown, twin.worst);
    assert_eq!(found.tripped_at.is_some(), twin.over);
    // Fewer notes change nothing: whole blocks are then looked at by their extremes.
    let mut last = [Money::ZERO];
    let sparse = Span { from: 0, to: bars.len(), edges: &[bars.len()] };
    assert_eq!(screen.run(targets, full, sparse, &mut last).unwrap(), found);
    assert_eq!(last, [found.equity]);
}

/// A walk of small bars with a jump now and then.
fn market() -> impl Strategy<Value = Vec<Bar>> {
    let step = (-12_i64..13, 0_i64..9, 0_i64..9, prop_oneof![30 => Just(0_i64), 1 => -90_i64..90]);
    proptest::collection::vec(step, 1..260).prop_map(|steps| {
        let mut last = 20_000_i64;
        let one = |(moved, up, down, jump): (i64, i64, i64, i64)| {
            let open = (last + jump).max(300);
            let close = (open + moved).max(300);
            last = close;
            bar((open, open.max(close) + up, open.min(close) - down, close))
        };
        steps.into_iter().map(one).collect()
    })
}

/// Targets that stay for a while.
fn targets() -> impl Strategy<Value = Vec<i8>> {
    let run = (prop_oneof![Just(0_i8), Just(4), Just(-4), -4_i8..5], 1_usize..90);
    proptest::collection::vec(run, 1..40).prop_map(|runs| {
        let all = runs.into_iter().flat_map(|(level, length)| vec![level; length]);
        all.chain(std::iter::repeat_n(0, 300)).take(300).collect()
    })
}

proptest! {
    #[test]
    fn a_walk_equals_its_twin(
        bars in market(),
        targets in targets(),
        inverse: bool,
        stop in prop_oneof![Just(980_000_i64), 500_i64..8_000],
        line in prop_oneof![Just(1_000_000_000_i64), 500_i64..9_000],
        most in prop_oneof![Just(i64::MAX), (1_i64..40).prop_map(|bars| bars * MINUTE)],
        share in prop_oneof![Just(None), (1_i64..5_000_000).prop_map(Some)],
    ) {
        let kind = if inverse { InstrumentKind::Inverse } else { InstrumentKind::Linear };
        let sizing = match share {
            None if inverse => Sizing::Lots { lots: qty(2_000_000) },
            None => Sizing::Lots { lots: qty(900) },
            Some(share) => Sizing::EquityFraction { fraction: Rate::from_ppm(share) },
        };
        let terms = Terms {
            sizing,
            stop_distance: Rate::from_ppm(stop),
            drawdown: Rate::from_ppm(line),
            max_holding_ns: most,
            ..terms()
        };
        compare(kind, terms, &bars, &targets[..bars.len()], 4);
    }
}

#[test]
fn a_case_by_hand() {
    let bars = [
        (20_000, 20_010, 19_990, 20_000),
        (20_100, 20_200, 20_050, 20_150),
        (20_150, 20_160, 19_900, 19_950),
        (19_960, 19_970, 19_950, 19_960),
    ];
    let bars = bars.map(bar);
    let (instrument, columns) = (instrument(InstrumentKind::Linear), columns(&bars));
    let terms = Terms { spread: Rate::from_ppm(100), ..terms() };
    let screen = Screen::new(&instrument, &columns, terms).unwrap();
    let mut notes = [Money::ZERO; 4];
    let span = Span { from: 0, to: 4, edges: &[1, 2, 3, 4] };
    let found = screen.run(&[1, 1, 0, 0], 1, span, &mut notes).unwrap();
    // Bought 900 at 2.0101 (spread of two ticks), sold at 1.9959, each for 0.045 %.
    let cents = |units: i128| Money::from_units(units * 1_000_000);
    let fees = Money::from_units(900 * (20_101 + 19_959) * 1_000_000).at_rate(Rate::from_ppm(450));
    assert_eq!(found.fees, fees);
    let lost = cents(900 * (20_101 - 19_959));
    assert_eq!(found.equity, terms.cash.minus(lost).minus(fees));
    assert_eq!(found.trades, 1);
    assert_eq!(notes[0], terms.cash);
    // From its peak at 2.0200 down to 1.9900.
    let paid = Money::from_units(900 * 20_101 * 1_000_000).at_rate(Rate::from_ppm(450));
    let peak = terms.cash.plus(cents(900 * (20_200 - 20_101))).minus(paid);
    let low = terms.cash.plus(cents(900 * (19_900 - 20_101))).minus(paid);
    assert!(found.max_drawdown >= peak.minus(low).fraction_of(peak).unwrap());
}

#[test]
fn a_position_that_loses_its_share_of_equity_is_left_there() {
    let mut prices = vec![(20_000, 20_010, 19_990, 20_000); 3];
    prices.push((20_000, 20_000, 18_000, 18_500));
    let bars: Vec<Bar> = prices.into_iter().map(bar).collect();
    let (instrument, columns) = (instrument(InstrumentKind::Linear), columns(&bars));
    let terms = Terms { absolute_loss: Rate::from_ppm(20_000), ..terms() };
    let screen = Screen::new(&instrument, &columns, terms).unwrap();
    let mut notes = [];
    let span = Span { from: 0, to: 4, edges: &[] };
    let found = screen.run(&[1, 1, 1, 1], 1, span, &mut notes).unwrap();
    assert_eq!((found.exits, found.trades, found.tripped_at), (1, 1, None));
    // 2 % of what is left after it, and both fees.
    let lost = terms.cash.minus(found.equity).minus(found.fees);
    let share = lost.fraction_of(terms.cash).unwrap();
    assert!((19_000..20_500).contains(&(share.parts() / 1_000_000)), "{share:?}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let bars = vec![bar((100, 110, 90, 100)); 3];
    let columns = columns(&bars);
    let spot = instrument(InstrumentKind::Spot);
    let screen = Screen::new(&spot, &columns, terms()).unwrap();
    let span = Span { from: 0, to: 3, edges: &[] };
    for targets in [&[0_i8, 1][..], &[0, 2, 0], &[0, -1, 0]] {
        assert!(screen.run(targets, 1, span, &mut []).is_err(), "{targets:?}");
    }
    let sizing = Sizing::VolatilityTarget { daily: Rate::from_ppm(1_000) };
    assert!(Screen::new(&spot, &columns, Terms { sizing, ..terms() }).is_err());
}

#[test]
fn indicators_are_the_engines_and_the_deviation_is_exact() {
    let bars: Vec<Bar> = (0..200)
        .map(|at: i64| {
            let close = 1_000 + (at * at * 7) % 90;
            bar((close, close + 3, close - 3, close))
        })
        .collect();
    let columns = columns(&bars);
    let closes: Vec<f64> = bars.iter().map(|bar| bar.close.ticks() as f64).collect();
    for (at, ours) in columns.deviation(7).unwrap().into_iter().enumerate() {
        let Some(from) = (at + 1).checked_sub(7) else {
            assert!(ours.is_nan());
            continue;
        };
        let window = &closes[from..=at];
        let mean = window.iter().sum::<f64>() / 7.0;
        let naive = (window.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 6.0).sqrt();
        assert!((ours - naive).abs() < 1e-9, "{ours} {naive}");
    }
    let sma = columns.feature("sma", &[("period", 5.0)]).unwrap();
    assert!((sma[99] - closes[95..=99].iter().sum::<f64>() / 5.0).abs() < 1e-12);
    assert!(columns.feature("mid", &[]).is_err(), "the book is not there");
    assert!(columns.deviation(1).is_err());
    let builder = BarBuilder::new(BarSpec::Time(5 * MINUTE), &instrument(InstrumentKind::Linear));
    let longer = columns.longer(builder.unwrap(), 5 * MINUTE).unwrap();
    assert_eq!(longer.len(), 40);
    assert_eq!(longer.closes().nth(3), columns.closes().nth(19));
    assert_eq!(
        (longer.opens().nth(3), longer.open(3)),
        (columns.opens().nth(15), columns.open(15))
    );
    assert_eq!(longer.high[3], *columns.high[15..20].iter().max().unwrap());
}
