use flyball_core::domain::{Decimal, InstrumentId};

use super::*;
use crate::hyperliquid::testing::{ME, assets};
use crate::hyperliquid::{Cause, Delta, Outcome};
use crate::testing::{line, listed};

fn decode(message: &str) -> Result<(Frame, Vec<String>), DecodeError> {
    let mut lines = Vec::new();
    let mut stream = Stream::new(listed("HYPE", 4, 2));
    let frame = stream.decode(message.as_bytes(), 7, |event| {
        lines.push(line(event));
        Ok::<_, DecodeError>(())
    })?;
    Ok((frame, lines))
}

fn frame(message: &str) -> Frame {
    let (frame, lines) = decode(message).unwrap();
    assert!(lines.is_empty());
    frame
}

#[test]
fn market_data_is_what_the_decoder_of_recordings_makes_of_it() {
    let book = r#"{"channel":"l2Book","data":{"coin":"HYPE","time":5,"levels":[
        [{"px":"34.967","sz":"2.85","n":1}],[{"px":"34.969","sz":"1473.06","n":2}]]}}"#;
    let expected = "5: snapshot 5-5 after 0 bids 349670x285 asks 349690x147306";
    // Blanks and another order of the keys take the longer way.
    let (data, channel) = (
        r#""data":{"coin":"HYPE","time":5,"levels":[
        [{"px":"34.967","sz":"2.85","n":1}],[{"px":"34.969","sz":"1473.06","n":2}]]}"#,
        r#""channel": "l2Book""#,
    );
    for message in
        [book.to_owned(), format!("{{ {channel},{data}}}"), format!("{{{data},{channel}}}")]
    {
        let (frame, lines) = decode(&message).unwrap();
        assert_eq!((frame, lines), (Frame::Market(Seen::Market), vec![expected.to_owned()]));
    }
    let foreign = r#"{"channel":"trades","data":[{"coin":"BTC","side":"B","px":"1","sz":"1",
        "time":1,"tid":1}]}"#;
    assert_eq!(frame(foreign), Frame::Market(Seen::Foreign));
}

#[test]
fn an_answer_to_a_question_for_a_book_is_a_snapshot() {
    let answer = r#"{"coin":"HYPE","time":5,"levels":[[],[{"px":"34.969","sz":"1","n":2}]]}"#;
    let mut lines = Vec::new();
    let mut stream = Stream::new(listed("HYPE", 4, 2));
    for (body, expected) in [
        (answer, Ok(Seen::Market)),
        ("null", Err(DecodeError::Missing("coin"))),
        (r#"{"coin":"HYPE","time":5}"#, Err(DecodeError::Missing("levels"))),
    ] {
        let seen = stream.market().decode_book(body.as_bytes(), 7, |event| {
            lines.push(line(event));
            Ok::<_, DecodeError>(())
        });
        assert_eq!(seen, expected);
    }
    assert_eq!(lines, ["5: snapshot 5-5 after 0 bids  asks 349690x100"]);
}

#[test]
fn orders_fills_and_funding_come_with_whether_they_are_old() {
    let orders = r#"{"channel":"orderUpdates","data":[{"order":{"coin":"@107","side":"B",
        "limitPx":"30.0","sz":"0.49","oid":1,"timestamp":1764843090519,"origSz":"0.49"},
        "status":"open","statusTimestamp":1764843090519}]}"#;
    let Frame::Orders(orders) = frame(orders) else { panic!() };
    assert_eq!((orders.len(), orders[0].order.price), (1, Number::new(300, 1)));

    let fills = |more: &str| {
        format!(
            r#"{{"channel":"userFills","data":{{{more}"user":"{ME}","fills":[{{"coin":"HYPE",
            "px":"34.895","sz":"0.5","side":"A","time":1,"startPosition":"0.0","dir":"Sell",
            "closedPnl":"-1.5","hash":"0x01","oid":2,"crossed":false,"fee":"-0.1","tid":3,
            "feeToken":"USDC"}}]}}}}"#
        )
    };
    for (more, is_snapshot) in [("\"isSnapshot\":true,", true), ("", false)] {
        let Frame::Fills(fills) = frame(&fills(more)) else { panic!() };
        assert_eq!(fills.is_snapshot, is_snapshot);
        assert_eq!(fills.user, Address::parse(ME).unwrap());
        assert_eq!(fills.fills[0].closed_pnl, Money::from_units(-15_000_000_000));
        assert_eq!(fills.fills[0].fee, Some(Money::from_units(-1_000_000_000)));
    }

    let fundings = format!(
        r#"{{"channel":"userFundings","data":{{"user":"{ME}","isSnapshot":true,"fundings":[
        {{"time":9,"coin":"HYPE","usdc":"-0.044263","szi":"30.0","fundingRate":"0.0000369155",
        "nSamples":null}}]}}}}"#
    );
    let Frame::Fundings(fundings) = frame(&fundings) else { panic!() };
    assert!(fundings.is_snapshot);
    assert_eq!(
        (fundings.fundings[0].time_ms, fundings.fundings[0].rate),
        (9, Number::new(369_155, 10))
    );

    let ledger = format!(
        r#"{{"channel":"userNonFundingLedgerUpdates","data":{{"user":"{ME}",
        "nonFundingLedgerUpdates":[{{"time":1,"hash":"0x","delta":{{"type":"deposit",
        "usdc":"5.0"}}}}]}}}}"#
    );
    let Frame::Ledger(ledger) = frame(&ledger) else { panic!() };
    assert_eq!(ledger.updates[0].delta, Delta::Deposit { usdc: Money::from_whole(5) });
}

