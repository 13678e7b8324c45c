//! Campaigns against the real program: killed, stopped, and on disks that fail or fill up. Each prints what it
//! did and which guarantees it covered.
//!
//! They were shown bugs that were planted for it, one at a time, and each was seen at quick size:
//!
//! | Planted | Seen by | As |
//! | --- | --- | --- |
//! | answered before the commit | C3, C4 | D1, what was made is not there |
//! | commits that are not synced | C3 | D1, a key that is gone |
//! | a run without its task; its end in two commits | C3, C4 | D6, a zombie |
//! | a task that stays when its run has ended | C3 | D6, another end |
//! | no mark before work that may run once | C3 | D4, a second call |
//! | an `Idempotency-Key` that is not claimed with the run | C3 | D2, twins |
//! | another key at every attempt | C3 | D5, a call that is no run's |
//! | usage counted apart from the end | C3, C4 | D10, sums that differ |
//! | a stream that is taken up one event too late; numbers that leave one out after a crash | C3 | D12, a gap |
//! | a server that goes on after a failed sync, or says that it is ready, goes without a word, or exits with 0 | C7 | D14 |
//!
//! `tests/planted.sh` plants ten bugs again, one at a time (C15).

mod apart;
mod chains;
mod contacts;
mod disk;
mod expiry;
mod interrupts;
mod kills;
mod load;
mod others;
mod points;
mod pressure;
pub mod server;
mod slow;
mod stops;
mod syncs;
mod ticks;

pub use server::{Server, Site};

/// Whether the campaigns run at full size.
fn full() -> bool {
    std::env::var_os("REEVE_FULL").is_some()
}

/// Random numbers of one campaign; the seed is printed where it starts.
struct Dice(u64);

impl Dice {
    fn new(campaign: &str) -> Self {
        let given = std::env::var("REEVE_SEED").ok().and_then(|it| it.parse().ok());
        let seed = given.unwrap_or_else(|| u64::from_be_bytes(reeve::base::Env::system().bytes()));
        eprintln!("{campaign}: REEVE_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (it ^ (it >> 31)) % bound
    }
}
