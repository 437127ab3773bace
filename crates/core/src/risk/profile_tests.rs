use super::*;
use crate::risk::testing::profile;

/// A change for the worse, and the key that the error names.
type Wrong = (fn(&mut Profile), &'static str);

fn key(change: fn(&mut Profile)) -> Option<String> {
    let mut profile = profile();
    change(&mut profile);
    profile.check().err().map(|error| error.to_string())
}

#[test]
fn a_profile_that_contradicts_itself_is_refused_by_the_name_of_its_key() {
    let wrong: [Wrong; 20] = [
        (|it| it.switches.drawdown = Rate::ZERO, "switches.drawdown"),
        (|it| it.exits.max_close_slippage = Rate::from_parts(-1), "exits.max_close_slippage"),
        (|it| it.gate.max_data_age_ns = 0, "gate.max_data_age_ns"),
        (|it| it.exits.close_deadline_ns = -1, "exits.close_deadline_ns"),
        (|it| it.governor.gap_floor = Rate::from_parts(-1), "governor.gap_floor"),
        (|it| it.governor.gap_floor = Rate::from_ppm(10_000_001), "governor.gap_floor"),
        (|it| it.governor.gaps = vec![("XRP".into(), Rate::from_parts(-1))], "governor.gaps"),
        (
            |it| it.gate.min_liquidation_distance = Rate::from_parts(-1),
            "gate.min_liquidation_distance",
        ),
        (|it| it.switches.emergency = Rate::from_ppm(49_999), "switches.emergency"),
        (|it| it.gate.max_leverage = Rate::from_ppm(5_000_001), "gate.max_leverage"),
        (|it| it.gate.min_margin_ratio = Rate::from_ppm(1_199_999), "gate.min_margin_ratio"),
        (|it| it.exits.catastrophic_loss = Rate::from_ppm(19_999), "exits.catastrophic_loss"),
        (|it| it.exits.stop_distance = Rate::from_ppm(20_000), "exits.stop_distance"),
        (|it| it.exits.close_slippage = Rate::from_ppm(100_001), "exits.close_slippage"),
        (|it| it.exits.max_close_slippage = Rate::from_ppm(100_001), "exits.max_close_slippage"),
        (|it| it.gate.message_burst = 0, "gate.message_burst"),
        (|it| it.gate.messages_per_second = 0, "gate.message_burst"),
        (|it| it.gate.message_reserve = 30, "gate.message_reserve"),
        (|it| it.gate.max_open_orders = 0, "gate.max_open_orders"),
        (|it| it.gate.max_open_orders = 901, "gate.max_open_orders"),
    ];
    assert_eq!(key(|_| ()), None);
    for (change, name) in wrong {
        let said = key(change).unwrap_or_default();
        assert!(said.contains(name), "{name}: {said:?}");
    }
}

#[test]
fn what_lies_at_its_bound_passes() {
    let right: [fn(&mut Profile); 10] = [
        |it| it.governor.gap_floor = Rate::from_ppm(10_000_000),
        |it| it.governor.gaps = vec![("XRP".into(), Rate::ZERO)],
        |it| it.gate.min_liquidation_distance = Rate::ZERO,
        |it| it.switches.emergency = it.switches.drawdown,
        |it| it.gate.max_leverage = it.switches.leverage,
        |it| it.gate.min_margin_ratio = it.switches.margin,
        |it| it.gate.max_open_orders = 900,
        |it| it.exits.catastrophic_loss = it.exits.absolute_loss,
        |it| it.exits.close_slippage = it.exits.max_close_slippage,
        |it| it.exits.max_close_slippage = it.gate.exit_collar,
    ];
    for (at, change) in right.into_iter().enumerate() {
        assert_eq!(key(change), None, "{at}");
    }
}
