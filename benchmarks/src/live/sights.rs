//! What is seen of a client through the proxy: when the bytes of a tick went out to it, and when
//! those of an order came in.

use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flyball_live::Clock;

use crate::frames::{Said, Texts, count};
use crate::proxy::Watch;

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A best bid and offer, or a book, that came to this client.
    Tick,
    /// An action of a client that places an order, or puts another in its place.
    Order,
    /// An action of a client that only reduces what is held.
    Close,
    /// An action of a client that cancels.
    Cancel,
    /// Marks and oracle prices that came to a client.
    Context,
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

/// Everything that was seen.
#[derive(Debug, Default)]
pub(crate) struct Sights(Mutex<Seen>);

impl Sights {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often this was seen.
    pub(crate) fn count(&self, what: What) -> usize {
        self.lock().sights.iter().filter(|sight| sight.what == what).count()
    }

    /// Everything that was seen, in the order of time; it is forgotten here.
    pub(crate) fn take(&self) -> Vec<Sight> {
        let mut sights = std::mem::take(&mut self.lock().sights);
        sights.sort_by_key(|sight| sight.at_ns);
        sights
    }

    /// Cut the connection on which the account is told. When that was.
    pub(crate) fn cut_account(&self) -> Option<i64> {
        let account = self.lock().account.take()?;
        let now = Clock::SYSTEM.now_ns();
        account.shutdown(Shutdown::Both).ok().map(|()| now)
    }
}

impl Watch for Sights {
    type Client = Texts;

    /// Orders.
    fn upward(&self, texts: &mut Texts, bytes: &[u8], came_ns: i64, from: &TcpStream) {
        let what = match texts.read(bytes) {
            Said::Nothing => return,
            Said::Order => What::Order,
            Said::Close => What::Close,
            Said::Cancel => What::Cancel,
            Said::Account => What::Account,
        };
        let (at_ns, written_ns, bytes) = (came_ns, came_ns, bytes.len());
        let mut seen = self.lock();
        seen.sights.push(Sight { what, at_ns, written_ns, bytes, best: false });
        if what == What::Account {
            seen.account = from.try_clone().ok();
        }
    }

    /// Ticks.
    fn downward(&self, bytes: &[u8], at_ns: i64, written_ns: i64) {
        let bytes_of = bytes.len();
        let tick = |best| Sight { what: What::Tick, at_ns, written_ns, bytes: bytes_of, best };
        let best = count(bytes, br#""channel":"bbo""#);
        let books = count(bytes, br#""channel":"l2Book""#);
        let contexts = count(bytes, br#""channel":"activeAssetCtx""#);
        if best + books + contexts > 0 {
            let mut seen = self.lock();
            let context = Sight { what: What::Context, ..tick(false) };
            seen.sights.extend(std::iter::repeat_n(context, contexts));
            seen.sights.extend(std::iter::repeat_n(tick(true), best));
            seen.sights.extend(std::iter::repeat_n(tick(false), books));
        }
    }
}
