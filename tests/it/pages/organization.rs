//! Members, invitations, keys, settings, audit.

use reeve::access::Role;

use crate::agents::{made, native};
use crate::support::{Appliance, PASSWORD};

#[actix_web::test]
async fn a_person_is_invited_by_a_link_that_is_shown_once() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let mut visitor = appliance.visitor_of(&owner.email).await;
    let wrong = visitor.send("/members/invitations", &[("email", "nobody"), ("role", "viewer")]).await;
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.text().contains("An e-mail address looks like") && wrong.text().contains("value=\"nobody\"")
    );
    let odd = visitor.send("/members/invitations", &[("email", "ada@mill.test"), ("role", "queen")]).await;
    assert!(odd.status == 422 && odd.text().contains("Choose one of the roles"), "{}", odd.text());
    let made = visitor.send("/members/invitations", &[("email", "ada@mill.test"), ("role", "viewer")]).await;
    assert_eq!(made.status, 200);
    let text = made.text();
    let link =
        text.split("/invitations/").find_map(|it| it.split(['<', '"']).next().filter(|it| it.len() > 30));
    let link = link.expect("a link").to_owned();
    assert!(!visitor.page("/members").await.contains(&link), "shown twice");
    let mut guest = appliance.visitor();
    let path = format!("/invitations/{link}");
    guest.page(&path).await;
    let joined = guest.send(&path, &[("name", "Ada"), ("password", PASSWORD)]).await;
    assert_eq!(joined.status, 303, "{}", joined.text());
    assert!(visitor.page("/members").await.contains("Ada</a>"));
    // A second invitation, taken back.
    visitor.send("/members/invitations", &[("email", "bob@mill.test"), ("role", "viewer")]).await;
    let page = visitor.page("/members").await;
    let (_, rest) = page
        .split_once("action=\"/members/invitations/")
        .filter(|it| !it.1.starts_with('"'))
        .expect("a form");
    let revoke = format!("/members/invitations/{}", rest.split('"').next().expect("a path"));
    visitor.through(&revoke, &[]).await;
    assert!(!visitor.page("/members").await.contains("bob@mill.test"));
    assert_eq!(visitor.send(&revoke, &[]).await.status, 404);
}

#[actix_web::test]
async fn roles_change_members_are_kept_out_and_leave_only_by_name() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let member = appliance.caller(Role::Viewer).await;
    let mut visitor = appliance.visitor_of(&owner.email).await;
    let place = format!("/members/{}", member.id);
    assert!(visitor.page(&place).await.contains(&member.email));
    let (to, page) = visitor.through(&format!("{place}/role"), &[("role", "builder")]).await;
    assert!(to == place && page.contains("is a builder now"), "{page}");
    assert_eq!(visitor.send(&format!("{place}/role"), &[("role", "queen")]).await.status, 422);
    let (_, page) = visitor.through(&format!("{place}/suspend"), &[]).await;
    assert!(page.contains("Suspended") && page.contains("Let in again"), "{page}");
    let (_, page) = visitor.through(&format!("{place}/readmit"), &[]).await;
    assert!(page.contains("Suspend<"), "{page}");
    let wrong = visitor.send(&format!("{place}/remove"), &[("confirm", "someone")]).await;
    assert!(wrong.status == 422 && wrong.text().contains(&format!("type {} to go on", member.email)));
    let (to, page) = visitor.through(&format!("{place}/remove"), &[("confirm", &member.email)]).await;
    assert!(to == "/members" && !page.contains(&format!("/members/{}", member.id)), "{page}");
    // Nobody throws the last owner out.
    let own = format!("/members/{}", owner.id);
    assert_eq!(visitor.send(&format!("{own}/remove"), &[("confirm", &owner.email)]).await.status, 422);
    assert_eq!(visitor.send(&format!("{own}/role"), &[("role", "viewer")]).await.status, 422);
    assert_eq!(visitor.send(&format!("{own}/suspend"), &[]).await.status, 422);
}

#[actix_web::test]
async fn a_viewer_sees_members_and_changes_none() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let viewer = appliance.caller(Role::Viewer).await;
    let mut visitor = appliance.visitor_of(&viewer.email).await;
    let page = visitor.page("/members").await;
    assert!(page.contains(&owner.email) && !page.contains("Invite"), "{page}");
    assert!(!visitor.page(&format!("/members/{}", owner.id)).await.contains("/remove"));
    for path in [
        "/members/invitations".to_owned(),
        format!("/members/{}/suspend", owner.id),
        "/organization".to_owned(),
    ] {
        let fields = [("email", "x@mill.test"), ("role", "viewer"), ("name", "Mine")];
        assert_eq!(visitor.send(&path, &fields).await.status, 403, "{path}");
    }
    assert_eq!(visitor.open("/audit").await.status, 403);
    assert_eq!(visitor.open("/egress").await.status, 403);
    assert_eq!(visitor.open("/credentials").await.status, 403);
}

