//! Every recorded answer and message of Hyperliquid is read, and figures in them are checked.

mod shared;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use flyball_core::domain::{
    CancelReason, Decimal, InstrumentId, Money, Rate, Side, Status, VenueOrderId,
};
use flyball_venues::hyperliquid::info::{self, MarginMode, Role};
use flyball_venues::hyperliquid::sign::Address;
use flyball_venues::hyperliquid::{
    Answer, Delta, Frame, Hyperliquid, OrderUpdate, Outcome, Stream,
};
use flyball_venues::{DecodeError, Listings, Number, Seen};
use serde_json::Value;

/// The next text in single quotes behind `key`, and what follows it. Cassettes are YAML files of
/// one shape: a quote in a text is doubled, and a broken line stands for a blank.
fn quoted<'a>(text: &'a str, key: &str) -> Option<(String, &'a str)> {
    let (_, mut rest) = text.split_once(&format!("{key}: '"))?;
    let mut value = String::new();
    loop {
        let (piece, after) = rest.split_once('\'')?;
        value.push_str(piece);
        rest = after.strip_prefix('\'').unwrap_or(after);
        if rest.len() == after.len() {
            let lines: Vec<_> = value.lines().map(str::trim).collect();
            return Some((lines.join(" "), rest));
        }
        value.push('\'');
    }
}

/// Requests and answers of a cassette.
fn cassette(path: &Path) -> Vec<(Value, Vec<u8>)> {
    let text = std::fs::read_to_string(path).unwrap();
    let (mut rest, mut pairs) = (text.as_str(), Vec::new());
    while let Some((request, after)) = quoted(rest, "body") {
        let (answer, after) = quoted(after, "string").unwrap();
        pairs.push((serde_json::from_str(&request).unwrap(), answer.into_bytes()));
        rest = after;
    }
    assert_eq!(pairs.len(), text.matches("code: 200").count(), "{}", path.display());
    pairs
}

/// All cassettes by the question that they hold.
fn cassettes() -> Option<BTreeMap<String, Vec<Vec<u8>>>> {
    let folder = shared::shared()?.join("wire/hyperliquid_python_sdk_cassettes/info_test");
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        for (request, answer) in cassette(&entry.unwrap().path()) {
            let kind = request["type"].as_str().unwrap().to_owned();
            all.entry(kind).or_default().push(answer);
        }
    }
    Some(all)
}

/// A survey takes in whatever instrument comes.
fn survey(answer: &[u8]) -> Result<Seen, DecodeError> {
    Hyperliquid::new(Listings::survey()).decode_book(answer, 1, |_| Ok::<_, DecodeError>(()))
}

#[test]
fn every_recorded_answer_that_the_engine_asks_for_is_read() {
    let Some(all) = cassettes() else { return };
    let mut read = 0;
    for (kind, answers) in &all {
        for body in answers {
            let result = match kind.as_str() {
                "meta" => info::meta(body).map(drop),
                "allMids" => info::mids(body).map(drop),
                "l2Book" => survey(body).map(drop),
                "candleSnapshot" => info::candles(body).map(drop),
                "fundingHistory" => info::funding_history(body).map(drop),
                "clearinghouseState" => info::clearinghouse(body).map(drop),
                "openOrders" | "frontendOpenOrders" => info::open_orders(body).map(drop),
                "historicalOrders" => info::historical_orders(body).map(drop),
                "userFills" | "userFillsByTime" => info::user_fills(body).map(drop),
                "userFunding" => info::user_funding(body).map(drop),
                "userNonFundingLedgerUpdates" => info::user_ledger(body).map(drop),
                "userRateLimit" => info::rate_limit(body).map(drop),
                "userRole" => info::role(body).map(drop),
                "extraAgents" => info::agents(body).map(drop),
                "portfolio" => info::worth_history(body).map(drop),
                // Staking, vaults, TWAPs: the engine does not ask for them.
                "delegatorHistory" | "userTwapSliceFills" | "userVaultEquities" => continue,
                other => panic!("{other} is new"),
            };
            result.unwrap_or_else(|error| panic!("{kind}: {error}"));
            read += 1;
        }
    }
    assert_eq!((all.len(), read), (20, 24));
}

