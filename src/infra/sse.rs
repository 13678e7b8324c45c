//! Taking streamed answers apart: server-sent events and lines of JSON, however the bytes are cut.

/// Cuts a byte stream into lines that end in LF, CRLF or CR. Memory is bounded by the longest line allowed.
pub struct LineSplitter {
    line: Vec<u8>,
    max_line_bytes: usize,
    /// The last byte was CR: an LF right after it belongs to the same line end.
    after_cr: bool,
    /// Nothing has been read yet: a byte order mark may come.
    at_start: bool,
    /// CR alone ends a line too (server-sent events); else only LF and CRLF do (JSON lines).
    cr_ends: bool,
}

/// A line beyond the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineTooLong {
    pub max_line_bytes: usize,
}

impl std::fmt::Display for LineTooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the stream holds a line or an event of more than {} bytes", self.max_line_bytes)
    }
}

impl std::error::Error for LineTooLong {}

impl From<LineTooLong> for crate::base::Error {
    fn from(error: LineTooLong) -> Self {
        Self::new(crate::base::Code::ExecutionFailed, error.to_string())
    }
}

const BOM: &[u8] = b"\xef\xbb\xbf";

impl LineSplitter {
    /// For JSON lines: LF or CRLF.
    pub fn ndjson(max_line_bytes: usize) -> Self {
        Self { line: Vec::new(), max_line_bytes, after_cr: false, at_start: true, cr_ends: false }
    }

    fn sse(max_line_bytes: usize) -> Self {
        Self { cr_ends: true, ..Self::ndjson(max_line_bytes) }
    }

    /// Calls `take` with every line that `bytes` completes, without its end.
    pub fn feed<E: From<LineTooLong>>(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        while !bytes.is_empty() {
            if self.after_cr {
                self.after_cr = false;
                if let Some(rest) = bytes.strip_prefix(b"\n") {
                    bytes = rest;
                    continue;
                }
            }
            let end = bytes.iter().position(|it| *it == b'\n' || (self.cr_ends && *it == b'\r'));
            let piece = &bytes[..end.unwrap_or(bytes.len())];
            if self.line.len() + piece.len() > self.max_line_bytes {
                return Err(LineTooLong { max_line_bytes: self.max_line_bytes }.into());
            }
            let Some(end) = end else {
                self.line.extend_from_slice(piece);
                return Ok(());
            };
            self.after_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            if self.line.is_empty() {
                take(trim(piece, &mut self.at_start, self.cr_ends))?;
            } else {
                self.line.extend_from_slice(piece);
                let taken = take(trim(&self.line, &mut self.at_start, self.cr_ends));
                self.line.clear();
                taken?;
            }
        }
        Ok(())
    }

    /// The last line, where it had no end.
    pub fn finish(mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.line);
        let line = trim(&line, &mut self.at_start, self.cr_ends);
        (!line.is_empty()).then(|| line.to_vec())
    }
}

fn trim<'l>(line: &'l [u8], at_start: &mut bool, cr_ends: bool) -> &'l [u8] {
    let line = if std::mem::take(at_start) { line.strip_prefix(BOM).unwrap_or(line) } else { line };
    if cr_ends { line } else { line.strip_suffix(b"\r").unwrap_or(line) }
}

/// One server-sent event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// `None` for the plain `message`.
    pub event: Option<String>,
    pub data: String,
    /// The last event id in force when it came.
    pub id: Option<String>,
}

/// Reads `text/event-stream`, as the HTML standard says: an event at the end of the stream that was not closed by
/// an empty line is dropped; bytes that are not UTF-8 become the replacement character.
pub struct SseParser {
    lines: LineSplitter,
    event: PendingEvent,
}

#[derive(Default)]
struct PendingEvent {
    name: String,
    data: String,
    has_data: bool,
    id: Option<String>,
    max_bytes: usize,
    keeps_bare: bool,
}

impl SseParser {
    /// `max_bytes` bounds a line and the data of an event.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            lines: LineSplitter::sse(max_bytes),
            event: PendingEvent { max_bytes, ..PendingEvent::default() },
        }
    }

    /// Takes an event for one that has a name and no data, which the standard drops: for peers that end a stream so.
    pub fn with_bare_events(mut self) -> Self {
        self.event.keeps_bare = true;
        self
    }

    /// Calls `take` with every event that `bytes` completes.
    pub fn feed<E: From<LineTooLong>>(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(SseEvent) -> Result<(), E>,
    ) -> Result<(), E> {
        let event = &mut self.event;
        self.lines.feed(bytes, |line| match event.line(line)? {
            Some(done) => take(done),
            None => Ok(()),
        })
    }
}

