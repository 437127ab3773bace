//! Pages of what happened.

use flyball_core::domain::Rate;
use flyball_venues::hyperliquid::Tif;
use serde_json::json;

use crate::world::{World, XRP, buy, sell};

fn busy(fills: i64) -> World {
    let mut world = World::with(|config| {
        for (_, cash) in &mut config.accounts {
            *cash = flyball_core::domain::Money::from_whole(1_000_000);
        }
    });
    for round in 0..fills / 2 {
        // A level that shows the same is the same: what was taken of it is gone.
        let size = format!("{}", 1000 + round % 2);
        world.book(XRP, &[("2.0999", &size)], &[("2.1001", &size)]);
        world.place(buy("2.1001", "10", Tif::Ioc));
        world.place(sell("2.0999", "10", Tif::Ioc));
        world.seconds(1);
    }
    world
}

#[test]
fn fills_come_two_thousand_at_a_time_the_newest_first_and_by_time_the_oldest_first() {
    let mut world = busy(2100);
    let newest = world.ask("userFills");
    let rows = newest.as_array().unwrap();
    assert_eq!(rows.len(), 2000);
    assert!(rows[0]["time"].as_i64() >= rows[1999]["time"].as_i64());
    let page = |world: &mut World, from: i64| {
        let question =
            json!({"type": "userFillsByTime", "user": world.alice.address, "startTime": from});
        world.info(&question).as_array().unwrap().clone()
    };
    let first = page(&mut world, 0);
    assert_eq!(first.len(), 2000);
    assert!(first[0]["time"].as_i64() < first[1999]["time"].as_i64());
    let rest = page(&mut world, first[1999]["time"].as_i64().unwrap() + 1);
    assert_eq!(rest.len(), 100);
}

#[test]
fn both_ends_of_a_time_range_are_inside_of_it() {
    let mut world = busy(4);
    let all = world.ask("userFills");
    let (last, first) = (all[0]["time"].as_i64().unwrap(), all[3]["time"].as_i64().unwrap());
    let mut count = |from, to| {
        let question = json!({"type": "userFillsByTime", "user": world.alice.address,
            "startTime": from, "endTime": to});
        world.info(&question).as_array().unwrap().len()
    };
    assert_eq!((count(first, last), count(first, last - 1), count(first + 1, last)), (4, 2, 2));
}

#[test]
fn funding_and_ledgers_come_five_hundred_at_a_time() {
    let mut world = World::new();
    world.place(buy("2.1001", "1000", Tif::Ioc));
    for _ in 0..600 {
        world.funding(XRP, Rate::from_ppm(1));
        world.exchange.transfer(world.alice.address, flyball_core::domain::Money::ONE).unwrap();
        world.seconds(3600);
    }
    for kind in ["userFunding", "userNonFundingLedgerUpdates"] {
        let question = json!({"type": kind, "user": world.alice.address, "startTime": 0});
        let page = world.info(&question);
        let rows = page.as_array().unwrap();
        assert_eq!(rows.len(), 500, "{kind}");
        let next = rows[499]["time"].as_i64().unwrap() + 1;
        let question = json!({"type": kind, "user": world.alice.address, "startTime": next});
        assert_eq!(world.info(&question).as_array().unwrap().len(), 100, "{kind}");
    }
    let rates = world.info(&json!({"type": "fundingHistory", "coin": "XRP", "startTime": 0}));
    assert_eq!(rates.as_array().unwrap().len(), 500);
}

#[test]
fn orders_that_ended_are_told_with_how_they_ended() {
    let mut world = World::new();
    world.place(buy("2.1001", "10", Tif::Ioc));
    world.place(buy("2.09", "10", Tif::Ioc));
    let oid = world.rest(buy("2", "10", Tif::Gtc));
    world.cancel(XRP, oid);
    let rows = world.ask("historicalOrders");
    let words: Vec<_> = rows.as_array().unwrap().iter().map(|it| it["status"].clone()).collect();
    assert_eq!(words, ["canceled", "iocCancelRejected", "filled"]);
    let unknown = json!({"type": "orderStatus", "user": world.alice.address, "oid": 4242});
    assert_eq!(world.info(&unknown), json!({"status": "unknownOid"}));
}

#[test]
fn candles_are_made_of_every_trade() {
    let mut world = World::new();
    let begin = i64::try_from(world.now_ms()).unwrap();
    world.trade(XRP, flyball_core::domain::Side::Bid, "2.1001", "50");
    world.place(buy("2.1002", "15000", Tif::Ioc));
    let question = json!({"type": "candleSnapshot", "req": {"coin": "XRP", "interval": "1m",
        "startTime": begin - 60_000, "endTime": begin + 60_000}});
    let candles = world.info(&question);
    let last = candles.as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["h"], &last["l"], &last["v"], &last["n"]),
        (&json!("2.1002"), &json!("2.1001"), &json!("15050.0"), &json!(3))
    );
    assert_eq!(last["T"].as_i64().unwrap() - last["t"].as_i64().unwrap(), 59_999);
}

#[test]
fn the_portfolio_counts_transfers_as_no_profit() {
    let mut world = World::new();
    world
        .exchange
        .transfer(world.alice.address, flyball_core::domain::Money::from_whole(500))
        .unwrap();
    world.seconds(3600);
    let portfolio = world.ask("portfolio");
    let names: Vec<_> = portfolio.as_array().unwrap().iter().map(|it| it[0].clone()).collect();
    assert_eq!(
        names,
        ["day", "week", "month", "allTime", "perpDay", "perpWeek", "perpMonth", "perpAllTime"]
    );
    let day = &portfolio[0][1];
    let last = |key: &str| day[key].as_array().unwrap().last().unwrap()[1].clone();
    assert_eq!((last("accountValueHistory"), last("pnlHistory")), (json!("10500.0"), json!("0.0")));
}
