//! `reeve run`: runs an agent from the shell and shows its answer as it comes. Of a server, where `--url` names
//! one; else of the data folder on this machine.

use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use futures_util::StreamExt;
use serde_json::{Value, json};

use super::folder::{existing, held};
use super::remote::Remote;
use super::{Settings, open, runtime, say, write};
use crate::access::{self, Cx};
use crate::app::Appliance;
use crate::base::{Doing, Error, Json, Result};
use crate::engine::EventKind;
use crate::executions::{self, NewExecution, TriggerKind};
use crate::infra::store;

#[derive(Debug, clap::Args)]
// `--version` is the agent's here.
#[command(
    disable_version_flag = true,
    after_help = "Exit codes: 0 the run completed, 1 it did not, 2 wrong usage.\n\n\
    reeve run document-digest --input-file notes.md --field document\n  \
    reeve run ticket-triage --input '{\"subject\": \"…\", \"body\": \"…\"}' --url https://reeve.example.com"
)]
pub(super) struct Run {
    #[command(flatten)]
    settings: Settings,
    /// Id or slug of the agent
    agent: String,
    /// Input as JSON
    #[arg(long, value_name = "JSON", conflicts_with = "input_file")]
    input: Option<String>,
    /// Input from a file (- for standard input): JSON, or text, which becomes {"FIELD": …}
    #[arg(long, value_name = "FILE")]
    input_file: Option<PathBuf>,
    /// The field of the input that a text becomes
    #[arg(long, default_value = "text")]
    field: String,
    /// A version's number, or `draft`
    #[arg(long)]
    version: Option<String>,
    /// Address of a server; its API key stands in REEVE_API_KEY
    #[arg(long, env = "REEVE_URL")]
    url: Option<String>,
    /// The organization's slug, where the data folder holds several
    #[arg(long)]
    org: Option<String>,
    /// Print the finished run as JSON, and nothing else
    #[arg(long)]
    json: bool,
}

impl Run {
    pub(super) fn run(self) -> Result<ExitCode> {
        let input = self.read_input()?;
        runtime()?.block_on(async {
            match &self.url {
                Some(url) => self.on_server(url, input).await,
                None => self.in_folder(input).await,
            }
        })
    }

    fn read_input(&self) -> Result<Json> {
        if let Some(text) = &self.input {
            return Json::parse(text);
        }
        let text = match &self.input_file {
            Some(path) if path.as_os_str() != "-" => std::fs::read_to_string(path)
                .map_err(|it| Error::invalid(format!("{} cannot be read as text: {it}", path.display())))?,
            _ if std::io::stdin().is_terminal() => {
                return Err(Error::invalid("give the input with --input JSON or --input-file FILE"));
            }
            _ => {
                let mut text = String::new();
                std::io::stdin()
                    .read_to_string(&mut text)
                    .map_err(|_| Error::invalid("the input is UTF-8 text"))?;
                text
            }
        };
        Ok(Json::parse(&text).unwrap_or_else(|_| Json::of(&json!({ &self.field: text }))))
    }

    async fn in_folder(&self, input: Json) -> Result<ExitCode> {
        let config = existing(&self.settings)?;
        if store::is_held(&config.data.dir) {
            return Err(held(&config).suggest(format!(
                "reeve run {} --url {} …, with a key from the browser's API keys page in REEVE_API_KEY",
                self.agent,
                config.public_url()
            )));
        }
        let appliance = open(config).await?;
        let cx = self.choose_org(&appliance)?;
        let request = NewExecution { version: self.version.clone(), ..NewExecution::of(input) };
        let started = executions::start(&cx, &self.agent, TriggerKind::Api, request).await?;
        let mut events = std::pin::pin!(started.stream());
        let mut shown = Shown { quiet: self.json, streamed: false };
        while let Some(event) = events.next().await {
            let event = event?;
            if let Some(code) = shown.event(event.kind.name(), &event.data.to_value())? {
                return Ok(code);
            }
        }
        Err("the events ended before the run").doing("follow the run")
    }

    fn choose_org(&self, appliance: &Appliance) -> Result<Cx> {
        let services = &appliance.services;
        let orgs = access::every_org_named(services)?;
        let wanted: Vec<_> =
            orgs.iter().filter(|it| self.org.as_ref().is_none_or(|slug| *slug == it.1)).collect();
        match wanted.as_slice() {
            [one] => Ok(Cx::system(services, one.0, "command-line")),
            [] if orgs.is_empty() => Err(Error::invalid("this data folder has no organization yet")
                .suggest("reeve setup makes the first")),
            [] => Err(Error::invalid("no organization here has this slug")),
            _ => {
                let slugs: Vec<&str> = orgs.iter().map(|it| it.1.as_str()).collect();
                Err(Error::invalid(format!("name one of the organizations with --org: {}", slugs.join(", "))))
            }
        }
    }

    async fn on_server(&self, url: &str, input: Json) -> Result<ExitCode> {
        let remote = Remote::new(url, std::env::var("REEVE_API_KEY").ok())?;
        let mut body = json!({ "input": input.to_value() });
        if let Some(version) = &self.version {
            body["version"] = json!(version);
        }
        let mut shown = Shown { quiet: self.json, streamed: false };
        let mut end = None;
        let path = format!("/api/agents/{}/execute/stream", self.agent);
        remote
            .events(&path, &body, |name, data| {
                end = shown.event(name, data)?.or(end);
                Ok(())
            })
            .await?;
        end.ok_or_else(|| {
            Error::unavailable("the connection ended before the run; the run goes on at the server")
        })
    }
}

/// What was shown of the answer so far.
struct Shown {
    quiet: bool,
    streamed: bool,
}

impl Shown {
    /// Shows one event; the exit code with the last.
    fn event(&mut self, name: &str, data: &Value) -> Result<Option<ExitCode>> {
        if name == EventKind::Delta.name() && !self.quiet {
            if let Some(text) = data["text"].as_str() {
                self.streamed = true;
                write(text);
            }
            return Ok(None);
        }
        if !matches!(data["status"].as_str(), Some("completed" | "failed" | "cancelled" | "timeout")) {
            return Ok(None);
        }
        if self.quiet {
            say(&serde_json::to_string_pretty(data).doing("write the run")?);
        } else if self.streamed {
            say("");
        } else if !data["output"].is_null() {
            say(&serde_json::to_string_pretty(&data["output"]).doing("write the output")?);
        }
        if data["status"] == "completed" {
            return Ok(Some(ExitCode::SUCCESS));
        }
        let message = data["error"]["message"].as_str().unwrap_or("the run was cancelled");
        Err(Error::new(crate::base::Code::ExecutionFailed, message.to_owned()))
    }
}
