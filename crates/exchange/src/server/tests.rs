//! Sockets: what clients, good and bad, see.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use super::*;
use crate::Setup;

const START_NS: i64 = 1_700_000_000_000_000_000;
const PATIENCE: Duration = Duration::from_secs(10);

fn start(config: ServerConfig, faults: &str) -> Handle {
    let setup = Setup { faults: Some(faults.to_owned()), ..Setup::synthetic(1) };
    Server::start(setup.gateway(START_NS).unwrap(), config).unwrap()
}

fn serve() -> Handle {
    start(ServerConfig::default(), "")
}

fn connect(handle: &Handle) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", handle.port())).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// All that comes back until the connection ends; nothing when it was cut.
fn send(handle: &Handle, bytes: &[u8]) -> String {
    let mut stream = connect(handle);
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn mids(handle: &Handle) -> String {
    send(handle, &post("/info", r#"{"type":"allMids"}"#))
}

fn works(handle: &Handle) -> bool {
    mids(handle).starts_with("HTTP/1.1 200 OK")
}

fn socket(handle: &Handle) -> WebSocket<TcpStream> {
    let url = format!("ws://127.0.0.1:{}/ws", handle.port());
    tungstenite::client(url, connect(handle)).unwrap().0
}

fn say(socket: &mut WebSocket<TcpStream>, message: &Value) {
    socket.send(Message::text(message.to_string())).unwrap();
}

fn hear(socket: &mut WebSocket<TcpStream>) -> Value {
    loop {
        if let Message::Text(text) = socket.read().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

/// Whether a websocket ends within the patience.
fn ends(socket: &mut WebSocket<TcpStream>) -> bool {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        match socket.read() {
            Ok(Message::Close(_)) => return true,
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) => {
                return error.kind() != std::io::ErrorKind::WouldBlock;
            }
            Err(_) => return true,
        }
    }
    false
}

fn book() -> Value {
    json!({"method": "subscribe", "subscription": {"type": "l2Book", "coin": "XRP"}})
}

#[test]
fn http_and_websockets_are_served_on_one_port_of_loopback() {
    let handle = serve();
    assert_eq!(handle.url(), format!("http://127.0.0.1:{}", handle.port()));
    assert!(mids(&handle).contains("\"XRP\""));
    let mut socket = socket(&handle);
    say(&mut socket, &json!({"method": "ping"}));
    assert_eq!(hear(&mut socket), json!({"channel": "pong"}));
    say(&mut socket, &book());
    assert_eq!(hear(&mut socket)["channel"], "subscriptionResponse");
    let first = hear(&mut socket)["data"]["time"].as_i64().unwrap();
    let second = hear(&mut socket)["data"]["time"].as_i64().unwrap();
    assert!(second - first >= 500, "by itself, half a second later");
}

#[test]
fn a_taken_port_and_a_wild_speed_are_clear_errors() {
    let handle = serve();
    let taken = ServerConfig { port: handle.port(), ..ServerConfig::default() };
    let gateway = Setup::synthetic(1).gateway(START_NS).unwrap();
    let error = Server::start(gateway, taken).unwrap_err().to_string();
    let words = format!("port {} of 127.0.0.1 cannot be had", handle.port());
    assert!(error.starts_with(&words), "{error}");
    for speed in [0.0, -1.0, f64::NAN, 1e9] {
        let gateway = Setup::synthetic(1).gateway(START_NS).unwrap();
        let wild = ServerConfig { speed, ..ServerConfig::default() };
        assert!(matches!(Server::start(gateway, wild), Err(ServerError::Speed(_))));
    }
}

#[test]
fn the_clock_runs_as_fast_as_it_is_told() {
    let handle = start(ServerConfig { speed: 200.0, ..ServerConfig::default() }, "");
    let time = |handle: &Handle| {
        let answer = send(handle, &post("/info", r#"{"type":"l2Book","coin":"XRP"}"#));
        let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        body["time"].as_i64().unwrap()
    };
    let (before, began) = (time(&handle), Instant::now());
    std::thread::sleep(Duration::from_millis(300));
    let (passed, real) = (time(&handle) - before, began.elapsed().as_millis());
    let real = i64::try_from(real).unwrap();
    assert!(passed >= 300 * 200 && passed <= (real + 50) * 200, "{passed} in {real} ms");
}

#[test]
fn garbage_is_refused_and_nobody_else_notices() {
    let handle = serve();
    let mut listening = socket(&handle);
    say(&mut listening, &book());
    for garbage in [
        &b"\x00\xff\xfe garbage \r\n\r\n"[..],
        b"POST /info HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST /info HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
        b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ] {
        let answer = send(&handle, garbage);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let mut endless = connect(&handle);
    let _ = endless.write_all(b"POST /info HTTP/1.1\r\n");
    let line = format!("X: {}\r\n", "y".repeat(8000));
    let refused = (0..10_000).any(|_| endless.write_all(line.as_bytes()).is_err());
    assert!(refused, "a head without an end is not listened to for ever");
    assert!(works(&handle));
    assert_eq!(hear(&mut listening)["channel"], "subscriptionResponse");
}

#[test]
fn truncated_and_enormous_messages_end_their_own_connection_only() {
    let handle = serve();
    // A request that ends in the middle.
    let mut half = connect(&handle);
    half.write_all(b"POST /exchange HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{\"action\"")
        .unwrap();
    half.shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    let _ = half.read_to_end(&mut rest);
    let huge = "x".repeat(300 << 10);
    assert!(send(&handle, &post("/info", &huge)).starts_with("HTTP/1.1 413"));
    // A frame that promises four gigabytes, and one that ends in the middle.
    for frame in [&[0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4][..], &[0x81, 0x85, 1, 2][..]] {
        let mut bad = socket(&handle);
        bad.get_mut().write_all(frame).unwrap();
        bad.get_mut().shutdown(Shutdown::Write).unwrap();
        assert!(ends(&mut bad));
    }
    let mut big = socket(&handle);
    let _ = big.send(Message::text(huge));
    assert!(ends(&mut big));
    let mut odd = socket(&handle);
    say(&mut odd, &json!([1, 2, 3]));
    assert_eq!(hear(&mut odd)["channel"], "error");
    odd.send(Message::binary(vec![0xff, 0xfe])).unwrap();
    assert_eq!(hear(&mut odd)["channel"], "error");
    assert!(works(&handle));
}

#[test]
fn who_reads_too_slowly_is_cut_off() {
    let config = ServerConfig { speed: 1000.0, queue: 64, ..ServerConfig::default() };
    let handle = start(config, "");
    let mut slow = socket(&handle);
    for kind in ["l2Book", "trades", "bbo", "activeAssetCtx"] {
        for coin in ["XRP", "BTC"] {
            let subscription = json!({"type": kind, "coin": coin});
            say(&mut slow, &json!({"method": "subscribe", "subscription": subscription}));
        }
    }
    // Thousands of messages a second, and nobody reads them.
    std::thread::sleep(Duration::from_secs(4));
    assert!(works(&handle));
    assert!(ends(&mut slow), "it has lost its connection, not the exchange its memory");
}

#[test]
fn a_cut_connection_gets_no_answer_at_all() {
    let handle = start(
        ServerConfig::default(),
        "[[fault]]\nkind = \"disconnect\"\ntarget = \"info\"\nprobability = 1.0",
    );
    assert_eq!(mids(&handle), "");
    let handle =
        start(ServerConfig::default(), "[[fault]]\nkind = \"server_error\"\ntarget = \"info\"");
    assert!(mids(&handle).starts_with("HTTP/1.1 503"));
}

#[test]
fn a_request_that_is_lost_waits_until_its_client_loses_patience() {
    let handle = start(ServerConfig::default(), "[[fault]]\nkind = \"drop\"\ntarget = \"info\"");
    let mut stream = connect(&handle);
    stream.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
    stream.write_all(&post("/info", r#"{"type":"allMids"}"#)).unwrap();
    let error = stream.read(&mut [0; 10]).unwrap_err();
    assert!(matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut));
}

#[test]
fn a_half_open_websocket_lives_and_says_nothing() {
    let script =
        "[[fault]]\nkind = \"half_open\"\ntarget = \"market\"\nfrom_ms = 600\nlasts_ms = 1";
    let handle = start(ServerConfig::default(), script);
    let mut socket = socket(&handle);
    say(&mut socket, &book());
    hear(&mut socket);
    hear(&mut socket);
    std::thread::sleep(Duration::from_millis(900));
    socket.get_mut().set_read_timeout(Some(Duration::from_millis(800))).unwrap();
    socket.send(Message::Ping(vec![1].into())).unwrap();
    let mut last = None;
    let silent = loop {
        match socket.read() {
            Ok(Message::Pong(_)) => break false,
            Ok(message) => last = Some(message),
            Err(tungstenite::Error::Io(error)) => {
                break matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                );
            }
            Err(_) => break false,
        }
    };
    assert!(silent, "no pong, no data, no end: {last:?}");
}

#[test]
fn the_eleventh_websocket_is_refused() {
    let handle = serve();
    let mut open: Vec<_> = (0..10).map(|_| socket(&handle)).collect();
    let url = format!("ws://127.0.0.1:{}/ws", handle.port());
    assert!(tungstenite::client(url, connect(&handle)).is_err());
    open.truncate(9);
    std::thread::sleep(Duration::from_millis(200));
    let _again = socket(&handle);
}

#[test]
fn the_operator_s_path_is_there_only_when_asked_for() {
    let closed = serve();
    assert!(send(&closed, &post("/faults", "")).starts_with("HTTP/1.1 404"));
    assert!(send(&closed, &post("/admin", r#"{"type":"restart"}"#)).starts_with("HTTP/1.1 404"));
    let open = start(ServerConfig { admin: true, ..ServerConfig::default() }, "");
    let mut cut = socket(&open);
    assert!(send(&open, &post("/admin", r#"{"type":"restart"}"#)).starts_with("HTTP/1.1 200"));
    assert!(ends(&mut cut));
    assert!(
        send(&open, &post("/faults", "[[fault]]\nkind = \"drop\"\nprobability = 7"))
            .contains("must lie between 0 and 1")
    );
    let script = "[[fault]]\nkind = \"too_many_requests\"\ntarget = \"info\"";
    assert!(send(&open, &post("/faults", script)).starts_with("HTTP/1.1 200"));
    assert!(mids(&open).starts_with("HTTP/1.1 429"));
    assert!(
        send(&open, b"GET /faults HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .contains("too_many_requests")
    );
    assert!(send(&open, &post("/faults", "")).starts_with("HTTP/1.1 200"));
    assert!(works(&open));
    let user = "0x14dc79964da2c08b23698b3d3cc7ca32193d9955";
    let wishes = [
        (json!({"type": "transfer", "user": user, "usd": "12.5"}), true),
        (json!({"type": "transfer", "user": "0x1", "usd": "12.5"}), false),
        (json!({"type": "force_mark", "coin": "XRP", "price": "1.5"}), true),
        (json!({"type": "force_mark", "coin": "XRP"}), true),
        (json!({"type": "force_mark", "coin": "DOGE"}), false),
        (json!({"type": "move_prices", "coin": "BTC", "factor": "0.9"}), true),
        (json!({"type": "post_only", "seconds": 1}), true),
        (json!({"type": "explode"}), false),
    ];
    for (wish, fine) in wishes {
        let answer = send(&open, &post("/admin", &wish.to_string()));
        assert_eq!(answer.starts_with("HTTP/1.1 200"), fine, "{wish}: {answer}");
    }
    let state = send(
        &open,
        &post("/info", &json!({"type": "clearinghouseState", "user": user}).to_string()),
    );
    assert!(state.contains(r#""accountValue":"12.5""#));
}

#[test]
fn it_stops_at_once_with_connections_open() {
    let handle = serve();
    let mut socket = socket(&handle);
    say(&mut socket, &book());
    let port = handle.port();
    let began = Instant::now();
    handle.stop();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}
