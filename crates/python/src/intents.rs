//! What a strategy returns. Prices are in ticks, sizes in lots.

use std::fmt::Write;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyTuple};

use flyball_core::domain::{self, Direction, Intent, Level, MAX_QUOTES, NetQty, Price, Qty, Rate};
use flyball_core::strategy::Draft;

/// A price in ticks that may lie between ticks; the engine wants the nearest one.
fn ticks(name: &str, value: Option<f64>) -> PyResult<Option<Price>> {
    let Some(value) = value else { return Ok(None) };
    let ticks = value.round();
    if !(1.0..=1e14).contains(&ticks) {
        let reason = format!("{name} must be a price in ticks, above zero and finite; got {value}");
        return Err(PyValueError::new_err(reason));
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked above")]
    Ok(Some(Price::from_ticks(ticks as i64)))
}

/// A wish to hold a position, sized by the sizing policy.
#[pyclass(frozen, eq, module = "flyball")]
#[derive(PartialEq)]
pub(crate) struct Signal {
    direction: Direction,
    #[pyo3(get)]
    confidence: f64,
    #[pyo3(get)]
    stop: Option<f64>,
    #[pyo3(get)]
    take_profit: Option<f64>,
    #[pyo3(get)]
    trailing: Option<f64>,
    #[pyo3(get)]
    max_holding_s: Option<f64>,
    intent: domain::Signal,
}

#[pymethods]
impl Signal {
    #[new]
    #[pyo3(signature = (side, *, confidence, stop=None, take_profit=None, trailing=None, max_holding_s=None))]
    fn new(
        side: &str,
        confidence: f64,
        stop: Option<f64>,
        take_profit: Option<f64>,
        trailing: Option<f64>,
        max_holding_s: Option<f64>,
    ) -> PyResult<Self> {
        let direction = match side {
            "long" => Direction::Long,
            "short" => Direction::Short,
            "flat" => Direction::Flat,
            other => {
                let reason = format!("side must be 'long', 'short' or 'flat'; got {other:?}");
                return Err(PyValueError::new_err(reason));
            }
        };
        if !(0.0..=1.0).contains(&confidence) {
            let reason = format!("confidence must lie between 0 and 1; got {confidence}");
            return Err(PyValueError::new_err(reason));
        }
        let holding = match max_holding_s {
            None => None,
            Some(s) if (0.001..=1e9).contains(&s) =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
                Some((s * 1e9) as i64)
            }
            Some(s) => {
                let reason = format!("max_holding_s must be 0.001 to 1e9 seconds; got {s}");
                return Err(PyValueError::new_err(reason));
            }
        };
        let intent = domain::Signal {
            direction,
            confidence,
            stop: ticks("stop", stop)?,
            take_profit: ticks("take_profit", take_profit)?,
            trailing: back(trailing)?,
            max_holding_ns: holding,
        };
        Ok(Self { direction, confidence, stop, take_profit, trailing, max_holding_s, intent })
    }

    #[getter]
    const fn side(&self) -> &'static str {
        match self.direction {
            Direction::Long => "long",
            Direction::Short => "short",
            Direction::Flat => "flat",
        }
    }

    fn __repr__(&self) -> String {
        let mut text = format!("Signal('{}', confidence={:?}", self.side(), self.confidence);
        for (name, value) in [
            ("stop", self.stop),
            ("take_profit", self.take_profit),
            ("trailing", self.trailing),
            ("max_holding_s", self.max_holding_s),
        ] {
            if let Some(value) = value {
                let _ = write!(text, ", {name}={value:?}");
            }
        }
        text + ")"
    }
}

/// How far a position may fall back from its best price.
fn back(trailing: Option<f64>) -> PyResult<Option<Rate>> {
    let Some(fraction) = trailing else { return Ok(None) };
    let good = (0.0001..=0.9999).contains(&fraction);
    if let Some(rate) = Rate::from_f64(fraction).filter(|_| good) {
        return Ok(Some(rate));
    }
    let reason = format!("trailing must be a fraction of 0.0001 to 0.9999; got {fraction}");
    Err(PyValueError::new_err(reason))
}

/// A wish for exactly this position.
#[pyclass(frozen, eq, module = "flyball")]
#[derive(PartialEq)]
pub(crate) struct Target {
    #[pyo3(get)]
    position: i64,
    #[pyo3(get)]
    stop: Option<f64>,
    #[pyo3(get)]
    take_profit: Option<f64>,
    #[pyo3(get)]
    trailing: Option<f64>,
    intent: domain::Target,
}

#[pymethods]
impl Target {
    #[new]
    #[pyo3(signature = (position, *, stop=None, take_profit=None, trailing=None))]
    fn new(
        position: &Bound<'_, PyAny>,
        stop: Option<f64>,
        take_profit: Option<f64>,
        trailing: Option<f64>,
    ) -> PyResult<Self> {
        let position = whole("position", "lots", position)?;
        let intent = domain::Target {
            position: NetQty::from_lots(position),
            stop: ticks("stop", stop)?,
            take_profit: ticks("take_profit", take_profit)?,
            trailing: back(trailing)?,
        };
        Ok(Self { position, stop, take_profit, trailing, intent })
    }

