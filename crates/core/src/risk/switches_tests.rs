use super::*;
use crate::domain::{DAY, Instrument, Side};
use crate::risk::testing::profile;
use crate::testing::{fill, price, xrp};

const ID: InstrumentId = InstrumentId::new(0);

/// An account of so many whole units that lost or gained so many units of 10⁻¹⁰.
struct Bench {
    portfolio: Portfolio,
    switches: Switches,
    xrp: Instrument,
    fills: u64,
}

impl Bench {
    fn new(whole: i64) -> Self {
        let mut portfolio = Portfolio::new(1, Money::from_whole(whole));
        portfolio.roll_day(0);
        let switches = Switches::new(profile().switches, 1);
        Self { portfolio, switches, xrp: xrp(), fills: 0 }
    }

    fn change(&mut self, units: i128) {
        self.portfolio.apply_funding(ID, Money::from_units(units));
    }

    fn hold(&mut self, side: Side, ticks: i64, lots: u64) {
        self.fills += 1;
        self.portfolio.apply_fill(&self.xrp, &fill(self.fills, side, ticks, lots), 0);
        self.portfolio.set_mark(&self.xrp, price(ticks));
    }

    fn mark(&mut self, ticks: i64) {
        self.portfolio.set_mark(&self.xrp, price(ticks));
    }

    fn fired(&mut self, now_ns: i64) -> Vec<SwitchName> {
        let mut fired: Vec<_> =
            std::iter::from_fn(|| self.switches.evaluate(&self.portfolio, now_ns))
                .map(|trip| trip.switch)
                .collect();
        let position = self.portfolio.position(ID).unwrap();
        let trip = self.switches.evaluate_position(ID, position, now_ns);
        fired.extend(trip.map(|trip| trip.switch));
        fired
    }
}

const ONE: i128 = Money::ONE.units();

#[test]
fn drawdown_fires_at_its_line_and_not_a_unit_before() {
    for (loss, fires) in [(50 * ONE - 1, false), (50 * ONE, true), (50 * ONE + 1, true)] {
        let mut bench = Bench::new(1_000);
        bench.change(-loss);
        let expected = if fires { vec![SwitchName::Drawdown] } else { vec![] };
        assert_eq!(bench.fired(1), expected, "{loss}");
    }
}

#[test]
fn the_lines_follow_the_peak_and_the_day() {
    let mut bench = Bench::new(1_000);
    assert_eq!(bench.fired(1), vec![]);
    bench.change(200 * ONE);
    assert_eq!(bench.fired(2), vec![]);
    bench.change(-60 * ONE + 1);
    assert_eq!(bench.fired(3), vec![]);
    bench.change(-1);
    assert_eq!(bench.fired(4), vec![SwitchName::Drawdown], "5 % of 1 200, not of 1 000");
    // A tenth of a day that begins at 2 000 is more than one of 1 000.
    let mut bench = Bench::new(1_000);
    bench.switches.limits.drawdown = Rate::from_ppm(900_000);
    bench.switches.limits.emergency = Rate::from_ppm(900_000);
    bench.change(1_000 * ONE);
    assert_eq!(bench.fired(1), vec![]);
    bench.portfolio.roll_day(DAY);
    bench.change(-200 * ONE + 1);
    assert_eq!(bench.fired(DAY), vec![]);
    bench.change(-1);
    assert_eq!(bench.fired(DAY + 1), vec![SwitchName::DailyLoss]);
}

#[test]
fn the_line_of_an_odd_peak_rounds_against_nobody() {
    // A peak of 3 units: 5 % of it is 0.15, so a loss of one unit reaches it.
    let mut bench = Bench::new(0);
    bench.change(3);
    assert_eq!(bench.fired(1), vec![]);
    bench.change(-1);
    assert!(bench.fired(1).contains(&SwitchName::Drawdown));
}

