//! What is handed in for a batch: JSON, JSON lines, or a table whose columns are the fields of the input.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{Error, Invalid, Json, Result};

/// Inputs of one batch.
pub(super) const MAX_INPUTS: usize = 1_000;
const MAX_COLUMNS: usize = 200;

/// Many inputs for one agent.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBatch {
    /// 1 to 1,000; each must fit the agent's input schema.
    #[schemars(length(min = 1, max = 1_000))]
    pub inputs: Vec<Json>,
    /// What people call it.
    #[serde(default)]
    #[schemars(length(max = 120))]
    pub name: String,
    /// A version's number, or `draft`; left out: the one that is published.
    #[serde(default)]
    pub version: Option<String>,
    /// Kept with each of the runs.
    #[serde(default)]
    pub metadata: Option<Json>,
    /// -100 to 100; higher goes first among the organization's waiting runs.
    #[serde(default)]
    #[schemars(range(min = -100, max = 100))]
    pub priority: Option<i8>,
    /// Where each of its runs is sent when it has ended, as with a single one.
    #[serde(default)]
    #[schemars(length(max = 2048))]
    pub callback_url: Option<String>,
    /// Where each input stood, as errors name it. Not sent.
    #[serde(skip)]
    pub places: Vec<Place>,
}

/// Where an input stood: what a program looks for, and what a person does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub path: String,
    pub words: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchFormat {
    #[default]
    Csv,
    Jsonl,
}

impl NewBatch {
    pub(super) fn place(&self, index: usize) -> Place {
        let line = index + 1;
        let plain = || Place { path: format!("/inputs/{index}"), words: format!("input {line}") };
        self.places.get(index).cloned().unwrap_or_else(plain)
    }
}

/// Reads a text of lines. `schema` says what the cells of a table are.
///
/// Errors: `InvalidInput` with every line that cannot be read.
pub fn read_inputs(format: BatchFormat, text: &[u8], schema: &Value) -> Result<NewBatch> {
    let text = std::str::from_utf8(text).map_err(|it| {
        let line = text[..it.valid_up_to()].iter().filter(|it| **it == b'\n').count() + 1;
        Error::invalid(format!("line {line} is not UTF-8 text; save the file as UTF-8"))
    })?;
    let text = text.trim_start_matches('\u{feff}');
    let lines = match format {
        BatchFormat::Jsonl => json_lines(text),
        BatchFormat::Csv => table(text, schema)?,
    };
    let mut new = NewBatch {
        inputs: Vec::new(),
        name: String::new(),
        version: None,
        metadata: None,
        priority: None,
        callback_url: None,
        places: Vec::new(),
    };
    let mut wrong = Vec::new();
    for (line, input) in lines {
        let place = Place { path: format!("/lines/{line}"), words: format!("line {line}") };
        match input {
            Ok(input) => {
                new.inputs.push(input);
                new.places.push(place);
            }
            Err(why) => wrong.push(Invalid { path: place.path, message: format!("{}: {why}", place.words) }),
        }
    }
    if wrong.is_empty() { Ok(new) } else { Err(refused(wrong)) }
}

/// Errors are many in a table with one wrong column: the first of them say it.
pub(super) fn refused(mut wrong: Vec<Invalid>) -> Error {
    const SHOWN: usize = 50;
    let all = lines_of(&wrong);
    wrong.truncate(SHOWN);
    let more = all - lines_of(&wrong);
    let error = Error::invalid_fields(crate::base::Code::InvalidInput, wrong).detail("wrong_lines", all);
    match more {
        0 => error,
        1 => error.suggest("1 more line is wrong"),
        more => error.suggest(format!("{more} more lines are wrong")),
    }
}

/// A line may be wrong in many ways, which stand behind each other: its path begins with two names.
fn lines_of(wrong: &[Invalid]) -> usize {
    let line = |it: &Invalid| it.path.split('/').take(3).collect::<Vec<_>>().join("/");
    wrong.chunk_by(|one, other| line(one) == line(other)).count()
}

type Lines = Vec<(u64, std::result::Result<Json, String>)>;

fn json_lines(text: &str) -> Lines {
    let lines = text.lines().zip(1..).filter(|it| !it.0.trim().is_empty());
    lines.map(|(line, number)| (number, Json::parse(line).map_err(|it| it.message().to_owned()))).collect()
}

fn table(text: &str, schema: &Value) -> Result<Lines> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter(text)).flexible(true).from_reader(text.as_bytes());
    let unreadable = |it: csv::Error| Error::invalid(format!("this table cannot be read: {it}"));
    let columns: Vec<String> =
        reader.headers().map_err(unreadable)?.iter().map(|it| it.trim().to_owned()).collect();
    if columns.len() > MAX_COLUMNS || columns.iter().any(String::is_empty) {
        return Err(Error::invalid(format!(
            "line 1 names the columns: 1 to {MAX_COLUMNS} names, none of them empty"
        )));
    }
    if let Some(twice) = columns.iter().enumerate().find(|(at, it)| columns[..*at].contains(it)) {
        return Err(Error::invalid(format!("line 1 names the column {} twice", twice.1)));
    }
    let mut lines = Lines::new();
    for record in reader.records() {
        match record {
            Ok(record) => {
                let number = record.position().map_or(0, csv::Position::line);
                lines.push((number, row(&columns, &record, schema)));
            }
            Err(error) => {
                let number = error.position().map_or(0, csv::Position::line);
                lines.push((number, Err(error.to_string())));
            }
        }
        if lines.len() > MAX_INPUTS {
            break;
        }
    }
    Ok(lines)
}

