//! One field of a form: label, control, help, error. Made by hand, or from a JSON Schema by whoever reads one.

use std::fmt::Display;

use askama::Template;
use askama::filters::HtmlSafe;

use super::Given;

/// One entry of a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    pub label: String,
    /// A sentence below the label, where choices are shown as cards.
    pub help: String,
}

impl Choice {
    pub fn new(value: impl Display, label: impl Display) -> Self {
        Self { value: value.to_string(), label: label.to_string(), help: String::new() }
    }

    pub fn help(mut self, help: impl Display) -> Self {
        self.help = help.to_string();
        self
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Control {
    /// A line; the string is the `type` of the input.
    Line(&'static str),
    Number {
        min: String,
        max: String,
        step: String,
    },
    Area {
        rows: u16,
    },
    Select {
        choices: Vec<Choice>,
    },
    Cards {
        choices: Vec<Choice>,
    },
    Checkbox {
        checked: bool,
    },
    /// Never shown again; the hint says which one is kept (`sk-…f3a`).
    Secret {
        hint: String,
    },
    File {
        accept: String,
        multiple: bool,
    },
}

/// Nothing that was typed is lost: `value` is what the person sent, also when `error` says what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "parts/field.html")]
pub struct Field {
    pub name: String,
    pub label: String,
    control: Control,
    pub value: String,
    pub help: String,
    pub error: String,
    placeholder: String,
    unit: String,
    autocomplete: String,
    suggestions: Vec<Choice>,
    max_chars: Option<usize>,
    required: bool,
    disabled: bool,
    autofocus: bool,
    mono: bool,
    hidden_label: bool,
}

impl HtmlSafe for Field {}

impl Field {
    fn new(name: impl Display, label: impl Display, control: Control) -> Self {
        Self {
            name: name.to_string(),
            label: label.to_string(),
            control,
            value: String::new(),
            help: String::new(),
            error: String::new(),
            placeholder: String::new(),
            unit: String::new(),
            autocomplete: String::new(),
            suggestions: Vec::new(),
            max_chars: None,
            required: false,
            disabled: false,
            autofocus: false,
            mono: false,
            hidden_label: false,
        }
    }

    pub fn text(name: impl Display, label: impl Display) -> Self {
        Self::new(name, label, Control::Line("text"))
    }

    pub fn email(name: impl Display, label: impl Display) -> Self {
        Self::new(name, label, Control::Line("email")).autocomplete("email")
    }

    pub fn url(name: impl Display, label: impl Display) -> Self {
        Self::new(name, label, Control::Line("url")).mono()
    }

    pub fn search(name: impl Display, label: impl Display) -> Self {
        Self::new(name, label, Control::Line("search"))
    }

    /// A password that is typed to log in or chosen anew: say which with `autocomplete`
    /// (`current-password`, `new-password`).
    pub fn password(name: impl Display, label: impl Display) -> Self {
        Self::new(name, label, Control::Line("password")).autocomplete("current-password")
    }

    /// A six-digit code.
    pub fn one_time_code(name: impl Display, label: impl Display) -> Self {
        Self::new(name, label, Control::Line("text")).autocomplete("one-time-code").mono()
    }

    pub fn datetime(name: impl Display, label: impl Display) -> Self {
        Self::new(name, label, Control::Line("datetime-local"))
    }

    pub fn number(name: impl Display, label: impl Display) -> Self {
        let any = String::new();
        Self::new(name, label, Control::Number { min: any.clone(), max: any, step: "any".to_owned() })
    }

    pub fn area(name: impl Display, label: impl Display) -> Self {
        Self::new(name, label, Control::Area { rows: 4 })
    }

    /// JSON or another text in which every character counts.
    pub fn code(name: impl Display, label: impl Display) -> Self {
        Self::new(name, label, Control::Area { rows: 8 }).mono()
    }

    /// Pairs, one `name: value` per line; read them with `pairs_of_lines`.
    pub fn pairs(name: impl Display, label: impl Display) -> Self {
        Self::new(name, label, Control::Area { rows: 3 }).mono().help("One “name: value” per line.")
    }

    pub fn select(name: impl Display, label: impl Display, choices: Vec<Choice>) -> Self {
        Self::new(name, label, Control::Select { choices })
    }

    /// One of a few, each with a sentence: radio buttons as cards.
    pub fn cards(name: impl Display, label: impl Display, choices: Vec<Choice>) -> Self {
        Self::new(name, label, Control::Cards { choices })
    }

    pub fn checkbox(name: impl Display, label: impl Display, checked: impl Given<bool>) -> Self {
        Self::new(name, label, Control::Checkbox { checked: checked.given() })
    }

    /// A write-only field. `hint` names what is kept already; empty where nothing is.
    pub fn secret(name: impl Display, label: impl Display, hint: impl Display) -> Self {
        Self::new(name, label, Control::Secret { hint: hint.to_string() }).mono()
    }

    pub fn file(name: impl Display, label: impl Display, accept: impl Display, multiple: bool) -> Self {
        Self::new(name, label, Control::File { accept: accept.to_string(), multiple })
    }

    pub fn value(mut self, value: impl Display) -> Self {
        self.value = value.to_string();
        self
    }

    pub fn help(mut self, help: impl Display) -> Self {
        self.help = help.to_string();
        self
    }

    /// What would be right; empty for a field without fault.
    pub fn error(mut self, error: impl Display) -> Self {
        self.error = error.to_string();
        self
    }

    pub fn placeholder(mut self, example: impl Display) -> Self {
        self.placeholder = example.to_string();
        self
    }

    /// Shown at the end of the control: `ms`, `USD`.
    pub fn unit(mut self, unit: impl Display) -> Self {
        self.unit = unit.to_string();
        self
    }

    pub fn autocomplete(mut self, what: impl Display) -> Self {
        self.autocomplete = what.to_string();
        self
    }

    /// Offered while a line is typed; anything else may be typed too.
    pub fn suggestions(mut self, choices: Vec<Choice>) -> Self {
        self.suggestions = choices;
        self
    }

    pub fn range(mut self, least: impl Display, most: impl Display) -> Self {
        if let Control::Number { min, max, .. } = &mut self.control {
            *min = least.to_string();
            *max = most.to_string();
        }
        self
    }

    /// Whole numbers only.
    pub fn whole(mut self) -> Self {
        if let Control::Number { step, .. } = &mut self.control {
            "1".clone_into(step);
        }
        self
    }

    pub fn rows(mut self, n: impl Given<u16>) -> Self {
        if let Control::Area { rows } = &mut self.control {
            *rows = n.given();
        }
        self
    }

    /// Counted while typing.
    pub fn max_chars(mut self, n: usize) -> Self {
        self.max_chars = Some(n);
        self
    }

    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub fn disabled(mut self) -> Self {
        self.disabled = true;
        self
    }

    pub fn autofocus(mut self) -> Self {
        self.autofocus = true;
        self
    }

    pub fn mono(mut self) -> Self {
        self.mono = true;
        self
    }

    /// The label is there for those who listen only.
    pub fn hidden_label(mut self) -> Self {
        self.hidden_label = true;
        self
    }

    fn id(&self) -> String {
        id_of(&self.name)
    }

    fn is_checkbox(&self) -> bool {
        matches!(self.control, Control::Checkbox { .. })
    }

    fn is_cards(&self) -> bool {
        matches!(self.control, Control::Cards { .. })
    }

    /// Ids of what describes the control.
    fn described_by(&self) -> String {
        let id = self.id();
        let help = (!self.help.is_empty()).then(|| format!("{id}-help"));
        let error = (!self.error.is_empty()).then(|| format!("{id}-error"));
        [error, help].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn has_description(&self) -> bool {
        !self.help.is_empty() || !self.error.is_empty()
    }
}

/// The id of the control of the field `name`, for links to it.
pub fn id_of(name: impl Display) -> String {
    let name = name.to_string();
    let name = name.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '-' });
    "field-".chars().chain(name).collect()
}

/// Reads what a field made by `Field::pairs` sends: one `name: value` per line, empty lines left out.
///
/// Errors: the first line without a colon or a name, as a sentence for the field.
pub fn pairs_of_lines(text: &str) -> Result<Vec<(String, String)>, String> {
    text.lines()
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .map(|line| match line.split_once(':') {
            Some((name, value)) if !name.trim().is_empty() => {
                Ok((name.trim().to_owned(), value.trim().to_owned()))
            }
            _ => Err(format!("each line is written “name: value”, unlike “{line}”")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_comes_back_as_text_with_its_error() {
        let html = Field::text("name", "Name")
            .value("<b>\"me\"</b>")
            .error("a name has 1 to 80 characters")
            .help("Shown in lists.")
            .to_string();
        assert!(!html.contains("<b>"), "{html}");
        assert!(html.contains("aria-invalid=\"true\""), "{html}");
        assert!(html.contains("aria-describedby=\"field-name-error field-name-help\""), "{html}");
        assert!(html.contains("a name has 1 to 80 characters"), "{html}");
    }

    #[test]
    fn a_kept_secret_is_never_in_the_page() {
        let html = Field::secret("key", "Key", "sk-…f3a").value("sk-live-123").to_string();
        assert!(!html.contains("sk-live-123"), "{html}");
        assert!(html.contains("sk-…f3a"), "{html}");
        let html = Field::password("password", "Password").value("hunter2hunter2").to_string();
        assert!(!html.contains("hunter2"), "{html}");
    }

    #[test]
    fn the_chosen_entry_is_selected() {
        let choices = vec![Choice::new("a", "A"), Choice::new("b", "B")];
        let html = Field::select("it", "It", choices).value("b").to_string();
        assert!(html.contains("<option value=\"b\" selected>"), "{html}");
        assert!(html.contains("<option value=\"a\">"), "{html}");
    }

    #[test]
    fn pairs_are_read_line_by_line() {
        let pairs = pairs_of_lines("X-Team: a:b\n\n  Accept :json\n").expect("reads");
        assert_eq!(pairs, [("X-Team".into(), "a:b".into()), ("Accept".into(), "json".into())]);
        assert!(pairs_of_lines("no colon").is_err());
        assert!(pairs_of_lines(": nameless").is_err());
    }

    #[test]
    fn ids_are_safe_for_any_name() {
        assert_eq!(Field::text("config[url]/x", "Url").id(), "field-config-url--x");
    }
}
