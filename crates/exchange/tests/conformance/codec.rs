//! The engine's own codec understands everything that the exchange says.

use flyball_core::domain::{Body, InstrumentId, Money, Rate, RejectReason, Side, Status};
use flyball_venues::hyperliquid::info::{self, AccountMode, Found, Role};
use flyball_venues::hyperliquid::{
    Action, Answer, Assets, Cause, EngineTag, Frame, Grouping, Outcome, Owner, Reply, Stream, Tif,
    Tpsl,
};
use flyball_venues::{DecodeError, Listings};
use serde_json::{Value, json};

use crate::world::{BTC, MS, World, XRP, buy, named, reduce, sell, trigger};

fn assets(world: &World) -> (Assets, Listings) {
    let (mut assets, mut listings) = (Assets::new(), Listings::new());
    for (number, it) in (0_u32..).zip(world.exchange.instruments()) {
        assets.add(number, it).unwrap();
        listings.add(it.id(), it.symbol().as_str(), it.tick_size(), it.lot_size()).unwrap();
    }
    (assets, listings)
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// A busy account: orders of every kind, fills, funding, money.
fn busy() -> World {
    let mut world = World::new();
    world.rest(named(buy("2.05", "100", Tif::Gtc), 3));
    world.place(buy("2.1001", "1000", Tif::Ioc));
    world.place(buy("2.05", "100", Tif::Ioc));
    world.rest(trigger(Side::Ask, "1.8", "1000", "2", Tpsl::Sl));
    let parent = buy("2.04", "500", Tif::Gtc);
    let child = trigger(Side::Ask, "1.8", "500", "2", Tpsl::Sl);
    let key = world.alice.key.clone();
    world.group_as(&key, vec![parent, child], Grouping::NormalTpsl);
    world.funding(XRP, Rate::from_ppm(10));
    world.exchange.transfer(world.alice.address, Money::from_whole(5)).unwrap();
    world.place(reduce(sell("2.0999", "300", Tif::Ioc)));
    world
}

#[test]
fn the_codec_reads_every_answer_about_the_market() {
    let mut world = busy();
    let meta = info::meta(&bytes(&world.info(&json!({"type": "meta"})))).unwrap();
    let fees = world.exchange.instruments()[0].fees();
    for (number, here) in (0_u32..).zip(world.exchange.instruments()) {
        let (at, perp) = meta.perp(here.symbol().as_str()).unwrap();
        assert_eq!(at, number);
        let spec = meta.spec(perp, fees).unwrap();
        let tiers = here.margin_tiers();
        assert_eq!((spec.tick_size, spec.lot_size), (here.tick_size(), here.lot_size()));
        assert_eq!(spec.margin_tiers, tiers);
    }
    let (_, contexts) =
        info::meta_and_contexts(&bytes(&world.info(&json!({"type": "metaAndAssetCtxs"})))).unwrap();
    assert_eq!(contexts.len(), 2);
    assert_eq!(info::mids(&bytes(&world.info(&json!({"type": "allMids"})))).unwrap().len(), 2);
    let rates = json!({"type": "fundingHistory", "coin": "XRP", "startTime": 0});
    assert_eq!(info::funding_history(&bytes(&world.info(&rates))).unwrap().len(), 1);
    let candles = json!({"type": "candleSnapshot",
        "req": {"coin": "XRP", "interval": "1m", "startTime": 0, "endTime": i64::MAX}});
    assert_eq!(info::candles(&bytes(&world.info(&candles))).unwrap().len(), 1);
}

#[test]
fn the_codec_reads_every_answer_about_the_account() {
    let mut world = busy();
    let (assets, _) = assets(&world);
    let user = world.alice.address;
    let mut ask =
        |kind: &str| bytes(&world.info(&json!({"type": kind, "user": user, "startTime": 0})));
    let state = info::clearinghouse(&ask("clearinghouseState")).unwrap();
    let xrp = assets.coin("XRP").unwrap();
    assert_eq!(state.net_qty(xrp).unwrap().lots(), 700);
    assert_eq!(info::open_orders(&ask("openOrders")).unwrap().len(), 4);
    assert_eq!(info::open_orders(&ask("frontendOpenOrders")).unwrap().len(), 4);
    let history = info::historical_orders(&ask("historicalOrders")).unwrap();
    assert!(history.iter().all(|it| it.status() != Status::Unknown), "{history:?}");
    let fills = info::user_fills(&ask("userFills")).unwrap();
    let owner = Owner { user, tag: EngineTag::new(0), assets: &assets };
    let fill = fills[1].fill(&owner).unwrap().unwrap();
    assert_eq!((fill.qty.lots(), fill.side, fill.maker), (1000, Side::Bid, false));
    assert_eq!(info::user_funding(&ask("userFunding")).unwrap().len(), 1);
    assert_eq!(info::user_ledger(&ask("userNonFundingLedgerUpdates")).unwrap().len(), 1);
    assert_eq!(info::user_fills(&ask("userFillsByTime")).unwrap().len(), 2);
    assert!(info::rate_limit(&ask("userRateLimit")).is_ok());
    assert_eq!(info::role(&ask("userRole")).unwrap(), Role::User);
    assert_eq!(info::agents(&ask("extraAgents")).unwrap().len(), 0);
    assert_eq!(info::account_mode(&ask("userAbstraction")).unwrap(), AccountMode::Standard);
    assert_eq!(info::balances(&ask("spotClearinghouseState")).unwrap().len(), 0);
    let unknown = json!({"type": "orderStatus", "user": user, "oid": 424_242});
    assert_eq!(info::order_status(&bytes(&world.info(&unknown))).unwrap(), Found::Nothing);
}

#[test]
fn money_in_fills_funding_and_transfers_adds_up_to_what_the_account_holds() {
    let mut world = busy();
    let user = world.alice.address;
    let mut ask =
        |kind: &str| bytes(&world.info(&json!({"type": kind, "user": user, "startTime": 0})));
    let mut cash = Money::from_whole(10_005);
    for fill in info::user_fills(&ask("userFills")).unwrap() {
        cash = cash.plus(fill.closed_pnl).minus(fill.fee.unwrap());
    }
    for paid in info::user_funding(&ask("userFunding")).unwrap() {
        cash = cash.plus(paid.amount);
    }
    let account = world.exchange.account(user).unwrap();
    let portfolio = world.exchange.venue().portfolio(account).unwrap();
    assert_eq!(cash, portfolio.cash(), "to the last unit");
}

#[test]
fn the_codec_reads_every_message() {
    let mut world = World::new();
    let (_, listings) = assets(&world);
    let mut stream = Stream::new(listings);
    let user = world.alice.address;
    let conn = world.connect(1);
    world.trade(XRP, Side::Bid, "2.1001", "5");
    for subscription in [
        json!({"type": "allMids"}),
        json!({"type": "l2Book", "coin": "XRP"}),
        json!({"type": "bbo", "coin": "XRP"}),
        json!({"type": "trades", "coin": "XRP"}),
        json!({"type": "activeAssetCtx", "coin": "XRP"}),
        json!({"type": "candle", "coin": "XRP", "interval": "1m"}),
        json!({"type": "orderUpdates", "user": user}),
        json!({"type": "userEvents", "user": user}),
        json!({"type": "userFills", "user": user}),
        json!({"type": "userFundings", "user": user}),
        json!({"type": "userNonFundingLedgerUpdates", "user": user}),
        json!({"type": "webData2", "user": user}),
    ] {
        let message = json!({"method": "subscribe", "subscription": subscription});
        world.exchange.frame(conn, message.to_string().as_bytes(), world.now);
    }
    world.exchange.frame(conn, br#"{"method":"ping"}"#, world.now);
    world.exchange.frame(conn, b"nonsense", world.now);
    world.place(named(buy("2.05", "100", Tif::Gtc), 3));
    world.place(buy("2.1001", "1000", Tif::Ioc));
    let own = world.rest(sell("2.1", "100", Tif::Gtc));
    world.place(buy("2.1", "100", Tif::Gtc));
    assert_eq!(world.status(own), "selfTradeCanceled");
    world.funding(XRP, Rate::from_ppm(10));
    world.exchange.transfer(user, Money::from_whole(5)).unwrap();
    for step in 0..5 {
        world.pass(700 * MS);
        let size = format!("{}", 10 + step);
        world.book(XRP, &[("2.09", &size)], &[("2.11", &size)]);
    }
    let mut kinds = std::collections::BTreeSet::new();
    let mut events = 0;
    for message in world.heard(conn) {
        let frame = stream.decode(&bytes(&message), world.now, |event| {
            events += 1;
            assert!(event.body.instrument() == Some(InstrumentId::new(1)));
            assert!(!matches!(event.body, Body::Timer));
            Ok::<_, DecodeError>(())
        });
        let frame = frame.unwrap_or_else(|error| panic!("{error}: {message}"));
        assert!(!matches!(frame, Frame::Unknown(_)), "{message}");
        if let Frame::Orders(orders) = &frame {
            assert!(orders.iter().all(|it| it.status() != Status::Unknown), "{message}");
        }
        kinds.insert(format!("{frame:?}").split(['(', ' ']).next().unwrap().to_owned());
    }
    let expected = [
        "Candles",
        "Error",
        "Events",
        "Fills",
        "Fundings",
        "Ledger",
        "Market",
        "Mids",
        "Orders",
        "Pong",
        "Subscribed",
        "WebData",
    ];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), expected);
    assert!(events > 10);
}