#[test]
fn recorded_markets_have_the_figures_that_were_recorded() {
    let Some(all) = cassettes() else { return };
    let meta = info::meta(&all["meta"][0]).unwrap();
    let (number, perp) = meta.perp("ETH").unwrap();
    assert_eq!((number, perp.sz_decimals, perp.max_leverage), (1, 4, 50));
    let mids = info::mids(&all["allMids"][0]).unwrap();
    assert_eq!(mids.len(), 28);
    assert!(mids.contains(&("XRP".to_owned(), Number::new(73_862, 5))));
    let candles = info::candles(&all["candleSnapshot"][0]).unwrap();
    assert_eq!((candles.len(), candles[0].coin.as_str()), (24, "kPEPE"));
    assert_eq!((candles[0].open_ms, candles[0].close), (1_684_699_200_000, Number::new(1604, 6)));
    let rates = info::funding_history(&all["fundingHistory"][0]).unwrap();
    assert_eq!(rates[0].rate, Rate::from_parts(-613_340_000));
    assert_eq!(rates[0].time_ms, 1_683_849_600_048);
    let mut listings = Listings::new();
    let (tick, lot) = (Decimal::new(1, 4), Decimal::new(1, 1));
    listings.add(InstrumentId::new(0), "DYDX", tick, lot).unwrap();
    let mut best = None;
    let mut decoder = Hyperliquid::new(listings);
    let seen = decoder.decode_book(&all["l2Book"][0], 1, |event| {
        let flyball_core::domain::Body::Depth(depth) = event.body else { panic!() };
        best = Some((depth.bids.len(), depth.asks.len(), depth.bids[0]));
        Ok::<_, DecodeError>(())
    });
    let (bids, asks, bid) = best.unwrap();
    assert_eq!((seen, bids, asks), (Ok(Seen::Market), 20, 20));
    assert_eq!((bid.price.ticks(), bid.qty.lots()), (21_110, 1344));
}

#[test]
fn recorded_accounts_have_the_figures_that_were_recorded() {
    let Some(all) = cassettes() else { return };
    let state = info::clearinghouse(&all["clearinghouseState"][0]).unwrap();
    assert_eq!(state.positions.len(), 12);
    let btc = &state.positions[0];
    assert_eq!((btc.coin.as_str(), btc.qty), ("BTC", Number::new(-785, 5)));
    assert_eq!((btc.leverage.kind, btc.leverage.value), (MarginMode::Cross, 20));
    assert_eq!(btc.liquidation, Some(Number::new(17_319_869_592_357, 8)));
    assert_eq!(btc.value, Money::from_units(2_116_454_200_000));
    assert_eq!(state.positions[1].liquidation, None);
    let limit = info::rate_limit(&all["userRateLimit"][0]).unwrap();
    assert_eq!(limit.volume, Money::from_units(1_700_437_217_374_500_122_070));
    assert_eq!((limit.used, limit.cap), (36_589_831_368, 170_043_731_737));
    assert_eq!(info::role(&all["userRole"][0]), Ok(Role::Vault));
    let agents = info::agents(&all["extraAgents"][0]).unwrap();
    let address = Address::parse("0x286edfa08c04f6899dab3bfdecf2dd133f9733b9").unwrap();
    assert_eq!((agents.len(), agents[0].address), (2, address));
    assert_eq!(agents[0].valid_until_ms, Some(1_767_776_120_478));
}

