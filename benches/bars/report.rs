//! The table at the end.

#[derive(Default)]
pub struct Report(Vec<(String, f64, &'static str, &'static str)>);

impl Report {
    pub fn row(&mut self, name: &str, value: f64, unit: &'static str, bar: &'static str) {
        eprintln!("{name}: {value:.3} {unit}");
        self.0.push((name.to_owned(), value, unit, bar));
    }

    pub fn print(&self) {
        println!("\n{:<44} {:>12} {:<5}  bar · goal", "", "measured", "");
        for (name, value, unit, bar) in &self.0 {
            let shown = if *value >= 100.0 { format!("{value:.0}") } else { format!("{value:.3}") };
            println!("{name:<44} {shown:>12} {unit:<5}  {bar}");
        }
    }
}

pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
