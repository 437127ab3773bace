//! Margin, funding, liquidation.

use flyball_core::domain::{Money, Rate, Side};
use flyball_venues::hyperliquid::{Action, Tif};
use serde_json::{Value, json};

use crate::world::{BTC, World, XRP, buy, error, limit, sell};

fn leverage(world: &mut World, asset: u32, is_cross: bool, leverage: u32) -> Value {
    world.act(&Action::UpdateLeverage { asset, is_cross, leverage })
}

#[test]
fn initial_margin_is_value_at_the_mark_over_leverage() {
    let mut world = World::new();
    assert_eq!(
        leverage(&mut world, XRP, true, 5),
        json!({"status": "ok", "response": {"type": "default"}})
    );
    world.place(buy("2.1001", "1000", Tif::Ioc));
    let state = world.ask("clearinghouseState");
    let position = &state["assetPositions"][0]["position"];
    // 2100 dollars at 5x.
    assert_eq!(position["marginUsed"], "420.0");
    assert_eq!(position["leverage"], json!({"type": "cross", "value": 5}));
    assert_eq!(position["positionValue"], "2100.0");
    assert_eq!(position["entryPx"], "2.1001");
    assert_eq!(position["unrealizedPnl"], "-0.1");
    assert_eq!((&position["maxLeverage"], &position["szi"]), (&json!(20), &json!("1000.0")));
    // Maintenance is half of the initial margin at the highest leverage.
    assert_eq!(state["crossMaintenanceMarginUsed"], "52.5");
    let summary = &state["marginSummary"];
    // 10 000 - 0.1 - 0.945045 of fees.
    assert_eq!(summary["accountValue"], "9998.954955");
    assert_eq!(
        (&summary["totalNtlPos"], &summary["totalMarginUsed"]),
        (&json!("2100.0"), &json!("420.0"))
    );
    assert_eq!(summary["totalRawUsd"], "7898.954955");
}

#[test]
fn leverage_lies_between_one_and_the_highest() {
    let mut world = World::new();
    for (asset, wanted) in [(XRP, 21), (XRP, 0), (BTC, 41), (XRP, u32::MAX)] {
        assert_eq!(leverage(&mut world, asset, true, wanted)["response"], "Invalid leverage value");
    }
    assert_eq!(leverage(&mut world, BTC, true, 40)["status"], "ok");
}

#[test]
fn a_position_by_itself_has_its_own_money_and_the_rest_of_the_account_its_own_sums() {
    let mut world = World::new();
    assert_eq!(leverage(&mut world, XRP, false, 5)["status"], "ok");
    world.place(buy("2.1001", "1000", Tif::Ioc));
    let state = world.ask("clearinghouseState");
    let position = &state["assetPositions"][0]["position"];
    // 420.02 are set aside, less 0.945045 of fees; 0.1 is lost at the mark. rawUsd is that less 2100.
    assert_eq!(position["marginUsed"], "418.974955");
    let told = json!({"type": "isolated", "value": 5, "rawUsd": "-1681.025045"});
    assert_eq!(position["leverage"], told);
    // 1.681025 ÷ (1 − 1/40), whatever the account has besides.
    assert_eq!(position["liquidationPx"], "1.724128");
    let (all, shared) = (&state["marginSummary"], &state["crossMarginSummary"]);
    assert_eq!(
        (&all["accountValue"], &all["totalMarginUsed"]),
        (&json!("9998.954955"), &json!("418.974955"))
    );
    assert_eq!(all["totalRawUsd"], "7898.954955");
    assert_eq!(shared["accountValue"], "9579.98");
    assert_eq!(
        (&shared["totalNtlPos"], &shared["totalMarginUsed"]),
        (&json!("0.0"), &json!("0.0"))
    );
    assert_eq!(
        (&shared["totalRawUsd"], &state["crossMaintenanceMarginUsed"]),
        (&json!("9579.98"), &json!("0.0"))
    );
    let busy = leverage(&mut world, XRP, true, 5);
    assert_eq!(busy["response"], "Cannot switch leverage type with open position.");
}

