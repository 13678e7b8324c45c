//! The release binary, started as a user starts it.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Connection, Request};

const TOKEN: &str = "setup-token-of-the-benchmark";
const PASSWORD: &str = "seven quiet otters";

pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// From the start of the process to the first 200.
    pub ready_ms: f64,
    data: PathBuf,
}

pub fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_reeve"))
}

/// The address in the first line of a server's output.
pub fn first_address(output: impl Read + Send + 'static) -> SocketAddr {
    let mut lines = BufReader::new(output).lines();
    loop {
        let line = lines.next().expect("a line").expect("text");
        if let Some((_, rest)) = line.split_once("http://") {
            let address = rest.trim().parse().expect("an address");
            // The pipe must stay open and be read.
            std::thread::spawn(move || lines.for_each(drop));
            return address;
        }
    }
}

/// Lets this process hold as many connections as the system allows.
pub fn allow_many_files() {
    let files = reeve::infra::descriptors::take_all_allowed();
    assert!(files >= 8_192, "this load needs 8,192 open files: ulimit -Hn");
}

impl Server {
    pub fn start(folder: &TempDir) -> Self {
        Self::start_allowing(folder, "127.0.0.1:9".parse().expect("an address"))
    }

    pub fn start_allowing(folder: &TempDir, upstream: SocketAddr) -> Self {
        Self::start_set(folder, upstream, true, &[])
    }

    /// On a folder that has been filled.
    pub fn start_again(folder: &TempDir, upstream: SocketAddr) -> Self {
        Self::start_set(folder, upstream, false, &[])
    }

    /// With settings other than the defaults.
    pub fn start_set(
        folder: &TempDir,
        upstream: SocketAddr,
        is_new: bool,
        settings: &[(&str, &str)],
    ) -> Self {
        let data = folder.path().join("data");
        let mut command = Command::new(binary());
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&data)
            .current_dir(folder.path())
            .env("REEVE_EGRESS_ALLOW", upstream.to_string())
            .env("REEVE_LOG_FILTER", "warn")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped());
        if is_new {
            command.env("REEVE_SETUP_TOKEN", TOKEN);
        }
        let began = Instant::now();
        let mut child = command.spawn().expect("starts");
        let address = first_address(child.stdout.take().expect("its output"));
        let (status, _) = Connection::open(address)
            .send(&Request(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec()));
        assert_eq!(status, 200);
        Self { child, address, ready_ms: began.elapsed().as_secs_f64() * 1_000.0, data }
    }

    /// Makes the owner; an API key.
    pub fn set_up(&self) -> String {
        let email = "owner@mill.test";
        self.post(
            "/api/setup",
            "",
            &json!({"token": TOKEN, "org_name": "Mill", "email": email, "password": PASSWORD}),
        );
        self.log_in(email, PASSWORD)
    }

    /// An API key of someone who has an account.
    pub fn log_in(&self, email: &str, password: &str) -> String {
        let tokens = self.post("/api/auth/login", "", &json!({"email": email, "password": password}));
        let token = tokens["access_token"].as_str().expect("a token");
        let scopes = [
            "agents:read",
            "agents:write",
            "agents:publish",
            "agents:execute",
            "executions:read",
            "insights:read",
            "workflows:read",
            "workflows:write",
            "workflows:execute",
        ];
        let made = self.post("/api/api-keys", token, &json!({"name": "benchmark", "scopes": scopes}));
        made["secret"].as_str().expect("a secret").to_owned()
    }

    pub fn post(&self, path: &str, key: &str, body: &Value) -> Value {
        let mut connection = Connection::open(self.address);
        let (status, body) = connection.send(&Request::post(path, key, body));
        assert!((200..300).contains(&status), "{path} answered {status}: {}", String::from_utf8_lossy(body));
        serde_json::from_slice(body).unwrap_or_default()
    }

    pub fn get(&self, path: &str, key: &str) -> Value {
        let mut connection = Connection::open(self.address);
        let (status, body) = connection.send(&Request::get(path, key));
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(body));
        serde_json::from_slice(body).expect("JSON")
    }

    /// How many items a list has, over all its pages. `list`: with a query.
    pub fn count(&self, key: &str, list: &str) -> usize {
        let (mut count, mut cursor) = (0, String::new());
        loop {
            let page = self.get(&format!("{list}&limit=200{cursor}"), key);
            count += page["items"].as_array().map_or(0, Vec::len);
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return count,
            }
        }
    }

    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).map_or(0, Iterator::count)
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("the process")
    }

    /// CPU time of the process so far, user and system.
    pub fn cpu_ms(&self) -> f64 {
        // In nanoseconds, over all threads: finer than the ticks of `stat`.
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("threads");
        let of = |it: std::fs::DirEntry| {
            let text = std::fs::read_to_string(it.path().join("schedstat")).unwrap_or_default();
            text.split(' ').next().and_then(|it| it.parse::<f64>().ok()).unwrap_or(0.0)
        };
        tasks.filter_map(Result::ok).map(of).sum::<f64>() / 1e6
    }

    pub fn memory_mib(&self) -> f64 {
        let status = self.proc("status");
        let line = status.lines().find(|it| it.starts_with("VmRSS")).expect("VmRSS");
        line.split_whitespace().nth(1).and_then(|it| it.parse::<f64>().ok()).expect("a number") / 1_024.0
    }

    /// Ends the server as an operator would; what the store takes on the disk then. The log's fixed length is not
    /// counted.
    pub fn stop_and_measure(mut self) -> f64 {
        use std::os::unix::fs::MetadataExt;
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("ours");
        self.child.wait().expect("ends");
        let blocks = std::fs::metadata(self.data.join("reeve.redb")).expect("the store").blocks();
        blocks as f64 * 512.0 / f64::from(1 << 20)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
