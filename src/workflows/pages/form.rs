//! The form of a chain: its fields as they are typed, its steps as they are added, moved and taken away, and the
//! chain that comes of them. A field's name is the path of its value.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::sketch::{read_back, written};
use crate::agents::Visibility;
use crate::base::Json;
use crate::web::Faults;
use crate::web::view::{Choice, Field};
use crate::workflows::input::NewStep;
use crate::workflows::types::{DEFAULT_TIMEOUT_MS, ErrorHandling, OnError, StepRetry};
use crate::workflows::valid::MAX_STEPS;
use crate::workflows::view::ChainView;

type Texts = BTreeMap<String, String>;

/// What was typed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Typed {
    pub top: Texts,
    /// By the step's own field names.
    pub steps: Vec<Texts>,
}

/// What a button of the form asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Save,
    Check,
    Add,
    Remove(usize),
    Up(usize),
    Down(usize),
}

impl Act {
    /// Anything unknown saves: that is what the Enter key sends.
    pub(super) fn of(word: &str) -> Self {
        let (verb, place) = word.split_once('/').unwrap_or((word, ""));
        match (verb, place.parse()) {
            ("check", _) => Self::Check,
            ("add", _) => Self::Add,
            ("remove", Ok(place)) => Self::Remove(place),
            ("up", Ok(place)) => Self::Up(place),
            ("down", Ok(place)) => Self::Down(place),
            _ => Self::Save,
        }
    }
}

fn texts<const N: usize>(pairs: [(&str, String); N]) -> Texts {
    pairs.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
}

fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default()
}

impl Typed {
    /// A chain that has one step to begin with.
    pub(super) fn fresh() -> Self {
        let top = texts([
            ("visibility", word(&Visibility::Private)),
            ("error_handling", word(&ErrorHandling::Fail)),
            ("timeout_ms", DEFAULT_TIMEOUT_MS.to_string()),
            ("input_schema", "{}".to_owned()),
        ]);
        Self { top, steps: vec![texts([("id", "first".to_owned())])] }
    }

    pub(super) fn of(chain: &ChainView) -> Self {
        let mut top = texts([
            ("name", chain.name.clone()),
            ("description", chain.description.clone()),
            ("visibility", word(&chain.visibility)),
            ("error_handling", word(&chain.error_handling)),
            ("timeout_ms", chain.timeout_ms.to_string()),
            ("input_schema", pretty(&chain.input_schema)),
            ("output_mapping", chain.output_mapping.as_ref().map(written).unwrap_or_default()),
        ]);
        retry_into(&mut top, "retry_policy", chain.retry_policy.as_ref());
        Self { top, steps: chain.steps.iter().map(step_texts).collect() }
    }

    pub(super) fn read(pairs: Vec<(String, String)>) -> Self {
        let mut typed = Self::default();
        let mut steps: BTreeMap<usize, Texts> = BTreeMap::new();
        for (name, text) in pairs {
            let step = name.strip_prefix("steps/").and_then(|it| it.split_once('/'));
            match step.and_then(|(place, field)| Some((place.parse::<usize>().ok()?, field))) {
                Some((place, field)) if place <= MAX_STEPS => {
                    steps.entry(place).or_default().insert(field.to_owned(), text);
                }
                Some(_) => {}
                None => {
                    typed.top.insert(name, text);
                }
            }
        }
        typed.steps = steps.into_values().collect();
        typed
    }

    /// Does what a button of the form asks; the rest stays as it was typed.
    pub(super) fn act(&mut self, act: Act) {
        let steps = &mut self.steps;
        match act {
            Act::Save | Act::Check => {}
            Act::Add if steps.len() < MAX_STEPS => {
                let id = free_id(steps);
                steps.push(texts([("id", id)]));
            }
            Act::Add => {}
            Act::Remove(place) if place < steps.len() => {
                steps.remove(place);
            }
            Act::Up(place) if place > 0 && place < steps.len() => steps.swap(place, place - 1),
            Act::Down(place) if place + 1 < steps.len() => steps.swap(place, place + 1),
            Act::Remove(_) | Act::Up(_) | Act::Down(_) => {}
        }
    }

