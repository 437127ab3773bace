use proptest::prelude::*;

use super::*;
use crate::testing::price;

#[test]
fn a_price_is_fresh_while_it_is_one_and_young() {
    let reading = Reading::new(price(20_000), 100);
    assert_eq!(reading.fresh(110, 10), Some(price(20_000)));
    assert_eq!(reading.fresh(111, 10), None);
    for nonsense in [price(0), price(-1), Price::MAX] {
        assert_eq!(Reading::new(nonsense, 100).fresh(100, 10), None, "{nonsense:?}");
    }
}

#[test]
fn from_what_is_no_price_everything_is_infinitely_far() {
    for nonsense in [0, -1, i64::MIN] {
        let far = deviation(price(20_000), Price::from_ticks(nonsense));
        assert_eq!(far, Rate::MAX);
    }
    assert_eq!(deviation(price(20_100), price(20_000)), Rate::from_ppm(5_000));
}

proptest! {
    #[test]
    fn ticks_within_a_rate_are_those_whose_deviation_is_at_most_it(
        reference in 1_i64..1_000_000_000,
        rate in prop_oneof![0_i64..100_000_000_000, Just(0), Just(i64::MAX)].prop_map(Rate::from_parts),
        away in 0_i64..3,
    ) {
        let at = Price::from_ticks(reference);
        let within = ticks_within(at, rate).unwrap();
        let near = i64::try_from(within).unwrap_or(i64::MAX).min(1 << 61);
        let ticks = near.saturating_sub(1).saturating_add(away).max(0);
        let price = Price::from_ticks(reference.saturating_add(ticks));
        prop_assert_eq!(deviation(price, at) <= rate, u64::try_from(ticks).unwrap() <= within);
        prop_assert_eq!(super::within(price, at, rate), deviation(price, at) <= rate);
    }

    #[test]
    fn the_median_is_in_the_middle_of_what_is_fresh(
        ticks in prop::array::uniform4(prop_oneof![1_i64..100, 1..Price::MAX.ticks()]),
        old in prop::array::uniform4(any::<bool>()),
    ) {
        let reading = |at: usize| Reading::new(Price::from_ticks(ticks[at]), -i64::from(old[at]));
        let references = References {
            mid: reading(0),
            mark: reading(1),
            oracle: reading(2),
            average: reading(3),
        };
        let mut sorted: Vec<i64> = (0..4).filter(|at| !old[*at]).map(|at| ticks[at]).collect();
        sorted.sort_unstable();
        let middle = [sorted.len().saturating_sub(1) / 2, sorted.len() / 2];
        let median = middle.iter().filter_map(|at| sorted.get(*at)).sum::<i64>().div_euclid(2);
        let expected = (!sorted.is_empty()).then_some(Price::from_ticks(median));
        let fresh = references.fresh(0, 0);
        prop_assert_eq!(fresh.median(), expected);
        let ends = sorted.first().zip(sorted.last());
        let ends = ends.map(|(low, high)| (Price::from_ticks(*low), Price::from_ticks(*high)));
        prop_assert_eq!(fresh.extremes(), ends);
    }

    #[test]
    fn what_is_within_a_rate_deviates_by_at_most_it(
        price in any::<i64>(),
        reference in prop_oneof![any::<i64>(), Just(0), Just(1)],
        rate in prop_oneof![any::<i64>(), -1_i64..2, Just(i64::MAX)].prop_map(Rate::from_parts),
    ) {
        let (price, reference) = (Price::from_ticks(price), Price::from_ticks(reference));
        prop_assert_eq!(super::within(price, reference, rate), deviation(price, reference) <= rate);
    }
}

#[test]
fn no_price_is_within_anything_of_what_is_none() {
    assert_eq!(ticks_within(price(0), Rate::ONE), None);
    assert!(!super::within(price(0), price(0), Rate::ONE));
    assert_eq!(ticks_within(price(100), Rate::from_parts(-1)), None);
}
