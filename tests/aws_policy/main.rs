#![cfg(feature = "aws")]
//! Session policies from grants, held against a reader of IAM policies that shares no code with their writer.
//!
//! The reader in `evaluate.rs` follows the IAM User Guide: an explicit deny wins, an allow is needed, a missing key fails a
//! positive operator, `${*}`, `${?}` and `${$}` stand for one character each, any other `${...}` is a variable.

mod cases;
mod evaluate;
mod laws;
mod limit;

use valet_key::{
    aws::{Region, policy::SessionGrants, sts::SessionPolicy},
    clock::Timestamp,
    error::IssueError,
    grant::{Grant, Justification, Lifetime},
};

/// 2026-11-24T12:00:00Z
const NOW: i64 = 1_795_521_600;

fn now() -> Timestamp {
    Timestamp::from_unix(NOW).unwrap()
}

fn why() -> Justification {
    Justification::new("a test").unwrap()
}

fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

/// Grants for a session of 15 minutes in Ireland.
fn session(grants: impl IntoIterator<Item = Grant>) -> SessionGrants {
    grants.into_iter().fold(SessionGrants::new(region("eu-west-1"), Lifetime::DEFAULT), SessionGrants::grant)
}

fn policy(grants: impl IntoIterator<Item = Grant>) -> Result<SessionPolicy, IssueError> {
    session(grants).to_policy(now())
}
