//! `/ui-kit`: every part in every state, to look at and to test against.

use askama::Template;
use serde_json::json;

use super::frame::Frame;
use super::view::{
    Ago, Badge, Chart, Choice, Diff, Field, JsonView, Series, Sparkline, Step, Tone, Waterfall, compact,
    duration, status_words,
};
use crate::base::{Doing, Micros, Result, Timestamp};

#[derive(Template)]
#[template(path = "ui_kit.html")]
struct UiKit {
    frame: Frame,
    now: Timestamp,
    csrf: String,
    badges: Vec<Badge>,
    moments: Vec<Ago>,
    fields: Vec<Field>,
    faulty: Vec<Field>,
    faults: Vec<(&'static str, &'static str)>,
    bars: Chart,
    lines: Chart,
    no_chart: Chart,
    spark: Sparkline,
    spark_bad: Sparkline,
    waterfall: Waterfall,
    no_waterfall: Waterfall,
    json: JsonView,
    diff: Diff,
    no_diff: Diff,
    cost: Micros,
    suggestions: Vec<&'static str>,
    step: usize,
}

/// The whole page.
pub fn render(frame: Frame, now: Timestamp) -> Result<String> {
    let csrf = frame.csrf_token.clone();
    UiKit {
        frame,
        now,
        csrf,
        badges: status_words().map(Badge::of).collect(),
        moments: [2_000, 45_000, 300_000, 7_200_000, 200_000_000]
            .map(|it| Ago::new(now.minus_ms(it), now))
            .into_iter()
            .chain([Ago::new(now.plus_ms(5_400_000), now)])
            .collect(),
        fields: fields(),
        faulty: faulty(),
        faults: vec![
            ("kit-bad-name", "a name has 1 to 80 characters"),
            ("", "the agent could not be reached"),
        ],
        bars: bars(),
        lines: lines(),
        no_chart: Chart::bars("Executions per hour", Vec::new(), Vec::new(), say)
            .when_empty("No agent has run in this range. Run one from its console."),
        spark: Sparkline::new("Executions per hour, last day: 12 to 64", &wave(24, 12.0, 64.0)),
        spark_bad: Sparkline::new("Failures per hour, last day: 0 to 9", &wave(24, 0.0, 9.0)),
        waterfall: Waterfall::new(2_900, steps()),
        no_waterfall: Waterfall::new(0, Vec::new()),
        json: JsonView::new("Output", &sample()),
        diff: Diff::new("1.0.0", "draft", OLD, NEW),
        no_diff: Diff::new("1.0.0", "1.0.1", OLD, OLD),
        cost: Micros(4_200),
        suggestions: vec!["check the credential “n8n production”", "look at the agent's health page"],
        step: 1,
    }
    .render()
    .doing("render the kit of parts")
}

const OLD: &str = "{\n  \"url\": \"https://hooks.example.org/triage\",\n  \"method\": \"POST\",\n  \"timeout_ms\": 10000,\n  \"retries\": 2\n}\n";
const NEW: &str = "{\n  \"url\": \"https://hooks.example.org/v2/triage\",\n  \"method\": \"POST\",\n  \"timeout_ms\": 30000,\n  \"retries\": 2,\n  \"headers\": { \"x-team\": \"support\" }\n}\n";

fn say(value: f64) -> String {
    compact(value.round() as u64)
}

fn say_ms(value: f64) -> String {
    duration(value.round() as u64)
}

/// A made-up course of values between two bounds; the same every time.
fn wave(n: u32, low: f64, high: f64) -> Vec<f64> {
    let share = |it: u32| (f64::from(it * 37 % 24) / 24.0 + (f64::from(it) / 4.0).sin().abs()) / 2.0;
    (0..n).map(|it| (low + (high - low) * share(it)).round()).collect()
}

fn hours() -> Vec<String> {
    (0..24).map(|it| format!("{it:02}:00")).collect()
}

fn bars() -> Chart {
    let series = vec![
        Series::new("Completed", Tone::Ok, wave(24, 120.0, 640.0)),
        Series::new("Failed", Tone::Bad, wave(24, 0.0, 42.0)),
        Series::new("Cancelled", Tone::Idle, wave(24, 0.0, 20.0)),
    ];
    Chart::bars("Executions per hour", hours(), series, say)
}

fn lines() -> Chart {
    let series = vec![
        Series::new("p50", Tone::Info, wave(24, 300.0, 900.0)),
        Series::new("p95", Tone::Warn, wave(24, 1_200.0, 3_900.0)),
    ];
    Chart::lines("Time per execution", hours(), series, say_ms)
}

fn steps() -> Vec<Step> {
    let step = |label: &str, status: &str, start_ms, duration_ms, depth, note: &str| Step {
        label: label.to_owned(),
        status: status.to_owned(),
        start_ms,
        duration_ms,
        depth,
        href: if depth == 0 { "#waterfall".to_owned() } else { String::new() },
        note: note.to_owned(),
    };
    vec![
        step("Check the input", "completed", 0, 12, 0, ""),
        step("Triage", "completed", 12, 1_510, 0, ""),
        step("Call the model", "completed", 40, 1_120, 1, "812 tokens"),
        step("Look up the customer", "failed", 1_180, 240, 1, "attempt 1"),
        step("Look up the customer", "completed", 1_460, 62, 1, "attempt 2"),
        step("Ask for approval", "waiting", 1_530, 900, 0, ""),
        step("Write the answer", "running", 2_440, 460, 0, ""),
    ]
}

fn sample() -> serde_json::Value {
    json!({
        "ticket": { "id": 48_213, "priority": "high", "tags": ["billing", "refund"] },
        "summary": "The customer was charged twice for March and asks for the second charge back.",
        "confidence": 0.93,
        "escalate": false,
        "assignee": null,
        "sources": [{ "title": "Refund policy", "page": 4 }, { "title": "Invoices", "page": 12 }],
        "extra": {},
    })
}

