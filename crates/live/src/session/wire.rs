//! Between the venue's words and the session's: what is decoded elsewhere is put into the engine's
//! terms here.

use flyball_core::domain::{ClientOrderId, Instrument, InstrumentId, NetQty, Order, Price, Qty};
use flyball_venues::hyperliquid::sign::Address;
use flyball_venues::hyperliquid::{
    Answer, Asset, Assets, Cause, Cloid, EngineTag, Frame as Said, LedgerUpdate, OpenOrder,
    OrderId, OrderRequest, OrderUpdate, Outcome, Owner, Query, Refused, Reply, Stream, UserFill,
    info::{self, WorthPeriod},
    query_body,
};
use flyball_venues::{DecodeError, Listings, Number};

use crate::session::heard::{
    AccountView, Answered, Asked, Held, News, OpenOrder as Open, OrderNews, Placed, Prices,
    RequestsLeft, Whose,
};

/// An answer, on whichever way it came.
#[derive(Clone, Debug)]
pub(super) enum Came<'a> {
    /// None came.
    Nothing,
    /// Over HTTP.
    Http(u16, &'a [u8]),
    /// To an action, on the websocket.
    Action(Answer),
}

impl Came<'_> {
    /// Whether the venue is away: no answer, or one that says that it cannot give any.
    pub(super) const fn is_away(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Http(status, _) => *status >= 500,
            Self::Action(_) => false,
        }
    }
}

/// What a frame of the websocket was.
#[derive(Debug)]
pub(super) enum Frame {
    /// News of the account: they lie where the caller wanted them.
    News,
    /// The answer to an action.
    Answer { id: u64, answer: Answer },
    /// Nothing of ours.
    Control,
    /// It could not be understood.
    Malformed,
}

/// Decodes for one account.
#[derive(Debug)]
pub(super) struct Wire {
    user: Address,
    tag: EngineTag,
    assets: Assets,
    stream: Stream,
}

