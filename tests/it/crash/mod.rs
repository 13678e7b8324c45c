//! Campaigns against the real program: killed, stopped, and on disks that fail or fill up. Each prints what it
//! did and which guarantees it covered.

mod disk;
mod kills;
mod load;
mod server;
mod stops;
mod syncs;

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