#[test]
fn recorded_orders_and_fills_have_the_figures_that_were_recorded() {
    let Some(all) = cassettes() else { return };
    let orders = info::open_orders(&all["openOrders"][0]).unwrap();
    assert_eq!((orders.len(), orders[0].oid, orders[0].side), (196, 62_269_971, Side::Bid));
    assert_eq!(orders[0].is_trigger, None);
    let orders = info::open_orders(&all["frontendOpenOrders"][0]).unwrap();
    assert_eq!((orders.len(), orders[0].is_trigger), (3, Some(true)));
    assert_eq!(orders[0].trigger, Some(Number::new(10_004, 3)));
    assert_eq!((orders[2].children.len(), orders[2].reduce_only), (2, Some(false)));
    let history = info::historical_orders(&all["historicalOrders"][0]).unwrap();
    let (unfilled, requested) = (CancelReason::Unfilled, CancelReason::Requested);
    let expected = [unfilled, unfilled, unfilled, requested, requested].map(Status::Cancelled);
    assert_eq!(history.iter().map(OrderUpdate::status).collect::<Vec<_>>(), expected);
    let fills = info::user_fills(&all["userFills"][0]).unwrap();
    let by_time = info::user_fills(&all["userFillsByTime"][0]).unwrap();
    assert_eq!(fills.len(), 500);
    assert!(fills == by_time);
    let first = &fills[0];
    assert_eq!((first.coin.as_str(), first.side, first.oid), ("SUI", Side::Ask, 189_324_432));
    assert_eq!((first.price, first.qty), (Number::new(13_189, 4), Number::new(1427, 1)));
    assert_eq!((first.closed_pnl, first.tid), (Money::from_units(-2_568_600_000), None));
}

