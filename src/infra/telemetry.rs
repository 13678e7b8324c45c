//! Logs: readable on a terminal, JSON elsewhere, one line for each event, and never a secret that is in use.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use super::vault::Redactor;
use crate::base::{Error, Result};
use crate::config::{Log, LogFormat};

/// Sends everything that is logged from now on, panics too, to standard error.
///
/// Errors: `ValidationFailed` for a filter that cannot be read. A second call changes nothing.
pub fn init(config: &Log, redactor: Arc<Redactor>) -> Result<()> {
    let style = Style::of(config.format, io::stderr().is_terminal());
    let lines = Lines { redactor, open: io::stderr, keep_colours: style == Style::Colours };
    if subscriber(&config.filter, style, lines)?.try_init().is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            let at = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(at, "a panic: {}", panic.payload_as_str().unwrap_or("without a message"));
        }));
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Colours,
    Text,
    Json,
}

impl Style {
    fn of(format: LogFormat, is_terminal: bool) -> Self {
        match (format, is_terminal) {
            (LogFormat::Auto | LogFormat::Text, true) => Self::Colours,
            (LogFormat::Text, false) => Self::Text,
            (LogFormat::Auto, false) | (LogFormat::Json, _) => Self::Json,
        }
    }
}

fn subscriber<W>(filter: &str, style: Style, lines: W) -> Result<Box<dyn Subscriber + Send + Sync>>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter)
        .map_err(|it| Error::invalid(format!("the setting log.filter cannot be read: {it}")))?;
    let base = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines);
    Ok(match style {
        Style::Json => Box::new(base.json().flatten_event(true).with_span_list(false).finish()),
        Style::Text | Style::Colours => {
            Box::new(base.with_ansi(style == Style::Colours).with_target(false).finish())
        }
    })
}

/// Where lines go: through the redactor, and without anything that would end a line early or steer a terminal.
struct Lines<O> {
    redactor: Arc<Redactor>,
    open: O,
    keep_colours: bool,
}

struct Line<'a, W> {
    redactor: &'a Redactor,
    to: W,
    keep_colours: bool,
}

impl<'a, O: Fn() -> W, W: Write + 'a> MakeWriter<'a> for Lines<O> {
    type Writer = Line<'a, W>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { redactor: &self.redactor, to: (self.open)(), keep_colours: self.keep_colours }
    }
}

impl<W: Write> Write for Line<'_, W> {
    /// The subscriber hands over one whole event at a time.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let text = self.redactor.redact(text.strip_suffix('\n').unwrap_or(&text));
        let is_strange = |it: char| it.is_control() && !(self.keep_colours && it == '\u{1b}');
        let mut line = String::with_capacity(text.len() + 1);
        for letter in text.chars() {
            if is_strange(letter) {
                line.extend(letter.escape_default());
            } else {
                line.push(letter);
            }
        }
        line.push('\n');
        self.to.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;
    use crate::infra::Secret;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written while `log` runs, in lines.
    fn logged(style: Style, redactor: Arc<Redactor>, log: impl FnOnce()) -> Vec<String> {
        let kept = Kept::default();
        let to = kept.clone();
        let lines = Lines { redactor, open: move || to.clone(), keep_colours: false };
        tracing::subscriber::with_default(subscriber("debug", style, lines).expect("a filter"), log);
        String::from_utf8(kept.0.lock().clone()).expect("text").lines().map(str::to_owned).collect()
    }

    #[test]
    fn every_line_within_a_request_carries_its_id() {
        let lines = logged(Style::Json, Redactor::new(), || {
            let _within = tracing::info_span!("request", request.id = "req_1").entered();
            tracing::info!(execution.id = "exe_1", "accepted");
        });
        let [line] = lines.as_slice() else { panic!("one line: {lines:?}") };
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(line["span"]["request.id"], "req_1");
        assert_eq!(line["execution.id"], "exe_1");
        assert_eq!(line["message"], "accepted");
        let lines = logged(Style::Text, Redactor::new(), || {
            let _within = tracing::info_span!("request", request.id = "req_1").entered();
            tracing::info!("accepted");
        });
        assert!(lines[0].contains("req_1") && lines[0].contains("accepted"), "{lines:?}");
    }

    #[test]
    fn nothing_that_is_logged_begins_a_line_of_its_own() {
        for style in [Style::Text, Style::Json] {
            let lines = logged(style, Redactor::new(), || {
                tracing::info!(name = "a\r\nb", "x\n2026-01-01 ERROR forged\u{1b}[2J");
            });
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(!lines[0].contains('\u{1b}'), "{lines:?}");
        }
    }

    #[test]
    fn secrets_in_use_are_cut_out() {
        let redactor = Redactor::new();
        let _watch = redactor.watch(&Secret::new("correct horse battery".to_owned()));
        for style in [Style::Text, Style::Json] {
            let lines = logged(style, redactor.clone(), || {
                tracing::warn!("the peer says: correct horse battery");
            });
            assert!(!lines[0].contains("horse"), "{lines:?}");
        }
    }

    #[test]
    fn a_wrong_filter_is_named() {
        let error = subscriber("reeve=loud", Style::Text, io::stderr).err().expect("refused");
        assert!(error.message().contains("log.filter"), "{error}");
    }

    #[test]
    fn the_format_follows_the_place() {
        assert_eq!(Style::of(LogFormat::Auto, true), Style::Colours);
        assert_eq!(Style::of(LogFormat::Auto, false), Style::Json);
        assert_eq!(Style::of(LogFormat::Text, false), Style::Text);
        assert_eq!(Style::of(LogFormat::Json, true), Style::Json);
    }
}
