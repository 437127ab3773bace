//! Arbitrary bytes, and real recordings with arbitrary damage, are imported or refused: never a
//! panic, never half a file.

mod shared;

use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use flyball_core::domain::InstrumentKind;
use flyball_data::DataError;
use flyball_data::import::{ImportSpec, import_recording};
use flyball_data::recording::Format;
use flyball_data::tape::Tape;
use proptest::prelude::*;
use shared::{files, names, recording, shared};

const FORMATS: [Format; 11] = [
    Format::Binance,
    Format::Hyperliquid,
    Format::Bybit,
    Format::CoinbaseCsv,
    Format::CoinbaseCapture,
    Format::KrakenCapture,
    Format::TradesJson,
    Format::TradesParquet,
    Format::Lobster { utc_offset_s: 0 },
    Format::Bars,
    Format::Funding,
];

/// How files of some formats begin.
const BEGINNINGS: &[&[u8]] = &[b"", b"\x1f\x8b", b"PAR1", b"PK\x03\x04", b"[", b"time_ms,open\n"];

/// Import these bytes: it works and leaves a sound tape, or it fails and leaves nothing.
fn import(format: Format, bytes: &[u8]) -> Result<(), DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording");
    std::fs::write(&path, bytes).unwrap();
    let out = folder.path().join("out");
    let recording = recording(format, vec![path], "X");
    let spec = ImportSpec::new("x", "y", InstrumentKind::Linear, recording);
    let imported = import_recording(&spec, &out, &mut |_| ControlFlow::Continue(()));
    match imported {
        Ok(imported) => {
            let events = Tape::open(&imported.tape)?.verify()?.0;
            assert_eq!(events, imported.about.report.counts.events);
            Ok(())
        }
        Err(error) => {
            assert!(!out.exists(), "{:?}", names(&out));
            assert!(!error.to_string().is_empty());
            Err(error)
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn unzipped(path: &Path, limit: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).unwrap();
    MultiGzDecoder::new(file).take(limit).read_to_end(&mut bytes).unwrap();
    bytes
}

/// The beginning of a real recording of each format.
fn samples(shared: &Path) -> Vec<(Format, Vec<u8>)> {
    let text = |format: Format, path: PathBuf| (format, unzipped(&path, 40_000));
    let books = shared.join("books");
    let wire = shared.join("wire/cryptofeed_raw");
    let first = |folder: &str| files(&books.join(folder))[0].clone();
    vec![
        text(Format::Binance, first("binance_usdm_btcusdt_20220811")),
        text(Format::Hyperliquid, first("hyperliquid_btc_20250126")),
        text(Format::Bybit, first("bybit_xrpusdt_ob500_20241201")),
        text(Format::CoinbaseCsv, first("coinbase_btcusd_l2_20180424")),
        text(Format::CoinbaseCapture, wire.join("COINBASE.ws.28.0.gz")),
        text(Format::KrakenCapture, wire.join("KRAKEN.ws.50.0.gz")),
        text(Format::TradesJson, first("freqtrade_xrpeth_trades_20191011")),
        text(Format::Bars, shared.join("bars/hyperliquid_perp/XRP_1m.csv.gz")),
        text(Format::Funding, shared.join("bars/hyperliquid_funding_1h/XRP_funding_1h.csv.gz")),
    ]
}

fn damage(bytes: &mut Vec<u8>, at: usize, with: &[u8], kind: u8) {
    if bytes.is_empty() {
        return;
    }
    let at = at % bytes.len();
    match kind {
        0 => bytes[at] ^= with.first().copied().unwrap_or(1) | 1,
        1 => drop(bytes.splice(at..at, with.iter().copied())),
        2 => drop(bytes.drain(at..bytes.len().min(at + with.len()))),
        _ => bytes.truncate(at),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 64, failure_persistence: None, ..Default::default() })]
    #[test]
    fn arbitrary_bytes_are_refused_in_words(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        magic in proptest::sample::select(BEGINNINGS),
    ) {
        let bytes = [magic, &bytes].concat();
        for format in FORMATS {
            let _ = import(format, &bytes);
            let _ = import(format, &gzip(&bytes));
        }
    }

    #[test]
    fn damaged_recordings_are_imported_or_refused(
        all in proptest::collection::vec(
            (any::<usize>(), proptest::collection::vec(any::<u8>(), 0..12), 0_u8..4), 1..4),
    ) {
        let Some(shared) = shared() else { return Ok(()) };
        for (format, mut bytes) in samples(&shared) {
            for (at, with, kind) in &all {
                damage(&mut bytes, *at, with, *kind);
            }
            let _ = import(format, &bytes);
            // And the same damage to the compressed file.
            let mut packed = gzip(&bytes);
            for (at, with, kind) in &all {
                damage(&mut packed, *at, with, *kind);
            }
            let _ = import(format, &packed);
        }
    }

    #[test]
    fn damaged_tables_and_archives_are_refused(
        all in proptest::collection::vec(
            (any::<usize>(), proptest::collection::vec(any::<u8>(), 0..12), 0_u8..4), 1..4),
    ) {
        let Some(shared) = shared() else { return Ok(()) };
        let folder = shared.join("books/binance_spot_btcusdt_trades_20210108");
        let mut bytes = std::fs::read(&files(&folder)[0]).unwrap();
        for (at, with, kind) in &all {
            // The metadata at the end is where most goes wrong.
            let at = if at % 2 == 0 { *at } else { bytes.len().saturating_sub(1 + at % 3000) };
            damage(&mut bytes, at, with, *kind);
        }
        let _ = import(Format::TradesParquet, &bytes);
    }
}
