//! A far end on loopback that behaves exactly as scripted, down to the byte, and keeps what it received.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One thing that a far end does after it has read a request.
#[derive(Clone)]
pub enum Step {
    Send(Vec<u8>),
    /// Sends so many bytes, or until the other side has had enough.
    Flood(u64),
    /// Sends byte by byte, with a pause before each.
    Drip(Vec<u8>, Duration),
    /// Reads and says nothing until the other side goes.
    Hang,
    /// Goes on when the test adds a permit.
    Wait(Arc<tokio::sync::Semaphore>),
    Pause(Duration),
    Close,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    pub head: String,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Method and path.
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1")
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or(serde_json::Value::Null)
    }
}

type Script = dyn Fn(&Received, usize) -> Vec<Step> + Send + Sync;

/// Listens until it is dropped.
pub struct Peer {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    deserted: Arc<tokio::sync::Semaphore>,
    received: Arc<Mutex<Vec<Received>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Peer {
    /// `script` gets the request and how many came before it.
    pub async fn start(script: impl Fn(&Received, usize) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0".parse().expect("an address"), script)
            .await
            .expect("loopback has a free port")
    }

    pub async fn start_at(
        address: SocketAddr,
        script: impl Fn(&Received, usize) -> Vec<Step> + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let connections = Arc::new(AtomicUsize::new(0));
        let received = Arc::new(Mutex::new(Vec::new()));
        let deserted = Arc::new(tokio::sync::Semaphore::new(0));
        let (count, log, script) = (connections.clone(), received.clone(), Arc::new(script) as Arc<Script>);
        let left = deserted.clone();
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                open.spawn(serve(stream, script.clone(), log.clone(), left.clone()));
            }
        });
        Ok(Self { address, connections, deserted, received, task })
    }

    /// Answers every request with the same.
    pub async fn answering(steps: Vec<Step>) -> Self {
        Self::start(move |_, _| steps.clone()).await
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Connections that were accepted.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Returns when the other side has gone while this one hung.
    pub async fn left_alone(&self) {
        self.deserted.acquire().await.expect("never closed").forget();
    }

    /// Returns when so many requests have come.
    pub async fn has_received(&self, count: usize) {
        while self.received.lock().len() < count {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().clone()
    }

    /// All but the first `count`.
    pub fn received_after(&self, count: usize) -> Vec<Received> {
        self.received.lock()[count..].to_vec()
    }

    pub fn received_count(&self) -> usize {
        self.received.lock().len()
    }

    pub fn last(&self) -> Received {
        self.received.lock().last().expect("a request came").clone()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    script: Arc<Script>,
    log: Arc<Mutex<Vec<Received>>>,
    left: Arc<tokio::sync::Semaphore>,
) {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer).await {
        let earlier = {
            let mut log = log.lock();
            log.push(request.clone());
            log.len() - 1
        };
        for step in script(&request, earlier) {
            let hangs = matches!(step, Step::Hang);
            if perform(&mut stream, step).await.is_none() {
                if hangs {
                    left.add_permits(1);
                }
                return;
            }
        }
    }
}

async fn perform(stream: &mut TcpStream, step: Step) -> Option<()> {
    match step {
        Step::Send(bytes) => stream.write_all(&bytes).await.ok(),
        Step::Flood(mut left) => {
            let block = vec![b'x'; 64 * 1024];
            while left > 0 {
                let size = left.min(block.len() as u64);
                stream.write_all(&block[..size as usize]).await.ok()?;
                left -= size;
            }
            Some(())
        }
        Step::Drip(bytes, pause) => {
            for byte in bytes {
                tokio::time::sleep(pause).await;
                stream.write_all(&[byte]).await.ok()?;
            }
            Some(())
        }
        Step::Hang => {
            let mut sink = [0; 1024];
            while stream.read(&mut sink).await.ok()? > 0 {}
            None
        }
        Step::Wait(gate) => gate.acquire().await.map(|it| it.forget()).ok(),
        Step::Pause(pause) => {
            tokio::time::sleep(pause).await;
            Some(())
        }
        Step::Close => None,
    }
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Received> {
    let mut block = vec![0; 16 * 1024];
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|it| it == b"\r\n\r\n") {
            break at;
        }
        let read = stream.read(&mut block).await.ok().filter(|it| *it > 0)?;
        buffer.extend_from_slice(&block[..read]);
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).into_owned();
    let request = Received { head, body: String::new() };
    let length: usize = request.header("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
    while buffer.len() < head_end + 4 + length {
        let read = stream.read(&mut block).await.ok().filter(|it| *it > 0)?;
        buffer.extend_from_slice(&block[..read]);
    }
    let body = String::from_utf8_lossy(&buffer[head_end + 4..head_end + 4 + length]).into_owned();
    buffer.drain(..head_end + 4 + length);
    Some(Received { body, ..request })
}

/// A whole answer with its length.
pub fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Vec<Step> {
    let mut text = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.push_str(body);
    vec![Step::Send(text.into_bytes())]
}

pub fn json(value: &serde_json::Value) -> Vec<Step> {
    answer(200, &[("Content-Type", "application/json")], &value.to_string())
}

/// The head of an answer whose length is not known.
pub fn chunked_head(content_type: &str) -> Step {
    Step::Send(
        format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n")
            .into_bytes(),
    )
}

pub fn chunk(text: &str) -> Step {
    Step::Send(format!("{:x}\r\n{text}\r\n", text.len()).into_bytes())
}

pub fn last_chunk() -> Step {
    Step::Send(b"0\r\n\r\n".to_vec())
}
