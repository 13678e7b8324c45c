//! Schedules, as pages: made, looked at before they are kept, switched, run, changed and deleted.

use serde_json::json;

use crate::agents::published;
use crate::support::Appliance;
use crate::support::visitor::value_of;

const NATIVE: &str = r#"{"model":"builtin","task":"auto"}"#;

#[actix_web::test]
async fn a_schedule_is_made_changed_run_and_deleted_without_scripts() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let config: serde_json::Value = serde_json::from_str(NATIVE).expect("JSON");
    let agent = json!({ "name": "Digest", "agent_type": "native", "config": config });
    let agent = published(&owner, agent).await;
    let agent_id = owner.get(&agent).await.expect(200)["id"].as_str().expect("an id").to_owned();
    let mut visitor = appliance.visitor_of(&owner.email).await;
    assert!(visitor.page("/schedules").await.contains("Nothing runs by itself yet"));
    let form = visitor.page("/schedules/new").await;
    assert!(
        form.contains("Monday to Friday at 09:00")
            && form.contains("Europe/Berlin")
            && form.contains("Digest"),
        "{form}"
    );

    let fields = |cron: &'static str, zone: &'static str, more: &[(&'static str, &'static str)]| {
        let mut fields = vec![
            ("name", "Morning digest"),
            ("input", "{}"),
            ("cron", cron),
            ("time_zone", zone),
            ("active", "true"),
            ("missed_runs", "once"),
            ("overlap", "skip"),
            ("catch_up_limit", "10"),
            ("jitter", "0"),
        ];
        fields.extend_from_slice(more);
        fields
    };
    let with_agent = |mut fields: Vec<(&'static str, &'static str)>| {
        let id: &'static str = Box::leak(agent_id.clone().into_boxed_str());
        fields.push(("target", id));
        fields
    };

    let offered = visitor.page(&format!("/schedules/new?agent={agent_id}")).await;
    assert!(offered.contains(&format!("<option value=\"{agent_id}\" selected>")), "{offered}");

    let preview = fields("30 2 28 3 *", "Europe/Berlin", &[("act", "preview")]);
    let seen = visitor.send("/schedules", &with_agent(preview)).await;
    assert_eq!(seen.status, 200);
    assert!(
        seen.text().contains("On the 28th of March at 02:30") && seen.text().contains("CE"),
        "{}",
        seen.text()
    );
    assert_eq!(
        value_of(&seen.text(), "name").as_deref(),
        Some("Morning digest"),
        "what was typed comes back"
    );
    let part = visitor.send("/schedules/preview", &[("cron", "*/5 * * * *"), ("time_zone", "UTC")]).await;
    assert!(
        part.status == 200 && part.text().starts_with("<p class=\"schedule-words\">Every 5 minutes"),
        "{}",
        part.text()
    );
    let part = visitor.send("/schedules/preview", &[("cron", "0 25 * * *"), ("time_zone", "Berlin")]).await;
    assert!(
        part.text().contains("The hour field: 0 to 23")
            && part.text().contains("did you mean Europe/Berlin?"),
        "{}",
        part.text()
    );

    for (wrong, says) in [
        (fields("0 9 * *", "UTC", &[]), "five fields"),
        (fields("@daily", "Berlin", &[]), "did you mean Europe/Berlin?"),
        (fields("@daily", "UTC", &[("input", "{")]), "this is not JSON"),
        (fields("@daily", "UTC", &[("jitter", "4000")]), "0 to 3600 seconds"),
        (fields("@daily", "UTC", &[("name", "")]), "A name has 1 to 120 characters"),
    ] {
        let answer = visitor.send("/schedules", &with_agent(wrong)).await;
        assert_eq!(answer.status, 422);
        assert!(answer.text().to_lowercase().contains(&says.to_lowercase()), "{says}: {}", answer.text());
    }
    let without = visitor.send("/schedules", &fields("@daily", "UTC", &[])).await;
    assert!(without.status == 422 && without.text().contains("Choose what is run"), "{}", without.text());

    let (place, page) =
        visitor.through("/schedules", &with_agent(fields("0 9 * * 1-5", "Asia/Tokyo", &[]))).await;
    assert!(
        page.contains("Monday to Friday at 09:00")
            && page.contains("09:00 JST")
            && page.contains("No tick yet"),
        "{page}"
    );
    let list = visitor.page("/schedules").await;
    assert!(
        list.contains("Morning digest")
            && list.contains("aria-checked=\"true\"")
            && list.contains("none yet"),
        "{list}"
    );
    assert!(visitor.page("/schedules?q=evening").await.contains("No schedule fits"));

    let (run, page) = visitor.through(&format!("{place}/run"), &[]).await;
    assert!(run.starts_with("/executions/exe_") && page.contains("It runs now"), "{page}");
    let page = visitor.page(&place).await;
    assert!(page.contains("run now by") && page.contains(run.trim_start_matches("/executions/")), "{page}");
    assert!(visitor.page(&format!("{place}?outcome=skipped")).await.contains("No tick had this outcome"));

    let (to, page) = visitor.through(&format!("{place}/disable"), &[("next", "/schedules")]).await;
    assert!(to == "/schedules" && page.contains("aria-checked=\"false\""), "{page}");
    assert!(visitor.page(&place).await.contains("It is switched off"));
    let (_, page) = visitor.through(&format!("{place}/enable"), &[("next", "//evil.test")]).await;
    assert!(page.contains("Overview") || page.contains("Morning digest"));

    let edit = visitor.page(&format!("{place}/edit")).await;
    assert_eq!(value_of(&edit, "time_zone").as_deref(), Some("Asia/Tokyo"));
    let changed = with_agent(fields("@hourly", "UTC", &[("name", "Hourly digest"), ("jitter", "1.5")]));
    let (_, page) = visitor.through(&place, &changed).await;
    assert!(page.contains("Hourly digest") && page.contains("Each begins up to"), "{page}");
    assert_eq!(visitor.send(&format!("{place}/delete"), &[("confirm", "Morning digest")]).await.status, 422);
    let (to, _) = visitor.through(&format!("{place}/delete"), &[("confirm", "Hourly digest")]).await;
    assert_eq!(to, "/schedules");
    assert_eq!(visitor.open(&place).await.status, 404);
}
