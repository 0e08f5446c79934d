//! Tokens that are good no longer, although no signature says so.

use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};
use valet_key::clock::Timestamp;

/// Names a token, and is none.
pub(crate) type Fingerprint = [u8; 32];

/// The fingerprint of the token in a query: the hash of its signature.
pub(crate) fn fingerprint(query: &str) -> Option<Fingerprint> {
    let signature = query.split('&').find_map(|param| {
        let (name, value) = param.split_once('=')?;
        matches!(name, "X-Amz-Signature" | "X-Goog-Signature" | "sig").then_some(value)
    })?;
    Some(Sha256::digest(percent_decode_str(signature).collect::<Vec<u8>>()).into())
}

/// What was revoked, for as long as it would have been good.
#[derive(Default)]
pub(crate) struct Revoked(Mutex<HashMap<Fingerprint, Timestamp>>);

impl Revoked {
    pub(crate) fn add(&self, token: Fingerprint, until: Timestamp, now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, until| *until >= now);
        all.insert(token, until);
    }

    pub(crate) fn contains(&self, token: &Fingerprint) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(token)
    }
}