/// The websocket message with a signed action in it, byte for byte as it is sent over HTTP.
pub(super) fn posted(id: u64, body: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(body.len() + 96);
    message.extend_from_slice(br#"{"method":"post","id":"#);
    message.extend_from_slice(id.to_string().as_bytes());
    message.extend_from_slice(br#","request":{"type":"action","payload":"#);
    message.extend_from_slice(body);
    message.extend_from_slice(b"}}");
    message
}

impl Wire {
    pub(super) fn new(
        user: Address,
        tag: EngineTag,
        assets: Assets,
        instruments: &[Instrument],
    ) -> Self {
        // Names that come twice were refused when the assets were listed.
        let listings = Listings::of(instruments).unwrap_or_default();
        Self { user, tag, assets, stream: Stream::new(listings) }
    }

    const fn owner(&self) -> Owner<'_> {
        Owner { user: self.user, tag: self.tag, assets: &self.assets }
    }

    pub(super) fn asset_number(&self, instrument: InstrumentId) -> Option<u32> {
        self.assets.id(instrument).map(|asset| asset.number)
    }

    pub(super) fn order_request(&self, order: &Order) -> Option<OrderRequest> {
        OrderRequest::of(order, self.assets.id(order.instrument)?, self.tag).ok()
    }

    pub(super) fn frame(&mut self, text: &[u8], news: &mut Vec<News>) -> Frame {
        let said = self.stream.decode(text, 0, |_| Ok::<_, DecodeError>(()));
        match said {
            Ok(Said::Orders(updates)) => self.orders(&updates, news),
            Ok(Said::Fills(fills)) => self.fills(&fills.fills, news),
            Ok(Said::Events(events)) => self.fills(&events.fills, news),
            Ok(Said::Fundings(all)) => self.fundings(&all.fundings, news),
            Ok(Said::Ledger(ledger)) => self.transfers(&ledger.updates, news),
            Ok(Said::Posted(posted)) => match posted.reply {
                Reply::Action(answer) => Frame::Answer { id: posted.id, answer },
                Reply::Error(text) => {
                    Frame::Answer { id: posted.id, answer: Answer::of_error(&text) }
                }
                Reply::Info(_) => Frame::Control,
            },
            Ok(_) => Frame::Control,
            Err(_) => Frame::Malformed,
        }
    }

    fn orders(&self, updates: &[OrderUpdate], news: &mut Vec<News>) -> Frame {
        news.extend(updates.iter().filter_map(|it| self.order_news(it)).map(News::Order));
        Frame::News
    }

    fn order_news(&self, update: &OrderUpdate) -> Option<OrderNews> {
        let asset = self.assets.coin(&update.order.coin)?;
        Some(OrderNews {
            instrument: asset.id,
            whose: self.whose(update.order.cloid),
            venue_order_id: update.order.oid,
            status: update.status(),
            filled: filled(asset, &update.order),
        })
    }

    fn whose(&self, cloid: Option<Cloid>) -> Whose {
        self.owner().order(cloid).map_or(Whose::Foreign, Whose::Ours)
    }

    fn fills(&self, fills: &[UserFill], news: &mut Vec<News>) -> Frame {
        let mut sorted: Vec<_> = fills.iter().collect();
        sorted.sort_by_key(|fill| fill.time_ms);
        for fill in sorted {
            match (fill.time_ns(), fill.fill(&self.owner())) {
                (Ok(time_ns), Ok(Some(told))) => news.push(News::Fill(time_ns, told)),
                (Ok(_), Ok(None)) => {}
                _ => return Frame::Malformed,
            }
        }
        Frame::News
    }

    fn fundings(
        &self,
        all: &[flyball_venues::hyperliquid::Funding],
        news: &mut Vec<News>,
    ) -> Frame {
        for funding in all {
            match (funding.time_ns(), funding.payment(&self.owner())) {
                (Ok(time_ns), Some(payment)) => news.push(News::Funding(time_ns, payment)),
                (Ok(_), None) => {}
                (Err(_), _) => return Frame::Malformed,
            }
        }
        Frame::News
    }

    fn transfers(&self, all: &[LedgerUpdate], news: &mut Vec<News>) -> Frame {
        for update in all {
            let Ok(time_ns) = update.time_ns() else { return Frame::Malformed };
            let transfer = update.transfer(self.user);
            news.extend(transfer.map(|transfer| News::Transfer(time_ns, transfer)));
        }
        Frame::News
    }

    /// What became of an action with `count` orders in it.
    pub(super) fn action_answer(&self, came: Came<'_>, orders: &[InstrumentId]) -> Answered {
        let answer = match came {
            Came::Nothing => return Answered::Unclear,
            Came::Http(status, body) => match Answer::of_http(status, body) {
                Ok(answer) => answer,
                Err(_) => return Answered::Unclear,
            },
            Came::Action(answer) => answer,
        };
        match answer {
            Answer::Unknown(_) => Answered::Unclear,
            Answer::Done => Answered::Each(vec![Placed::Done]),
            Answer::Refused(Refused { cause, .. }) => match cause {
                Cause::NonceUsed => Answered::NonceUsed,
                Cause::RateLimited => Answered::Busy,
                cause => Answered::Refused(cause.reject_reason()),
            },
            each @ Answer::Each(_) if orders.is_empty() => {
                Answered::Each(each.outcomes(1).iter().map(|_| Placed::Done).collect())
            }
            each @ Answer::Each(_) => {
                let outcomes = each.outcomes(orders.len());
                let pairs = outcomes.iter().zip(orders);
                Answered::Each(pairs.map(|(outcome, id)| self.placed(outcome, *id)).collect())
            }
        }
    }

    fn placed(&self, outcome: &Outcome, instrument: InstrumentId) -> Placed {
        match outcome {
            Outcome::Resting { oid, .. } => Placed::Resting { venue_order_id: *oid },
            Outcome::Filled { oid, qty, .. } => match self.qty(*qty, instrument) {
                Some(qty) => Placed::Filled { venue_order_id: *oid, qty },
                None => Placed::Unclear,
            },
            Outcome::WaitingForFill | Outcome::WaitingForTrigger => {
                Placed::Resting { venue_order_id: 0 }
            }
            Outcome::Success => Placed::Done,
            Outcome::Refused(Refused { cause: Cause::NonceUsed, .. }) | Outcome::Unknown(_) => {
                Placed::Unclear
            }
            Outcome::Refused(refused) if refused.cause == Cause::Unfilled => Placed::Unfilled,
            Outcome::Refused(refused) => Placed::Rejected(refused.cause.reject_reason()),
        }
    }

    fn qty(&self, number: Number, instrument: InstrumentId) -> Option<Qty> {
        self.assets.id(instrument)?.qty.qty(number).ok()
    }

    pub(super) fn order_status(&self, came: &Came<'_>) -> Option<Asked> {
        match info::order_status(body(came)?).ok()? {
            info::Found::Order(update) => self.order_news(&update).map(Asked::Known),
            info::Found::Nothing => Some(Asked::Unknown),
            info::Found::Unknown(_) => None,
        }
    }

    pub(super) fn requests_left(came: &Came<'_>) -> Option<RequestsLeft> {
        let limit = info::rate_limit(body(came)?).ok()?;
        Some(RequestsLeft { used: limit.used, allowed: limit.cap.saturating_add(limit.surplus) })
    }

    pub(super) fn account(&self, came: &Came<'_>) -> Option<AccountView> {
        account_view(&self.assets, body(came)?)
    }

    pub(super) fn open_orders(&self, came: &Came<'_>) -> Option<Vec<Open>> {
        let orders = info::open_orders(body(came)?).ok()?;
        let open = |order: &OpenOrder| {
            let asset = self.assets.coin(&order.coin);
            Open {
                instrument: asset.map(|asset| asset.id),
                whose: self.whose(order.cloid),
                venue_order_id: order.oid,
                filled: asset.and_then(|asset| filled(asset, order)),
                can_add: order.reduce_only != Some(true),
            }
        };
        Some(orders.iter().map(open).collect())
    }

    /// Fills of an answer; how many there were.
    pub(super) fn user_fills(&self, came: &Came<'_>, news: &mut Vec<News>) -> Option<usize> {
        let fills = info::user_fills(body(came)?).ok()?;
        matches!(self.fills(&fills, news), Frame::News).then_some(fills.len())
    }

    pub(super) fn user_funding(&self, came: &Came<'_>, news: &mut Vec<News>) -> Option<usize> {
        let all = info::user_funding(body(came)?).ok()?;
        matches!(self.fundings(&all, news), Frame::News).then_some(all.len())
    }

    pub(super) fn user_ledger(&self, came: &Came<'_>, news: &mut Vec<News>) -> Option<usize> {
        let all = info::user_ledger(body(came)?).ok()?;
        matches!(self.transfers(&all, news), Frame::News).then_some(all.len())
    }

    /// What the perpetuals' account was worth, period by period.
    pub(super) fn worth_history(came: &Came<'_>) -> Option<Vec<WorthPeriod>> {
        let mut periods = info::worth_history(body(came)?).ok()?;
        periods.retain(|period| period.name.starts_with("perp"));
        Some(periods)
    }

    pub(super) fn prices(&self, came: &Came<'_>) -> Option<Vec<Prices>> {
        let (meta, contexts) = info::meta_and_contexts(body(came)?).ok()?;
        let mut all = Vec::new();
        for (perp, context) in meta.universe.iter().zip(&contexts) {
            let Some(asset) = self.assets.coin(&perp.name) else { continue };
            let price = |number| asset.price.nearest(number).ok().map(Price::from_ticks);
            if let (Some(mark), Some(oracle)) = (price(context.mark), price(context.oracle)) {
                all.push(Prices { instrument: asset.id, mark, oracle });
            }
        }
        Some(all)
    }

    pub(super) fn ask(query: &Query<'_>) -> Option<(Vec<u8>, u32)> {
        let weight = u32::try_from(query.weight()).ok()?;
        query_body(query).ok().map(|body| (body, weight))
    }

    pub(super) fn ask_status(&self, order: ClientOrderId) -> Option<(Vec<u8>, u32)> {
        let oid = OrderId::Client(Cloid::new(self.tag, order));
        Self::ask(&Query::OrderStatus { user: self.user, oid })
    }
}

/// The account as an answer to `clearinghouseState` has it.
pub(crate) fn account_view(assets: &Assets, answer: &[u8]) -> Option<AccountView> {
    let state = info::clearinghouse(answer).ok()?;
    let (mut held, mut foreign) = (Vec::new(), Vec::new());
    let mut money = state.margin_summary.total_raw;
    for position in &state.positions {
        match assets.coin(&position.coin) {
            Some(asset) => {
                let qty = position.net_qty(asset).ok()?;
                let isolated = position.leverage.kind == info::MarginMode::Isolated;
                held.push(Held { instrument: asset.id, qty, isolated });
            }
            None if position.qty.mantissa() != 0 => {
                let short = position.qty.mantissa() < 0;
                let value = if short { position.value.negated() } else { position.value };
                money = money.plus(value).minus(position.unrealized_pnl);
                foreign.push(position.coin.clone());
            }
            None => {}
        }
    }
    let held: Vec<Held> = held.into_iter().filter(|it| it.qty != NetQty::FLAT).collect();
    let time_ns = state.time_ms?.checked_mul(1_000_000)?;
    let equity = state.margin_summary.account_value;
    Some(AccountView { time_ns, equity, money, held, foreign })
}

fn body<'a>(came: &Came<'a>) -> Option<&'a [u8]> {
    match came {
        Came::Http(200, body) => Some(body),
        _ => None,
    }
}

/// What was filled of an order: its size when it was placed, less what is left. Unknown for one
/// that follows its position.
fn filled(asset: &Asset, order: &OpenOrder) -> Option<Qty> {
    if order.is_position_tpsl == Some(true) {
        return None;
    }
    let placed = asset.qty.qty(order.original_qty?).ok()?;
    let left = asset.qty.qty(order.qty).ok()?;
    (placed >= left).then(|| placed.minus(left))
}
