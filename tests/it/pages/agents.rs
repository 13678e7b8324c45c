//! Agents in the browser: the list, the steps to a new one, its pages, its console.

use reeve::access::Role;
use serde_json::json;

use crate::support::Appliance;
use crate::support::visitor::{Visitor, value_of};

/// The hidden fields and typed values of the form that posts to `action`, as a browser would send them again.
fn fields_of(page: &str, action: &str) -> Vec<(String, String)> {
    let form = page.split(&format!("action=\"{action}\"")).nth(1).expect("a form");
    let form = form.split("</form>").next().expect("its end");
    let inputs = form.split("<input").skip(1).filter_map(|it| it.split('>').next());
    let named = inputs.filter_map(|tag| {
        let name = tag.split("name=\"").nth(1)?.split('"').next()?;
        let value = tag.split("value=\"").nth(1).map_or("", |it| it.split('"').next().unwrap_or(""));
        let checkbox = tag.contains("type=\"checkbox\"") && !tag.contains("checked");
        (!checkbox && name != "csrf_token").then(|| (name.to_owned(), plain(value)))
    });
    let areas = form.split("<textarea").skip(1).filter_map(|it| {
        let name = it.split("name=\"").nth(1)?.split('"').next()?;
        let text = it.split_once('>')?.1.split("</textarea>").next()?;
        Some((name.to_owned(), plain(text.strip_prefix('\n').unwrap_or(text))))
    });
    let selects = form.split("<select").skip(1).filter_map(|it| {
        let name = it.split("name=\"").nth(1)?.split('"').next()?;
        let options = it.split("</select>").next()?;
        let chosen = options.split("<option value=\"").skip(1).find(|it| it.contains("\" selected>"))?;
        Some((name.to_owned(), plain(chosen.split('"').next()?)))
    });
    named.chain(areas).chain(selects).collect()
}

fn plain(text: &str) -> String {
    text.replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
}

fn with<'a>(fields: &'a [(String, String)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = fields.iter().filter(|it| more.iter().all(|new| new.0 != it.0));
    kept.map(|(name, value)| (name.as_str(), value.as_str())).chain(more.iter().copied()).collect()
}

async fn builder(appliance: &Appliance) -> Visitor {
    let builder = appliance.caller(Role::Builder).await;
    appliance.visitor_of(&builder.email).await
}

/// Makes and publishes one of the packages, and answers its place.
async fn an_agent(visitor: &mut Visitor) -> String {
    let (place, _) = visitor.through("/agents/from-template", &[("template", "ticket-triage")]).await;
    place.strip_suffix("/console").expect("the console").to_owned()
}

#[actix_web::test]
async fn an_empty_list_offers_what_works_at_once() {
    let appliance = Appliance::start().await;
    let mut visitor = builder(&appliance).await;
    let page = visitor.page("/agents").await;
    assert!(page.contains("No agent yet") && page.contains("value=\"ticket-triage\""), "{page}");
    let place = an_agent(&mut visitor).await;
    let page = visitor.page("/agents").await;
    assert!(page.contains(&format!("href=\"{place}\"")) && page.contains("Published"), "{page}");
    let (back, page) = visitor.through("/agents/from-template", &[("template", "ticket-triage")]).await;
    assert!(back == "/agents" && page.contains("This agent is there already."), "{page}");
    assert_eq!(visitor.send("/agents/from-template", &[("template", "none")]).await.status, 404);
}

#[actix_web::test]
async fn the_list_is_filtered_by_its_address() {
    let appliance = Appliance::start().await;
    let mut visitor = builder(&appliance).await;
    let place = an_agent(&mut visitor).await;
    let link = format!("href=\"{place}\"");
    for (query, found) in [
        ("?type=native&status=&health=&q=", true),
        ("?type=webhook", false),
        ("?status=published", true),
        ("?status=draft", false),
        ("?q=TRIAGE", true),
        ("?q=nothing+like+it", false),
        ("?tag=no-such-tag", false),
    ] {
        let page = visitor.page(&format!("/agents{query}")).await;
        assert_eq!(page.contains(&link), found, "{query}");
    }
    assert_eq!(visitor.open("/agents?status=sleepy").await.status, 422);
}

