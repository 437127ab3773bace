//! How a bar came about: a bar tells four prices, not the path between them. The path is an
//! assumption, and it is made against the position: the extreme that hurts comes first.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Bar, Body, ConfigError, Event, Level, MILLISECOND, Money, NetQty, Price, Qty, Rate, Touch,
};

/// The path within a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum BarPath {
    /// In steps no longer than this fraction of the price.
    Continuous {
        /// The longest step.
        max_step: Rate,
    },
    /// From one of the four prices straight to the next: the whole move is a gap.
    Jump,
}

/// What is assumed about the market behind bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BarModel {
    /// The path within a bar.
    pub path: BarPath,
    /// Distance of bid and ask, as a fraction of the price; at least one tick.
    pub spread: Rate,
    /// The part of a bar's volume that our orders can trade with.
    pub participation: Rate,
    /// Best prices are told again after this long while the price stands still, as a live feed
    /// does; 0 for never: then only the steps of the path are told.
    #[serde(default)]
    pub heartbeat_ns: i64,
}

/// More steps than this a leg are not taken: a bar with an absurd price stays a finite one.
const MAX_STEPS: i64 = 10_000;

impl BarModel {
    /// Check that the numbers make sense.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        if let BarPath::Continuous { max_step } = self.path
            && max_step < Rate::from_ppm(10)
        {
            return Err(ConfigError::new("bars.max_step", "must be at least 0.00001 (0.001 %)"));
        }
        if self.spread < Rate::ZERO || self.spread > Rate::from_ppm(100_000) {
            return Err(ConfigError::new("bars.spread", "must lie between 0 and 0.1 (10 %)"));
        }
        if self.participation <= Rate::ZERO || self.participation > Rate::ONE {
            return Err(ConfigError::new("bars.participation", "must lie above 0, at most 1"));
        }
        if self.heartbeat_ns < 0 || (1..MILLISECOND).contains(&self.heartbeat_ns) {
            return Err(ConfigError::new("bars.heartbeat_ns", "must be 0, or at least 1 ms"));
        }
        Ok(())
    }

    /// The events of a bar, for an account that holds `position`: best prices along the path. The
    /// bar itself ends at `end_ns`.
    pub fn walk(&self, bar: &Bar, end_ns: i64, position: NetQty) -> Walk {
        let adverse_first = match position.lots() {
            1.. => true,
            0 => bar.open.distance(bar.low) <= bar.open.distance(bar.high),
            _ => false,
        };
        let (first, second) = if adverse_first { (bar.low, bar.high) } else { (bar.high, bar.low) };
        let corners = [bar.open, first, second, bar.close];
        let steps = |pair: &[Price]| match (self.path, pair) {
            (BarPath::Continuous { max_step }, &[from, to]) => {
                let distance = i128::from(from.distance(to));
                let price = i128::from(from.ticks().max(1));
                let step = price.saturating_mul(max_step.parts().into());
                let scaled = distance.saturating_mul(Rate::ONE.parts().into());
                let count = scaled.checked_div(step.max(1)).unwrap_or(0).saturating_add(1);
                i64::try_from(count).unwrap_or(MAX_STEPS).min(MAX_STEPS)
            }
            _ => 1,
        };
        let beats = bar.interval_ns.max(0).checked_div(self.heartbeat_ns.saturating_mul(3));
        let mut counts = [1_i64; 3];
        for (count, pair) in counts.iter_mut().zip(corners.windows(2)) {
            *count = steps(pair).max(beats.unwrap_or(0).min(MAX_STEPS));
        }
        let total = counts.iter().fold(1_i64, |sum, count| sum.saturating_add(*count));
        let usable = Money::from_units(i128::from(bar.volume.lots())).at_rate(self.participation);
        let usable = u64::try_from(usable.units()).unwrap_or(0);
        let qty = usable.checked_div(total.unsigned_abs()).unwrap_or(0);
        Walk {
            bar: *bar,
            start_ns: end_ns.saturating_sub(bar.interval_ns.max(0)),
            corners,
            counts,
            total,
            leg: 0,
            step: 0,
            taken: 0,
            qty: Qty::from_lots(if usable > 0 { qty.max(1) } else { 0 }),
            spread: self.spread,
            jumps: self.path == BarPath::Jump,
        }
    }
}

/// The path of one bar, being walked.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    bar: Bar,
    start_ns: i64,
    corners: [Price; 4],
    counts: [i64; 3],
    total: i64,
    leg: usize,
    step: i64,
    taken: i64,
    qty: Qty,
    spread: Rate,
    /// The price stands still until the end of a leg.
    jumps: bool,
}