#[test]
fn the_codec_understands_every_refusal() {
    let mut world = World::new();
    let outcome = |world: &mut World, order| {
        let action = Action::Order { orders: vec![order], grouping: Grouping::Na };
        let answer = Answer::of_json(&bytes(&world.act(&action))).unwrap();
        answer.outcomes(1).remove(0)
    };
    let reason = |outcome: Outcome| match outcome {
        Outcome::Refused(refused) => refused.cause,
        other => panic!("{other:?}"),
    };
    for (order, cause) in [
        (buy("2.05", "1", Tif::Gtc), Cause::Order(RejectReason::TooSmall)),
        (buy("2.055555", "100", Tif::Gtc), Cause::Order(RejectReason::BadPrice)),
        (buy("2.2", "100", Tif::Alo), Cause::Order(RejectReason::WouldTrade)),
        (buy("2.05", "100", Tif::Ioc), Cause::Unfilled),
        (buy("2.05", "10000000", Tif::Gtc), Cause::Order(RejectReason::Margin)),
        (reduce(sell("2.05", "100", Tif::Ioc)), Cause::Order(RejectReason::WouldIncrease)),
        (trigger(Side::Ask, "2.1", "100", "2.3", Tpsl::Sl), Cause::Order(RejectReason::BadPrice)),
    ] {
        assert_eq!(reason(outcome(&mut world, order)), cause);
    }
    world.exchange.post_only_until(world.now + 1_000_000_000);
    assert_eq!(reason(outcome(&mut world, buy("2.2", "100", Tif::Ioc))), Cause::PostOnlyWindow);
    let refused =
        |world: &mut World, action: &Action| match Answer::of_json(&bytes(&world.act(action)))
            .unwrap()
        {
            Answer::Refused(refused) => refused.cause,
            other => panic!("{other:?}"),
        };
    let soon = Action::ScheduleCancel { time: Some(world.now_ms() + 10_000) };
    assert_eq!(refused(&mut world, &soon), Cause::ScheduleCancelLocked);
    let cancels = vec![flyball_venues::hyperliquid::Cancel { asset: BTC, oid: 1 }];
    let gone = Answer::of_json(&bytes(&world.act(&Action::Cancel { cancels }))).unwrap();
    assert_eq!(reason(gone.outcomes(1).remove(0)), Cause::MissingOrder);
    let stranger = crate::world::Client::new(9);
    let answer = world.act_as(&stranger.key, &Action::Noop);
    let Answer::Refused(refused) = Answer::of_json(&bytes(&answer)).unwrap() else { panic!() };
    assert_eq!(refused.cause, Cause::Signer);
}