#[test]
fn leverage_is_checked_when_a_position_is_opened_and_not_when_it_is_closed() {
    let mut world = World::new();
    world.book(XRP, &[("2.0999", "1000000")], &[("2.1001", "1000000")]);
    leverage(&mut world, XRP, true, 2);
    let much = world.place(buy("2.1001", "9600", Tif::Ioc));
    assert_eq!(error(&much), "Insufficient margin to place order. asset=1");
    assert!(world.place(buy("2.1001", "9500", Tif::Ioc))["filled"].is_object());
    let closed = world.place(sell("2.0999", "9500", Tif::Ioc));
    assert_eq!(closed["filled"]["totalSz"], "9500.0");
}

#[test]
fn money_out_needs_the_larger_of_initial_margin_and_a_tenth() {
    let mut world = World::new();
    world.place(buy("2.1001", "9000", Tif::Ioc));
    let state = world.ask("clearinghouseState");
    let worth: f64 = state["marginSummary"]["accountValue"].as_str().unwrap().parse().unwrap();
    let free: f64 = state["withdrawable"].as_str().unwrap().parse().unwrap();
    // 18 900 dollars: a tenth is more than a twentieth.
    assert!((worth - free - 1890.0).abs() < 1e-5, "{worth} {free}");
}

#[test]
fn funding_is_size_times_oracle_times_rate() {
    let mut world = World::new();
    world.place(buy("2.1001", "1000", Tif::Ioc));
    world.reference(XRP, "2.2", "2.1");
    world.funding(XRP, Rate::from_ppm(100));
    let paid =
        world.info(&json!({"type": "userFunding", "user": world.alice.address, "startTime": 0}));
    let delta = &paid[0]["delta"];
    // 1000 × 2.1 × 0.01 %, at the oracle's price and not at the mark's.
    assert_eq!((&delta["usdc"], &delta["fundingRate"]), (&json!("-0.21"), &json!("0.0001")));
    assert_eq!(
        (&delta["szi"], &delta["coin"], &delta["type"]),
        (&json!("1000.0"), &json!("XRP"), &json!("funding"))
    );
    let state = world.ask("clearinghouseState");
    let sum = &state["assetPositions"][0]["position"]["cumFunding"];
    assert_eq!(sum, &json!({"allTime": "0.21", "sinceOpen": "0.21", "sinceChange": "0.21"}));
    world.place(buy("2.1001", "100", Tif::Ioc));
    let state = world.ask("clearinghouseState");
    let sum = &state["assetPositions"][0]["position"]["cumFunding"];
    assert_eq!(sum, &json!({"allTime": "0.21", "sinceOpen": "0.21", "sinceChange": "0.0"}));
    world.place(sell("2.0999", "100", Tif::Ioc));
    let rates = world.info(&json!({"type": "fundingHistory", "coin": "XRP", "startTime": 0}));
    assert_eq!((&rates[0]["fundingRate"], &rates[0]["coin"]), (&json!("0.0001"), &json!("XRP")));
    world.funding(XRP, Rate::from_ppm(-50));
    let state = world.ask("clearinghouseState");
    assert_eq!(
        state["assetPositions"][0]["position"]["cumFunding"]["allTime"], "0.105",
        "shorts pay longs"
    );
}

#[test]
fn an_order_whose_margin_is_gone_when_it_is_to_trade_is_cancelled() {
    let mut world = World::new();
    world.book(XRP, &[("2.0999", "1000000")], &[("2.1001", "1000000")]);
    world.place(buy("2.1001", "60000", Tif::Ioc));
    let oid = world.rest(buy("2.08", "30000", Tif::Gtc));
    // 60 000 XRP lose 4 800 dollars: what is left does not carry 30 000 more.
    world.mark(XRP, "2.02");
    world.book(XRP, &[("2.01", "1000000")], &[("2.07", "1000000")]);
    assert_eq!(world.held("XRP"), "60000.0");
    assert_eq!(world.status(oid), "marginCanceled");
}

/// Alice is long 90 000 XRP with 10 000 dollars: 18.9 times.
fn stretched() -> World {
    let mut world = World::new();
    world.book(XRP, &[("2.0999", "1000000")], &[("2.1001", "1000000")]);
    let status = world.place(buy("2.1001", "90000", Tif::Ioc));
    assert!(status["filled"].is_object(), "{status}");
    world
}

