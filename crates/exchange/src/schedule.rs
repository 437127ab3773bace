//! The dead-man switch: a time at which all orders of an account are cancelled.

use flyball_core::domain::{DAY, MILLISECOND, Money, SECOND};

/// How far ahead it must be set.
const LEAD_NS: i64 = 5 * SECOND;
/// How often a day (UTC) it goes off.
const A_DAY: u32 = 10;
/// What the account must have traded. Undocumented; reported by several users.
const VOLUME: Money = Money::from_whole(1_000_000);

/// Why it is not set. Only the words about volume are the venue's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScheduleError {
    /// The account has not traded enough.
    Volume(Money),
    /// It is less than five seconds ahead.
    TooSoon,
    /// It went off ten times today.
    TooOften,
}

impl std::fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Volume(traded) => {
                let text = traded.to_string();
                let text = text.trim_end_matches('0').trim_end_matches('.');
                write!(
                    f,
                    "Cannot set scheduled cancel time until enough volume traded. \
                     Required: $1000000. Traded: ${text}."
                )
            }
            Self::TooSoon => {
                f.write_str("Scheduled cancel time must be at least 5 seconds in the future.")
            }
            Self::TooOften => f.write_str("Too many scheduled cancels triggered today."),
        }
    }
}

/// One account's switch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Schedule {
    at_ns: Option<i64>,
    day: i64,
    triggers: u32,
}

impl Schedule {
    /// When it goes off.
    pub(crate) const fn at_ns(&self) -> Option<i64> {
        self.at_ns
    }

    /// Set it, or take it back.
    ///
    /// # Errors
    ///
    /// [`ScheduleError`]; it is then as it was.
    pub(crate) fn set(
        &mut self,
        time_ms: Option<u64>,
        volume: Money,
        now_ns: i64,
    ) -> Result<(), ScheduleError> {
        let Some(time_ms) = time_ms else {
            self.at_ns = None;
            return Ok(());
        };
        if volume.is_unknown() || volume < VOLUME {
            return Err(ScheduleError::Volume(volume));
        }
        let at = i64::try_from(time_ms).unwrap_or(i64::MAX).saturating_mul(MILLISECOND);
        if at < now_ns.saturating_add(LEAD_NS) {
            return Err(ScheduleError::TooSoon);
        }
        self.roll(now_ns);
        if self.triggers >= A_DAY {
            return Err(ScheduleError::TooOften);
        }
        self.at_ns = Some(at);
        Ok(())
    }

    /// Whether it goes off now; it is not set any more then.
    pub(crate) fn fire(&mut self, now_ns: i64) -> bool {
        if self.at_ns.is_none_or(|at| at > now_ns) {
            return false;
        }
        self.roll(now_ns);
        self.at_ns = None;
        self.triggers = self.triggers.saturating_add(1);
        true
    }

    const fn roll(&mut self, now_ns: i64) {
        let day = now_ns.div_euclid(DAY);
        if day > self.day {
            self.day = day;
            self.triggers = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = MILLISECOND;

    #[test]
    fn it_needs_a_million_dollars_traded() {
        let mut schedule = Schedule::default();
        let poor = Money::from_units(3_734_720_500_000);
        let error = schedule.set(Some(10_000), poor, 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Cannot set scheduled cancel time until enough volume traded. Required: $1000000. \
             Traded: $373.47205."
        );
        let none = schedule.set(Some(10_000), Money::ZERO, 0).unwrap_err();
        assert!(none.to_string().ends_with("Traded: $0."));
        let hundred = schedule.set(Some(10_000), Money::from_whole(100), 0).unwrap_err();
        assert!(hundred.to_string().ends_with("Traded: $100."), "{hundred}");
        assert!(schedule.set(Some(10_000), VOLUME.minus(Money::from_units(1)), 0).is_err());
        assert!(schedule.set(Some(10_000), VOLUME, 0).is_ok());
        assert!(schedule.set(None, Money::ZERO, 0).is_ok() && schedule.at_ns().is_none());
    }

    #[test]
    fn it_needs_five_seconds_of_lead() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.set(Some(5_000), VOLUME, 1), Err(ScheduleError::TooSoon));
        assert_eq!(schedule.set(Some(5_000), VOLUME, 0), Ok(()));
        assert!(!schedule.fire(5_000 * MS - 1));
        assert!(schedule.fire(5_000 * MS) && !schedule.fire(5_000 * MS));
    }

    #[test]
    fn it_goes_off_ten_times_a_day() {
        let mut schedule = Schedule::default();
        for round in 0..10 {
            let now = round * 10_000 * MS;
            schedule.set(Some((now / MS + 5_000) as u64), VOLUME, now).unwrap();
            assert!(schedule.fire(now + 5_000 * MS));
        }
        let now = 100_000 * MS;
        assert_eq!(schedule.set(Some(105_000), VOLUME, now), Err(ScheduleError::TooOften));
        let tomorrow = (DAY / MS + 5_000) as u64;
        assert_eq!(schedule.set(Some(tomorrow), VOLUME, DAY), Ok(()), "the next day in UTC");
    }
}
