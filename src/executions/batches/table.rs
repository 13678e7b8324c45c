//! A batch's results as a file, made piece by piece so that no size of it fills the memory.

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ops::visible;
use super::results::{BatchResult, results};
use crate::access::Cx;
use crate::base::{BatchId, Cursor, Doing, PageRequest, Result};

/// Lines that are read at once.
const PIECE: usize = 50;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TableFormat {
    /// One page of lines.
    #[default]
    Json,
    /// The whole, as a table.
    Csv,
    /// The whole, a JSON object per line.
    Jsonl,
}

impl TableFormat {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json | Self::Jsonl => "application/x-ndjson",
        }
    }

    pub fn file_name(self, id: BatchId) -> String {
        let ending = if self == Self::Csv { "csv" } else { "jsonl" };
        format!("{id}.{ending}")
    }
}

/// Where the file has come to.
struct At {
    cursor: Option<Cursor>,
    is_first: bool,
    is_done: bool,
}

/// The whole file as it is read.
///
/// Errors: `NotFound` where the caller may not see the batch.
pub fn table_of(
    cx: &Cx,
    id: BatchId,
    format: TableFormat,
) -> Result<impl Stream<Item = Result<Bytes>> + use<>> {
    let fields = visible(cx, &cx.read()?, id)?.fields;
    let (cx, start) = (cx.clone(), At { cursor: None, is_first: true, is_done: false });
    Ok(try_unfold(start, move |at| {
        let piece = piece(&cx, id, format, &fields, at);
        async move { piece }
    }))
}

fn piece(
    cx: &Cx,
    id: BatchId,
    format: TableFormat,
    fields: &[String],
    at: At,
) -> Result<Option<(Bytes, At)>> {
    if at.is_done {
        return Ok(None);
    }
    let page = results(cx, id, &PageRequest { limit: Some(PIECE), cursor: at.cursor })?;
    let text = match format {
        TableFormat::Csv => rows(&page.items, fields, at.is_first)?,
        TableFormat::Json | TableFormat::Jsonl => lines(&page.items)?,
    };
    let cursor = page.next_cursor.as_deref().map(Cursor::parse).transpose()?;
    let is_done = cursor.is_none();
    Ok(Some((text.into(), At { cursor, is_first: false, is_done })))
}

fn lines(results: &[BatchResult]) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    for it in results {
        serde_json::to_writer(&mut text, it).doing("write a line")?;
        text.push(b'\n');
    }
    Ok(text)
}

fn rows(results: &[BatchResult], fields: &[String], with_head: bool) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if with_head {
        let inputs: Vec<String> = match fields {
            [] => vec!["input".to_owned()],
            _ => fields.iter().map(|it| format!("input.{it}")).collect(),
        };
        let head = ["line", "execution_id", "status"].into_iter().map(str::to_owned).chain(inputs);
        let tail = ["output", "error_code", "error", "attempts", "duration_ms", "cost_micros"];
        let head: Vec<String> = head.chain(tail.map(str::to_owned)).map(|it| shown(&it)).collect();
        writer.write_record(head).doing("write a table")?;
    }
    for it in results {
        let input = it.input.to_value();
        let mut row = vec![it.line.to_string(), it.execution_id.to_string(), it.status.name().to_owned()];
        match fields {
            [] => row.push(cell(&input)),
            _ => row.extend(fields.iter().map(|field| cell(&input[field]))),
        }
        row.push(it.output.as_ref().map(|it| cell(&it.to_value())).unwrap_or_default());
        row.push(it.error.as_ref().map(|it| it.code.name().to_owned()).unwrap_or_default());
        row.push(it.error.as_ref().map(|it| shown(&it.message)).unwrap_or_default());
        row.push(it.attempts.to_string());
        row.push(it.duration_ms.map(|it| it.to_string()).unwrap_or_default());
        row.push(it.cost_micros.map_or_else(String::new, |it| it.to_string()));
        writer.write_record(row).doing("write a table")?;
    }
    writer.into_inner().map_err(|it| it.into_error()).doing("write a table")
}

/// Text as it is, numbers as they are, the rest as JSON.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => shown(text),
        Value::Object(_) | Value::Array(_) | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A spreadsheet would take text that begins so for a formula, and run it.
fn shown(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::Json;
    use crate::engine::Status;

    #[test]
    fn a_table_quotes_what_would_break_it_and_disarms_formulas() {
        let line = BatchResult {
            line: 1,
            execution_id: "exe_00000000000000000000000000".parse().expect("an id"),
            status: Status::Completed,
            input: Json::of(&json!({ "a": "x,\"y\"", "n": -4 })),
            output: Some(Json::of(&json!("=1+1"))),
            error: None,
            attempts: 1,
            duration_ms: Some(5),
            cost_micros: Some(0),
        };
        let text = rows(&[line], &["a".to_owned(), "n".to_owned()], true).expect("a table");
        let text = String::from_utf8(text).expect("text");
        let expected = "line,execution_id,status,input.a,input.n,output,error_code,error,attempts,duration_ms,cost_micros\n\
             1,exe_00000000000000000000000000,completed,\"x,\"\"y\"\"\",-4,'=1+1,,,1,5,0\n";
        assert_eq!(text, expected);
    }
}
