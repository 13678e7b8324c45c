//! What a newcomer does in a real browser, from an empty data folder to the first run, and every page at both
//! widths and in both themes.

use std::collections::{BTreeSet, VecDeque};

use crate::support::Appliance;
use crate::support::chromium::Chromium;
use crate::support::peer::{Peer, Step};
use crate::support::people::{PASSWORD, SETUP_TOKEN};
use reeve::access;
use reeve::infra::Secret;
use reeve::web::Kind;
use serde_json::json;

const EMAIL: &str = "ada@mill.test";
/// From the empty folder to the answer of an agent, by the measure that the pages are held to.
const MAX_CLICKS: usize = 12;

/// Pages that differ by what is asked of them.
const ASKED: &[&str] = &[
    "/agents?q=nothing-like-it",
    "/agents/new?type=webhook",
    "/agents/new?type=native",
    "/agents/ticket-triage/console?sample=0",
    "/executions?status=failed",
    "/credentials/new?kind=bearer",
];
/// Pages that are seen only by who is not logged in.
const OUTSIDE: &[&str] = &["/login", "/reset", "/reset/none", "/invitations/none"];

async fn set_up(browser: &Chromium) {
    browser.go("/").await;
    browser.fill("token", SETUP_TOKEN).await;
    browser.fill("org_name", "Mill").await;
    browser.fill("email", EMAIL).await;
    browser.fill("password", PASSWORD).await;
    browser.click("form button[type=submit]").await;
    browser.read("No agent yet").await;
}

async fn empty() -> (Appliance, Chromium) {
    let appliance = Appliance::start().await;
    let token = Some(Secret::from(SETUP_TOKEN.to_owned()));
    access::prepare_setup(&appliance.inner.services, token).await.expect("prepares");
    let browser = Chromium::open(&appliance.anonymous().base).await;
    (appliance, browser)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_runs_an_agent_from_an_empty_folder() {
    let (_appliance, browser) = empty().await;
    set_up(&browser).await;
    // The button of the setup was the first.
    let clicks = [
        ("form:has(input[value=\"ticket-triage\"]) button", ".agent-samples"),
        (".agent-samples a", ".agent-samples [aria-current]"),
        ("#console button[type=submit]", "#run .json"),
    ];
    for (css, then) in clicks {
        browser.click(css).await;
        browser.see(then).await;
    }
    browser.read("Completed").await;
    assert!(clicks.len() < MAX_CLICKS);
    browser.picture("first-run").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_forgets_an_old_fault_starts_one_run_and_cancels_it() {
    let (appliance, browser) = empty().await;
    set_up(&browser).await;
    let ada = appliance.log_in(EMAIL).await;
    let peer = Peer::answering(vec![Step::Hang]).await;
    let rule = peer.address.to_string().parse().expect("a rule");
    appliance.inner.services.egress.set_allow(vec![rule]);
    let agent = json!({"name": "Order desk", "agent_type": "webhook", "config": {"url": peer.url("/in")}});
    ada.post("/api/agents", agent).await.expect(201);
    ada.post("/api/agents/order-desk/versions/draft/publish", json!({})).await.expect(200);
    browser.go("/agents/order-desk/console").await;
    browser.fill("input", "{").await;
    browser.click("#console button[type=submit]").await;
    browser.see("#console .field-error").await;
    browser.fill("input", "{}").await;
    browser.double_click("#console button[type=submit]").await;
    browser.see("#run .console-cancel").await;
    let faults = browser.count("#console .field-error, #console .alert, #console .has-error").await;
    assert_eq!(faults, 0);
    browser.is_sound().await;
    browser.picture("console-running").await;
    peer.has_received(1).await;
    browser.press("Cancel this run").await;
    browser.see("#run [data-ended]").await;
    browser.read("Cancelled").await;
    let runs = ada.get("/api/executions").await.expect(200);
    let runs = runs["items"].as_array().expect("a list");
    assert!(runs.len() == 1 && runs[0]["status"] == "cancelled", "{runs:?}");
    browser.picture("console-cancelled").await;
    browser.close().await;
}

/// Something of everything, so that there are pages of it.
async fn furnish(appliance: &Appliance) {
    let ada = appliance.log_in(EMAIL).await;
    for template in ["document-digest", "ticket-triage"] {
        ada.post("/api/agents/from-template", json!({"template": template, "slug": template}))
            .await
            .expect(201);
        ada.post(&format!("/api/agents/{template}/versions/draft/publish"), json!({})).await.expect(200);
    }
    let wrong =
        json!({"name": "Order desk", "agent_type": "webhook", "config": {"url": "http://127.0.0.1:9/in"}});
    ada.post("/api/agents", wrong).await.expect(201);
    ada.post("/api/agents/order-desk/versions/draft/publish", json!({})).await.expect(200);
    for (agent, input) in [
        ("ticket-triage", json!({"subject": "Charged twice", "body": "Please refund invoice 4711."})),
        ("order-desk", json!({"order": 4711})),
    ] {
        ada.post(&format!("/api/agents/{agent}/execute"), json!({"input": input})).await;
    }
    let agents = ada.get("/api/agents").await.expect(200);
    let of = |slug: &str| agents["items"].as_array().expect("a list").iter().find(|it| it["slug"] == slug);
    let id = of("ticket-triage").expect("it is there")["id"].clone();
    let input = json!({"subject": "Charged twice", "body": "Please refund invoice 4711."});
    let schedule = json!({"name": "Each morning", "agent_id": id, "cron": "0 9 * * 1-5", "input": input});
    ada.post("/api/schedules", schedule).await.expect(201);
    let chain = json!({"name": "Desk", "steps": [{"id": "sort", "agent_id": id}]});
    ada.post("/api/chains", chain).await.expect(201);
    let credential = json!({"name": "Order key", "kind": "bearer", "value": {"token": "amber-river-0815"}});
    ada.post("/api/credentials", credential).await.expect(201);
    let webhook =
        json!({"name": "Pager", "url": "https://hooks.example.com/in", "events": ["execution.failed"]});
    ada.post("/api/webhooks", webhook).await.expect(201);
    ada.post("/api/api-keys", json!({"name": "CI", "scopes": ["agents:execute"]})).await.expect(201);
    let invitation = json!({"email": "grace@mill.test", "role": "viewer"});
    ada.post("/api/org/invitations", invitation).await.expect(201);
}

/// Paths of pages, as the table of routes has them.
fn pages() -> Vec<&'static str> {
    let routes = reeve::app::routes();
    let shown = routes.iter().filter(|it| it.kind == Kind::Page && it.method.as_str() == "GET");
    let html = shown.filter(|it| it.answers.iter().any(|it| it.content_type.starts_with("text/html")));
    html.map(|it| it.path).filter(|it| *it != "/setup").collect()
}

fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern.iter().zip(&path).all(|(one, other)| one.starts_with('{') || one == other)
}

