//! Money: integer millionths of the currency unit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl Micros {
    /// As people write amounts, to the last digit that counts: `12.00`, `0.0042`.
    pub fn plain(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let all = self.0.unsigned_abs();
        let digits = format!("{:06}", all % 1_000_000);
        let kept = digits.trim_end_matches('0').len().max(2);
        format!("{sign}{}.{}", all / 1_000_000, &digits[..kept])
    }
}

impl std::ops::Add for Micros {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::ops::AddAssign for Micros {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

#[cfg(test)]
mod tests {
    use super::Micros;

    #[test]
    fn amounts_are_written_to_the_last_digit_that_counts() {
        for (micros, text) in
            [(0, "0.00"), (12_000_000, "12.00"), (4_200, "0.0042"), (1, "0.000001"), (-1_500_000, "-1.50")]
        {
            assert_eq!(Micros(micros).plain(), text);
        }
    }
}
