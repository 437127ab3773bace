//! Reports of flattens: what was held, what was sent, what traded and at which price, what the
//! venue confirmed, what it cost. Each is signed with the agent's key and holds the hash of the one
//! before, so that none can be changed or taken away unseen.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use flyball_core::domain::{
    Body, CommandOf, Event, Fill, Instrument, InstrumentId, Money, Notice, Order, Price, Purpose,
    Scope, Side,
};
use flyball_core::engine::Engine;
use flyball_core::risk::Approved;
use flyball_venues::hyperliquid::sign::{Address, Signature, SigningKey, attest, attested_by};
use serde_json::{Map, Value, json};

/// The journal's hash is waited for this long.
const HASH_WITHIN: Duration = Duration::from_secs(2);
/// More orders or reads than this are counted, not listed.
const LISTED: usize = 1_000;

/// A report whose journal hash is still to come.
#[derive(Debug)]
pub struct Draft {
    body: Map<String, Value>,
    hash: Option<Receiver<[u8; 32]>>,
}

/// The reports of a state folder.
#[derive(Debug)]
pub struct Reports {
    folder: PathBuf,
    key: SigningKey,
}

impl Reports {
    /// Reports of this state folder, signed with this key.
    pub fn of(state: &Path, key: SigningKey) -> Self {
        Self { folder: state.join("reports"), key }
    }

    /// Where they lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Sign a report and keep it, on the disk. Where it lies.
    ///
    /// # Errors
    ///
    /// [`io::Error`].
    pub fn write(&self, draft: Draft) -> io::Result<PathBuf> {
        fs::create_dir_all(&self.folder)?;
        let last = numbers(&self.folder)?.into_iter().max();
        let before = match last {
            Some(number) => Some(blake3::hash(&fs::read(path(&self.folder, number))?)),
            None => None,
        };
        let number = last.map_or(1, |last| last.saturating_add(1));
        let Draft { mut body, hash } = draft;
        let journal = hash.and_then(|hash| hash.recv_timeout(HASH_WITHIN).ok());
        body.insert("journal_hash".into(), json!(journal.map(|it| hex(&it))));
        body.insert("number".into(), json!(number));
        body.insert("previous".into(), json!(before.map(|it| it.to_hex().to_string())));
        let signed = sign(&Value::Object(body), &self.key);
        let path = path(&self.folder, number);
        let draft = path.with_extension("new");
        let mut file = File::create(&draft)?;
        file.write_all(format!("{}\n", serde_json::to_string_pretty(&signed)?).as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &path)?;
        File::open(&self.folder)?.sync_all()?;
        Ok(path)
    }
}

fn path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("flatten-{number:06}.json"))
}

fn numbers(folder: &Path) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number =
            name.to_str().and_then(|it| it.strip_prefix("flatten-")?.strip_suffix(".json"));
        found.extend(number.and_then(|it| it.parse::<u32>().ok()));
    }
    Ok(found)
}

/// The bytes that are signed: keys in order, nothing between the words.
fn canonical(value: &Value) -> String {
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let keys: BTreeMap<&String, Value> =
                    map.iter().map(|(key, value)| (key, sorted(value))).collect();
                keys.into_iter().map(|(key, value)| (key.clone(), value)).collect()
            }
            Value::Array(items) => items.iter().map(sorted).collect(),
            other => other.clone(),
        }
    }
    sorted(value).to_string()
}

fn sign(report: &Value, key: &SigningKey) -> Value {
    let signature = attest(key, canonical(report).as_bytes());
    json!({"report": report, "signer": key.address(), "signature": signature})
}

/// What is wrong with a report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// It cannot be read.
    #[error("{path}: {reason}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It is not what was signed.
    #[error("{path}: signed by {signer} is not what stands there: it was changed")]
    Changed {
        /// Which.
        path: PathBuf,
        /// Who is said to have signed it.
        signer: Address,
    },
    /// The one before it is not the one that it names.
    #[error("{path}: the report before it was changed, or is not there")]
    Chain {
        /// Which.
        path: PathBuf,
    },
}

/// A report that is what was signed.
#[derive(Debug)]
pub struct Verified {
    /// Who signed it.
    pub signer: Address,
    /// What it says.
    pub report: Value,
    /// Whether the one before it was there and is the one that it names; `None` for the first.
    pub chained: Option<bool>,
}