#[test]
fn user_events_hold_one_thing_each_and_new_things_are_passed_over() {
    let events = |data: &str| match frame(&format!(r#"{{"channel":"user","data":{data}}}"#)) {
        Frame::Events(events) => *events,
        other => panic!("{other:?}"),
    };
    let funding = events(
        r#"{"funding":{"time":1,"coin":"HYPE","usdc":"0.1","szi":"-1","fundingRate":"0.1"}}"#,
    );
    assert_eq!(funding.funding.unwrap().amount, Money::from_units(1_000_000_000));
    let liquidation = events(&format!(
        r#"{{"liquidation":{{"lid":1,"liquidator":"0x","liquidated_user":"{ME}",
        "liquidated_ntl_pos":"100.0","liquidated_account_value":"-1.0"}}}}"#
    ));
    let liquidation = liquidation.liquidation.unwrap();
    assert_eq!(liquidation.account_value, Money::from_whole(-1));
    let cancels = events(r#"{"nonUserCancel":[{"coin":"HYPE","oid":4}]}"#).non_user_cancel;
    assert_eq!(cancels, [NonUserCancel { coin: "HYPE".to_owned(), oid: 4 }]);
    assert_eq!(events(r#"{"twapHistory":[{"state":{}}]}"#), UserEvents::default());
}

#[test]
fn candles_come_alone_or_in_lists_and_become_bars() {
    let candle = r#"{"t":1764806400000,"T":1764892799999,"s":"HYPE","i":"1d","o":"34.668",
        "c":"34.868","h":"36.219","l":"34.251","v":"3495670.8399999999","n":102895}"#;
    let assets = assets();
    let it = assets.id(InstrumentId::new(3)).unwrap();
    for data in [candle.to_owned(), format!("[{candle}]")] {
        let message = format!(r#"{{"channel":"candle","data":{data}}}"#);
        let Frame::Candles(all) = frame(&message) else { panic!() };
        let event = all[0].bar(it, 7).unwrap();
        assert_eq!((all.len(), event.time_ns), (1, 1_764_892_800_000_000_000));
        let Body::Bar(bar) = event.body else { panic!() };
        assert_eq!(bar.interval_ns, 86_400_000_000_000);
        assert_eq!((bar.open.ticks(), bar.close.ticks()), (346_680, 348_680));
        assert_eq!((bar.high.ticks(), bar.low.ticks()), (362_190, 342_510));
        assert_eq!(bar.volume.lots(), 349_567_084);
    }
}

#[test]
fn mids_keep_their_order() {
    let message = r#"{"channel":"allMids","data":{"mids":{"2Z":"0.129165","0G":"1.2017"}}}"#;
    let expected =
        [("2Z".to_owned(), Number::new(129_165, 6)), ("0G".to_owned(), Number::new(12_017, 4))];
    assert_eq!(frame(message), Frame::Mids(expected.to_vec()));
}

#[test]
fn web_data_tells_agent_mode_and_account() {
    let summary = r#"{"accountValue":"29.78001","totalNtlPos":"0.0","totalRawUsd":"29.78001",
        "totalMarginUsed":"0.0"}"#;
    let old = format!(
        r#"{{"channel":"webData2","data":{{"user":"{ME}","agentAddress":null,"serverTime":5,
        "clearinghouseState":{{"marginSummary":{summary},"crossMarginSummary":{summary},
        "crossMaintenanceMarginUsed":"0.0","withdrawable":"29.78001","assetPositions":[],
        "time":1733968369395}},"openOrders":[]}}}}"#
    );
    let Frame::WebData(data) = frame(&old) else { panic!() };
    let value = data.clearinghouse.unwrap().margin_summary.account_value;
    assert_eq!(value, Money::from_units(297_800_100_000));
    let new = format!(
        r#"{{"channel":"webData3","data":{{"userState":{{"agentAddress":"{ME}",
        "agentValidUntil":1771174068515,"cumLedger":"1.0","serverTime":6,"isVault":false,
        "user":"{ME}","abstraction":"unifiedAccount"}},"perpDexStates":[]}}}}"#
    );
    let Frame::WebData(data) = frame(&new) else { panic!() };
    assert_eq!(data.agent, Some(Address::parse(ME).unwrap()));
    assert_eq!(data.agent_valid_until_ms, Some(1_771_174_068_515));
    assert_eq!((data.mode.as_deref(), data.clearinghouse), (Some("unifiedAccount"), None));
}

