//! What a call may use, said before it is made: the most, as far as an adapter can tell.

use serde_json::Value;

use super::Turn;
use crate::base::Json;

/// An answer is thought to have at most so many tokens where nobody has set a limit.
pub(super) const USUAL_OUTPUT_TOKENS: u64 = 4_096;
/// Text has about four bytes to a token, JSON and most other scripts about three.
const BYTES_PER_TOKEN: u64 = 3;

/// What a call is to be about.
pub struct Asked<'a> {
    pub config: &'a Value,
    pub input: &'a Json,
    /// What was said in the session before, for adapters that tell it.
    pub history: &'a [Turn],
    /// The agent's own words and shape, for adapters that use them.
    pub instructions: &'a str,
    pub output_schema: Option<&'a Value>,
}

/// What is not known is left out: it is not zero.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Estimate {
    pub input_tokens: Option<u64>,
    /// The most.
    pub output_tokens: Option<u64>,
    /// In, out: millionths of the currency per token.
    pub prices: Option<(f64, f64)>,
}

impl Estimate {
    pub fn tokens(&self) -> Option<u64> {
        self.input_tokens.zip(self.output_tokens).map(|(input, output)| input.saturating_add(output))
    }

    pub fn cost_micros(&self) -> Option<i64> {
        let (input, output) = self.input_tokens.zip(self.output_tokens)?;
        self.price(input, output)
    }

    /// Tokens and money of a call that was cut off after it had answered so many bytes of text.
    pub fn after(&self, text_bytes: u64) -> (u64, i64) {
        let (input, output) = (self.input_tokens.unwrap_or(0), tokens_in(text_bytes));
        (input.saturating_add(output), self.price(input, output).unwrap_or(0))
    }

    fn price(&self, input: u64, output: u64) -> Option<i64> {
        let prices = self.prices?;
        // Saturates, and is rounded up: it is the most.
        Some((input as f64 * prices.0 + output as f64 * prices.1).ceil() as i64)
    }
}

/// Tokens of a text of so many bytes, rather too many than too few.
pub(super) fn tokens_in(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_zero() {
        assert_eq!((Estimate::default().tokens(), Estimate::default().cost_micros()), (None, None));
        let unpriced = Estimate { input_tokens: Some(10), output_tokens: Some(5), ..Estimate::default() };
        assert_eq!((unpriced.tokens(), unpriced.cost_micros()), (Some(15), None));
    }

    #[test]
    fn a_call_that_was_cut_off_has_used_its_input_and_what_it_said() {
        let it = Estimate { input_tokens: Some(10), output_tokens: Some(100), prices: Some((1.0, 2.0)) };
        assert_eq!(it.cost_micros(), Some(210));
        assert_eq!(it.after(0), (10, 10));
        assert_eq!(it.after(7), (13, 16));
    }
}
