//! An exchange from a description of it: what the command line, the demonstration and tests share.

use std::path::PathBuf;

use flyball_core::domain::{ConfigError, Decimal, InstrumentId, MILLISECOND, Money, SECOND};
use flyball_core::sim::Crash;
use flyball_data::DataError;
use serde::{Deserialize, Serialize};

use crate::Address;
use crate::exchange::{Exchange, ExchangeConfig};
use crate::faults::{Script, ScriptError};
use crate::gateway::Gateway;
use crate::markets::{
    Listing, Markets, Replay, ReplayOptions, Source, SyntheticMarket, SyntheticOptions,
};

/// What is traded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MarketSetup {
    /// Synthetic BTC and XRP.
    Synthetic {
        /// A crash of both, if there is one.
        #[serde(default)]
        crash: Option<Crash>,
        /// Book messages a second of each.
        #[serde(default)]
        messages_per_second: Option<f64>,
    },
    /// A recording.
    Replay {
        /// A dataset's folder, or its tape.
        path: PathBuf,
        /// Keep its own times, and begin at its beginning.
        #[serde(default)]
        keep_times: bool,
        /// Begin again at its end.
        #[serde(default)]
        again: bool,
    },
    /// Another venue's markets, as they come: whoever serves the exchange hands them in
    /// ([`crate::server::Handle::feed`]).
    Mirror {
        /// Where it answers: `http://…` or `https://…`.
        http: String,
        /// Where its websocket is.
        websocket: String,
        /// What is traded, as the other venue lists it.
        perps: Vec<Perp>,
    },
    /// Books that nobody moves.
    Quiet,
}

/// A perpetual as a venue lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Perp {
    /// Its name.
    pub coin: String,
    /// Decimals of its size.
    pub sz_decimals: u8,
    /// From these notionals on, at most so much leverage.
    pub tiers: Vec<(i64, u16)>,
}

/// An account and what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSetup {
    /// Its address.
    pub address: Address,
    /// US dollars, as decimal text.
    pub cash: String,
    /// Agents that are approved from the start: name and address.
    #[serde(default)]
    pub agents: Vec<(String, Address)>,
}

/// A description of an exchange.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Everything that is chance follows from it.
    pub seed: u64,
    /// When its clock begins; without it: when it is made.
    #[serde(default)]
    pub start_ns: Option<i64>,
    /// What is traded.
    pub market: MarketSetup,
    /// Who trades.
    #[serde(default)]
    pub accounts: Vec<AccountSetup>,
    /// A fault script, TOML.
    #[serde(default)]
    pub faults: Option<String>,
    /// Weight that an address of the network may use in a minute; without it: the venue's 1200.
    #[serde(default)]
    pub weight_per_minute: Option<u32>,
    /// New websockets that an address of the network may open in a minute; without it: the
    /// venue's 30.
    #[serde(default)]
    pub sockets_per_minute: Option<u32>,
    /// Messages that an address of the network may send over websockets in a minute; without it:
    /// the venue's 2000.
    #[serde(default)]
    pub messages_per_minute: Option<u32>,
}