/// What stands most often in the first line: spreadsheets of some countries write semicolons.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default().as_bytes();
    let count = |it: &u8| first.iter().filter(|byte| *byte == it).count();
    [b';', b'\t', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

fn row(columns: &[String], record: &csv::StringRecord, schema: &Value) -> std::result::Result<Json, String> {
    if record.len() != columns.len() {
        return Err(format!("it has {} cells, the first line names {} columns", record.len(), columns.len()));
    }
    if types_of(schema).contains(&"string") && columns.len() == 1 {
        return Ok(Json::of(&record[0].into()));
    }
    let mut input = Map::new();
    for (column, cell) in columns.iter().zip(record) {
        let field = &schema["properties"][column];
        if let Some(value) = cell_of(cell, field).map_err(|it| format!("{column} {it}"))? {
            input.insert(column.clone(), value);
        }
    }
    Ok(Json::of(&Value::Object(input)))
}

/// An empty cell leaves its field out, unless it is text. A column that the schema does not know is text.
fn cell_of(cell: &str, field: &Value) -> std::result::Result<Option<Value>, String> {
    let types = types_of(field);
    let is = |name: &str| types.contains(&name);
    let trimmed = cell.trim();
    if trimmed.is_empty() {
        return Ok(is("string").then(|| cell.into()));
    }
    if is("boolean") {
        match trimmed.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => return Ok(Some(true.into())),
            "false" | "no" | "0" => return Ok(Some(false.into())),
            _ => {}
        }
    }
    if (is("integer") || is("number"))
        && let Ok(Value::Number(number)) = serde_json::from_str(trimmed)
    {
        return Ok(Some(Value::Number(number)));
    }
    if is("object") || is("array") {
        match Json::parse(trimmed) {
            Ok(json) => return Ok(Some(json.to_value())),
            Err(_) if is("string") => {}
            Err(_) => return Err("is not the JSON that it has to be".to_owned()),
        }
    }
    let wanted = types.iter().find(|it| !["string", "null"].contains(*it));
    match wanted {
        Some(wanted) if !is("string") => Err(format!("has to be {}", article(wanted))),
        _ => Ok(Some(cell.into())),
    }
}

fn types_of(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn article(kind: &str) -> String {
    match kind {
        "integer" => "a whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        other => format!("a {other}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(format: BatchFormat, text: &str, schema: &Value) -> std::result::Result<Vec<Value>, Vec<String>> {
        match read_inputs(format, text.as_bytes(), schema) {
            Ok(new) => Ok(new.inputs.iter().map(Json::to_value).collect()),
            Err(error) if error.invalid_list().is_empty() => Err(vec![error.message().to_owned()]),
            Err(error) => Err(error.invalid_list().iter().map(|it| it.message.clone()).collect()),
        }
    }

    fn schema() -> Value {
        json!({ "type": "object", "properties": {
            "text": { "type": "string" }, "count": { "type": "integer" }, "score": { "type": ["number", "null"] },
            "urgent": { "type": "boolean" }, "tags": { "type": "array" } } })
    }

    #[test]
    fn cells_are_what_the_schema_says() {
        let table =
            "text,count,score,urgent,tags,other\n\"a, \"\"b\"\"\nc\",3,,yes,\"[1,2]\",7\n,4,1.5,FALSE,,\n";
        let expected = vec![
            json!({ "text": "a, \"b\"\nc", "count": 3, "urgent": true, "tags": [1, 2], "other": "7" }),
            json!({ "text": "", "count": 4, "score": 1.5, "urgent": false }),
        ];
        assert_eq!(read(BatchFormat::Csv, table, &schema()), Ok(expected));
    }

    #[test]
    fn semicolons_and_a_byte_order_mark_are_understood() {
        let found = read(BatchFormat::Csv, "\u{feff}text;count\r\na;1\r\n", &schema());
        assert_eq!(found, Ok(vec![json!({ "text": "a", "count": 1 })]));
    }

    #[test]
    fn one_column_is_enough_for_an_agent_that_takes_text() {
        let found = read(BatchFormat::Csv, "question\nWhy?\n", &json!({ "type": "string" }));
        assert_eq!(found, Ok(vec![json!("Why?")]));
    }

    #[test]
    fn every_wrong_line_is_named() {
        let table = "text,count\na,1\nb,two\nc\nd,4.5,x\n";
        let expected = [
            "line 3: count has to be a whole number",
            "line 4: it has 1 cells, the first line names 2 columns",
            "line 5: it has 3 cells, the first line names 2 columns",
        ];
        assert_eq!(read(BatchFormat::Csv, table, &schema()), Err(expected.map(str::to_owned).to_vec()));
        let lines = read(BatchFormat::Jsonl, "{\"a\":1}\n\n{oops\n", &schema()).expect_err("refused");
        assert!(lines.len() == 1 && lines[0].starts_with("line 3: "), "{lines:?}");
        assert!(read(BatchFormat::Csv, "a,,b\n1,2,3\n", &schema()).is_err());
        assert!(read(BatchFormat::Csv, "a,a\n1,2\n", &schema()).is_err());
    }
}
