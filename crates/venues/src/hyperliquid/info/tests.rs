use flyball_core::domain::{CancelReason, Instrument, InstrumentId, PriceRule};

use super::*;
use crate::hyperliquid::testing::{ME, assets, fees};

const META: &str = r#"{"universe":[{"name":"BTC","szDecimals":5,"maxLeverage":40,
    "marginTableId":56},{"name":"LOOM","szDecimals":1,"maxLeverage":3,"marginTableId":3,
    "isDelisted":true,"onlyIsolated":true,"marginMode":"strictIsolated"}],
    "marginTables":[[56,{"description":"tiered 40x","marginTiers":[
    {"lowerBound":"0.0","maxLeverage":40},{"lowerBound":"150000000.0","maxLeverage":20}]}]],
    "collateralToken":0}"#;

#[test]
fn the_rules_of_an_instrument_come_from_meta() {
    let meta = meta(META.as_bytes()).unwrap();
    let (number, perp) = meta.perp("BTC").unwrap();
    let spec = meta.spec(perp, fees()).unwrap();
    assert_eq!(number, 0);
    assert_eq!((spec.tick_size, spec.lot_size), (Decimal::new(1, 1), Decimal::new(1, 5)));
    assert_eq!(spec.price_rule, PriceRule::SignificantFigures(5));
    assert_eq!(spec.min_notional, Decimal::new(10, 0));
    let expected = [
        MarginTier { from_notional: 0, max_leverage: 40 },
        MarginTier { from_notional: 150_000_000, max_leverage: 20 },
    ];
    assert_eq!(spec.margin_tiers, expected);
    assert!(Instrument::new(InstrumentId::new(0), &spec).is_ok());
    let (number, loom) = meta.perp("LOOM").unwrap();
    assert_eq!((number, loom.is_delisted, loom.only_isolated), (1, true, true));
    let one = [MarginTier { from_notional: 0, max_leverage: 3 }];
    assert_eq!(meta.tiers(loom).unwrap(), one);
    assert_eq!(meta.perp("ETH"), None);
}

#[test]
fn a_bound_of_a_tier_that_is_no_whole_dollar_is_an_error() {
    let text = META.replace("150000000.0", "150000000.5");
    let meta = meta(text.as_bytes()).unwrap();
    assert!(meta.spec(&meta.universe[0], fees()).is_err());
}

#[test]
fn an_account_is_read_with_its_positions() {
    let text = r#"{"marginSummary":{"accountValue":"83.307638","totalNtlPos":"75.652",
        "totalRawUsd":"7.655638","totalMarginUsed":"7.525754"},"crossMarginSummary":{
        "accountValue":"75.781884","totalNtlPos":"0.0","totalRawUsd":"75.781884",
        "totalMarginUsed":"0.0"},"crossMaintenanceMarginUsed":"0.0","withdrawable":"75.781884",
        "assetPositions":[{"type":"oneWay","position":{"coin":"HYPE","szi":"-2.0","leverage":{
        "type":"isolated","value":10,"rawUsd":"-68.126246"},"entryPx":"37.829",
        "positionValue":"75.652","unrealizedPnl":"-0.006","returnOnEquity":"-0.0007930424",
        "liquidationPx":"35.8559189474","marginUsed":"7.525754","maxLeverage":10,"cumFunding":{
        "allTime":"4.966798","sinceOpen":"0.0","sinceChange":"0.0"}}}],"time":1754467216357}"#;
    let state = clearinghouse(text.as_bytes()).unwrap();
    assert_eq!(state.withdrawable, Money::from_units(757_818_840_000));
    let position = &state.positions[0];
    let leverage = Leverage { kind: MarginMode::Isolated, value: 10 };
    assert_eq!((position.leverage, position.entry), (leverage, Some(Number::new(37_829, 3))));
    let assets = assets();
    let it = assets.coin("HYPE").unwrap();
    assert_eq!(position.net_qty(it), Ok(NetQty::from_lots(-200)));
    assert_eq!(state.net_qty(it), Ok(NetQty::from_lots(-200)));
    let flat = Clearinghouse { positions: Vec::new(), ..state.clone() };
    assert_eq!(flat.net_qty(it), Ok(NetQty::FLAT));
    let fine = Position { qty: Number::new(1, 3), ..position.clone() };
    assert!(fine.net_qty(it).is_err());
    let new = text.replace("\"isolated\"", "\"sideways\"");
    let state = clearinghouse(new.as_bytes()).unwrap();
    assert_eq!(state.positions[0].leverage.kind, MarginMode::Unknown);
}