impl Walk {
    /// The next event on the way; `None` at the end.
    #[expect(clippy::should_implement_trait, reason = "a walk is no collection")]
    pub fn next(&mut self) -> Option<Event<'static>> {
        let price = self.price()?;
        // The last step ends with the bar; the first is at its start.
        let share = i128::from(self.taken).saturating_mul(self.bar.interval_ns.max(0).into());
        let last = i128::from(self.total.saturating_sub(1).max(1));
        let offset = i64::try_from(share.checked_div(last).unwrap_or(0)).unwrap_or(0);
        let time_ns = self.start_ns.saturating_add(offset);
        self.taken = self.taken.saturating_add(1);
        let wide = Money::from_units(i128::from(price.ticks())).at_rate(self.spread).units();
        let wide = i64::try_from(wide).unwrap_or(1).max(1);
        let bid = price.ticks().saturating_sub(wide / 2).max(1);
        let ask = bid.saturating_add(wide);
        let level = |ticks| Level { price: Price::from_ticks(ticks), qty: self.qty };
        let touch = Touch {
            instrument: self.bar.instrument,
            sequence: 0,
            bid: level(bid),
            ask: level(ask),
        };
        Some(Event { time_ns, received_ns: time_ns, body: Body::Touch(touch) })
    }

    fn price(&mut self) -> Option<Price> {
        if self.taken == 0 {
            return self.corners.first().copied();
        }
        let (&from, &to) =
            (self.corners.get(self.leg)?, self.corners.get(self.leg.saturating_add(1))?);
        let count = *self.counts.get(self.leg)?;
        self.step = self.step.saturating_add(1);
        let way = to.ticks().saturating_sub(from.ticks());
        let part = i128::from(way).saturating_mul(self.step.into());
        let moved = i64::try_from(part.checked_div(count.max(1).into()).unwrap_or(0)).unwrap_or(0);
        if self.step >= count {
            self.step = 0;
            self.leg = self.leg.saturating_add(1);
            return Some(to);
        }
        if self.jumps {
            return Some(from);
        }
        Some(from.offset(moved))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{InstrumentId, MINUTE};
    use crate::testing::{price, qty};

    fn bar(open: i64, high: i64, low: i64, close: i64) -> Bar {
        Bar {
            instrument: InstrumentId::new(0),
            interval_ns: 5 * MINUTE,
            open: price(open),
            high: price(high),
            low: price(low),
            close: price(close),
            volume: qty(1_000_000),
        }
    }

    const CONTINUOUS: BarModel = BarModel {
        path: BarPath::Continuous { max_step: Rate::from_ppm(1_000) },
        spread: Rate::from_ppm(200),
        participation: Rate::from_ppm(100_000),
        heartbeat_ns: 0,
    };

    fn mids(model: &BarModel, bar: &Bar, position: i64) -> Vec<(i64, i64)> {
        let mut walk = model.walk(bar, 5 * MINUTE, NetQty::from_lots(position));
        std::iter::from_fn(|| walk.next())
            .map(|event| match event.body {
                Body::Touch(touch) => {
                    (event.time_ns, touch.bid.price.ticks().midpoint(touch.ask.price.ticks()))
                }
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn jump() -> BarModel {
        BarModel { path: BarPath::Jump, spread: Rate::ZERO, ..CONTINUOUS }
    }

    #[test]
    fn the_extreme_that_hurts_comes_first() {
        let bar = bar(20_000, 20_100, 19_000, 20_050);
        let prices = |position| -> Vec<i64> {
            mids(&jump(), &bar, position).into_iter().map(|(_, price)| price).collect()
        };
        assert_eq!(prices(5), [20_000, 19_000, 20_100, 20_050]);
        assert_eq!(prices(-5), [20_000, 20_100, 19_000, 20_050]);
        assert_eq!(prices(0), [20_000, 20_100, 19_000, 20_050], "the nearer one when flat");
    }

    #[test]
    fn a_heartbeat_repeats_the_price_and_invents_none() {
        let bar = bar(20_000, 20_100, 19_000, 20_050);
        let beating = BarModel { heartbeat_ns: 10 * crate::domain::SECOND, ..jump() };
        let walked = mids(&beating, &bar, 5);
        let longest = walked.windows(2).map(|w| w[1].0 - w[0].0).max().unwrap();
        assert!(longest <= 10 * crate::domain::SECOND, "{longest}");
        let mut seen: Vec<i64> = walked.into_iter().map(|(_, price)| price).collect();
        seen.dedup();
        assert_eq!(seen, [20_000, 19_000, 20_100, 20_050]);
    }

    #[test]
    fn a_crash_bar_is_walked_and_not_jumped() {
        // XRP on 2025-10-10: 37 % within a bar.
        let bar = bar(23_600, 23_700, 11_792, 16_000);
        let walked = mids(&CONTINUOUS, &bar, 5);
        let longest = walked.windows(2).map(|w| (w[1].1 - w[0].1).abs()).max().unwrap();
        assert!(longest <= 26, "{longest} ticks at once");
        assert!(walked.iter().any(|(_, price)| *price == 11_792));
    }

    proptest! {
        #[test]
        fn a_walk_stays_within_its_bar_and_its_time(
            open in 100_i64..100_000, up in 0_i64..20_000, down in 0_i64..90,
            at in 0.0_f64..1.0, position in -3_i64..3, continuous: bool,
        ) {
            let (high, low) = (open + up, open - down);
            let close = low + ((high - low) as f64 * at) as i64;
            let bar = bar(open, high, low, close);
            let model = if continuous { CONTINUOUS } else { jump() };
            let walked = mids(&model, &bar, position);
            prop_assert!(walked.windows(2).all(|w| w[0].0 <= w[1].0));
            prop_assert_eq!((walked[0].0, walked.last().unwrap().0), (0, 5 * MINUTE));
            for (_, price) in &walked {
                prop_assert!((low - 1..=high + 1).contains(price), "{price} outside {low}..{high}");
            }
            for corner in [open, high, low, close] {
                prop_assert!(walked.iter().any(|(_, price)| (price - corner).abs() <= 1));
            }
        }
    }
}
