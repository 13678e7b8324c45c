//! The page on which an organization says how long history is kept.

use askama::Template;

use super::ops;
use super::types::{NewAgentDays, NewPolicy, PolicyView, Preview};
use crate::access::{Action, Cx};
use crate::agents::{self, AgentFilter, Sort};
use crate::base::{Error, OrNull, PageRequest, Result};
use crate::web::view::{Choice, Field, bytes, count};
use crate::web::{
    Faults, Flash, FormPairs, Frame, Framing, Html, Reply, Route, SeeOther, Sent, again, render,
};

const HTML: &str = "text/html; charset=utf-8";

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/organization/retention", show)
            .needs(Action::OrgWrite)
            .says("How long history is kept")
            .answers_plain(200, "The page.", HTML),
        Route::post("/organization/retention", set)
            .needs(Action::OrgWrite)
            .says("Sets how long history is kept, or shows what that would take away")
            .answers_plain(303, "Back to the page.", ""),
    ]
}

/// What was typed: days of the organization, and agent and days line by line.
#[derive(Default)]
struct Typed {
    days: String,
    agents: Vec<(String, String)>,
    only_look: bool,
}

impl Typed {
    fn of(policy: &PolicyView) -> Self {
        let agents = policy.agents.iter().map(|it| (it.agent_id.to_string(), it.days.to_string()));
        let days = policy.days.map(|it| it.to_string()).unwrap_or_default();
        Self { days, agents: agents.collect(), only_look: false }
    }

    /// Lines come in their order; one that was emptied is none any more.
    fn read(pairs: Vec<(String, String)>) -> Self {
        let mut typed = Self::default();
        for (name, text) in pairs {
            match name.as_str() {
                "days" => typed.days = text,
                "act" => typed.only_look = text == "look",
                _ if name.ends_with("/agent_id") => typed.agents.push((text, String::new())),
                _ if name.ends_with("/days") => {
                    if let Some(last) = typed.agents.last_mut() {
                        last.1 = text;
                    }
                }
                _ => {}
            }
        }
        typed.agents.retain(|it| !it.0.is_empty() && !it.1.trim().is_empty());
        typed
    }

    /// Errors: `ValidationFailed` at the field.
    fn policy(&self) -> Result<NewPolicy> {
        let number = |place: &str, text: &str| {
            text.trim().parse().map_err(|_| Error::invalid_at(place, "has to be a whole number of days"))
        };
        let days = match self.days.trim() {
            "" => None,
            text => Some(number("days", text)?),
        };
        let agents = self.agents.iter().enumerate().map(|(place, (agent, days))| {
            let days = number(&format!("/agents/{place}/days"), days)?;
            Ok(NewAgentDays { agent_id: agent.clone(), days })
        });
        Ok(NewPolicy { days: OrNull(days), agents: agents.collect::<Result<_>>()? })
    }
}

#[derive(Template)]
#[template(path = "retention/show.html")]
struct Show {
    frame: Frame,
    days: Field,
    rows: Vec<(Field, Field)>,
    faults: Vec<(String, String)>,
    preview: String,
    is_tried: bool,
    dead_letter_days: u32,
}

fn page(
    cx: &Cx,
    framing: &Framing,
    typed: &Typed,
    faults: &Faults,
    (preview, is_tried): (&Preview, bool),
) -> Result<Show> {
    let policy = ops::find(cx)?;
    let lines = lines(cx, typed, faults)?;
    let names = lines.iter().flat_map(|it| [it.0.name.as_str(), it.1.name.as_str()]);
    Ok(Show {
        frame: framing.frame("History")?,
        days: Field::number("days", "Days after the end of a run")
            .value(&typed.days)
            .placeholder(policy.default_days.to_string())
            .help(format!(
                "Empty: {} days, as this appliance is set. At least {}.",
                policy.default_days, policy.least_days
            ))
            .error(faults.on("days")),
        faults: faults.summary(names.chain(["days"])),
        rows: lines,
        preview: said(preview),
        is_tried,
        dead_letter_days: policy.dead_letter_days,
    })
}

/// A line for each agent with a time of its own, and an empty one.
fn lines(cx: &Cx, typed: &Typed, faults: &Faults) -> Result<Vec<(Field, Field)>> {
    let filter = AgentFilter { sort: Sort::Name, ..AgentFilter::default() };
    let all = agents::list(cx, &filter, &PageRequest::first(crate::base::MAX_LIMIT))?.items;
    let rows = cx.read()?;
    let blank = (String::new(), String::new());
    let mut lines = Vec::new();
    for (place, (agent, days)) in typed.agents.iter().chain([&blank]).enumerate() {
        let mut choices = vec![Choice::new("", "Choose an agent")];
        choices.extend(all.iter().map(|it| Choice::new(it.id.to_string(), &it.name)));
        if let Ok(id) = agent.parse()
            && !all.iter().any(|it| it.id == id)
        {
            let found = agents::name_of(&rows, id)?;
            let name = found.map_or_else(|| "An agent that was deleted".to_owned(), |it| it.name);
            choices.push(Choice::new(agent, name));
        }
        let (which, how_long) = (format!("agents/{place}/agent_id"), format!("agents/{place}/days"));
        lines.push((
            Field::select(&which, "Agent", choices).value(agent).error(faults.on(&which)),
            Field::number(&how_long, "Days").value(days).error(faults.on(&how_long)),
        ));
    }
    Ok(lines)
}

/// What a policy would take away, read on a thread that may stand still.
async fn tried(cx: &Cx, new: Option<NewPolicy>) -> Result<Preview> {
    let cx = cx.clone();
    let looking = actix_web::web::block(move || ops::preview(&cx, new.as_ref())).await;
    looking.map_err(|it| Error::internal("try a policy out", it))?
}

fn said(preview: &Preview) -> String {
    match (preview.runs, preview.is_cut) {
        (0, false) => "No run is that old: nothing goes.".to_owned(),
        (runs, cut) => format!(
            "{}{} runs go, and {} become free.",
            if cut { "More than " } else { "" },
            count(runs),
            bytes(preview.freed_bytes)
        ),
    }
}

/// `GET /organization/retention`
async fn show(cx: Cx, framing: Framing) -> Reply<Html> {
    let typed = Typed::of(&ops::find(&cx)?);
    let preview = tried(&cx, None).await?;
    render(page(&cx, &framing, &typed, &Faults::none(), (&preview, false))?)
}

/// `POST /organization/retention`
async fn set(cx: Cx, framing: Framing, form: FormPairs) -> Reply<Sent> {
    let typed = Typed::read(form.0);
    match act(&cx, &typed).await {
        Ok(Some(preview)) => {
            Ok(Sent::Page(render(page(&cx, &framing, &typed, &Faults::none(), (&preview, true))?)?))
        }
        Ok(None) => {
            let said = "The policy is saved. What is older goes within minutes.";
            Ok(SeeOther::to("/organization/retention").saying(Flash::ok(said)).into())
        }
        Err(error) => {
            let (faults, preview) = (Faults::of(error)?, tried(&cx, None).await?);
            again(page(&cx, &framing, &typed, &faults, (&preview, false))?)
        }
    }
}

/// Saves what was typed, or says what it would take away.
async fn act(cx: &Cx, typed: &Typed) -> Result<Option<Preview>> {
    let new = typed.policy()?;
    if typed.only_look {
        return tried(cx, Some(new)).await.map(Some);
    }
    ops::set(cx, new, None).await?;
    Ok(None)
}