#[test]
fn an_order_is_found_or_not_and_never_guessed() {
    let order = |status: &str| {
        format!(
            r#"{{"status":"order","order":{{"order":{{"coin":"ETH","side":"A",
            "limitPx":"2412.7","sz":"0.0","oid":1,"timestamp":1724361546645,
            "triggerCondition":"N/A","isTrigger":false,"triggerPx":"0.0","children":[],
            "isPositionTpsl":false,"reduceOnly":true,"orderType":"Market","origSz":"0.0076",
            "tif":"FrontendMarket","cloid":null}},"status":"{status}",
            "statusTimestamp":1724361546645}}}}"#
        )
    };
    let status = |text: &str| order_status(text.as_bytes()).unwrap().status();
    assert_eq!(status(&order("filled")), Status::Filled);
    assert_eq!(status(&order("iocCancelRejected")), Status::Cancelled(CancelReason::Unfilled));
    assert_eq!(status(&order("sleeping")), Status::Unknown);
    assert_eq!(status(r#"{"status":"unknownOid"}"#), Status::NotFound);
    assert_eq!(status(r#"{"status":"order"}"#), Status::Unknown);
    assert_eq!(status(r#"{"status":"busy"}"#), Status::Unknown);
    assert!(order_status(b"null").is_err());
}

#[test]
fn an_address_is_an_account_an_agent_or_something_unknown() {
    let is = |text: &str| role(text.as_bytes()).unwrap();
    let user = Address::parse(ME).unwrap();
    assert_eq!(is(r#"{"role":"user"}"#), Role::User);
    assert_eq!(is(r#"{"role":"missing"}"#), Role::Missing);
    assert_eq!(is(r#"{"role":"vault"}"#), Role::Vault);
    let agent = format!(r#"{{"role":"agent","data":{{"user":"{ME}"}}}}"#);
    assert_eq!(is(&agent), Role::Agent { user });
    let sub = format!(r#"{{"role":"subAccount","data":{{"master":"{ME}"}}}}"#);
    assert_eq!(is(&sub), Role::SubAccount { master: user });
    assert_eq!(is(r#"{"role":"wizard"}"#), Role::Unknown);
    assert_eq!(is(r#"{"role":"wizard","data":{"hat":1}}"#), Role::Unknown);
    assert_eq!(role(br#"{"role":"agent"}"#), Err(DecodeError::Missing("user")));
}

#[test]
fn what_an_account_was_worth_is_read_with_what_it_gained() {
    let period = |worths: &str, gains: &str| {
        let text = format!(
            r#"[["perpDay",{{"accountValueHistory":{worths},"pnlHistory":{gains},"vlm":"1.5"}}]]"#
        );
        worth_history(text.as_bytes())
    };
    let two = r#"[[5,"100.0"],[7,"90.5"]]"#;
    let all = period(two, r#"[[5,"0.0"],[7,"-9.5"]]"#).unwrap();
    let whole = Money::from_whole;
    let half = Money::from_units(Money::ONE.units() / 2);
    let moments = vec![
        PastWorth { time_ms: 5, worth: whole(100), gained: Money::ZERO },
        PastWorth { time_ms: 7, worth: whole(90).plus(half), gained: whole(-10).plus(half) },
    ];
    assert_eq!(all, [WorthPeriod { name: "perpDay".to_owned(), moments }]);
    for gains in ["[]", r#"[[5,"0.0"]]"#, r#"[[5,"0.0"],[8,"1.0"]]"#] {
        assert_eq!(period(two, gains), Err(DecodeError::Missing("pnlHistory")), "{gains}");
    }
    assert!(period(two, r#"[[5,"0.0"],[7,1.0]]"#).is_err());
}

#[test]
fn only_the_standard_mode_is_standard() {
    let mode = |text: &str| account_mode(format!("\"{text}\"").as_bytes()).unwrap();
    assert_eq!(mode("disabled"), AccountMode::Standard);
    assert_eq!(mode("default"), AccountMode::Default);
    assert_eq!(mode("unifiedAccount"), AccountMode::UnifiedAccount);
    assert_eq!(mode("portfolioMargin"), AccountMode::PortfolioMargin);
    assert_eq!(mode("dexAbstraction"), AccountMode::DexAbstraction);
    assert_eq!(mode("standard"), AccountMode::Unknown);
}

#[test]
fn budgets_agents_and_rates_are_read() {
    let text = r#"{"cumVlm":"2854574.593578","nRequestsUsed":2890,"nRequestsCap":2864574,
        "nRequestsSurplus":5}"#;
    let limit = rate_limit(text.as_bytes()).unwrap();
    assert_eq!((limit.used, limit.cap, limit.surplus), (2890, 2_864_574, 5));
    assert_eq!(limit.volume, Money::from_units(28_545_745_935_780_000));
    let text = format!(r#"[{{"name":"a","address":"{ME}","validUntil":null}}]"#);
    assert_eq!(agents(text.as_bytes()).unwrap()[0].valid_until_ms, None);
    let text = r#"[{"coin":"ETH","fundingRate":"-0.00022196","premium":"-0.00052196","time":5}]"#;
    let past = funding_history(text.as_bytes()).unwrap();
    assert_eq!((past[0].rate, past[0].time_ms), (Rate::from_parts(-221_960_000), 5));
}