#[actix_web::test]
async fn five_steps_make_an_agent_and_lose_nothing() {
    let appliance = Appliance::start().await;
    let mut visitor = builder(&appliance).await;
    let page = visitor.page("/agents/new").await;
    assert!(page.contains("/agents/new?type=webhook"), "{page}");
    let page = visitor.page("/agents/new?type=webhook").await;
    assert_eq!(value_of(&page, "name").as_deref(), Some(""));
    let fields = fields_of(&page, "/agents/new");
    // What is no number comes back as it was typed, next to what is wrong with it.
    let wrong = [
        ("name", "Order \"desk\""),
        ("config/timeout_ms", "soon"),
        ("config/headers", "X-Team: a"),
        ("go", "credentials"),
    ];
    let answer = visitor.send("/agents/new", &with(&fields, &wrong)).await;
    assert_eq!(answer.status, 422);
    let page = answer.text();
    assert!(page.contains("A whole number, such as 30") && page.contains("value=\"soon\""), "{page}");
    assert_eq!(value_of(&page, "name").map(|it| plain(&it)).as_deref(), Some("Order \"desk\""));
    let fields = fields_of(&page, "/agents/new");
    let right =
        [("config/timeout_ms", "5000"), ("config/url", "http://127.0.0.1:9/hook"), ("go", "credentials")];
    let answer = visitor.send("/agents/new", &with(&fields, &right)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let fields = fields_of(&answer.text(), "/agents/new");
    let answer = visitor.send("/agents/new", &with(&fields, &[("go", "test")])).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("What to do:"), "{}", answer.text());
    let fields = fields_of(&answer.text(), "/agents/new");
    let answer = visitor.send("/agents/new", &with(&fields, &[("go", "review")])).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let fields = fields_of(&answer.text(), "/agents/new");
    let (place, page) = visitor.through("/agents/new", &with(&fields, &[("go", "create")])).await;
    assert_eq!(place, "/agents/order-desk");
    assert!(page.contains("This agent is a draft"), "{page}");
    // The same name again: back to the form, with everything in it.
    let answer = visitor.send("/agents/new", &with(&fields, &[("go", "create")])).await;
    assert_eq!(answer.status, 422);
    let page = answer.text();
    assert_eq!(value_of(&page, "config/timeout_ms").as_deref(), Some("5000"), "{page}");
    assert!(page.contains("X-Team: a"), "{page}");
}

#[actix_web::test]
async fn a_form_without_its_address_names_the_field() {
    let appliance = Appliance::start().await;
    let mut visitor = builder(&appliance).await;
    let page = visitor.page("/agents/new?type=webhook").await;
    let fields = fields_of(&page, "/agents/new");
    let empty = [("name", "Desk"), ("config/url", ""), ("go", "test")];
    let answer = visitor.send("/agents/new", &with(&fields, &empty)).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("href=\"#field-config"), "{}", answer.text());
    assert_eq!(visitor.open("/agents/new?type=fax").await.status, 404);
}

#[actix_web::test]
async fn every_page_of_an_agent_opens() {
    let appliance = Appliance::start().await;
    let mut visitor = builder(&appliance).await;
    let place = an_agent(&mut visitor).await;
    for tab in ["", "/console", "/configuration", "/versions", "/executions", "/code", "/delete"] {
        let page = visitor.page(&format!("{place}{tab}")).await;
        assert!(page.contains("Ticket"), "{tab}");
        assert_eq!(visitor.open(&format!("/agents/no-such-agent{tab}")).await.status, 404, "{tab}");
    }
    let viewer = appliance.caller(Role::Viewer).await;
    let mut stranger = appliance.visitor_of(&viewer.email).await;
    assert_eq!(stranger.open(&place).await.status, 404, "private to its owner");
}

