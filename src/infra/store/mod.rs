//! The one ordered store: typed rows over a small `Backend`, one writer, group commit.
//!
//! Writes are closures (`Store::write`). A committer thread takes all that wait, runs each on an overlay of
//! its own, applies those that succeed, commits once, then answers them all. A closure that fails has no
//! effect; one that was answered with success is on disk. Reads are snapshots and never wait for a writer.
//! On disk a commit is first a record in a log, and later part of the database.
//!
//! Every key begins with the 16 bytes of an organization's id (all zero for the appliance's own rows), then
//! the table's number, then the number of the index (0: the row itself). `View<PerOrg>` and `OrgTx` form only
//! keys with their own prefix, so code that holds one cannot name another organization's rows.

mod backend;
mod blocks;
mod checkpoint;
mod committer;
mod compaction;
mod disk;
mod feed;
mod folder;
mod jobs;
mod keys;
mod layers;
mod log;
mod logged;
mod look;
mod migrate;
mod open;
mod place;
mod record;
mod redb;
mod rows;
mod shown;
mod tx;

pub use backend::{Backend, Pair, PairIter, Snapshot, StoreError, WriteSet};
pub use committer::Stats;
pub use compaction::{Compaction, GoOn};
pub use feed::{Change, ChangeBatch};
pub use jobs::WriteOptions;
pub use keys::Key;
pub use logged::LoggedBackend;
pub use look::{is_held, would_open};
pub use migrate::{Migration, SCHEMA_VERSION};
pub use open::{OpenOptions, Store};
pub use place::{Medium, Place};
pub use rows::{Indexes, Order, PerAppliance, PerOrg, Row, Rows, Scope, Table, View};
pub use tx::{ApplianceTx, OrgTx, WriteTx};
