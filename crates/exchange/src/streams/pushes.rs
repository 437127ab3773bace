//! What the venue says over websockets.

use std::sync::Arc;

use flyball_core::domain::{InstrumentId, MarginMode, Qty, Side};
use flyball_core::sim::{DepthLevel, OrderRecord, Report};
use serde_json::{Value, json};

use crate::exchange::{Exchange, Payload, Push, PushKind};
use crate::history::{FillRow, FundingRow};
use crate::shapes::market::{Around, TradeRow, coarsened, twice_mid};
use crate::shapes::{account, fill, market, order};
use crate::streams::Topic;
use crate::{Address, ConnId, text};

/// Levels that are looked at to make a coarse book.
const DEEP: usize = 400;
/// Rows of a first message.
const SNAPSHOT: usize = 2000;
/// What is traded to see the impact, in US dollars.
const IMPACT: i64 = 20_000;

impl Exchange {
    /// Send a message over one connection.
    pub(crate) fn send(&mut self, conn: ConnId, kind: PushKind, message: &Value) {
        self.send_to(&[conn], kind, message);
    }

    fn send_to(&mut self, conns: &[ConnId], kind: PushKind, message: &Value) {
        if conns.is_empty() {
            return;
        }
        let text: Arc<str> = message.to_string().into();
        for &conn in conns {
            if let Some(connection) = self.streams.connections.get_mut(&conn) {
                connection.sent_ns = self.now_ns;
                let payload = Payload::Text(Arc::clone(&text));
                self.pushes.push(Push { conn, time_ns: self.now_ns, kind, payload });
            }
        }
    }

    /// Send to all who listen to a topic.
    fn publish(&mut self, topic: &Topic, channel: &str, data: impl FnOnce(&Self) -> Value) {
        let conns = self.streams.listeners(topic);
        if conns.is_empty() {
            return;
        }
        let kind = if topic.user().is_some() { PushKind::User } else { PushKind::Market };
        let message = json!({"channel": channel, "data": data(self)});
        self.send_to(&conns, kind, &message);
    }

    /// Close a connection from this side.
    pub(crate) fn cut(&mut self, conn: ConnId) {
        let (time_ns, kind) = (self.now_ns, PushKind::Control);
        self.pushes.push(Push { conn, time_ns, kind, payload: Payload::Close });
        self.close(conn);
    }

    /// Something about an instrument changed.
    pub(crate) fn touch_feed(&mut self, id: InstrumentId) {
        self.streams.touch(id);
    }

    /// Send what is due.
    pub(crate) fn push_due(&mut self) {
        if self.streams.connections.is_empty() {
            return;
        }
        for conn in self.streams.idle(self.now_ns) {
            self.cut(conn);
        }
        let now_ns = self.now_ns;
        for at in 0..self.streams.feeds.len() {
            let id = InstrumentId::new(u16::try_from(at).unwrap_or(u16::MAX));
            let Some(feed) = self.streams.feeds.get_mut(at) else { break };
            let trades = std::mem::take(&mut feed.trades);
            let touched = std::mem::take(&mut feed.touched);
            let (book, slow) = (feed.book.take(now_ns), feed.slow.take(now_ns));
            if !trades.is_empty() {
                self.publish(&Topic::Trades(id), "trades", |it| it.show_trades(id, &trades));
            }
            if touched {
                self.push_bbo(id);
            }
            if book {
                for topic in self.streams.topics_of(id, |it| matches!(it, Topic::Book(..))) {
                    self.publish(&topic, "l2Book", |it| it.show_book(&topic));
                }
            }
            if slow {
                self.push_slow(id);
            }
        }
        if self.streams.mids.take(now_ns) {
            self.publish(&Topic::AllMids, "allMids", |it| json!({"mids": it.mids()}));
        }
    }

    fn push_bbo(&mut self, id: InstrumentId) {
        let topic = Topic::Bbo(id);
        if !self.streams.has_listeners(&topic) {
            return;
        }
        let best = self.best(id);
        let Some(feed) = self.streams.feeds.get_mut(id.index()) else { return };
        if feed.best.replace(best) != Some(best) {
            self.publish(&topic, "bbo", |it| it.show_bbo(id, best));
        }
    }

