//! The instruments that a decoder knows, by the venue's name, with their ticks and lots.

use flyball_core::domain::{Decimal, Instrument, InstrumentId, Level, Price, Qty, Rate, Symbol};

use crate::{DecodeError, Grid, Number, Quantity};

/// One instrument as a decoder sees it.
#[derive(Clone, Debug)]
pub struct Listed {
    id: InstrumentId,
    symbol: String,
    price: Grid,
    qty: Grid,
    survey: Option<Surveyed>,
}

/// The decimals that the numbers of one instrument use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Surveyed {
    /// Of its prices.
    pub price: Used,
    /// Of its quantities.
    pub qty: Used,
    /// Of prices that the venue computes, such as marks: they may be finer than its ticks.
    pub reference: Used,
    /// Levels a side that its book was subscribed with, where messages say so; else 0.
    pub depth: u32,
}

/// The decimals that numbers use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Most decimals that are printed, zeros at the end included.
    pub printed: u8,
    /// Most decimals that are needed.
    pub needed: u8,
    /// The largest number, without its sign, rounded up to a whole one.
    pub largest: u64,
}

impl Used {
    fn note(&mut self, number: Number) {
        let reduced = number.reduced();
        self.printed = self.printed.max(number.decimals());
        self.needed = self.needed.max(reduced.decimals());
        let power = 10_u64.checked_pow(u32::from(reduced.decimals())).unwrap_or(u64::MAX);
        self.largest = self.largest.max(reduced.units().unsigned_abs().div_ceil(power.max(1)));
    }
}

/// All instruments of one decoder. A few dozen at most: look-ups go through them in order.
#[derive(Clone, Debug, Default)]
pub struct Listings {
    all: Vec<Listed>,
    open: bool,
}

impl Listings {
    /// No instruments.
    pub const fn new() -> Self {
        Self { all: Vec::new(), open: false }
    }

    /// These instruments.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Listing`] when a name comes twice.
    pub fn of(instruments: &[Instrument]) -> Result<Self, DecodeError> {
        let mut listings = Self::new();
        for it in instruments {
            listings.add(it.id(), it.symbol().as_str(), it.tick_size(), it.lot_size())?;
        }
        Ok(listings)
    }

    /// Listings that take in every instrument that comes and note which decimals its numbers use.
    /// The prices and quantities of events decoded with them mean nothing.
    pub const fn survey() -> Self {
        Self { all: Vec::new(), open: true }
    }

    /// A survey of the instruments of these names only.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Listing`] when a name comes twice, or is none.
    pub fn survey_of<S: AsRef<str>>(symbols: &[S]) -> Result<Self, DecodeError> {
        let mut listings = Self::survey();
        let unit = Decimal::new(1, 0);
        for (at, symbol) in symbols.iter().map(AsRef::as_ref).enumerate() {
            let refuse =
                |reason: String| DecodeError::Listing { symbol: symbol.to_owned(), reason };
            let at = u16::try_from(at).map_err(|_| refuse("more than 65 535".to_owned()))?;
            Symbol::new(symbol).map_err(|error| refuse(error.to_string()))?;
            listings.add(InstrumentId::new(at), symbol, unit, unit)?;
        }
        listings.open = false;
        Ok(listings)
    }

    /// List one more instrument.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Listing`] when the name is listed already, or is none.
    pub fn add(
        &mut self,
        id: InstrumentId,
        symbol: &str,
        tick_size: Decimal,
        lot_size: Decimal,
    ) -> Result<(), DecodeError> {
        let refuse = |reason: &str| {
            Err(DecodeError::Listing { symbol: symbol.to_owned(), reason: reason.to_owned() })
        };
        if self.all.iter().any(|it| it.symbol == symbol) {
            return refuse("it is listed twice");
        }
        if tick_size.units() <= 0 || lot_size.units() <= 0 {
            return refuse("tick_size and lot_size must be above zero");
        }
        let survey = self.open.then(Surveyed::default);
        let symbol = symbol.to_owned();
        let (price, qty) = (Grid::new(tick_size), Grid::new(lot_size));
        self.all.push(Listed { id, symbol, price, qty, survey });
        Ok(())
    }

