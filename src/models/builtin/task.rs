//! Which task is asked. The output schema decides first (its fields say what is wanted), then the question beside
//! the text, then the words of the instructions; a text with none of these is summarized.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::labels::Label;
use super::subject::{Subject, is_question};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Tell from the schema, the input and the instructions.
    #[default]
    Auto,
    Summarize,
    Classify,
    Extract,
    Answer,
}

impl Task {
    pub const ALL: [Task; 5] = [Task::Auto, Task::Summarize, Task::Classify, Task::Extract, Task::Answer];

    pub const fn name(self) -> &'static str {
        match self {
            Task::Auto => "auto",
            Task::Summarize => "summarize",
            Task::Classify => "classify",
            Task::Extract => "extract",
            Task::Answer => "answer",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

/// `in three sentences`, `5 bullet points`, `at most 50 words`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Length {
    pub(super) count: usize,
    pub(super) of: Measure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Sentences,
    Points,
    Words,
}

static LENGTH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(one|two|three|four|five|six|seven|eight|nine|ten|a single|\d{1,4})[ -]+(?:[a-z]+ ){0,2}?(sentences?|bullet points?|bullets?|key points?|points?|words|items|takeaways)\b").expect("fixed")
});
static ONE_OF: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:one of|labels?|categor(?:y|ies)|classes|options|choose (?:from|between)|either)\s*(?:are|is)?\s*(?:the following)?\s*[:=]?\s*([^.\n]{3,400})").expect("fixed")
});
static DEFINED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?m)^\s*(?:[-*•]|\d+[.)])?\s*[`"“*]{0,2}([\p{L}\p{N}][\p{L}\p{N}_ /-]{0,40}?)[`"”*]{0,2}\s*(?::|—|–| - |=)\s*(\S.*)$"#).expect("fixed")
});

const SUMMARIZE: &[&str] = &[
    "summar",
    "digest",
    "tl;dr",
    "tldr",
    "key points",
    "gist",
    "condense",
    "shorten",
    "overview",
    "zusammenfass",
    "résum",
    "resum",
    "main points",
    "brief",
];
const CLASSIFY: &[&str] = &[
    "classify",
    "categor",
    "label",
    "triage",
    "which of",
    "one of",
    "sentiment",
    "pick one",
    "choose one",
    "klassifizier",
    "route ",
];
const EXTRACT: &[&str] = &[
    "extract",
    "pull out",
    "find all",
    "list all",
    "parse",
    "entities",
    "collect the",
    "extrahier",
    "which dates",
    "identify all",
];
const ANSWER: &[&str] = &["answer", "question", "quote the passage", "look up", "beantwort", "cite"];

/// The task of a request without an output schema.
pub(super) fn decide(task: Task, instructions: &str, subject: &Subject) -> Task {
    if task != Task::Auto {
        return task;
    }
    if subject.question.is_some() {
        return Task::Answer;
    }
    let lower = instructions.to_lowercase();
    let first = |words: &[&str]| words.iter().filter_map(|it| lower.find(it)).min();
    let found = [
        (first(CLASSIFY), Task::Classify),
        (first(EXTRACT), Task::Extract),
        (first(SUMMARIZE), Task::Summarize),
        (first(ANSWER), Task::Answer),
    ];
    let named = found.into_iter().filter_map(|(at, task)| at.map(|at| (at, task))).min_by_key(|it| it.0);
    match named {
        Some((_, Task::Classify)) if subject.labels.is_empty() && labels(instructions).is_empty() => {
            Task::Summarize
        }
        Some((_, task)) => task,
        None if !subject.labels.is_empty() => Task::Classify,
        None if is_question(&subject.text) => Task::Answer,
        None => Task::Summarize,
    }
}

pub(super) fn length(instructions: &str) -> Option<Length> {
    let found = LENGTH.captures(instructions)?;
    let word = found[1].to_lowercase();
    let names = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let count = match names.iter().position(|it| *it == word) {
        Some(at) => at + 1,
        None if word == "a single" => 1,
        None => word.parse().ok()?,
    };
    let of = match found[2].to_lowercase().as_str() {
        it if it.starts_with("sentence") => Measure::Sentences,
        "words" => Measure::Words,
        _ => Measure::Points,
    };
    (count > 0).then_some(Length { count, of })
}

/// Lines of the instructions that say what a name means: `billing: invoices, charges, refunds`.
pub(super) fn definitions(instructions: &str) -> Vec<(String, String)> {
    let take = |it: regex::Captures<'_>| (it[1].trim().to_lowercase(), it[2].trim().to_owned());
    DEFINED.captures_iter(instructions).take(200).map(take).collect()
}

/// Labels named in the instructions: `one of: billing, technical, other`.
pub(super) fn labels(instructions: &str) -> Vec<Label> {
    let Some(found) = ONE_OF.captures(instructions) else { return Vec::new() };
    let list = found[1].replace(" or ", ", ").replace(" and ", ", ").replace(" oder ", ", ");
    let names: Vec<String> = list
        .split([',', ';', '|', '/'])
        .map(|it| {
            it.trim().trim_matches(['"', '\'', '`', '“', '”', '*', '(', ')', '[', ']']).trim().to_owned()
        })
        .filter(|it| !it.is_empty() && it.split_whitespace().count() <= 3)
        .collect();
    if names.len() < 2 {
        return Vec::new();
    }
    let defined = definitions(instructions);
    let describe = |name: &str| defined.iter().find(|it| it.0 == name.to_lowercase()).map(|it| it.1.clone());
    names
        .into_iter()
        .map(|name| Label { description: describe(&name).unwrap_or_default(), name, hints: Vec::new() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_instructions_decide() {
        let check = |instructions: &str, text: &str, expected: Task| {
            let subject = Subject { text: text.to_owned(), ..Subject::default() };
            assert_eq!(decide(Task::Auto, instructions, &subject), expected, "{instructions:?}");
        };
        check("Summarize the document in three sentences.", "A text.", Task::Summarize);
        check("Classify as one of: spam, ham", "A text.", Task::Classify);
        check("Extract all dates and amounts.", "A text.", Task::Extract);
        check("Answer the question from the text.", "A text.", Task::Answer);
        check("", "A text.", Task::Summarize);
        check("", "What is it?", Task::Answer);
        check("Find the sentiment", "no labels here", Task::Summarize);
    }

    #[test]
    fn lengths_and_labels_are_read() {
        let check = |text: &str, expected: Option<(usize, Measure)>| {
            assert_eq!(length(text).map(|it| (it.count, it.of)), expected, "{text}");
        };
        check("in three sentences", Some((3, Measure::Sentences)));
        check("Give 5 bullet points", Some((5, Measure::Points)));
        check("at most 50 words", Some((50, Measure::Words)));
        check("be short", None);
        let names: Vec<String> = labels("Pick one of: \"billing\", technical issue or other.")
            .into_iter()
            .map(|it| it.name)
            .collect();
        assert_eq!(names, ["billing", "technical issue", "other"]);
    }
}