    fn push_slow(&mut self, id: InstrumentId) {
        self.publish(&Topic::Context(id), "activeAssetCtx", |it| it.show_active(id));
        for topic in self.streams.topics_of(id, |it| matches!(it, Topic::Candle(..))) {
            if let Some(data) = self.show_candle(&topic) {
                self.publish(&topic, "candle", |_| data);
            }
        }
        for topic in self.streams.topics_of(id, |it| matches!(it, Topic::AssetData(..))) {
            self.publish(&topic, "activeAssetData", |it| it.show_asset_data(&topic));
        }
    }

    /// The first message of a stream.
    pub(crate) fn begin(&mut self, conn: ConnId, topic: &Topic) {
        let (channel, data) = match topic {
            Topic::AllMids => ("allMids", json!({"mids": self.mids()})),
            Topic::Book(..) => ("l2Book", self.show_book(topic)),
            Topic::Bbo(id) => {
                let best = self.best(*id);
                if let Some(feed) = self.streams.feeds.get_mut(id.index()) {
                    feed.best = Some(best);
                }
                ("bbo", self.show_bbo(*id, best))
            }
            Topic::Trades(id) => {
                let Some(board) = self.boards.get(id.index()) else { return };
                let recent: Vec<TradeRow> = board.trades.iter().copied().collect();
                if recent.is_empty() {
                    return;
                }
                ("trades", self.show_trades(*id, &recent))
            }
            Topic::Context(id) => ("activeAssetCtx", self.show_active(*id)),
            Topic::Candle(..) => {
                let Some(data) = self.show_candle(topic) else { return };
                ("candle", data)
            }
            Topic::AssetData(..) => ("activeAssetData", self.show_asset_data(topic)),
            Topic::UserFills(user, aggregated) => {
                ("userFills", self.show_fills(*user, *aggregated))
            }
            Topic::UserFundings(user) => ("userFundings", self.show_fundings(*user)),
            Topic::Ledger(user) => ("userNonFundingLedgerUpdates", self.show_ledger(*user)),
            Topic::WebData(user) => ("webData2", self.web_data(*user)),
            Topic::OrderUpdates(_) | Topic::UserEvents(_) | Topic::Notification(_) => return,
        };
        let kind = if topic.user().is_some() { PushKind::User } else { PushKind::Market };
        self.send(conn, kind, &json!({"channel": channel, "data": data}));
    }

    /// The best bid and ask with all that rests there.
    pub(crate) fn best(&self, id: InstrumentId) -> [Option<DepthLevel>; 2] {
        [Side::Bid, Side::Ask].map(|side| self.venue.depth(id, side, 1).first().copied())
    }

    /// A book, coarsened as the topic asks.
    pub(crate) fn show_book(&self, topic: &Topic) -> Value {
        let Topic::Book(id, coarse) = topic else { return Value::Null };
        let Some(instrument) = self.instrument(*id) else { return Value::Null };
        let most = if coarse.is_some() { DEEP } else { market::LEVELS };
        let sides = [Side::Bid, Side::Ask]
            .map(|side| coarsened(&self.venue.depth(*id, side, most), side, *coarse));
        market::book(instrument, &sides, self.clock_ms())
    }

    fn show_bbo(&self, id: InstrumentId, best: [Option<DepthLevel>; 2]) -> Value {
        let instrument = self.instrument(id);
        instrument.map_or(Value::Null, |it| market::bbo(it, best, self.clock_ms()))
    }

    pub(crate) fn show_trades(&self, id: InstrumentId, rows: &[TradeRow]) -> Value {
        let Some(instrument) = self.instrument(id) else { return Value::Null };
        rows.iter().map(|row| market::trade(instrument, row)).collect()
    }

    fn show_candle(&self, topic: &Topic) -> Option<Value> {
        let Topic::Candle(id, interval) = topic else { return None };
        let (length, candle) = self.boards.get(id.index())?.candles.last(interval)?;
        Some(market::candle(self.instrument(*id)?, interval, length, &candle))
    }

