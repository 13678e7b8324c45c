//! Triggers as pages.

use serde_json::json;

use super::Bench;

#[actix_web::test]
async fn a_trigger_is_made_tried_changed_and_deleted_by_forms() {
    let bench = Bench::new().await;
    let mut visitor = bench.appliance.visitor_of(&bench.owner.email).await;
    assert!(visitor.page("/triggers").await.contains("Nothing starts runs from elsewhere yet"));
    let kinds = visitor.page("/triggers/new").await;
    for word in ["github", "stripe", "slack", "standard_webhooks", "hmac", "event", "none"] {
        assert!(kinds.contains(&format!("from={word}")), "{word}");
        visitor.page(&format!("/triggers/new?from={word}")).await;
    }
    let wrong = [
        ("from", "github"),
        ("name", "Issues"),
        ("target", bench.agent.as_str()),
        ("filter", "body.a =="),
        ("secret", "walrus-walrus-walrus"),
    ];
    let wrong = visitor.send("/triggers", &wrong).await;
    assert!(wrong.status == 422 && wrong.text().contains("body.a =="), "{}", wrong.text());
    assert!(!wrong.text().contains("walrus"), "no secret comes back");
    let right = [
        ("from", "github"),
        ("name", "Issues"),
        ("target", bench.agent.as_str()),
        ("mapping", "{\"text\": \"{{ body.title }}\"}"),
    ];
    let made = visitor.send("/triggers", &right).await;
    let text = made.text();
    assert!(
        made.status == 200 && text.contains("/hooks/rv_hook_") && text.contains("Signing secret"),
        "{text}"
    );
    assert!(text.contains("X-Hub-Signature-256: sha256=$SIGNATURE"), "{text}");
    assert_eq!(visitor.send("/triggers", &right).await.status, 422, "the name is taken");
    let all = bench.owner.get("/api/triggers").await.expect(200);
    let id = all["items"][0]["id"].as_str().expect("an id").to_owned();
    let place = format!("/triggers/{id}");
    let token = text
        .split("/hooks/")
        .nth(1)
        .expect("an address")
        .split(['<', '&', '\''])
        .next()
        .expect("a token")
        .to_owned();
    let page = visitor.page(&place).await;
    assert!(page.contains("Nothing called yet") && !page.contains(&token), "shown once: {token}");

    let tried = visitor.send(&format!("{place}/test"), &[("sample", "{\"title\": \"It broke\"}")]).await;
    assert!(
        tried.text().contains("A call like this starts a run") && tried.text().contains("It broke"),
        "{}",
        tried.text()
    );
    let tried = visitor.send(&format!("{place}/test"), &[("sample", "{}")]).await;
    assert!(
        tried.text().contains("would be refused") && tried.text().contains("mapping/text"),
        "{}",
        tried.text()
    );
    assert_eq!(visitor.send(&format!("{place}/test"), &[("sample", "{")]).await.status, 422);

    let change = [
        ("name", "Tickets"),
        ("target", bench.agent.as_str()),
        ("filter", "body.a"),
        ("mapping", "body"),
        ("dedupe_ms", "0"),
        ("answer", "wait"),
        ("wait_ms", "5000"),
    ];
    let (_, page) = visitor.through(&place, &change).await;
    assert!(page.contains("Tickets") && page.contains("<code>body.a</code>"), "{page}");
    assert_eq!(visitor.send(&place, &[("name", ""), ("target", &bench.agent)]).await.status, 422);
    assert_eq!(
        visitor.send(&place, &[("name", "A"), ("target", &bench.agent), ("wait_ms", "x")]).await.status,
        422
    );
    let (_, page) = visitor.through(&format!("{place}/switch"), &[("to", "off")]).await;
    assert!(page.contains("Paused") && page.contains("<code>body.a</code>"), "{page}");
    visitor.through(&format!("{place}/switch"), &[("to", "on")]).await;
    let moved = visitor.send(&format!("{place}/rotate"), &[("what", "address")]).await;
    assert!(moved.status == 200 && moved.text().contains("There is a new address"), "{}", moved.text());
    let secret = visitor.send(&format!("{place}/rotate"), &[("what", "secret"), ("secret", "")]).await;
    assert!(secret.status == 200 && secret.text().contains("the one before counts too"), "{}", secret.text());
    assert_eq!(
        visitor.send(&format!("{place}/rotate"), &[("what", "secret"), ("secret", "short")]).await.status,
        422
    );
    assert_eq!(visitor.send(&format!("{place}/delete"), &[("confirm", "Issues")]).await.status, 422);
    let (to, _) = visitor.through(&format!("{place}/delete"), &[("confirm", "Tickets")]).await;
    assert_eq!(to, "/triggers");
    assert_eq!(visitor.open(&place).await.status, 404);
}