#[test]
fn emergency_and_drawdown_fire_together_the_hardest_first() {
    for (loss, emergency) in [(150 * ONE - 1, false), (150 * ONE, true), (150 * ONE + 1, true)] {
        let mut bench = Bench::new(1_000);
        bench.change(-loss);
        let fired = bench.fired(1);
        assert_eq!(fired.first() == Some(&SwitchName::Emergency), emergency, "{loss}");
        assert!(fired.contains(&SwitchName::Drawdown));
    }
}

#[test]
fn daily_loss_counts_from_the_start_of_the_day() {
    for (loss, fires) in [(100 * ONE - 1, false), (100 * ONE, true), (100 * ONE + 1, true)] {
        let mut bench = Bench::new(1_000);
        bench.change(500 * ONE); // the peak is 1 500, the day began with 1 000
        bench.change(-500 * ONE - loss);
        assert_eq!(bench.fired(1).contains(&SwitchName::DailyLoss), fires, "{loss}");
    }
    let mut bench = Bench::new(1_000);
    bench.change(-99 * ONE);
    bench.portfolio.roll_day(DAY);
    bench.change(-2 * ONE);
    assert!(!bench.fired(DAY).contains(&SwitchName::DailyLoss), "yesterday's loss is yesterday's");
}

#[test]
fn position_loss_fires_at_two_per_cent_of_entry_on_the_losing_side_only() {
    for (side, mark, fires) in [
        (Side::Bid, 19_601, false),
        (Side::Bid, 19_600, true),
        (Side::Bid, 19_599, true),
        (Side::Bid, 40_000, false),
        (Side::Ask, 20_399, false),
        (Side::Ask, 20_400, true),
        (Side::Ask, 20_401, true),
        (Side::Ask, 10_000, false),
    ] {
        let mut bench = Bench::new(1_000);
        bench.hold(side, 20_000, 100);
        bench.mark(mark);
        assert_eq!(bench.fired(1) == vec![SwitchName::PositionLoss], fires, "{side:?} {mark}");
    }
}

#[test]
fn leverage_fires_at_five_times_equity() {
    for (lots, fires) in [(2_499, false), (2_500, true), (2_501, true)] {
        let mut bench = Bench::new(1_000);
        bench.hold(Side::Ask, 20_000, lots);
        assert_eq!(bench.fired(1).contains(&SwitchName::Leverage), fires, "{lots}");
    }
}

#[test]
fn margin_fires_at_one_point_two_times_maintenance() {
    // 16 666.67 lots at 2.0000 need 833.33 of maintenance; 1.2 times that is 1 000.
    for (lots, fires) in [(16_666, false), (16_667, true), (16_668, true)] {
        let mut bench = Bench::new(1_000);
        bench.hold(Side::Bid, 20_000, lots);
        assert_eq!(bench.fired(1).contains(&SwitchName::Margin), fires, "{lots}");
    }
}

#[test]
fn an_account_without_equity_and_without_positions_has_no_leverage() {
    let mut bench = Bench::new(1_000);
    bench.change(-1_000 * ONE);
    let fired = bench.fired(1);
    assert!(!fired.contains(&SwitchName::Leverage) && !fired.contains(&SwitchName::Margin));
    assert!(fired.contains(&SwitchName::Emergency));
}

#[test]
fn a_gain_trips_nothing() {
    let mut bench = Bench::new(1_000);
    bench.hold(Side::Bid, 20_000, 500);
    bench.mark(40_000);
    assert_eq!(bench.fired(1), vec![]);
}

#[test]
fn a_latch_fires_once_and_stays() {
    let mut bench = Bench::new(1_000);
    bench.change(-50 * ONE);
    assert_eq!(bench.fired(1), vec![SwitchName::Drawdown]);
    bench.change(40 * ONE);
    assert_eq!(bench.fired(2), vec![]);
    assert!(bench.switches.is_stopped(), "a recovery does not un-kill");
    assert_eq!(bench.switches.release(&bench.portfolio, i64::MAX), None);
}

