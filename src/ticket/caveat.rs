//! What a ticket can be narrowed by.

use crate::{
    clock::Timestamp,
    grant::{Actions, Lifetime},
};
use alloc::string::String;
use core::ops::RangeInclusive;

/// One restriction that is added to a ticket. It must lie within what the ticket says already, and can never be taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Caveat {
    /// Only these actions, which counts for those [after a second check](super::TicketRequest::step_up) too.
    Actions(Actions),
    /// Only this object, by its raw name.
    Object(String),
    /// Only objects whose names begin like this, up to and with a `/`.
    Under(String),
    /// The last second at which the ticket can be swapped, and at which a token from it is good.
    ExpiresAt(Timestamp),
    /// The first second at which the ticket can be swapped.
    NotBefore(Timestamp),
    /// The longest that a token from it lives.
    LivesAtMost(Lifetime),
    /// Only clients from this address, network `a/n` or range `a-b` can use a token from it.
    ClientAddress(String),
    /// What is uploaded has exactly this media type.
    ContentType(String),
    /// What is uploaded has a media type that begins like this.
    ContentTypePrefix(String),
    /// What is uploaded has so many bytes. Uploads in parts or by appending, which no token bounds, are out of the question.
    Size(RangeInclusive<u64>),
    /// A token from it is good for one request.
    SingleUse,
    /// The ticket can be swapped once, together with all that are made from it. Two that get this caveat alike count as one: put one
    /// before it in which they differ.
    Once,
}