    fn __repr__(&self) -> String {
        let mut text = format!("Target({}", self.position);
        let (stop, target) = (("stop", self.stop), ("take_profit", self.take_profit));
        for (name, value) in [stop, target, ("trailing", self.trailing)] {
            if let Some(value) = value {
                let _ = write!(text, ", {name}={value:?}");
            }
        }
        text + ")"
    }
}

/// Everything a strategy wants resting.
#[pyclass(frozen, eq, module = "flyball")]
#[derive(PartialEq)]
pub(crate) struct Quotes {
    bids: Vec<Level>,
    asks: Vec<Level>,
}

#[pymethods]
impl Quotes {
    #[new]
    #[pyo3(signature = (*, bids=None, asks=None))]
    fn new(bids: Option<&Bound<'_, PyAny>>, asks: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        Ok(Self { bids: levels("bids", bids)?, asks: levels("asks", asks)? })
    }

    #[getter]
    fn bids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        pairs(py, &self.bids)
    }

    #[getter]
    fn asks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        pairs(py, &self.asks)
    }

    fn __repr__(&self) -> String {
        format!("Quotes(bids={}, asks={})", written(&self.bids), written(&self.asks))
    }
}

fn pairs<'py>(py: Python<'py>, levels: &[Level]) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, levels.iter().map(|level| (level.price.ticks(), level.qty.lots())))
}

fn written(levels: &[Level]) -> String {
    let pair = |level: &Level| format!("({}, {})", level.price.ticks(), level.qty.lots());
    match levels {
        [one] => format!("({},)", pair(one)),
        many => format!("({})", many.iter().map(pair).collect::<Vec<_>>().join(", ")),
    }
}

fn levels(side: &str, given: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<Level>> {
    let Some(given) = given else { return Ok(Vec::new()) };
    let shape =
        || PyTypeError::new_err(format!("{side} must be pairs (price in ticks, size in lots)"));
    let mut levels = Vec::with_capacity(MAX_QUOTES);
    for quote in given.try_iter().map_err(|_| shape())? {
        let quote = quote?;
        let (price, qty): (Bound<'_, PyAny>, Bound<'_, PyAny>) =
            quote.extract().map_err(|_| shape())?;
        let price = whole(&format!("a price in {side}"), "ticks", &price)?;
        let qty = whole(&format!("a size in {side}"), "lots", &qty)?;
        if price <= 0 || qty <= 0 {
            let reason = format!("{side}: price and size must be above zero; got ({price}, {qty})");
            return Err(PyValueError::new_err(reason));
        }
        if levels.len() == MAX_QUOTES {
            let reason = format!("{side}: at most {MAX_QUOTES} quotes a side");
            return Err(PyValueError::new_err(reason));
        }
        let (price, qty) = (Price::from_ticks(price), Qty::from_lots(qty.unsigned_abs()));
        levels.push(Level { price, qty });
    }
    Ok(levels)
}

/// A whole number: an int, or a float that is one. Nothing is rounded behind a strategy's back.
fn whole(name: &str, unit: &str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let said_yes = value.is_instance_of::<PyBool>();
    if !said_yes && let Ok(number) = value.extract::<i64>() {
        return Ok(number);
    }
    let reason = match value.extract::<f64>() {
        _ if said_yes => format!("{name} must be a whole number of {unit}; got {value}"),
        #[expect(clippy::cast_possible_truncation, reason = "whole, and in range")]
        Ok(number) if number.fract() == 0.0 && number.abs() < 9e15 => return Ok(number as i64),
        Ok(number) => {
            format!("{name} must be a whole number of {unit}; got {number}: use floor() or ceil()")
        }
        Err(_) => format!("{name} must be a whole number of {unit}; got {value}"),
    };
    Err(PyTypeError::new_err(reason))
}

/// What `decide` returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Returned {
    /// A signal, whose size the engine finds.
    Signal,
    /// An intent that says its size itself.
    Sized,
    /// No intent.
    Nonsense,
}

/// Write down for the engine what `decide` returned.
pub(crate) fn write(returned: &Bound<'_, PyAny>, draft: &mut Draft) -> Returned {
    if let Ok(quotes) = returned.cast_exact::<Quotes>() {
        let quotes = quotes.get();
        let wanted = domain::Quotes { bids: &quotes.bids, asks: &quotes.asks };
        draft.write(&Intent::Quotes(wanted));
    } else if let Ok(signal) = returned.cast_exact::<Signal>() {
        draft.write(&Intent::Signal(signal.get().intent));
        return Returned::Signal;
    } else if let Ok(target) = returned.cast_exact::<Target>() {
        draft.write(&Intent::Target(target.get().intent));
    } else {
        return Returned::Nonsense;
    }
    Returned::Sized
}
