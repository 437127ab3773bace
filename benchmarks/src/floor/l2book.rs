//! A Hyperliquid book message read by hand into two arrays: no checks, one shape only.

/// Price in tenths, size in hundred-thousandths.
pub(crate) type Levels = [[(i64, i64); 20]; 2];

/// A decimal text with so many decimals as an integer, and where it ended.
fn number(text: &[u8], mut at: usize, decimals: i32) -> (i64, usize) {
    let (mut value, mut seen) = (0_i64, -1);
    while text[at] != b'"' {
        if text[at] == b'.' {
            seen = 0;
        } else if seen < decimals {
            value = value * 10 + i64::from(text[at] - b'0');
            seen += i32::from(seen >= 0);
        }
        at += 1;
    }
    for _ in seen.max(0)..decimals {
        value *= 10;
    }
    (value, at)
}

/// Fill the arrays from the message.
pub(crate) fn read(text: &[u8], levels: &mut Levels) {
    let mut at = text.windows(2).position(|pair| pair == b"[[").map_or(text.len(), |at| at + 2);
    let (mut side, mut count) = (0, 0);
    let mut price = 0;
    while at < text.len() {
        match (text[at], text.get(at + 1)) {
            (b'"', Some(b'p')) => (price, at) = number(text, at + 6, 1),
            (b'"', Some(b's')) => {
                let (lots, end) = number(text, at + 6, 5);
                if let Some(level) = levels[side].get_mut(count) {
                    *level = (price, lots);
                }
                count += 1;
                at = end;
            }
            (b'"', _) => at += 2,
            (b']', _) if side == 1 => return,
            (b']', _) => {
                (side, count) = (1, 0);
                at += 2;
            }
            _ => {}
        }
        at += 1;
    }
}
