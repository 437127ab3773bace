//! Between a venue and whoever trades on it: forwards bytes, shows them to whoever watches, and
//! breaks as networks do. The benchmarks look through it too.

#![allow(dead_code, reason = "each of its users wants a part of it")]

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use flyball_live::Clock;
use socket2::SockRef;

/// Whoever watches the bytes. Times are the system's clock.
pub(crate) trait Watch: Send + Sync + 'static {
    /// What it remembers of one client's connection.
    type Client: Default + Send;

    /// A client said this; it was read at `came_ns` and has been forwarded.
    fn upward(&self, client: &mut Self::Client, bytes: &[u8], came_ns: i64, from: &TcpStream);

    /// The venue said this; it was read at `came_ns` and had been forwarded at `written_ns`.
    fn downward(&self, bytes: &[u8], came_ns: i64, written_ns: i64);
}

/// Nobody watches.
impl Watch for () {
    type Client = ();
    fn upward(&self, (): &mut (), _: &[u8], _: i64, _: &TcpStream) {}
    fn downward(&self, _: &[u8], _: i64, _: i64) {}
}

/// A client and the venue, joined.
#[derive(Debug)]
struct Joined {
    client: TcpStream,
    venue: TcpStream,
    /// What comes vanishes, and neither end is told.
    swallows: AtomicBool,
    /// Both ends are reset when the last thread lets go.
    reset: AtomicBool,
}

impl Joined {
    fn over(&self) {
        if !self.reset.load(Ordering::Relaxed) {
            let _ = self.client.shutdown(Shutdown::Both);
            let _ = self.venue.shutdown(Shutdown::Both);
        }
    }
}

#[derive(Debug, Default)]
struct Network {
    joined: Mutex<Vec<Weak<Joined>>>,
    swallows: AtomicBool,
    delay_ms: AtomicU64,
}

impl Network {
    /// The connections that stand.
    fn standing(&self) -> Vec<Arc<Joined>> {
        let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        joined.retain(|it| it.strong_count() > 0);
        joined.iter().filter_map(Weak::upgrade).collect()
    }
}

/// The proxy. Its threads end with the process.
#[derive(Debug)]
pub(crate) struct Proxy<W> {
    address: SocketAddr,
    watch: Arc<W>,
    network: Arc<Network>,
}

impl<W: Watch> Proxy<W> {
    /// Listen, and forward to `port` of this machine.
    pub(crate) fn start(port: u16, watch: W) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (watch, network) = (Arc::new(watch), Arc::new(Network::default()));
        let (seen, through) = (Arc::clone(&watch), Arc::clone(&network));
        std::thread::Builder::new().name("proxy".into()).spawn(move || {
            for client in listener.incoming().flatten() {
                // Whoever cannot be joined is cut off.
                let _ = join(client, port, &seen, &through);
            }
        })?;
        Ok(Self { address, watch, network })
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn watch(&self) -> &W {
        &self.watch
    }

    /// Reset every connection that stands; how many there were. New ones can be made.
    pub(crate) fn reset(&self) -> usize {
        let standing = self.network.standing();
        for joined in &standing {
            joined.reset.store(true, Ordering::Relaxed);
            for end in [&joined.client, &joined.venue] {
                // Closed without lingering, it is reset; its reader is woken to let go of it.
                let _ = SockRef::from(end).set_linger(Some(Duration::ZERO));
                let _ = end.shutdown(Shutdown::Read);
            }
        }
        standing.len()
    }

    /// Swallow everything from now on: on the connections that stand for ever, on new ones until
    /// [`Proxy::heal`]; nothing is closed.
    pub(crate) fn swallow(&self) {
        self.network.swallows.store(true, Ordering::Relaxed);
        for joined in self.network.standing() {
            joined.swallows.store(true, Ordering::Relaxed);
        }
    }

    /// Hold up every piece for so long, in each direction.
    pub(crate) fn delay(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.network.delay_ms.store(millis, Ordering::Relaxed);
    }

    /// New connections work, and nothing is held up.
    pub(crate) fn heal(&self) {
        self.network.swallows.store(false, Ordering::Relaxed);
        self.network.delay_ms.store(0, Ordering::Relaxed);
    }
}

fn join<W: Watch>(
    client: TcpStream,
    port: u16,
    watch: &Arc<W>,
    network: &Arc<Network>,
) -> io::Result<()> {
    let venue = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    client.set_nodelay(true)?;
    venue.set_nodelay(true)?;
    let swallows = AtomicBool::new(network.swallows.load(Ordering::Relaxed));
    let joined = Arc::new(Joined { client, venue, swallows, reset: AtomicBool::new(false) });
    let known = Arc::downgrade(&joined);
    network.joined.lock().unwrap_or_else(PoisonError::into_inner).push(known);
    let named = |name: &str| std::thread::Builder::new().name(name.into());
    let (pair, seen, through) = (Arc::clone(&joined), Arc::clone(watch), Arc::clone(network));
    named("up").spawn(move || {
        let mut client = W::Client::default();
        forward::<{ 64 << 10 }>((&pair.client, &pair.venue), &pair, &through, |bytes, came, _| {
            seen.upward(&mut client, bytes, came, &pair.client);
        });
    })?;
    let (seen, through) = (Arc::clone(watch), Arc::clone(network));
    named("down").spawn(move || {
        let ends = (&joined.venue, &joined.client);
        forward::<{ 256 << 10 }>(ends, &joined, &through, |bytes, came, written| {
            seen.downward(bytes, came, written);
        });
    })?;
    Ok(())
}

/// Forward from one end to the other until one of them is gone.
fn forward<const ROOM: usize>(
    (mut from, mut to): (&TcpStream, &TcpStream),
    joined: &Joined,
    network: &Network,
    mut seen: impl FnMut(&[u8], i64, i64),
) {
    let mut buffer = vec![0; ROOM];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let came_ns = Clock::SYSTEM.now_ns();
        let bytes = &buffer[..length];
        let delay_ms = network.delay_ms.load(Ordering::Relaxed);
        if delay_ms > 0 {
            std::thread::sleep(Duration::from_millis(delay_ms));
        }
        if joined.swallows.load(Ordering::Relaxed) {
            continue;
        }
        if to.write_all(bytes).is_err() {
            break;
        }
        seen(bytes, came_ns, Clock::SYSTEM.now_ns());
    }
    joined.over();
}
