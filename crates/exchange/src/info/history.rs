//! Questions about what happened to an account.

use flyball_core::domain::{DAY, MILLISECOND, Money};
use flyball_core::sim::OrderRecord;
use serde_json::{Value, json};

use crate::Address;
use crate::exchange::{Exchange, Reply};
use crate::history::{FillRow, History, Worth, page};
use crate::info::{not_understood, range};
use crate::shapes::{fill, order};
use crate::text;

/// Rows of an answer with fills or orders.
const MANY: usize = 2000;
/// Rows of a page of anything else.
const PAGE: usize = 500;
const DAY_MS: i64 = DAY / MILLISECOND;

impl Exchange {
    pub(super) fn history_info(
        &self,
        kind: &str,
        question: &Value,
        user: Address,
    ) -> Result<Value, Reply> {
        let nothing = History::default();
        let history = self.members.find(user).map_or(&nothing, |member| &member.history);
        let together = question.get("aggregateByTime").and_then(Value::as_bool).unwrap_or(false);
        Ok(match kind {
            "historicalOrders" => self.historical_orders(user),
            "userFills" => {
                let rows: Vec<&FillRow> = history.fills.iter().rev().take(MANY).collect();
                self.show_fill_rows(user, &rows, together)
            }
            "userFillsByTime" => {
                let rows = page(history.fills.iter(), |row| row.time_ms, range(question)?, MANY);
                self.show_fill_rows(user, &rows, together)
            }
            "userFunding" => {
                let rows = page(history.fundings.iter(), |row| row.time_ms, range(question)?, PAGE);
                let show = |row: &crate::history::FundingRow| {
                    Some(fill::funding(row, self.instrument(row.instrument)?))
                };
                rows.into_iter().filter_map(show).collect()
            }
            "userNonFundingLedgerUpdates" => {
                let rows = page(history.ledger.iter(), |row| row.time_ms, range(question)?, PAGE);
                rows.into_iter().map(fill::ledger).collect()
            }
            "portfolio" => self.portfolio(user, history),
            "userTwapSliceFills" | "userVaultEquities" => json!([]),
            _ => return Err(not_understood()),
        })
    }

    /// Every order once, with its last status, the newest first. That those which still rest are
    /// among them is assumed.
    fn historical_orders(&self, user: Address) -> Value {
        let Some(id) = self.account(user) else { return json!([]) };
        let mut all: Vec<&OrderRecord> = self.venue.orders(id).collect();
        all.extend(self.venue.history(id));
        all.sort_by_key(|it| std::cmp::Reverse((it.changed_ns, it.venue_order_id)));
        let show = |record: &OrderRecord| {
            Some(order::with_status(record, self.instrument(record.order.instrument)?))
        };
        all.into_iter().take(MANY).filter_map(show).collect()
    }

    /// Worth and profit by the hour, over four periods; perpetuals are all there is.
    fn portfolio(&self, user: Address, history: &History) -> Value {
        let now_ms = self.clock_ms();
        let mut samples: Vec<Worth> = history.worth.iter().copied().collect();
        if let Some(member) = self.members.find(user)
            && let Some(portfolio) = self.venue.portfolio(member.id)
        {
            let (equity, deposited) = (portfolio.equity(), portfolio.deposited());
            let volume = self.venue.volume(member.id);
            samples.push(Worth { time_ms: now_ms, equity, deposited, volume });
        }
        let periods = [("day", DAY_MS), ("week", 7 * DAY_MS), ("month", 30 * DAY_MS)];
        let periods = periods.into_iter().chain([("allTime", i64::MAX)]);
        let mut all = Vec::with_capacity(8);
        let mut perps = Vec::with_capacity(4);
        for (name, length) in periods {
            let period = period(&samples, now_ms.saturating_sub(length));
            let mut letters = name.chars();
            let first = letters.next().map(|it| it.to_ascii_uppercase()).unwrap_or_default();
            perps.push(json!([format!("perp{first}{}", letters.as_str()), period]));
            all.push(json!([name, period]));
        }
        all.append(&mut perps);
        Value::Array(all)
    }
}

fn period(samples: &[Worth], from_ms: i64) -> Value {
    let inside: Vec<&Worth> = samples.iter().filter(|it| it.time_ms >= from_ms).collect();
    let profit = |it: &Worth| it.equity.minus(it.deposited);
    let first = inside.first().map_or(Money::ZERO, |it| profit(it));
    let volume = inside
        .first()
        .zip(inside.last())
        .map_or(Money::ZERO, |(first, last)| last.volume.minus(first.volume));
    let worth: Vec<_> =
        inside.iter().map(|it| json!([it.time_ms, text::usdc(it.equity)])).collect();
    let profits: Vec<_> =
        inside.iter().map(|it| json!([it.time_ms, text::usdc(profit(it).minus(first))])).collect();
    json!({"accountValueHistory": worth, "pnlHistory": profits, "vlm": text::usdc(volume)})
}
