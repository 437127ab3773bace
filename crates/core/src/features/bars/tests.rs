use proptest::prelude::*;

use super::*;
use crate::domain::{MINUTE, SECOND, Side};
use crate::features::twin;

fn builder(spec: BarSpec) -> BarBuilder {
    BarBuilder::new(spec, &twin::instrument()).unwrap()
}

type Short = (i64, [i64; 4], u64);

/// End, prices and volume.
fn short(closed: ClosedBar) -> Short {
    let Bar { open, high, low, close, volume, .. } = closed.bar;
    (closed.time_ns, [open, high, low, close].map(Price::ticks), volume.lots())
}

fn drain(builder: &mut BarBuilder, now_ns: i64, out: &mut Vec<Short>) {
    while builder.deadline_ns() <= now_ns {
        out.push(short(builder.on_time(now_ns).expect("what is due can be closed")));
    }
    assert_eq!(builder.on_time(now_ns), None, "nothing else is due");
}

fn of_trades(trades: &[(i64, Trade)], end_ns: i64) -> Short {
    let ticks: Vec<i64> = trades.iter().map(|(_, trade)| trade.price.ticks()).collect();
    let (high, low) = (*ticks.iter().max().unwrap(), *ticks.iter().min().unwrap());
    let volume = trades.iter().map(|(_, trade)| trade.qty.lots()).sum();
    (end_ns, [ticks[0], high, low, ticks[ticks.len() - 1]], volume)
}

/// All bars that ended until `now_ns`.
fn naive_time(trades: &[(i64, Trade)], interval: i64, now_ns: i64) -> Vec<Short> {
    let mut bars: Vec<Short> = Vec::new();
    let Some((first_ns, _)) = trades.first() else { return bars };
    let mut end = first_ns / interval * interval + interval;
    while end <= now_ns {
        let inside = |(at, _): &&(i64, Trade)| (end - interval..end).contains(at);
        let inside: Vec<_> = trades.iter().filter(inside).copied().collect();
        bars.push(match bars.last() {
            Some((_, [_, _, _, close], _)) if inside.is_empty() => (end, [*close; 4], 0),
            _ => of_trades(&inside, end),
        });
        end += interval;
    }
    bars
}

fn naive_count(trades: &[(i64, Trade)], reached: impl Fn(&[(i64, Trade)]) -> bool) -> Vec<Short> {
    let (mut bars, mut from) = (Vec::new(), 0);
    for until in 1..=trades.len() {
        if reached(&trades[from..until]) {
            bars.push(of_trades(&trades[from..until], trades[until - 1].0));
            from = until;
        }
    }
    bars
}

fn feed(builder: &mut BarBuilder, trades: &[(i64, Trade)]) -> Vec<Short> {
    let feed = |(now_ns, trade): &(i64, Trade)| builder.on_trade(trade, *now_ns).map(short);
    trades.iter().filter_map(feed).collect()
}

