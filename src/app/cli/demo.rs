//! `reeve demo`: the whole product in one command. A sample organization, the agents that ship with it, one
//! real run in the terminal, then the server stays up.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use futures_util::StreamExt;
use serde_json::{Value, json};

use super::samples::deploy;
use super::serve::{Signals, assembled, until_stopped};
use super::{ServerSettings, runtime, say, write};
use crate::access::{self, Cx, Services, SetupRequest, console};
use crate::agents::{self, Spec};
use crate::app::{Appliance, Serving, routes};
use crate::base::{Doing, Error, Json, OrgId, Origin, Result};
use crate::config::Log;
use crate::engine::EventKind;
use crate::executions::{self, NewExecution, TriggerKind};
use crate::infra::Secret;
use crate::packages;
use crate::workflows::{self, NewChain};

const EMAIL: &str = "demo@reeve.local";
/// What the digest reads where nobody names a file: this program's own introduction.
const OWN_TEXT: &str = include_str!("../../../README.md");
const MAX_INPUT_BYTES: u64 = 1 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    #[command(flatten)]
    settings: ServerSettings,
    /// A text file for the document digest to read [default: Reeve's own README]
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
}

impl Demo {
    pub(super) fn run(mut self) -> Result<ExitCode> {
        let text = match &self.input {
            Some(path) => read_text(path)?,
            None => OWN_TEXT.to_owned(),
        };
        // Held until the server stops; then the folder goes.
        let fresh = match self.settings.settings.data_dir {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("reeve-demo-").tempdir().doing("make a folder")?),
        };
        if let Some(folder) = &fresh {
            self.settings.settings.data_dir = Some(folder.path().join("data"));
        }
        let mut config = self.settings.load()?;
        // The terminal is for the run: nothing between its lines but trouble, unless more was asked for.
        if config.log == Log::default() {
            "warn".clone_into(&mut config.log.filter);
        }
        runtime()?.block_on(async {
            refuse_foreign(&config.data.dir)?;
            // Before anything runs: a taken address ends the demo at once.
            let listener = Serving::bind(&config)?;
            let appliance = assembled(config).await?;
            refuse_real(&appliance)?;
            appliance.take_up().await?;
            let paint = Paint(std::io::stdout().is_terminal());
            let password = prepare(&appliance).await?;
            let org = first_org(&appliance.services)?;
            let cx = Cx::system(&appliance.services, org, "demo");
            deploy(&cx).await?;
            show_run(&cx, &text, paint).await?;
            run_samples(&cx).await?;
            run_chain(&cx).await?;
            let serving = Serving::start_on(listener, &appliance, routes())?;
            let signals = Signals::listen()?;
            invite(&serving, &appliance, password.as_deref(), fresh.is_some(), paint);
            until_stopped(serving, &appliance, signals).await
        })
    }
}

