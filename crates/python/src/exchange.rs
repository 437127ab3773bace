//! The local exchange, served while Python does something else.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use pyo3::prelude::*;

use flyball_core::domain::{Decimal, InstrumentId};
use flyball_exchange::server::{Handle, Server, ServerConfig};
use flyball_exchange::{MarketSetup, Perp, Setup, SetupError};
use flyball_live::io::Endpoints;
use flyball_venues::Listings;

use crate::errors::{self, Kind, raise};
use crate::mirror::Mirror;

/// A local exchange that is served on 127.0.0.1. Its threads never touch Python.
#[pyclass(frozen, module = "flyball._core")]
pub(crate) struct Exchange {
    url: String,
    handle: Mutex<Option<Handle>>,
    _mirror: Option<Mirror>,
}

#[pymethods]
impl Exchange {
    /// Make an exchange of this description (JSON), and serve it.
    #[new]
    #[pyo3(signature = (setup, *, port=0, speed=1.0, admin=false))]
    fn new(py: Python<'_>, setup: &str, port: u16, speed: f64, admin: bool) -> PyResult<Self> {
        let setup: Setup = serde_json::from_str(setup)
            .map_err(|error| raise(Kind::Config, format!("exchange: {error}")))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let now_ns = i64::try_from(now).unwrap_or(i64::MAX);
        let gateway = setup.gateway(now_ns).map_err(|error| match error {
            SetupError::Data(error) => errors::data(&error),
            other => raise(Kind::Config, other),
        })?;
        let config = ServerConfig { port, speed, admin, ..ServerConfig::default() };
        let handle = py.detach(|| Server::start(gateway, config));
        let handle = handle.map_err(|error| raise(Kind::Config, error))?;
        let mirror = match &setup.market {
            MarketSetup::Mirror { http, websocket, perps } => {
                let endpoints = Endpoints { http: http.clone(), websocket: websocket.clone() };
                let started = Mirror::start(endpoints, listings(perps)?, handle.feed());
                Some(started.map_err(|error| raise(Kind::Config, error))?)
            }
            _ => None,
        };
        Ok(Self { url: handle.url(), handle: Mutex::new(Some(handle)), _mirror: mirror })
    }

    /// What clients are told: `http://127.0.0.1:PORT`.
    #[getter]
    fn url(&self) -> &str {
        &self.url
    }

    /// Whether it is served.
    #[getter]
    fn running(&self) -> bool {
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        handle.as_ref().is_some_and(Handle::is_running)
    }

    /// Serve it no more.
    fn stop(&self, py: Python<'_>) {
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(handle) = handle {
            py.detach(|| handle.stop());
        }
    }
}

/// The other venue's instruments, under the numbers that they have here.
fn listings(perps: &[Perp]) -> PyResult<Listings> {
    let mut listings = Listings::new();
    for (at, perp) in (0..).zip(perps) {
        let tick = Decimal::new(1, 6_u8.saturating_sub(perp.sz_decimals));
        let lot = Decimal::new(1, perp.sz_decimals);
        let added = listings.add(InstrumentId::new(at), &perp.coin, tick, lot);
        added.map_err(|error| raise(Kind::Config, error))?;
    }
    Ok(listings)
}
