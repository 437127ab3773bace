//! Sockets around a [`Gateway`]: HTTP and websockets on one port of 127.0.0.1. No decision about
//! the exchange is made here.

mod admin;
mod http;
mod hub;
mod io;
mod ws;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use flyball_core::domain::InstrumentId;
use tokio::sync::watch;

use crate::gateway::Gateway;
use crate::markets::Change;
use hub::Hub;

/// How a server runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServerConfig {
    /// The port; 0 is any that is free.
    pub port: u16,
    /// The exchange's clock runs so many times as fast as ours.
    pub speed: f64,
    /// Whether its operator can act over `/admin` and `/faults`.
    pub admin: bool,
    /// Longest body of a request, and longest message over a websocket, in bytes.
    pub max_bytes: usize,
    /// Messages that may wait for a slow reader before it is cut off.
    pub queue: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self { port: 0, speed: 1.0, admin: false, max_bytes: 256 << 10, queue: 4096 }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The port cannot be had.
    #[error("port {port} of 127.0.0.1 cannot be had: {error}; name another one, or 0 for any")]
    Port {
        /// Which.
        port: u16,
        /// Why.
        error: std::io::Error,
    },
    /// The speed makes no sense.
    #[error("speed must lie between 0.01 and 1000, not {0}")]
    Speed(f64),
    /// The operating system gives no thread.
    #[error("the server's thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// A server.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Serve an exchange on a thread of its own.
    ///
    /// # Errors
    ///
    /// [`ServerError`], before anything is served.
    pub fn start(gateway: Gateway, config: ServerConfig) -> Result<Handle, ServerError> {
        if !(0.01..=1000.0).contains(&config.speed) {
            return Err(ServerError::Speed(config.speed));
        }
        let port = config.port;
        let wrong = |error| ServerError::Port { port, error };
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let listener = TcpListener::bind(address).map_err(wrong)?;
        listener.set_nonblocking(true).map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        let (stop, stopped) = watch::channel(false);
        let hub = Arc::new(Hub::new(gateway, config));
        let served = Arc::clone(&hub);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ServerError::Thread)?;
        let name = "flyball-exchange".to_owned();
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || {
                runtime.block_on(run(listener, served, stopped));
                // Whoever still holds a connection does not keep the thread.
                runtime.shutdown_timeout(Duration::from_millis(200));
            })
            .map_err(ServerError::Thread)?;
        Ok(Handle { address, stop, thread: Some(thread), hub })
    }
}

async fn run(listener: TcpListener, hub: Arc<Hub>, mut stopped: watch::Receiver<bool>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let routes = http::routes(Arc::clone(&hub));
    let serve = axum::serve(
        io::Listener::new(listener),
        routes.into_make_service_with_connect_info::<io::Client>(),
    );
    tokio::select! {
        _ = serve => {}
        () = hub.drive() => {}
        _ = stopped.changed() => {}
    }
}

/// A server that runs. It stops when this is dropped.
pub struct Handle {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    hub: Arc<Hub>,
}

impl Handle {
    /// What clients are told: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Hands in what happens in the markets, from any thread: for an exchange that mirrors another
    /// venue.
    pub fn feed(&self) -> Feed {
        Feed { hub: Arc::clone(&self.hub) }
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Stop it, and wait until it has.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Hands in what happens in the markets.
#[derive(Clone)]
pub struct Feed {
    hub: Arc<Hub>,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").finish_non_exhaustive()
    }
}

impl Feed {
    /// This happened in a market now.
    pub fn happened(&self, change: Change, instrument: InstrumentId) {
        self.hub.with(|gateway, now_ns| {
            gateway.advance(now_ns);
            gateway.exchange_mut().feed(change, instrument, now_ns);
            gateway.advance(now_ns);
        });
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests;
