//! The form of a budget, and what was typed into it.

use crate::access::{self, Action, Cx};
use crate::agents::{self, AgentFilter, Sort};
use crate::base::{Code, Error, Micros, PageRequest, Result};
use crate::budgets::types::{BudgetUpdate, NewBudget, OnLimit, Scope, Window};
use crate::budgets::view::BudgetView;
use crate::web::Faults;
use crate::web::view::{Choice, Field};

/// Agents, people and keys that can be chosen from.
const MOST: usize = 200;

#[derive(Debug, Clone, Default)]
pub(super) struct Typed {
    pub name: String,
    /// A scope, and a colon and an id where it names one.
    pub covers: String,
    pub window: String,
    /// In the currency's units.
    pub money: String,
    pub tokens: String,
    pub action: String,
    pub enabled: bool,
}

impl Typed {
    pub(super) fn new() -> Self {
        Self {
            covers: Scope::Organization.name().to_owned(),
            window: Window::Day.name().to_owned(),
            action: OnLimit::Stop.name().to_owned(),
            enabled: true,
            ..Self::default()
        }
    }

    /// What a form does not send is empty, and a box that is not ticked is not sent.
    pub(super) fn read(pairs: Vec<(String, String)>) -> Self {
        let mut typed = Self::default();
        for (name, text) in pairs {
            match name.as_str() {
                "name" => typed.name = text,
                "covers" => typed.covers = text,
                "window" => typed.window = text,
                "money" => typed.money = text,
                "tokens" => typed.tokens = text,
                "action" => typed.action = text,
                "enabled" => typed.enabled = text == "true",
                _ => {}
            }
        }
        typed
    }

    pub(super) fn of(it: &BudgetView) -> Self {
        Self {
            name: it.name.clone(),
            covers: String::new(),
            window: it.window.name().to_owned(),
            money: it.limit_micros.map(|it| Micros(it).plain()).unwrap_or_default(),
            tokens: it.limit_tokens.map(|it| it.to_string()).unwrap_or_default(),
            action: it.action.name().to_owned(),
            enabled: it.enabled,
        }
    }

    /// Errors: `ValidationFailed` at the field.
    pub(super) fn new_budget(&self) -> Result<NewBudget> {
        let (scope, subject) = self.covers.split_once(':').unwrap_or((&self.covers, ""));
        let scope = Scope::from_name(scope).ok_or_else(|| choose("covers"))?;
        let window = match scope {
            Scope::Run => Window::Run,
            _ => Window::from_name(&self.window).ok_or_else(|| choose("window"))?,
        };
        let BudgetUpdate { name, limit_micros, limit_tokens, action, enabled } = self.update()?;
        let subject_id = (!subject.is_empty()).then(|| subject.to_owned());
        Ok(NewBudget { name, scope, subject_id, window, limit_micros, limit_tokens, action, enabled })
    }

    /// Errors: `ValidationFailed` at the field.
    pub(super) fn update(&self) -> Result<BudgetUpdate> {
        let limit_tokens = match self.tokens.trim() {
            "" => None,
            text => Some(text.parse().map_err(|_| Error::invalid_at("tokens", "is a whole number"))?),
        };
        Ok(BudgetUpdate {
            name: self.name.clone(),
            limit_micros: micros(&self.money)?,
            limit_tokens,
            action: OnLimit::from_name(&self.action).ok_or_else(|| choose("action"))?,
            enabled: self.enabled,
        })
    }
}

fn choose(field: &str) -> Error {
    Error::invalid_at(field, "choose from the list")
}

/// `12.5` of the currency's units, to the last millionth.
fn micros(text: &str) -> Result<Option<i64>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || Error::invalid_at("money", "an amount is written as in 12.50, with at most six decimals");
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !is_digits(whole) || !is_digits(part) || part.len() > 6 {
        return Err(wrong());
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| wrong())? };
    let part: i64 = format!("{part:0<6}").parse().map_err(|_| wrong())?;
    whole.checked_mul(1_000_000).and_then(|it| it.checked_add(part)).map(Some).ok_or_else(wrong)
}

/// The fields, as a template takes them.
pub(super) struct Fields {
    /// What cannot be changed later; empty for a budget that is there.
    pub what: Vec<Field>,
    pub how: Vec<Field>,
    pub faults: Vec<(String, String)>,
}

