use proptest::prelude::*;

use super::*;
use crate::domain::{Level, MINUTE, Price, Qty, SECOND, Side};

/// Every feature, with parameters that are soon ready.
fn every() -> Vec<(String, AnyFeature)> {
    let small = |parameter: &Parameter| (parameter.name, parameter.default.unwrap_or(2.0));
    let make = |about: &About| {
        let parameters: Vec<_> = about.parameters.iter().map(small).collect();
        (about.name.to_owned(), twin::feature(about.name, &parameters))
    };
    FEATURES.iter().map(make).collect()
}

fn minutes() -> BarBuilder {
    BarBuilder::new(BarSpec::Time(MINUTE), &twin::instrument()).unwrap()
}

fn set() -> FeatureSet {
    FeatureSet::new(every(), Some(minutes())).unwrap()
}

fn bits(set: &FeatureSet) -> Vec<u64> {
    (0..set.len()).map(|at| set.value(at).to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_set_equals_its_features_alone(steps in twin::steps(), trades in twin::trades()) {
        let mut set = set();
        let mut alone = every();
        let mut bars = minutes();
        let mut market = twin::Market::new();
        let tell = |alone: &mut Vec<(String, AnyFeature)>, input: Input<'_>| {
            for (_, feature) in alone {
                feature.update(&input);
            }
        };
        for (step, (now_ns, trade)) in steps.iter().zip(&trades) {
            let now_ns = *now_ns;
            while set.deadline_ns() <= now_ns {
                let closed = set.on_time(now_ns);
                prop_assert_eq!(closed, bars.on_time(now_ns));
                let ClosedBar { bar, time_ns } = closed.unwrap();
                tell(&mut alone, Input::Bar { bar: &bar, time_ns });
            }
            market.step(step);
            let (book, best) = (&market.book, market.book.best());
            set.on_book(book, best, now_ns);
            tell(&mut alone, Input::Book { book, best, now_ns });
            prop_assert_eq!(set.on_trade(trade, now_ns), bars.on_trade(trade, now_ns));
            tell(&mut alone, Input::Trade { trade, now_ns });
            let expected: Vec<_> = alone.iter().map(|(_, f)| f.value().to_bits()).collect();
            prop_assert_eq!(bits(&set), expected);
        }
    }

    #[test]
    fn a_set_goes_on_from_a_snapshot(trades in twin::trades(), at in 0_usize..80) {
        let (mut set, mut market) = (set(), twin::Market::new());
        for (i, (now_ns, trade)) in trades.iter().enumerate() {
            if i == at {
                let bytes = postcard::to_allocvec(&set).unwrap();
                let mut copy: FeatureSet = postcard::from_bytes(&bytes).unwrap();
                for (now_ns, trade) in &trades[i..] {
                    prop_assert_eq!(copy.on_trade(trade, *now_ns), set.on_trade(trade, *now_ns));
                    market.now_ns = *now_ns;
                    copy.on_book(&market.book, market.book.best(), *now_ns);
                    set.on_book(&market.book, market.book.best(), *now_ns);
                    prop_assert_eq!(bits(&copy), bits(&set));
                }
                return Ok(());
            }
            set.on_trade(trade, *now_ns);
        }
    }
}

#[test]
fn every_feature_becomes_ready_and_is_hidden_with_the_book() {
    let mut set = set();
    let book = Book::new(&twin::instrument());
    let level = |ticks, lots| Level { price: Price::from_ticks(ticks), qty: Qty::from_lots(lots) };
    for second in 0..3000 {
        let (now_ns, up) = (second * SECOND, second % 7);
        let best = Best { bid: level(100 + up, 3), ask: level(103 + up, 5) };
        set.on_book(&book, Some(best), now_ns);
        set.on_trade(&twin::trade(Side::Bid, 100 + second % 11, 2), now_ns);
    }
    for (at, alias) in set.aliases().iter().enumerate() {
        // This book has no levels of its own.
        assert_eq!(set.value(at).is_finite(), alias != "imbalance", "{alias}");
    }
    set.on_book(&book, None, 3000 * SECOND);
    for (at, feature) in set.features().iter().enumerate() {
        let of_book = feature.about().inputs.contains(&InputKind::Book);
        assert_eq!(set.value(at).is_nan(), of_book, "{}", feature.about().name);
    }
    assert!(set.value(set.len()).is_nan());
    assert_eq!(set.index("mid"), Some(7));
}

