//! Values planted wherever a secret can be entered, and a search for them wherever one could come to light: in
//! the real program, at log level trace, along paths that work and paths that fail.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use http::Method;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::support::http::{Answer, Http};
use crate::support::peer::{Peer, Step, answer, json as says};

const FRAGMENT: usize = 8;
const ENCODINGS: [&str; 8] = ["raw", "base64", "hex", "url", "json", "reversed", "fragment", "upper hex"];

/// A value nobody else has, with letters that every escaping changes.
fn canary() -> String {
    let random: [u8; 30] = rand::random();
    format!("{}/+\"{}", STANDARD_NO_PAD.encode(&random[..15]), URL_SAFE_NO_PAD.encode(&random[15..]))
}

/// As `canary`, of letters that may stand anywhere.
fn plain() -> String {
    let random: [u8; 30] = rand::random();
    STANDARD_NO_PAD.encode(random).replace(['+', '/'], "z")
}

fn forms(value: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = value.as_bytes();
    let mut forms = vec![("raw", bytes.to_vec())];
    for offset in 0..3 {
        let padded = [&b"\0\0"[..offset], bytes].concat();
        let (first, last) = ((offset * 8usize).div_ceil(6), padded.len() * 8 / 6);
        for text in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            forms.push(("base64", text.as_bytes()[first..last].to_vec()));
        }
    }
    let hex: String = bytes.iter().map(|it| format!("{it:02x}")).collect();
    forms.push(("upper hex", hex.to_uppercase().into_bytes()));
    forms.push(("hex", hex.into_bytes()));
    forms.push(("url", url::form_urlencoded::byte_serialize(bytes).collect::<String>().into_bytes()));
    forms.push(("json", json!(value).to_string().trim_matches('"').as_bytes().to_vec()));
    forms.push(("reversed", bytes.iter().rev().copied().collect()));
    forms.extend(bytes.windows(FRAGMENT).map(|it| ("fragment", it.to_vec())));
    forms
}

/// Finds every form of every canary in one pass.
#[derive(Default)]
struct Scanner(HashMap<[u8; FRAGMENT], Vec<(Vec<u8>, String)>>);

impl Scanner {
    fn new(canaries: &[(String, String)]) -> Self {
        let mut scanner = Self::default();
        for (name, value) in canaries {
            for (encoding, form) in forms(value) {
                let head: [u8; FRAGMENT] = form[..FRAGMENT].try_into().expect("long enough");
                scanner.0.entry(head).or_default().push((form, format!("{name} ({encoding})")));
            }
        }
        scanner
    }

    fn hits(&self, place: &[u8]) -> Vec<String> {
        let mut hits = Vec::new();
        for at in 0..place.len().saturating_sub(FRAGMENT - 1) {
            let head: &[u8; FRAGMENT] = place[at..at + FRAGMENT].try_into().expect("eight bytes");
            let Some(known) = self.0.get(head) else { continue };
            for (_, what) in known.iter().filter(|it| place[at..].starts_with(&it.0)) {
                let around = &place[at.saturating_sub(60)..(at + 60).min(place.len())];
                hits.push(format!("{what}: {:?}", String::from_utf8_lossy(around)));
            }
        }
        hits.truncate(20);
        hits
    }
}

/// A client that keeps every answer it got.
#[derive(Clone)]
struct Tap {
    http: Http,
    kept: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    fn keep(&self, answer: Answer) -> Answer {
        let mut kept = self.kept.lock();
        for (name, value) in &answer.headers {
            kept.extend_from_slice(format!("{name}: ").as_bytes());
            kept.extend_from_slice(value.as_bytes());
            kept.push(b'\n');
        }
        kept.extend_from_slice(&answer.body);
        kept.push(b'\n');
        answer
    }