    /// The instruments, in the order in which they were listed.
    pub fn iter(&self) -> impl Iterator<Item = &Listed> {
        self.all.iter()
    }

    /// The instrument of this name; `None` when it is not listed.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Listing`] when a survey meets more instruments, or longer names, than the
    /// engine takes.
    #[inline]
    pub fn find(&mut self, symbol: &str) -> Result<Option<&mut Listed>, DecodeError> {
        let at = self.all.iter().position(|it| it.symbol == symbol);
        match at {
            Some(at) => Ok(self.all.get_mut(at)),
            None if self.open => self.discover(symbol).map(Some),
            None => Ok(None),
        }
    }

    /// The only instrument, for messages that do not name theirs.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Nameless`] when none or several are listed.
    pub fn only(&mut self) -> Result<&mut Listed, DecodeError> {
        if self.open && self.all.is_empty() {
            return self.discover("");
        }
        let listed = self.all.len();
        match self.all.as_mut_slice() {
            [only] => Ok(only),
            _ => Err(DecodeError::Nameless { listed }),
        }
    }

    #[cold]
    fn discover(&mut self, symbol: &str) -> Result<&mut Listed, DecodeError> {
        let refuse = |reason: String| DecodeError::Listing { symbol: symbol.to_owned(), reason };
        if !symbol.is_empty() {
            Symbol::new(symbol).map_err(|error| refuse(error.to_string()))?;
        }
        let count = self.all.len();
        // Messages without a name came first: they were about this one.
        let nameless = matches!(self.all.as_slice(), [only] if only.symbol.is_empty());
        if !nameless {
            let id = u16::try_from(count).map_err(|_| refuse("more than 65 535".to_owned()))?;
            let unit = Grid::new(Decimal::new(1, 0));
            self.all.push(Listed {
                id: InstrumentId::new(id),
                symbol: String::new(),
                price: unit,
                qty: unit,
                survey: Some(Surveyed::default()),
            });
        }
        let listed = self.all.last_mut().ok_or(DecodeError::Nameless { listed: count })?;
        symbol.clone_into(&mut listed.symbol);
        Ok(listed)
    }
}

impl Listed {
    /// The engine's id.
    pub const fn id(&self) -> InstrumentId {
        self.id
    }

    /// The venue's name; empty while a survey has met none.
    pub fn symbol(&self) -> &str {
        &self.symbol
    }

    /// What a survey found.
    pub const fn surveyed(&self) -> Option<Surveyed> {
        self.survey
    }

    /// A number as a price of this instrument.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Number`] when it is off the grid or out of range.
    #[inline]
    pub fn price(&mut self, number: Number) -> Result<Price, DecodeError> {
        if let Some(survey) = &mut self.survey {
            survey.price.note(number);
            return Ok(Price::default());
        }
        let step = self.price.step();
        self.price.price(number).map_err(|error| DecodeError::Number {
            quantity: Quantity::Price,
            value: number,
            step,
            error,
        })
    }

    /// A number as the nearest price of this instrument: for prices that a venue computes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Number`] when it is out of range.
    pub fn nearest_price(&mut self, number: Number) -> Result<Price, DecodeError> {
        if let Some(survey) = &mut self.survey {
            survey.reference.note(number);
            return Ok(Price::default());
        }
        let step = self.price.step();
        let wrong =
            |error| DecodeError::Number { quantity: Quantity::Price, value: number, step, error };
        self.price.nearest(number).map(Price::from_ticks).map_err(wrong)
    }

    /// A number as a quantity of this instrument.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Number`] when it is off the grid, negative or out of range.
    #[inline]
    pub fn qty(&mut self, number: Number) -> Result<Qty, DecodeError> {
        if let Some(survey) = &mut self.survey {
            survey.qty.note(number);
            return Ok(Qty::ZERO);
        }
        let step = self.qty.step();
        self.qty.qty(number).map_err(|error| DecodeError::Number {
            quantity: Quantity::Qty,
            value: number,
            step,
            error,
        })
    }