/// Verify a report, and that the one before it in its folder is the one that it names.
///
/// # Errors
///
/// [`ReportError`].
pub fn verify(path: &Path) -> Result<Verified, ReportError> {
    let unreadable = |reason: String| ReportError::Unreadable { path: path.to_owned(), reason };
    let bytes = fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let whole: Value = serde_json::from_slice(&bytes).map_err(|e| unreadable(e.to_string()))?;
    let part = |key: &str| whole.get(key).cloned().unwrap_or_default();
    let no_report = |error: serde_json::Error| unreadable(format!("is no report: {error}"));
    let signer: Address = serde_json::from_value(part("signer")).map_err(no_report)?;
    let signature: Signature = serde_json::from_value(part("signature")).map_err(no_report)?;
    let report = part("report");
    let told = attested_by(canonical(&report).as_bytes(), &signature);
    if told.ok() != Some(signer) {
        return Err(ReportError::Changed { path: path.to_owned(), signer });
    }
    let before = report.get("previous").and_then(Value::as_str);
    let number = report.get("number").and_then(Value::as_u64).unwrap_or(0);
    let chained = match (before, u32::try_from(number.saturating_sub(1))) {
        (Some(before), Ok(number)) => {
            let folder = path.parent().unwrap_or(Path::new("."));
            let found = fs::read(self::path(folder, number)).ok();
            let same = found.is_some_and(|it| blake3::hash(&it).to_hex().as_str() == before);
            if !same {
                return Err(ReportError::Chain { path: path.to_owned() });
            }
            Some(true)
        }
        _ => None,
    };
    Ok(Verified { signer, report, chained })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
}

/// Looks on while the account is flattened.
#[derive(Debug, Default)]
pub struct Flattening {
    now: Option<Record>,
}

#[derive(Debug)]
struct Record {
    reason: String,
    trigger: String,
    started_ns: i64,
    /// What was held, and the mark, when it began.
    held: Vec<(InstrumentId, i64, Option<Price>)>,
    sent: Vec<(i64, Order)>,
    fills: Vec<(i64, Fill)>,
    cancels: u64,
    reads: Vec<Value>,
    dust: Vec<(InstrumentId, i64)>,
    late: u32,
    not_listed: u64,
}

impl Record {
    fn listed<T>(list: &mut Vec<T>, not_listed: &mut u64, one: T) {
        if list.len() < LISTED {
            list.push(one);
        } else {
            *not_listed = not_listed.saturating_add(1);
        }
    }
}

impl Flattening {
    /// Whether a flatten of everything goes on.
    pub const fn is_on(&self) -> bool {
        self.now.is_some()
    }

    /// The engine took in an event.
    pub fn event(&mut self, event: &Event<'_>) {
        let Some(record) = &mut self.now else { return };
        match &event.body {
            Body::Fill(fill) => {
                let one = (event.time_ns, *fill);
                Record::listed(&mut record.fills, &mut record.not_listed, one);
            }
            Body::Position(report) => {
                let one = json!({
                    "answered_ns": event.received_ns, "request": report.request,
                    "instrument": report.instrument.raw(), "position": report.position.lots(),
                    "open_orders": report.open_orders,
                });
                Record::listed(&mut record.reads, &mut record.not_listed, one);
            }
            _ => {}
        }
    }

    /// The engine gives a command. A draft when there is something to report.
    pub fn command(
        &mut self,
        command: &CommandOf<Approved<Order>>,
        engine: &Engine,
        trigger: Option<&str>,
    ) -> Option<Map<String, Value>> {
        let now_ns = engine.now_ns();
        if let CommandOf::Notice(Notice::FlattenStarted { scope: Scope::All, reason }) = command
            && self.now.is_none()
        {
            self.now = Some(begun(engine, reason.as_str(), trigger));
        }
        let record = self.now.as_mut()?;
        match command {
            CommandOf::Submit(order) if closes(order.get()) => {
                let one = (now_ns, *order.get());
                Record::listed(&mut record.sent, &mut record.not_listed, one);
            }
            CommandOf::Cancel { .. } => record.cancels = record.cancels.saturating_add(1),
            CommandOf::ReadAccount { request } => {
                let one = json!({"asked_ns": now_ns, "request": request});
                Record::listed(&mut record.reads, &mut record.not_listed, one);
            }
            CommandOf::Notice(Notice::Dust { instrument, position }) => {
                record.dust.push((*instrument, position.lots()));
            }
            CommandOf::Notice(Notice::FlattenLate { .. }) => {
                record.late = record.late.saturating_add(1);
                // The first, the second, the fourth, the eighth …
                if record.late.is_power_of_two() {
                    return Some(told(record, engine, "late"));
                }
            }
            _ => {}
        }
        None
    }

    /// Once the engine flattens no more: what is to be reported of it.
    pub fn ended(&mut self, engine: &Engine) -> Option<Map<String, Value>> {
        if engine.is_flattening() {
            return None;
        }
        let record = self.now.take()?;
        let outcome = if engine.portfolio().is_flat() { "flat" } else { "dust" };
        Some(told(&record, engine, outcome))
    }
}