    pub(super) fn top(&self, name: &str) -> &str {
        self.top.get(name).map(String::as_str).unwrap_or_default()
    }

    /// What was typed as a chain.
    ///
    /// Errors: a sentence for each field of which no value can be made.
    pub(super) fn value(&self) -> Result<Value, Faults> {
        let mut reader = Reader { faults: Faults::none() };
        let mut chain = Map::new();
        for name in ["name", "description", "visibility", "error_handling"] {
            chain.insert(name.to_owned(), json!(self.top(name).trim()));
        }
        let schema = match self.top("input_schema").trim() {
            "" => json!({}),
            text => reader.json("input_schema", text),
        };
        chain.insert("input_schema".to_owned(), schema);
        if let Some(mapping) = mapping(self.top("output_mapping")) {
            chain.insert("output_mapping".to_owned(), mapping);
        }
        if let Some(number) = reader.number("timeout_ms", self.top("timeout_ms")) {
            chain.insert("timeout_ms".to_owned(), number);
        }
        if let Some(retry) = reader.retry("retry_policy", &self.top) {
            chain.insert("retry_policy".to_owned(), retry);
        }
        let steps = self.steps.iter().enumerate().map(|(place, it)| reader.step(place, it)).collect();
        chain.insert("steps".to_owned(), Value::Array(steps));
        if reader.faults.is_empty() { Ok(Value::Object(chain)) } else { Err(reader.faults) }
    }
}

fn pretty(json: &Json) -> String {
    serde_json::to_string_pretty(&json.to_value()).unwrap_or_default()
}

fn retry_into(texts: &mut Texts, place: &str, retry: Option<&StepRetry>) {
    let Some(retry) = retry else { return };
    texts.insert(format!("{place}/max_attempts"), retry.max_attempts.to_string());
    texts.insert(format!("{place}/backoff_ms"), retry.backoff_ms.to_string());
    texts.insert(format!("{place}/max_backoff_ms"), retry.max_backoff_ms.to_string());
}

fn step_texts(step: &NewStep) -> Texts {
    let (kind, goto, fallback) = match &step.on_error {
        None => ("", String::new(), String::new()),
        Some(OnError::Fail) => ("fail", String::new(), String::new()),
        Some(OnError::Continue) => ("continue", String::new(), String::new()),
        Some(OnError::Goto(id)) => ("goto", id.clone(), String::new()),
        Some(OnError::Fallback(it)) => ("fallback", String::new(), it.agent_id.to_string()),
    };
    let mut all = texts([
        ("id", step.id.clone()),
        ("agent_id", step.agent_id.clone()),
        ("version", step.version.map(|it| it.to_string()).unwrap_or_default()),
        ("input_mapping", step.input_mapping.as_ref().map(written).unwrap_or_default()),
        ("output_mapping", step.output_mapping.as_ref().map(written).unwrap_or_default()),
        ("condition", step.condition.clone().unwrap_or_default()),
        ("timeout_ms", step.timeout_ms.map(|it| it.to_string()).unwrap_or_default()),
        ("on_error/kind", kind.to_owned()),
        ("on_error/goto", goto),
        ("on_error/fallback/agent_id", fallback),
    ]);
    retry_into(&mut all, "retry", step.retry.as_ref());
    all
}

fn free_id(steps: &[Texts]) -> String {
    let is_taken = |id: &str| steps.iter().any(|it| it.get("id").is_some_and(|known| known == id));
    let names = ["first", "second", "third", "fourth", "fifth"].map(str::to_owned);
    let numbered = (names.len() + 1..).map(|n| format!("step_{n}"));
    names.into_iter().chain(numbered).find(|it| !is_taken(it)).unwrap_or_default()
}

/// JSON where it is JSON, else an expression or a text with `{{ … }}`.
fn mapping(text: &str) -> Option<Value> {
    let text = text.trim();
    (!text.is_empty()).then(|| read_back(text).unwrap_or_else(|| Value::from(text)))
}

struct Reader {
    faults: Faults,
}

impl Reader {
    fn fault(&mut self, name: &str, message: String) {
        self.faults = std::mem::take(&mut self.faults).at(name, message);
    }

