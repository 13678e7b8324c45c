//! The steps of a run on one time axis.

use askama::Template;
use askama::filters::HtmlSafe;

use super::badge::Badge;
use super::format;
use super::status::Status;

/// One step. Times count from the start of the run.
#[derive(Debug, Clone, Default)]
pub struct Step {
    pub label: String,
    /// A word that `Status` knows.
    pub status: String,
    pub start_ms: u64,
    /// Until now, for a step that is not finished.
    pub duration_ms: u64,
    pub depth: u8,
    /// Where the step's own page or entry is; empty where there is none.
    pub href: String,
    /// A few words: attempts, cost.
    pub note: String,
}

#[derive(Template)]
#[template(path = "parts/waterfall.html")]
pub struct Waterfall {
    total_ms: u64,
    steps: Vec<Step>,
}

impl HtmlSafe for Waterfall {}

impl Waterfall {
    /// `total_ms` is made longer where a step ends later.
    pub fn new(total_ms: u64, steps: Vec<Step>) -> Self {
        let last = steps.iter().map(|it| it.start_ms.saturating_add(it.duration_ms)).max().unwrap_or(0);
        Self { total_ms: total_ms.max(last).max(1), steps }
    }

    fn ticks(&self) -> Vec<(String, String)> {
        (0..4_u64).map(|it| (format!("{}%", it * 25), format::duration(self.total_ms * it / 4))).collect()
    }

    fn total(&self) -> String {
        format::duration(self.total_ms)
    }
}

impl Step {
    fn x(&self, total_ms: &u64) -> String {
        share(self.start_ms, *total_ms)
    }

    fn width(&self, total_ms: &u64) -> String {
        share(self.duration_ms, *total_ms)
    }

    fn badge(&self) -> Badge {
        Badge::of(&self.status).plain()
    }

    fn tone(&self) -> &'static str {
        Status::of(&self.status).tone.name()
    }

    fn took(&self) -> String {
        format::duration(self.duration_ms)
    }

    fn starts(&self) -> String {
        format::duration(self.start_ms)
    }

    fn depth(&self) -> u8 {
        self.depth.min(6)
    }
}

fn share(part_ms: u64, total_ms: u64) -> String {
    format!("{:.2}%", part_ms as f64 / total_ms.max(1) as f64 * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_stand_where_they_ran() {
        let step = Step {
            label: "call <model>".into(),
            status: "completed".into(),
            start_ms: 250,
            duration_ms: 500,
            ..Step::default()
        };
        let html = Waterfall::new(1_000, vec![step]).to_string();
        assert!(html.contains("x=\"25.00%\"") && html.contains("width=\"50.00%\""), "{html}");
        assert!(!html.contains("<model>"), "{html}");
    }

    #[test]
    fn a_step_that_ends_later_makes_the_axis_longer() {
        let step = Step { start_ms: 1_000, duration_ms: 3_000, ..Step::default() };
        assert_eq!(Waterfall::new(2_000, vec![step]).total_ms, 4_000);
        assert_eq!(Waterfall::new(0, vec![]).total_ms, 1);
    }
}
