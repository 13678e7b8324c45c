//! `reeve user`: people, from the machine itself.

use std::process::ExitCode;

use clap::Subcommand;

use super::folder::open_existing;
use super::{Settings, runtime, say};
use crate::access::console;
use crate::base::{Doing, Result};

#[derive(Debug, clap::Args)]
pub(super) struct User {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everyone who has an account
    List {
        #[command(flatten)]
        settings: Settings,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a one-time link with which someone sets a new password
    ResetPassword(Someone),
    /// Let someone run the appliance
    MakeAdmin(Someone),
    /// Lock someone out of everything
    Disable(Someone),
    /// Let someone in again
    Enable(Someone),
}

#[derive(Debug, clap::Args)]
struct Someone {
    #[command(flatten)]
    settings: Settings,
    /// The person's e-mail address
    email: String,
}

impl User {
    pub(super) fn run(self) -> Result<ExitCode> {
        runtime()?.block_on(async {
            match self.command {
                Command::List { settings, json } => list(settings, json).await?,
                Command::ResetPassword(it) => {
                    let appliance = open_existing(&it.settings).await?;
                    let link = console::reset_password(&appliance.services, &it.email).await?;
                    say(&serde_json::to_string_pretty(&link).doing("write the link")?);
                }
                Command::MakeAdmin(it) => {
                    let appliance = open_existing(&it.settings).await?;
                    let person = console::make_admin(&appliance.services, &it.email).await?;
                    say(&format!("{} runs the appliance now.", person.email));
                }
                Command::Disable(it) => disable(it, true).await?,
                Command::Enable(it) => disable(it, false).await?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

async fn disable(someone: Someone, disabled: bool) -> Result<()> {
    let appliance = open_existing(&someone.settings).await?;
    let person = console::set_disabled(&appliance.services, &someone.email, disabled).await?;
    let state = if disabled { "locked out" } else { "let in again" };
    say(&format!("{} is {state}.", person.email));
    Ok(())
}

async fn list(settings: Settings, json: bool) -> Result<()> {
    let appliance = open_existing(&settings).await?;
    let people = console::people(&appliance.services)?;
    if json {
        say(&serde_json::to_string_pretty(&people).doing("write the list")?);
        return Ok(());
    }
    if people.is_empty() {
        say("Nobody has an account yet: `reeve setup` makes the first.");
    }
    for person in people {
        let places: Vec<String> =
            person.organizations.iter().map(|it| format!("{} ({})", it.name, it.role.name())).collect();
        let marks = [(person.superadmin, " runs the appliance"), (person.disabled, " locked out")];
        let marks: String = marks.iter().filter(|it| it.0).map(|it| it.1).collect();
        say(&format!("{}  {}  {}{marks}", person.email, person.name, places.join(", ")));
    }
    Ok(())
}
