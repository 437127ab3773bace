//! The portfolio, driven by columns: so that a naive twin in Python can be held against it.

use numpy::PyReadonlyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use flyball_core::domain::{
    ClientOrderId, Fill, Instrument, InstrumentId, InstrumentSpec, Money, Price, Qty, Side,
    VenueOrderId,
};
use flyball_core::portfolio::{Portfolio, Position, liquidation_price};

use crate::errors::{self, Kind, raise};

/// The account after a sequence: cash, equity, position, entry value, maintenance, peak, day start
/// (money in units of 10⁻¹⁰ as text, `None` when unknown), and the liquidation price in ticks.
type Account = (String, Option<String>, i64, String, Option<String>, String, String, Option<i64>);

const FILL: u8 = 0;
const MARK: u8 = 1;
const FUNDING: u8 = 2;
const TRANSFER: u8 = 3;
const DAY: u8 = 4;

/// Run many short sequences of account events, each on a fresh account. `ends` are the positions
/// behind the last event of each sequence. An event is a kind, and two numbers: for a fill signed
/// lots and ticks (its fee in `c`), for a mark ticks, for funding and transfers units of money, for
/// a new day its number.
#[pyfunction]
pub(crate) fn run_accounts(
    instrument: &str,
    cash: i64,
    kinds: PyReadonlyArray1<'_, u8>,
    a: PyReadonlyArray1<'_, i64>,
    b: PyReadonlyArray1<'_, i64>,
    c: PyReadonlyArray1<'_, i64>,
    ends: PyReadonlyArray1<'_, i64>,
) -> PyResult<Vec<Account>> {
    let spec: InstrumentSpec =
        serde_json::from_str(instrument).map_err(|error| raise(Kind::Config, error))?;
    let instrument = Instrument::new(InstrumentId::new(0), &spec);
    let instrument = instrument.map_err(|error| errors::config(&error))?;
    let (kinds, a, b, c) = (kinds.as_slice()?, a.as_slice()?, b.as_slice()?, c.as_slice()?);
    let mut accounts = Vec::with_capacity(ends.as_slice()?.len());
    let mut from = 0;
    for &end in ends.as_slice()? {
        let end = usize::try_from(end).unwrap_or(usize::MAX);
        let mut account = Portfolio::new(1, Money::from_units(cash.into()));
        for at in from..end {
            let event = (kinds.get(at), a.get(at), b.get(at), c.get(at));
            let (Some(&kind), Some(&a), Some(&b), Some(&c)) = event else {
                return Err(PyValueError::new_err("the columns are shorter than the ends say"));
            };
            apply(&mut account, &instrument, kind, [a, b, c], at as u64 + 1);
        }
        from = end;
        accounts.push(state(&account, &instrument));
    }
    Ok(accounts)
}

fn apply(account: &mut Portfolio, it: &Instrument, kind: u8, numbers: [i64; 3], id: u64) {
    let [a, b, c] = numbers;
    match kind {
        FILL => {
            let fill = Fill {
                instrument: it.id(),
                client_order_id: ClientOrderId::new(id),
                venue_order_id: VenueOrderId::new(id),
                trade_id: id,
                side: if a > 0 { Side::Bid } else { Side::Ask },
                price: Price::from_ticks(b),
                qty: Qty::from_lots(a.unsigned_abs()),
                fee: Money::from_units(c.into()),
                maker: false,
                liquidation: false,
            };
            account.apply_fill(it, &fill, 0);
        }
        MARK => {
            account.set_mark(it, Price::from_ticks(a));
        }
        FUNDING => account.apply_funding(it.id(), Money::from_units(a.into())),
        TRANSFER => account.apply_transfer(Money::from_units(a.into())),
        DAY => account.roll_day(a.saturating_mul(flyball_core::domain::DAY)),
        _ => {}
    }
}

fn state(account: &Portfolio, it: &Instrument) -> Account {
    let known = |money: Money| (!money.is_unknown()).then(|| money.units().to_string());
    let entry = account.position(it.id()).map_or(Money::ZERO, Position::entry_value);
    (
        account.cash().units().to_string(),
        known(account.equity()),
        account.qty(it.id()).lots(),
        entry.units().to_string(),
        known(account.maintenance()),
        account.peak().units().to_string(),
        account.day_start().units().to_string(),
        liquidation_price(account, it).map(Price::ticks),
    )
}
