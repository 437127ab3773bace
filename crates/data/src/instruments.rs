//! Instruments of recordings.

use flyball_core::book::Book;
use flyball_core::domain::{Instrument, InstrumentId, InstrumentKind, InstrumentSpec};

use crate::DataError;

/// An empty book of an instrument.
///
/// Recordings hold instruments that the engine would not trade, because one tick of one lot is
/// worth less than money can count (Kraken prints eight decimals of a lot whatever the price). A
/// book knows nothing of money: for such an instrument it is made as if of an inverse contract,
/// whose value money rounds.
pub(crate) fn book_for(spec: &InstrumentSpec, id: InstrumentId) -> Result<Book, DataError> {
    let wrong = |error| DataError::Instrument { symbol: spec.symbol.clone(), error };
    let instrument = Instrument::new(id, spec).or_else(|error| {
        let inverse = InstrumentSpec { kind: InstrumentKind::Inverse, ..spec.clone() };
        Instrument::new(id, &inverse).map_err(|_| error)
    });
    Ok(Book::new(&instrument.map_err(wrong)?))
}
