//! What a request weighs.

/// Weight of an action: 1 for each 40 of its batch, and one.
pub fn exchange_weight(batch: usize) -> u32 {
    let more = batch.checked_div(40).unwrap_or(0);
    u32::try_from(more).unwrap_or(u32::MAX).saturating_add(1)
}

/// Weight of a question, before its answer is known.
pub fn info_weight(kind: &str) -> u32 {
    match kind {
        "l2Book"
        | "allMids"
        | "clearinghouseState"
        | "orderStatus"
        | "spotClearinghouseState"
        | "exchangeStatus" => 2,
        "userRole" => 60,
        _ => 20,
    }
}

/// What an answer of so many rows weighs on top.
pub fn extra_weight(kind: &str, rows: usize) -> u32 {
    let per = match kind {
        "recentTrades"
        | "historicalOrders"
        | "userFills"
        | "userFillsByTime"
        | "fundingHistory"
        | "userFunding"
        | "userNonFundingLedgerUpdates" => 20,
        "candleSnapshot" => 60,
        _ => return 0,
    };
    u32::try_from(rows.checked_div(per).unwrap_or(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_the_documented_ones() {
        assert_eq!([0, 1, 39, 40, 79, 80].map(exchange_weight), [1, 1, 1, 2, 2, 3]);
        assert_eq!(info_weight("l2Book"), 2);
        assert_eq!(info_weight("userRole"), 60);
        assert_eq!(info_weight("meta"), 20);
        assert_eq!(extra_weight("userFills", 2000), 100);
        assert_eq!(extra_weight("candleSnapshot", 5000), 83);
        assert_eq!(extra_weight("meta", 2000), 0);
    }
}
