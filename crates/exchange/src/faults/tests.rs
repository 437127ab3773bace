//! The network decides by its seed and its script, and by nothing else.

use super::*;

const SECOND: i64 = 1_000_000_000;

fn script(text: &str) -> Script {
    Script::parse(text).unwrap()
}

fn network(text: &str) -> Network {
    Network::new(7, script(text), 0)
}

#[test]
fn without_a_script_nothing_happens_to_a_message() {
    let mut network = network("");
    assert_eq!(network.request(Target::Exchange, 0), RequestPlan::default());
    assert_eq!(network.push(Target::Market, 0).copies, 1);
}

#[test]
fn one_seed_gives_one_fate() {
    let text = r#"
        [[fault]]
        kind = "drop"
        probability = 0.3
        [[fault]]
        kind = "delay"
        probability = 0.5
        delay_ms = 10
        jitter_ms = 90
        [[fault]]
        kind = "duplicate"
        target = "exchange"
        probability = 0.5
    "#;
    let fates = |seed| {
        let mut network = Network::new(seed, script(text), 0);
        (0..500).map(|at| network.request(Target::Exchange, at)).collect::<Vec<_>>()
    };
    assert_eq!(fates(1), fates(1));
    assert_ne!(fates(1), fates(2));
    let lost = fates(1).iter().filter(|plan| plan.refuse.is_some()).count();
    assert!((100..200).contains(&lost), "about 30 % of 500: {lost}");
}

#[test]
fn a_window_has_a_beginning_and_an_end() {
    let mut network = network(
        r#"
        [[fault]]
        kind = "server_error"
        target = "exchange"
        from_ms = 1000
        until_ms = 2000
        "#,
    );
    let mut refused = |at| network.request(Target::Exchange, at).refuse.is_some();
    assert!(!refused(SECOND - 1));
    assert!(refused(SECOND));
    assert!(refused(2 * SECOND - 1));
    assert!(!refused(2 * SECOND));
    assert!(network.request(Target::Info, SECOND).refuse.is_none(), "another target");
}

#[test]
fn a_window_comes_back() {
    let mut network = network(
        r#"
        [[fault]]
        kind = "frozen_feed"
        target = "market"
        from_ms = 5000
        every_ms = 10000
        lasts_ms = 1000
        "#,
    );
    let mut frozen = |at: i64| network.push(Target::Market, at).copies == 0;
    for round in 0..5 {
        let begin = (5 + 10 * round) * SECOND;
        assert!(!frozen(begin - 1) && frozen(begin) && frozen(begin + SECOND - 1));
        assert!(!frozen(begin + SECOND));
    }
    assert_eq!(network.push(Target::User, 5 * SECOND).copies, 1);
}

#[test]
fn restarts_and_skews_happen_at_their_times() {
    let network = network(
        r#"
        [[fault]]
        kind = "restart"
        from_ms = 1000
        every_ms = 60000
        lasts_ms = 3000
        [[fault]]
        kind = "clock_skew"
        from_ms = 2000
        until_ms = 5000
        skew_ms = -1500
        "#,
    );
    assert_eq!(network.next_due_ns(0), Some(SECOND));
    assert_eq!(network.begun(0, SECOND - 1), []);
    assert_eq!(network.begun(0, SECOND)[0].kind, Kind::Restart);
    assert_eq!(network.begun(SECOND, SECOND + 1), [], "it begins once");
    assert_eq!(network.away_until(SECOND), Some(4 * SECOND));
    assert_eq!(network.away_until(4 * SECOND), None);
    assert_eq!(network.next_due_ns(SECOND), Some(2 * SECOND));
    assert_eq!((network.skew_ns(SECOND), network.skew_ns(2 * SECOND)), (0, -3 * SECOND / 2));
    assert_eq!(network.skew_ns(5 * SECOND), 0);
    assert_eq!(network.next_due_ns(5 * SECOND), Some(61 * SECOND));
}

#[test]
fn a_script_that_makes_no_sense_names_its_line() {
    let cases = [
        ("[[fault]]\nkind = \"drop\"\nprobability = 1.5", "fault 1 (Drop): probability"),
        ("[[fault]]\nkind = \"delay\"", "fault 1 (Delay): needs delay_ms"),
        ("[[fault]]\nkind = \"restart\"", "needs lasts_ms"),
        ("[[fault]]\nkind = \"wild_price\"\ntarget = \"market\"", "needs a factor"),
        ("[[fault]]\nkind = \"lost_ack\"\ntarget = \"info\"", "is about actions"),
        ("[[fault]]\nkind = \"dorp\"", "unknown variant `dorp`"),
        ("[[fault]]\nkind = \"drop\"\nprobabilty = 1", "unknown field `probabilty`"),
        ("[[fault]\n", "TOML parse error at line 1"),
    ];
    for (text, words) in cases {
        let error = Script::parse(text).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