/// What is wrong with a description.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A value makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The fault script.
    #[error("faults: {0}")]
    Script(#[from] ScriptError),
    /// The recording.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// First prices of the synthetic markets.
const BTC_PRICE: Decimal = Decimal::new(100_000, 0);
const XRP_PRICE: Decimal = Decimal::new(21, 1);
/// How long the synthetic markets ran before the exchange begins.
const WARM_UP_NS: i64 = 5 * SECOND;

impl Setup {
    /// Synthetic markets that follow from a seed, without accounts.
    pub const fn synthetic(seed: u64) -> Self {
        Self {
            seed,
            start_ns: None,
            market: MarketSetup::Synthetic { crash: None, messages_per_second: None },
            accounts: Vec::new(),
            faults: None,
            weight_per_minute: None,
            sockets_per_minute: None,
            messages_per_minute: None,
        }
    }

    /// The exchange behind its network. Its clock begins at `now_ns` unless it says otherwise.
    ///
    /// # Errors
    ///
    /// [`SetupError`].
    pub fn gateway(&self, now_ns: i64) -> Result<Gateway, SetupError> {
        let script = self.faults.as_deref().map(Script::parse).transpose()?.unwrap_or_default();
        let exchange = self.exchange(now_ns)?;
        Ok(Gateway::new(exchange, self.seed, script))
    }

    /// The exchange alone.
    ///
    /// # Errors
    ///
    /// [`SetupError`].
    pub fn exchange(&self, now_ns: i64) -> Result<Exchange, SetupError> {
        let start_ns = self.start_ns.unwrap_or(now_ns);
        // The venue's times are whole milliseconds.
        let start_ns = start_ns.saturating_sub(start_ns.rem_euclid(MILLISECOND));
        let (start_ns, markets) = self.markets(start_ns)?;
        let mut config = ExchangeConfig::new(start_ns);
        if let Some(weight) = self.weight_per_minute {
            config.weight_per_minute = weight;
        }
        if let Some(many) = self.sockets_per_minute {
            config.sockets.new_per_minute = many;
        }
        if let Some(many) = self.messages_per_minute {
            config.sockets.messages_per_minute = many;
        }
        for account in &self.accounts {
            config.accounts.push((account.address, cash(&account.cash)?));
            for (name, agent) in &account.agents {
                config.agents.push((account.address, name.clone(), *agent));
            }
        }
        let mut exchange = Exchange::new(&config, markets)?;
        exchange.advance(start_ns);
        Ok(exchange)
    }

    fn markets(&self, start_ns: i64) -> Result<(i64, Markets), SetupError> {
        match &self.market {
            MarketSetup::Quiet => {
                Ok((start_ns, Markets::new(vec![Listing::btc(), Listing::xrp()], Vec::new())?))
            }
            MarketSetup::Mirror { perps, .. } => {
                let listings =
                    perps.iter().map(|it| Listing::new(&it.coin, it.sz_decimals, &it.tiers));
                Ok((start_ns, Markets::new(listings.collect(), Vec::new())?))
            }
            MarketSetup::Synthetic { crash, messages_per_second } => {
                let listings = vec![Listing::btc(), Listing::xrp()];
                let mut sources: Vec<Box<dyn Source>> = Vec::new();
                for (at, price) in [(0_u16, BTC_PRICE), (1, XRP_PRICE)] {
                    let seed = self.seed.wrapping_mul(31).wrapping_add(u64::from(at));
                    // The market was there before the exchange is asked for the first time.
                    let before_ns = start_ns.saturating_sub(WARM_UP_NS);
                    let mut options = SyntheticOptions::new(seed, before_ns, price);
                    let later =
                        |it: Crash| Crash { at_ns: it.at_ns.saturating_add(WARM_UP_NS), ..it };
                    options.crash = crash.map(later);
                    if let Some(messages) = messages_per_second {
                        options.messages_per_second = *messages;
                    }
                    let id = InstrumentId::new(at);
                    if let Some(listing) = listings.get(usize::from(at)) {
                        sources.push(Box::new(SyntheticMarket::new(listing, id, options)?));
                    }
                }
                Ok((start_ns, Markets::new(listings, sources)?))
            }
            MarketSetup::Replay { path, keep_times, again } => {
                let options =
                    ReplayOptions { start_ns: (!keep_times).then_some(start_ns), again: *again };
                let (listings, replay) = Replay::open(path, options)?;
                let start_ns = replay.start_ns();
                Ok((start_ns, Markets::new(listings, vec![Box::new(replay)])?))
            }
        }
    }
}

fn cash(text: &str) -> Result<Money, ConfigError> {
    let wrong = |reason: String| ConfigError::new("cash", reason);
    let number = Decimal::parse(text.as_bytes()).map_err(|e| wrong(format!("{text:?}: {e}")))?;
    let units = number.at_scale(Money::DECIMALS).map_err(|e| wrong(format!("{text:?}: {e}")))?;
    if units < 0 {
        return Err(wrong(format!("{text:?} is below zero")));
    }
    Ok(Money::from_units(i128::from(units)))
}