impl Fields {
    pub(super) fn new(cx: &Cx, typed: &Typed, faults: &Faults) -> Result<Self> {
        let windows = [Window::Day, Window::Month, Window::Total];
        let label = |it: &Window| match it {
            Window::Day => "A day",
            Window::Month => "A month",
            Window::Total | Window::Run => "In all: it never begins anew",
        };
        let what = vec![
            Field::select("covers", "Whose calls count", subjects(cx)?)
                .value(&typed.covers)
                .error(faults.on("covers"))
                .required(),
            Field::select(
                "window",
                "For",
                windows.iter().map(|it| Choice::new(it.name(), label(it))).collect(),
            )
            .help(
                "Days and months begin in the organization's time zone. A limit for each run knows no time.",
            )
            .value(&typed.window)
            .error(faults.on("window"))
            .required(),
        ];
        Ok(Self { what, ..Self::of(typed, faults) })
    }

    pub(super) fn of(typed: &Typed, faults: &Faults) -> Self {
        let actions = vec![
            Choice::new(OnLimit::Stop.name(), "Refuse calls").help("before they are made"),
            Choice::new(OnLimit::Warn.name(), "Only tell").help("webhooks hear of it, calls go on"),
        ];
        let how = vec![
            Field::text("name", "Name")
                .placeholder("Support, daily")
                .value(&typed.name)
                .error(faults.on("name"))
                .required(),
            Field::text("money", "Money")
                .unit("USD")
                .placeholder("25.00")
                .help("Counts what calls are known to cost. Empty: no limit.")
                .value(&typed.money)
                .error(faults.on("money")),
            Field::number("tokens", "Tokens")
                .whole()
                .range(0, 1_000_000_000_000_000_i64)
                .help("In and out together. Empty: no limit.")
                .value(&typed.tokens)
                .error(faults.on("tokens")),
            Field::cards("action", "At the limit", actions)
                .value(&typed.action)
                .error(faults.on("action"))
                .required(),
            Field::checkbox("enabled", "It is in force", typed.enabled),
        ];
        let names = ["covers", "window", "name", "money", "tokens", "action"];
        Self { what: Vec::new(), how, faults: faults.summary(names) }
    }
}

fn subjects(cx: &Cx) -> Result<Vec<Choice>> {
    let mut choices = vec![
        Choice::new("organization", "All runs of the organization"),
        Choice::new("agent", "Each agent for itself"),
        Choice::new("user", "Each person for themselves"),
        Choice::new("api_key", "Each key for itself"),
        Choice::new("run", "Each run for itself"),
        Choice::new("session", "Each session for itself"),
    ];
    let page = PageRequest::first(MOST);
    let filter = AgentFilter { sort: Sort::Name, ..AgentFilter::default() };
    for it in agents::list(cx, &filter, &page)?.items {
        choices.push(Choice::new(format!("agent:{}", it.id), format!("Agent: {}", it.name)));
        choices.push(Choice::new(format!("run:{}", it.id), format!("Each run of: {}", it.name)));
        choices.push(Choice::new(format!("session:{}", it.id), format!("Each session with: {}", it.name)));
    }
    if cx.may(Action::MembersRead) {
        for it in access::members(cx, &page)?.items {
            let name = if it.name.trim().is_empty() { it.email } else { it.name };
            choices.push(Choice::new(format!("user:{}", it.id), format!("Person: {name}")));
        }
    }
    if cx.may(Action::KeysRead) {
        for it in access::keys(cx, &page)?.items {
            choices.push(Choice::new(format!("api_key:{}", it.id), format!("Key: {}", it.name)));
        }
    }
    Ok(choices)
}

/// Faults by the names of the form's own fields. A conflict is about the name, which is taken.
pub(super) fn faults_of(error: Error) -> Result<Faults> {
    if error.is(Code::Conflict) {
        return Ok(Faults::none().at("name", error.message()));
    }
    let renamed = Faults::of(error)?.renamed("limit_micros", "money").renamed("limit_tokens", "tokens");
    Ok(renamed.renamed("subject_id", "covers"))
}

#[cfg(test)]
mod tests {
    use super::micros;

    #[test]
    fn amounts_are_read_to_the_last_millionth() {
        for (text, expected) in [
            ("", None),
            ("12", Some(12_000_000)),
            (" 12.5 ", Some(12_500_000)),
            (".000001", Some(1)),
            ("0.0042", Some(4_200)),
        ] {
            assert_eq!(micros(text).expect(text), expected, "{text}");
        }
        for text in [".", "-1", "1,5", "1e3", "0.0000001", "9999999999999999"] {
            assert!(micros(text).is_err(), "{text}");
        }
    }
}