    fn json(&mut self, name: &str, text: &str) -> Value {
        serde_json::from_str(text).unwrap_or_else(|error| {
            self.fault(name, format!("this is not JSON: {error}"));
            Value::Null
        })
    }

    fn number(&mut self, name: &str, text: &str) -> Option<Value> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        match text.parse::<u32>() {
            Ok(number) => Some(Value::from(number)),
            Err(_) => {
                self.fault(name, "a whole number, 0 or more".to_owned());
                None
            }
        }
    }

    fn retry(&mut self, place: &str, texts: &Texts) -> Option<Value> {
        let mut retry = Map::new();
        for field in ["max_attempts", "backoff_ms", "max_backoff_ms"] {
            let name = format!("{place}/{field}");
            let own = texts.get(own_name(&name)).map(String::as_str).unwrap_or_default();
            if let Some(number) = self.number(&name, own) {
                retry.insert(field.to_owned(), number);
            }
        }
        // A pause that is longer than the most lifts it.
        if let (Some(pause), None) =
            (retry.get("backoff_ms").and_then(Value::as_u64), retry.get("max_backoff_ms"))
        {
            retry.insert(
                "max_backoff_ms".to_owned(),
                Value::from(pause.max(StepRetry::default().max_backoff_ms)),
            );
        }
        (!retry.is_empty()).then_some(Value::Object(retry))
    }

    fn step(&mut self, place: usize, texts: &Texts) -> Value {
        let text = |name: &str| texts.get(name).map_or("", |it| it.trim());
        let at = |name: &str| format!("steps/{place}/{name}");
        let mut step = Map::new();
        step.insert("id".to_owned(), json!(text("id")));
        step.insert("agent_id".to_owned(), json!(text("agent_id")));
        for name in ["version", "condition"] {
            if !text(name).is_empty() {
                step.insert(name.to_owned(), json!(text(name)));
            }
        }
        for name in ["input_mapping", "output_mapping"] {
            if let Some(mapping) = mapping(text(name)) {
                step.insert(name.to_owned(), mapping);
            }
        }
        if let Some(number) = self.number(&at("timeout_ms"), text("timeout_ms")) {
            step.insert("timeout_ms".to_owned(), number);
        }
        let on_error = match text("on_error/kind") {
            "" => Value::Null,
            "goto" => json!({ "goto": text("on_error/goto") }),
            "fallback" if text("on_error/fallback/agent_id").is_empty() => {
                self.fault(
                    &at("on_error/fallback/agent_id"),
                    "choose the agent that is asked instead".to_owned(),
                );
                Value::Null
            }
            "fallback" => json!({ "fallback": { "agent_id": text("on_error/fallback/agent_id") } }),
            word => json!(word),
        };
        step.insert("on_error".to_owned(), on_error);
        if let Some(retry) = self.retry(&at("retry"), texts) {
            step.insert("retry".to_owned(), retry);
        }
        Value::Object(step)
    }
}

/// The name of a step's field without the step: `steps/1/retry/backoff_ms` → `retry/backoff_ms`.
fn own_name(name: &str) -> &str {
    name.strip_prefix("steps/").and_then(|it| it.split_once('/')).map_or(name, |it| it.1)
}

/// One step as the page shows it.
pub(super) struct StepPart {
    pub place: usize,
    pub number: usize,
    pub id: String,
    pub is_first: bool,
    pub is_last: bool,
    /// Names that its mappings may use.
    pub sees: Vec<String>,
    pub main: Vec<Field>,
    pub more: Vec<Field>,
    /// Shown unfolded: something in it was filled in or is wrong.
    pub open: bool,
}

/// Everything that the page shows of the form.
pub(super) struct Parts {
    pub about: Vec<Field>,
    pub steps: Vec<StepPart>,
    pub rest: Vec<Field>,
}

