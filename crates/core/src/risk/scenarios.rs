//! What could happen to a price before anybody can act: the gap that is assumed of each instrument,
//! and its volatility. Whole numbers throughout: limits on money depend on them.

use serde::{Deserialize, Serialize};

use crate::domain::{Instrument, InstrumentId, InstrumentKind, Price, Rate, SECOND};
use crate::risk::{GovernorLimits, Profile, deviation};

/// How fast the estimate of volatility forgets.
const TAU_SECONDS: i64 = 1_800;
/// Returns are counted in millionths, and none beyond 1 000 %.
const MOST_PPM: i64 = 10_000_000;
/// Parts of a [`Rate`] in a millionth.
const PPM: i64 = 1_000_000;
/// 95 % of a normal distribution lie above −1.6449 standard deviations.
const Z95: Rate = Rate::from_ppm(1_644_854);

/// The scenarios of all instruments.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scenarios {
    terms: Terms,
    watches: Vec<Watch>,
    /// The largest loss of all.
    worst: Rate,
}

/// How what was seen becomes what is assumed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Terms {
    factor: Rate,
    sigmas: Rate,
    outage_ns: i64,
    holding_ns: i64,
}

/// What was seen of one instrument.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Watch {
    /// The least gap that is assumed, by configuration.
    floor: Rate,
    /// The largest move within an outage that was seen.
    largest: Rate,
    /// Variance of the return of one second, in millionths squared.
    variance: i64,
    last: Option<(Price, i64)>,
    /// Lows and highs of the part of an outage that is going on, and of the one before.
    spans: [Option<(Price, Price)>; 2],
    span_end_ns: i64,
    inverse: bool,
    /// Both ways.
    fees: Rate,
    gap: Rate,
    loss: Rate,
    holding_var: Rate,
}

impl Scenarios {
    /// Before anything was seen: the gaps are the configured ones, and volatility is what the gap
    /// would be if it were `gap_sigmas` standard deviations.
    pub fn new(profile: &Profile, instruments: &[Instrument]) -> Self {
        let limits = &profile.governor;
        let watches = instruments.iter().map(|instrument| Watch::new(instrument, limits));
        let mut scenarios = Self {
            terms: Terms {
                factor: limits.gap_factor,
                sigmas: limits.gap_sigmas,
                outage_ns: limits.outage_ns,
                holding_ns: profile.exits.max_holding_ns,
            },
            watches: watches.collect(),
            worst: Rate::ZERO,
        };
        for watch in &mut scenarios.watches {
            watch.assume(scenarios.terms);
        }
        scenarios.find_worst();
        scenarios
    }

    /// The assumed gap: the fraction by which the price could move before anybody can act.
    pub fn gap(&self, instrument: InstrumentId) -> Rate {
        let watch = self.watches.get(instrument.index());
        watch.map_or(Rate::MAX, |watch| watch.gap)
    }

    /// The fraction of its value that a position would lose in such a gap, with the fees of both
    /// ways. An inverse contract loses more on a fall than its price: 1 ÷ (1 − gap) − 1.
    pub fn loss(&self, instrument: InstrumentId) -> Rate {
        let watch = self.watches.get(instrument.index());
        watch.map_or(Rate::MAX, |watch| watch.loss)
    }

    /// The largest of these losses.
    pub const fn worst_loss(&self) -> Rate {
        self.worst
    }

    /// The largest move within an outage that was seen.
    pub fn largest_move(&self, instrument: InstrumentId) -> Rate {
        self.watches.get(instrument.index()).map_or(Rate::ZERO, |watch| watch.largest)
    }

    /// Standard deviation of the return over this time, by the square root of time.
    pub fn volatility(&self, instrument: InstrumentId, over_ns: i64) -> Rate {
        let variance = self.watches.get(instrument.index()).map(|watch| watch.variance);
        variance.map_or(Rate::MAX, |variance| deviation_over(variance, over_ns))
    }

    /// Value at risk of a position, as a fraction of its value: what it loses over its longest
    /// holding time is less with 95 %, for normal returns.
    pub fn holding_var(&self, instrument: InstrumentId) -> Rate {
        let watch = self.watches.get(instrument.index());
        watch.map_or(Rate::MAX, |watch| watch.holding_var)
    }

