//! Every setting: `config.toml`, laid over by the environment, checked once at start.
//!
//! A setting `key` of `[section]` has the environment name `REEVE_SECTION_KEY`. A setting that is unknown or
//! wrong stops the start with its name and line.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::{Error, Result};

/// Environment names that belong to the program but are no settings.
const NOT_SETTINGS: &[&str] = &[
    "REEVE_SETUP_TOKEN",
    "REEVE_SETUP_TOKEN_FILE",
    "REEVE_ASSETS",
    "REEVE_ASSETS_DIR",
    "REEVE_FULL",
    "REEVE_URL",
    "REEVE_API_KEY",
    "REEVE_KEYS_PASSPHRASE",
    "REEVE_KEYS_PASSPHRASE_FILE",
];

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub server: Server,
    pub data: Data,
    pub keys: Keys,
    pub auth: Auth,
    pub egress: Egress,
    pub engine: Engine,
    pub limits: Limits,
    pub retention: Retention,
    pub log: Log,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    pub listen: SocketAddr,
    /// How others reach this server, without a trailing slash; empty: `http://` and the listen address.
    pub public_url: String,
    /// Reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Listen on an address that others can reach although nothing in front of it speaks TLS.
    pub insecure_public_bind: bool,
    /// Time that runs get to end at a stop.
    pub drain_ms: u64,
    /// Threads that answer requests; 0: one per core.
    pub workers: usize,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8410)),
            public_url: String::new(),
            trusted_proxies: Vec::new(),
            insecure_public_bind: false,
            drain_ms: 20_000,
            workers: 0,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    pub dir: PathBuf,
    pub cache_bytes: usize,
    /// Below this much free disk new work is refused.
    pub min_free_bytes: u64,
}

