//! The gate: what it lets pass, what it refuses and in whose words, and what it remembers.

mod answers;
mod bounds;
mod clouds;
mod laws;
mod secrets;
mod single_use;
mod storage_requests;
mod stores;
mod threats;
#[cfg(feature = "tower")]
mod tower;
