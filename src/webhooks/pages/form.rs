//! The form of a webhook, and what was typed into it.

use crate::access::Cx;
use crate::agents::{self, AgentFilter, Sort};
use crate::base::{Error, PageRequest, Result};
use crate::web::Faults;
use crate::web::view::Field;
use crate::webhooks::event::EventType;
use crate::webhooks::types::{NewWebhook, WebhookUpdate};
use crate::webhooks::view::WebhookView;

/// Agents that can be chosen from.
const MOST_AGENTS: usize = 200;

#[derive(Default)]
pub(super) struct Typed {
    pub name: String,
    pub url: String,
    pub events: Vec<String>,
    pub agents: Vec<String>,
}

impl Typed {
    /// All events, of all agents.
    pub(super) fn new() -> Self {
        let events = EventType::SUBSCRIBABLE.iter().map(|it| it.name().to_owned()).collect();
        Self { events, ..Self::default() }
    }

    pub(super) fn read(pairs: Vec<(String, String)>) -> Self {
        let mut typed = Self::default();
        for (name, text) in pairs {
            match name.as_str() {
                "name" => typed.name = text,
                "url" => typed.url = text,
                "event" => typed.events.push(text),
                "agent" => typed.agents.push(text),
                _ => {}
            }
        }
        typed
    }

    pub(super) fn of(it: &WebhookView) -> Self {
        Self {
            name: it.name.clone(),
            url: it.url.clone(),
            events: it.events.iter().map(|it| it.name().to_owned()).collect(),
            agents: it.agent_ids.iter().map(ToString::to_string).collect(),
        }
    }

    fn events(&self) -> Result<Vec<EventType>> {
        let event = |name: &String| {
            EventType::from_name(name).ok_or_else(|| Error::invalid_at("events", "choose from the list"))
        };
        self.events.iter().map(event).collect()
    }

    /// Errors: `ValidationFailed` at the field.
    pub(super) fn new_webhook(&self) -> Result<NewWebhook> {
        let (events, agent_ids) = (self.events()?, self.agents.clone());
        let (name, url) = (self.name.clone(), self.url.clone());
        Ok(NewWebhook { name, url, events, agent_ids, enabled: true, secret: None })
    }

    /// Errors: `ValidationFailed` at the field.
    pub(super) fn update(&self, enabled: bool) -> Result<WebhookUpdate> {
        let (events, agent_ids) = (self.events()?, self.agents.clone());
        Ok(WebhookUpdate { name: self.name.clone(), url: self.url.clone(), events, agent_ids, enabled })
    }
}

/// One thing that can be ticked: value, label, whether it is.
pub(super) struct Tick {
    pub value: String,
    pub label: String,
    pub checked: bool,
}

/// The fields, as a template takes them.
pub(super) struct WebhookFields {
    pub name: Field,
    pub url: Field,
    pub events: Vec<Tick>,
    pub events_error: String,
    pub agents: Vec<Tick>,
    pub agents_error: String,
    /// Whether some agents are chosen, so that the choice is open.
    pub narrows: bool,
    pub faults: Vec<(String, String)>,
}

impl WebhookFields {
    pub(super) fn of(cx: &Cx, typed: &Typed, faults: &Faults) -> Result<Self> {
        let event = |it: &EventType| Tick {
            value: it.name().to_owned(),
            label: says(*it).to_owned(),
            checked: typed.events.iter().any(|event| event == it.name()),
        };
        Ok(Self {
            name: Field::text("name", "Name")
                .placeholder("Order desk")
                .help("So that you know it again.")
                .value(&typed.name)
                .error(faults.on("name"))
                .required(),
            url: Field::url("url", "Address")
                .placeholder("https://example.com/hooks/reeve")
                .help("Each event is sent there as a POST with JSON, signed.")
                .value(&typed.url)
                .error(faults.on("url"))
                .required(),
            events: EventType::SUBSCRIBABLE.iter().map(event).collect(),
            events_error: faults.on("events"),
            agents: agents(cx, typed)?,
            agents_error: faults.on("agent_ids"),
            narrows: !typed.agents.is_empty(),
            faults: faults.summary(["name", "url", "events", "agent_ids"]),
        })
    }
}

fn agents(cx: &Cx, typed: &Typed) -> Result<Vec<Tick>> {
    let filter = AgentFilter { sort: Sort::Name, ..AgentFilter::default() };
    let found = agents::list(cx, &filter, &PageRequest::first(MOST_AGENTS))?;
    let mut ticks: Vec<Tick> = found
        .items
        .into_iter()
        .map(|it| (it.id.to_string(), it.name))
        .map(|(value, label)| Tick { checked: typed.agents.contains(&value), value, label })
        .collect();
    // Those that were deleted since, or stand further down the list, keep their tick.
    for id in &typed.agents {
        if !ticks.iter().any(|it| it.value == *id) {
            ticks.push(Tick { value: id.clone(), label: id.clone(), checked: true });
        }
    }
    Ok(ticks)
}

pub(super) fn says(event: EventType) -> &'static str {
    match event {
        EventType::ExecutionCompleted => "A run completed",
        EventType::ExecutionFailed => "A run failed",
        EventType::ExecutionCancelled => "A run was cancelled",
        EventType::ExecutionTimeout => "A run timed out",
        EventType::BudgetThreshold => "Half, four fifths or all of a budget is used",
        EventType::BudgetExhausted => "A budget refuses calls",
        EventType::Test => "A test",
    }
}

/// A conflict is about the name, which is taken.
pub(super) fn at_name(error: Error) -> Result<Faults> {
    if error.is(crate::base::Code::Conflict) {
        return Ok(Faults::none().at("name", error.message()));
    }
    Faults::of(error)
}
