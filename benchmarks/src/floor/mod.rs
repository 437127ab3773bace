//! What the same work costs when nothing is asked for but the work: sketches that show the floor.
//! Floats and unchecked sums are good enough here; nothing trades with them.

pub(crate) mod bars;
pub(crate) mod l2book;
pub(crate) mod maker;
