//! What a request through the one way out costs: processor time per kept-alive request, beside the same exchange
//! over a bare socket. The far end is a process of its own, so that its time does not count.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::io::{BufRead as _, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use reeve::base::{Env, Id as _, OrgId};
use reeve::infra::Secret;
use reeve::infra::egress::{
    Caller, Egress, EgressConfig, NoLedger, Request, SecretHeader, SystemResolver, parse_url,
};

const REQUESTS: usize = 20_000;
const FAR_END: &str = "far-end";
const BODY: &str =
    r#"{"text":"a ticket that says that the printer on the third floor is out of paper again"}"#;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n{\"label\":\"hardware\",\"p\":.9}";

fn main() {
    if std::env::args().any(|it| it == FAR_END) {
        return serve();
    }
    let mut far_end = std::process::Command::new(std::env::current_exe().expect("this has a file"))
        .arg(FAR_END)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    let mut line = String::new();
    let said = far_end.stdout.take().expect("is piped");
    std::io::BufReader::new(said).read_line(&mut line).expect("says where it listens");
    compare(line.trim().parse().expect("an address"));
    far_end.kill().expect("ends");
    far_end.wait().expect("ended");
}

fn compare(address: SocketAddr) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let allow = vec![address.to_string().parse().expect("a rule")];
    let config = EgressConfig { allow, ..EgressConfig::default() };
    let egress = Egress::new(config, Arc::new(SystemResolver), Arc::new(NoLedger));
    let caller = Caller { org: OrgId::from_bytes(Env::system().bytes()), agent: None, purpose: "bench" };
    println!("bare socket          {}", measure(|count| bare(address, count)));
    for at_once in [1, 32] {
        let through = |count| runtime.block_on(all(&egress, &caller, address, count, at_once));
        println!("egress, {at_once:>2} at once   {}", measure(through));
    }
}

/// Runs a tenth to warm up, then `REQUESTS`, and says what one cost.
fn measure(mut run: impl FnMut(usize)) -> String {
    run(REQUESTS / 10);
    let (cpu, wall) = (cpu_us(), Instant::now());
    run(REQUESTS);
    let each = (cpu_us() - cpu) / REQUESTS as f64;
    let per_second = REQUESTS as f64 / wall.elapsed().as_secs_f64();
    format!("{each:6.1} µs of processor time each, {per_second:7.0}/s")
}

async fn all(egress: &Egress, caller: &Caller, address: SocketAddr, count: usize, at_once: usize) {
    let lanes = (0..at_once).map(|_| async {
        for _ in 0..count / at_once {
            one(egress, caller, address).await;
        }
    });
    futures_util::future::join_all(lanes).await;
}

async fn one(egress: &Egress, caller: &Caller, address: SocketAddr) {
    let url = parse_url(&format!("http://{address}/webhook/support?lang=en")).expect("an address");
    let mut request = Request::post(url, BODY);
    request.headers.insert("content-type", http::HeaderValue::from_static("application/json"));
    request.secrets.push(SecretHeader {
        name: http::header::AUTHORIZATION,
        value: Secret::new("Bearer 0123456789abcdef"),
        allowed_hosts: vec!["127.0.0.1".to_owned()],
    });
    let response = egress.send(caller, request).await.expect("answers");
    assert_eq!(response.bytes().await.expect("is whole").len(), 27);
}

#[expect(clippy::disallowed_methods, reason = "the yardstick beside the guarded way out")]
fn bare(address: SocketAddr, count: usize) {
    let mut stream = TcpStream::connect(address).expect("connects");
    stream.set_nodelay(true).expect("is a socket");
    let request = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{BODY}", BODY.len());
    let mut answer = [0; 1024];
    for _ in 0..count {
        stream.write_all(request.as_bytes()).expect("is sent");
        assert!(stream.read(&mut answer).expect("is read") > 0);
    }
}

/// Says where it listens; answers every request of `BODY`, a thread per connection.
fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    println!("{}", listener.local_addr().expect("has an address"));
    for mut stream in listener.incoming().flatten() {
        std::thread::spawn(move || {
            let (mut block, mut pending) = ([0; 4096], Vec::new());
            while let Ok(read @ 1..) = stream.read(&mut block) {
                pending.extend_from_slice(&block[..read]);
                if pending.ends_with(BODY.as_bytes()) {
                    pending.clear();
                    if stream.write_all(ANSWER).is_err() {
                        return;
                    }
                }
            }
        });
    }
}

/// Of this process, in steps of 10 ms.
fn cpu_us() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = text.rsplit(") ").next().unwrap_or_default();
    let ticks: u64 = after_name.split(' ').skip(11).take(2).filter_map(|it| it.parse::<u64>().ok()).sum();
    ticks as f64 * 10_000.0
}