#[test]
fn recorded_payments_have_the_figures_that_were_recorded() {
    let Some(all) = cassettes() else { return };
    let payments = info::user_funding(&all["userFunding"][0]).unwrap();
    let first = &payments[0];
    assert_eq!((first.coin.as_str(), first.time_ms), ("APE", 1_681_948_800_000));
    assert_eq!(first.amount, Money::from_units(1_457_960_000));
    assert_eq!(first.position, Number::new(4_013_333_333, 8));
    let ledgers = &all["userNonFundingLedgerUpdates"];
    let ledger = ledgers.iter().map(|it| info::user_ledger(it).unwrap()).max_by_key(Vec::len);
    let ledger = ledger.unwrap();
    assert_eq!(ledger.len(), 5);
    let usdc = Money::from_units(27_039_974_500_000_002);
    assert_eq!(ledger[0].delta, Delta::Deposit { usdc });
    let user = Address::parse("0x2ba553d9f990a3b66b03b2dc0d030dfc1c061036").unwrap();
    let cash = |at: usize| ledger[at].transfer(user).map(|it| it.amount);
    assert_eq!((cash(0), cash(1)), (Some(usdc), Some(Money::from_whole(-12))));
    assert_eq!(cash(2), None, "a transfer between spot accounts");
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

fn fixtures(part: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    files(&shared::shared()?.join("wire/jkorf_hyperliquid").join(part), &mut found);
    found.sort();
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    Some(found.into_iter().map(read).collect())
}

#[test]
fn every_answer_of_another_library_is_read() {
    let Some(all) = fixtures("Endpoints") else { return };
    let mut read = 0;
    for (name, text) in &all {
        let json = text.splitn(4, '\n').nth(3).unwrap().trim_start_matches('\u{feff}');
        let (body, spot) = (json.as_bytes(), json.contains("\"tokens\""));
        let result = match name.as_str() {
            "GetAccountInfo" => info::clearinghouse(body).map(drop),
            "GetFundingHistory" => info::user_funding(body).map(drop),
            "GetExchangeInfo" if !spot => info::meta(body).map(drop),
            "GetExchangeInfoAndTickers" if !spot => info::meta_and_contexts(body).map(drop),
            "GetFundingRateHistory" => info::funding_history(body).map(drop),
            "GetAccountLedger" => info::user_ledger(body).map(drop),
            "GetBalances" => info::balances(body).map(drop),
            "GetRateLimits" => info::rate_limit(body).map(drop),
            "GetKlines" => info::candles(body).map(drop),
            "GetOrderBook" => survey(body).map(drop),
            "GetPrices" => info::mids(body).map(drop),
            "GetOpenOrders" | "GetOpenOrdersExtended" => info::open_orders(body).map(drop),
            "GetUserTrades" => info::user_fills(body).map(drop),
            "PlaceOrder" => {
                let resting = Outcome::Resting { oid: 77_738_308, cloid: None };
                assert_eq!(Answer::of_http(200, body), Ok(Answer::Each(vec![resting])));
                Ok(())
            }
            "SetLeverage" => {
                assert_eq!(Answer::of_http(200, body), Ok(Answer::Done));
                Ok(())
            }
            // Its address is empty, which the venue's never is.
            "GetExtraAgents" => {
                assert!(info::agents(body).is_err());
                Ok(())
            }
            // Spot tokens, sub-accounts, builders' fees: the engine does not ask for them.
            "GetExchangeInfo"
            | "GetExchangeInfoAndTickers"
            | "GetAssetInfo"
            | "GetSubAccounts"
            | "GetSubAccounts2"
            | "GetApprovedBuilderFee"
            | "GetSymbolsAtMaxOpenInterest" => {
                continue;
            }
            other => panic!("{other} is new"),
        };
        result.unwrap_or_else(|error| panic!("{name}: {error}"));
        read += 1;
    }
    assert_eq!((all.len(), read), (24, 17));
}

/// What was received in a fixture: lines after `<`, and the rest after `=`.
fn received(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut pushed = false;
    for line in text.lines() {
        let (mark, rest) = line.split_at(line.find([' ', '\t']).unwrap_or(line.len()));
        match mark.trim_end_matches(|c: char| c.is_ascii_digit()) {
            ">" => pushed = false,
            "<" | "=" => {
                pushed = mark.starts_with('=');
                all.push(rest.to_owned());
            }
            _ if pushed => {
                if let Some(last) = all.last_mut() {
                    last.push_str(line);
                }
            }
            _ => {}
        }
    }
    all.retain(|message| !message.trim().is_empty());
    all
}

#[test]
fn every_message_of_another_library_is_read() {
    let Some(all) = fixtures("Subscriptions") else { return };
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for (name, text) in &all {
        let mut stream = Stream::new(Listings::survey());
        for message in received(text) {
            let frame = stream.decode(message.trim().as_bytes(), 1, |_| Ok::<_, DecodeError>(()));
            // Two candles of it were cut to their times.
            if name == "Concurrent" && message.contains("\"data\": {") {
                assert!(frame.is_err());
                continue;
            }
            let kind = match frame.unwrap_or_else(|error| panic!("{name}: {error}: {message}")) {
                Frame::Market(Seen::Market) => "market",
                Frame::Mids(mids) if mids.len() == 2 => "mids",
                Frame::Candles(candles) if candles.len() == 1 => "candle",
                Frame::Orders(orders) => {
                    assert_eq!(VenueOrderId::new(orders[0].order.oid), VenueOrderId::new(1));
                    assert_eq!(orders[0].status(), Status::Working);
                    "order"
                }
                Frame::Events(events) => {
                    assert_eq!(events.fills[0].fee, Some(Money::from_units(3_149_900)));
                    assert_eq!(events.fills[0].fee_token.as_deref(), Some("HYPE"));
                    "fill"
                }
                Frame::Subscribed(it) if it.method == "subscribe" => "subscribed",
                other => panic!("{name}: {other:?}"),
            };
            *counts.entry(kind).or_default() += 1;
        }
    }
    let expected =
        [("candle", 1), ("fill", 1), ("market", 3), ("mids", 1), ("order", 1), ("subscribed", 9)];
    assert_eq!(counts, BTreeMap::from(expected));
}