impl Default for Data {
    fn default() -> Self {
        Self { dir: PathBuf::from("data"), cache_bytes: 32 << 20, min_free_bytes: 64 << 20 }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// File of the appliance's age identity; empty: `reeve.key` in a folder `NAME-keys` beside the data folder.
    pub file: PathBuf,
    /// age recipients (`age1…`) that can also open every organization's key.
    pub recovery_recipients: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Whether anyone may make an organization of their own.
    pub open_registration: bool,
    pub password_min_chars: usize,
    pub access_token_ms: u64,
    pub refresh_token_ms: u64,
    pub session_idle_ms: u64,
    pub session_max_ms: u64,
    pub invitation_ms: u64,
}

impl Default for Auth {
    fn default() -> Self {
        const HOUR: u64 = 3_600_000;
        Self {
            open_registration: false,
            password_min_chars: 12,
            access_token_ms: HOUR / 6,
            refresh_token_ms: 30 * 24 * HOUR,
            session_idle_ms: 12 * HOUR,
            session_max_ms: 7 * 24 * HOUR,
            invitation_ms: 7 * 24 * HOUR,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Egress {
    /// Private places that agents may reach: `127.0.0.1:5678`, `10.0.0.0/8:443`, `ollama.internal:11434`.
    pub allow: Vec<String>,
    pub connect_ms: u64,
    pub max_answer_bytes: u64,
    pub large_answers_bytes: u64,
    pub max_connections_per_host: usize,
}

impl Default for Egress {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            connect_ms: 5_000,
            max_answer_bytes: 10 << 20,
            large_answers_bytes: 64 << 20,
            max_connections_per_host: 256,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Engine {
    /// Runs at work at once in the whole appliance.
    pub max_running: usize,
    pub max_running_per_org: usize,
    /// Runs that may wait in one organization; more are refused.
    pub max_queued_per_org: usize,
    /// Runs that may wait in the whole appliance. Where so many wait, an organization with more than its even share of
    /// them is refused.
    pub max_queued: usize,
    /// Memory for inputs of more than 256 KiB of runs that are at work; one organization has half of it.
    pub large_inputs_bytes: u64,
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            max_running: 2_048,
            max_running_per_org: 1_024,
            max_queued_per_org: 20_000,
            max_queued: 200_000,
            large_inputs_bytes: 128 << 20,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub body_bytes: usize,
    /// Requests with one key, of one person or session, in a minute.
    pub requests_per_minute: u32,
    /// Requests without a log-in from one address in a minute.
    pub anonymous_requests_per_minute: u32,
    /// Log-ins tried from one address in a minute.
    pub logins_per_minute: u32,
    /// Log-ins tried on one account in an hour.
    pub logins_per_account_per_hour: u32,
    /// One step's result.
    pub output_bytes: usize,
    /// Log lines of one run.
    pub log_lines: usize,
    /// Callbacks of one organization that may wait for addresses that do not take them.
    pub callbacks_waiting: usize,
    pub agents_per_org: usize,
    pub members_per_org: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            requests_per_minute: 600_000,
            anonymous_requests_per_minute: 600,
            logins_per_minute: 30,
            logins_per_account_per_hour: 60,
            output_bytes: 8 << 20,
            log_lines: 10_000,
            callbacks_waiting: 10_000,
            agents_per_org: 10_000,
            members_per_org: 1_000,
        }
    }
}

/// How long the history of runs is kept after their ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Where an organization has set nothing else.
    pub days: u32,
    /// Less than this no organization may set.
    pub least_days: u32,
    /// Runs that failed and that nobody has tried again are kept at least so long.
    pub dead_letter_days: u32,
    /// Between two rounds that take away what is old enough.
    pub round_ms: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { days: 30, least_days: 1, dead_letter_days: 90, round_ms: 600_000 }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// As of `tracing`: `info`, `reeve=debug,warn` …
    pub filter: String,
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: LogFormat::Auto }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Readable on a terminal, JSON elsewhere.
    #[default]
    Auto,
    Text,
    Json,
}

impl Config {
    /// Reads `file` where given (it must exist then), lays `environment` over it, checks everything.
    ///
    /// Errors: `ValidationFailed` that names the setting, and its line where it stands in the file.
    pub fn load(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Self> {
        let text = match file {
            None => String::new(),
            Some(path) => std::fs::read_to_string(path).map_err(|it| {
                Error::invalid(format!("the config file {} cannot be read: {it}", path.display()))
            })?,
        };
        let name = file.map_or_else(|| "config".to_owned(), |it| it.display().to_string());
        // Parsed once as it stands, so that errors carry the line; then again with the environment laid over.
        toml::from_str::<Self>(&text).map_err(|it| Error::invalid(format!("{name}: {it}")))?;
        let mut table: toml::Table =
            toml::from_str(&text).map_err(|it| Error::invalid(format!("{name}: {it}")))?;
        overlay(&mut table, environment)?;
        let config: Self = table.try_into().map_err(|it| Error::internal("read the settings", it))?;
        config.check()?;
        Ok(config)
    }

    /// Where others reach this server, without a trailing slash.
    pub fn public_url(&self) -> String {
        match self.server.public_url.trim_end_matches('/') {
            "" => format!("http://{}", self.server.listen),
            url => url.to_owned(),
        }
    }

    /// Where the appliance's identity is kept.
    pub fn key_file(&self) -> PathBuf {
        if !self.keys.file.as_os_str().is_empty() {
            return self.keys.file.clone();
        }
        let mut folder = self.data.dir.as_os_str().to_owned();
        folder.push("-keys");
        PathBuf::from(folder).join("reeve.key")
    }

    fn check(&self) -> Result<()> {
        let url = &self.server.public_url;
        if !url.is_empty()
            && !url::Url::parse(url).is_ok_and(|it| matches!(it.scheme(), "http" | "https") && it.has_host())
        {
            return wrong("server.public_url", "is an address such as https://reeve.example.com");
        }
        if !self.server.listen.ip().is_loopback()
            && !self.server.insecure_public_bind
            && !url.starts_with("https://")
        {
            return wrong(
                "server.listen",
                "may be reachable from elsewhere only behind TLS: put a proxy that speaks TLS in front and set \
                 server.public_url to its https:// address, or set server.insecure_public_bind = true",
            );
        }
        if self.auth.password_min_chars < 12 {
            return wrong("auth.password_min_chars", "is at least 12");
        }
        if self.retention.least_days == 0 || self.retention.days < self.retention.least_days {
            return wrong("retention.days", "is at least retention.least_days, and that at least 1");
        }
        if self.retention.round_ms < 100 {
            return wrong("retention.round_ms", "is at least 100");
        }
        for (name, value) in [
            ("engine.max_running", self.engine.max_running),
            ("engine.max_running_per_org", self.engine.max_running_per_org),
            (
                "engine.large_inputs_bytes",
                usize::try_from(self.engine.large_inputs_bytes).unwrap_or(usize::MAX),
            ),
            ("limits.body_bytes", self.limits.body_bytes),
            ("limits.output_bytes", self.limits.output_bytes),
            ("limits.requests_per_minute", self.limits.requests_per_minute as usize),
            ("limits.anonymous_requests_per_minute", self.limits.anonymous_requests_per_minute as usize),
            ("limits.logins_per_minute", self.limits.logins_per_minute as usize),
            ("limits.logins_per_account_per_hour", self.limits.logins_per_account_per_hour as usize),
        ] {
            if value == 0 {
                return wrong(name, "is at least 1");
            }
        }
        Ok(())
    }
}

fn wrong(name: &str, rule: &str) -> Result<()> {
    Err(Error::invalid(format!("the setting {name} {rule}")))
}

/// Lays `REEVE_SECTION_KEY` variables over the table; each takes the type of the setting's default.
///
/// Errors: `ValidationFailed` that names the variable and its setting.
fn overlay(table: &mut toml::Table, environment: impl Iterator<Item = (String, String)>) -> Result<()> {
    let defaults =
        toml::Table::try_from(Config::default()).map_err(|it| Error::internal("list the settings", it))?;
    for (name, value) in environment {
        if !name.starts_with("REEVE_") || NOT_SETTINGS.contains(&name.as_str()) {
            continue;
        }
        let found = defaults.iter().find_map(|(section, keys)| {
            let keys = keys.as_table()?;
            let key = keys.keys().find(|key| format!("REEVE_{section}_{key}").to_uppercase() == name)?;
            Some((section, key, &keys[key]))
        });
        let Some((section, key, default)) = found else {
            return Err(Error::invalid(format!("the environment variable {name} is no setting")));
        };
        let wrong = |why: &str| Error::invalid(format!("{name} (the setting {section}.{key}): {why}"));
        let parsed = parse_like(default, &value);
        let parsed = parsed.ok_or_else(|| wrong(&format!("\"{value}\" is no {}", form_of(default))))?;
        let keys = table.entry(section.clone()).or_insert_with(|| toml::Table::new().into());
        if let Some(keys) = keys.as_table_mut() {
            keys.insert(key.clone(), parsed);
        }
        // Now, while it is known which one it was.
        Config::deserialize(table.clone()).map_err(|it| wrong(it.message()))?;
    }
    Ok(())
}

fn parse_like(default: &toml::Value, text: &str) -> Option<toml::Value> {
    Some(match default {
        toml::Value::Integer(_) => text.trim().parse::<i64>().ok()?.into(),
        toml::Value::Boolean(_) => text.trim().parse::<bool>().ok()?.into(),
        toml::Value::Array(_) if is_written_as_list(text) => {
            toml::from_str::<toml::Table>(&format!("it = {text}")).ok()?.remove("it")?
        }
        toml::Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|it| !it.is_empty());
            items.map(|it| toml::Value::from(it.to_owned())).collect::<Vec<_>>().into()
        }
        _ => text.to_owned().into(),
    })
}

