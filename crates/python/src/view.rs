//! What a strategy sees: numbers copied out of the engine when it is woken.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use flyball_core::domain::{Level, Side, WakeReason};
use flyball_core::engine::Sight;

/// What a strategy sees when it is woken. One object a strategy, filled anew for every wake.
#[pyclass(subclass, module = "flyball")]
pub(crate) struct View {
    reason: WakeReason,
    #[pyo3(get)]
    time_ns: i64,
    #[pyo3(get)]
    bid: f64,
    #[pyo3(get)]
    ask: f64,
    #[pyo3(get)]
    bid_qty: f64,
    #[pyo3(get)]
    ask_qty: f64,
    #[pyo3(get)]
    position: i64,
    #[pyo3(get)]
    entry: f64,
    #[pyo3(get)]
    unrealised: f64,
    #[pyo3(get)]
    equity: f64,
    #[pyo3(get)]
    open: f64,
    #[pyo3(get)]
    high: f64,
    #[pyo3(get)]
    low: f64,
    #[pyo3(get)]
    close: f64,
    #[pyo3(get)]
    volume: f64,
    #[pyo3(get)]
    tick_size: f64,
    #[pyo3(get)]
    lot_size: f64,
    features: Vec<f64>,
    depth: usize,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

#[pymethods]
impl View {
    #[new]
    #[pyo3(signature = (*, features=0, depth=0))]
    fn new(features: usize, depth: usize) -> Self {
        let none = f64::NAN;
        Self {
            reason: WakeReason::Timer,
            time_ns: 0,
            bid: none,
            ask: none,
            bid_qty: none,
            ask_qty: none,
            position: 0,
            entry: none,
            unrealised: 0.0,
            equity: none,
            open: none,
            high: none,
            low: none,
            close: none,
            volume: none,
            tick_size: none,
            lot_size: none,
            features: vec![none; features],
            depth,
            bids: Vec::with_capacity(depth),
            asks: Vec::with_capacity(depth),
        }
    }

    #[getter]
    const fn reason(&self) -> &'static str {
        match self.reason {
            WakeReason::Timer => "timer",
            WakeReason::Bar => "bar",
            WakeReason::Book => "book",
            WakeReason::Trade => "trade",
            WakeReason::Fill => "fill",
            WakeReason::Cross => "cross",
        }
    }

    #[getter]
    const fn mid(&self) -> f64 {
        self.bid.midpoint(self.ask)
    }

    #[getter]
    const fn spread(&self) -> f64 {
        self.ask - self.bid
    }

    #[getter]
    fn microprice(&self) -> f64 {
        let both = self.bid_qty + self.ask_qty;
        if both > 0.0 {
            (self.bid * self.ask_qty + self.ask * self.bid_qty) / both
        } else {
            self.mid()
        }
    }

    #[getter]
    fn bids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.bids.iter().map(|level| (level.price.ticks(), level.qty.lots())))
    }

    #[getter]
    fn asks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.asks.iter().map(|level| (level.price.ticks(), level.qty.lots())))
    }
}

impl View {
    /// Fill it with what the engine knows now.
    #[expect(clippy::cast_precision_loss, reason = "a view for decisions, not for counting")]
    pub(crate) fn fill<S: Sight>(&mut self, reason: WakeReason, view: &S) {
        self.reason = reason;
        self.time_ns = view.time_ns();
        (self.bid, self.ask, self.bid_qty, self.ask_qty) = match view.best() {
            Some(best) => (
                best.bid.price.ticks() as f64,
                best.ask.price.ticks() as f64,
                best.bid.qty.lots() as f64,
                best.ask.qty.lots() as f64,
            ),
            None => (f64::NAN, f64::NAN, f64::NAN, f64::NAN),
        };
        self.position = view.position().lots();
        if self.position == 0 {
            (self.entry, self.unrealised) = (f64::NAN, 0.0);
        } else {
            self.entry = view.entry_price().map_or(f64::NAN, |price| price.ticks() as f64);
            self.unrealised = view.unrealised().to_f64();
        }
        self.equity = view.equity().to_f64();
        if let Some(bar) = view.bar() {
            let [open, high, low, close] = bar.prices.map(|price| price as f64);
            (self.open, self.high, self.low, self.close) = (open, high, low, close);
            self.volume = bar.volume as f64;
        }
        for (index, value) in self.features.iter_mut().enumerate() {
            *value = view.feature(index);
        }
        if self.depth > 0 {
            self.bids.clear();
            self.asks.clear();
            view.copy_levels(Side::Bid, self.depth, &mut self.bids);
            view.copy_levels(Side::Ask, self.depth, &mut self.asks);
        }
    }

    /// The instrument's units, once.
    pub(crate) fn set_units<S: Sight>(&mut self, view: &S) {
        if let Some(instrument) = view.instrument() {
            self.tick_size = instrument.tick_size().to_f64();
            self.lot_size = instrument.lot_size().to_f64();
        }
    }
}

/// The attribute of a view that holds one feature.
#[pyclass(frozen, module = "flyball")]
pub(crate) struct FeatureAttr {
    index: usize,
}

#[pymethods]
impl FeatureAttr {
    #[new]
    const fn new(index: usize) -> Self {
        Self { index }
    }

    fn __get__(&self, view: &Bound<'_, PyAny>, _owner: Option<&Bound<'_, PyAny>>) -> f64 {
        let Ok(view) = view.cast::<View>() else { return f64::NAN };
        view.borrow().features.get(self.index).copied().unwrap_or(f64::NAN)
    }
}
