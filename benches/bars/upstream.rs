//! The far end of the webhook agent: answers at once, later, or piece by piece; counts.

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

static ANSWERED: AtomicUsize = AtomicUsize::new(0);
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
const CLOCK_DIGITS: usize = 12;
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\r\n{\"echo\":\"hello!\"}";

/// How it answers.
#[derive(Clone, Copy)]
enum Manner {
    After(Duration),
    /// So many server-sent events, so far apart.
    Pieces(usize, Duration),
    /// As `Pieces`, each the time at which it is told.
    Clock(usize, Duration),
    /// As `Pieces`, each of so many bytes.
    Loud(usize, usize, Duration),
    /// So many bytes of JSON, at once.
    Large(usize),
}

/// Runs on a thread of its own, to the end of the program.
pub fn start() -> SocketAddr {
    listen(Manner::After(Duration::ZERO))
}

pub fn start_slow(time: Duration) -> SocketAddr {
    listen(Manner::After(time))
}

pub fn start_telling(pieces: usize, apart: Duration) -> SocketAddr {
    listen(Manner::Pieces(pieces, apart))
}

pub fn start_clock(pieces: usize, apart: Duration) -> SocketAddr {
    listen(Manner::Clock(pieces, apart))
}

pub fn start_loud(pieces: usize, bytes: usize, apart: Duration) -> SocketAddr {
    listen(Manner::Loud(pieces, bytes, apart))
}

pub fn start_large(bytes: usize) -> SocketAddr {
    listen(Manner::Large(bytes))
}

/// Time of this process, as `start_clock` tells it.
pub fn clock() -> Duration {
    BEGAN.elapsed()
}

/// The times that a text tells, in the words of `start_clock`.
pub fn times_in(text: &str) -> impl Iterator<Item = Duration> {
    text.split('@').skip(1).filter_map(|it| it.get(..CLOCK_DIGITS)?.parse().ok()).map(Duration::from_micros)
}

fn listen(manner: Manner) -> SocketAddr {
    ANSWERED.store(0, Relaxed);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = listener.local_addr().expect("an address");
    listener.set_nonblocking(true).expect("not blocking");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                tokio::spawn(answer(stream, manner));
            }
        });
    });
    address
}

/// Answers so far.
pub fn count() -> usize {
    ANSWERED.load(Relaxed)
}

async fn answer(mut stream: TcpStream, manner: Manner) {
    let mut buffer = vec![0; 16 * 1024];
    let mut filled = 0;
    loop {
        match stream.read(&mut buffer[filled..]).await {
            Ok(read) if read > 0 => filled += read,
            _ => return,
        }
        // Requests of this benchmark are small and come one at a time on a connection.
        let Some(head) = buffer[..filled].windows(4).position(|it| it == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
        let length: usize =
            text.lines().find_map(|it| it.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
        if filled < head + 4 + length {
            continue;
        }
        filled = 0;
        ANSWERED.fetch_add(1, Relaxed);
        let answered = match manner {
            Manner::After(time) => {
                if !time.is_zero() {
                    tokio::time::sleep(time).await;
                }
                stream.write_all(ANSWER).await
            }
            Manner::Pieces(count, apart) => tell(&mut stream, count, apart, || "one word".to_owned()).await,
            Manner::Clock(count, apart) => {
                let now = || format!("@{:0width$}", clock().as_micros(), width = CLOCK_DIGITS);
                tell(&mut stream, count, apart, now).await
            }
            Manner::Loud(count, bytes, apart) => tell(&mut stream, count, apart, || "x".repeat(bytes)).await,
            Manner::Large(bytes) => large(&mut stream, bytes).await,
        };
        if answered.is_err() {
            return;
        }
    }
}

async fn large(stream: &mut TcpStream, bytes: usize) -> std::io::Result<()> {
    let body = format!("{{\"text\":\"{}\"}}", "x".repeat(bytes.saturating_sub(11)));
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
    stream.write_all(format!("{head} {}\r\n\r\n", body.len()).as_bytes()).await?;
    stream.write_all(body.as_bytes()).await
}

async fn tell(
    stream: &mut TcpStream,
    count: usize,
    apart: Duration,
    word: impl Fn() -> String,
) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n").await?;
    stream.write_all(b"transfer-encoding: chunked\r\n\r\n").await?;
    let mut ticks = tokio::time::interval(apart);
    for _ in 0..count {
        ticks.tick().await;
        let event = format!("data: {}\n\n", word());
        stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await?;
    }
    stream.write_all(b"0\r\n\r\n").await
}
