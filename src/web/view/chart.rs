//! Charts drawn on the server: axis, unit, legend, a value for each bar, and the same numbers as a table.
//!
//! Positions along the time axis are percentages, so that a chart fills any width and its words keep their size.

use askama::Template;
use askama::filters::HtmlSafe;

use super::status::Tone;

const PLOT_TOP: f64 = 8.0;
const PLOT_HEIGHT: f64 = 152.0;
const MAX_LABELS: usize = 8;
const TICKS: u32 = 4;

/// Values of one kind, one per label of the chart.
pub struct Series {
    pub label: String,
    pub tone: Tone,
    pub values: Vec<f64>,
}

impl Series {
    pub fn new(label: &str, tone: Tone, values: Vec<f64>) -> Self {
        Self { label: label.to_owned(), tone, values }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Bars,
    Lines,
}

/// Says one value with its unit: `|ms| duration(ms as u64)`.
pub type Say = fn(f64) -> String;

#[derive(Template)]
#[template(path = "parts/chart.html")]
pub struct Chart {
    title: String,
    labels: Vec<String>,
    series: Vec<Series>,
    say: Say,
    shape: Shape,
    empty: String,
}

struct Bar {
    x: String,
    width: String,
    title: String,
    parts: Vec<Part>,
}

struct Part {
    tone: &'static str,
    y: String,
    height: String,
}

struct Tick {
    y: String,
    label: String,
}

struct Line {
    tone: &'static str,
    points: String,
}

impl HtmlSafe for Chart {}

impl Chart {
    /// Stacked bars: how many of each kind per label.
    pub fn bars(title: &str, labels: Vec<String>, series: Vec<Series>, say: Say) -> Self {
        Self::new(title, labels, series, say, Shape::Bars)
    }

    /// Lines beside each other, e.g. p50 and p95.
    pub fn lines(title: &str, labels: Vec<String>, series: Vec<Series>, say: Say) -> Self {
        Self::new(title, labels, series, say, Shape::Lines)
    }

    /// What to say while there is nothing to draw.
    pub fn when_empty(mut self, sentence: &str) -> Self {
        sentence.clone_into(&mut self.empty);
        self
    }

    fn new(title: &str, labels: Vec<String>, series: Vec<Series>, say: Say, shape: Shape) -> Self {
        let empty = "Nothing in this range yet.".to_owned();
        Self { title: title.to_owned(), labels, series, say, shape, empty }
    }

    fn value(&self, series: usize, at: usize) -> f64 {
        let value = self.series.get(series).and_then(|it| it.values.get(at)).copied().unwrap_or(0.0);
        if value.is_finite() { value.max(0.0) } else { 0.0 }
    }

    fn said(&self, series: &usize, at: &usize) -> String {
        (self.say)(self.value(*series, *at))
    }

    fn is_empty(&self) -> bool {
        self.labels.is_empty() || self.highest() <= 0.0
    }

    fn is_bars(&self) -> bool {
        self.shape == Shape::Bars
    }

    fn highest(&self) -> f64 {
        let at = |at: usize| {
            let values = (0..self.series.len()).map(|it| self.value(it, at));
            if self.is_bars() { values.sum() } else { values.fold(0.0, f64::max) }
        };
        (0..self.labels.len()).map(at).fold(0.0, f64::max)
    }

    /// The top of the axis: 1, 2, 2.5 or 5 times a power of ten, at or above the highest value.
    fn top(&self) -> f64 {
        round_up(self.highest())
    }

    fn ticks(&self) -> Vec<Tick> {
        let top = self.top();
        (0..=TICKS)
            .map(|it| {
                let share = f64::from(it) / f64::from(TICKS);
                Tick { y: px(y_of(share)), label: (self.say)(top * share) }
            })
            .collect()
    }