#[actix_web::test]
async fn a_key_is_shown_once_works_and_ends_by_name() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let mut visitor = appliance.visitor_of(&owner.email).await;
    assert!(visitor.page("/keys").await.contains("No keys yet"));
    let none = visitor.send("/keys", &[("name", "Import"), ("days", "30")]).await;
    assert!(none.status == 422 && none.text().contains("A key has 1 to"), "{}", none.text());
    assert_eq!(
        visitor.send("/keys", &[("name", "Import"), ("days", "9999"), ("scope", "agents:read")]).await.status,
        422
    );
    let fields = [("name", "Import"), ("days", "30"), ("scope", "agents:read"), ("scope", "executions:read")];
    let made = visitor.send("/keys", &fields).await.text();
    let (_, rest) = made.split_once("data-copy-source tabindex=\"0\">").expect("the key");
    let secret = rest.split('<').next().expect("text").to_owned();
    let program = appliance.anonymous().bearer(&secret);
    program.get("/api/agents").await.expect(200);
    program.get("/api/org/members").await.expect_error(403, "AgentAccessDenied");
    let page = visitor.page("/keys").await;
    assert!(page.contains("Import") && !page.contains(&secret), "shown twice");
    let (_, rest) = page.split_once("action=\"/keys/").expect("a form");
    let revoke = format!("/keys/{}", rest.split('"').next().expect("a path"));
    assert_eq!(visitor.send(&revoke, &[("confirm", "Export")]).await.status, 422);
    program.get("/api/agents").await.expect(200);
    visitor.through(&revoke, &[("confirm", "Import")]).await;
    program.get("/api/agents").await.expect_error(401, "Unauthenticated");
    assert_eq!(visitor.send(&revoke, &[("confirm", "Import")]).await.status, 404);
}

#[actix_web::test]
async fn a_key_is_bound_to_the_agents_that_were_chosen() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let one = made(&owner, native("Sorter")).await;
    let other = made(&owner, native("Teller")).await;
    let id = owner.get(&one).await.expect(200)["id"].as_str().expect("an id").to_owned();
    let mut visitor = appliance.visitor_of(&owner.email).await;
    let page = visitor.page("/keys").await;
    assert!(page.contains("Only some agents") && page.contains(&id), "{page}");
    // What reaches all agents is ticked, too, as it is when the page is opened.
    let scopes = [("scope", "agents:read"), ("scope", "agents:execute"), ("scope", "workflows:read")];
    let fields = [&[("name", "Sorting"), ("days", "30"), ("agent", id.as_str())], &scopes[..]].concat();
    let made = visitor.send("/keys", &fields).await.text();
    assert!(made.contains("agent: Sorter") && !made.contains("agent: Teller"), "{made}");
    let (_, rest) = made.split_once("data-copy-source tabindex=\"0\">").expect("the key");
    let program = appliance.anonymous().bearer(rest.split('<').next().expect("text"));
    program.get(&one).await.expect(200);
    program.get(&other).await.expect_error(403, "AgentAccessDenied");
    program.get("/api/chains").await.expect(200);
}

#[actix_web::test]
async fn the_organization_is_renamed() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let mut visitor = appliance.visitor_of(&owner.email).await;
    assert!(visitor.page("/organization").await.contains("value=\"Mill\""));
    let (_, page) = visitor.through("/organization", &[("name", "Water & Mill")]).await;
    assert!(page.contains("value=\"Water &#38; Mill\""), "{page}");
    let wrong = visitor.send("/organization", &[("name", " ")]).await;
    assert_eq!(wrong.status, 422);
}

#[actix_web::test]
async fn the_audit_log_is_looked_through_and_checked() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let mut visitor = appliance.visitor_of(&owner.email).await;
    visitor.through("/organization", &[("name", "Weaver")]).await;
    let page = visitor.page("/audit?action=org.update").await;
    assert!(page.contains(&owner.org.to_string()), "{page}");
    let (_, rest) = page.split_once("href=\"/audit/").expect("an entry");
    let entry = visitor.page(&format!("/audit/{}", rest.split('"').next().expect("a number"))).await;
    assert!(entry.contains("org.update") && entry.contains("Weaver"), "{entry}");
    assert!(visitor.page("/audit?action=nothing").await.contains("No entry fits"));
    assert!(visitor.page(&format!("/audit?actor={}", owner.id)).await.contains("org.update"));
    let verdict = visitor.send("/audit/verify", &[]).await;
    assert!(verdict.status == 200 && verdict.text().contains("The log is whole"), "{}", verdict.text());
    assert_eq!(visitor.open("/audit?from=yesterday").await.status, 422);
    assert_eq!(visitor.open("/audit/99999").await.status, 404);
    assert_eq!(visitor.open("/audit/first").await.status, 404);
}

/// Kinds of things that entries of the audit log are about, as the source has them.
fn audited(folder: &std::path::Path, found: &mut std::collections::BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|it| it.expect("an entry").path()) {
        if entry.is_dir() {
            audited(&entry, found);
        } else if entry.extension().is_some_and(|it| it == "rs") {
            let text = std::fs::read_to_string(&entry).expect("text");
            for (_, rest) in text.match_indices("Note::of(").map(|it| text.split_at(it.0)) {
                let kind = rest.split(',').nth(1).unwrap_or_default().trim();
                found.extend(kind.strip_prefix('"').and_then(|it| it.strip_suffix('"')).map(str::to_owned));
            }
        }
    }
}

#[actix_web::test]
async fn the_audit_log_is_narrowed_to_each_kind_of_thing() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let page = appliance.visitor_of(&owner.email).await.page("/audit").await;
    let mut kinds = std::collections::BTreeSet::new();
    audited(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut kinds);
    assert!(kinds.len() > 10, "{kinds:?}");
    for kind in kinds {
        assert!(page.contains(&format!("<option value=\"{kind}\"")), "{kind} cannot be chosen");
    }
}
