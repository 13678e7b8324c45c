//! `reeve doctor`: looks at everything that a start depends on, changes nothing, and says what to do.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::ExitCode;

use rustix::fs::{Access, access};
use serde::Serialize;

use super::{ServerSettings, say};
use crate::base::{Doing, Env, Result};
use crate::config::Config;
use crate::infra::egress::AllowRule;
use crate::infra::{descriptors, store};

/// 2026-01-01: a clock before this program was written is wrong.
const NOT_BEFORE_MS: i64 = 1_767_225_600_000;

#[derive(Debug, clap::Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    settings: ServerSettings,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    /// Works, but someone should know.
    Note,
    /// A start would fail, or be unsafe.
    Wrong,
}

#[derive(Debug, Serialize)]
struct Finding {
    about: &'static str,
    verdict: Verdict,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Finding {
    fn ok(about: &'static str, found: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Ok, found: found.into(), remedy: None }
    }

    fn note(about: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Note, found: found.into(), remedy: Some(remedy.into()) }
    }

    fn wrong(about: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Wrong, found: found.into(), remedy: Some(remedy.into()) }
    }
}

impl Doctor {
    pub(super) fn run(self) -> Result<ExitCode> {
        let config = self.settings.load()?;
        let findings = vec![
            data_folder(&config.data.dir),
            database(&config),
            disk(&config),
            key_file(&config),
            clock(),
            open_files(),
            listening(&config),
            outbound(&config),
            Finding::ok("models", "builtin, inside the program"),
        ];
        if self.json {
            say(&serde_json::to_string_pretty(&findings).doing("write the findings")?);
        } else {
            findings.iter().for_each(tell);
        }
        let sound = findings.iter().all(|it| it.verdict != Verdict::Wrong);
        Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn tell(finding: &Finding) {
    let mark = match finding.verdict {
        Verdict::Ok => "ok   ",
        Verdict::Note => "note ",
        Verdict::Wrong => "WRONG",
    };
    say(&format!("{mark}  {:<12} {}", finding.about, finding.found));
    if let Some(remedy) = &finding.remedy {
        say(&format!("       {:<12} -> {remedy}", ""));
    }
}

fn open_files() -> Finding {
    let (about, most) = ("open files", descriptors::allowed_at_most());
    let found = if most == u64::MAX { "as many as wanted".to_owned() } else { format!("up to {most}") };
    match most {
        ..descriptors::ENOUGH => Finding::note(about, found, "raise the limit (ulimit -Hn, LimitNOFILE)"),
        _ => Finding::ok(about, found),
    }
}

fn data_folder(folder: &Path) -> Finding {
    let about = "data folder";
    let shown = folder.display();
    let it = match fs::metadata(folder) {
        Ok(it) => it,
        Err(error) => return no_folder(about, folder, &error),
    };
    if !it.is_dir() {
        return Finding::wrong(about, format!("{shown} is a file"), "name a folder with --data-dir");
    }
    if it.uid() != rustix::process::getuid().as_raw() {
        return Finding::wrong(
            about,
            format!("{shown} belongs to another user"),
            "run as that user, or chown it",
        );
    }
    let mode = it.permissions().mode();
    if mode & 0o077 != 0 {
        return Finding::wrong(about, format!("others can open {shown}"), format!("chmod 700 {shown}"));
    }
    if mode & 0o700 != 0o700 {
        return Finding::wrong(about, format!("{shown} cannot be written"), format!("chmod 700 {shown}"));
    }
    if let Err(error) = access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        let remedy = "let the disk be written again (is it mounted read-only?)";
        return Finding::wrong(about, format!("{shown} cannot be written: {error}"), remedy);
    }
    let stamp = fs::read_to_string(folder.join("VERSION")).unwrap_or_default();
    let stamp = stamp.trim();
    Finding::ok(
        about,
        format!("{shown}{}", if stamp.is_empty() { String::new() } else { format!(", {stamp}") }),
    )
}

fn no_folder(about: &'static str, folder: &Path, error: &std::io::Error) -> Finding {
    let shown = folder.display();
    let place = nearest(folder);
    let makable = place.is_dir() && access(place, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    if error.kind() != ErrorKind::NotFound || !makable {
        return Finding::wrong(
            about,
            format!("{shown} is not there and cannot be made in {}", place.display()),
            "name a place that can be written with --data-dir, or make the folder and give it to this user",
        );
    }
    Finding::wrong(
        about,
        format!("there is no data folder at {shown}"),
        "name the right one with --data-dir, or let `reeve setup` make it",
    )
}

/// The part of the path that is there.
fn nearest(folder: &Path) -> &Path {
    let known = |it: &&Path| !it.as_os_str().is_empty() && it.exists();
    folder.ancestors().find(known).unwrap_or(Path::new("."))
}

/// The database as a start would find it, and whether one has it already.
fn database(config: &Config) -> Finding {
    let (about, folder) = ("store", &config.data.dir);
    if store::is_held(folder) {
        let remedy = format!("to run an agent meanwhile: reeve run … --url {}", config.public_url());
        return Finding::note(about, "a running Reeve, most likely the server, is using it", remedy);
    }
    if !folder.join("reeve.redb").exists() {
        return Finding::note(about, "nothing is stored yet", "reeve setup makes the first organization");
    }
    match store::would_open(folder) {
        Ok(()) => Finding::ok(about, "opens"),
        Err(error) => Finding::wrong(
            about,
            format!("{} cannot be opened: {error}", folder.join("reeve.redb").display()),
            "put a copy of the data folder back in its place (with reeve.log, which belongs to it)",
        ),
    }
}

fn disk(config: &Config) -> Finding {
    let about = "disk";
    let Ok(stat) = rustix::fs::statvfs(nearest(&config.data.dir)) else {
        return Finding::note(about, "how much is free cannot be told", "look with df");
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let found = format!("{} MiB free", free >> 20);
    if free < config.data.min_free_bytes {
        return Finding::wrong(about, found, "make room, or new work is refused (data.min_free_bytes)");
    }
    if free < config.data.min_free_bytes.saturating_mul(8) {
        return Finding::note(about, found, "make room before new work is refused (data.min_free_bytes)");
    }
    Finding::ok(about, found)
}

fn key_file(config: &Config) -> Finding {
    let about = "key";
    let path = config.key_file();
    let shown = path.display();
    let Ok(it) = fs::metadata(&path) else {
        let fresh = !config.data.dir.join("reeve.redb").exists();
        return if fresh {
            Finding::note(
                about,
                format!("{shown} is not there yet"),
                "reeve serve makes it; keep a copy elsewhere",
            )
        } else {
            Finding::wrong(
                about,
                format!("{shown} is missing"),
                "bring it back: without it, credentials stay sealed",
            )
        };
    };
    if it.permissions().mode() & 0o077 != 0 {
        return Finding::wrong(about, format!("others can read {shown}"), format!("chmod 600 {shown}"));
    }
    if let Err(error) = fs::File::open(&path) {
        let found = format!("{shown} cannot be read: {error}");
        return Finding::wrong(about, found, "let this user read it; credentials stay sealed until then");
    }
    if it.permissions().mode() & 0o400 == 0 {
        return Finding::wrong(about, format!("{shown} cannot be read"), format!("chmod 600 {shown}"));
    }
    Finding::ok(about, format!("{shown} (is there a copy elsewhere?)"))
}

fn clock() -> Finding {
    let now = Env::system().now();
    if now.millis() < NOT_BEFORE_MS {
        return Finding::wrong("clock", now.to_string(), "set the clock: log-ins and schedules depend on it");
    }
    Finding::ok("clock", now.to_string())
}

fn listening(config: &Config) -> Finding {
    let about = "address";
    let wanted = config.server.listen;
    let found = format!("{wanted}, known to others as {}", config.public_url());
    match TcpListener::bind(wanted) {
        Err(error) if error.kind() == ErrorKind::AddrInUse && store::is_held(&config.data.dir) => {
            return Finding::ok(about, format!("{found}, in use (a running Reeve has the data folder)"));
        }
        Err(error) => {
            return Finding::wrong(
                about,
                format!("{wanted} cannot be listened on: {error}"),
                "stop what listens there, or name another address with --listen",
            );
        }
        Ok(_) => {}
    }
    if config.server.insecure_public_bind && !config.server.listen.ip().is_loopback() {
        return Finding::note(about, found, "passwords travel in the clear: put a proxy with TLS in front");
    }
    Finding::ok(about, found)
}

fn outbound(config: &Config) -> Finding {
    let about = "outbound";
    for rule in &config.egress.allow {
        if let Err(error) = rule.parse::<AllowRule>() {
            return Finding::wrong(about, format!("egress.allow: {rule}"), error.to_string());
        }
    }
    match config.egress.allow.as_slice() {
        [] => Finding::ok(about, "public addresses only"),
        rules => Finding::ok(about, format!("public addresses, and {}", rules.join(", "))),
    }
}
