//! What a feature says of itself, and the check of its parameters against that.

use crate::domain::ConfigError;

/// What a feature listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// Every complete message of the book.
    Book,
    /// Every trade of the market.
    Trade,
    /// Every bar that closes.
    Bar,
}

/// A number that a feature is configured with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// Its key in the configuration.
    pub name: &'static str,
    /// What it counts.
    pub unit: &'static str,
    /// The smallest value that is accepted.
    pub min: f64,
    /// The largest value that is accepted.
    pub max: f64,
    /// Whether it must be a whole number.
    pub whole: bool,
    /// What it is when nothing is said; `None` where it must be said.
    pub default: Option<f64>,
}

impl Parameter {
    /// The longest window on bars. With it, exact sums of squares of ticks fit 128 bits.
    const MAX_BARS: f64 = 65_536.0;
    /// The longest window on trades or book messages.
    const MAX_EVENTS: f64 = 1_048_576.0;
    /// The longest time, in seconds: a week.
    const MAX_SECONDS: f64 = 604_800.0;

    /// A window of bars, at least `min` of them.
    pub(super) const fn bars(name: &'static str, min: f64) -> Self {
        Self { name, unit: "bars", min, max: Self::MAX_BARS, whole: true, default: None }
    }

    /// A window of trades or book messages.
    pub(super) const fn events(name: &'static str, unit: &'static str) -> Self {
        Self { name, unit, min: 1.0, max: Self::MAX_EVENTS, whole: true, default: None }
    }

    /// A time in seconds.
    pub(super) const fn seconds(name: &'static str) -> Self {
        Self { name, unit: "s", min: 0.001, max: Self::MAX_SECONDS, whole: false, default: None }
    }

    /// The same parameter with a default.
    pub(super) const fn or(mut self, default: f64) -> Self {
        self.default = Some(default);
        self
    }

    fn accepts(&self, value: f64) -> bool {
        (self.min..=self.max).contains(&value) && !(self.whole && libm::trunc(value) < value)
    }
}

impl std::fmt::Display for Parameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if self.whole { "a whole number" } else { "a number" };
        write!(f, "{kind} from {} to {} ({})", self.min, self.max, self.unit)
    }
}

/// What a feature says of itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct About {
    /// Its name in the configuration.
    pub name: &'static str,
    /// What it is, in one line.
    pub doc: &'static str,
    /// The unit of its value.
    pub unit: &'static str,
    /// What it listens to.
    pub inputs: &'static [InputKind],
    /// What it is configured with.
    pub parameters: &'static [Parameter],
}

impl About {
    /// The parameters of one feature, checked and completed with the defaults.
    pub(super) fn check(&self, given: &[(&str, f64)]) -> Result<Values<'_>, ConfigError> {
        for &(key, _) in given {
            self.check_key(key, given)?;
        }
        let mut numbers = Vec::with_capacity(self.parameters.len());
        for parameter in self.parameters {
            let said = given.iter().find(|(key, _)| *key == parameter.name);
            let value = said.map(|&(_, value)| value).or(parameter.default).ok_or_else(|| {
                let reason = format!("missing; {} needs {parameter}", self.name);
                ConfigError::new(parameter.name, reason)
            })?;
            if !parameter.accepts(value) {
                let reason = format!("{value} is wrong; {} needs {parameter}", self.name);
                return Err(ConfigError::new(parameter.name, reason));
            }
            numbers.push(value);
        }
        Ok(Values { parameters: self.parameters, numbers })
    }

    fn check_key(&self, key: &str, given: &[(&str, f64)]) -> Result<(), ConfigError> {
        let names = || self.parameters.iter().map(|parameter| parameter.name);
        let Some(name) = names().find(|name| *name == key) else {
            let hint = match nearest(key, names()) {
                Some(name) => format!("the nearest is {name:?}"),
                None => "it has none".to_owned(),
            };
            return Err(ConfigError::new(self.name, format!("no parameter {key:?}; {hint}")));
        };
        if given.iter().filter(|(other, _)| *other == key).count() > 1 {
            return Err(ConfigError::new(name, format!("said twice for {}", self.name)));
        }
        Ok(())
    }
}

/// Parameters that have been checked.
#[derive(Clone, Debug)]
pub(super) struct Values<'a> {
    parameters: &'a [Parameter],
    numbers: Vec<f64>,
}

impl Values<'_> {
    /// The value of a parameter.
    pub(super) fn real(&self, name: &str) -> f64 {
        let at = self.parameters.iter().position(|parameter| parameter.name == name);
        at.and_then(|at| self.numbers.get(at)).copied().unwrap_or(f64::NAN)
    }

    /// The value of a whole parameter.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked whole")]
    pub(super) fn whole(&self, name: &str) -> u32 {
        self.real(name) as u32
    }

    /// The value of a time in seconds, in nanoseconds.
    #[expect(clippy::cast_possible_truncation, reason = "a week is 6.1e14 ns")]
    pub(super) fn nanoseconds(&self, name: &str) -> i64 {
        libm::round(self.real(name) * 1e9) as i64
    }
}

/// The name with the fewest changed letters to `wrong`; of equals the first.
pub(super) fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names.min_by_key(|name| edits(wrong, name))
}

/// How many letters must be put in, taken out or changed to turn one word into the other
/// (Levenshtein 1966).
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut left = i.saturating_add(1);
        let mut corner = i;
        let mut next = vec![left];
        for (b, &above) in to.chars().zip(row.iter().skip(1)) {
            let changed = corner.saturating_add(usize::from(a != b));
            left = changed.min(above.saturating_add(1)).min(left.saturating_add(1));
            corner = above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        let cases = [
            ("kitten", "sitting", 3),
            ("", "abc", 3),
            ("abc", "", 3),
            ("rsi", "rsi", 0),
            ("", "", 0),
        ];
        for (from, to, expected) in cases {
            assert_eq!(edits(from, to), expected, "{from} {to}");
        }
    }
}
