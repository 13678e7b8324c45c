//! `reeve audit verify`: reads every organization's chain from its first entry.

use std::process::ExitCode;

use clap::Subcommand;

use super::folder::open_existing;
use super::{Settings, runtime, say};
use crate::access;
use crate::audit::{self, Verdict};
use crate::base::{Doing, OrgId, Result};

#[derive(Debug, clap::Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check that no entry was changed, removed, inserted or moved
    Verify {
        #[command(flatten)]
        settings: Settings,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

impl Audit {
    pub(super) fn run(self) -> Result<ExitCode> {
        let Command::Verify { settings, json } = self.command;
        runtime()?.block_on(async {
            let appliance = open_existing(&settings).await?;
            let services = &appliance.services;
            let mut verdicts: Vec<(OrgId, Verdict)> = Vec::new();
            for org in access::every_org(services)? {
                verdicts.push((org, audit::verify(&services.store.org(org)?)?));
            }
            if json {
                say(&serde_json::to_string_pretty(&verdicts).doing("write the verdicts")?);
            } else {
                verdicts.iter().for_each(tell);
            }
            let whole = verdicts.iter().all(|it| it.1.ok);
            Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        })
    }
}

fn tell((org, verdict): &(OrgId, Verdict)) {
    let mark = if verdict.ok { "ok" } else { "BROKEN" };
    let place = verdict.broken_at.map(|it| format!(" at entry {it}")).unwrap_or_default();
    say(&format!("{org}  {mark}{place}  {} entries: {}", verdict.entries, verdict.detail));
    if let Some(head) = &verdict.head {
        say(&format!("  newest hash {head}"));
    }
}