#[actix_web::test]
async fn the_console_runs_what_was_typed_and_shows_it_as_it_comes() {
    let appliance = Appliance::start().await;
    let mut visitor = builder(&appliance).await;
    let place = an_agent(&mut visitor).await;
    let console = format!("{place}/console");
    let page = visitor.page(&console).await;
    let fields = fields_of(&page, &console);
    let answer = visitor.send(&console, &with(&fields, &[("input/subject", "")])).await;
    assert_eq!(answer.status, 422, "a required field is empty: {}", answer.text());
    let mut typed: Vec<(String, String)> = fields.clone();
    for (name, value) in &mut typed {
        if name.starts_with("input/") && value.is_empty() {
            *value = "The printer was charged twice on 3 May".to_owned();
        }
    }
    let sample =
        reeve::packages::get("ticket-triage").expect("reads").expect("there").samples.remove(0).input;
    for (key, value) in sample.as_object().expect("an object") {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        typed.retain(|it| it.0 != format!("input/{key}"));
        typed.push((format!("input/{key}"), text));
    }
    let known: Vec<String> =
        sample.as_object().expect("an object").keys().map(|it| format!("input/{it}")).collect();
    typed.retain(|it| !it.0.starts_with("input/") || known.contains(&it.0));
    let answer = visitor.send(&console, &with(&typed, &[])).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    let to = answer.header("location").expect("a place").to_owned();
    let id = to.strip_prefix("/executions/").expect("a run").to_owned();
    let stream = visitor.open(&format!("{console}/{id}/events")).await;
    assert_eq!(stream.header("content-type"), Some("text/event-stream"));
    let text = stream.text();
    assert!(text.contains("Completed") && text.ends_with("event: done\ndata: {}\n\n"), "{text}");
    let page = visitor.page(&format!("{place}/executions")).await;
    assert!(page.contains(&id), "{page}");
    let page = visitor.page(&place).await;
    assert!(page.contains(&id), "{page}");
}

#[actix_web::test]
async fn an_agent_is_configured_published_compared_and_rolled_back() {
    let appliance = Appliance::start().await;
    let mut visitor = builder(&appliance).await;
    let place = an_agent(&mut visitor).await;
    let (form, versions) = (format!("{place}/configuration"), format!("{place}/versions"));
    let page = visitor.page(&form).await;
    let fields = fields_of(&page, &form);
    let answer = visitor.send(&form, &with(&fields, &[("execution/timeout_ms", "0")])).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert!(answer.text().contains("href=\"#field-execution-timeout-ms\""), "{}", answer.text());
    let (_, page) = visitor.through(&form, &with(&fields, &[("execution/timeout_ms", "12345")])).await;
    assert!(page.contains("Saved.") && page.contains("value=\"12345\""), "{page}");
    // The form of before: somebody else has changed it since.
    let answer = visitor.send(&form, &with(&fields, &[("execution/timeout_ms", "777")])).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("value=\"777\""), "{}", answer.text());
    let (_, page) = visitor.through(&format!("{versions}/draft/publish"), &[("changelog", "Faster")]).await;
    assert!(page.contains("Faster") && page.contains("is published"), "{page}");
    let page = visitor.page(&format!("{versions}?from=1.0.0&to=1.0.1")).await;
    assert!(page.contains("12345"), "{page}");
    assert_eq!(visitor.open(&format!("{versions}?from=x&to=1.0.1")).await.status, 422);
    let (_, page) = visitor.through(&format!("{versions}/1.0.0/rollback"), &[]).await;
    assert!(page.contains("Version 1.0.0 runs again."), "{page}");
    assert_eq!(visitor.send(&format!("{versions}/9.9.9/rollback"), &[]).await.status, 404);
}