#[actix_web::test]
async fn hits_are_listed_with_their_reasons() {
    let bench = Bench::new().await;
    let hook = bench.signed_by("github").await;
    hook.github("delivery-1", "{\"text\":\"hello\"}").await.expect(202);
    hook.call(&[("x-hub-signature-256", "sha256=00")], "{}").await.expect_error(401, "Unauthenticated");
    let mut visitor = bench.appliance.visitor_of(&bench.owner.email).await;
    let page = visitor.page(&format!("/triggers/{}", hook.id)).await;
    assert!(page.contains("delivery-1") && page.contains("Accepted") && page.contains("Refused"), "{page}");
    assert!(page.contains("the signature does not fit the body"), "{page}");
    let none = json!({ "name": "Open", "agent_id": bench.agent, "signature": { "scheme": "none", "insecure_no_signature": true } });
    let open = bench.owner.post("/api/triggers", none).await.expect(201);
    let page = visitor.page(&format!("/triggers/{}", open["id"].as_str().expect("an id"))).await;
    assert!(page.contains("Calls are taken without a signature"), "{page}");
}

/// The sample of a page, as a person would copy it.
fn sample_of(page: &str) -> String {
    let blocks = page.split("data-copy-source tabindex=\"0\">").skip(1);
    let text = blocks.map(|it| it.split("</pre>").next().unwrap_or_default());
    let found = text.filter(|it| it.contains("curl -X POST")).last().expect("a sample").to_owned();
    [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")]
        .iter()
        .fold(found, |text, (escaped, plain)| text.replace(escaped, plain))
}

fn is_installed(program: &str) -> bool {
    std::process::Command::new(program).arg("--version").output().is_ok_and(|it| it.status.success())
        || std::process::Command::new(program).arg("version").output().is_ok_and(|it| it.status.success())
}

#[actix_web::test]
async fn the_sample_of_every_sender_is_signed_as_its_trigger_wants_it() {
    if !is_installed("curl") || !is_installed("openssl") {
        eprintln!("skipped: curl or openssl is not installed");
        return;
    }
    let bench = Bench::new().await;
    let mut visitor = bench.appliance.visitor_of(&bench.owner.email).await;
    for (from, more) in [
        ("github", vec![]),
        ("stripe", vec![]),
        ("slack", vec![]),
        ("standard_webhooks", vec![]),
        ("hmac", vec![("header", "X-Sig"), ("encoding", "base64"), ("prefix", "v=")]),
        ("none", vec![("insecure_no_signature", "true")]),
    ] {
        let mut fields = vec![("from", from), ("name", from), ("target", bench.agent.as_str())];
        fields.extend(more);
        let made = visitor.send("/triggers", &fields).await;
        assert_eq!(made.status, 200, "{}", made.text());
        let page = made.text();
        let secret = page.split("<span>Signing secret</span>").nth(1).and_then(|it| {
            it.split("data-copy-source tabindex=\"0\">").nth(1)?.split('<').next().map(str::to_owned)
        });
        let script: Vec<String> = sample_of(&page)
            .replace("$(date +%s)", &bench.now().to_string())
            .replace("http://127.0.0.1:0", &bench.appliance.anonymous().base)
            .lines()
            .map(|it| match (it.starts_with("SECRET="), &secret) {
                (true, Some(secret)) => format!("SECRET='{secret}'"),
                _ => it.to_owned(),
            })
            .collect();
        let script = script.join("\n").replace("curl -X", "curl -s -X");
        let said = script.clone();
        let output = tokio::task::spawn_blocking(move || {
            std::process::Command::new("sh").args(["-c", &script]).output().expect("runs")
        })
        .await
        .expect("ends");
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(answer.contains("\"outcome\":\"accepted\""), "{from}: {answer}\n{said}");
    }
}
