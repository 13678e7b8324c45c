//! The command line, as the real program: what a newcomer types, and what is refused before it does harm.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::crash::server::{EMAIL, Site};
use crate::support::PASSWORD;
use crate::support::peer::Peer;

const TICKET: &str = r#"{"subject": "Charged twice", "body": "Invoice 4711 was charged twice."}"#;

struct Desk(tempfile::TempDir);

/// How a command ended, and all it said.
struct Said {
    code: i32,
    text: String,
}

impl Said {
    #[track_caller]
    fn expect(self, code: i32, words: &[&str]) -> String {
        assert_eq!(self.code, code, "{}", self.text);
        for it in words {
            assert!(self.text.contains(it), "{it:?} in: {}", self.text);
        }
        self.text
    }
}

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn with_mill() -> Self {
        let desk = Self::new();
        desk.setup(PASSWORD, &["--samples"]).expect(0, &["document-digest", "ticket-triage"]);
        desk
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn setup(&self, password: &str, more: &[&str]) -> Said {
        self.told(&[&["setup", "--org", "Mill", "--email", EMAIL], more].concat(), password)
    }

    fn run(&self, arguments: &[&str]) -> Said {
        self.told(arguments, "")
    }

    fn told(&self, arguments: &[&str], input: &str) -> Said {
        let mut child = Command::new(env!("CARGO_BIN_EXE_reeve"))
            .args(arguments)
            .current_dir(self.0.path())
            .env("REEVE_DATA_MIN_FREE_BYTES", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        // It may have refused before it reads.
        let _ = writeln!(child.stdin.take().expect("a pipe"), "{input}");
        let ended = child.wait_with_output().expect("ends");
        let text = [ended.stdout, ended.stderr].map(|it| String::from_utf8_lossy(&it).into_owned()).concat();
        Said { code: ended.status.code().unwrap_or(-1), text }
    }

    /// What doctor found, by what it is about.
    fn doctor(&self, code: i32) -> Vec<(String, String)> {
        let text = self.run(&["doctor", "--json", "--listen", "127.0.0.1:0"]).expect(code, &[]);
        let found: Vec<Value> = serde_json::from_str(&text).expect("JSON");
        let word = |it: &Value, name: &str| it[name].as_str().expect("a word").to_owned();
        found.iter().map(|it| (word(it, "about"), word(it, "verdict"))).collect()
    }

    #[track_caller]
    fn wrong(&self, about: &str) {
        let found = self.doctor(1);
        assert!(found.contains(&(about.to_owned(), "wrong".to_owned())), "{about} in {found:?}");
    }
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("changed");
}

#[test]
fn a_newcomer_sets_up_and_runs_an_agent_that_ships() {
    let desk = Desk::with_mill();
    desk.run(&["run", "ticket-triage", "--input", TICKET]).expect(0, &["category"]);
    let wrong = desk.run(&["run", "ticket-triage", "--input", r#"{"subject": 1}"#]);
    wrong.expect(1, &["subject", "body"]);
}

#[test]
fn a_setup_that_is_refused_leaves_nothing_behind() {
    let desk = Desk::new();
    desk.setup("short", &[]).expect(2, &["password"]);
    desk.told(&["setup", "--org", "Mill", "--email", "nobody"], PASSWORD).expect(2, &["email"]);
    assert_eq!(std::fs::read_dir(desk.0.path()).expect("a folder").count(), 0);
}

#[test]
fn a_setup_names_the_command_that_serves_what_it_made() {
    let desk = Desk::new();
    desk.setup(PASSWORD, &[]).expect(0, &["`reeve serve`"]);
    let elsewhere = desk.setup(PASSWORD, &["--data-dir", "other"]);
    elsewhere.expect(0, &["`reeve serve --data-dir other`"]);
}

#[test]
fn commands_on_a_folder_make_none() {
    let desk = Desk::new();
    let wrong: [&[&str]; 5] = [
        &["user", "list"],
        &["user", "disable", EMAIL],
        &["audit", "verify"],
        &["run", "ticket-triage", "--input", TICKET],
        &["doctor"],
    ];
    for arguments in wrong {
        desk.run(&[arguments, &["--data-dir", "dta"]].concat())
            .expect(1, &["there is no data folder at dta"]);
    }
    std::fs::write(desk.0.path().join("file"), "text").expect("written");
    desk.run(&["user", "list", "--data-dir", "file"]).expect(1, &["is a file"]);
    desk.run(&["serve", "--data-dir", "file", "--listen", "127.0.0.1:0"]).expect(1, &["is a file"]);
    assert_eq!(std::fs::read_dir(desk.0.path()).expect("a folder").count(), 1);
}

#[test]
fn the_last_owner_is_not_locked_out() {
    let desk = Desk::with_mill();
    desk.run(&["user", "disable", EMAIL]).expect(1, &["last owner"]);
    let people = desk.run(&["user", "list"]).expect(0, &[EMAIL]);
    assert!(!people.contains("locked out"), "{people}");
}

#[test]
fn a_demo_leaves_other_folders_alone_and_looks_for_its_address_first() {
    let desk = Desk::with_mill();
    let demo = |folder: &str, address: &str| desk.run(&["demo", "--data-dir", folder, "--listen", address]);
    demo("data", "127.0.0.1:0").expect(1, &["no demo's"]);
    demo(".", "127.0.0.1:0").expect(1, &["not empty"]);
    let taken = TcpListener::bind("127.0.0.1:0").expect("an address");
    let port = taken.local_addr().expect("an address").port();
    let said = demo("other", &format!("localhost:{port}")).expect(1, &["cannot listen on 127.0.0.1"]);
    assert!(!said.contains("reads"), "{said}");
    assert!(!desk.0.path().join("other").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_beside_a_server_is_led_to_it() {
    let site = Site::new(&Peer::answering(Vec::new()).await);
    let server = site.serve();
    let (desk, data) = (Desk::new(), site.data.display().to_string());
    let run = ["run", "ticket-triage", "--input", TICKET, "--data-dir", &data];
    desk.run(&run).expect(1, &["--url http://127.0.0.1:8410", "REEVE_API_KEY"]);
    desk.run(&["user", "list", "--data-dir", &data]).expect(1, &["stop the server"]);
    let key = server.api_key().await;
    let agent = json!({ "template": "ticket-triage", "slug": "ticket-triage" });
    server.http().bearer(&key).post("/api/agents/from-template", agent).await.expect(201);
    let publish = "/api/agents/ticket-triage/versions/draft/publish";
    server.http().bearer(&key).post(publish, json!({})).await.expect(200);
    let ended = Command::new(env!("CARGO_BIN_EXE_reeve"))
        .args(["run", "ticket-triage", "--input", TICKET, "--url", &server.base])
        .env("REEVE_API_KEY", &key)
        .output()
        .expect("runs");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn doctor_finds_what_would_stop_a_start() {
    let desk = Desk::with_mill();
    let (data, key) = (desk.data(), desk.0.path().join("data-keys/reeve.key"));
    let before = std::fs::read(data.join("reeve.redb")).expect("a database");
    assert!(desk.doctor(0).iter().all(|it| it.1 == "ok"));
    assert!(std::fs::read(data.join("reeve.redb")).expect("a database") == before, "doctor changes nothing");

    mode(&key, 0);
    desk.wrong("key");
    mode(&key, 0o600);
    mode(&data, 0o500);
    desk.wrong("data folder");
    mode(&data, 0o700);
    std::fs::write(data.join("reeve.redb"), "garbage ".repeat(before.len() / 8)).expect("written");
    desk.wrong("store");

    let taken = TcpListener::bind("127.0.0.1:0").expect("an address");
    let address = taken.local_addr().expect("an address").to_string();
    desk.run(&["doctor", "--listen", &address]).expect(1, &["cannot be listened on"]);
    let nowhere = data.join("reeve.redb/data").display().to_string();
    desk.run(&["doctor", "--data-dir", &nowhere]).expect(1, &["cannot be made"]);
}

#[test]
fn only_what_serves_listens() {
    let desk = Desk::new();
    for command in [&["user", "list"][..], &["audit", "verify"], &["openapi"], &["run"], &["setup"]] {
        let help = desk.run(&[command, &["--help"]].concat()).expect(0, &["config.toml"]);
        assert!(!help.contains("--listen"), "{help}");
    }
    desk.run(&["serve", "--listen", "nowhere"]).expect(2, &["127.0.0.1:8410"]);
}