#[actix_web::test]
async fn an_agent_is_switched_cloned_tested_and_put_away() {
    let appliance = Appliance::start().await;
    let mut visitor = builder(&appliance).await;
    let place = an_agent(&mut visitor).await;
    assert!(visitor.through(&format!("{place}/disable"), &[]).await.1.contains("Disabled"));
    assert!(visitor.page(&format!("{place}/console")).await.contains("This agent is disabled"));
    assert!(visitor.through(&format!("{place}/enable"), &[]).await.1.contains("is enabled."));
    assert!(visitor.through(&format!("{place}/test"), &[]).await.1.contains("Healthy"));
    let (clone, _) = visitor.through(&format!("{place}/clone"), &[]).await;
    assert_ne!(clone, format!("{place}/configuration"));
    assert!(visitor.through(&format!("{place}/deprecate"), &[]).await.1.contains("Deprecated"));
    assert!(visitor.through(&format!("{place}/archive"), &[]).await.1.contains("Archived"));
    let (_, page) = visitor.through(&format!("{place}/enable"), &[]).await;
    assert!(page.contains("cannot be enabled"), "{page}");
}

#[actix_web::test]
async fn a_deletion_wants_the_name() {
    let appliance = Appliance::start().await;
    let mut visitor = builder(&appliance).await;
    let place = an_agent(&mut visitor).await;
    let path = format!("{place}/delete");
    let page = visitor.page(&path).await;
    let name =
        page.split("<h1>Delete ").nth(1).and_then(|it| it.split('<').next()).expect("the name").to_owned();
    let answer = visitor.send(&path, &[("confirm", "something else")]).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("value=\"something else\""), "{}", answer.text());
    let (back, page) = visitor.through(&path, &[("confirm", &name)]).await;
    assert!(back == "/agents" && page.contains("is deleted"), "{page}");
    assert_eq!(visitor.open(&place).await.status, 404);
}

#[actix_web::test]
async fn many_agents_are_changed_at_once() {
    let appliance = Appliance::start().await;
    let mut visitor = builder(&appliance).await;
    an_agent(&mut visitor).await;
    visitor.through("/agents/from-template", &[("template", "document-digest")]).await;
    let page = visitor.page("/agents").await;
    let ids: Vec<&str> =
        page.split("name=\"agent\" value=\"").skip(1).filter_map(|it| it.split('"').next()).collect();
    assert_eq!(ids.len(), 2);
    assert!(visitor.through("/agents/bulk", &[("act", "disable")]).await.1.contains("Choose agents first."));
    let both = |act| vec![("act", act), ("agent", ids[0]), ("agent", ids[1])];
    assert!(visitor.through("/agents/bulk", &both("disable")).await.1.contains("2 agents: disabled."));
    assert_eq!(visitor.send("/agents/bulk", &both("paint")).await.status, 422);
    let asked = visitor.send("/agents/bulk", &both("delete")).await;
    assert_eq!(asked.status, 200);
    assert!(asked.text().contains("will be gone"), "{}", asked.text());
    let mut sure = both("delete");
    sure.push(("confirmed", "true"));
    assert!(visitor.through("/agents/bulk", &sure).await.1.contains("No agent yet"));
}

#[actix_web::test]
async fn the_palette_finds_agents_and_what_one_may_do() {
    let appliance = Appliance::start().await;
    let mut visitor = builder(&appliance).await;
    let place = an_agent(&mut visitor).await;
    let found = visitor.open("/palette?q=tri").await.json();
    assert_eq!(found[0]["href"], json!(place), "{found}");
    let found = visitor.open("/palette?q=new").await.json();
    assert_eq!(found[0]["label"], json!("New agent"), "{found}");
    let viewer = appliance.caller(Role::Viewer).await;
    let found = appliance.visitor_of(&viewer.email).await.open("/palette?q=new").await.json();
    assert_eq!(found, json!([]));
}

