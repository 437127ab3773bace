//! Prices, sizes, the smallest order.

use flyball_core::domain::Side;
use flyball_venues::hyperliquid::Tif;
use serde_json::json;

use crate::world::{BTC, World, XRP, buy, error, limit};

#[test]
fn prices_have_five_significant_figures_or_are_whole() {
    let mut world = World::new();
    let mut answer = |asset, price, qty| world.place(limit(asset, Side::Bid, price, qty, Tif::Gtc));
    let tick = |asset: u32| format!("Price must be divisible by tick size. asset={asset}");
    assert!(answer(XRP, "2.0555", "10")["resting"].is_object());
    assert_eq!(error(&answer(XRP, "2.05551", "10")), tick(XRP));
    assert!(answer(BTC, "99999", "0.001")["resting"].is_object(), "five figures");
    assert!(answer(BTC, "99900", "0.001")["resting"].is_object());
    assert_eq!(error(&answer(BTC, "99900.5", "0.001")), tick(BTC), "six figures");
    assert!(answer(BTC, "9990.5", "0.002")["resting"].is_object());
    assert_eq!(error(&answer(BTC, "9990.55", "0.002")), tick(BTC), "6 - 5 decimals");
    assert!(answer(BTC, "100001", "0.001")["resting"].is_object(), "whole numbers always");
}

#[test]
fn sizes_have_the_asset_s_decimals_and_are_not_nothing() {
    let mut world = World::new();
    let mut words =
        |asset, qty| error(&world.place(limit(asset, Side::Bid, "2", qty, Tif::Gtc))).to_owned();
    assert_eq!(words(XRP, "10.5"), "Order has invalid size.");
    assert_eq!(words(BTC, "0.000001"), "Order has invalid size.");
    assert_eq!(words(XRP, "0"), "Order has zero size.");
    assert_eq!(words(XRP, "-5"), "Order has invalid size.");
    assert_eq!(words(XRP, "999999999999999999"), "Order has invalid size.");
    for price in ["0", "-1", "999999999999999999"] {
        let answer = world.place(buy(price, "10", Tif::Gtc));
        assert_eq!(error(&answer), "Order has invalid price.", "{price}");
    }
}

#[test]
fn an_order_is_worth_ten_dollars_at_least() {
    let mut world = World::new();
    assert!(world.place(buy("2", "5", Tif::Gtc))["resting"].is_object(), "ten dollars are enough");
    let small = world.place(buy("1.9999", "5", Tif::Gtc));
    assert_eq!(error(&small), "Order must have minimum value of $10. asset=1");
    assert!(small.as_object().unwrap().len() == 1);
}

#[test]
fn assets_are_numbered_as_in_meta_and_others_are_refused() {
    let mut world = World::new();
    let meta = world.info(&json!({"type": "meta"}));
    let names: Vec<_> = meta["universe"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["BTC", "XRP"]);
    let xrp = &meta["universe"][1];
    assert_eq!((&xrp["szDecimals"], &xrp["maxLeverage"]), (&json!(0), &json!(20)));
    let btc = &meta["universe"][0];
    assert_eq!((&btc["szDecimals"], &btc["maxLeverage"]), (&json!(5), &json!(40)));
    for asset in [2, 10_000, 110_000, 100_000_000] {
        let answer = world.place(limit(asset, Side::Bid, "2", "10", Tif::Gtc));
        assert_eq!(error(&answer), format!("Unknown asset {asset}."));
    }
}
