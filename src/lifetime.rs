//! How long a token really lives.

use crate::{
    clock::Timestamp,
    error::IssueError,
    grant::{Lifetime, OnShortCredential},
};
use alloc::borrow::ToOwned;

/// What bounds a lifetime beside the credential.
pub(crate) struct Bounds<'a> {
    /// The longest that needs no justification.
    pub(crate) cap: Lifetime,
    pub(crate) is_justified: bool,
    /// The longest that the service allows.
    pub(crate) maximum: Lifetime,
    pub(crate) service: &'a str,
}

/// The lifetime of a token in seconds and its end, within what its class, the service and the credential allow.
pub(crate) fn effective(
    lifetime: Lifetime,
    bounds: &Bounds<'_>,
    credential_ends: Option<Timestamp>,
    on_short: OnShortCredential,
    now: Timestamp,
) -> Result<(u32, Timestamp), IssueError> {
    if lifetime > bounds.cap && !bounds.is_justified {
        return Err(IssueError::Unjustified { what: "a lifetime beyond the default" });
    }
    if lifetime > bounds.maximum {
        return Err(IssueError::LifetimeTooLong {
            requested: lifetime.seconds(),
            maximum: bounds.maximum.seconds(),
            service: bounds.service.to_owned(),
        });
    }
    let asked = lifetime.seconds();
    let token_ends = now.checked_add(asked).ok_or(IssueError::TimeOverflow)?;
    let Some(credential_ends) = credential_ends.filter(|ends| *ends < token_ends) else {
        return Ok((asked, token_ends));
    };
    match u32::try_from(credential_ends.seconds_since(now)) {
        Ok(left @ 1..) if on_short == OnShortCredential::Clamp => Ok((left, credential_ends)),
        _ => Err(IssueError::OutlivesCredential { token_ends, credential_ends }),
    }
}
