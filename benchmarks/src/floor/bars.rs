//! A cross of two averages over closes: one pair with its statistics, and eight pairs abreast.
#![expect(clippy::cast_precision_loss, reason = "a sketch")]

const FEE: f64 = 0.0005;
const LANES: usize = 8;

/// Closes and their running sums.
pub(crate) struct Closes {
    close: Vec<f64>,
    sums: Vec<f64>,
}

impl Closes {
    /// Of a file of little-endian doubles.
    pub(crate) fn read(path: &str) -> std::io::Result<Self> {
        let bytes = std::fs::read(path)?;
        let (words, _) = bytes.as_chunks::<8>();
        let close: Vec<f64> = words.iter().map(|word| f64::from_le_bytes(*word)).collect();
        let mut sums = vec![0.0];
        let mut sum = 0.0;
        sums.extend(close.iter().map(|price| {
            sum += price;
            sum
        }));
        Ok(Self { close, sums })
    }

    pub(crate) const fn len(&self) -> usize {
        self.close.len()
    }

    /// Trades, profit, worst fall and Sharpe ratio of one pair.
    pub(crate) fn one(&self, fast: usize, slow: usize) -> (u64, [f64; 3]) {
        let (by_fast, by_slow) = (1.0 / fast as f64, 1.0 / slow as f64);
        let (mut held, mut cash, mut trades) = (0.0, 0.0, 0);
        let (mut peak, mut fall, mut before) = (0.0_f64, 0.0_f64, 0.0);
        let (mut sum, mut squares) = (0.0, 0.0);
        for at in slow..self.close.len() {
            let now = self.sums[at + 1];
            let (quick, steady) = (self.sums[at + 1 - fast], self.sums[at + 1 - slow]);
            let wanted = f64::from((now - quick) * by_fast > (now - steady) * by_slow);
            let price = self.close[at];
            if wanted.to_bits() != f64::to_bits(held) {
                cash -= (wanted - held) * price + price * FEE;
                trades += u64::from(wanted > held);
                held = wanted;
            }
            let equity = cash + held * price;
            let gained = equity - before;
            before = equity;
            peak = peak.max(equity);
            fall = fall.max(peak - equity);
            sum += gained;
            squares += gained * gained;
        }
        let many = (self.close.len() - slow) as f64;
        let mean = sum / many;
        let sharpe = mean / (squares / many - mean * mean).sqrt();
        (trades, [before, fall, sharpe])
    }

    /// Trades of all pairs, eight at a time, with equity and worst fall.
    pub(crate) fn many(&self, pairs: &[(usize, usize)]) -> (u64, f64) {
        let (mut trades, mut total) = (0.0, 0.0);
        for group in pairs.chunks(LANES) {
            let lane = |at: usize| group.get(at).copied().unwrap_or((1, 2));
            let fast: [usize; LANES] = std::array::from_fn(|at| lane(at).0);
            let slow: [usize; LANES] = std::array::from_fn(|at| lane(at).1);
            let by_fast: [f64; LANES] = std::array::from_fn(|at| 1.0 / fast[at] as f64);
            let by_slow: [f64; LANES] = std::array::from_fn(|at| 1.0 / slow[at] as f64);
            let (mut held, mut cash, mut count) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
            let (mut peak, mut fall) = ([f64::MIN; LANES], [0.0_f64; LANES]);
            let first = slow.iter().copied().max().unwrap_or(0);
            for at in first..self.close.len() {
                let (price, now) = (self.close[at], self.sums[at + 1]);
                let quick: [f64; LANES] = std::array::from_fn(|it| self.sums[at + 1 - fast[it]]);
                let steady: [f64; LANES] = std::array::from_fn(|it| self.sums[at + 1 - slow[it]]);
                for it in 0..LANES {
                    let above = (now - quick[it]) * by_fast[it] > (now - steady[it]) * by_slow[it];
                    let wanted = if above { 1.0 } else { 0.0 };
                    let change: f64 = wanted - held[it];
                    cash[it] -= change * price + change.abs() * price * FEE;
                    count[it] += change.max(0.0);
                    held[it] = wanted;
                    let equity = cash[it] + wanted * price;
                    peak[it] = f64::max(peak[it], equity);
                    fall[it] = f64::max(fall[it], peak[it] - equity);
                }
            }
            for it in 0..group.len() {
                trades += count[it];
                total += cash[it] + fall[it];
            }
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let trades = trades as u64;
        (trades, total)
    }
}

/// The pairs of the contest: 25 fast ones by 40 slow ones.
pub(crate) fn pairs() -> Vec<(usize, usize)> {
    let slow = || (300..1_100).step_by(20);
    (10..260).step_by(10).flat_map(|fast| slow().map(move |slow| (fast, slow))).collect()
}
