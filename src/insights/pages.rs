//! The overview: two seconds to see what is wrong; for a newcomer, the next step.

use askama::Template;
use askama::filters::HtmlSafe;
use schemars::JsonSchema;
use serde::Deserialize;

use super::metrics::{BucketSize, Metrics, Range, summary};
use super::overview::{AgentCounts, Now, agent_counts, needs_attention, now};
use crate::access::{self, Action, Cx};
use crate::agents::{self, FromTemplate, Spec, Visibility};
use crate::base::{Result, Timestamp};
use crate::executions::{self, ExecutionView};
use crate::stops::{self, Stop};
use crate::web::view::{Badge, Chart, Series, Tone, compact, count, duration, href, known_cost, percent};
use crate::web::{
    Flash, Form, Frame, Framing, MaybeCx, Reply, Route, SeeOther, Sent, SseAnswer, live_part, render,
};

const HTML: &str = "text/html; charset=utf-8";
const DAY_MS: u64 = 86_400_000;

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/", overview).open().says("How things stand").answers_plain(200, "The page.", HTML),
        Route::get("/overview/stream", stream)
            .needs(Action::InsightsRead)
            .says("The overview, sent anew as runs begin and end")
            .answers_plain(200, "Parts of the page.", "text/event-stream"),
        Route::post("/overview/deploy", deploy)
            .needs(Action::AgentsPublish)
            .says("Deploys an agent that ships with the product")
            .form::<DeployForm>()
            .answers_plain(303, "To the agent.", ""),
    ]
}

#[derive(Template)]
#[template(path = "insights/overview.html")]
struct Overview {
    frame: Frame,
    welcome: String,
    is_new: bool,
    may_build: bool,
    org_stop: Option<Stop>,
    may_lift: bool,
    now: Timestamp,
    samples: Vec<Sample>,
    state: State,
}

/// An agent that ships with the product.
struct Sample {
    template: String,
    name: String,
    summary: String,
}

#[derive(Template)]
#[template(path = "insights/_state.html")]
struct State {
    now: Timestamp,
    counts: AgentCounts,
    tiles: Vec<Tile>,
    chart: Chart,
    attention: Vec<Attention>,
    failures: Vec<Failure>,
    agents: Vec<(Badge, String, String)>,
}

impl HtmlSafe for State {}

struct Tile {
    label: &'static str,
    value: String,
    note: String,
    tone: &'static str,
    href: String,
}

struct Attention {
    status: &'static str,
    text: String,
    href: String,
}

struct Failure {
    href: String,
    agent: String,
    status: &'static str,
    message: String,
    at: Timestamp,
}

/// `GET /`
async fn overview(who: MaybeCx, framing: Framing) -> Reply<Sent> {
    let Some(cx) = who.0 else { return Ok(SeeOther::to("/login").into()) };
    let state = state(&cx)?;
    let is_new = state.counts.all == 0;
    let mut frame = framing.frame("Overview")?;
    frame.live = !is_new;
    let page = Overview {
        welcome: match access::profile(&cx)?.name.split_whitespace().next() {
            Some(name) => format!("Welcome, {name}"),
            None => "Welcome".to_owned(),
        },
        may_build: cx.may(Action::AgentsPublish),
        org_stop: stops::of_org(&cx.read()?)?,
        may_lift: cx.may(Action::OrgWrite),
        now: cx.now(),
        samples: if is_new { samples()? } else { Vec::new() },
        is_new,
        frame,
        state,
    };
    Ok(Sent::Page(render(page)?))
}

/// `GET /overview/stream`
async fn stream(cx: Cx) -> Reply<SseAnswer> {
    Ok(live_part(&cx, executions::feed_table(), |cx| Ok(render(state(cx)?)?.0)))
}

#[derive(Debug, Deserialize, JsonSchema)]
struct DeployForm {
    template: String,
}

/// `POST /overview/deploy`
async fn deploy(cx: Cx, form: Form<DeployForm>) -> Reply<SeeOther> {
    let request = FromTemplate {
        template: form.0.template,
        name: None,
        slug: None,
        description: None,
        config: None,
        visibility: Some(Visibility::Organization),
    };
    let agent = agents::from_template(&cx, request).await?;
    agents::publish(&cx, &agent.slug, Spec::Draft, Some("ships with Reeve".to_owned())).await?;
    let said = Flash::ok(format!("{} is deployed. Try it here.", agent.name));
    Ok(SeeOther::to(format!("/agents/{}", agent.slug)).saying(said))
}

fn samples() -> Result<Vec<Sample>> {
    let all = agents::templates()?.into_iter().filter(|it| it.complete);
    let sample = |it: agents::Template| Sample { template: it.template, name: it.name, summary: it.summary };
    Ok(all.map(sample).collect())
}

