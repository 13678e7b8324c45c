//! The real program as a child, and what it takes to use it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::PASSWORD;
use crate::support::http::Http;
use crate::support::peer::Peer;

pub const EMAIL: &str = "owner@mill.test";
const BINARY: &str = env!("CARGO_BIN_EXE_reeve");

/// A data folder with an owner, and how the program is started on it.
pub struct Site {
    _folder: tempfile::TempDir,
    pub data: PathBuf,
    pub settings: Vec<(String, String)>,
}

/// One process. Killed where it still lives when this goes.
pub struct Server {
    pub child: Child,
    pub base: String,
    pub ready_after: Duration,
}

impl Site {
    /// A folder that was set up by the command for it.
    pub fn new(peer: &Peer) -> Self {
        let site = Self::bare(peer);
        assert!(site.set_up().wait().expect("ends").success(), "setup");
        site
    }

    /// An empty folder.
    pub fn bare(peer: &Peer) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        Self::at(folder, data, peer)
    }

    /// As `bare`, with the data at a place of its own.
    pub fn at(folder: tempfile::TempDir, data: PathBuf, peer: &Peer) -> Self {
        let settings = [
            ("REEVE_EGRESS_ALLOW", peer.address.to_string()),
            ("REEVE_DATA_MIN_FREE_BYTES", "0".to_owned()),
            ("REEVE_KEYS_FILE", folder.path().join("keys/reeve.key").display().to_string()),
            ("REEVE_LOG_FILTER", "warn".to_owned()),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Self { _folder: folder, data, settings }
    }

    pub fn set(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.retain(|it| it.0 != name);
        self.settings.push((name.to_owned(), value.to_string()));
        self
    }

    /// `reeve setup`, running.
    pub fn set_up(&self) -> Child {
        self.set_up_under(&[])
    }

    /// As `set_up`, under another program.
    pub fn set_up_under(&self, wrapper: &[&str]) -> Child {
        let mut command = self.command(wrapper);
        command.args(["setup", "--org", "Mill", "--email", EMAIL]).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::null()).stderr(self.log_file()).spawn().expect("starts");
        // It may have been killed before it reads.
        let _ = writeln!(child.stdin.take().expect("a pipe"), "{PASSWORD}");
        child
    }

    pub fn serve(&self) -> Server {
        self.serve_under(&[]).expect("it is ready")
    }

    /// As `serve`, under another program.
    ///
    /// Errors: how it ended, where that was before it was ready.
    pub fn serve_under(&self, wrapper: &[&str]) -> Result<Server, ExitStatus> {
        let began = Instant::now();
        let mut child = self.spawn(wrapper);
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let base = loop {
            match lines.next() {
                Some(Ok(line)) => {
                    if let Some(url) = line.strip_prefix("Reeve is ready at ") {
                        break url.to_owned();
                    }
                }
                _ => return Err(child.wait().expect("ends")),
            }
        };
        // Whatever it says later must find a reader.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok(Server { child, base, ready_after: began.elapsed() })
    }

    /// `reeve serve`, starting.
    pub fn spawn(&self, wrapper: &[&str]) -> Child {
        let mut command = self.command(wrapper);
        command.args(["serve", "--listen", "127.0.0.1:0"]).stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(self.log_file()).spawn().expect("starts")
    }

    fn log_file(&self) -> std::fs::File {
        std::fs::File::options().create(true).append(true).open(self.log()).expect("a log")
    }

    /// Where the processes' complaints are.
    pub fn log(&self) -> PathBuf {
        self._folder.path().join("log")
    }

    fn command(&self, wrapper: &[&str]) -> Command {
        let mut command = match wrapper.split_first() {
            None => Command::new(BINARY),
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(BINARY);
                command
            }
        };
        command.current_dir(self._folder.path()).env("REEVE_DATA_DIR", &self.data);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Server {
    pub fn http(&self) -> Http {
        Http::new(self.base.clone())
    }

    /// A key that outlives processes.
    pub async fn api_key(&self) -> String {
        let tokens =
            self.http().post("/api/auth/login", json!({ "email": EMAIL, "password": PASSWORD })).await;
        let token = tokens.expect(200)["access_token"].as_str().expect("a token").to_owned();
        let scopes = [
            "agents:read",
            "agents:write",
            "agents:publish",
            "agents:execute",
            "executions:read",
            "executions:cancel",
            "insights:read",
            "workflows:read",
            "workflows:write",
            "workflows:execute",
        ];
        let body = json!({ "name": "campaign", "scopes": scopes });
        let made = self.http().bearer(&token).post("/api/api-keys", body).await.expect(201);
        made["secret"].as_str().expect("a secret").to_owned()
    }

    /// As a power switch would; returns when the process is gone.
    pub fn kill(&mut self) -> ExitStatus {
        let _ = self.child.kill();
        self.child.wait().expect("ends")
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().expect("kill").success());
    }

    /// How it ended; `None` where it still lives after `patience`.
    pub async fn ended(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("is ours") {
                return Some(status);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        None
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Died by SIGKILL, itself or the program it ran under.
pub fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(9) || status.code() == Some(128 + 9)
}

/// Runs a program whose calls of a kind are interfered with. It is the child, and not the tracer (`-D`), so that
/// whoever kills the child kills the program.
pub fn strace(calls: &str, inject: &str) -> Vec<String> {
    let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:{inject}"));
    ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject].map(str::to_owned).to_vec()
}

/// Whether a program can be traced here; else says why not.
pub fn can_trace() -> bool {
    let tried = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    let works = tried.is_ok_and(|it| it.status.success());
    if !works {
        eprintln!("skipped: strace is not installed, or may not trace here");
    }
    works
}

/// A file system of its own, unmounted when it goes.
pub struct Mount(pub PathBuf);

impl Mount {
    /// `None`, with the reason printed, where that is not permitted.
    pub fn tmpfs(at: &Path, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(at).expect("a folder");
        let size = format!("size={megabytes}m");
        let tried = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        match tried {
            Ok(it) if it.status.success() => Some(Self(at.to_owned())),
            Ok(it) => {
                eprintln!("skipped: no mount here: {}", String::from_utf8_lossy(&it.stderr).trim());
                None
            }
            Err(error) => {
                eprintln!("skipped: no mount here: {error}");
                None
            }
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