#[test]
fn a_reset_takes_two_steps() {
    let mut bench = Bench::new(1_000);
    bench.change(-50 * ONE);
    bench.fired(1);
    assert!(!bench.switches.confirm_reset(Some(SwitchName::Drawdown)), "not requested");
    bench.switches.request_reset(Some(SwitchName::Drawdown));
    assert!(bench.switches.is_stopped());
    assert!(bench.switches.confirm_reset(Some(SwitchName::Drawdown)));
    assert!(!bench.switches.is_stopped());
    assert_eq!(bench.fired(3), vec![SwitchName::Drawdown], "still at the line: it fires again");
}

#[test]
fn leverage_releases_itself_with_hysteresis_after_its_cool_off() {
    let mut bench = Bench::new(1_000);
    bench.hold(Side::Bid, 20_000, 2_500);
    assert_eq!(bench.fired(0), vec![SwitchName::Leverage]);
    let cool_off = profile().switches.cool_off_ns;
    bench.hold(Side::Ask, 20_000, 250); // 4.5 times: exactly at the release line, not below it
    assert_eq!(bench.switches.release(&bench.portfolio, cool_off), None);
    bench.hold(Side::Ask, 20_000, 1);
    assert_eq!(bench.switches.release(&bench.portfolio, cool_off - 1), None);
    let released = bench.switches.release(&bench.portfolio, cool_off);
    assert_eq!(released, Some(SwitchName::Leverage));
}

#[test]
fn unknown_equity_evaluates_nothing_and_releases_nothing() {
    let mut bench = Bench::new(1_000);
    bench.portfolio.apply_fill(&bench.xrp, &fill(9, Side::Bid, 20_000, 1), 0);
    assert!(bench.portfolio.equity().is_unknown());
    assert_eq!(bench.fired(1), vec![]);
    assert_eq!(bench.switches.release(&bench.portfolio, i64::MAX), None);
}

#[test]
fn a_new_day_moves_the_daily_line_also_where_the_peak_stands_still() {
    let mut bench = Bench::new(1_000);
    bench.switches.limits.drawdown = Rate::from_ppm(150_000);
    bench.change(-40 * ONE);
    assert_eq!(bench.fired(1), []);
    bench.portfolio.roll_day(DAY);
    bench.change(-95 * ONE);
    assert_eq!(bench.fired(DAY), [], "135 of 1 000, but 95 of the 960 with which the day began");
    bench.change(-ONE);
    assert_eq!(bench.fired(DAY), [SwitchName::DailyLoss]);
}

#[test]
fn a_position_trips_its_latch_once() {
    let mut bench = Bench::new(1_000);
    bench.hold(Side::Bid, 20_000, 10);
    bench.mark(19_000);
    assert_eq!(bench.fired(1), [SwitchName::PositionLoss]);
    assert_eq!(bench.fired(2), []);
}

#[test]
fn margin_is_not_released_before_it_is_better_however_long_it_lasts() {
    let mut bench = Bench::new(1_000);
    bench.switches.limits.leverage = Rate::from_ppm(1_000_000_000);
    bench.switches.limits.drawdown = Rate::from_ppm(999_000);
    bench.switches.limits.daily_loss = Rate::from_ppm(999_000);
    bench.switches.limits.emergency = Rate::from_ppm(999_000);
    bench.switches.limits.position_loss = Rate::from_ppm(999_000);
    bench.hold(Side::Bid, 20_000, 17_000); // 34 000: maintenance 850, equity 1 000
    assert_eq!(bench.fired(1), [SwitchName::Margin]);
    let later = 1 + 10 * bench.switches.limits.cool_off_ns;
    assert_eq!(bench.switches.release(&bench.portfolio, later), None);
    assert!(bench.switches.latch(SwitchName::Margin).is_tripped());
    bench.change(1_000 * ONE);
    assert_eq!(bench.switches.release(&bench.portfolio, later), Some(SwitchName::Margin));
}

