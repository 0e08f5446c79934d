//! Keys derived for one scope, and the few of them that a holder keeps.

use crate::{mac::HmacKey, secret::Secret};

/// A key derived for one scope: it signs for that alone, and gives no way back to the secret.
#[derive(Clone)]
pub(crate) struct DerivedKey<S> {
    pub(crate) scope: S,
    pub(crate) key: HmacKey,
}

impl<S> DerivedKey<S> {
    /// Chains one HMAC after the other: the prefixed secret over the first part, its result over the
    /// second, and so on.
    pub(crate) fn chain(scope: S, prefix: &str, secret: &str, parts: [&[u8]; 4]) -> Self {
        let first = Secret::new([prefix.as_bytes(), secret.as_bytes()].concat());
        let mut key = HmacKey::new(first.expose());
        for part in parts {
            key.set(Secret::new(key.mac(part)).expose());
        }
        Self { scope, key }
    }
}

/// The derived keys last used, newest first, behind a lock.
#[cfg(feature = "std")]
pub(crate) struct KeptKeys<S>(std::sync::RwLock<alloc::collections::VecDeque<DerivedKey<S>>>);

/// How many derived keys a holder keeps: a week of presigned URLs and the days around it.
#[cfg(feature = "std")]
const KEPT: usize = 10;

#[cfg(feature = "std")]
impl<S: PartialEq> KeptKeys<S> {
    pub(crate) const fn new() -> Self {
        Self(std::sync::RwLock::new(alloc::collections::VecDeque::new()))
    }

    /// Makes a MAC with the key that was kept for that scope, if there is one.
    pub(crate) fn mac(&self, scope: &S, message: &[u8]) -> Option<[u8; 32]> {
        let kept = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.iter().find(|derived| derived.scope == *scope).map(|derived| derived.key.mac(message))
    }

    pub(crate) fn keep(&self, derived: DerivedKey<S>) {
        let mut kept = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if kept.iter().all(|other| other.scope != derived.scope) {
            kept.push_front(derived);
            kept.truncate(KEPT);
        }
    }
}

/// Nothing is kept where there is no lock to keep it behind.
#[cfg(not(feature = "std"))]
pub(crate) struct KeptKeys<S>(core::marker::PhantomData<fn() -> S>);

#[cfg(not(feature = "std"))]
#[expect(clippy::unused_self, reason = "the same calls with and without a lock to keep keys behind")]
impl<S: PartialEq> KeptKeys<S> {
    pub(crate) const fn new() -> Self {
        Self(core::marker::PhantomData)
    }

    pub(crate) fn mac(&self, _scope: &S, _message: &[u8]) -> Option<[u8; 32]> {
        None
    }

    pub(crate) fn keep(&self, _derived: DerivedKey<S>) {}
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    #[test]
    fn a_million_scopes_leave_the_keys_of_the_last_ten() {
        const SCOPES: usize = 1_000_000;
        let (kept, key) = (KeptKeys::new(), HmacKey::new(b"key"));
        for scope in 0..SCOPES {
            kept.keep(DerivedKey { scope, key: key.clone() });
        }
        let has = |scope: usize| kept.mac(&scope, b"message").is_some();
        assert_eq!((0..SCOPES).rev().take_while(|scope| has(*scope)).count(), KEPT);
        assert!(![0, SCOPES / 2, SCOPES - KEPT - 1].map(has).contains(&true));
        // The room that it has once taken does not grow either.
        assert!(kept.0.read().unwrap().capacity() <= 2 * KEPT);
    }
}