impl PendingEvent {
    fn line(&mut self, line: &[u8]) -> Result<Option<SseEvent>, LineTooLong> {
        if line.is_empty() {
            return Ok(self.dispatch());
        }
        let (field, value) = match line.iter().position(|it| *it == b':') {
            Some(at) => {
                let value = &line[at + 1..];
                (&line[..at], value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &b""[..]),
        };
        match field {
            b"data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.has_data = true;
                self.data.push_str(&String::from_utf8_lossy(value));
                if self.data.len() > self.max_bytes {
                    return Err(LineTooLong { max_line_bytes: self.max_bytes });
                }
            }
            b"event" => self.name = String::from_utf8_lossy(value).into_owned(),
            b"id" if !value.contains(&0) => self.id = Some(String::from_utf8_lossy(value).into_owned()),
            // A comment, `retry`, or a field that we do not know.
            _ => {}
        }
        Ok(None)
    }

    fn dispatch(&mut self) -> Option<SseEvent> {
        let name = std::mem::take(&mut self.name);
        let data = std::mem::take(&mut self.data);
        let is_kept = std::mem::take(&mut self.has_data) || (self.keeps_bare && !name.is_empty());
        if !is_kept {
            return None;
        }
        Some(SseEvent { event: (!name.is_empty()).then_some(name), data, id: self.id.clone() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events(chunks: &[&[u8]], max: usize) -> Result<Vec<SseEvent>, LineTooLong> {
        let (mut parser, mut events) = (SseParser::new(max), Vec::new());
        for chunk in chunks {
            parser.feed(chunk, |it| {
                events.push(it);
                Ok::<_, LineTooLong>(())
            })?;
        }
        Ok(events)
    }

    fn lines(chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut splitter, mut lines) = (LineSplitter::ndjson(1 << 20), Vec::new());
        for chunk in chunks {
            let fed = splitter.feed(chunk, |it| {
                lines.push(it.to_vec());
                Ok::<_, LineTooLong>(())
            });
            fed.expect("short lines");
        }
        lines.extend(splitter.finish());
        lines
    }

    fn check(text: &str, expected: &[(Option<&str>, &str)]) {
        let found = events(&[text.as_bytes()], 1 << 20).expect("parses");
        let found: Vec<_> = found.iter().map(|it| (it.event.as_deref(), it.data.as_str())).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn events_come_out_as_the_standard_says() {
        check("data: a\n\n", &[(None, "a")]);
        check("data:a\r\n\r\ndata:b\r\rdata:c\n\n", &[(None, "a"), (None, "b"), (None, "c")]);
        check("\u{feff}data: a\n\n", &[(None, "a")]);
        check("event: end\ndata: 1\ndata: 2\n\n", &[(Some("end"), "1\n2")]);
        check(": ping\n\nevent: lost\n\ndata\n\n", &[(None, "")]);
        check("data: not closed\n", &[]);
        let (mut parser, mut names) = (SseParser::new(100).with_bare_events(), Vec::new());
        let fed = parser.feed(b": ping\n\nevent: end\n\ndata: a\n\n", |it| {
            names.push(it.event);
            Ok::<_, LineTooLong>(())
        });
        assert_eq!((fed, names), (Ok(()), vec![Some("end".to_owned()), None]));
        check("data:  two spaces\nretry: 5\nunknown: x\n\n", &[(None, " two spaces")]);
        let found = events(&[b"id: 7\ndata: a\n\ndata: b\n\n"], 99).expect("parses");
        assert_eq!(found.iter().map(|it| it.id.as_deref()).collect::<Vec<_>>(), [Some("7"), Some("7")]);
    }

    #[test]
    fn a_line_or_event_beyond_the_limit_is_an_error() {
        assert!(events(&[b"data: 0123456789\n\n"], 16).is_ok());
        assert!(events(&[b"data: 01234567890\n\n"], 16).is_err());
        assert!(events(&[b"data: 0123", b"45678901"], 16).is_err());
        assert!(events(&[b"data: 012345\ndata: 0123456789\n\n"], 16).is_err());
    }

    #[test]
    fn json_lines_may_end_without_a_line_end() {
        assert_eq!(
            lines(&[b"\xef\xbb\xbf{\"a\":1}\r\n\n{\"b\":\"\r\"}"]),
            [&b"{\"a\":1}"[..], b"", b"{\"b\":\"\r\"}"]
        );
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_events(
            pieces in prop::collection::vec(prop::sample::select(vec![
                "data: ", "data", "event: x", "id: 1", ":", "\n", "\r", "\r\n", "\n\n", "ä漢🙂", "a", "\u{feff}", " ", "\0",
            ]), 0..60),
            cuts in prop::collection::vec(0_usize..400, 0..20),
        ) {
            let bytes = pieces.concat().into_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|it| *it <= bytes.len()).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|it| &bytes[it[0]..it[1]]).collect();
            prop_assert_eq!(events(&chunks, 1 << 20), events(&[&bytes], 1 << 20));
            prop_assert_eq!(lines(&chunks), lines(&[&bytes]));
        }
    }
}
