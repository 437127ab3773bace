//! How positions are margined.

use serde::{Deserialize, Serialize};

/// How a position is margined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarginMode {
    /// By all of the account's money: it can lose all of it.
    #[default]
    Cross,
    /// By money that is set aside for it: it can lose that and no more.
    Isolated,
}