proptest! {
    #[test]
    fn time_bars_equal_their_twin(trades in twin::trades(), prompt: bool, seconds in 1_i64..90) {
        let interval = seconds * SECOND;
        let mut builder = builder(BarSpec::Time(interval));
        let mut bars = Vec::new();
        let mut now = 0;
        for (now_ns, trade) in &trades {
            now = *now_ns;
            if prompt {
                // As an engine does: what is due comes first.
                drain(&mut builder, now, &mut bars);
                prop_assert_eq!(builder.on_trade(trade, now), None);
            } else {
                bars.extend(builder.on_trade(trade, now).map(short));
                drain(&mut builder, now, &mut bars);
            }
            prop_assert!(builder.deadline_ns() > now && builder.deadline_ns() <= now + interval);
        }
        prop_assert_eq!(&bars, &naive_time(&trades, interval, now));
    }

    #[test]
    fn a_builder_that_is_never_drained_loses_no_trade(trades in twin::trades()) {
        let mut builder = builder(BarSpec::Time(SECOND));
        let mut bars = feed(&mut builder, &trades);
        drain(&mut builder, i64::MAX / 2, &mut bars);
        prop_assert!(bars.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let volume = |bars: &[Short]| bars.iter().map(|bar| bar.2).sum::<u64>();
        let expected = trades.iter().map(|(_, trade)| trade.qty.lots()).sum::<u64>();
        prop_assert_eq!(volume(&bars), expected);
    }

    #[test]
    fn tick_bars_equal_their_twin(trades in twin::trades(), size in 1..7_u32) {
        let bars = feed(&mut builder(BarSpec::Tick(size)), &trades);
        prop_assert_eq!(bars, naive_count(&trades, |bar| bar.len() == size as usize));
    }

    #[test]
    fn volume_bars_equal_their_twin(trades in twin::trades(), size in 1..60_u64) {
        let bars = feed(&mut builder(BarSpec::Volume(Qty::from_lots(size))), &trades);
        let volume = |bar: &[(i64, Trade)]| bar.iter().map(|(_, t)| t.qty.lots()).sum::<u64>();
        prop_assert_eq!(bars, naive_count(&trades, |bar| volume(bar) >= size));
    }

    #[test]
    fn dollar_bars_equal_their_twin(trades in twin::trades(), cents in 1..60_i128) {
        // A tick times a lot is 1e-4: a hundredth of a cent.
        let size = Money::from_units(cents * Money::ONE.units() / 100);
        let bars = feed(&mut builder(BarSpec::Dollar(size)), &trades);
        let value = |bar: &[(i64, Trade)]| -> i128 {
            bar.iter().map(|(_, t)| i128::from(t.price.ticks()) * i128::from(t.qty.lots())).sum()
        };
        prop_assert_eq!(bars, naive_count(&trades, |bar| value(bar) >= cents * 100));
    }

    /// Trades → short bars → long bars is the same as trades → long bars.
    #[test]
    fn bars_of_bars_equal_bars_of_trades(trades in twin::trades(), times in 1..5_i64) {
        // Empty trades would vanish with the empty bars that a source leaves out.
        let trades: Vec<_> = trades.into_iter().filter(|(_, trade)| !trade.qty.is_zero()).collect();
        let short_ns = 20 * SECOND;
        let long_ns = times * short_ns;
        let Some(&(last_ns, _)) = trades.last() else { return Ok(()) };
        let end_ns = last_ns / long_ns * long_ns + long_ns;
        let mut long = builder(BarSpec::Time(long_ns));
        let mut bars = Vec::new();
        for (time_ns, prices, lots) in naive_time(&trades, short_ns, end_ns) {
            // The last bar must come, or the long bar would wait for a later one.
            if lots == 0 && time_ns != end_ns {
                continue;
            }
            let [open, high, low, close] = prices;
            let mut bar = twin::bar((open, high, low, close));
            (bar.interval_ns, bar.volume) = (short_ns, Qty::from_lots(lots));
            bars.extend(long.on_bar(&bar, time_ns).map(short));
            prop_assert_eq!(long.on_bar(&bar, time_ns), None, "the same bar again");
            drain(&mut long, i64::MAX - 1, &mut bars);
        }
        prop_assert_eq!(bars, naive_time(&trades, long_ns, end_ns));
    }
}

fn minute_bar(close: i64) -> Bar {
    twin::bar((close, close, close, close))
}

#[test]
fn an_interval_without_trades_gives_a_flat_bar() {
    let mut builder = builder(BarSpec::Time(MINUTE));
    assert_eq!(builder.deadline_ns(), NEVER);
    builder.on_trade(&twin::trade(Side::Bid, 7, 3), 10 * SECOND);
    assert_eq!((builder.deadline_ns(), builder.on_time(MINUTE - 1)), (MINUTE, None));
    assert_eq!(builder.on_time(MINUTE + 5).map(short), Some((MINUTE, [7; 4], 3)));
    assert_eq!(builder.on_time(2 * MINUTE).map(short), Some((2 * MINUTE, [7; 4], 0)));
    // The first trade of an interval is its open: the close before is not in the bar.
    builder.on_trade(&twin::trade(Side::Bid, 9, 1), 2 * MINUTE);
    assert_eq!(builder.on_time(3 * MINUTE).map(short), Some((3 * MINUTE, [9; 4], 1)));
}

#[test]
fn several_intervals_at_once_come_one_a_call_in_order() {
    let mut builder = builder(BarSpec::Time(MINUTE));
    builder.on_trade(&twin::trade(Side::Bid, 7, 3), 0);
    let late = builder.on_trade(&twin::trade(Side::Ask, 8, 1), 3 * MINUTE + 1);
    assert_eq!(late.map(short), Some((MINUTE, [7; 4], 3)));
    let mut bars = Vec::new();
    drain(&mut builder, 3 * MINUTE + 1, &mut bars);
    assert_eq!(bars, [(2 * MINUTE, [7; 4], 0), (3 * MINUTE, [7; 4], 0)]);
    assert_eq!(builder.on_time(4 * MINUTE).map(short), Some((4 * MINUTE, [8; 4], 1)));
}

#[test]
fn a_clock_that_jumps_gives_a_bounded_number_of_bars() {
    let mut builder = builder(BarSpec::Time(SECOND));
    builder.on_trade(&twin::trade(Side::Bid, 7, 3), 0);
    let now_ns = 1_700_000_000 * SECOND;
    let first = builder.on_trade(&twin::trade(Side::Bid, 8, 1), now_ns);
    assert_eq!(first.map(short), Some((SECOND, [7; 4], 3)));
    let mut bars = Vec::new();
    drain(&mut builder, now_ns, &mut bars);
    assert_eq!(bars.len() as i64, MAX_EMPTY_BARS + 1);
    assert_eq!(bars.last(), Some(&(now_ns, [7; 4], 0)));
    assert_eq!(builder.deadline_ns(), now_ns + SECOND);
}

#[test]
fn a_bar_of_the_same_length_passes_through_with_its_own_end() {
    let mut builder = builder(BarSpec::Time(MINUTE));
    let offset = 7 * SECOND;
    for minute in 1..5 {
        let end_ns = minute * MINUTE + offset;
        let closed = builder.on_bar(&minute_bar(minute), end_ns);
        assert_eq!(closed.map(short), Some((end_ns, [minute; 4], 1)));
        assert_eq!(builder.deadline_ns(), NEVER, "a late bar is waited for");
        assert_eq!(builder.on_time(end_ns + 10 * MINUTE), None);
    }
    let missed = builder.on_bar(&minute_bar(9), 7 * MINUTE + offset);
    assert_eq!(missed.map(short), Some((5 * MINUTE + offset, [4; 4], 0)));
    let mut bars = Vec::new();
    drain(&mut builder, 7 * MINUTE + offset, &mut bars);
    assert_eq!(bars, [(6 * MINUTE + offset, [4; 4], 0), (7 * MINUTE + offset, [9; 4], 1)]);
}

#[test]
fn a_long_bar_whose_last_part_is_missing_closes_with_the_next() {
    let mut builder = builder(BarSpec::Time(3 * MINUTE));
    assert_eq!(builder.on_bar(&minute_bar(5), MINUTE), None);
    assert_eq!(builder.on_bar(&minute_bar(6), 2 * MINUTE), None);
    let closed = builder.on_bar(&minute_bar(8), 4 * MINUTE);
    assert_eq!(closed.map(short), Some((3 * MINUTE, [5, 6, 5, 6], 2)));
    assert_eq!(builder.on_bar(&minute_bar(7), 5 * MINUTE), None);
    let closed = builder.on_bar(&minute_bar(9), 6 * MINUTE);
    assert_eq!(closed.map(short), Some((6 * MINUTE, [8, 9, 7, 9], 3)));
}

#[test]
fn the_first_input_decides_what_bars_are_made_of() {
    let mut of_trades = builder(BarSpec::Time(MINUTE));
    of_trades.on_trade(&twin::trade(Side::Bid, 7, 3), 1);
    assert_eq!(of_trades.on_bar(&minute_bar(9), MINUTE), None);
    assert_eq!(of_trades.on_time(MINUTE).map(short), Some((MINUTE, [7; 4], 3)));

    let mut of_bars = builder(BarSpec::Time(2 * MINUTE));
    of_bars.on_bar(&minute_bar(9), MINUTE);
    assert_eq!(of_bars.on_trade(&twin::trade(Side::Bid, 7, 3), MINUTE + 1), None);
    let closed = of_bars.on_bar(&minute_bar(9), 2 * MINUTE);
    assert_eq!(closed.map(short), Some((2 * MINUTE, [9; 4], 2)));
}

#[test]
fn what_cannot_be_is_left_out() {
    let mut builder = builder(BarSpec::Tick(1));
    for (ticks, lots) in [(0, 1), (-5, 1), (i64::MAX, 1), (5, u64::MAX)] {
        assert_eq!(builder.on_trade(&twin::trade(Side::Bid, ticks, lots), 0), None);
    }
    let mut builder = self::builder(BarSpec::Time(MINUTE));
    for prices in [(5, 4, 3, 4), (4, 5, 3, 2), (0, 5, 0, 4), (4, i64::MAX, 4, 4)] {
        assert_eq!(builder.on_bar(&twin::bar(prices), MINUTE), None, "{prices:?}");
    }
    assert!(builder.on_bar(&minute_bar(9), MINUTE).is_some());
}

#[test]
fn says_what_bars_it_can_be_made_from() {
    let error = |spec, interval| builder(spec).accepts(interval).unwrap_err().to_string();
    assert_eq!(builder(BarSpec::Time(5 * MINUTE)).accepts(MINUTE), Ok(()));
    assert_eq!(builder(BarSpec::Time(MINUTE)).accepts(MINUTE), Ok(()));
    assert_eq!(
        error(BarSpec::Time(MINUTE), 5 * MINUTE),
        "bars: bars of 60000000000 ns cannot be made from bars of 300000000000 ns: not a whole \
         multiple"
    );
    assert!(error(BarSpec::Time(MINUTE), 0).contains("from bars of 0 ns"));
    assert_eq!(
        error(BarSpec::Tick(5), MINUTE),
        "bars: only bars of time can be made from bars; these need trades"
    );
}

#[test]
fn sizes_out_of_range_are_refused_in_words() {
    let cases = [
        (BarSpec::Time(0), "bars: 0 ns is not an interval from 1 ms to 30 days"),
        (BarSpec::Time(-MINUTE), "bars: -60000000000 ns is not an interval from 1 ms to 30 days"),
        (BarSpec::Tick(0), "bars: a bar needs at least 1 trade"),
        (BarSpec::Volume(Qty::ZERO), "bars: 0 lots is not a volume from 1 to 9007199254740992"),
        (BarSpec::Dollar(Money::ZERO), "bars: 0.00 is not a value above zero"),
        (BarSpec::Dollar(Money::UNKNOWN), "bars: unknown is not a value above zero"),
    ];
    for (spec, text) in cases {
        assert_eq!(BarBuilder::new(spec, &twin::instrument()).unwrap_err().to_string(), text);
    }
}