#[test]
fn the_codec_tells_a_used_nonce_a_wrong_one_and_a_stale_action_apart() {
    use flyball_venues::hyperliquid::sign::Envelope;
    let mut world = World::new();
    let key = world.alice.key.clone();
    let mut cause = |envelope: Envelope| {
        let body = World::body(&key, &Action::Noop, &envelope);
        match Answer::of_json(&bytes(&world.post("/exchange", &body).1)).unwrap() {
            Answer::Done => None,
            Answer::Refused(refused) => Some(refused.cause),
            other => panic!("{other:?}"),
        }
    };
    let now = u64::try_from(crate::world::START / MS).unwrap();
    assert_eq!(cause(Envelope::new(now)), None);
    assert_eq!(cause(Envelope::new(now)), Some(Cause::NonceUsed));
    assert_eq!(cause(Envelope::new(7)), Some(Cause::Nonce));
    let stale = Envelope { expires_after: Some(now - 1), ..Envelope::new(now + 1) };
    assert_eq!(cause(stale), Some(Cause::Expired));
}

#[test]
fn the_codec_reads_answers_to_posts() {
    let mut world = World::new();
    let (_, listings) = assets(&world);
    let mut stream = Stream::new(listings);
    let conn = world.connect(1);
    let envelope = flyball_venues::hyperliquid::sign::Envelope::new(world.nonce());
    let order = buy("2.1001", "500", Tif::Ioc);
    let action = Action::Order { orders: vec![order], grouping: Grouping::Na };
    let body: Value =
        serde_json::from_slice(&World::body(&world.alice.key.clone(), &action, &envelope)).unwrap();
    let mut posted = |kind: &str, payload: &Value| {
        let message =
            json!({"method": "post", "id": 5, "request": {"type": kind, "payload": payload}});
        let heard = world.say(conn, &message).remove(0);
        match stream.decode(&bytes(&heard), 0, |_| Ok::<_, DecodeError>(())).unwrap() {
            Frame::Posted(posted) if posted.id == 5 => posted.reply,
            other => panic!("{other:?}"),
        }
    };
    let Reply::Action(answer) = posted("action", &body) else { panic!() };
    let status = answer.outcomes(1).remove(0).order_status(order.qty, true);
    assert_eq!(status, Status::Filled);
    let Reply::Info(mids) = posted("info", &json!({"type": "allMids"})) else { panic!() };
    assert!(mids.contains("XRP"));
    let Reply::Error(words) = posted("info", &json!({"type": "nothing"})) else { panic!() };
    assert!(words.starts_with("422 "), "{words}");
}