#[test]
fn the_list_is_in_order_and_every_bound_can_be_built() {
    assert!(FEATURES.windows(2).all(|pair| pair[0].name < pair[1].name));
    for about in FEATURES {
        assert!(about.doc.ends_with('.') && !about.inputs.is_empty() && !about.unit.is_empty());
        for parameter in about.parameters {
            assert!(parameter.min <= parameter.max, "{} {}", about.name, parameter.name);
            let within = |x| (parameter.min..=parameter.max).contains(&x);
            assert!(parameter.default.is_none_or(within));
        }
        for bound in [|p: &Parameter| p.min, |p: &Parameter| p.max] {
            let parameters: Vec<_> = about.parameters.iter().map(|p| (p.name, bound(p))).collect();
            let feature = twin::feature(about.name, &parameters);
            assert!(feature.value().is_nan(), "nothing is ready before its first input");
            assert_eq!(feature.about().name, about.name);
        }
    }
}

/// Name, parameters, text of the error.
type Case<'a> = (&'a str, &'a [(&'a str, f64)], &'a str);

#[test]
fn errors_name_the_key_and_the_nearest_that_is_right() {
    let error = |name: &str, parameters: &[(&str, f64)]| {
        AnyFeature::new(name, parameters).unwrap_err().to_string()
    };
    let cases: [Case; 10] = [
        ("vwapp", &[], r#"feature: "vwapp" is not a feature; the nearest is "vwap""#),
        ("", &[], r#"feature: "" is not a feature; the nearest is "atr""#),
        ("ema", &[("perod", 3.0)], r#"ema: no parameter "perod"; the nearest is "period""#),
        ("mid", &[("period", 3.0)], r#"mid: no parameter "period"; it has none"#),
        ("ema", &[], "period: missing; ema needs a whole number from 1 to 65536 (bars)"),
        (
            "ema",
            &[("period", 2.5)],
            "period: 2.5 is wrong; ema needs a whole number from 1 to 65536 (bars)",
        ),
        (
            "zscore",
            &[("period", 1.0)],
            "period: 1 is wrong; zscore needs a whole number from 2 to 65536 (bars)",
        ),
        (
            "ema_mid",
            &[("halflife_s", f64::NAN)],
            "halflife_s: NaN is wrong; ema_mid needs a number from 0.001 to 604800 (s)",
        ),
        (
            "volatility_ewma",
            &[("decay", 1.0)],
            "decay: 1 is wrong; volatility_ewma needs a number from 0.5 to 0.9999 (weight a bar)",
        ),
        ("sma", &[("period", 2.0), ("period", 3.0)], "period: said twice for sma"),
    ];
    for (name, parameters, text) in cases {
        assert_eq!(error(name, parameters), text);
    }
}

#[test]
fn a_set_refuses_one_alias_twice_and_bars_that_are_missing() {
    let error = |aliases: [&str; 2], name, parameters: &[(&str, f64)]| {
        let all = aliases.map(|alias| (alias.to_owned(), twin::feature(name, parameters)));
        FeatureSet::new(all.into(), None).unwrap_err().to_string()
    };
    assert_eq!(error(["fair", "fair"], "mid", &[]), r#"features: "fair" is there twice"#);
    assert_eq!(
        error(["fast", "slow"], "ema", &[("period", 3.0)]),
        r#"bars: missing; the feature "fast" needs them"#
    );
}
