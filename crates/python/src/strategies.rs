//! Python strategies, called when the engine wakes them.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use flyball_core::backtest::{Decide, Stopped, Wake};
use flyball_core::domain::WakeReason;
use flyball_core::engine::{Sight, StrategyView};
use flyball_core::strategy::Draft;

use crate::errors::{Kind, raise};
use crate::intents::{self, Returned};
use crate::view::View;

/// One strategy: what is called, and the view that it gets.
pub(crate) struct Strategy {
    name: String,
    decide: Py<PyAny>,
    view: Py<View>,
    /// Whether there is a policy that sizes its signals.
    sized: bool,
    fresh: bool,
}

/// The strategies of a run.
pub(crate) struct Strategies {
    all: Vec<Strategy>,
    /// How often one was asked.
    asked: u64,
    /// What a strategy raised, until somebody raises it on.
    raised: Option<PyErr>,
}

impl Strategies {
    /// Strategies by their name, their bound `decide`, an instance of their view class, and whether
    /// a policy sizes their signals.
    pub(crate) fn new(all: Vec<(String, Py<PyAny>, Py<View>, bool)>) -> Self {
        Self { all: all.into_iter().map(Strategy::new).collect(), asked: 0, raised: None }
    }

    pub(crate) const fn asked(&self) -> u64 {
        self.asked
    }

    pub(crate) const fn take_raised(&mut self) -> Option<PyErr> {
        self.raised.take()
    }
}

impl Decide for Strategies {
    fn decide(
        &mut self,
        wake: Wake,
        view: &StrategyView<'_>,
        draft: &mut Draft,
    ) -> Result<(), Stopped> {
        let Some(strategy) = self.all.get_mut(wake.strategy.index()) else {
            return Ok(());
        };
        self.asked = self.asked.wrapping_add(1);
        let decided = Python::attach(|py| strategy.ask(py, wake.reason, view, draft));
        decided.map_err(|error| {
            self.raised = Some(error);
            Stopped(wake.strategy)
        })
    }
}

impl Strategy {
    /// A strategy by its name, its bound `decide`, an instance of its view class, and whether a
    /// policy sizes its signals.
    pub(crate) fn new((name, decide, view, sized): (String, Py<PyAny>, Py<View>, bool)) -> Self {
        Self { name, decide, view, sized, fresh: true }
    }

    /// Ask it to decide.
    pub(crate) fn ask<S: Sight>(
        &mut self,
        py: Python<'_>,
        reason: WakeReason,
        view: &S,
        draft: &mut Draft,
    ) -> PyResult<()> {
        {
            let mut seen = self.view.borrow_mut(py);
            if std::mem::take(&mut self.fresh) {
                seen.set_units(view);
            }
            seen.fill(reason, view);
        }
        let returned = self.decide.call1(py, (&self.view,)).map_err(|cause| {
            // An interrupt is not the strategy's doing.
            if !cause.is_instance_of::<PyException>(py) {
                return cause;
            }
            let error =
                raise(Kind::Strategy, format!("{} raised {}", self.name, describe(py, &cause)));
            error.set_cause(py, Some(cause));
            error
        })?;
        let returned = returned.bind(py);
        if returned.is_none() {
            return Ok(());
        }
        let reason = match intents::write(returned, draft) {
            Returned::Signal if !self.sized => {
                "returned a Signal, and nothing says how large it is: give the run a sizing".into()
            }
            Returned::Signal | Returned::Sized => return Ok(()),
            Returned::Nonsense => {
                let got = returned.repr().map_or_else(|_| "?".into(), |text| text.to_string());
                format!("returned {got}: decide() returns Signal, Target, Quotes or None")
            }
        };
        Err(raise(Kind::Strategy, format!("{} {reason}", self.name)))
    }
}

/// `ValueError: …`, as Python's last line of a traceback has it.
fn describe(py: Python<'_>, error: &PyErr) -> String {
    let name = error.get_type(py).name().map_or_else(|_| "an error".into(), |n| n.to_string());
    format!("{name}: {}", error.value(py))
}