fn kinds() -> Vec<Choice> {
    vec![
        Choice::new("webhook", "Webhook").help("Anything that answers HTTP: n8n, Make, your own service."),
        Choice::new("openai", "Chat completions")
            .help("OpenAI, LiteLLM, vLLM, Ollama and whatever speaks alike."),
        Choice::new("native", "Built here").help("Instructions, a model and tools, run by Reeve itself."),
    ]
}

fn fields() -> Vec<Field> {
    vec![
        Field::text("kit-name", "Name")
            .value("Ticket triage")
            .help("Shown in lists and in the address.")
            .max_chars(80)
            .required(),
        Field::email("kit-email", "E-mail").placeholder("ada@example.org").required(),
        Field::url("kit-url", "Address").value("https://hooks.example.org/triage").required(),
        Field::number("kit-timeout", "Time limit").value(30_000).unit("ms").range(1, 600_000).whole(),
        Field::number("kit-budget", "Budget per day").value("12.50").unit("USD"),
        Field::area("kit-text", "Instructions").placeholder("You sort support tickets by urgency."),
        Field::code("kit-json", "Headers as JSON").value("{\n  \"x-team\": \"support\"\n}").rows(4),
        Field::pairs("kit-pairs", "Headers").value("x-team: support\nx-region: eu"),
        Field::select("kit-kind", "Kind", kinds()).value("openai"),
        Field::secret("kit-secret", "API key", "sk-…f3a").help("Sealed as soon as it arrives."),
        Field::password("kit-password", "Password").required(),
        Field::file("kit-file", "Documents", ".pdf,.docx,.md", true),
        Field::checkbox("kit-on", "Enabled", true).help("A disabled agent refuses new executions."),
        Field::checkbox("kit-off", "Ask before each tool call", false),
        Field::text("kit-fixed", "Version").value("1.0.0").disabled(),
        Field::cards("kit-cards", "Type", kinds()).value("webhook").required(),
    ]
}

fn faulty() -> Vec<Field> {
    vec![
        Field::text("kit-bad-name", "Name").error("a name has 1 to 80 characters").required(),
        Field::number("kit-bad-number", "Time limit")
            .value(0)
            .unit("ms")
            .error("a time limit is 1 to 600000 ms"),
        Field::select("kit-bad-kind", "Kind", kinds()).error("choose one of the list").required(),
        Field::checkbox("kit-bad-check", "I have read the terms", false).error("this must be ticked"),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::{FrameOrg, FrameUser, NavItem};
    use super::*;

    fn page() -> String {
        let mut frame = Frame::new("Kit of parts");
        frame.org_name = "<Acme> & Sons".to_owned();
        frame.csrf_token = "tok\"en".to_owned();
        frame.live = true;
        frame.nav = vec![NavItem::new("Agents", "/agents", "agents").keys("g a").at("/agents")];
        frame.user = Some(FrameUser { name: "Ada Lovelace".to_owned(), email: "ada@example.org".to_owned() });
        frame.orgs = vec![FrameOrg { id: "org_1".to_owned(), name: "Other".to_owned(), current: false }];
        render(frame, Timestamp::from_millis(1_800_000_000_000)).expect("renders")
    }

    #[test]
    fn the_page_holds_every_part_and_asks_for_nothing_the_policy_forbids() {
        let html = page();
        assert!(html.starts_with("<!doctype html>"));
        for class in [
            "badge",
            "button",
            "card",
            "stat",
            "table",
            "definitions",
            "tabs",
            "empty",
            "alert",
            "toast",
            "field",
            "choice",
            "pager",
            "breadcrumb",
            "page-header",
            "confirm",
            "code",
            "json",
            "progress",
            "sparkline",
            "chart",
            "waterfall",
            "log",
            "diff",
            "steps",
            "filter-bar",
            "menu",
            "kbd",
            "avatar",
            "skeleton",
            "live",
        ] {
            assert!(
                html.contains(&format!("class=\"{class}")) || html.contains(&format!("<{class}")),
                "{class}"
            );
        }
        assert!(!html.contains(" style="));
        assert!(!html.contains("onclick"));
    }

    #[test]
    fn names_of_others_stay_text() {
        let html = page();
        assert!(html.contains("&#60;Acme&#62; &#38; Sons"), "the organization's name");
        assert!(html.contains("tok&#34;en"), "the token in a field");
        assert!(html.contains("hx-headers:inherited=\"{&#34;X-CSRF-Token&#34;:&#34;tok\\&#34;en&#34;}\""));
    }

    #[test]
    fn every_control_has_a_name_and_every_reference_a_target() {
        let html = page();
        for (attribute, prefix) in [("for=\"", ""), ("href=\"#", ""), ("aria-describedby=\"", "")] {
            for part in html.split(attribute).skip(1) {
                let ids = part.split('"').next().expect("a value");
                for id in ids.split(' ') {
                    assert!(html.contains(&format!("id=\"{prefix}{id}\"")), "{attribute}{id}");
                }
            }
        }
    }

    #[test]
    fn every_icon_is_drawn_and_every_behavior_is_there() {
        let html = page();
        let sprite = include_str!("../../static/icons.svg");
        for part in html.split("icons.svg#").skip(1) {
            let name = part.split('"').next().expect("a name");
            assert!(sprite.contains(&format!("id=\"{name}\"")), "icons.svg has no {name}");
        }
        for part in html.split("data-behavior=\"").skip(1) {
            for name in part.split('"').next().expect("names").split(' ') {
                let _ = super::super::asset_url(&format!("js/behaviors/{name}.js"));
            }
        }
    }
}
