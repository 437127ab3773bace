//! What only the operator of the exchange can do: for drills.

use flyball_core::domain::{InstrumentId, Money, Price, Side};
use flyball_core::sim::AccountId;
use serde_json::json;

use crate::Address;
use crate::exchange::Exchange;
use crate::markets::{Change, Happening, merged};
use crate::text;

/// Levels a side that move at once; the market's own next message brings the others.
const LEVELS: usize = 50;

/// Why an operator's wish is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// No such account.
    #[error("there is no account {0}")]
    Account(Address),
    /// No such instrument.
    #[error("there is no instrument {0:?}")]
    Coin(String),
    /// There are too many accounts.
    #[error("there are too many accounts")]
    Full,
}

impl Exchange {
    /// The account at an address, opened with nothing if there is none.
    pub(crate) fn open_account(&mut self, address: Address) -> Option<AccountId> {
        if let Some(member) = self.members.find(address) {
            return Some(member.id);
        }
        let id = self.venue.open_account(Money::ZERO)?;
        self.members.add(address, id);
        Some(id)
    }

    /// Put money into an account, which is opened if there is none, or take it out.
    ///
    /// # Errors
    ///
    /// [`AdminError::Full`].
    pub fn transfer(&mut self, address: Address, amount: Money) -> Result<(), AdminError> {
        self.transfer_untold(address, amount)?;
        let kind = if amount < Money::ZERO { "withdraw" } else { "deposit" };
        let mut delta = json!({"type": kind, "usdc": text::usdc(amount.abs())});
        if let Some(fields) = delta.as_object_mut().filter(|_| amount < Money::ZERO) {
            fields.insert("nonce".into(), json!(self.clock_ms()));
            fields.insert("fee".into(), json!("0.0"));
        }
        self.write_ledger(&[address], &delta);
        self.push_due();
        Ok(())
    }

    /// Money comes into an account or goes, and nobody is told: no ledger has it.
    ///
    /// # Errors
    ///
    /// [`AdminError::Full`].
    pub fn transfer_untold(&mut self, address: Address, amount: Money) -> Result<(), AdminError> {
        let id = self.open_account(address).ok_or(AdminError::Full)?;
        self.venue.transfer(id, amount, self.now_ns);
        self.settle();
        self.push_due();
        Ok(())
    }

    /// The id of a coin.
    ///
    /// # Errors
    ///
    /// [`AdminError::Coin`].
    pub fn coin(&self, coin: &str) -> Result<InstrumentId, AdminError> {
        let found = self.markets.find(coin).map(flyball_core::domain::Instrument::id);
        found.ok_or_else(|| AdminError::Coin(coin.to_owned()))
    }

    /// Multiply every price of an instrument from now on by so many millionths: the book first,
    /// then mark and oracle, at once, and whatever comes later.
    pub fn move_prices(&mut self, id: InstrumentId, millionths: i64) {
        let (before, after) = self.markets.move_prices(id, millionths);
        let Some(instrument) = self.instrument(id) else { return };
        let moved = |price: Price, side| {
            let ticks = i128::from(price.ticks()).saturating_mul(i128::from(after));
            let ticks = i64::try_from(ticks.div_euclid(i128::from(before))).unwrap_or(i64::MAX);
            instrument.round_passive(Price::from_ticks(ticks.max(1)), side)
        };
        let levels = |side| {
            let shown = self.venue.depth(id, side, LEVELS);
            merged(shown.iter().map(|it| (moved(it.level.price, side), it.level.qty)))
        };
        let book = Change::Book { bids: levels(Side::Bid), asks: levels(Side::Ask) };
        let marks = self.venue.mark(id).zip(self.venue.oracle(id));
        let marks = marks.map(|(mark, oracle)| Change::Reference {
            mark: moved(mark, Side::Bid),
            oracle: moved(oracle, Side::Bid),
        });
        for change in std::iter::once(book).chain(marks) {
            self.happen(&Happening { time_ns: self.now_ns, instrument: id, change });
        }
        self.push_due();
    }

    /// Hold mark and oracle of an instrument at a price; `None` releases them.
    pub fn force_mark(&mut self, id: InstrumentId, price: Option<Price>) {
        self.venue.force_mark(id, price, self.now_ns);
        if let Some(board) = self.boards.get_mut(id.index()) {
            board.context.mark = self.venue.mark(id);
            board.context.oracle = self.venue.oracle(id).or(board.context.oracle);
        }
        self.settle();
        self.touch_feed(id);
        self.push_due();
    }

    /// Take only post-only orders until then.
    pub fn post_only_until(&mut self, until_ns: i64) {
        self.venue.set_post_only_window(true);
        self.post_only_until_ns = Some(until_ns);
    }

    /// Set its clock ahead of time, or behind it.
    pub const fn set_clock_skew(&mut self, skew_ns: i64) {
        self.skew_ns = skew_ns;
    }

    /// It goes away and comes back: every websocket is gone, everything else stays.
    pub fn restart(&mut self) {
        for conn in self.streams.connections() {
            self.close(conn);
        }
        self.pushes.clear();
    }
}
