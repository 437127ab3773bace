//! Between the exchange and whoever trades on it: forwards bytes, and notes when those of a tick
//! went out and when those of an order came in.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flyball_live::Clock;

use crate::frames::{Said, Texts, count};

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A best bid and offer, or a book, that came to this client.
    Tick,
    /// An action of a client that places an order, or puts another in its place.
    Order,
    /// An action of a client that cancels.
    Cancel,
    /// A client opened a connection and asked for news of its account on it.
    Account,
}

/// Something that was seen, by the system's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    pub(crate) what: What,
    /// The bytes were there: read from a client, or about to be written to it.
    pub(crate) at_ns: i64,
    /// They had been written to the client; else as above.
    pub(crate) written_ns: i64,
    pub(crate) bytes: usize,
    /// Of a tick: whether it is a best bid and offer, and no book.
    pub(crate) best: bool,
}

#[derive(Debug, Default)]
struct Seen {
    sights: Vec<Sight>,
    /// The client's end of the connection on which its account is told.
    account: Option<TcpStream>,
}

type Shared = Arc<Mutex<Seen>>;

fn lock(shared: &Shared) -> MutexGuard<'_, Seen> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The proxy. Its threads end with the process.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    seen: Shared,
}

impl Proxy {
    /// Listen, and forward to `port` of this machine.
    pub(crate) fn start(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let seen = Shared::default();
        let shared = Arc::clone(&seen);
        std::thread::Builder::new().name("proxy".into()).spawn(move || {
            for client in listener.incoming().flatten() {
                // Whoever cannot be joined is cut off.
                let _ = join(client, port, &shared);
            }
        })?;
        Ok(Self { address, seen })
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often this was seen.
    pub(crate) fn count(&self, what: What) -> usize {
        lock(&self.seen).sights.iter().filter(|sight| sight.what == what).count()
    }

    /// Everything that was seen, in the order of time; it is forgotten here.
    pub(crate) fn take(&self) -> Vec<Sight> {
        let mut sights = std::mem::take(&mut lock(&self.seen).sights);
        sights.sort_by_key(|sight| sight.at_ns);
        sights
    }

    /// Cut the connection on which the account is told. When that was.
    pub(crate) fn cut_account(&self) -> Option<i64> {
        let account = lock(&self.seen).account.take()?;
        let now = Clock::SYSTEM.now_ns();
        account.shutdown(Shutdown::Both).ok().map(|()| now)
    }
}

fn join(client: TcpStream, port: u16, shared: &Shared) -> io::Result<()> {
    let venue = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    client.set_nodelay(true)?;
    venue.set_nodelay(true)?;
    let (to_venue, to_client) = (venue.try_clone()?, client.try_clone()?);
    let (up, down) = (Arc::clone(shared), Arc::clone(shared));
    let named = |name: &str| std::thread::Builder::new().name(name.into());
    named("up").spawn(move || upward(client, to_venue, &up))?;
    named("down").spawn(move || downward(venue, to_client, &down))?;
    Ok(())
}

fn over(one: &TcpStream, other: &TcpStream) {
    let _ = one.shutdown(Shutdown::Both);
    let _ = other.shutdown(Shutdown::Both);
}

/// From the client to the venue: orders.
fn upward(mut from: TcpStream, mut to: TcpStream, shared: &Shared) {
    let mut buffer = vec![0; 64 << 10];
    let mut texts = Texts::default();
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let at_ns = Clock::SYSTEM.now_ns();
        let bytes = &buffer[..length];
        if to.write_all(bytes).is_err() {
            break;
        }
        let said = texts.read(bytes);
        let what = match said {
            Said::Nothing => continue,
            Said::Order => What::Order,
            Said::Cancel => What::Cancel,
            Said::Account => What::Account,
        };
        let mut seen = lock(shared);
        seen.sights.push(Sight { what, at_ns, written_ns: at_ns, bytes: length, best: false });
        if what == What::Account {
            seen.account = from.try_clone().ok();
        }
    }
    over(&from, &to);
}

/// From the venue to the client: ticks.
fn downward(mut from: TcpStream, mut to: TcpStream, shared: &Shared) {
    let mut buffer = vec![0; 256 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let bytes = &buffer[..length];
        let at_ns = Clock::SYSTEM.now_ns();
        if to.write_all(bytes).is_err() {
            break;
        }
        let written_ns = Clock::SYSTEM.now_ns();
        let tick = |best| Sight { what: What::Tick, at_ns, written_ns, bytes: length, best };
        let best = count(bytes, br#""channel":"bbo""#);
        let books = count(bytes, br#""channel":"l2Book""#);
        if best + books > 0 {
            let mut seen = lock(shared);
            seen.sights.extend(std::iter::repeat_n(tick(true), best));
            seen.sights.extend(std::iter::repeat_n(tick(false), books));
        }
    }
    over(&from, &to);
}
