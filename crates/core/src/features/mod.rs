//! Numbers about the market, kept up to date event by event: each update is O(1), each feature is
//! one file with two methods, and each has a naive twin in its tests.
//!
//! Prices in features are in ticks and quantities in lots, as floats: features inform, they never
//! count money. A feature that is not ready is NaN, and whoever reads NaN does nothing.
