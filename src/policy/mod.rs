//! Least privilege: the upper limit that an application sets, and whether a grant lies within it.
//!
//! ```text
//! Grant ──Bounds::permits──▶ Decision: Allowed, or Refused with what was asked and what the limit is
//! Bounds ──Bounds::narrow(other)──▶ Bounds that permit what both permit
//! ```
//!
//! Bounds are not part of a token. Whoever issues one asks them first, whoever verifies one asks them again, since they may
//! have become narrower in between.

mod bounds;
mod decision;
mod permits;
mod reach;
mod union;

pub use self::{
    bounds::Bounds,
    decision::{Broad, Decision, Refusal},
    union::Pattern,
};