    /// A number as the nearest quantity of this instrument, and whether it had to be rounded: for
    /// volumes that somebody added up.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Number`] when it is negative or out of range.
    pub fn nearest_qty(&mut self, number: Number) -> Result<(Qty, bool), DecodeError> {
        if self.survey.is_some() {
            return self.qty(number).map(|qty| (qty, false));
        }
        if let Ok(qty) = self.qty.qty(number) {
            return Ok((qty, false));
        }
        let step = self.qty.step();
        let wrong =
            |error| DecodeError::Number { quantity: Quantity::Qty, value: number, step, error };
        self.qty.nearest_qty(number).map(|qty| (qty, true)).map_err(wrong)
    }

    /// A message says how many levels a side its book was subscribed with.
    pub(crate) fn note_depth(&mut self, levels: u32) {
        if let Some(survey) = &mut self.survey {
            survey.depth = survey.depth.max(levels);
        }
    }

    /// A level of this instrument's book.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Number`].
    #[inline]
    pub fn level(&mut self, price: Number, qty: Number) -> Result<Level, DecodeError> {
        Ok(Level { price: self.price(price)?, qty: self.qty(qty)? })
    }
}

/// A number as a rate.
///
/// # Errors
///
/// [`DecodeError::Number`] when it has more decimals than a rate keeps, or does not fit.
pub fn rate(number: Number) -> Result<Rate, DecodeError> {
    number.reduced().at_scale(Rate::DECIMALS).map(Rate::from_parts).map_err(|error| {
        DecodeError::Number {
            quantity: Quantity::Rate,
            value: number,
            step: Decimal::new(1, Rate::DECIMALS),
            error,
        }
    })
}

/// A venue's milliseconds as nanoseconds.
#[inline]
pub(crate) fn from_millis(millis: i64) -> Result<i64, DecodeError> {
    millis.checked_mul(1_000_000).ok_or(DecodeError::Number {
        quantity: Quantity::Time,
        value: Number::new(millis, 0),
        step: Decimal::new(1, 0),
        error: flyball_core::domain::DecimalError::OutOfRange,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_survey_finds_the_decimals_that_are_used() {
        let mut listings = Listings::survey();
        let it = listings.find("BTCUSDT").unwrap().unwrap();
        it.price(number("61837.63000000")).unwrap();
        it.price(number("61837.50")).unwrap();
        it.qty(number("0.02000000")).unwrap();
        it.qty(number("12")).unwrap();
        let surveyed = it.surveyed().unwrap();
        assert_eq!(surveyed.price, Used { printed: 8, needed: 2, largest: 61_838 });
        assert_eq!(surveyed.qty, Used { printed: 8, needed: 2, largest: 12 });
    }

    #[test]
    fn what_came_before_the_name_was_about_it() {
        let mut listings = Listings::survey();
        listings.only().unwrap().price(number("1.234")).unwrap();
        listings.find("NEXOUSDT").unwrap().unwrap().price(number("1.2")).unwrap();
        let all: Vec<_> = listings.iter().collect();
        assert_eq!((all.len(), all[0].symbol()), (1, "NEXOUSDT"));
        assert_eq!(all[0].surveyed().unwrap().price.needed, 3);
        listings.find("XRPUSDT").unwrap();
        assert!(matches!(listings.only(), Err(DecodeError::Nameless { listed: 2 })));
    }

    #[test]
    fn a_number_off_the_grid_says_so() {
        let mut listings = Listings::new();
        let cent = Decimal::new(1, 2);
        listings.add(InstrumentId::new(0), "X", cent, cent).unwrap();
        let error = listings.find("X").unwrap().unwrap().price(number("1.234")).unwrap_err();
        assert_eq!(error.to_string(), "price 1.234: not a multiple of the step (steps of 0.01)");
        assert!(listings.add(InstrumentId::new(1), "X", cent, cent).is_err());
    }
}