    fn bearer(&self, token: &str) -> Self {
        Self { http: self.http.bearer(token), kept: self.kept.clone() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.keep(self.http.get(path).await)
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.keep(self.http.post(path, body).await)
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.keep(self.http.put(path, body).await)
    }

    async fn raw(&self, path: &str, content_type: &str, body: String) -> Answer {
        self.keep(self.http.send(Method::POST, path, Some(content_type), body.into()).await)
    }
}

struct Running {
    child: Child,
    base: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(folder: &Path, log: &Path, allow: &str) -> Running {
    let mut child = Command::new(env!("CARGO_BIN_EXE_reeve"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.join("data"))
        .current_dir(folder)
        .env("REEVE_SETUP_TOKEN_FILE", folder.join("token"))
        .env("REEVE_LOG_FILTER", "trace")
        .env("REEVE_LOG_FORMAT", "json")
        .env("REEVE_EGRESS_ALLOW", allow)
        .env("REEVE_DATA_MIN_FREE_BYTES", "0")
        .env("REEVE_SERVER_DRAIN_MS", "2000")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(log).expect("a log"))
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let line = lines.next().expect("a line").expect("text");
    let base = line.rsplit(' ').next().expect("an address").to_owned();
    std::thread::spawn(move || for _ in lines.by_ref() {});
    Running { child, base }
}

/// A child's arguments and environment, where the system lets us see them.
fn process(pid: u32, file: &str) -> Vec<u8> {
    std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default()
}

fn files(folder: &Path, into: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|it| it.expect("an entry").path()) {
        match entry.is_dir() {
            true => files(&entry, into),
            false => into.extend(std::fs::read(&entry).unwrap_or_default()),
        }
    }
}

#[actix_web::test]
async fn nothing_that_was_entered_as_a_secret_comes_to_light() {
    let mut canaries: Vec<(String, String)> = Vec::new();
    let mut plant = |name: &str, value: String| {
        canaries.push((name.to_owned(), value.clone()));
        value
    };
    let peer = Peer::start(|request, _| match request.line() {
        "POST /echo" => says(&json!({"you sent": request.head, "body": request.body})),
        "POST /fails" => {
            answer(500, &[("content-type", "application/json")], &json!({"error": request.head}).to_string())
        }
        "POST /text" => answer(401, &[], &request.head.replace("\r\n", " ")),
        "POST /garbage" => vec![Step::Send(b"SSH-2.0-nothing\r\n".to_vec()), Step::Close],
        "POST /closes" => vec![Step::Close],
        _ => says(&json!({"ok": true})),
    })
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let setup_token = plant("setup token", plain());
    std::fs::write(folder.path().join("token"), &setup_token).expect("writes");
    let server = start(folder.path(), &log, &format!("{},127.0.0.1:1", peer.address));
    std::fs::remove_file(folder.path().join("token")).expect("removes");
    let tap = Tap { http: Http::new(server.base.clone()), kept: Arc::default() };

    // Identity: setup, log-ins, refusals, keys, refreshed tokens.
    let password = plant("password", canary());
    let wrong_token = json!({"token": plant("wrong setup token", plain()), "org_name": "Mill", "email": "a@mill.test", "password": password});
    tap.post("/api/setup", wrong_token).await;
    let right =
        json!({"token": setup_token, "org_name": "Mill", "email": "a@mill.test", "password": password});
    tap.post("/api/setup", right.clone()).await.expect(201);
    tap.post("/api/setup", right).await;
    let wrong = plant("wrong password", canary());
    for body in [
        json!({"email": "a@mill.test", "password": wrong}),
        json!({"email": "b@mill.test", "password": wrong}),
        json!({"email": "a@mill.test", "password": [wrong]}),
        json!({"email": "a@mill.test", "password": {"x": wrong}}),
        json!({"email": 1, "password": wrong}),
        json!({"password": wrong}),
    ] {
        tap.post("/api/auth/login", body).await;
    }
    tap.raw("/api/auth/login", "application/json", format!("{{\"password\": {}, oops", json!(wrong))).await;
    tap.raw("/api/auth/login", "text/plain", json!({"password": wrong}).to_string()).await;
    // Answers that show a secret once are read without being kept.
    let login = json!({"email": "a@mill.test", "password": password});
    let tokens = tap.http.post("/api/auth/login", login).await.expect(200);
    let text = |value: &Value, name: &str| value[name].as_str().expect("text").to_owned();
    let tail = |secret: &str| secret[secret.len() - 32..].to_owned();
    let access = text(&tokens, "access_token");
    plant("access token", tail(&access));
    let refresh = text(&tokens, "refresh_token");
    plant("refresh token", tail(&refresh));
    let body = json!({"refresh_token": refresh});
    let tokens = tap.http.post("/api/auth/refresh-token", body).await.expect(200);
    let access = text(&tokens, "access_token");
    plant("second access token", tail(&access));
    plant("second refresh token", tail(&text(&tokens, "refresh_token")));
    tap.bearer(&format!("{access}x")).get("/api/users/me").await;
    let me = tap.bearer(&access);
    let key =
        me.http.post("/api/api-keys", json!({"name": "k", "scopes": ["agents:read"]})).await.expect(201);
    let key = text(&key, "secret");
    plant("api key", tail(&key));
    me.get("/api/api-keys").await.expect(200);
    let keyed = tap.bearer(&key);
    keyed.get("/api/agents").await;
    keyed.get("/api/credentials").await.expect_error(403, "AgentAccessDenied");
    tap.bearer(&format!("{key}x")).get("/api/agents").await;
    let invited = json!({"email": "c@mill.test", "role": "viewer"});
    let invitation = me.http.post("/api/org/invitations", invited).await.expect(201);
    let invite = text(&invitation, "token");
    plant("invitation", tail(&invite));
    let joining = json!({"invite": invite, "email": "c@mill.test", "password": plant("member's password", canary()), "name": "C"});
    tap.post("/api/auth/register", joining).await;
    let change = json!({"current_password": plant("wrong current password", canary()), "new_password": plant("new password", canary())});
    me.post("/api/users/me/password", change).await;

    // Credentials: each kind, right, wrong, changed, rotated.
    let mut used = Vec::new();
    for (kind, field, rest) in [
        ("api_key", "key", json!({})),
        ("bearer", "token", json!({})),
        ("basic_auth", "password", json!({"username": "ada"})),
        ("webhook", "secret", json!({})),
        ("header", "value", json!({"name": "X-Key"})),
        ("custom", "dsn", json!({"region": "north"})),
    ] {
        let mut with = |what: &str| {
            let mut value = rest.clone();
            value[field] = json!(plant(&format!("{kind} {what}"), canary()));
            value
        };
        let first = with("first");
        let made = me
            .post("/api/credentials", json!({"name": kind, "kind": kind, "value": first}))
            .await
            .expect(201);
        let path = format!("/api/credentials/{}", text(&made, "id"));
        let refused = with("refused");
        me.post("/api/credentials", json!({"name": kind, "kind": kind, "value": refused})).await;
        me.post("/api/credentials", json!({"name": "x", "kind": kind, "value": refused[field]})).await;
        me.post("/api/credentials", json!({"name": "x", "kind": kind, "value": [refused]})).await;
        me.post(
            "/api/credentials",
            json!({"name": "x", "kind": kind, "value": {field: {"x": refused[field]}}}),
        )
        .await;
        me.post("/api/credentials", json!({"name": "", "kind": kind, "value": refused})).await;
        me.post("/api/credentials", json!({"name": "x", "kind": "none", "value": refused})).await;
        let body = json!({"name": "x", "kind": kind, "value": refused}).to_string();
        me.raw("/api/credentials", "application/json", body[..body.len() - 1].to_owned()).await;
        me.raw("/api/credentials", "text/plain", body).await;
        me.post(&format!("{path}/rotate"), json!({"value": with("second")})).await.expect(200);
        me.put(&path, json!({"name": kind, "value": with("third")})).await.expect(200);
        me.post(&format!("{path}/validate"), json!({})).await.expect(200);
        if kind != "custom" {
            used.push(text(&made, "id"));
        }
    }
    me.get("/api/credentials").await.expect(200);

    // Runs that work and runs that fail, with each credential.
    let sse = Tap { http: me.http.clone(), kept: Arc::default() };
    let targets = ["/ok", "/echo", "/fails", "/text", "/garbage", "/closes"].map(|it| peer.url(it));
    let others = ["http://127.0.0.1:1/".to_owned(), "https://169.254.169.254/".to_owned()];
    for (at, url) in targets.iter().chain(&others).enumerate() {
        for (n, credential) in used.iter().enumerate() {
            let agent = json!({
                "name": format!("{at}-{n}"), "agent_type": "webhook", "config": {"url": url}, "credential_ids": [credential],
                "execution": {"retry": {"max_attempts": 1}, "timeout_ms": 5_000},
            });
            let agent = text(&me.post("/api/agents", agent).await.expect(201), "id");
            let path = format!("/api/agents/{agent}");
            me.post(&format!("{path}/versions/1.0.0/publish"), json!({})).await.expect(200);
            me.post(&format!("{path}/test"), json!({})).await;
            me.post(&format!("{path}/execute"), json!({"input": {"n": n}})).await;
            sse.post(&format!("{path}/execute/stream"), json!({"input": {"n": n}})).await;
            let runs = me.get(&format!("{path}/executions")).await.expect(200);
            let run = text(&runs["items"][0], "id");
            sse.get(&format!("/api/executions/{run}/events")).await;
            me.get(&format!("/api/executions/{run}/logs")).await;
        }
    }
    // Signing secrets of what is told and of what is heard, and the address of a hook.
    let first = format!("whsec_{}", plant("webhook secret", plain()));
    let webhook =
        json!({"name": "desk", "url": peer.url("/echo"), "events": ["execution.completed"], "secret": first});
    let made = me.post("/api/webhooks", webhook.clone()).await.expect(201);
    me.post("/api/webhooks", webhook).await.expect_error(409, "Conflict");
    let path = format!("/api/webhooks/{}", text(&made, "id"));
    let next = json!({"secret": format!("whsec_{}", plant("second webhook secret", plain()))});
    me.post(&format!("{path}/rotate"), next).await.expect(200);
    me.post(&format!("{path}/rotate"), json!({"secret": plant("refused webhook secret", plain())}))
        .await
        .expect(422);
    me.post(&format!("{path}/test"), json!({})).await.expect(200);
    let agent = json!({"name": "hooked", "agent_type": "webhook", "config": {"url": peer.url("/echo")}});
    let agent = text(&me.post("/api/agents", agent).await.expect(201), "id");
    me.post(&format!("/api/agents/{agent}/versions/1.0.0/publish"), json!({})).await.expect(200);
    let secret = plant("trigger secret", canary());
    let trigger =
        json!({"name": "t", "agent_id": agent, "secret": secret, "signature": {"scheme": "github"}});
    let made = me.http.post("/api/triggers", trigger.clone()).await.expect(201);
    me.post("/api/triggers", trigger).await.expect_error(409, "Conflict");
    let url = text(&made, "url");
    plant("hook address", tail(&url));
    let (place, body) = (url[url.find("/hooks/").expect("a path")..].to_owned(), json!({"n": 1}));
    tap.post(&place, body.clone()).await.expect_error(401, "Unauthenticated");
    let signature = format!("sha256={}", crate::triggers::hexed(secret.as_bytes(), &body.to_string()));
    let signed = Tap { http: tap.http.with("x-hub-signature-256", signature), kept: tap.kept.clone() };
    signed.post(&place, body).await.expect(202);
    let path = format!("/api/triggers/{}", text(&made, "id"));
    let next = json!({"what": "secret", "secret": plant("second trigger secret", canary())});
    me.post(&format!("{path}/rotate"), next).await.expect(200);
    let refused = json!({"what": "secret", "secret": {"x": plant("refused trigger secret", canary())}});
    me.post(&format!("{path}/rotate"), refused).await.expect(422);
    me.get(&format!("{path}/hits")).await.expect(200);
    me.get("/api/triggers").await.expect(200);

    let secret_in_config = json!({
        "name": "bad", "agent_type": "webhook",
        "config": {"url": "https://example.com/", "headers": {"Authorization": plant("config header", canary())}},
    });
    me.post("/api/agents", secret_in_config.clone()).await.expect_error(422, "InvalidAgentConfig");
    me.post("/api/agents/validate", secret_in_config).await;

    // Every place, collected.
    let (audit, ledger) =
        (Tap { kept: Arc::default(), ..me.clone() }, Tap { kept: Arc::default(), ..me.clone() });
    let mut path = "/api/audit?limit=200".to_owned();
    loop {
        let page = audit.get(&path).await.expect(200);
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/audit?limit=200&cursor={cursor}");
    }
    ledger.get("/api/egress?limit=200").await.expect(200);
    let html = Tap { http: tap.http.clone(), kept: Arc::default() };
    for path in ["/", "/login", "/setup", "/agents", "/credentials", "/nothing"] {
        html.get(path).await;
    }
    let machine = Tap { http: tap.http.clone(), kept: Arc::default() };
    for path in ["/healthz", "/readyz", "/metrics", "/api/openapi.json"] {
        machine.get(path).await;
    }
    let pid = server.child.id();
    let (arguments, environment) = (process(pid, "cmdline"), process(pid, "environ"));
    let (mut store, mut keys) = (Vec::new(), Vec::new());
    files(&folder.path().join("data"), &mut store);
    files(&folder.path().join("data-keys"), &mut keys);
    let logs = std::fs::read(&log).expect("the log");
    assert!(logs.windows(7).any(|it| it == b"\"TRACE\""), "the log is at trace level");
    let kept = |tap: &Tap| tap.kept.lock().clone();
    let places = [
        ("answers", kept(&tap)),
        ("event streams", kept(&sse)),
        ("pages", kept(&html)),
        ("machines' endpoints", kept(&machine)),
        ("audit", kept(&audit)),
        ("ledger", kept(&ledger)),
        ("logs", logs),
        ("data folder", store),
        ("key folder", keys),
        ("arguments", arguments),
        ("environment", environment),
    ];
    drop(server);

    // A search that finds nothing says something only if it finds what is there.
    let scanner = Scanner::new(&canaries);
    let mut planted = 0;
    for (place, content) in &places {
        for (name, value) in [canaries.first(), canaries.last()].into_iter().flatten() {
            for (encoding, form) in forms(value) {
                let middle = content.len() / 2;
                let near = &content[middle.saturating_sub(400)..(middle + 400).min(content.len())];
                let leak = [near, &form, near].concat();
                let found = scanner.hits(&leak);
                assert!(!found.is_empty(), "{place}: {name} in {encoding} is not found");
                planted += 1;
            }
        }
    }
    let child = Command::new("sleep").arg("60").env("LEAK", &canaries[0].1).spawn();
    if let Ok(mut child) = child {
        let seen = process(child.id(), "environ");
        let found = scanner.hits(&seen);
        let _ = child.kill();
        let _ = child.wait();
        assert!(seen.is_empty() || !found.is_empty(), "a leak into a child's environment is not found");
    }
    let hits: Vec<String> = places
        .iter()
        .flat_map(|(place, content)| {
            scanner.hits(content).into_iter().map(move |it| format!("{place}: {it}"))
        })
        .collect();
    eprintln!(
        "canaries={} places={} encodings={} planted={planted} hits={}",
        canaries.len(),
        places.len(),
        ENCODINGS.len(),
        hits.len()
    );
    assert!(hits.is_empty(), "{hits:#?}");
}