#[test]
fn answers_over_the_websocket_carry_the_id_of_their_request() {
    let posted = |response: &str| {
        let message = format!(r#"{{"channel":"post","data":{{"id":256,"response":{response}}}}}"#);
        match frame(&message) {
            Frame::Posted(Posted { id: 256, reply }) => reply,
            other => panic!("{other:?}"),
        }
    };
    let action = posted(
        r#"{"type":"action","payload":{"status":"ok","response":{"type":"order",
        "data":{"statuses":[{"resting":{"oid":88383}}]}}}}"#,
    );
    let resting = Outcome::Resting { oid: 88_383, cloid: None };
    assert_eq!(action, Reply::Action(Answer::Each(vec![resting])));
    let info = r#"{"type":"info","payload":{"type":"l2Book","data":{"coin":"ETH","time":1}}}"#;
    assert_eq!(posted(info), Reply::Info(r#"{"coin":"ETH","time":1}"#.to_owned()));
    assert_eq!(posted(r#"{"type":"info","payload":[1]}"#), Reply::Info("[1]".to_owned()));
    let Reply::Error(text) = posted(r#"{"type":"error","payload":"429 Too Many Requests"}"#) else {
        panic!()
    };
    let Answer::Refused(refused) = Answer::of_error(&text) else { panic!() };
    assert_eq!(refused.cause, Cause::RateLimited);
    let new = r#"{"channel":"post","data":{"id":1,"response":{"type":"new","payload":1}}}"#;
    assert!(matches!(decode(new), Err(DecodeError::Unexpected { .. })));
}

#[test]
fn messages_of_the_connection_are_told_apart() {
    assert_eq!(frame(r#"{"channel":"pong"}"#), Frame::Pong);
    assert_eq!(frame("Websocket connection established."), Frame::Hello);
    let error = r#"{"channel":"error","data":"Already subscribed: {\"type\":\"bbo\"}"}"#;
    assert_eq!(frame(error), Frame::Error("Already subscribed: {\"type\":\"bbo\"}".to_owned()));
    assert_eq!(frame(r#"{"channel":"error","data":[1]}"#), Frame::Error("[1]".to_owned()));
    let new = r#"{"channel":"newThing","data":{"a":[1.5]}}"#;
    assert_eq!(frame(new), Frame::Unknown("newThing".to_owned()));
    let subscribed = r#"{"channel":"subscriptionResponse","data":{"method":"subscribe",
        "subscription":{"type":"l2Book","coin":"HYPE","nSigFigs":null,"mantissa":null}}}"#;
    let expected = Subscribed {
        method: "subscribe".to_owned(),
        stream: "l2Book".to_owned(),
        coin: Some("HYPE".to_owned()),
        user: None,
    };
    assert_eq!(frame(subscribed), Frame::Subscribed(expected));
}

#[test]
fn a_message_of_another_shape_is_an_error() {
    for message in [
        "",
        "{}",
        "[]",
        "Websocket connection lost.",
        r#"{"channel":7}"#,
        r#"{"channel":"orderUpdates"}"#,
        r#"{"channel":"orderUpdates","data":{}}"#,
        r#"{"channel":"userFills","data":{"fills":[]}}"#,
        r#"{"channel":"userFills","data":{"user":"0x1","fills":[]}}"#,
        r#"{"channel":"pong"} {"#,
        r#"{"channel":"candle","data":{"t":1}}"#,
    ] {
        assert!(decode(message).is_err(), "{message}");
    }
}

#[test]
fn a_candle_off_the_grid_is_an_error() {
    let assets = assets();
    let it = assets.id(InstrumentId::new(3)).unwrap();
    let number = Number::new(1, 0);
    let candle = Candle {
        open_ms: 0,
        close_ms: 59_999,
        coin: "HYPE".to_owned(),
        interval: "1m".to_owned(),
        open: number,
        high: number,
        low: number,
        close: Number::new(1, 5),
        volume: number,
    };
    let Err(DecodeError::Number { step, .. }) = candle.bar(it, 0) else { panic!() };
    assert_eq!(step, Decimal::new(1, 4));
    let huge = Candle { close: number, close_ms: i64::MAX, ..candle };
    assert!(huge.bar(it, 0).is_err());
}
