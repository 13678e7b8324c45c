//! Campaigns against the real binary.
