//! What a client's bytes say: masked websocket frames, or HTTP in the clear.

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Nothing,
    Order,
    /// An order that only reduces.
    Close,
    Cancel,
    Account,
}

/// How often `bytes` hold `what`.
pub(crate) fn count(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).filter(|window| *window == what).count()
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

const ORDERS: [&[u8]; 4] = [
    br#""type":"order""#,
    br#""type": "order""#,
    br#""type":"batchModify""#,
    br#""type": "batchModify""#,
];
const CANCELS: [&[u8]; 4] = [
    br#""type":"cancelByCloid""#,
    br#""type": "cancelByCloid""#,
    br#""type":"cancel""#,
    br#""type": "cancel""#,
];

/// The texts of one client's connection, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// A frame whose end has not come yet.
    rest: Vec<u8>,
}

impl Texts {
    /// The most important thing that these bytes say.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Said {
        if self.rest.is_empty() && bytes.first().is_none_or(|first| *first < 0x80) {
            return said(bytes);
        }
        self.rest.extend_from_slice(bytes);
        let mut found = Said::Nothing;
        while let Some((text, length)) = frame(&self.rest) {
            found = match (found, said(&text)) {
                (Said::Nothing, new) | (_, new @ (Said::Order | Said::Close)) => new,
                (old, _) => old,
            };
            self.rest.drain(..length);
        }
        found
    }
}

fn said(text: &[u8]) -> Said {
    let any = |needles: &[&[u8]]| needles.iter().any(|needle| holds(text, needle));
    if any(&ORDERS) && holds(text, br#""r":true"#) && !holds(text, br#""r":false"#) {
        Said::Close
    } else if any(&ORDERS) {
        Said::Order
    } else if any(&CANCELS) {
        Said::Cancel
    } else if holds(text, br#""subscription":{"type":"orderUpdates""#) {
        Said::Account
    } else {
        Said::Nothing
    }
}

/// The first frame, without its mask, and how long it was with all that belongs to it.
fn frame(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (_, rest) = bytes.split_first()?;
    let (second, rest) = rest.split_first()?;
    let (length, rest) = match second & 0x7f {
        126 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        127 => {
            let (length, rest) = rest.split_first_chunk::<8>()?;
            (usize::try_from(u64::from_be_bytes(*length)).ok()?, rest)
        }
        short => (usize::from(short), rest),
    };
    let (mask, rest) =
        if second & 0x80 == 0 { (&[0; 4], rest) } else { rest.split_first_chunk::<4>()? };
    let (masked, after) = rest.split_at_checked(length)?;
    let text = masked.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    Some((text, bytes.len() - after.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let mut bytes = vec![0x81, 0x80 | 0x7e];
        bytes.extend_from_slice(&u16::try_from(text.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(&mask);
        bytes.extend(text.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    #[test]
    fn an_order_is_found_in_a_masked_frame_however_it_is_cut() {
        let text = br#"{"method":"post","id":1,"request":{"payload":{"action":{"type":"order"}}}}"#;
        let bytes = masked(text);
        for cut in 1..bytes.len() {
            let mut texts = Texts::default();
            let (one, other) = bytes.split_at(cut);
            assert_eq!(texts.read(one), Said::Nothing);
            assert_eq!(texts.read(other), Said::Order);
        }
    }

    #[test]
    fn an_order_is_found_behind_a_cancel_and_in_a_request() {
        let mut bytes = masked(br#"{"type":"cancelByCloid"}"#);
        assert_eq!(Texts::default().read(&bytes), Said::Cancel);
        bytes.extend(masked(br#"{"type":"order"}"#));
        assert_eq!(Texts::default().read(&bytes), Said::Order);
        let request = b"POST /exchange HTTP/1.1\r\n\r\n{\"action\": {\"type\": \"order\"}}";
        assert_eq!(Texts::default().read(request), Said::Order);
        assert_eq!(Texts::default().read(br#"{"type":"orderStatus"}"#), Said::Nothing);
        let closing = br#"{"type":"order","orders":[{"a":0,"r":true}]}"#;
        assert_eq!(Texts::default().read(closing), Said::Close);
        let both = br#"{"type":"order","orders":[{"a":0,"r":false},{"a":0,"r":true}]}"#;
        assert_eq!(Texts::default().read(both), Said::Order, "an entry with its stop");
    }
}
