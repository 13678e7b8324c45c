//! A load generator that costs little: keep-alive connections, prepared bytes, answers read and thrown away.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The bytes of one request.
#[derive(Clone)]
pub struct Request(pub Vec<u8>);

impl Request {
    pub fn get(path: &str, key: &str) -> Self {
        Self(
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\r\n")
                .into_bytes(),
        )
    }

    pub fn post(path: &str, key: &str, body: &Value) -> Self {
        let body = body.to_string();
        let auth = if key.is_empty() { String::new() } else { format!("authorization: Bearer {key}\r\n") };
        Self(
            format!(
                "POST {path} HTTP/1.1\r\nhost: localhost\r\n{auth}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes(),
        )
    }
}

/// How long each request took.
pub struct Load {
    pub times: Vec<Duration>,
    pub whole: Duration,
}

impl Load {
    pub fn count(&self) -> usize {
        self.times.len()
    }

    pub fn per_second(&self) -> f64 {
        self.count() as f64 / self.whole.as_secs_f64()
    }

    /// Milliseconds.
    pub fn quantile(&self, quantile: f64) -> f64 {
        let mut times = self.times.clone();
        times.sort_unstable();
        let at = ((times.len() as f64 * quantile) as usize).min(times.len().saturating_sub(1));
        times.get(at).map_or(f64::NAN, |it| it.as_secs_f64() * 1_000.0)
    }
}

/// Sends the request over and over on `clients` connections for a time.
pub fn run(address: SocketAddr, request: &Request, clients: usize, time: Duration) -> Load {
    let end = Instant::now() + time;
    drive(address, request, clients, move |_| Instant::now() < end)
}

/// Sends the request `count` times in all.
pub fn run_some(address: SocketAddr, request: &Request, clients: usize, count: usize) -> Load {
    drive(address, request, clients, move |sent| sent < count)
}

fn drive(
    address: SocketAddr,
    request: &Request,
    clients: usize,
    more: impl Fn(usize) -> bool + Sync,
) -> Load {
    let (sent, more) = (AtomicUsize::new(0), &more);
    let began = Instant::now();
    let times = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..clients)
            .map(|_| {
                let sent = &sent;
                scope.spawn(move || {
                    let mut connection = Connection::open(address);
                    let mut times = Vec::new();
                    while more(sent.fetch_add(1, Relaxed)) {
                        let began = Instant::now();
                        let (status, body) = connection.send(request);
                        assert!((200..300).contains(&status), "{status}: {}", String::from_utf8_lossy(body));
                        times.push(began.elapsed());
                    }
                    times
                })
            })
            .collect();
        workers.into_iter().flat_map(|it| it.join().expect("a client")).collect()
    });
    Load { times, whole: began.elapsed() }
}

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("connects");
        stream.set_nodelay(true).expect("no delay");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time limit");
        Self { stream, buffer: vec![0; 1 << 20] }
    }

    /// Status and body.
    pub fn send(&mut self, request: &Request) -> (u16, &[u8]) {
        self.stream.write_all(&request.0).expect("sends");
        let mut filled = 0;
        let (head, length) = loop {
            let read = self.stream.read(&mut self.buffer[filled..]).expect("reads");
            assert!(read > 0, "the server closed the connection");
            filled += read;
            if let Some(head) = find(&self.buffer[..filled], b"\r\n\r\n") {
                break (head + 4, length_of(&self.buffer[..head]));
            }
        };
        while filled < head + length {
            let read = self.stream.read(&mut self.buffer[filled..]).expect("reads");
            assert!(read > 0, "the server closed the connection");
            filled += read;
        }
        let status =
            std::str::from_utf8(&self.buffer[9..12]).ok().and_then(|it| it.parse().ok()).unwrap_or(0);
        (status, &self.buffer[head..head + length])
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|it| it == part)
}

fn length_of(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    head.lines().find_map(|it| it.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0)
}