#[actix_web::test]
async fn a_credential_is_made_on_the_way_and_nothing_typed_is_lost() {
    let appliance = Appliance::start().await;
    let mut visitor = builder(&appliance).await;
    let page = visitor.page("/agents/new?type=webhook").await;
    let typed = [("name", "Order desk"), ("config/url", "http://127.0.0.1:9/hook"), ("go", "credentials")];
    let answer = visitor.send("/agents/new", &with(&fields_of(&page, "/agents/new"), &typed)).await;
    assert!(answer.text().contains("value=\"new:bearer\""), "{}", answer.text());
    let fields = fields_of(&answer.text(), "/agents/new");
    let answer = visitor.send("/agents/new", &with(&fields, &[("go", "new:bearer")])).await;
    let fields = fields_of(&answer.text(), "/agents/new");
    // Without its token: the name stays, and no other field of the agent is gone.
    let wrong = [("new_credential/name", "Order key"), ("go", "keep")];
    let answer = visitor.send("/agents/new", &with(&fields, &wrong)).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert_eq!(value_of(&answer.text(), "new_credential/name").as_deref(), Some("Order key"));
    let fields = fields_of(&answer.text(), "/agents/new");
    let right = [("new_credential/value/token", "amber-river-0815"), ("go", "keep")];
    let answer = visitor.send("/agents/new", &with(&fields, &right)).await;
    let page = answer.text();
    assert_eq!(answer.status, 200, "{page}");
    assert!(page.contains("Order key") && page.contains("\" checked"), "{page}");
    assert!(!page.contains("amber-river") && !page.contains("new_credential/value"), "{page}");
    let fields = fields_of(&page, "/agents/new");
    assert_eq!(value_of(&page, "config/url").as_deref(), Some("http://127.0.0.1:9/hook"));
    // One that was typed and not kept is kept on the way to the test.
    let answer = visitor.send("/agents/new", &with(&fields, &[("go", "new:api_key")])).await;
    let fields = fields_of(&answer.text(), "/agents/new");
    let other = [("new_credential/name", "Other"), ("new_credential/value/key", "k-0123456"), ("go", "test")];
    let answer = visitor.send("/agents/new", &with(&fields, &other)).await;
    assert!(!answer.text().contains("k-0123456"), "{}", answer.text());
    let page = visitor.page("/credentials").await;
    assert!(page.contains("Order key") && page.contains("Other"), "{page}");
}

#[actix_web::test]
async fn the_console_offers_inputs_to_try() {
    let appliance = Appliance::start().await;
    let mut visitor = builder(&appliance).await;
    let place = an_agent(&mut visitor).await;
    let page = visitor.page(&format!("{place}/console")).await;
    assert!(page.contains("charged twice") || page.contains("Charged twice"), "{page}");
    let page = visitor.page(&format!("{place}/console?version=current&sample=0")).await;
    assert!(page.contains("invoice 4711"), "{page}");
    let fields = fields_of(&page, &format!("{place}/console"));
    let (run, _) = visitor.through(&format!("{place}/console"), &with(&fields, &[])).await;
    assert!(run.starts_with("/executions/"), "{run}");
    // An agent of no package is offered what its schema takes.
    let builder = appliance.caller(Role::Builder).await;
    let schema = json!({"type": "object", "required": ["city"], "properties": {"city": {"type": "string", "examples": ["Graz"]}}});
    let body = json!({"name": "Weather", "agent_type": "native", "config": {"model": "builtin"}, "input_schema": schema});
    let made = builder.post("/api/agents", body).await.expect(201);
    let mut own = appliance.visitor_of(&builder.email).await;
    let place = format!("/agents/{}/console?version=draft&sample=0", made["slug"].as_str().expect("a slug"));
    assert!(own.page(&place).await.contains("value=\"Graz\""));
}