    /// What stands around a context.
    pub(crate) fn around(&self, id: InstrumentId) -> Around {
        let best = self.best(id).map(|it| it.map(|it| it.level.price));
        let held = |member: &crate::accounts::Member| {
            let qty = self.venue.portfolio(member.id).map(|it| it.qty(id)).unwrap_or_default();
            if qty.is_long() { qty.abs() } else { Qty::ZERO }
        };
        let open_interest =
            self.members.all().iter().fold(Qty::ZERO, |sum, member| sum.plus(held(member)));
        let impact = |side| {
            let value = flyball_core::domain::Money::from_whole(IMPACT);
            let instrument = self.instrument(id)?;
            let mut left = value;
            let levels = self.venue.depth(id, side, market::LEVELS);
            let deep = levels.iter().find(|it| {
                left = left.minus(instrument.value(it.level.price, it.level.qty));
                left <= flyball_core::domain::Money::ZERO
            });
            deep.or(levels.last()).map(|it| it.level.price)
        };
        let impact = impact(Side::Bid).zip(impact(Side::Ask)).map(|(bid, ask)| [bid, ask]);
        Around { best, impact, open_interest }
    }

    /// The context of a market.
    pub(crate) fn show_context(&self, id: InstrumentId) -> Value {
        let (Some(instrument), Some(board)) = (self.instrument(id), self.boards.get(id.index()))
        else {
            return Value::Null;
        };
        market::context(instrument, &board.context, &self.around(id))
    }

    fn show_active(&self, id: InstrumentId) -> Value {
        let coin = self.instrument(id).map_or("", |it| it.symbol().as_str());
        json!({"coin": coin, "ctx": self.show_context(id)})
    }

    fn show_asset_data(&self, topic: &Topic) -> Value {
        let Topic::AssetData(user, id) = topic else { return Value::Null };
        self.asset_data(*user, *id)
    }

    /// What an account may trade of an instrument.
    pub(crate) fn asset_data(&self, user: Address, id: InstrumentId) -> Value {
        let Some(instrument) = self.instrument(id) else { return Value::Null };
        let account = self.account(user);
        let (sizes, values) = match account {
            Some(account) => account::trading_room(&self.venue, account, instrument),
            None => Default::default(),
        };
        let leverage = match account {
            Some(account) => account::leverage(&self.venue, account, id),
            None => json!({"type": "cross", "value": 1}),
        };
        let mark = self.venue.mark(id).map(|mark| text::price(instrument, mark));
        json!({
            "user": user,
            "coin": instrument.symbol().as_str(),
            "leverage": leverage,
            "maxTradeSzs": sizes,
            "availableToTrade": values,
            "markPx": mark,
        })
    }

    /// The middle of every book that has one.
    pub(crate) fn mids(&self) -> Value {
        let all = self.markets.instruments().iter().filter_map(|it| {
            let best = self.best(it.id()).map(|it| it.map(|it| it.level.price));
            let mid = text::half(it, twice_mid(best)?);
            Some((it.symbol().as_str().to_owned(), json!(mid)))
        });
        Value::Object(all.collect())
    }

    fn show_fill(&self, user: Address, row: &FillRow) -> Option<Value> {
        let liquidated = || {
            let id = row.traded.and_then(|it| it.liquidated);
            id.and_then(|id| self.members.by_id(id)).map(|it| it.address).or(Some(user))
        };
        Some(fill::fill(row, self.instrument(row.fill.instrument)?, liquidated))
    }

    /// Fills, each as the venue tells it.
    pub(crate) fn show_fill_rows(&self, user: Address, rows: &[&FillRow], together: bool) -> Value {
        if together {
            let rows = fill::aggregated(rows);
            return rows.iter().filter_map(|row| self.show_fill(user, row)).collect();
        }
        rows.iter().filter_map(|row| self.show_fill(user, row)).collect()
    }

    fn show_fills(&self, user: Address, together: bool) -> Value {
        let fills = self.members.find(user).map(|it| &it.history.fills);
        let rows: Vec<&FillRow> =
            fills.map_or_else(Vec::new, |rows| rows.iter().rev().take(SNAPSHOT).collect());
        let fills = self.show_fill_rows(user, &rows, together);
        json!({"isSnapshot": true, "user": user, "fills": fills})
    }

    fn show_fundings(&self, user: Address) -> Value {
        let rows = self.members.find(user).map(|it| &it.history.fundings);
        let show = |row| Some(fill::funding_event(row, self.instrument(row.instrument)?));
        let rows: Vec<_> = rows.map_or_else(Vec::new, |rows| {
            rows.iter().rev().take(SNAPSHOT).filter_map(show).collect()
        });
        json!({"isSnapshot": true, "user": user, "fundings": rows})
    }