/// As in the file, and not the brackets of an address: `["10.0.0.0/8:443"]`, `[]`.
fn is_written_as_list(text: &str) -> bool {
    let inside = text.trim().strip_prefix('[').map(str::trim_start);
    inside.is_some_and(|it| it.starts_with(['"', '\'', ']']))
}

/// What is wanted where a setting's default is this.
fn form_of(default: &toml::Value) -> &'static str {
    match default {
        toml::Value::Integer(_) => "whole number",
        toml::Value::Boolean(_) => "true or false",
        toml::Value::Array(_) => "list; write a,b or [\"a\", \"b\"]",
        _ => "text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("writes");
        Config::load(Some(file.path()), environment.iter().map(|(k, v)| ((*k).into(), (*v).into())))
    }

    fn refused(text: &str, environment: &[(&str, &str)], says: &str) {
        let error = load(text, environment).expect_err("refused").to_string();
        assert!(error.contains(says), "{error:?} does not say {says:?}");
    }

    #[test]
    fn the_environment_lies_over_the_file() {
        let config = load(
            "[server]\nlisten = \"127.0.0.1:1\"\ndrain_ms = 5",
            &[
                ("REEVE_SERVER_LISTEN", "127.0.0.1:2"),
                ("REEVE_DATA_DIR", "elsewhere"),
                ("REEVE_EGRESS_ALLOW", "10.0.0.0/8:443, a.b:1"),
                ("PATH", "/bin"),
            ],
        )
        .expect("loads");
        let list = |text: &str| load("", &[("REEVE_EGRESS_ALLOW", text)]).expect(text).egress.allow;
        assert_eq!(list(r#"["10.0.0.0/8:443", "a.b:1"]"#), ["10.0.0.0/8:443", "a.b:1"]);
        assert_eq!(list("[::1]:80,a.b:1"), ["[::1]:80", "a.b:1"]);
        assert!(list("[]").is_empty() && list("").is_empty());
        assert_eq!(config.server.listen.port(), 2);
        assert_eq!(config.server.drain_ms, 5);
        assert_eq!(config.egress.allow, ["10.0.0.0/8:443", "a.b:1"]);
        assert_eq!(config.key_file(), PathBuf::from("elsewhere-keys/reeve.key"));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        refused("\n[server]\nport = 1", &[], "line 3");
        refused("[server]\nport = 1", &[], "port");
        refused("[sever]", &[], "sever");
        refused("[server]\ndrain_ms = \"long\"", &[], "line 2");
        refused("", &[("REEVE_SERVER_PORT", "1")], "REEVE_SERVER_PORT");
        refused("", &[("REEVE_SERVER_DRAIN_MS", "soon")], "\"soon\" is no whole number");
        refused("", &[("REEVE_SERVER_LISTEN", "here")], "REEVE_SERVER_LISTEN (the setting server.listen)");
        refused(
            "",
            &[("REEVE_SERVER_TRUSTED_PROXIES", "::1,here")],
            "REEVE_SERVER_TRUSTED_PROXIES (the setting server.trusted_proxies)",
        );
        refused("", &[("REEVE_EGRESS_ALLOW", "[\"a.b:1\"")], "is no list");
        refused("[server]\nlisten = \"0.0.0.0:80\"", &[], "TLS");
        refused("[retention]\ndays = 0", &[], "at least");
        refused("[auth]\npassword_min_chars = 4", &[], "at least 12");
    }

    #[test]
    fn the_file_in_the_repository_holds_every_setting_with_its_default() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml");
        let text = std::fs::read_to_string(&path).expect("config.toml");
        let written: toml::Table = toml::from_str(&text).expect("parses");
        assert_eq!(written, toml::Table::try_from(Config::default()).expect("a table"));
        assert_eq!(Config::load(Some(&path), std::iter::empty()).expect("loads"), Config::default());
    }
}
