//! `reeve setup`: the first owner and organization, without a browser. Who has the data folder in hand needs no
//! token.

use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;

use super::samples::deploy;
use super::{Settings, ask, open, runtime, say};
use crate::access::{self, Cx, SetupRequest};
use crate::base::{Doing, Error, Origin, Result};
use crate::infra::Secret;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "The password is the first line of standard input:\n  reeve setup --org Mill --email ada@example.com --samples < password.txt"
)]
pub(super) struct Setup {
    #[command(flatten)]
    settings: Settings,
    /// Name of the first organization
    #[arg(long, value_name = "NAME")]
    org: String,
    /// The owner's e-mail address
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// The owner's name [default: what stands before the @]
    #[arg(long)]
    name: Option<String>,
    /// Deploy the agents that ship with Reeve, too
    #[arg(long)]
    samples: bool,
}

impl Setup {
    pub(super) fn run(self) -> Result<ExitCode> {
        let config = self.settings.load()?;
        let password = read_password()?;
        let request = SetupRequest {
            token: Secret::new(""),
            org_name: self.org,
            email: self.email,
            name: self.name,
            password,
        };
        // Before the folder is made: what is refused leaves nothing behind.
        access::check_setup(&config, &request)?;
        runtime()?.block_on(async {
            let appliance = open(config).await?;
            let services = &appliance.services;
            let owner = access::setup(services, &Origin::default(), request, false).await?;
            if self.samples {
                let slugs = deploy(&Cx::system(services, owner.organization.id, "setup")).await?;
                say(&format!("Deployed: {}.", slugs.join(", ")));
            }
            say(&format!("Done. Start the server with `{}`, and log in.", self.settings.command("serve")));
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// The first line of standard input.
fn read_password() -> Result<Secret> {
    if std::io::stdin().is_terminal() {
        ask("Password (it will be seen as you type): ");
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).doing("read the password")?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Error::invalid("the password is the first line of standard input"));
    }
    Ok(Secret::new(password))
}