async fn look(browser: &Chromium, path: &str) {
    let name: String = path.chars().map(|it| if it.is_alphanumeric() { it } else { '-' }).collect();
    for (width, height, size) in [(1440, 900, "wide"), (390, 844, "narrow")] {
        browser.size(width, height).await;
        browser.go(path).await;
        browser.see("main").await;
        for theme in ["light", "dark"] {
            browser.theme(theme).await;
            browser.is_sound().await;
            browser.picture(&format!("{}-{size}-{theme}", name.trim_matches('-'))).await;
        }
    }
    let bytes = browser.is_light().await;
    println!("{path}: {bytes} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_sound_wide_and_narrow_in_both_themes() {
    let (appliance, browser) = empty().await;
    look(&browser, "/setup").await;
    set_up(&browser).await;
    furnish(&appliance).await;
    let (plain, named): (Vec<&str>, Vec<&str>) = pages().into_iter().partition(|it| !it.contains('{'));
    let outside = |it: &&str| !OUTSIDE.contains(it);
    let mut waiting: VecDeque<String> =
        plain.iter().copied().filter(outside).chain(ASKED.iter().copied()).map(str::to_owned).collect();
    // Of each kind of thing, the page of the one that a link leads to first.
    let mut left: BTreeSet<&str> = named.into_iter().collect();
    while let Some(path) = waiting.pop_front() {
        look(&browser, &path).await;
        for link in browser.links().await {
            let is_plain = plain.contains(&link.as_str());
            if let Some(pattern) = left.iter().copied().find(|it| !is_plain && fits(it, &link)) {
                left.remove(pattern);
                waiting.push_back(link);
            }
        }
    }
    println!("no link led to {left:?}");
    browser.client.delete_all_cookies().await.expect("forgets");
    for path in OUTSIDE {
        look(&browser, path).await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_says_while_it_is_typed_when_it_will_run() {
    let (_appliance, browser) = empty().await;
    set_up(&browser).await;
    browser.go("/agents/new").await;
    browser.click("form:has(input[value=\"document-digest\"]) button").await;
    browser.read("Published").await;
    browser.go("/schedules").await;
    browser.picture("schedules-empty").await;
    browser.press("Make the first schedule").await;
    browser.fill("cron", "30 2 28 3 *").await;
    browser.fill("time_zone", "Europe/Berlin").await;
    browser.read("On the 28th of March at 02:30").await;
    browser.read("Clocks go forward").await;
    browser.fill("cron", "0 25 * * *").await;
    browser.read("The hour field: 0 to 23").await;
    browser.picture("schedule-new-wrong").await;
    browser.fill("cron", "*/15 9-17 * * 1-5").await;
    browser.read("Every 15 minutes from 09:00 to 17:45, Monday to Friday").await;
    browser.fill("name", "Morning digest").await;
    browser.fill("input", "{\"document\": \"The river rose. The mill stood still.\"}").await;
    browser.click("select[name=target] option:nth-child(2)").await;
    browser.press("Create the schedule").await;
    browser.read("Morning digest is made").await;
    browser.press("Run now").await;
    browser.read("It runs now").await;
    let schedule = browser.see("a[href^=\"/schedules/sch_\"]").await;
    let schedule = schedule.attr("href").await.expect("reads").expect("a place");
    browser.go(&format!("{schedule}/edit")).await;
    browser.see("#schedule-form").await;
    browser.go("/schedules/new").await;
    browser.fill("name", "Monthly review of everything that ran").await;
    browser.fill("cron", "0 6 1,15 * *").await;
    browser.fill("input", "{\"document\": \"A quiet month.\"}").await;
    browser.click("select[name=target] option:nth-child(2)").await;
    browser.press("Create the schedule").await;
    browser.press("Switch off").await;
    browser.read("is switched off").await;
    let edit = format!("{schedule}/edit");
    for (name, path) in
        [("schedules-full", "/schedules"), ("schedule", &*schedule), ("schedule-edit", &*edit)]
    {
        for (width, height, size) in [(1440, 1400, "wide"), (390, 1800, "narrow")] {
            browser.size(width, height).await;
            browser.go(path).await;
            browser.see("main").await;
            for theme in ["light", "dark"] {
                browser.theme(theme).await;
                browser.is_sound().await;
                browser.picture(&format!("{name}-{size}-{theme}")).await;
            }
        }
    }
    browser.close().await;
}
