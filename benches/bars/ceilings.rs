//! What the machine itself can do: syncs of its disk, answers of a bare handler.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use actix_web::{App, HttpServer, web};

use crate::client::{self, Request};
use crate::report::Report;

pub fn measure(report: &mut Report) {
    report.row("ceiling: 4 KiB write and fdatasync", syncs(), "/s", "");
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .env("REEVE_BENCH_BARE", "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let address = crate::server::first_address(child.stdout.take().expect("its output"));
    let request = Request::post("/", "", &serde_json::json!({ "input": { "text": "hello" } }));
    client::run(address, &request, 32, Duration::from_secs(1));
    let load = client::run(address, &request, 32, Duration::from_secs(4));
    report.row("ceiling: bare actix handler, 32 clients", load.per_second(), "/s", "");
    let alone = client::run(address, &request, 1, Duration::from_secs(2));
    report.row("  one at a time, p50", alone.quantile(0.5), "ms", "");
    child.kill().expect("ends");
    child.wait().expect("ended");
}

fn syncs() -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let file = File::create(folder.path().join("file")).expect("a file");
    let (block, began, mut count) = ([7; 4096], Instant::now(), 0_u64);
    while began.elapsed() < Duration::from_secs(3) {
        file.write_all_at(&block, (count % 1_024) * 4_096).expect("writes");
        file.sync_data().expect("syncs");
        count += 1;
    }
    count as f64 / began.elapsed().as_secs_f64()
}

/// The child: a server whose handler does nothing.
pub fn serve_bare() {
    let server = async {
        let server = HttpServer::new(|| {
            App::new().default_service(web::to(|_: web::Bytes| async {
                web::Json(serde_json::json!({ "echo": "hello!" }))
            }))
        })
        .workers(2)
        .bind("127.0.0.1:0")
        .expect("binds");
        let address: SocketAddr = server.addrs()[0];
        println!("http://{address}");
        server.run().await
    };
    actix_web::rt::System::new().block_on(server).expect("serves");
}
