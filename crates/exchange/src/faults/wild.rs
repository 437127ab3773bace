//! Absurd prices in a message of market data.

use flyball_core::domain::Decimal;
use serde_json::Value;

/// Keys under which prices stand.
const PRICES: [&str; 9] = ["px", "markPx", "midPx", "oraclePx", "o", "h", "l", "c", "mids"];

/// The message with its prices multiplied; as it was when it is no JSON.
pub(crate) fn distort(text: &str, factor: f64) -> String {
    let Ok(mut message) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    if let Some(data) = message.get_mut("data") {
        walk(data, factor, false);
    }
    message.to_string()
}

fn walk(value: &mut Value, factor: f64, price: bool) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields.iter_mut() {
                walk(inner, factor, price || PRICES.contains(&key.as_str()));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, factor, price)),
        Value::String(text) if price => {
            if let Ok(number) = Decimal::parse(text.as_bytes()) {
                *text = multiplied(number, factor);
            }
        }
        _ => {}
    }
}

/// `number` × `factor` to five significant figures, written with a decimal as the venue does.
fn multiplied(number: Decimal, factor: f64) -> String {
    let value = number.to_f64() * factor;
    let digits = if value > 0.0 { whole_digits(value) } else { 1 };
    let decimals = usize::try_from(5_i32.saturating_sub(digits)).unwrap_or(0).min(6);
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// Digits before the point.
fn whole_digits(value: f64) -> i32 {
    let mut digits = 0_i32;
    let mut rest = value;
    while rest >= 1.0 && digits < 30 {
        rest /= 10.0;
        digits = digits.saturating_add(1);
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_multiplied_and_nothing_else_changes() {
        let text = r#"{"channel":"l2Book","data":{"coin":"BTC","time":7,"levels":[[{"px":"100000.0","sz":"1.5","n":1}],[]]}}"#;
        let wild: Value = serde_json::from_str(&distort(text, 2.0)).unwrap();
        assert_eq!(wild["data"]["levels"][0][0]["px"], "200000.0");
        assert_eq!(wild["data"]["levels"][0][0]["sz"], "1.5");
        assert_eq!(wild["data"]["time"], 7);
        let mids = distort(r#"{"channel":"allMids","data":{"mids":{"XRP":"2.1"}}}"#, 0.1);
        assert!(mids.contains(r#""XRP":"0.21000""#), "{mids}");
        assert_eq!(distort("pong", 2.0), "pong");
    }
}