/// `agents`: id and name of those to choose from.
pub(super) fn parts(typed: &Typed, agents: &[(String, String)], faults: &Faults) -> Parts {
    let top = |field: Field| {
        let (text, error) = (typed.top(&field.name).to_owned(), faults.on(&field.name));
        field.value(text).error(error)
    };
    let visibility = vec![
        Choice::new("private", "Only me and admins"),
        Choice::new("organization", "Everyone in the organization"),
    ];
    let handling =
        vec![Choice::new("fail", "The run fails"), Choice::new("continue", "The run goes on without it")];
    let about = vec![
        top(Field::text("name", "Name").required().max_chars(120).placeholder("Ticket triage")),
        top(Field::area("description", "Description").rows(2_u16)),
        top(Field::select("visibility", "Who sees and runs it", visibility)
            .help("Running it takes the right to run each of its agents too.")
            .required()),
    ];
    let rest = vec![
        top(Field::code("output_mapping", "Output").rows(3_u16).placeholder("{\"answer\": \"{{ steps.second.output.text }}\"}").help(
            "What the run answers. Empty: the output of the last step that completed.",
        )),
        top(Field::code("input_schema", "Input schema").rows(4_u16).help(
            "A JSON Schema. Input that does not fit is refused, and the page Run makes a form of it. {} takes anything.",
        )),
        top(Field::select("error_handling", "When a step fails that says nothing about it", handling).required()),
        top(Field::number("timeout_ms", "Time limit of a run").unit("ms").whole().range(1, 86_400_000)),
        top(Field::number("retry_policy/max_attempts", "Attempts of a step").whole().range(1, 20).help(
            "For steps that say nothing about it. Empty: as their agents say.",
        )),
        top(Field::number("retry_policy/backoff_ms", "First pause between attempts").unit("ms").whole().range(0, 86_400_000)),
    ];
    let ids: Vec<String> = typed
        .steps
        .iter()
        .map(|it| it.get("id").map(|it| it.trim().to_owned()).unwrap_or_default())
        .collect();
    let steps = (0..typed.steps.len()).map(|place| step_part(typed, &ids, place, agents, faults)).collect();
    Parts { about, steps, rest }
}

fn step_part(
    typed: &Typed,
    ids: &[String],
    place: usize,
    agents: &[(String, String)],
    faults: &Faults,
) -> StepPart {
    let own = &typed.steps[place];
    let name = |field: &str| format!("steps/{place}/{field}");
    let filled = |field: Field| {
        let text = own.get(own_name(&field.name)).cloned().unwrap_or_default();
        let error = faults.on(&field.name);
        field.value(text).error(error)
    };
    let choice = |empty: &str| -> Vec<Choice> {
        let listed = agents.iter().map(|(id, label)| Choice::new(id, label));
        std::iter::once(Choice::new("", empty)).chain(listed).collect()
    };
    let later = ids.iter().skip(place + 1).map(|it| Choice::new(it, it));
    let goto: Vec<Choice> = std::iter::once(Choice::new("", "–")).chain(later).collect();
    let on_error = vec![
        Choice::new("", "As the chain says"),
        Choice::new("fail", "The run fails"),
        Choice::new("continue", "The run goes on without it"),
        Choice::new("goto", "On with a later step"),
        Choice::new("fallback", "Another agent is asked"),
    ];
    let main = vec![
        filled(Field::text(name("id"), "Step").mono().required().placeholder("summarize")),
        filled(Field::select(name("agent_id"), "Agent", choice("Choose an agent")).required()),
        filled(
            Field::code(name("input_mapping"), "What the agent gets")
                .rows(3_u16)
                .placeholder("{\"text\": \"{{ previous.text }}\", \"tone\": \"calm\"}")
                .help(if place == 0 {
                    "Empty: the run's input as it is."
                } else {
                    "Empty: what came before as it is."
                }),
        ),
        filled(
            Field::text(name("condition"), "Only when")
                .mono()
                .placeholder("input.urgent and previous.score > 3")
                .help("Empty: always. Where it does not hold, the step is skipped."),
        ),
    ];
    let more = vec![
        filled(
            Field::code(name("output_mapping"), "What counts as its output")
                .rows(2_u16)
                .placeholder("output.choices[0].text")
                .help("Empty: what the agent answered, which is called output here."),
        ),
        filled(Field::text(name("version"), "Version of the agent").mono().placeholder("the published one")),
        filled(
            Field::number(name("timeout_ms"), "Time limit of an attempt")
                .unit("ms")
                .whole()
                .range(1, 86_400_000)
                .placeholder("as the agent says"),
        ),
        filled(
            Field::number(name("retry/max_attempts"), "Attempts")
                .whole()
                .range(1, 20)
                .placeholder("as the agent says"),
        ),
        filled(
            Field::number(name("retry/backoff_ms"), "First pause between attempts")
                .unit("ms")
                .whole()
                .range(0, 86_400_000),
        ),
        filled(Field::select(name("on_error/kind"), "When it has failed", on_error).required()),
        filled(Field::select(name("on_error/goto"), "The later step", goto)),
        filled(Field::select(
            name("on_error/fallback/agent_id"),
            "The agent that is asked instead",
            choice("–"),
        )),
    ];
    let open = more.iter().any(|it| !it.value.is_empty() || !it.error.is_empty());
    let before = ids[..place].iter().filter(|it| !it.is_empty()).map(|it| format!("steps.{it}.output"));
    let previous = (place > 0).then(|| "previous".to_owned());
    StepPart {
        place,
        number: place + 1,
        id: ids[place].clone(),
        is_first: place == 0,
        is_last: place + 1 == typed.steps.len(),
        sees: std::iter::once("input".to_owned()).chain(previous).chain(before).collect(),
        main,
        more,
        open,
    }
}

