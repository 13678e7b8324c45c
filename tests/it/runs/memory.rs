//! What runs that wait cost in memory: not their inputs, however many they are.

use serde_json::json;

use super::Bench;

/// A run that waits is a line in a queue, and a place for those who may watch it.
const MOST_BYTES_EACH: usize = 1_024;

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_wait_do_not_hold_their_inputs_in_memory() {
    const COUNT: usize = 200;
    const INPUT_BYTES: usize = 200_000;
    let (bench, gate) = Bench::gated(|it| it.data.cache_bytes = 1 << 20).await;
    let agent = bench.agent("A", json!({ "max_concurrency": 1, "timeout_ms": 86_400_000 })).await;
    bench.begin(&agent, json!({})).await;
    bench.peer.has_received(1).await;
    let text = "x".repeat(INPUT_BYTES);
    let engine = bench.appliance.inner.services.engine.clone();
    let before = resident_bytes();
    let mut last = String::new();
    for _ in 0..COUNT {
        last = bench.begin(&agent, json!({ "input": { "text": text } })).await;
    }
    let stats = engine.stats();
    assert_eq!((stats.running, stats.queued), (1, COUNT));
    let held = engine.held_bytes();
    assert!(held <= (COUNT + 1) * MOST_BYTES_EACH, "the engine holds {held} bytes");
    // Others' tests are in this process elsewhere.
    if std::env::var_os("NEXTEST").is_some() {
        let grown = resident_bytes().saturating_sub(before);
        println!("{COUNT} inputs of {INPUT_BYTES} bytes: {grown} bytes more");
        assert!(grown < COUNT * INPUT_BYTES / 2, "the process has grown by {grown} bytes");
    }
    gate.add_permits(COUNT + 1);
    assert_eq!(bench.ended(&last).await["input"]["text"], text, "it is there when it is wanted");
}

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("a process");
    let line = status.lines().find(|it| it.starts_with("VmRSS")).expect("a line");
    let kib: usize = line.split_whitespace().nth(1).and_then(|it| it.parse().ok()).expect("a number");
    kib * 1_024
}
