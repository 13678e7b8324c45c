//! L4: a subscriber that never reads, beside one that does.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::report::Report;
use crate::server::Server;
use crate::upstream;

/// What the far end says, and how often: far more than sockets hold.
const PIECES: usize = 600;
const PIECE_BYTES: usize = 64 << 10;
const APART: Duration = Duration::from_millis(75);
const SILENT: usize = 10;
const PATIENCE: Duration = Duration::from_secs(60);

pub fn measure(report: &mut Report) {
    let upstream = upstream::start_loud(PIECES, PIECE_BYTES, APART);
    let folder = tempfile::tempdir().expect("a folder");
    let settings = [("REEVE_EGRESS_MAX_ANSWER_BYTES", "67108864"), ("REEVE_LIMITS_OUTPUT_BYTES", "67108864")];
    let server = Server::start_set(&folder, upstream, true, &settings);
    let key = server.set_up();
    let more = json!({ "config": { "stream": "sse" }, "execution": { "timeout_ms": 120_000 } });
    let agent = crate::agent_with(&server, &key, "Loud", upstream, &more);
    let run = crate::watchers::events_of(&server, &agent);
    let subscribe = || {
        let mut stream = TcpStream::connect(server.address).expect("connects");
        stream.write_all(&run.0).expect("sends");
        stream
    };
    let mut reading = subscribe();
    std::thread::sleep(Duration::from_secs(1));
    let files = server.open_files();
    let began = Instant::now();
    let silent: Vec<TcpStream> = (0..SILENT).map(|_| subscribe()).collect();
    let (dropped, read) = std::thread::scope(|scope| {
        let reader = scope.spawn(move || read_to_the_end(&mut reading));
        super::until("they are connected", || server.open_files() >= files + SILENT);
        super::until("they are dropped", || server.open_files() <= files);
        (began.elapsed().as_secs_f64(), reader.join().expect("the reader"))
    });
    drop(silent);
    report.row("subscribers that never read are dropped after", dropped, "s", "30 from when it is full");
    report.row("  bytes that one who reads got", read as f64 / f64::from(1 << 20), "MiB", "37.5 and more");
    report.row("  memory of the server then", server.memory_mib(), "MiB", "");
}

fn read_to_the_end(stream: &mut TcpStream) -> usize {
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    let (mut buffer, mut tail, mut all) = (vec![0; 256 << 10], Vec::new(), 0);
    loop {
        let read = stream.read(&mut buffer).expect("reads");
        assert!(read > 0, "the one who reads was dropped after {all} bytes");
        all += read;
        tail.extend_from_slice(&buffer[..read]);
        if tail.windows(20).any(|it| it == b"event: execution.com") {
            return all;
        }
        tail.drain(..tail.len().saturating_sub(32));
    }
}