impl Parts {
    /// The faults for the top of the form.
    pub(super) fn summary(&self, faults: &Faults) -> Vec<(String, String)> {
        let steps = self.steps.iter().flat_map(|it| it.main.iter().chain(&it.more));
        faults.summary(self.about.iter().chain(steps).chain(&self.rest).map(|it| it.name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(pairs: &[(&str, &str)]) -> Typed {
        Typed::read(pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
    }

    fn ids(typed: &Typed) -> Vec<&str> {
        typed.steps.iter().map(|it| it["id"].as_str()).collect()
    }

    #[test]
    fn steps_are_added_moved_and_taken_away_and_keep_what_was_typed() {
        let mut form =
            typed(&[("steps/0/id", "a"), ("steps/0/condition", "x >"), ("steps/2/id", "b"), ("name", "N")]);
        assert_eq!(ids(&form), ["a", "b"]);
        form.act(Act::of("add"));
        assert_eq!(ids(&form), ["a", "b", "first"]);
        form.act(Act::of("up/2"));
        form.act(Act::of("down/0"));
        assert_eq!(ids(&form), ["first", "a", "b"]);
        assert_eq!(form.steps[1]["condition"], "x >");
        form.act(Act::of("remove/0"));
        for nothing in ["up/0", "down/9", "remove/9", "save", "?"] {
            form.act(Act::of(nothing));
        }
        assert_eq!(ids(&form), ["a", "b"]);
        assert_eq!(form.top("name"), "N");
    }

    #[test]
    fn what_was_typed_becomes_a_chain() {
        let form = typed(&[
            ("name", "N"),
            ("timeout_ms", "5"),
            ("steps/0/id", "a"),
            ("steps/0/agent_id", "agt"),
            ("steps/0/input_mapping", "previous.text"),
            ("steps/0/output_mapping", "{\"x\": \"{{ output }}\"}"),
            ("steps/0/on_error/kind", "goto"),
            ("steps/0/on_error/goto", "b"),
            ("steps/0/retry/backoff_ms", "40000"),
        ]);
        let chain = form.value().expect("a chain");
        assert_eq!((&chain["timeout_ms"], &chain["input_schema"]), (&json!(5), &json!({})));
        let expected = json!({
            "id": "a", "agent_id": "agt", "input_mapping": "previous.text", "output_mapping": { "x": "{{ output }}" },
            "on_error": { "goto": "b" }, "retry": { "backoff_ms": 40_000, "max_backoff_ms": 40_000 },
        });
        assert_eq!(chain["steps"][0], expected);
    }

    #[test]
    fn what_cannot_be_read_is_named_at_its_field() {
        let form = typed(&[
            ("input_schema", "{"),
            ("steps/0/timeout_ms", "soon"),
            ("steps/0/on_error/kind", "fallback"),
        ]);
        let faults = form.value().expect_err("faults");
        for name in ["input_schema", "steps/0/timeout_ms", "steps/0/on_error/fallback/agent_id"] {
            assert!(!faults.on(name).is_empty(), "{name}");
        }
    }
}
