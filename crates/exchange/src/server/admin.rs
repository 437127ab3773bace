//! What the operator of the exchange can do: for drills, on loopback, when asked for at the start.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use flyball_core::domain::{Decimal, Instrument, Money, Price, SECOND};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Address;
use crate::exchange::{AdminError, Exchange};
use crate::faults::Script;
use crate::server::hub::Hub;

/// An operator's wish.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Wish {
    /// Put US dollars into an account, or take them out; untold, no ledger has it.
    Transfer {
        user: Address,
        usd: String,
        #[serde(default)]
        untold: bool,
    },
    /// Multiply all prices of an instrument.
    MovePrices { coin: String, factor: String },
    /// Hold the mark of an instrument at a price; without one, release it.
    ForceMark {
        coin: String,
        #[serde(default)]
        price: Option<String>,
    },
    /// Go away and come back at once.
    Restart,
    /// Take only post-only orders for a while.
    PostOnly { seconds: u32 },
    /// Do what another client of an account would have it do: an action of `POST /exchange`.
    Act { user: Address, action: Value },
}

fn decimal(text: &str) -> Result<Decimal, String> {
    Decimal::parse(text.as_bytes()).map_err(|error| format!("{text:?}: {error}"))
}

fn carry_out(exchange: &mut Exchange, wish: &Wish) -> Result<Value, String> {
    let admin = |error: AdminError| error.to_string();
    match wish {
        Wish::Transfer { user, usd, untold } => {
            let units = decimal(usd)?.at_scale(Money::DECIMALS).map_err(|e| e.to_string())?;
            let amount = Money::from_units(i128::from(units));
            let moved = if *untold {
                exchange.transfer_untold(*user, amount)
            } else {
                exchange.transfer(*user, amount)
            };
            moved.map_err(admin)?;
        }
        Wish::MovePrices { coin, factor } => {
            let id = exchange.coin(coin).map_err(admin)?;
            let millionths = decimal(factor)?.at_scale(6).map_err(|error| error.to_string())?;
            exchange.move_prices(id, millionths);
        }
        Wish::ForceMark { coin, price } => {
            let id = exchange.coin(coin).map_err(admin)?;
            let tick = exchange.instruments().get(id.index()).map(Instrument::tick_size);
            let price = match (price, tick) {
                (Some(price), Some(tick)) => {
                    let ticks = decimal(price)?.in_steps(tick).map_err(|e| e.to_string())?;
                    Some(Price::from_ticks(ticks))
                }
                _ => None,
            };
            exchange.force_mark(id, price);
        }
        Wish::Restart => {}
        Wish::PostOnly { seconds } => {
            let until =
                exchange.now_ns().saturating_add(i64::from(*seconds).saturating_mul(SECOND));
            exchange.post_only_until(until);
        }
        Wish::Act { user, action } => return exchange.act_as(*user, action),
    }
    Ok(json!({}))
}

pub(super) async fn act(State(hub): State<Arc<Hub>>, body: Bytes) -> Response {
    let wish: Wish = match serde_json::from_slice(&body) {
        Ok(wish) => wish,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    let outcome = hub.with(|gateway, now_ns| {
        gateway.advance(now_ns);
        let outcome = carry_out(gateway.exchange_mut(), &wish);
        if matches!(wish, Wish::Restart) {
            gateway.restart();
        }
        gateway.advance(now_ns);
        outcome
    });
    match outcome {
        Ok(answer) => answer.to_string().into_response(),
        Err(words) => (StatusCode::BAD_REQUEST, words).into_response(),
    }
}

/// Play another script from now on: TOML.
pub(super) async fn set_faults(State(hub): State<Arc<Hub>>, body: String) -> Response {
    match Script::parse(&body) {
        Ok(script) => {
            hub.with(|gateway, now_ns| {
                gateway.advance(now_ns);
                gateway.set_script(script);
            });
            "{}".into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

/// What is played.
pub(super) async fn faults(State(hub): State<Arc<Hub>>) -> Response {
    let script = hub.with(|gateway, _| gateway.script().clone());
    serde_json::to_string(&script).unwrap_or_default().into_response()
}
