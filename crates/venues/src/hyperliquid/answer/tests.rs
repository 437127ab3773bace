use flyball_core::domain::RejectReason;

use super::*;

fn each(statuses: &str) -> Vec<Outcome> {
    let body = format!(
        r#"{{"status":"ok","response":{{"type":"order","data":{{"statuses":[{statuses}]}}}}}}"#
    );
    match Answer::of_http(200, body.as_bytes()).unwrap() {
        Answer::Each(all) => all,
        other => panic!("{other:?}"),
    }
}

fn one(status: &str) -> Outcome {
    each(status).remove(0)
}

fn number(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).unwrap()
}

#[test]
fn every_documented_status_of_an_order_is_read() {
    let resting = one(r#"{"resting":{"oid":77738308,"new":1}}"#);
    assert_eq!(resting, Outcome::Resting { oid: 77_738_308, cloid: None });
    let cloid = "0x0000000000000007000000000000000c";
    let named = one(&format!(r#"{{"resting":{{"oid":1,"cloid":"{cloid}"}}}}"#));
    assert_eq!(named, Outcome::Resting { oid: 1, cloid: Some(Cloid::parse(cloid).unwrap()) });
    let filled = one(r#"{"filled":{"totalSz":"0.02","avgPx":"1891.4","oid":77747314}}"#);
    let expected = Outcome::Filled {
        oid: 77_747_314,
        cloid: None,
        qty: Number::new(2, 2),
        average: Number::new(18_914, 1),
    };
    assert_eq!(filled, expected);
    assert_eq!(one(r#""waitingForFill""#), Outcome::WaitingForFill);
    assert_eq!(one(r#""waitingForTrigger""#), Outcome::WaitingForTrigger);
    assert_eq!(one(r#""success""#), Outcome::Success);
}

#[test]
fn errors_stand_inside_an_answer_that_says_ok() {
    let all =
        each(r#"{"resting":{"oid":1}},{"error":"Order must have minimum value of $10. asset=4"}"#);
    let qty = number("1");
    let statuses: Vec<_> = all.iter().map(|it| it.order_status(qty, false)).collect();
    assert_eq!(statuses, [Status::Working, Status::Rejected(RejectReason::TooSmall)]);
}

#[test]
fn an_order_is_filled_only_when_all_of_it_traded() {
    let filled = one(r#"{"filled":{"totalSz":"0.020","avgPx":"1891.4","oid":1}}"#);
    assert_eq!(filled.order_status(number("0.02"), false), Status::Filled);
    assert_eq!(filled.order_status(number("0.02"), true), Status::Filled);
    let ended = Status::Cancelled(CancelReason::Unfilled);
    assert_eq!(filled.order_status(number("0.03"), true), ended);
    assert_eq!(filled.order_status(number("0.03"), false), Status::Unknown);
}

#[test]
fn an_immediate_order_that_met_nobody_is_over() {
    let text = "Order could not immediately match against any resting orders. asset=0";
    let outcome = one(&format!(r#"{{"error":"{text}"}}"#));
    let ended = Status::Cancelled(CancelReason::Unfilled);
    assert_eq!(outcome.order_status(number("1"), true), ended);
}

#[test]
fn a_cancel_that_found_no_order_leaves_it_unknown() {
    let missing =
        one(r#"{"error":"Order was never placed, already canceled, or filled. asset=4"}"#);
    assert_eq!(missing.cancel_status(), Some(Status::Unknown));
    let requested = Status::Cancelled(CancelReason::Requested);
    assert_eq!(one(r#""success""#).cancel_status(), Some(requested));
    let limited = one(r#"{"error":"Too many cumulative requests sent (2 > 1)"}"#);
    assert_eq!(limited.cancel_status(), None);
}

#[test]
fn a_status_that_is_not_known_is_unknown() {
    for status in [
        r#""halfFilled""#,
        r#"{"parked":{"oid":1}}"#,
        r#"{"filled":{"oid":1}}"#,
        r#"{"filled":{"totalSz":1.5,"avgPx":"1","oid":1}}"#,
        r#"{"resting":{"oid":-1}}"#,
        "null",
        "7",
    ] {
        let outcome = one(status);
        assert!(matches!(outcome, Outcome::Unknown(_)), "{status}: {outcome:?}");
        assert_eq!(outcome.order_status(number("1"), true), Status::Unknown);
        assert_eq!(outcome.cancel_status(), Some(Status::Unknown));
    }
    // "success" is no word for a placed order.
    assert_eq!(Outcome::Success.order_status(number("1"), true), Status::Unknown);
}

#[test]
fn a_refusal_of_the_whole_is_that_of_each() {
    let text = "User or API Wallet 0x0123 does not exist.";
    let body = format!(r#"{{"status":"err","response":"{text}"}}"#);
    let answer = Answer::of_json(body.as_bytes()).unwrap();
    assert_eq!(answer, Answer::Refused(Refused::of(text)));
    let outcome = Outcome::Refused(Refused { cause: Cause::Signer, text: text.to_owned() });
    assert_eq!(answer.outcomes(2), [outcome.clone(), outcome]);
    let single = Answer::Each(each(r#"{"error":"Insufficient margin to place order."}"#));
    let outcomes = single.outcomes(3);
    assert_eq!(outcomes.len(), 3);
    let margin = Status::Rejected(RejectReason::Margin);
    assert!(outcomes.iter().all(|it| it.order_status(number("1"), false) == margin));
}

#[test]
fn too_few_answers_leave_every_order_unknown() {
    let two = Answer::Each(each(r#"{"resting":{"oid":1}},{"resting":{"oid":2}}"#));
    assert!(two.clone().outcomes(3).iter().all(|it| matches!(it, Outcome::Unknown(_))));
    assert!(two.outcomes(1).iter().all(|it| matches!(it, Outcome::Unknown(_))));
    let one = Answer::Each(each(r#"{"resting":{"oid":1}}"#));
    assert!(one.outcomes(2).iter().all(|it| matches!(it, Outcome::Unknown(_))));
    assert!(Answer::Done.outcomes(1).iter().all(|it| matches!(it, Outcome::Unknown(_))));
}

#[test]
fn a_used_nonce_leaves_the_order_unknown() {
    let body = br#"{"status":"err","response":"Invalid nonce: duplicate nonce 1741107452532"}"#;
    let outcome = Answer::of_json(body).unwrap().outcomes(1).remove(0);
    assert_eq!(outcome.order_status(number("1"), false), Status::Unknown);
    assert_eq!(outcome.cancel_status(), Some(Status::Unknown));
}

#[test]
fn actions_without_orders_are_done() {
    let body = br#"{"status": "ok", "response": {"type": "default"}}"#;
    assert_eq!(Answer::of_http(200, body), Ok(Answer::Done));
}

#[test]
fn an_answer_of_another_shape_leaves_everything_unknown() {
    for body in [
        r#"{"status":"ok","response":{"type":"order","data":{}}}"#,
        r#"{"status":"ok","response":{"type":"order"}}"#,
        r#"{"status":"ok","response":{"type":"createSubAccount","data":"0x1"}}"#,
        r#"{"status":"ok"}"#,
        r#"{"status":"ok","response":null}"#,
        r#"{"status":"ok","response":"fine"}"#,
        r#"{"status":"err","response":{"type":"default"}}"#,
        r#"{"status":"later","response":{"type":"default"}}"#,
        r#"{"status":"ok","response":{"type":"default","data":{"statuses":null}}}"#,
    ] {
        let answer = Answer::of_json(body.as_bytes()).unwrap();
        assert!(matches!(answer, Answer::Unknown(_)), "{body}: {answer:?}");
    }
    for body in ["", "{", "[]", "null", r#"{"response":{"type":"default"}}"#, "<html>"] {
        assert!(Answer::of_json(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn a_server_that_fails_leaves_everything_unknown_and_one_that_refuses_does_not() {
    let answer = |status| Answer::of_http(status, b"some words").unwrap();
    for status in [500, 502, 503, 504, 520, 302, 100, 0] {
        assert!(matches!(answer(status), Answer::Unknown(_)), "{status}");
    }
    let cause = |answer| match answer {
        Answer::Refused(Refused { cause, .. }) => cause,
        other => panic!("{other:?}"),
    };
    assert_eq!(cause(answer(429)), Cause::RateLimited);
    assert_eq!(cause(answer(422)), Cause::Malformed);
    assert_eq!(cause(answer(403)), Cause::Other);
    assert_eq!(cause(Answer::of_error("429 Too Many Requests: slow down")), Cause::RateLimited);
    assert!(matches!(Answer::of_error("502 Bad Gateway"), Answer::Unknown(_)));
    assert!(matches!(Answer::of_error(""), Answer::Unknown(_)));
    assert!(matches!(Answer::of_error("99999999999 x"), Answer::Unknown(_)));
}