    /// A price, at most once a second.
    #[inline]
    pub fn observe(&mut self, instrument: InstrumentId, price: Price, now_ns: i64) {
        let Some(watch) = self.watches.get_mut(instrument.index()) else { return };
        if watch.last.is_some_and(|(_, then)| now_ns.saturating_sub(then) < SECOND) {
            return;
        }
        if price.is_tradable() {
            watch.follow(price, now_ns, self.terms.outage_ns);
            watch.assume(self.terms);
            self.find_worst();
        }
    }

    fn find_worst(&mut self) {
        self.worst = self.watches.iter().map(|watch| watch.loss).max().unwrap_or(Rate::ZERO);
    }

    /// Go on with what was seen before, for each pair of its instrument and ours.
    pub fn resume(&mut self, old: &Self, pairs: &[(InstrumentId, InstrumentId)]) {
        for &(from, to) in pairs {
            let (Some(seen), Some(watch)) =
                (old.watches.get(from.index()), self.watches.get_mut(to.index()))
            else {
                continue;
            };
            let Watch { floor, inverse, fees, .. } = *watch;
            *watch = Watch { floor, inverse, fees, ..seen.clone() };
            watch.assume(self.terms);
        }
        self.find_worst();
    }
}

/// The gap that configuration asks for.
fn floor(limits: &GovernorLimits, symbol: &str) -> Rate {
    let named = limits.gaps.iter().find(|(name, _)| name == symbol);
    named.map_or(limits.gap_floor, |(_, gap)| *gap)
}

/// 1 ÷ (1 − gap) − 1.
fn inverse_loss(gap: Rate) -> Rate {
    let left = Rate::ONE.minus(gap).parts();
    if left <= 0 {
        return Rate::MAX;
    }
    let parts = i128::from(gap.parts()).saturating_mul(Rate::ONE.parts().into());
    let parts = parts.checked_div(left.into()).unwrap_or(i128::MAX);
    Rate::from_parts(i64::try_from(parts).unwrap_or(i64::MAX))
}

impl Watch {
    fn new(instrument: &Instrument, limits: &GovernorLimits) -> Self {
        let floor = floor(limits, instrument.symbol().as_str());
        let fee = instrument.fees().taker.max(Rate::ZERO);
        let sigmas = i128::from(limits.gap_sigmas.parts()).max(1);
        let sigma = i128::from(floor.parts()).saturating_mul(Rate::ONE.parts().into());
        let sigma = sigma.checked_div(sigmas).unwrap_or(0).checked_div(PPM.into()).unwrap_or(0);
        let seconds = i128::from(limits.outage_ns.checked_div(SECOND).unwrap_or(1).max(1));
        let variance = sigma.saturating_mul(sigma).checked_div(seconds).unwrap_or(0);
        let most = MOST_PPM.saturating_mul(MOST_PPM);
        Self {
            floor,
            largest: Rate::ZERO,
            variance: i64::try_from(variance).unwrap_or(most).min(most),
            last: None,
            spans: [None; 2],
            span_end_ns: i64::MIN,
            inverse: matches!(instrument.kind(), InstrumentKind::Inverse),
            fees: fee.plus(fee),
            gap: floor,
            loss: floor,
            holding_var: Rate::ZERO,
        }
    }

    fn follow(&mut self, price: Price, now_ns: i64, outage_ns: i64) {
        if let Some((last, then)) = self.last.replace((price, now_ns)) {
            let elapsed = now_ns.saturating_sub(then).checked_div(SECOND).unwrap_or(1).max(1);
            let moved = deviation(price, last).parts().checked_div(PPM).unwrap_or(0);
            let moved = moved.min(MOST_PPM);
            let squared = moved.saturating_mul(moved);
            let short = elapsed.min(TAU_SECONDS);
            let rate = squared.checked_div(elapsed).unwrap_or(squared);
            let way = rate.saturating_sub(self.variance).saturating_mul(short);
            let step = way.checked_div(TAU_SECONDS).unwrap_or(0);
            self.variance = self.variance.saturating_add(step).max(0);
        }
        // A quiet time is an outage too: what the price did over it is the move.
        if now_ns >= self.span_end_ns {
            let [current, _] = self.spans;
            self.spans = [Some((price, price)), current];
            self.span_end_ns = now_ns.saturating_add(outage_ns);
        }
        for span in self.spans.iter_mut().flatten() {
            let (low, high) = *span;
            let moved = deviation(price, low).max(deviation(price, high));
            self.largest = self.largest.max(moved);
        }
        for (low, high) in self.spans.iter_mut().take(1).flatten() {
            (*low, *high) = ((*low).min(price), (*high).max(price));
        }
    }

