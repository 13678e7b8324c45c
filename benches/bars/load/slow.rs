//! L5: a thousand clients that send their headers or bodies a byte at a time, beside normal ones.

use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use crate::client;
use crate::report::Report;
use crate::server::Server;
use crate::upstream;

const SLOW: usize = 1_000;
const NORMAL: usize = 4;
const LOOK: Duration = Duration::from_secs(10);

pub fn measure(report: &mut Report) {
    crate::server::allow_many_files();
    let upstream = upstream::start();
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_allowing(&folder, upstream);
    let request = crate::execute(&server, upstream, None);
    client::run(server.address, &request, NORMAL, Duration::from_secs(2));
    let alone = client::run(server.address, &request, NORMAL, LOOK);
    let over = AtomicBool::new(false);
    let (beset, again) = std::thread::scope(|scope| {
        let dribbling = scope.spawn(|| dribble(server.address, &over));
        std::thread::sleep(Duration::from_secs(3));
        let beset = client::run(server.address, &request, NORMAL, LOOK);
        over.store(true, Relaxed);
        (beset, dribbling.join().expect("the slow ones"))
    });
    report.row("runs, four clients, p95", alone.quantile(0.95), "ms", "");
    report.row("  beside 1,000 slow clients, p95", beset.quantile(0.95), "ms", "");
    report.row("  times", beset.quantile(0.95) / alone.quantile(0.95), "", "2");
    report.row("  slow ones let go and back again", again as f64, "", "");
}

/// Every client sends a byte a second, and comes back where it was let go; how often that was.
fn dribble(address: SocketAddr, over: &AtomicBool) -> usize {
    let mut clients: Vec<(TcpStream, usize)> = (0..SLOW).map(|it| (open(address, it), 0)).collect();
    let mut again = 0;
    while !over.load(Relaxed) {
        for (nth, (stream, sent)) in clients.iter_mut().enumerate() {
            let bytes = text(nth);
            match stream.write(&bytes[*sent % bytes.len()..][..1]) {
                Ok(_) => *sent += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => {
                    (*stream, *sent) = (open(address, nth), 0);
                    again += 1;
                }
            }
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    again
}

/// One half is slow in its headers, the other in its body.
fn open(address: SocketAddr, nth: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("connects");
    if !nth.is_multiple_of(2) {
        let head = "POST /api/auth/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
        stream.write_all(format!("{head}content-length: 5000\r\n\r\n").as_bytes()).expect("sends");
    }
    stream.set_nonblocking(true).expect("not blocking");
    stream
}

fn text(nth: usize) -> &'static [u8] {
    if nth.is_multiple_of(2) { b"GET /healthz HTTP/1.1\r\nx-slow: 1234567890" } else { b" " }
}
