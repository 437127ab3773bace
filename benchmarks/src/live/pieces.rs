//! What the parts of the way cost by themselves, and the floor below which nothing can be measured.

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use flyball_core::domain::{
    ClientOrderId, Event, InstrumentId, Order, OrderKind, Price, Purpose, Qty, Side, StrategyId,
    TimeInForce,
};
use flyball_core::engine::Engine;
use flyball_live::Clock;
use flyball_live::outbox::{Effect, Outbox, Signed};
use flyball_venues::hyperliquid::sign::{Envelope, Network, SigningKey};
use flyball_venues::hyperliquid::{
    Action, Assets, EngineTag, Grouping, Hyperliquid, OrderRequest, Signer, post_body,
};
use flyball_venues::{Decode, DecodeError, Listings};
use serde_json::Value;

use crate::Fallible;
use crate::figures::microseconds;
use crate::proxy::Proxy;
use crate::scene::{AGENT, COIN, Scene, plan};
use crate::sights::{Sights, What};

const TIMES: usize = 5_000;
/// Rare enough that whoever waits has fallen asleep.
const RARELY: Duration = Duration::from_millis(5);
const RARE_TIMES: usize = 1_000;
const TICK: &[u8] = br#"{"channel":"bbo","data":{"coin":"XRP","time":1700000000123,"bbo":[{"px":"2.1001","sz":"5123","n":3},{"px":"2.1003","sz":"7001","n":2}]}}"#;

/// Measure all of them.
pub(crate) fn measure(profile: &str) -> Fallible<Value> {
    let scene = Scene::start(1_000_000_000)?;
    let folder = tempfile::tempdir()?;
    let plan = plan(&scene.proxy.url(), folder.path().to_owned(), profile)?;
    let engine = Engine::new(&plan.engine)?;
    let mut assets = Assets::new();
    for (instrument, number) in engine.instruments().iter().zip(&plan.numbers) {
        assets.add(*number, instrument)?;
    }
    let listings = Listings::of(engine.instruments())?;
    let mut told = signing(&assets, folder.path())?;
    let (warm, cold) = decoding(listings)?;
    told.insert("decode a best bid and offer".into(), warm);
    told.insert("the same after a rest".into(), cold);
    told.insert("a thread is woken by a channel".into(), waking());
    let floor = floor()?;
    told.insert("answering without looking".into(), floor);
    let (direct, through) = echo()?;
    told.insert("there and back, 300 bytes, without the proxy".into(), direct);
    told.insert("there and back, 300 bytes, through the proxy".into(), through);
    Ok(Value::Object(told))
}

fn timed(times: usize, mut what: impl FnMut(usize) -> Fallible<()>) -> Fallible<Value> {
    let mut all = Vec::with_capacity(times);
    for number in 0..times {
        let began = Instant::now();
        what(number)?;
        all.push(i64::try_from(began.elapsed().as_nanos())?);
    }
    Ok(microseconds(all))
}

/// The same after a rest each time: caches hold other things by then, as they do on the way of a
/// tick.
fn timed_rarely(mut what: impl FnMut(usize) -> Fallible<()>) -> Fallible<Value> {
    let mut all = Vec::with_capacity(RARE_TIMES);
    for number in 0..RARE_TIMES {
        std::thread::sleep(RARELY);
        let began = Instant::now();
        what(number)?;
        all.push(i64::try_from(began.elapsed().as_nanos())?);
    }
    Ok(microseconds(all))
}

/// A best bid and offer: many in a row, and rarely one.
fn decoding(listings: Listings) -> Fallible<(Value, Value)> {
    let mut decoder = Hyperliquid::new(listings);
    let mut decode = |_| {
        decoder.decode(black_box(TICK), 0, |event: &Event<'_>| {
            black_box(event);
            Ok::<_, DecodeError>(())
        })?;
        Ok(())
    };
    Ok((timed(TIMES, &mut decode)?, timed_rarely(decode)?))
}

