//! A sketch of durations: counts in buckets whose bounds grow by 2^(1/8), so that a quantile is right to
//! within 9 %.

use serde::{Deserialize, Serialize};

const BUCKETS_PER_DOUBLING: f64 = 8.0;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sketch(Vec<(u8, u32)>);

impl Sketch {
    pub fn add(&mut self, ms: u64) {
        let bucket = bucket_of(ms);
        match self.0.binary_search_by_key(&bucket, |it| it.0) {
            Ok(at) => self.0[at].1 = self.0[at].1.saturating_add(1),
            Err(at) => self.0.insert(at, (bucket, 1)),
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            match self.0.binary_search_by_key(bucket, |it| it.0) {
                Ok(at) => self.0[at].1 = self.0[at].1.saturating_add(*count),
                Err(at) => self.0.insert(at, (*bucket, *count)),
            }
        }
    }

    /// Milliseconds below which the part `quantile` (0 to 1) of the values lies; `None` without values.
    pub fn quantile(&self, quantile: f64) -> Option<u64> {
        let all: u64 = self.0.iter().map(|it| u64::from(it.1)).sum();
        if all == 0 {
            return None;
        }
        let rank = ((all as f64 * quantile).ceil() as u64).clamp(1, all);
        let mut seen = 0;
        for (bucket, count) in &self.0 {
            seen += u64::from(*count);
            if seen >= rank {
                return Some(middle_of(*bucket));
            }
        }
        None
    }
}

fn bucket_of(ms: u64) -> u8 {
    (((ms + 1) as f64).log2() * BUCKETS_PER_DOUBLING).round().min(255.0) as u8
}

fn middle_of(bucket: u8) -> u64 {
    ((f64::from(bucket) / BUCKETS_PER_DOUBLING).exp2() - 1.0).round() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn quantiles_are_near(mut values in proptest::collection::vec(0_u64..3_600_000, 1..300), quantile in 0.0_f64..1.0) {
            let mut sketch = Sketch::default();
            values.iter().for_each(|it| sketch.add(*it));
            values.sort_unstable();
            let rank = ((values.len() as f64 * quantile).ceil() as usize).clamp(1, values.len());
            let (exact, found) = (values[rank - 1] as f64, sketch.quantile(quantile).expect("values") as f64);
            prop_assert!((found - exact).abs() <= exact * 0.09 + 1.0, "{found} for {exact}");
        }

        #[test]
        fn merging_is_adding(a in proptest::collection::vec(0_u64..10_000, 0..50), b in proptest::collection::vec(0_u64..10_000, 0..50)) {
            let of = |values: &[u64]| { let mut it = Sketch::default(); values.iter().for_each(|v| it.add(*v)); it };
            let mut merged = of(&a);
            merged.merge(&of(&b));
            prop_assert_eq!(merged, of(&[a, b].concat()));
        }
    }
}
