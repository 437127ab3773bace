//! A venue that sends what no venue should: garbage, cut-off frames, endless and enormous messages,
//! nothing at all. Whoever listens stays alive, keeps its memory, counts what it did not
//! understand, and tries again.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flyball_core::domain::{Body, Decimal, Event, InstrumentId};
use flyball_live::Clock;
use flyball_live::duty::{Duty, Outcome, Todo};
use flyball_live::io::{Endpoints, Inbound, Inbox, Io, Line, Reach};
use flyball_live::market::{Counts, Deliver, Market, Wish};
use flyball_live::transport::{Http, ask_once};
use flyball_venues::Listings;

/// What a hostile venue does with a connection after the websocket's handshake.
type Nasty = fn(&mut TcpStream);

fn text(bytes: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x81];
    match bytes.len() {
        0..=125 => frame.push(u8::try_from(bytes.len()).unwrap()),
        126..=65_535 => {
            frame.push(126);
            frame.extend_from_slice(&u16::try_from(bytes.len()).unwrap().to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(bytes);
    frame
}

/// Shake hands as a websocket server does.
fn shake(stream: &mut TcpStream) -> Option<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        request.push(byte[0]);
    }
    let request = String::from_utf8(request).ok()?;
    let key = request.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().to_owned())
    })?;
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).ok()
}

/// Serve this to every connection; how many there were.
fn venue(nasty: Nasty) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::Relaxed);
            std::thread::spawn(move || {
                let Ok(mut stream) = stream else { return };
                if shake(&mut stream).is_some() {
                    nasty(&mut stream);
                }
            });
        }
    });
    (url, count)
}

#[derive(Clone, Default)]
struct Heard(Arc<AtomicU64>, Duration);

impl Deliver for Heard {
    fn deliver(&mut self, event: &Event<'_>) {
        if !matches!(event.body, Body::Feed(_)) {
            self.0.fetch_add(1, Ordering::Relaxed);
            if !self.1.is_zero() {
                std::thread::sleep(self.1);
            }
        }
    }
}

/// The market, whose counts can be seen from outside.
struct Shown(Market<Heard>, Arc<Mutex<Counts>>);

impl Duty for Shown {
    type Message = Wish;

    fn message(&mut self, wish: Wish, now_ns: i64) {
        self.0.message(wish, now_ns);
    }

    fn connected(&mut self, now_ns: i64) {
        self.0.connected(now_ns);
    }

    fn disconnected(&mut self, now_ns: i64) {
        self.0.disconnected(now_ns);
    }

    fn frame(&mut self, text: &[u8], now_ns: i64) {
        self.0.frame(text, now_ns);
        *self.1.lock().unwrap() = self.0.counts();
    }

    fn answered(&mut self, id: u64, outcome: Outcome<'_>, now_ns: i64) {
        self.0.answered(id, outcome, now_ns);
    }

    fn due_ns(&self) -> i64 {
        self.0.due_ns()
    }

    fn tick(&mut self, now_ns: i64) {
        self.0.tick(now_ns);
    }

    fn next_todo(&mut self) -> Option<Todo> {
        self.0.next_todo()
    }
}

struct Listener {
    counts: Arc<Mutex<Counts>>,
    heard: Heard,
    reach: Reach<Wish>,
    thread: std::thread::JoinHandle<std::io::Result<()>>,
    connections: Arc<AtomicU64>,
}

fn market(heard: Heard) -> Market<Heard> {
    let mut listings = Listings::new();
    let (tick, lot) = (Decimal::new(1, 6), Decimal::new(1, 0));
    listings.add(InstrumentId::new(0), "XRP", tick, lot).unwrap();
    Market::new(listings, heard, 1)
}

/// Listen to a hostile venue, with the clock at this speed so that patience runs out soon.
fn listen(nasty: Nasty, speed: u32) -> Listener {
    listen_slowly(nasty, speed, Duration::ZERO)
}

