//! What a run leaves behind, as columns: their bytes, with the name that `NumPy` has for what they
//! hold. Whoever never looks at one does not need `NumPy`.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use flyball_core::backtest::Collect;
use flyball_core::domain::{OrderKind, Purpose, Side, TimeInForce};

/// A value of a column.
trait Element {
    /// What `NumPy` calls it.
    const NAME: &'static str;

    /// Append its bytes.
    fn put(self, bytes: &mut Vec<u8>);
}

macro_rules! elements {
    ($($of:ty: $name:literal),*) => {$(
        impl Element for $of {
            const NAME: &'static str = $name;

            fn put(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

elements!(i64: "<i8", u64: "<u8", f64: "<f8", u16: "<u2", i8: "|i1");

impl Element for bool {
    const NAME: &'static str = "|b1";

    fn put(self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(self));
    }
}

/// One value an item.
fn column<'py, T: Element, I>(
    py: Python<'py>,
    items: &[I],
    value: impl Fn(&I) -> T,
) -> (&'static str, Bound<'py, PyBytes>) {
    let mut bytes = Vec::with_capacity(items.len().saturating_mul(size_of::<T>()));
    for item in items {
        value(item).put(&mut bytes);
    }
    (T::NAME, PyBytes::new(py, &bytes))
}

/// The account over time.
pub(crate) fn samples<'py>(py: Python<'py>, seen: &Collect) -> PyResult<Bound<'py, PyDict>> {
    let table = PyDict::new(py);
    let all = &seen.samples;
    table.set_item("time_ns", column::<i64, _>(py, all, |s| s.time_ns))?;
    table.set_item("equity", column::<f64, _>(py, all, |s| s.equity.to_f64()))?;
    table.set_item("peak", column::<f64, _>(py, all, |s| s.peak.to_f64()))?;
    table.set_item("gross", column::<f64, _>(py, all, |s| s.gross.to_f64()))?;
    table.set_item("position", column::<i64, _>(py, all, |s| s.position))?;
    table.set_item("mark", column::<i64, _>(py, all, |s| s.mark))?;
    Ok(table)
}

const fn side_sign(side: Side) -> i8 {
    match side {
        Side::Bid => 1,
        Side::Ask => -1,
    }
}

/// Our trades.
pub(crate) fn fills<'py>(py: Python<'py>, seen: &Collect) -> PyResult<Bound<'py, PyDict>> {
    let table = PyDict::new(py);
    let all = &seen.fills;
    table.set_item("time_ns", column::<i64, _>(py, all, |f| f.0))?;
    table.set_item("instrument", column::<u16, _>(py, all, |f| f.1.instrument.raw()))?;
    table.set_item("order", column::<u64, _>(py, all, |f| f.1.client_order_id.raw()))?;
    table.set_item("side", column::<i8, _>(py, all, |f| side_sign(f.1.side)))?;
    table.set_item("price", column::<i64, _>(py, all, |f| f.1.price.ticks()))?;
    table.set_item("qty", column::<u64, _>(py, all, |f| f.1.qty.lots()))?;
    table.set_item("fee", column::<f64, _>(py, all, |f| f.1.fee.to_f64()))?;
    table.set_item("maker", column::<bool, _>(py, all, |f| f.1.maker))?;
    table.set_item("liquidation", column::<bool, _>(py, all, |f| f.1.liquidation))?;
    Ok(table)
}

const fn purpose(order: Purpose) -> &'static str {
    match order {
        Purpose::Entry => "entry",
        Purpose::Quote => "quote",
        Purpose::Stop => "stop",
        Purpose::Exit => "exit",
        Purpose::Flatten => "flatten",
    }
}

const fn kind(order: OrderKind) -> &'static str {
    match order {
        OrderKind::Limit(TimeInForce::GoodTilCancelled) => "gtc",
        OrderKind::Limit(TimeInForce::ImmediateOrCancel) => "ioc",
        OrderKind::Limit(TimeInForce::PostOnly) => "post_only",
        OrderKind::Stop { .. } => "stop",
    }
}

/// Orders that were sent.
pub(crate) fn orders<'py>(py: Python<'py>, seen: &Collect) -> PyResult<Bound<'py, PyDict>> {
    let table = PyDict::new(py);
    let all = &seen.orders;
    table.set_item("time_ns", column::<i64, _>(py, all, |o| o.0))?;
    table.set_item("instrument", column::<u16, _>(py, all, |o| o.1.instrument.raw()))?;
    table.set_item("order", column::<u64, _>(py, all, |o| o.1.client_order_id.raw()))?;
    table.set_item("side", column::<i8, _>(py, all, |o| side_sign(o.1.side)))?;
    table.set_item("price", column::<i64, _>(py, all, |o| o.1.price.ticks()))?;
    table.set_item("qty", column::<u64, _>(py, all, |o| o.1.qty.lots()))?;
    let reduce_only = column::<bool, _>(py, all, |o| o.1.reduce_only);
    table.set_item("reduce_only", reduce_only)?;
    let purposes: Vec<&str> = all.iter().map(|(_, order)| purpose(order.purpose)).collect();
    let kinds: Vec<&str> = all.iter().map(|(_, order)| kind(order.kind)).collect();
    table.set_item("purpose", purposes)?;
    table.set_item("kind", kinds)?;
    Ok(table)
}