/// An order, from the engine's words to bytes that are kept.
fn signing(assets: &Assets, folder: &std::path::Path) -> Fallible<serde_json::Map<String, Value>> {
    let asset = assets.coin(COIN).ok_or("not listed")?;
    let mut signer = Signer::new(SigningKey::parse(AGENT)?, Network::Testnet);
    let mut outbox = Outbox::open(&folder.join("outbox"))?;
    let order = Order {
        client_order_id: ClientOrderId::new(7),
        instrument: InstrumentId::new(0),
        strategy: StrategyId::new(0),
        side: Side::Bid,
        price: Price::from_ticks(2_100_000),
        qty: Qty::from_lots(30),
        kind: OrderKind::Limit(TimeInForce::PostOnly),
        reduce_only: false,
        purpose: Purpose::Quote,
    };
    let orders = vec![OrderRequest::of(&order, asset, EngineTag::new(1))?];
    let made = Action::Order { orders, grouping: Grouping::Na };
    let envelope = |number: usize| -> Fallible<Envelope> {
        let nonce = 1_700_000_000_000 + u64::try_from(number)?;
        Ok(Envelope { nonce, vault: None, expires_after: Some(nonce + 3_000) })
    };
    let signature = signer.sign(&made, &envelope(0)?)?;
    let body = post_body(&made, &envelope(0)?, &signature)?;
    let mut told = serde_json::Map::new();
    let mut tell = |what: &str, figure| told.insert(what.to_owned(), figure);
    let mut sign = |number| {
        black_box(signer.sign(&made, &envelope(number)?)?);
        Ok(())
    };
    tell("pack, hash and sign an action", timed(TIMES, &mut sign)?);
    tell("pack, hash and sign it after a rest", timed_rarely(sign)?);
    let written = timed(TIMES, |number| {
        black_box(post_body(&made, &envelope(number)?, &signature)?);
        Ok(())
    });
    tell("write its JSON", written?);
    let kept = timed(TIMES, |number| {
        let nonce = envelope(number)?.nonce;
        let orders = vec![(order.instrument, order.client_order_id)];
        let record = Signed {
            nonce,
            effect: Effect::Adds,
            orders,
            expires_ms: Some(nonce),
            body: body.clone(),
        };
        outbox.keep(record)?;
        Ok(())
    });
    tell("keep it", kept?);
    Ok(told)
}

/// From a message into a channel to the thread that waited for it.
fn waking() -> Value {
    let (to, from) = mpsc::sync_channel::<i64>(8);
    let sleeper = std::thread::spawn(move || {
        from.iter().map(|sent| Clock::SYSTEM.now_ns() - sent).collect::<Vec<_>>()
    });
    for _ in 0..RARE_TIMES {
        std::thread::sleep(RARELY);
        if to.send(Clock::SYSTEM.now_ns()).is_err() {
            break;
        }
    }
    drop(to);
    microseconds(sleeper.join().unwrap_or_default())
}

/// A venue that ticks, the proxy, and a client that answers each tick with an order at once.
fn floor() -> Fallible<Value> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let proxy = Proxy::start(listener.local_addr()?.port(), Sights::default())?;
    let mut client = TcpStream::connect(proxy.address())?;
    client.set_nodelay(true)?;
    let (mut venue, _) = listener.accept()?;
    venue.set_nodelay(true)?;
    std::thread::spawn(move || -> io::Result<()> {
        let mut buffer = [0; 4096];
        let mut order = br#"{"action":{"type":"order"}"#.to_vec();
        order.resize(600, b' ');
        while client.read(&mut buffer)? > 0 {
            client.write_all(&order)?;
        }
        Ok(())
    });
    let mut buffer = [0; 4096];
    for _ in 0..RARE_TIMES {
        std::thread::sleep(RARELY);
        venue.write_all(TICK)?;
        let mut came = 0;
        while came < 600 {
            came += venue.read(&mut buffer)?;
        }
    }
    let (mut took, mut tick) = (Vec::new(), None);
    for sight in proxy.watch().take() {
        match sight.what {
            What::Tick => tick = Some(sight.at_ns),
            _ => took.extend(tick.take().map(|tick| sight.at_ns - tick)),
        }
    }
    Ok(microseconds(took))
}

/// There and back to a server that sends back what it gets: directly, and through the proxy.
fn echo() -> Fallible<(Value, Value)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for mut peer in listener.incoming().flatten() {
            std::thread::spawn(move || -> io::Result<()> {
                peer.set_nodelay(true)?;
                let mut buffer = [0; 4096];
                loop {
                    match peer.read(&mut buffer)? {
                        0 => return Ok(()),
                        length => peer.write_all(&buffer[..length])?,
                    }
                }
            });
        }
    });
    let proxy = Proxy::start(address.port(), Sights::default())?;
    let there_and_back = |address| -> Fallible<Value> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let (sent, mut buffer) = ([b'x'; 300], [0; 300]);
        let mut all = Vec::with_capacity(RARE_TIMES);
        for _ in 0..RARE_TIMES {
            std::thread::sleep(RARELY);
            let began = Instant::now();
            stream.write_all(&sent)?;
            stream.read_exact(&mut buffer)?;
            all.push(i64::try_from(began.elapsed().as_nanos())?);
        }
        Ok(microseconds(all))
    };
    Ok((there_and_back(address)?, there_and_back(proxy.address())?))
}
