//! What the parser of JSON, queries and forms says, in words for someone who does not know the types behind it.

use super::Invalid;

/// `message` is the parser's, `at` the JSON Pointer of the value that it speaks of.
pub fn in_words(at: String, message: &str) -> Invalid {
    let message = message.split(" at line ").next().unwrap_or_default();
    if let Some(field) = quoted(message, "missing field `") {
        return Invalid { path: format!("{at}/{field}"), message: "is missing".to_owned() };
    }
    if let Some(field) = quoted(message, "duplicate field `") {
        return Invalid { path: path_of(at, field), message: "comes twice".to_owned() };
    }
    if let Some(field) = quoted(message, "unknown field `") {
        let known = match message.split_once(", expected ") {
            Some((_, known)) => format!("is no field here; the fields are {}", names(known)),
            None => "is no field here".to_owned(),
        };
        return Invalid { path: path_of(at, field), message: known };
    }
    Invalid { path: at, message: of_value(message) }
}

/// Of a field that the parser had read when it stopped: some parsers count it to where they stood.
fn path_of(at: String, field: &str) -> String {
    if at.ends_with(&format!("/{field}")) { at } else { format!("{at}/{field}") }
}

fn of_value(message: &str) -> String {
    if let Some(value) = quoted(message, "unknown variant `") {
        let known = message.split_once(", expected ").map(|it| it.1.replace('`', "")).unwrap_or_default();
        return format!("is “{value}”; it has to be {known}");
    }
    if let Some((_, expected)) =
        message.strip_prefix("invalid length ").and_then(|it| it.split_once(", expected "))
    {
        let found = if expected.starts_with("struct ") { "a list" } else { "a list of another length" };
        return format!("is {found}; it has to be {}", expected_in_words(expected));
    }
    let said = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    if let Some((found, expected)) = said.and_then(|it| it.split_once(", expected ")) {
        return format!("is {}; it has to be {}", found_in_words(found), expected_in_words(expected));
    }
    match message {
        "provided string was not `true` or `false`" => "has to be true or false".to_owned(),
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            "has to be a whole number".to_owned()
        }
        "invalid float literal" | "cannot parse float from empty string" => "has to be a number".to_owned(),
        it if it.starts_with("number too ") => "is a number beyond what fits here".to_owned(),
        it if it.starts_with("data did not match any variant") => {
            "has none of the forms that it may have".to_owned()
        }
        it => it.to_owned(),
    }
}

fn found_in_words(found: &str) -> String {
    match found {
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        "unit value" => "null".to_owned(),
        r#"string """# => "an empty string".to_owned(),
        it => {
            let literal = it.strip_prefix("integer ").or_else(|| it.strip_prefix("boolean "));
            let literal = literal.or_else(|| it.strip_prefix("floating point "));
            let literal = literal.or_else(|| it.strip_prefix("string "));
            literal.map_or_else(|| it.to_owned(), |it| it.trim_matches('`').to_owned())
        }
    }
}

fn expected_in_words(expected: &str) -> String {
    let words = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number that is not negative",
        "i8" => "a whole number from -128 to 127",
        "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a map" => "an object",
        "a sequence" => "a list",
        "string or map" => "a string or an object",
        it if it.starts_with("struct ") || it.starts_with("internally tagged enum ") => "an object",
        it if it.starts_with("enum ") => "one of the names that there are",
        it if it.starts_with("tuple ") || it.starts_with("an array of length ") => "a list",
        it => it,
    };
    words.to_owned()
}

/// Of "one of `a`, `b`", "`a` or `b`", "`a`".
fn names(known: &str) -> String {
    known.trim_start_matches("one of ").replace('`', "").replace(" or ", ", ")
}

fn quoted<'a>(message: &'a str, before: &str) -> Option<&'a str> {
    message.strip_prefix(before)?.split('`').next()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read for what is wrong with them")]
    struct Thing {
        name: String,
        #[serde(default)]
        count: u8,
        #[serde(default)]
        list: Vec<u64>,
        #[serde(default)]
        kind: Option<Kind>,
        #[serde(default)]
        on: bool,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Early,
        Late,
    }

    fn check(text: &str, path: &str, message: &str) {
        let error = serde_json::from_str::<Thing>(text).expect_err(text).to_string();
        let found = in_words(String::new(), &error);
        assert_eq!((found.path.as_str(), found.message.as_str()), (path, message), "{error}");
    }

    #[test]
    fn what_the_parser_says_becomes_a_sentence() {
        check("{}", "/name", "is missing");
        check("[1]", "", "is 1; it has to be a string");
        check("[]", "", "is a list; it has to be an object");
        check("3", "", "is 3; it has to be an object");
        check("null", "", "is null; it has to be an object");
        check(r#"{"name":{}}"#, "", "is an object; it has to be a string");
        check(r#"{"name":"a","count":-1}"#, "", "is -1; it has to be a whole number from 0 to 255");
        check(r#"{"name":"a","list":{}}"#, "", "is an object; it has to be a list");
        check(r#"{"name":"a","list":[1.5]}"#, "", "is 1.5; it has to be a whole number that is not negative");
        check(r#"{"name":"a","on":"yes"}"#, "", "is \"yes\"; it has to be true or false");
        check(r#"{"name":"a","kind":"soon"}"#, "", "is “soon”; it has to be early or late");
        check(r#"{"name":"a","name":"b"}"#, "/name", "comes twice");
        check(
            r#"{"name":"a","colour":1}"#,
            "/colour",
            "is no field here; the fields are name, count, list, kind, on",
        );
    }
}