    fn bars_drawn(&self) -> Vec<Bar> {
        let (top, slot) = (self.top(), 100.0 / self.labels.len().max(1) as f64);
        (0..self.labels.len())
            .map(|at| {
                let mut base = 0.0;
                let mut parts = Vec::new();
                for (index, series) in self.series.iter().enumerate() {
                    let share = self.value(index, at) / top;
                    if share > 0.0 {
                        let height = share * PLOT_HEIGHT;
                        parts.push(Part {
                            tone: series.tone.name(),
                            y: px(y_of(base) - height),
                            height: px(height.max(1.0)),
                        });
                    }
                    base += share;
                }
                Bar {
                    x: percent(slot * (at as f64 + 0.15)),
                    width: percent(slot * 0.7),
                    title: self.title_at(at),
                    parts,
                }
            })
            .collect()
    }

    fn lines_drawn(&self) -> Vec<Line> {
        let (top, slot) = (self.top(), 1000.0 / self.labels.len().max(1) as f64);
        (0..self.series.len())
            .map(|index| {
                let point = |at: usize| {
                    let y = (1.0 - self.value(index, at) / top) * 100.0;
                    format!("{:.1},{y:.2}", slot * (at as f64 + 0.5))
                };
                Line {
                    tone: self.series[index].tone.name(),
                    points: (0..self.labels.len()).map(point).collect::<Vec<_>>().join(" "),
                }
            })
            .collect()
    }

    fn title_at(&self, at: usize) -> String {
        let values = self
            .series
            .iter()
            .enumerate()
            .map(|(index, series)| format!("{} {}", series.label, self.said(&index, &at)));
        format!("{}: {}", self.labels[at], values.collect::<Vec<_>>().join(", "))
    }

    /// As many labels as have room, evenly: (position, text).
    fn labels_drawn(&self) -> Vec<(String, &str)> {
        let slot = 100.0 / self.labels.len().max(1) as f64;
        let every = self.labels.len().div_ceil(MAX_LABELS).max(1);
        let shown = self.labels.iter().enumerate().filter(|(at, _)| at % every == 0);
        shown.map(|(at, label)| (percent(slot * (at as f64 + 0.5)), label.as_str())).collect()
    }
}

fn y_of(share: f64) -> f64 {
    PLOT_TOP + (1.0 - share) * PLOT_HEIGHT
}

fn px(value: f64) -> String {
    format!("{value:.1}")
}

fn percent(value: f64) -> String {
    format!("{value:.3}%")
}

fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 2.5, 4.0, 5.0, 8.0, 10.0];
    steps.iter().map(|it| it * power).find(|it| *it >= value * 0.999_999).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(value: f64) -> String {
        format!("{value}")
    }

    fn chart(values: Vec<f64>) -> Chart {
        let labels = (0..values.len()).map(|it| format!("{it}:00")).collect();
        Chart::bars("Runs", labels, vec![Series::new("completed", Tone::Ok, values)], say)
    }

    #[test]
    fn the_axis_ends_at_a_round_number() {
        for (value, top) in [(0.0, 1.0), (1.0, 1.0), (7.0, 8.0), (23.0, 25.0), (420.0, 500.0), (0.03, 0.04)] {
            assert!((round_up(value) - top).abs() < 1e-9, "{value}");
        }
    }

    #[test]
    fn bars_fill_the_plot_at_the_top_value_and_say_what_they_are() {
        let chart = chart(vec![5.0, 10.0]);
        let bars = chart.bars_drawn();
        assert_eq!(bars[1].parts[0].height, px(PLOT_HEIGHT));
        assert_eq!(bars[1].parts[0].y, px(PLOT_TOP));
        assert_eq!(bars[1].title, "1:00: completed 10");
    }

    #[test]
    fn a_chart_without_values_says_so_and_a_broken_value_is_nothing() {
        assert!(chart(vec![]).to_string().contains("Nothing in this range yet."));
        assert!(chart(vec![f64::NAN, -1.0]).is_empty());
    }

    #[test]
    fn the_table_holds_every_number() {
        let html = chart((0..30).map(f64::from).collect()).to_string();
        for n in 0..30 {
            assert!(html.contains(&format!("<td class=\"num\">{n}</td>")), "{n}");
        }
    }
}