#[test]
fn below_maintenance_the_venue_sells_in_the_book_and_cancels_orders() {
    let mut world = stretched();
    let resting = world.rest(sell("2.5", "100", Tif::Gtc));
    let state = world.ask("clearinghouseState");
    let at: f64 =
        state["assetPositions"][0]["position"]["liquidationPx"].as_str().unwrap().parse().unwrap();
    assert!((2.03..2.06).contains(&at), "{at}");
    let text = format!("{:.4}", at + 0.001);
    world.book(XRP, &[(&text, "1000000")], &[("2.1001", "1000000")]);
    world.mark(XRP, &text);
    assert_eq!(world.held("XRP"), "90000.0", "a tick above it stands");
    let text = format!("{:.4}", at - 0.001);
    world.book(XRP, &[(&text, "1000000")], &[("2.1001", "1000000")]);
    world.mark(XRP, &text);
    assert_eq!(world.status(resting), "liquidatedCanceled");
    // 187 000 dollars are more than 100 000: a fifth goes first.
    assert_eq!(world.held("XRP"), "72000.0");
    let fill = world.ask("userFills")[0].clone();
    assert_eq!((&fill["liquidation"]["method"], &fill["oid"].is_u64()), (&json!("market"), &true));
    assert_eq!(fill["liquidation"]["liquidatedUser"], json!(world.alice.address));
    assert_eq!(fill["dir"], "Liquidated Cross Long");
    let ledger =
        json!({"type": "userNonFundingLedgerUpdates", "user": world.alice.address, "startTime": 0});
    assert_eq!(world.info(&ledger)[0]["delta"]["type"], "liquidation");
}

#[test]
fn far_below_maintenance_the_backstop_takes_position_and_margin() {
    let mut world = stretched();
    world.book(XRP, &[("1.5", "10")], &[("2.3", "1000000")]);
    world.mark(XRP, "2.01");
    assert_eq!(world.held("XRP"), "0.0");
    let state = world.ask("clearinghouseState");
    assert_eq!(state["marginSummary"]["accountValue"], "0.0");
    let fill = world.ask("userFills")[0].clone();
    assert_eq!(fill["liquidation"]["method"], "backstop");
}

#[test]
fn a_gain_never_liquidates() {
    let mut world = stretched();
    for price in ["2.2", "2.5", "3", "4"] {
        world.mark(XRP, price);
        assert_eq!(world.held("XRP"), "90000.0");
    }
}

#[test]
fn when_the_backstop_cannot_carry_it_winners_are_deleveraged() {
    let mut world = World::with(|config| config.backstop = Money::ZERO);
    let bob = world.bob.key.clone();
    world.rest(limit(XRP, Side::Bid, "2.1", "90000", Tif::Gtc));
    let sold = world.place_as(&bob, vec![sell("2.1", "90000", Tif::Ioc)]).remove(0);
    assert_eq!(sold["filled"]["totalSz"], "90000.0", "{sold}");
    world.book(XRP, &[("1.5", "10")], &[("2.3", "1000000")]);
    world.mark(XRP, "1.9");
    assert_eq!(world.held("XRP"), "0.0");
    let fills = json!({"type": "userFills", "user": world.bob.address});
    let fill = world.info(&fills)[0].clone();
    assert_eq!((&fill["dir"], &fill["side"]), (&json!("Auto-Deleveraging"), &json!("B")));
    let audit = world.exchange.venue().audit();
    assert_eq!((audit.money, audit.lots), (Money::ZERO, 0), "every unit is accounted for");
}

#[test]
fn the_mark_can_be_moved_and_the_book_with_it() {
    let mut world = World::new();
    let id = world.exchange.coin("XRP").unwrap();
    let price = flyball_core::domain::Price::from_ticks(1_500_000);
    world.exchange.force_mark(id, Some(price));
    world.mark(XRP, "2.1");
    let contexts = world.info(&json!({"type": "metaAndAssetCtxs"}));
    assert_eq!(contexts[1][1]["markPx"], "1.5");
    world.exchange.force_mark(id, None);
    world.mark(XRP, "2.2");
    let contexts = world.info(&json!({"type": "metaAndAssetCtxs"}));
    assert_eq!(
        (&contexts[1][1]["markPx"], &contexts[1][1]["oraclePx"]),
        (&json!("2.2"), &json!("2.2"))
    );
}
