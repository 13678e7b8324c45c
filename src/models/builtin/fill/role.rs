//! What a property is asking for, told by its name, then its format, then its description.

use super::super::labels::split_name;
use super::super::text::{stem, words};
use super::schema::{Kind, Schema};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Title,
    Summary,
    KeyPoints,
    Keywords,
    Language,
    Words,
    Sentences,
    Minutes,
    Questions,
    Actions,
    Decisions,
    Sections,
    Passages,
    Answer,
    Found,
    Line,
    Section,
    Confidence,
    Reason,
    Context,
    Email,
    Phone,
    Url,
    Date,
    Time,
    Currency,
    Amount,
    Percent,
    Version,
    Identifier,
    Person,
    Organization,
    Place,
    /// A number or a text known only by its name.
    Named,
}

/// A property: its words without those that name its role.
pub(super) struct Wanted {
    pub(super) role: Role,
    /// Stems of the name.
    pub(super) name: Vec<String>,
    /// Stems that tell it from others of the same role: `due` of `due_date`.
    pub(super) qualifiers: Vec<String>,
    /// Name and description, for looking up and for labels.
    pub(super) purpose: String,
}

/// The first line whose words are all in the name wins; longer ones first.
const BY_NAME: &[(&str, Role)] = &[
    ("key points", Role::KeyPoints),
    ("main points", Role::KeyPoints),
    ("key facts", Role::KeyPoints),
    ("key takeaways", Role::KeyPoints),
    ("word count", Role::Words),
    ("words", Role::Words),
    ("sentence count", Role::Sentences),
    ("sentences", Role::Sentences),
    ("reading time", Role::Minutes),
    ("reading minutes", Role::Minutes),
    ("action items", Role::Actions),
    ("next steps", Role::Actions),
    ("key phrases", Role::Keywords),
    ("order number", Role::Identifier),
    ("web site", Role::Url),
    ("postal address", Role::Named),
    ("summary", Role::Summary),
    ("abstract", Role::Summary),
    ("overview", Role::Summary),
    ("gist", Role::Summary),
    ("tldr", Role::Summary),
    ("digest", Role::Summary),
    ("synopsis", Role::Summary),
    ("highlights", Role::KeyPoints),
    ("takeaways", Role::KeyPoints),
    ("bullets", Role::KeyPoints),
    ("points", Role::KeyPoints),
    ("findings", Role::KeyPoints),
    ("keywords", Role::Keywords),
    ("keyphrases", Role::Keywords),
    ("topics", Role::Keywords),
    ("tags", Role::Keywords),
    ("title", Role::Title),
    ("headline", Role::Title),
    ("language", Role::Language),
    ("questions", Role::Questions),
    ("actions", Role::Actions),
    ("todos", Role::Actions),
    ("tasks", Role::Actions),
    ("decisions", Role::Decisions),
    ("outline", Role::Sections),
    ("headings", Role::Sections),
    ("sections", Role::Sections),
    ("quotes", Role::Passages),
    ("passages", Role::Passages),
    ("citations", Role::Passages),
    ("sources", Role::Passages),
    ("evidence", Role::Passages),
    ("answer", Role::Answer),
    ("answered", Role::Found),
    ("confidence", Role::Confidence),
    ("certainty", Role::Confidence),
    ("reason", Role::Reason),
    ("rationale", Role::Reason),
    ("reasoning", Role::Reason),
    ("explanation", Role::Reason),
    ("justification", Role::Reason),
    ("because", Role::Reason),
    ("email", Role::Email),
    ("mail", Role::Email),
    ("phone", Role::Phone),
    ("telephone", Role::Phone),
    ("mobile", Role::Phone),
    ("fax", Role::Phone),
    ("url", Role::Url),
    ("website", Role::Url),
    ("link", Role::Url),
    ("homepage", Role::Url),
    ("version", Role::Version),
    ("release", Role::Version),
    ("currency", Role::Currency),
    ("deadline", Role::Date),
    ("date", Role::Date),
    ("day", Role::Date),
    ("birthday", Role::Date),
    ("due", Role::Date),
    ("datetime", Role::Date),
    ("timestamp", Role::Date),
    ("time", Role::Time),
    ("percent", Role::Percent),
    ("percentage", Role::Percent),
    ("share", Role::Percent),
    ("amount", Role::Amount),
    ("price", Role::Amount),
    ("total", Role::Amount),
    ("cost", Role::Amount),
    ("fee", Role::Amount),
    ("money", Role::Amount),
    ("budget", Role::Amount),
    ("salary", Role::Amount),
    ("subtotal", Role::Amount),
    ("organization", Role::Organization),
    ("organisation", Role::Organization),
    ("company", Role::Organization),
    ("vendor", Role::Organization),
    ("supplier", Role::Organization),
    ("employer", Role::Organization),
    ("firm", Role::Organization),
    ("city", Role::Place),
    ("country", Role::Place),
    ("place", Role::Place),
    ("location", Role::Place),
    ("region", Role::Place),
    ("identifier", Role::Identifier),
    ("reference", Role::Identifier),
    ("references", Role::Identifier),
    ("id", Role::Identifier),
    ("iban", Role::Identifier),
    ("invoice", Role::Identifier),
    ("order", Role::Identifier),
    ("ticket", Role::Identifier),
    ("person", Role::Person),
    ("people", Role::Person),
    ("persons", Role::Person),
    ("attendees", Role::Person),
    ("participants", Role::Person),
    ("author", Role::Person),
    ("sender", Role::Person),
    ("assignee", Role::Person),
    ("owner", Role::Person),
    ("name", Role::Person),
    ("names", Role::Person),
    ("customer", Role::Person),
    ("contact", Role::Person),
    ("section", Role::Section),
    ("heading", Role::Section),
    ("line", Role::Line),
    ("quote", Role::Context),
    ("context", Role::Context),
    ("sentence", Role::Context),
    ("event", Role::Context),
    ("text", Role::Context),
    ("point", Role::Context),
    ("passage", Role::Context),
    ("what", Role::Context),
];

