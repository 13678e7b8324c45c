//! The store against a model, against power cuts, failing and full disks, damage, a log, and older and newer folders.

mod compaction;
mod corruption;
mod faults;
mod log;
mod medium;
mod migrations;
mod model;
mod power;
mod property;
mod size;

/// Whether the long campaigns were asked for.
fn full() -> bool {
    std::env::var_os("REEVE_FULL").is_some_and(|it| it == "1")
}
