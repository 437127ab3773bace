//! Run a setup from a file and print what came out: `cargo run --release --example prove setup.json`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example")]

use std::error::Error;

use flyball_proof::{Matrix, Setup};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("name a file with a setup")?;
    let setup: Setup = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let mut matrix = Matrix::new(setup)?;
    eprintln!("{:?}", matrix.spec());
    while matrix.step(64)? {
        eprintln!("{:.3}", matrix.progress());
    }
    println!("{:#}", matrix.finish()?);
    Ok(())
}