const BY_FORMAT: &[(&str, Role)] = &[
    ("email", Role::Email),
    ("idn-email", Role::Email),
    ("uri", Role::Url),
    ("url", Role::Url),
    ("date", Role::Date),
    ("date-time", Role::Date),
    ("time", Role::Time),
    ("uuid", Role::Identifier),
];

/// A thing's name is no person's name.
const THINGS: &[&str] = &[
    "product", "project", "file", "item", "service", "app", "event", "team", "brand", "street", "model",
    "plan",
];
const NUMBERS: &[&str] = &["number", "no", "nr", "num", "code", "ref"];

impl Wanted {
    pub(super) fn of(name: &str, schema: &Schema<'_>) -> Self {
        let plain = split_name(name);
        let folded: Vec<String> = words(&plain).into_iter().map(|it| it.folded).collect();
        let stems: Vec<String> = folded.iter().map(|it| stem(it)).collect();
        let description = schema.text("description");
        let title = schema.text("title");
        let purpose = format!("{plain} {title} {description}").trim().to_owned();
        let has = |word: &str| folded.iter().any(|it| it == word);
        let numbered = NUMBERS.iter().any(|it| has(it)) && folded.len() > 1;
        let mut used: Vec<&str> = Vec::new();
        let by_format = BY_FORMAT.iter().find(|it| it.0 == schema.text("format"));
        let by_name = BY_NAME.iter().find(|(words, role)| {
            let fits = words
                .split(' ')
                .all(|word| has(word) || (words.contains(' ') && stems.contains(&stem(word))));
            let thing = *role == Role::Person && has("name") && THINGS.iter().any(|it| has(it));
            fits && !thing
        });
        let role = match (by_format, by_name) {
            (Some((_, role)), _) => *role,
            _ if has("phone") || has("mobile") => Role::Phone,
            _ if numbered && !has("count") => Role::Identifier,
            _ if has("of") && schema.kind() == Kind::Integer => Role::Named,
            (None, Some((_, Role::Person)))
                if ["company", "organization", "vendor", "supplier"].iter().any(|it| has(it)) =>
            {
                Role::Organization
            }
            (None, Some((_, Role::Identifier))) if has("date") => Role::Date,
            (None, Some((_, role @ (Role::Person | Role::Organization))))
                if schema.kind() == Kind::Object =>
            {
                *role
            }
            (None, Some((words, role))) => {
                used.extend(words.split(' '));
                *role
            }
            _ => Role::Named,
        };
        let generic = [
            "date",
            "day",
            "amount",
            "number",
            "no",
            "nr",
            "id",
            "email",
            "mail",
            "phone",
            "address",
            "name",
            "url",
            "value",
            "at",
            "on",
            "the",
            "of",
            "s",
            "full",
            "money",
            "people",
            "person",
            "persons",
            "names",
            "person",
            "identifier",
            "code",
            "list",
            "all",
            "dates",
            "datetime",
            "timestamp",
            "amounts",
            "reference",
            "organization",
            "company",
            "place",
            "location",
            "city",
            "time",
            "price",
            "link",
        ];
        let qualifiers = folded
            .iter()
            .filter(|it| {
                !generic.contains(&it.as_str())
                    && (!used.contains(&it.as_str())
                        || matches!(role, Role::Identifier | Role::Amount | Role::Date))
            })
            .map(|it| stem(it))
            .collect();
        Self { role, name: stems, qualifiers, purpose }
    }

    /// The role of a list is that of its singular name too (`emails`, `order_numbers`).
    pub(super) fn of_list(name: &str, schema: &Schema<'_>) -> Self {
        let whole = Self::of(name, schema);
        if whole.role != Role::Named {
            return whole;
        }
        let singular = match name.strip_suffix("ies") {
            Some(base) => format!("{base}y"),
            None => name.strip_suffix('s').unwrap_or(name).to_owned(),
        };
        let one = Self::of(&singular, schema);
        if one.role == Role::Named { whole } else { one }
    }
}
