//! One use only: no cloud enforces it, and a gate does for what is signed.

use crate::{
    error::IssueError,
    grant::{Constraint, Grant},
};

/// The signed parameter that says how often a token is good, and its one value.
pub(crate) const USE: &str = "x-use";
pub(crate) const ONCE: &str = "once";

/// For a token that nobody counts the uses of.
pub(crate) fn refuse_single_use(
    grant: &Grant,
    not_enforceable: fn(Constraint, &'static str) -> IssueError,
) -> Result<(), IssueError> {
    const INSTEAD: &str = "a gateway can, at an endpoint that says that it is behind one: see `Endpoint::behind_gate`";
    if grant.single_use { Err(not_enforceable(Constraint::SingleUse, INSTEAD)) } else { Ok(()) }
}
