//! Folded stacks as a picture.

use std::fs::File;
use std::io::BufWriter;

use inferno::flamegraph::{Options, from_lines};
use serde_json::{Value, json};

use crate::Fallible;

/// `FOLDED` holds a line a stack: frames with `;` between them, a space, and a number.
pub(crate) fn draw(folded: &str, svg: &str, title: &str) -> Fallible<Value> {
    let text = std::fs::read_to_string(folded)?;
    let mut options = Options::default();
    title.clone_into(&mut options.title);
    "instructions".clone_into(&mut options.count_name);
    options.hash = true;
    options.image_width = Some(1_800);
    from_lines(&mut options, text.lines(), BufWriter::new(File::create(svg)?))?;
    Ok(json!({"stacks": text.lines().count()}))
}
