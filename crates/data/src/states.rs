//! Books rebuilt from a tape, for whoever wants to compare them with another rebuilding.

use flyball_core::book::Book;
use flyball_core::domain::{Body, Event, InstrumentId};

use crate::DataError;
use crate::instruments::book_for;
use crate::tape::Tape;

/// Rebuild the book of one instrument from a tape, and look at it after every `every`th event of
/// the tape (of whatever kind and instrument, counted from 1) and after the last one. `visit` gets
/// the number of that event and the book after it.
///
/// A book with messages missing shows no levels until a snapshot heals it.
///
/// # Errors
///
/// [`DataError::Request`] when there is no such instrument on the tape; [`DataError::Format`] when
/// the tape does not say what is on it; [`DataError::Segment`] when it is damaged.
///
/// ```no_run
/// # use flyball_core::domain::{InstrumentId, Side};
/// # use flyball_data::{book_states, tape::Tape};
/// let tape = Tape::open("tape.fbt")?;
/// book_states(&tape, InstrumentId::new(0), 1000, |number, book| {
///     println!("{number}: {:?}", book.levels(Side::Bid).take(5).collect::<Vec<_>>());
/// })?;
/// # Ok::<(), flyball_data::DataError>(())
/// ```
pub fn book_states(
    tape: &Tape,
    instrument: InstrumentId,
    every: u64,
    mut visit: impl FnMut(u64, &Book),
) -> Result<(), DataError> {
    let details = tape.details()?;
    let Some(spec) = details.instruments.get(instrument.index()) else {
        let (wanted, known) = (instrument.raw(), details.instruments.len());
        let reason = format!("instrument {wanted} is not on the tape: it has {known}");
        return Err(DataError::Request(reason));
    };
    let mut book = book_for(spec, instrument)?;
    let mut cursor = tape.cursor()?;
    let mut shown = 0;
    while let Some(event) = cursor.next()? {
        if event.body.instrument() == Some(instrument) {
            apply(&mut book, &event);
        }
        if cursor.events().checked_rem(every) == Some(0) {
            shown = cursor.events();
            visit(shown, &book);
        }
    }
    if shown != cursor.events() {
        visit(cursor.events(), &book);
    }
    Ok(())
}

fn apply(book: &mut Book, event: &Event<'_>) {
    match &event.body {
        // A book that cannot apply a message is empty until the next snapshot: that is its state.
        Body::Depth(depth) => drop(book.apply(depth)),
        Body::Touch(touch) => drop(book.apply_touch(touch)),
        Body::Feed(feed) if !feed.connected => book.disconnect(),
        _ => {}
    }
}
