//! Connections: a websocket that waits together with others, and HTTP requests on threads of their
//! own, so that one that hangs holds up nothing.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use mio::event::Source;
use mio::{Interest, Registry, Token};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, WebSocket};

/// A venue's message is no longer than this; a longer one ends the connection.
const MAX_MESSAGE: usize = 8 << 20;
/// What waits to be sent to a peer that does not read; more ends the connection.
const MAX_UNSENT: usize = 4 << 20;
/// An answer is no longer than this.
const MAX_ANSWER: u64 = 32 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection's bytes, in the clear or not.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one a connection")]
pub enum Stream {
    /// In the clear.
    Plain(mio::net::TcpStream),
    /// Through TLS.
    Tls(StreamOwned<ClientConnection, mio::net::TcpStream>),
}

impl Stream {
    fn socket(&mut self) -> &mut mio::net::TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => &mut tls.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

/// Why there is no connection, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);

fn broken(error: impl std::fmt::Display) -> Broken {
    Broken(error.to_string())
}

/// A websocket that does not block.
#[derive(Debug)]
pub struct Socket {
    inner: WebSocket<Stream>,
}

impl Socket {
    /// Connect to `ws://…` or `wss://…`. Waits for at most some seconds.
    ///
    /// # Errors
    ///
    /// [`Broken`] with the reason.
    pub fn connect(url: &str) -> Result<Self, Broken> {
        let request = url.into_client_request().map_err(broken)?;
        let uri = request.uri();
        let host = uri.host().ok_or_else(|| Broken(format!("{url}: no host")))?.to_owned();
        let tls = uri.scheme_str() == Some("wss");
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let address = (host.as_str(), port).to_socket_addrs().map_err(broken)?.next();
        let address = address.ok_or_else(|| Broken(format!("{host}: no address")))?;
        let tcp = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).map_err(broken)?;
        tcp.set_nodelay(true).map_err(broken)?;
        // The handshakes are waited for; after them nothing is.
        tcp.set_read_timeout(Some(CONNECT_TIMEOUT)).map_err(broken)?;
        tcp.set_write_timeout(Some(CONNECT_TIMEOUT)).map_err(broken)?;
        let kept = tcp.try_clone().map_err(broken)?;
        let socket = mio::net::TcpStream::from_std(tcp);
        let stream = if tls {
            let name = ServerName::try_from(host).map_err(broken)?;
            let client = ClientConnection::new(tls_config(), name).map_err(broken)?;
            Stream::Tls(StreamOwned::new(client, socket))
        } else {
            Stream::Plain(socket)
        };
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE))
            .max_write_buffer_size(MAX_UNSENT);
        let shaken = tungstenite::client::client_with_config(request, stream, Some(config));
        let (inner, _) = shaken.map_err(|error| broken(format!("{error:?}")))?;
        kept.set_nonblocking(true).map_err(broken)?;
        Ok(Self { inner })
    }

    /// Wait for it together with others.
    ///
    /// # Errors
    ///
    /// [`io::Error`] from the system.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        self.inner.get_mut().socket().register(registry, token, both)
    }

    /// No longer wait for it.
    pub fn deregister(&mut self, registry: &Registry) {
        // It is closed right after.
        let _gone = self.inner.get_mut().socket().deregister(registry);
    }

    /// The next message with content, text or binary; `None` until a whole one has come.
    ///
    /// # Errors
    ///
    /// [`Broken`] when the connection is over.
    pub fn read(&mut self) -> Result<Option<Message>, Broken> {
        loop {
            match self.inner.read() {
                Ok(message @ (Message::Text(_) | Message::Binary(_))) => return Ok(Some(message)),
                Ok(Message::Close(_)) => return Err(Broken("closed by the venue".into())),
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(None);
                }
                Err(error) => return Err(broken(error)),
            }
        }
    }

    /// Let a text wait to be sent; [`Socket::flush`] sends it, with what waits before it.
    ///
    /// # Errors
    ///
    /// [`Broken`] when the connection is over, or its peer has not read for too long.
    pub fn queue(&mut self, text: String) -> Result<(), Broken> {
        self.inner.write(Message::text(text)).map_err(broken)
    }

    /// Send what waits, as far as the peer takes it.
    ///
    /// # Errors
    ///
    /// As [`Socket::queue`].
    pub fn flush(&mut self) -> Result<(), Broken> {
        match self.inner.flush() {
            Ok(()) => Ok(()),
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                Ok(())
            }
            Err(error) => Err(broken(error)),
        }
    }
}

fn tls_config() -> Arc<ClientConfig> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|builder| builder.with_root_certificates(roots).with_no_client_auth());
    match config {
        Ok(config) => Arc::new(config),
        // The provider has the default versions: this arm cannot be reached.
        Err(_) => Arc::new(
            ClientConfig::builder()
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth(),
        ),
    }
}

/// A request that is on its way.
#[derive(Debug)]
pub struct Ask {
    /// The number that the answer carries.
    pub id: u64,
    /// `/info` or `/exchange`.
    pub path: &'static str,
    /// JSON.
    pub body: Vec<u8>,
    /// How long it may take.
    pub timeout: Duration,
}

/// An answer, or why there is none.
#[derive(Debug)]
pub struct Told {
    /// The request that it answers.
    pub id: u64,
    /// Status and body; or the request may or may not have arrived.
    pub outcome: Result<(u16, Vec<u8>), Broken>,
}

/// HTTP requests, some at a time.
#[derive(Debug)]
pub struct Http {
    to: Sender<Ask>,
}

impl Http {
    /// Threads that send requests to `url` and hand each answer to `told`.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the system gives no thread.
    pub fn start<F>(url: &str, threads: usize, told: F) -> io::Result<Self>
    where
        F: Fn(Told) + Clone + Send + 'static,
    {
        let (to, from) = mpsc::channel::<Ask>();
        let from = Arc::new(std::sync::Mutex::new(from));
        let agent = agent();
        for number in 0..threads {
            let (agent, url, from, told) =
                (agent.clone(), url.to_owned(), Arc::clone(&from), told.clone());
            std::thread::Builder::new().name(format!("flyball-http-{number}")).spawn(
                move || {
                    while let Some(ask) = next(&from) {
                        let outcome = post(&agent, &url, &ask);
                        told(Told { id: ask.id, outcome });
                    }
                },
            )?;
        }
        Ok(Self { to })
    }

    /// Send a request when a thread is free.
    pub fn ask(&self, ask: Ask) {
        // The threads live as long as this does.
        let _sent = self.to.send(ask);
    }
}

fn next(from: &std::sync::Mutex<Receiver<Ask>>) -> Option<Ask> {
    from.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv().ok()
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .user_agent("flyball")
        .build()
        .new_agent()
}

/// Send one request and wait for its answer.
///
/// # Errors
///
/// [`Broken`] when there is none: it may or may not have arrived.
pub fn ask_once(url: &str, path: &'static str, body: &[u8]) -> Result<(u16, Vec<u8>), Broken> {
    let timeout = CONNECT_TIMEOUT;
    post(&agent(), url, &Ask { id: 0, path, body: body.to_vec(), timeout })
}

fn post(agent: &ureq::Agent, url: &str, ask: &Ask) -> Result<(u16, Vec<u8>), Broken> {
    let request = agent.post(format!("{url}{}", ask.path));
    let request = request.header("content-type", "application/json");
    let request = request.config().timeout_global(Some(ask.timeout)).build();
    let mut answer = request.send(ask.body.as_slice()).map_err(broken)?;
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().map_err(broken)?;
    Ok((status, body))
}