/// A report and where its journal hash will come from.
pub const fn draft(body: Map<String, Value>, hash: Option<Receiver<[u8; 32]>>) -> Draft {
    Draft { body, hash }
}

const fn closes(order: &Order) -> bool {
    matches!(order.purpose, Purpose::Flatten | Purpose::Exit)
}

fn begun(engine: &Engine, reason: &str, trigger: Option<&str>) -> Record {
    let held = |instrument: &Instrument| {
        let id = instrument.id();
        let position = engine.portfolio().position(id);
        let mark = position.and_then(flyball_core::portfolio::Position::mark);
        (id, engine.portfolio().qty(id).lots(), mark)
    };
    Record {
        reason: reason.to_owned(),
        trigger: trigger.unwrap_or(reason).to_owned(),
        started_ns: engine.now_ns(),
        held: engine.instruments().iter().map(held).collect(),
        sent: Vec::new(),
        fills: Vec::new(),
        cancels: 0,
        reads: Vec::new(),
        dust: Vec::new(),
        late: 0,
        not_listed: 0,
    }
}

/// What closing cost against the mark at the start, and in fees.
fn cost(record: &Record, engine: &Engine) -> (Money, Money) {
    let (mut slipped, mut fees) = (Money::ZERO, Money::ZERO);
    for (_, fill) in &record.fills {
        fees = fees.plus(fill.fee);
        let instrument = engine.instruments().get(fill.instrument.index());
        let began = record.held.iter().find(|(id, ..)| *id == fill.instrument);
        let (Some(instrument), Some((_, _, Some(mark)))) = (instrument, began) else {
            slipped = Money::UNKNOWN;
            continue;
        };
        let (at_mark, got) =
            (instrument.value(*mark, fill.qty), instrument.value(fill.price, fill.qty));
        slipped = slipped.plus(match fill.side {
            Side::Ask => at_mark.minus(got),
            Side::Bid => got.minus(at_mark),
        });
    }
    (slipped, fees)
}

fn told(record: &Record, engine: &Engine, outcome: &str) -> Map<String, Value> {
    let symbol = |id: InstrumentId| {
        engine.instruments().get(id.index()).map_or("?", |it| it.symbol().as_str())
    };
    let fill = |(time_ns, fill): &(i64, Fill)| {
        json!({
            "time_ns": time_ns, "price": fill.price.ticks(), "qty": fill.qty.lots(),
            "fee": fill.fee.to_string(), "trade_id": fill.trade_id,
        })
    };
    let fills_of = |order: Option<&Order>| -> Vec<Value> {
        let one = |it: &&(i64, Fill)| match order {
            Some(order) => it.1.client_order_id == order.client_order_id,
            None => !record.sent.iter().any(|(_, o)| o.client_order_id == it.1.client_order_id),
        };
        record.fills.iter().filter(one).map(fill).collect()
    };
    let attempt = |(time_ns, order): &(i64, Order)| {
        json!({
            "time_ns": time_ns, "instrument": symbol(order.instrument),
            "order": order.client_order_id.raw(),
            "side": if order.side == Side::Bid { "buy" } else { "sell" },
            "price": order.price.ticks(), "qty": order.qty.lots(), "fills": fills_of(Some(order)),
        })
    };
    let units = |instrument: &Instrument| {
        json!({
            "symbol": instrument.symbol().as_str(),
            "tick_size": instrument.tick_size().to_string(),
            "lot_size": instrument.lot_size().to_string(),
        })
    };
    let held = record.held.iter().map(|(id, lots, mark)| {
        json!({
            "instrument": symbol(*id), "position": lots,
            "mark": mark.map(Price::ticks), "left": engine.portfolio().qty(*id).lots(),
        })
    });
    let dust = record.dust.iter();
    let dust = dust.map(|(id, lots)| json!({"instrument": symbol(*id), "position": lots}));
    let (slipped, fees) = cost(record, engine);
    let now_ns = engine.now_ns();
    let whole = json!({
        "kind": "flatten",
        "outcome": outcome,
        "reason": record.reason,
        "trigger": record.trigger,
        "started_ns": record.started_ns,
        "reported_ns": now_ns,
        "took_ns": now_ns.saturating_sub(record.started_ns),
        "units": engine.instruments().iter().map(units).collect::<Vec<_>>(),
        "held": held.collect::<Vec<_>>(),
        "attempts": record.sent.iter().map(attempt).collect::<Vec<_>>(),
        "fills_of_other_orders": fills_of(None),
        "cancels": record.cancels,
        "reads": record.reads,
        "cost_against_mark": slipped.to_string(),
        "fees": fees.to_string(),
        "dust": dust.collect::<Vec<_>>(),
        "late": record.late,
        "not_listed": record.not_listed,
        "equity": engine.portfolio().equity().to_string(),
    });
    match whole {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests;
