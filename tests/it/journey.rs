//! What a newcomer does in a real browser, from an empty data folder to the first run, and every page at both
//! widths and in both themes.

use crate::support::Appliance;
use crate::support::chromium::Chromium;
use crate::support::people::{PASSWORD, SETUP_TOKEN};
use reeve::access;
use reeve::infra::Secret;

/// Pages that need nothing but a log-in.
const PAGES: &[(&str, &str)] = &[
    ("overview", "/"),
    ("agents", "/agents"),
    ("agent-new", "/agents/new"),
    ("agent-new-webhook", "/agents/new?type=webhook"),
    ("agent", "/agents/document-digest"),
    ("agent-console", "/agents/document-digest/console"),
    ("agent-versions", "/agents/document-digest/versions"),
    ("executions", "/executions"),
    ("schedules", "/schedules"),
    ("schedule-new", "/schedules/new"),
    ("credentials", "/credentials"),
    ("members", "/members"),
    ("keys", "/keys"),
    ("audit", "/audit"),
    ("egress", "/egress"),
    ("profile", "/profile"),
    ("developers", "/developers"),
    ("ui-kit", "/ui-kit"),
];

async fn set_up(browser: &Chromium) {
    browser.go("/").await;
    browser.fill("token", SETUP_TOKEN).await;
    browser.fill("org_name", "Mill").await;
    browser.fill("email", "ada@mill.test").await;
    browser.fill("password", PASSWORD).await;
    browser.click("main form button[type=submit], form button[type=submit]").await;
    browser.read("Mill").await;
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
    browser.go("/agents").await;
    browser.read("No agent yet").await;
    browser
        .click("input[value=\"ticket-triage\"] ~ button, form:has(input[value=\"ticket-triage\"]) button")
        .await;
    browser.read("Ticket triage").await;
    browser.picture("first-agent").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_sound_wide_and_narrow_in_both_themes() {
    let (_appliance, browser) = empty().await;
    set_up(&browser).await;
    for slug in ["document-digest", "ticket-triage"] {
        browser.go("/agents/new").await;
        browser.click(&format!("form:has(input[value=\"{slug}\"]) button")).await;
        browser.read("Published").await;
    }
    for (name, path) in PAGES {
        for (width, height, size) in [(1440, 900, "wide"), (390, 844, "narrow")] {
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
    browser.click("select[name=agent_id] option:nth-child(2)").await;
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
    browser.click("select[name=agent_id] option:nth-child(2)").await;
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
