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
        assert_eq!(far, Rate::from_parts(i64::MAX));
    }
    assert_eq!(deviation(price(20_100), price(20_000)), Rate::from_ppm(5_000));
}
