//! Levels far from the touch: an open-addressing table with room for a fixed number of them.

use serde::{Deserialize, Serialize};

const VACANT: i64 = i64::MIN;

/// Ticks to lots. Probes linearly; deleting shifts the run back, so there are no tombstones.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Far {
    slots: Box<[(i64, u64)]>,
    len: usize,
    capacity: usize,
}

impl Far {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        let slots = capacity.max(8).saturating_mul(2).next_power_of_two();
        Self { slots: vec![(VACANT, 0); slots].into(), len: 0, capacity }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    const fn mask(&self) -> usize {
        self.slots.len().saturating_sub(1)
    }

    const fn home(&self, tick: i64) -> usize {
        // Fibonacci hashing: neighbouring ticks land far apart.
        let mixed = tick.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 20) as usize & self.mask()
    }

    /// The slot that holds `tick`, or the vacant slot where it would go.
    fn find(&self, tick: i64) -> usize {
        let mut at = self.home(tick);
        while let Some(&(key, _)) = self.slots.get(at) {
            if key == tick || key == VACANT {
                break;
            }
            at = at.wrapping_add(1) & self.mask();
        }
        at
    }

    pub(super) fn get(&self, tick: i64) -> u64 {
        match self.slots.get(self.find(tick)) {
            Some(&(key, lots)) if key == tick => lots,
            _ => 0,
        }
    }

    /// Set the lots at `tick`, zero removes. The change in the number of levels, or `None` when
    /// there is no room.
    pub(super) fn set(&mut self, tick: i64, lots: u64) -> Option<isize> {
        let at = self.find(tick);
        let present = self.slots.get(at).is_some_and(|&(key, _)| key == tick);
        match (present, lots) {
            (false, 0) => Some(0),
            (true, 0) => {
                self.remove(at);
                Some(-1)
            }
            (true, _) => {
                if let Some(slot) = self.slots.get_mut(at) {
                    slot.1 = lots;
                }
                Some(0)
            }
            (false, _) if self.len >= self.capacity || tick == VACANT => None,
            (false, _) => {
                if let Some(slot) = self.slots.get_mut(at) {
                    *slot = (tick, lots);
                }
                self.len = self.len.saturating_add(1);
                Some(1)
            }
        }
    }

    fn remove(&mut self, at: usize) {
        self.len = self.len.saturating_sub(1);
        let mut vacant = at;
        let mut next = at.wrapping_add(1) & self.mask();
        while let Some(&(key, lots)) = self.slots.get(next) {
            if key == VACANT {
                break;
            }
            // Move it there unless that would put it before its home.
            let past_home = next.wrapping_sub(self.home(key)) & self.mask();
            let past_vacant = next.wrapping_sub(vacant) & self.mask();
            if past_home >= past_vacant {
                if let Some(slot) = self.slots.get_mut(vacant) {
                    *slot = (key, lots);
                }
                vacant = next;
            }
            next = next.wrapping_add(1) & self.mask();
        }
        if let Some(slot) = self.slots.get_mut(vacant) {
            *slot = (VACANT, 0);
        }
    }

    pub(super) fn clear(&mut self) {
        if self.len > 0 {
            self.slots.fill((VACANT, 0));
            self.len = 0;
        }
    }

    /// All levels, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        let occupied = if self.len == 0 { &[][..] } else { &self.slots[..] };
        occupied.iter().copied().filter(|&(key, _)| key != VACANT)
    }

    /// Take out one level that lies in `low..high`, if there is one at or after slot `from`.
    /// Returns its slot too: removal can shift another level into it.
    pub(super) fn take_within(
        &mut self,
        range: (i64, i64),
        from: usize,
    ) -> Option<(usize, i64, u64)> {
        let (low, high) = range;
        let slots = self.slots.get(from..)?;
        let inside = |&(key, _): &(i64, u64)| key != VACANT && (low..high).contains(&key);
        let at = from.checked_add(slots.iter().position(inside)?)?;
        let &(tick, lots) = self.slots.get(at)?;
        self.remove(at);
        Some((at, tick, lots))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_as_a_map(ops in proptest::collection::vec((-40_i64..40, 0_u64..4), 0..400)) {
            let mut far = Far::with_capacity(100);
            let mut naive = BTreeMap::new();
            for (tick, lots) in ops {
                let before = naive.len() as isize;
                if lots == 0 { naive.remove(&tick); } else { naive.insert(tick, lots); }
                prop_assert_eq!(far.set(tick, lots), Some(naive.len() as isize - before));
                prop_assert_eq!(far.len(), naive.len());
            }
            let mut all: Vec<_> = far.iter().collect();
            all.sort_unstable();
            prop_assert_eq!(all, naive.iter().map(|(k, v)| (*k, *v)).collect::<Vec<_>>());
            for tick in -40..40 {
                prop_assert_eq!(far.get(tick), naive.get(&tick).copied().unwrap_or(0));
            }
        }
    }

    #[test]
    fn says_when_it_is_full() {
        let mut far = Far::with_capacity(2);
        assert_eq!((far.set(1, 1), far.set(2, 1), far.set(3, 1)), (Some(1), Some(1), None));
        assert_eq!(far.set(1, 9), Some(0), "what is there can still change");
    }
}