fn read_text(path: &Path) -> Result<String> {
    let cannot = |why: &str| Error::invalid(format!("--input {}: {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|it| cannot(&it.to_string()))?.len();
    if size > MAX_INPUT_BYTES {
        return Err(cannot("a text has at most 1 MiB"));
    }
    let bytes = std::fs::read(path).map_err(|it| cannot(&it.to_string()))?;
    String::from_utf8(bytes).map_err(|_| cannot("is not UTF-8 text"))
}

/// Errors: `Conflict` for a folder with something else in it.
fn refuse_foreign(folder: &Path) -> Result<()> {
    let is_empty = std::fs::read_dir(folder).map_or(true, |mut it| it.next().is_none());
    if is_empty || folder.join("reeve.redb").exists() {
        return Ok(());
    }
    Err(Error::conflict(format!("{} is not empty, and no demo is in it", folder.display()))
        .suggest("name a new folder with --data-dir"))
}

/// Errors: `Conflict` for a folder where people work in earnest.
fn refuse_real(appliance: &Appliance) -> Result<()> {
    let people = console::people(&appliance.services)?;
    if people.is_empty() || people.iter().any(|it| it.email == EMAIL) {
        return Ok(());
    }
    let folder = appliance.services.config.data.dir.display();
    Err(Error::conflict(format!("the organization in {folder} is no demo's"))
        .suggest("reeve serve starts it; for the demo, name a new folder with --data-dir"))
}

/// Makes the owner where the folder is new, and answers the password then.
async fn prepare(appliance: &Appliance) -> Result<Option<String>> {
    let services = &appliance.services;
    if access::setup_is_done(services)? {
        return Ok(None);
    }
    let password = words(services);
    let request = SetupRequest {
        token: Secret::new(""),
        org_name: "Demo".to_owned(),
        email: EMAIL.to_owned(),
        password: Secret::from(password.clone()),
        name: Some("Demo Owner".to_owned()),
    };
    access::setup(services, &Origin::default(), request, false).await?;
    Ok(Some(password))
}

/// A password that is easy to type: 80 bits as five groups.
fn words(services: &Services) -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789x";
    let bytes = services.env.bytes::<16>();
    let letters: Vec<char> = bytes.iter().map(|it| char::from(LETTERS[usize::from(it & 31)])).collect();
    letters.chunks(4).map(|it| it.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

fn first_org(services: &Services) -> Result<OrgId> {
    let first = access::every_org(services)?.into_iter().next();
    first.ok_or_else(|| Error::internal("find the organization", "there is none after setup"))
}

async fn show_run(cx: &Cx, text: &str, paint: Paint) -> Result<()> {
    say(&format!("{} reads …\n", paint.bold("document-digest")));
    let began = Instant::now();
    let input = Json::of(&json!({ "document": text }));
    let started =
        executions::start(cx, "document-digest", TriggerKind::Demo, NewExecution::of(input)).await?;
    let mut events = std::pin::pin!(started.stream());
    let mut streamed = false;
    while let Some(event) = events.next().await {
        let event = event?;
        let data = event.data.to_value();
        if event.kind == EventKind::Delta {
            if let Some(text) = data["text"].as_str() {
                streamed = true;
                write(text);
            }
        } else if event.kind.is_last() {
            tell_end(&data, streamed, began, paint);
        }
    }
    Ok(())
}

fn tell_end(run: &Value, streamed: bool, began: Instant, paint: Paint) {
    if !streamed {
        write(&serde_json::to_string_pretty(&run["output"]).unwrap_or_default());
    }
    let id = run["id"].as_str().unwrap_or_default();
    let status = run["status"].as_str().unwrap_or_default();
    say(&format!(
        "\n\n{} in {} ms, nothing left this machine. Run {id}.",
        paint.bold(status),
        began.elapsed().as_millis(),
    ));
    if let Some(message) = run["error"]["message"].as_str() {
        say(message);
    }
}

/// Some more runs, so that the pages have something to show.
async fn run_samples(cx: &Cx) -> Result<()> {
    for package in packages::all()? {
        for sample in package.samples {
            let input = Json::of(&sample.input);
            let request = NewExecution { wait_ms: Some(5_000), ..NewExecution::of(input) };
            executions::start(cx, &package.manifest.slug, TriggerKind::Demo, request).await?.wait().await?;
        }
    }
    Ok(())
}

const CHAIN: &str = "ticket-desk";

/// Two of the agents put together, and runs of both ways through it.
async fn run_chain(cx: &Cx) -> Result<()> {
    if workflows::find(cx, CHAIN).is_err() {
        let input = agents::version(cx, "ticket-triage", Spec::Current)?.input_schema;
        let chain = json!({
            "name": "Ticket desk",
            "input_schema": input.to_value(),
            "slug": CHAIN,
            "description": "Triages a ticket, and digests those that should not wait.",
            "visibility": "organization",
            "steps": [
                { "id": "triage", "agent_id": "ticket-triage" },
                {
                    "id": "brief",
                    "agent_id": "document-digest",
                    "condition": "previous.escalate or previous.priority in ['high', 'critical']",
                    "input_mapping": {
                        "title": "A ticket about {{ previous.category }}",
                        "document": "{{ input.body }}",
                    },
                    "on_error": "continue",
                },
            ],
            "output_mapping": {
                "category": "{{ steps.triage.output.category }}",
                "priority": "{{ steps.triage.output.priority }}",
                "brief": "{{ steps.brief.output.summary }}",
            },
        });
        let chain: NewChain = serde_json::from_value(chain).doing("write the sample chain")?;
        workflows::create(cx, chain).await?;
    }
    let tickets = packages::all()?.into_iter().find(|it| it.manifest.slug == "ticket-triage");
    for sample in tickets.into_iter().flat_map(|it| it.samples) {
        let request = NewExecution { wait_ms: Some(5_000), ..NewExecution::of(Json::of(&sample.input)) };
        workflows::execute(cx, CHAIN, TriggerKind::Demo, request).await?.wait().await?;
    }
    Ok(())
}

fn invite(serving: &Serving, appliance: &Appliance, password: Option<&str>, fresh: bool, paint: Paint) {
    say(&format!("\nReeve is ready at {}", paint.bold(&format!("http://{}", serving.address))));
    match password {
        Some(password) => say(&format!("Log in as {EMAIL} with {}", paint.bold(password))),
        None => say(&format!(
            "Log in as {EMAIL} with the password of the first time; `reeve user reset-password {EMAIL}` makes a link \
             for another while this is stopped."
        )),
    }
    let folder = appliance.services.config.data.dir.display();
    say(&if fresh {
        format!("Everything is in {folder} and goes when you stop (Ctrl-C); --data-dir DIR keeps it.")
    } else {
        format!("Everything is in {folder}. Ctrl-C stops.")
    });
}

/// Colour, where somebody looks.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn bold(self, text: &str) -> String {
        if self.0 { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }
}