    fn show_ledger(&self, user: Address) -> Value {
        let rows = self.members.find(user).map(|it| &it.history.ledger);
        let rows: Vec<_> = rows.map_or_else(Vec::new, |rows| {
            rows.iter().rev().take(SNAPSHOT).map(fill::ledger).collect()
        });
        json!({"isSnapshot": true, "user": user, "nonFundingLedgerUpdates": rows})
    }

    /// A trade, to be sent with the others of this moment.
    pub(crate) fn push_trade(&mut self, id: InstrumentId, row: TradeRow) {
        let listening = self.streams.has_listeners(&Topic::Trades(id));
        if let Some(feed) = self.streams.feeds.get_mut(id.index()).filter(|_| listening) {
            feed.trades.push(row);
        }
    }

    pub(crate) fn push_order(&mut self, user: Address, report: &Report) {
        let Some(record) = report.order else { return };
        self.publish(&Topic::OrderUpdates(user), "orderUpdates", |it| {
            let instrument = it.instrument(record.order.instrument);
            instrument.map_or(Value::Null, |instrument| json!([order::update(&record, instrument)]))
        });
    }

    /// The venue cancelled an order by itself.
    pub(crate) fn push_cancelled(&mut self, user: Address, record: &OrderRecord) {
        let (id, oid) = (record.order.instrument, record.venue_order_id.raw());
        self.publish(&Topic::UserEvents(user), "user", |it| {
            let coin = it.instrument(id).map_or("", |it| it.symbol().as_str());
            json!({"nonUserCancel": [{"coin": coin, "oid": oid}]})
        });
    }

    pub(crate) fn push_fill(&mut self, user: Address, row: &FillRow) {
        let Some(told) = self.show_fill(user, row) else { return };
        self.publish(&Topic::UserEvents(user), "user", |_| json!({"fills": [told]}));
        for together in [false, true] {
            self.publish(
                &Topic::UserFills(user, together),
                "userFills",
                |_| json!({"user": user, "fills": [told]}),
            );
        }
    }

    pub(crate) fn push_funding(&mut self, user: Address, row: &FundingRow) {
        let Some(instrument) = self.instrument(row.instrument) else { return };
        let told = fill::funding_event(row, instrument);
        self.publish(&Topic::UserEvents(user), "user", |_| json!({"funding": told}));
        self.publish(
            &Topic::UserFundings(user),
            "userFundings",
            |_| json!({"user": user, "fundings": [told]}),
        );
    }

    pub(crate) fn push_ledger(&mut self, user: Address, told: &Value) {
        self.publish(
            &Topic::Ledger(user),
            "userNonFundingLedgerUpdates",
            |_| json!({"user": user, "nonFundingLedgerUpdates": [told]}),
        );
    }

    /// The venue liquidated an account: its user is told, and its ledger.
    pub(crate) fn note_liquidation(&mut self, user: Address, report: &Report) {
        let flyball_core::domain::Body::Fill(filled) = report.body else { return };
        let Some(instrument) = self.instrument(filled.instrument) else { return };
        let equity =
            self.venue.portfolio(report.account).map(flyball_core::portfolio::Portfolio::equity);
        let value = text::usdc(instrument.value(filled.price, filled.qty));
        let equity = equity.map_or("0.0".to_owned(), text::usdc);
        let (coin, size) = (instrument.symbol().as_str(), text::qty(instrument, filled.qty));
        let mode = match self.venue.margin_mode(report.account, filled.instrument) {
            MarginMode::Cross => "Cross",
            MarginMode::Isolated => "Isolated",
        };
        let delta = json!({
            "type": "liquidation",
            "liquidatedNtlPos": value,
            "accountValue": equity,
            "leverageType": mode,
            "liquidatedPositions": [{"coin": coin, "szi": size}],
        });
        let told = json!({"liquidation": {
            "lid": filled.trade_id,
            "liquidator": Address::default(),
            "liquidated_user": user,
            "liquidated_ntl_pos": value,
            "liquidated_account_value": equity,
        }});
        self.publish(&Topic::UserEvents(user), "user", |_| told);
        self.write_ledger(&[user], &delta);
    }
}
