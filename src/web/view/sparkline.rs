//! A line without axes, for a table cell or a tile: shape only, the numbers stand beside it.

use askama::Template;
use askama::filters::HtmlSafe;

const WIDTH: f64 = 100.0;
const HEIGHT: f64 = 28.0;
const PAD: f64 = 2.0;

#[derive(Template)]
#[template(path = "parts/sparkline.html")]
pub struct Sparkline {
    label: String,
    line: String,
    area: String,
}

impl HtmlSafe for Sparkline {}

impl Sparkline {
    /// `label` says in words what the line shows: `Executions per hour, last day: 12 to 340`.
    pub fn new(label: impl std::fmt::Display, values: &[f64]) -> Self {
        let most = values.iter().copied().filter(|it| it.is_finite()).fold(0.0, f64::max);
        let last = values.len().saturating_sub(1).max(1) as f64;
        let points: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(at, value)| {
                let share =
                    if most > 0.0 && value.is_finite() { (value / most).clamp(0.0, 1.0) } else { 0.0 };
                let x = at as f64 / last * WIDTH;
                format!("{x:.1},{:.1}", HEIGHT - PAD - share * (HEIGHT - 2.0 * PAD))
            })
            .collect();
        let line = if points.len() > 1 { points.join(" ") } else { String::new() };
        let area =
            if line.is_empty() { String::new() } else { format!("0,{HEIGHT} {line} {WIDTH},{HEIGHT}") };
        Self { label: label.to_string(), line, area }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_inside_and_empty_ones_are_flat() {
        assert_eq!(Sparkline::new("x", &[0.0, 10.0]).line, "0.0,26.0 100.0,2.0");
        assert_eq!(Sparkline::new("x", &[0.0, 0.0]).line, "0.0,26.0 100.0,26.0");
        assert_eq!(Sparkline::new("x", &[f64::NAN, 1.0]).line, "0.0,26.0 100.0,2.0");
        assert!(Sparkline::new("x", &[1.0]).line.is_empty());
    }
}