    /// What has to be expected, by what was seen.
    fn assume(&mut self, terms: Terms) {
        let seen = self.largest.times(terms.factor);
        let expected = deviation_over(self.variance, terms.outage_ns).times(terms.sigmas);
        self.gap = self.floor.max(seen).max(expected);
        let moved = if self.inverse { inverse_loss(self.gap) } else { self.gap };
        self.loss = moved.plus(self.fees);
        self.holding_var = deviation_over(self.variance, terms.holding_ns).times(Z95);
    }
}

/// √(variance × time), as a rate.
fn deviation_over(variance: i64, over_ns: i64) -> Rate {
    let seconds = i128::from(over_ns.max(0)).checked_div(SECOND.into()).unwrap_or(0).max(1);
    let total = i128::from(variance.max(0)).saturating_mul(seconds);
    let ppm = total.isqrt();
    Rate::from_ppm(i64::try_from(ppm).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::risk::testing::profile;
    use crate::testing::{instruments, inverse_btc, price};

    const ID: InstrumentId = InstrumentId::new(0);

    fn scenarios(floor_ppm: i64) -> Scenarios {
        let mut profile = profile();
        profile.governor.gap_floor = Rate::from_ppm(floor_ppm);
        profile.governor.gap_factor = Rate::ONE;
        profile.governor.gap_sigmas = Rate::from_ppm(5_000_000);
        profile.governor.outage_ns = 300 * SECOND;
        Scenarios::new(&profile, &instruments(&["XRP"]))
    }

    #[test]
    fn before_anything_is_seen_the_configured_gap_is_assumed() {
        let mut profile = profile();
        profile.governor.gap_floor = Rate::from_ppm(400_000);
        profile.governor.gaps = vec![("BTC".into(), Rate::from_ppm(250_000))];
        let scenarios = Scenarios::new(&profile, &instruments(&["XRP", "BTC"]));
        assert_eq!(scenarios.gap(ID), Rate::from_ppm(400_000));
        assert_eq!(scenarios.gap(InstrumentId::new(1)), Rate::from_ppm(250_000));
        let fee = instruments(&["XRP"])[0].fees().taker;
        assert_eq!(scenarios.worst_loss(), Rate::from_ppm(400_000).plus(fee).plus(fee));
        assert_eq!(scenarios.gap(InstrumentId::new(2)), Rate::MAX, "unknown");
        // 40 % in five minutes as five standard deviations: 8 %.
        let sigma = scenarios.volatility(ID, profile.governor.outage_ns).to_f64();
        assert!((sigma - 0.4 / profile.governor.gap_sigmas.to_f64()).abs() < 1e-3, "{sigma}");
    }

    #[test]
    fn the_largest_move_within_an_outage_is_remembered() {
        let mut scenarios = scenarios(10_000);
        let at = |second: i64| second * SECOND;
        for (second, ticks) in [(0, 20_000), (100, 19_000), (200, 18_000)] {
            scenarios.observe(ID, price(ticks), at(second));
        }
        assert_eq!(scenarios.largest_move(ID), Rate::from_ppm(100_000), "both steps together");
        for minute in 10..600 {
            scenarios.observe(ID, price(18_000), at(minute * 60));
        }
        assert_eq!(scenarios.largest_move(ID), Rate::from_ppm(100_000), "not forgotten");
        assert_eq!(scenarios.gap(ID), Rate::from_ppm(100_000));
        scenarios.observe(ID, price(36_000), at(100_000));
        assert_eq!(scenarios.gap(ID), Rate::ONE, "a move over a silence is a gap");
    }

    #[test]
    fn a_slow_drift_is_no_gap() {
        let mut scenarios = scenarios(10_000);
        for minute in 0..1_000_i64 {
            scenarios.observe(ID, price(20_000 + 10 * minute), minute * 60 * SECOND);
        }
        let largest = scenarios.largest_move(ID).to_f64();
        assert!(largest < 0.006, "50 % in a day is {largest} in ten minutes");
    }

    #[test]
    fn volatility_is_the_root_mean_square_of_the_returns() {
        let mut scenarios = scenarios(10_000);
        // 0.1 % up and down every second: 0.1 % a second, 1 % over a hundred.
        for second in 0..20_000_i64 {
            scenarios.observe(ID, price(100_000 + 100 * (second % 2)), second * SECOND);
        }
        let sigma = scenarios.volatility(ID, 100 * SECOND).to_f64();
        assert!((sigma - 0.01).abs() < 1e-4, "{sigma}");
        let gap = scenarios.gap(ID).to_f64();
        assert!((gap - 5.0 * 0.001 * 300_f64.sqrt()).abs() < 1e-3, "five sigmas: {gap}");
        let var = scenarios.holding_var(ID).to_f64();
        assert!((var - 1.644_854 * 0.001 * 300_f64.sqrt()).abs() < 1e-3, "{var}");
    }

    #[test]
    fn an_inverse_contract_loses_more_than_its_price() {
        let mut profile = profile();
        let fee = inverse_btc().fees().taker;
        for (gap, loss) in [(500_000, Rate::ONE), (200_000, Rate::from_ppm(250_000))] {
            profile.governor.gap_floor = Rate::from_ppm(gap);
            let scenarios = Scenarios::new(&profile, &[inverse_btc()]);
            assert_eq!(scenarios.loss(ID), loss.plus(fee).plus(fee), "gap {gap}");
        }
        profile.governor.gap_floor = Rate::ONE;
        let scenarios = Scenarios::new(&profile, &[inverse_btc()]);
        assert_eq!(scenarios.loss(ID), Rate::MAX);
    }

    #[test]
    fn nonsense_prices_and_moments_are_harmless() {
        let mut scenarios = scenarios(10_000);
        for (ticks, now) in [(0, 0), (-5, SECOND), (i64::MAX, 2 * SECOND), (20_000, i64::MIN)] {
            scenarios.observe(ID, Price::from_ticks(ticks), now);
        }
        assert_eq!(scenarios.largest_move(ID), Rate::ZERO);
        scenarios.observe(ID, Price::MAX, i64::MAX);
        scenarios.observe(ID, price(1), i64::MAX);
        assert!(scenarios.gap(ID) >= Rate::from_ppm(10_000));
    }

    #[test]
    fn what_was_seen_goes_on_under_another_configuration() {
        let mut old = scenarios(10_000);
        old.observe(ID, price(20_000), 0);
        old.observe(ID, price(15_000), SECOND);
        let mut new = scenarios(20_000);
        new.resume(&old, &[(ID, ID)]);
        assert_eq!(new.largest_move(ID), Rate::from_ppm(250_000));
        assert_eq!(new.gap(ID), old.gap(ID));
    }

    #[test]
    fn what_an_instrument_is_and_the_configured_gap_are_not_taken_over() {
        let mut old = Scenarios::new(&profile(), &[crate::testing::free_of_fees("XRP")]);
        for second in 0..100_000_i64 {
            old.observe(ID, price(20_000), second * SECOND); // volatility is nearly nothing then
        }
        let mut profile = profile();
        profile.governor.gap_floor = Rate::from_ppm(200_000);
        profile.governor.gap_factor = Rate::ONE;
        profile.governor.gap_sigmas = Rate::from_ppm(5_000_000);
        let fee = inverse_btc().fees().taker;
        let mut new = Scenarios::new(&profile, &[inverse_btc()]);
        new.resume(&old, &[(ID, ID)]);
        assert_eq!(new.gap(ID), Rate::from_ppm(200_000), "its own floor");
        let inverse = Rate::from_ppm(250_000);
        assert_eq!(new.loss(ID), inverse.plus(fee).plus(fee), "its own kind and fees");
    }

    #[test]
    fn of_what_is_not_configured_everything_is_to_be_expected() {
        let nowhere = InstrumentId::new(9);
        let mut scenarios = scenarios(10_000);
        scenarios.observe(nowhere, price(20_000), 0);
        let old = scenarios.clone();
        scenarios.resume(&old, &[(nowhere, ID), (ID, nowhere)]);
        assert_eq!(scenarios.gap(nowhere), Rate::MAX);
        assert_eq!(scenarios.gap(ID), old.gap(ID), "and nothing is taken over from it");
    }
}