#[test]
fn of_what_is_not_there_nothing_is_latched_or_released() {
    let nowhere = InstrumentId::new(9);
    let mut bench = Bench::new(1_000);
    let trip = bench.switches.trip(SwitchName::PositionLoss, &bench.portfolio, 1);
    assert_eq!((trip.instrument, trip.actual), (None, Rate::MAX));
    bench.switches.request_reset(Some(SwitchName::PositionLoss));
    assert!(!bench.switches.confirm_reset(Some(SwitchName::PositionLoss)));
    assert!(!bench.switches.release_position(nowhere, i64::MAX));
    let old = bench.switches.clone();
    bench.switches.resume(&old, &[(ID, nowhere), (nowhere, ID)]);
    assert!(!bench.switches.position_latch(ID).is_tripped());
    assert!(SwitchName::ALL.iter().all(|it| !bench.switches.latch(*it).is_tripped()));
}

#[test]
fn a_positions_latch_lasts_for_its_cool_off_and_goes_on_under_other_limits() {
    let mut bench = Bench::new(1_000);
    bench.hold(Side::Bid, 20_000, 10);
    bench.mark(19_000);
    assert!(!bench.switches.release_position(ID, i64::MAX), "nothing tripped");
    assert_eq!(bench.fired(7), [SwitchName::PositionLoss]);
    assert_eq!(bench.switches.position_latch(ID).tripped_ns(), Some(7));
    let mut limits = profile().switches;
    limits.cool_off_ns *= 2;
    limits.drawdown = Rate::from_ppm(30_000);
    let mut new = Switches::new(limits, 1);
    new.resume(&bench.switches, &[(ID, ID)]);
    assert_eq!(new.limits().drawdown, limits.drawdown, "limits are the new ones");
    for mut switches in [bench.switches, new] {
        let end = 7 + switches.limits().cool_off_ns;
        assert!(!switches.release_position(ID, end - 1));
        assert!(switches.position_latch(ID).is_tripped());
        assert!(switches.release_position(ID, end));
        assert!(!switches.position_latch(ID).is_tripped());
    }
}

#[test]
fn lines_of_before_are_not_those_of_other_limits() {
    let mut bench = Bench::new(1_000);
    assert_eq!(bench.fired(1), []);
    let mut limits = profile().switches;
    limits.drawdown = Rate::from_ppm(30_000);
    let mut new = Switches::new(limits, 1);
    new.resume(&bench.switches, &[]);
    bench.switches = new;
    bench.change(-30 * ONE);
    assert_eq!(bench.fired(2), [SwitchName::Drawdown]);
}

#[test]
fn each_switch_stops_all_trading_or_lets_it_only_shrink_by_itself() {
    for switch in SwitchName::ALL {
        let mut bench = Bench::new(1_000);
        let trip = bench.switches.trip(switch, &bench.portfolio, 1);
        assert_eq!(trip.switch, switch);
        let expected = match switch {
            SwitchName::Drawdown | SwitchName::DailyLoss | SwitchName::Emergency => (true, false),
            SwitchName::Leverage | SwitchName::Margin => (false, true),
            SwitchName::PositionLoss => (false, false),
        };
        let told = (bench.switches.is_stopped(), bench.switches.is_reducing());
        assert_eq!(told, expected, "{switch:?}");
    }
    let mut bench = Bench::new(1_000);
    bench.switches.kill(1);
    assert!(bench.switches.is_stopped() && !bench.switches.is_reducing());
}

#[test]
fn an_evaluation_is_one_only_with_an_equity_that_is_known() {
    let mut bench = Bench::new(1_000);
    assert_eq!(bench.switches.evaluated_ns(), None);
    bench.fired(7);
    assert_eq!(bench.switches.evaluated_ns(), Some(7));
    bench.portfolio.apply_fill(&bench.xrp, &fill(9, Side::Bid, 20_000, 1), 0);
    bench.fired(9);
    assert_eq!(bench.switches.evaluated_ns(), Some(7));
}