/// The same with each event taking at least so long.
fn listen_slowly(nasty: Nasty, speed: u32, each: Duration) -> Listener {
    let (url, connections) = venue(nasty);
    let clock = Clock::scaled(Clock::SYSTEM.now_ns(), 1, speed);
    let endpoints = Endpoints { http: url.replace("ws", "http"), websocket: url };
    let io = Io::new(&endpoints, clock, 0).unwrap();
    let reach = io.reach();
    let (heard, counts) = (Heard(Arc::default(), each), Arc::new(Mutex::new(Counts::default())));
    let mut duty = Shown(market(heard.clone()), Arc::clone(&counts));
    let thread = std::thread::spawn(move || io.run(&mut duty));
    Listener { counts, heard, reach, thread, connections }
}

impl Listener {
    fn until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !done(self) {
            assert!(began.elapsed() < Duration::from_secs(20), "{what}: never");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn malformed(&self) -> u64 {
        self.counts.lock().unwrap().malformed
    }

    fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    fn end(self) {
        assert!(!self.thread.is_finished(), "it is alive");
        self.reach.stop();
        self.thread.join().unwrap().unwrap();
    }
}

/// Memory of this process in bytes.
fn memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

const BOOK: &[u8] = br#"{"channel":"l2Book","data":{"coin":"XRP","time":1760054400000,"levels":[[{"px":"2.1","sz":"5","n":1}],[{"px":"2.2","sz":"6","n":1}]]}}"#;

#[test]
fn garbage_is_counted_and_what_is_sound_is_still_heard() {
    let listener = listen(
        |stream| {
            for round in 0_u32.. {
                let garbage: Vec<u8> = (0..200_u32)
                    .map(|at| u8::try_from((at * 7 + round * 13) % 95).unwrap() + 32)
                    .collect();
                let enormous = br#"{"channel":"bbo","data":{"coin":"XRP","time":1,"bbo":[{"px":"1e400","sz":"99999999999999999999999999","n":1},null]}}"#;
                let cut = &BOOK[..BOOK.len() / 2];
                for bytes in [&garbage[..], enormous, cut, b"[[[[[[[[[[", b"{}", b"", BOOK] {
                    if stream.write_all(&text(bytes)).is_err() {
                        return;
                    }
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        },
        1,
    );
    listener.until("garbage counted", |it| it.malformed() > 300);
    assert!(listener.heard.0.load(Ordering::Relaxed) > 50);
    assert_eq!(listener.connections(), 1, "the connection is kept");
    listener.end();
}

#[test]
fn a_flood_does_not_keep_others_from_being_heard() {
    let listener = listen_slowly(
        |stream| {
            // More than is read: there is always something there.
            let block = text(BOOK).repeat(4_096);
            while stream.write_all(&block).is_ok() {}
        },
        1,
        Duration::from_micros(100),
    );
    listener.until("books", |it| it.heard.0.load(Ordering::Relaxed) > 1_000);
    listener.reach.stop();
    listener.until("it ended", |it| it.thread.is_finished());
}

#[test]
fn who_falls_behind_knows_it() {
    let (url, _) = venue(|stream| {
        let _sent = stream.write_all(&text(BOOK).repeat(100));
        std::thread::sleep(Duration::from_secs(60));
    });
    let endpoints = Endpoints { http: url.replace("ws", "http"), websocket: url };
    let mut inbox = Inbox::<Wish>::new(8).unwrap();
    let mut line = Line::new(&inbox, 0, &endpoints, Clock::SYSTEM, 0).unwrap();
    let mut duty = Shown(market(Heard::default()), Arc::default());
    duty.tick(Clock::SYSTEM.now_ns());
    line.carry_out(&mut duty);
    assert_eq!(line.behind(), Duration::ZERO, "nothing came");
    let until = Instant::now() + Duration::from_secs(20);
    while duty.0.counts().messages == 0 && Instant::now() < until {
        inbox.wait(Clock::SYSTEM, i64::MAX, Duration::from_millis(50)).unwrap();
        while let Some(inbound) = inbox.next() {
            let Inbound::Line(0, done) = inbound else { panic!("{inbound:?}") };
            line.done(done, &mut duty);
        }
        line.look(&inbox);
        line.read(&mut duty);
    }
    std::thread::sleep(Duration::from_millis(20));
    assert!(line.behind() >= Duration::from_millis(20), "there is more");
    while duty.0.counts().messages < 100 && Instant::now() < until {
        inbox.wait(Clock::SYSTEM, i64::MAX, Duration::ZERO).unwrap();
        line.look(&inbox);
        line.read(&mut duty);
    }
    assert!(!line.read(&mut duty));
    assert_eq!(line.behind(), Duration::ZERO, "that was all");
}

#[test]
fn frames_that_are_no_frames_end_the_connection_and_it_is_made_again() {
    let listener = listen(
        |stream| {
            // Reserved bits, a reserved opcode, a control frame that is too long.
            let _gone = stream.write_all(&[0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x01]);
            std::thread::sleep(Duration::from_millis(50));
        },
        50,
    );
    listener.until("made again", |it| it.connections() >= 4);
    listener.end();
}

#[test]
fn half_a_frame_and_silence_ends_the_connection_in_time() {
    let listener = listen(
        |stream| {
            let whole = text(BOOK);
            let _gone = stream.write_all(&whole[..whole.len() / 2]);
            std::thread::sleep(Duration::from_secs(60));
        },
        100,
    );
    listener.until("made again", |it| it.connections() >= 3);
    listener.end();
}

#[test]
fn a_message_without_an_end_takes_no_more_memory_than_a_message_may() {
    let before = memory();
    let listener = listen(
        |stream| {
            // A text of 2^62 bytes is announced, and sent as fast as it goes.
            let mut head = vec![0x81, 127];
            head.extend_from_slice(&(1_u64 << 62).to_be_bytes());
            let block = vec![b'x'; 1 << 20];
            let mut all_well = stream.write_all(&head).is_ok();
            while all_well {
                all_well = stream.write_all(&block).is_ok();
            }
        },
        50,
    );
    listener.until("refused", |it| it.connections() >= 3);
    assert!(memory() < before + (64 << 20), "{} bytes more", memory() - before);
    listener.end();
}

#[test]
fn pieces_without_an_end_take_no_more_memory_than_a_message_may() {
    let before = memory();
    let listener = listen(
        |stream| {
            // A text in pieces, none of them the last.
            let mut first = text(&vec![b'x'; 60_000]);
            first[0] = 0x01;
            let mut more = first.clone();
            more[0] = 0x00;
            let mut all_well = stream.write_all(&first).is_ok();
            while all_well {
                all_well = stream.write_all(&more).is_ok();
            }
        },
        50,
    );
    listener.until("refused", |it| it.connections() >= 3);
    assert!(memory() < before + (64 << 20), "{} bytes more", memory() - before);
    listener.end();
}

#[test]
fn an_http_answer_without_an_end_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut stream = stream;
                let mut some = [0; 1024];
                let _read = stream.read(&mut some);
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
                let mut all_well = stream.write_all(head.as_bytes()).is_ok();
                let block = vec![b'['; 1 << 20];
                while all_well {
                    all_well = stream.write_all(&block).is_ok();
                }
            });
        }
    });
    let before = memory();
    assert!(ask_once(&url, "/info", b"{}").is_err(), "it is refused at 32 MiB");
    assert!(memory() < before + (160 << 20), "{} bytes more", memory() - before);
}

#[test]
fn a_venue_that_is_not_there_is_an_error_that_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = ask_once(&url, "/info", b"{}").unwrap_err();
    assert!(error.to_string().to_lowercase().contains("refused"), "{error}");
    let (to, told) = std::sync::mpsc::channel();
    let http = Http::start(&url, 2, move |it: flyball_live::transport::Told| {
        to.send((it.id, it.outcome.is_err())).unwrap();
    })
    .unwrap();
    for id in 0..4 {
        http.ask(flyball_live::transport::Ask {
            id,
            path: "/info",
            body: b"{}".to_vec(),
            timeout: Duration::from_secs(1),
        });
    }
    let mut all: Vec<_> = (0..4).map(|_| told.recv().unwrap()).collect();
    all.sort_unstable();
    assert_eq!(all, [(0, true), (1, true), (2, true), (3, true)]);
}
