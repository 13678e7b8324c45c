//! The command line: one file per command.

mod audit;
mod demo;
mod doctor;
mod folder;
mod openapi;
mod remote;
mod run;
mod samples;
mod secrets;
mod serve;
mod setup;
mod user;

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::{Appliance, Parts};
use crate::base::{Code, Error, Result};
use crate::config::Config;
use crate::infra::harden::harden;

/// Reeve manages a team's AI agents: connects, runs, watches and governs them. One program, one data folder.
#[derive(Debug, Parser)]
#[command(name = "reeve", version, max_term_width = 100, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Serve),
    /// See it work: a sample organization, a real run in this terminal, then the server
    Demo(demo::Demo),
    /// Make the first owner and organization without a browser
    Setup(setup::Setup),
    /// Run an agent and show its answer as it comes
    Run(run::Run),
    /// Check data folder, keys, clock, disk and outbound rules, and say what to do
    Doctor(doctor::Doctor),
    /// People: list, reset a password, make an admin, lock out
    User(user::User),
    /// The audit log
    Audit(audit::Audit),
    /// Print the API's description (OpenAPI 3.1)
    #[command(name = "openapi")]
    OpenApi(openapi::OpenApi),
}

/// Where the settings come from.
#[derive(Debug, Clone, Default, clap::Args)]
struct Settings {
    /// Settings file [default: ./config.toml, where there is one]; each setting can also be given as
    /// REEVE_SECTION_KEY in the environment, lists with commas: REEVE_EGRESS_ALLOW=127.0.0.1:5678,10.0.0.0/8:443
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder that holds everything Reeve stores [default: data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// As `Settings`, of a command that has to do with the server.
#[derive(Debug, Clone, Default, clap::Args)]
struct ServerSettings {
    #[command(flatten)]
    settings: Settings,
    /// Address to listen on [default: 127.0.0.1:8410]
    #[arg(long, value_name = "ADDR", value_parser = address)]
    listen: Option<SocketAddr>,
}

/// An address and a port; a name such as `localhost` leads to its first address, of version 4 where it has one.
fn address(text: &str) -> std::result::Result<SocketAddr, String> {
    let found = text.to_socket_addrs().into_iter().flatten().min_by_key(SocketAddr::is_ipv6);
    found.ok_or_else(|| "an address and a port are wanted, such as 127.0.0.1:8410".to_owned())
}

impl Settings {
    /// The file, the environment over it, these flags over both. Without `--config`, `config.toml` of the
    /// current folder is read where there is one.
    fn load(&self) -> Result<Config> {
        self.load_with(None)
    }

    /// Another command on the same folder, as it is typed.
    fn command(&self, name: &str) -> String {
        let mut line = format!("reeve {name}");
        for (flag, value) in [("--config", &self.config), ("--data-dir", &self.data_dir)] {
            if let Some(value) = value {
                line.push_str(&format!(" {flag} {}", value.display()));
            }
        }
        line
    }

    fn load_with(&self, listen: Option<SocketAddr>) -> Result<Config> {
        let usual = PathBuf::from("config.toml");
        let file = self.config.clone().or_else(|| usual.is_file().then_some(usual));
        let mut environment: Vec<(String, String)> = std::env::vars().collect();
        if let Some(dir) = &self.data_dir {
            environment.push(("REEVE_DATA_DIR".to_owned(), dir.display().to_string()));
        }
        if let Some(listen) = listen {
            environment.push(("REEVE_SERVER_LISTEN".to_owned(), listen.to_string()));
        }
        Config::load(file.as_deref(), environment.into_iter())
    }
}

impl ServerSettings {
    fn load(&self) -> Result<Config> {
        self.settings.load_with(self.listen)
    }
}

/// Runs the command that the process was started with: 0 done, 1 failed, 2 wrong usage.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    // First of all: what is made from here on is for our user alone, and nobody reads our memory.
    let result = harden().and_then(|()| match arguments.command {
        Command::Serve(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Setup(command) => command.run(),
        Command::Run(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::User(command) => command.run(),
        Command::Audit(command) => command.run(),
        Command::OpenApi(command) => command.run(),
    });
    match result {
        Ok(code) => code,
        Err(error) => {
            complain(&error);
            ExitCode::from(if error.is(Code::ValidationFailed) { 2 } else { 1 })
        }
    }
}

#[expect(clippy::print_stderr, reason = "the command line's own voice")]
fn complain(error: &Error) {
    eprintln!("reeve: {error}");
    for it in error.invalid_list().iter().skip(1) {
        eprintln!("  and {}: {}", it.path.trim_start_matches('/'), it.message);
    }
    let mut cause = std::error::Error::source(error);
    while let Some(it) = cause {
        eprintln!("  because: {it}");
        cause = it.source();
    }
    for suggestion in error.suggestions() {
        eprintln!("  try: {suggestion}");
    }
}

/// A line of a command's answer. A reader that has left (`| head`) is no error.
fn say(line: &str) {
    write(&format!("{line}\n"));
}

/// As `say`, without the end of the line.
fn write(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A question to the person at the terminal.
fn ask(question: &str) {
    use std::io::Write;
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(question.as_bytes()).and_then(|()| out.flush());
}

/// The appliance of a command that works on the data folder itself. Runs that wait there go on waiting.
async fn open(config: Config) -> Result<Appliance> {
    Appliance::assemble(config, Parts { keys: secrets::key_settings()?, ..Parts::default() }).await
}

/// A runtime for commands that need one.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("reeve-run")
        .build()
        .map_err(|it| Error::internal("start the runtime", it))
}