fn state(cx: &Cx) -> Result<State> {
    let at = cx.now();
    let (counts, unwell) = agent_counts(cx)?;
    // Today begins at midnight UTC, as the rollups do.
    let midnight = Timestamp::from_millis(at.millis().div_euclid(DAY_MS as i64) * DAY_MS as i64);
    let today = summary(cx, Range::new(Some(midnight), Some(at.plus_ms(1)), Some(BucketSize::Day), at)?)?;
    let hours =
        Range::new(Some(at.minus_ms(23 * 3_600_000)), Some(at.plus_ms(1)), Some(BucketSize::Hour), at)?;
    let hours = summary(cx, hours)?;
    let load = now(cx)?;
    let failures = failures(cx)?;
    let mut attention = stopped(cx)?;
    attention.extend(unwell.iter().map(|it| Attention {
        status: if it.health == agents::Health::Unhealthy { "unhealthy" } else { "degraded" },
        text: it.name.clone(),
        href: format!("/agents/{}", it.slug),
    }));
    let bad = today.total.failed + today.total.timed_out;
    if bad > 0 {
        attention.push(Attention {
            status: "failed",
            text: format!(
                "{} failed today",
                if bad == 1 { "1 run".to_owned() } else { format!("{} runs", count(bad)) }
            ),
            href: href("/executions", [("status", "failed"), ("within", "24h")]),
        });
    }
    Ok(State {
        now: at,
        tiles: tiles(&today, load),
        chart: chart(&hours),
        agents: by_health(&counts),
        counts,
        attention,
        failures,
    })
}

fn tiles(today: &Metrics, load: Now) -> Vec<Tile> {
    let it = &today.total;
    let judged = it.executions - it.cancelled;
    let bad = it.failed + it.timed_out;
    let time = |ms: Option<u64>| ms.map_or_else(|| "–".to_owned(), duration);
    let tokens = match it.input_tokens.zip(it.output_tokens) {
        Some((input, output)) => format!("{} tokens", compact(input + output)),
        None => "tokens unknown".to_owned(),
    };
    let (cost, unknown) = known_cost(it.cost_micros, it.unknown_cost_runs);
    let cost_note = if unknown.is_empty() { tokens } else { format!("{unknown}, {tokens}") };
    let tile = |label, value, note: String, tone, href: String| Tile { label, value, note, tone, href };
    let runs = href("/executions", []);
    vec![
        tile(
            "Runs today",
            count(it.executions),
            format!("{} running, {} waiting", load.running, load.queued),
            if load.running > 0 { "info" } else { "idle" },
            runs,
        ),
        tile(
            "Success rate",
            percent(it.completed, judged),
            match bad {
                0 if judged == 0 => "nothing ended today".to_owned(),
                0 => "none failed".to_owned(),
                bad => format!("{} failed", count(bad)),
            },
            match bad {
                0 => "ok",
                _ => "bad",
            },
            href("/executions", [("status", "failed")]),
        ),
        tile("Typical time", time(it.p50_ms), format!("p95 {}", time(it.p95_ms)), "idle", String::new()),
        tile("Cost today", cost, cost_note, "idle", String::new()),
    ]
}

fn chart(hours: &Metrics) -> Chart {
    let labels = hours.buckets.iter().map(|it| it.start.utc().format("%H:%M").to_string()).collect();
    let values = |of: fn(&super::metrics::Counts) -> u64| -> Vec<f64> {
        hours.buckets.iter().map(|it| of(&it.counts) as f64).collect()
    };
    let series = vec![
        Series::new("Completed", Tone::Ok, values(|it| it.completed)),
        Series::new("Failed", Tone::Bad, values(|it| it.failed + it.timed_out)),
        Series::new("Cancelled", Tone::Idle, values(|it| it.cancelled)),
    ];
    let say = |value: f64| count(value.round() as u64);
    Chart::bars("Runs per hour, last 24 hours (UTC)", labels, series, say)
        .when_empty("No run has ended in the last 24 hours.")
}

/// Badge, count and where they are listed.
fn by_health(counts: &AgentCounts) -> Vec<(Badge, String, String)> {
    let more = if counts.is_cut { "+" } else { "" };
    let unknown = counts.all - counts.healthy - counts.degraded - counts.unhealthy;
    [
        ("healthy", counts.healthy, "health"),
        ("degraded", counts.degraded, "health"),
        ("unhealthy", counts.unhealthy, "health"),
        ("unknown", unknown, "health"),
        ("draft", counts.drafts, "status"),
        ("disabled", counts.disabled, ""),
    ]
    .into_iter()
    .filter(|it| it.1 > 0)
    .map(|(word, number, field)| {
        let query = if field.is_empty() { ("enabled", "false") } else { (field, word) };
        (Badge::of(word), format!("{number}{more}"), href("/agents", [query]))
    })
    .collect()
}

/// Agents that were stopped on their own.
fn stopped(cx: &Cx) -> Result<Vec<Attention>> {
    let rows = cx.read()?;
    let stops = stops::org_stop(cx, |agent| agents::may_see_runs(cx, &rows, agent))?;
    let named = |stop: &Stop| {
        let name = stop.agent_id.map_or(Ok(None), |it| agents::name_of(&rows, it))?;
        Ok(name.map(|it| Attention {
            status: "stopped",
            text: it.name,
            href: format!("/agents/{}", it.slug),
        }))
    };
    stops.agents.iter().filter_map(|it| named(it).transpose()).collect()
}

fn failures(cx: &Cx) -> Result<Vec<Failure>> {
    let rows = cx.read()?;
    let shown = |it: ExecutionView| {
        Ok(Failure {
            href: format!("/executions/{}", it.id),
            agent: executions::runner_of(cx, &rows, it.agent_id, it.workflow_id)?.name,
            status: if it.status == crate::engine::Status::Timeout { "timeout" } else { "failed" },
            message: it.error.map(|it| it.message).unwrap_or_default(),
            at: it.completed_at.unwrap_or(it.created_at),
        })
    };
    needs_attention(cx)?.into_iter().map(shown).collect()
}
