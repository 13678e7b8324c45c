//! What the organization's runs come to: numbers over a range, and what needs a look now. Reads rollups and
//! short lists, never the runs themselves.

pub mod api;
mod metrics;
mod overview;
pub mod pages;

pub use metrics::{Bucket, BucketSize, Metrics, Range, metrics, summary};
pub use overview::{AgentCounts, Now, agent_counts, needs_attention, now};
