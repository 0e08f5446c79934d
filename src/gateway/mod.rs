//! Around verification: bounds, revocation, replay and rate, at the one place that every request passes.
//!
//! ```text
//! RequestView ──Gate::check──▶ Admission ──ask a store──▶ Answer ──Admission::decide──▶ Admitted ──▶ Verified<Facts>, BodyCheck
//! ```
//!
//! A [`Gate`] holds a verifier of one provider and what its operator allows. [`Gate::check`] reads a request, checks its
//! signature and its bounds, and touches no store. What only a store can tell it asks for in a [`Question`], which is plain
//! data: keys of 32 bytes, a time to live, a rate key. So a store that several gateways share, such as Redis, answers with
//! one command of one script, in whatever runtime, and behind no trait. [`Admission::decide`] turns the answer into a verdict;
//! nothing else gives out [`Verified`](crate::token::Verified) facts, and whoever lost the store says
//! [`Answer::Lost`], which refuses.
//!
//! One process alone needs no other store: [`Gate::admit`] does all of it with a [`RevocationList`] and a [`ReplayCache`],
//! both bounded in memory whatever the traffic.
//!
//! ```
//! use std::sync::Arc;
//! use valet_key::aws::{Endpoint, Expect, KeyRing, Region, SigV4, StaticKey, UrlRequest, Verifier};
//! use valet_key::gateway::{Gate, GateError, Provider, Revocation, RevocationList, SingleUse};
//! use valet_key::{clock::Timestamp, grant::Grant, view::RequestView};
//!
//! let now = Timestamp::from_unix(1_700_000_000)?;
//! let endpoint = Endpoint::aws(Region::new("eu-west-1")?);
//! let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
//! let url = key.presign(&UrlRequest::at(&endpoint, &Grant::read("photos", "42/cat.jpg"))?, now)?;
//!
//! let revoked = Arc::new(RevocationList::new(1000));
//! let verifier = Verifier::new(KeyRing::new().with(key), Expect::new("eu-west-1", "s3"));
//! let gate = Gate::aws(verifier, endpoint).single_use(SingleUse::Always).revocations(Arc::clone(&revoked));
//!
//! let headers: [(&str, &[u8]); 1] = [("host", b"photos.s3.eu-west-1.amazonaws.com")];
//! let target = url.expose().strip_prefix("https://photos.s3.eu-west-1.amazonaws.com").unwrap();
//! let view = RequestView::new("GET", target, &headers);
//! let (facts, _body) = gate.admit(&view, now)?.into_parts();
//! assert_eq!((facts.container(), facts.object()), ("photos", Some("42/cat.jpg")));
//!
//! // One use means one use.
//! assert_eq!(gate.admit(&view, now).unwrap_err(), GateError::Replayed);
//! // And whatever is revoked is refused before that is looked at.
//! revoked.revoke(&Revocation::under(Provider::Aws, "photos", "42/")?, now)?;
//! assert_eq!(gate.admit(&view, now).unwrap_err(), GateError::Revoked);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The checks come in this order, and nothing is stored on behalf of a request before its signature is accepted: size,
//! fields, algorithm, scope, time, signature, bounds, revocation, rate, replay.
//!
//! What a gate enforces, it enforces for the requests that pass it. A token that a cloud takes itself is not revoked here:
//! see [`Revocation`].

mod admission;
#[cfg(feature = "tower")]
mod body;
mod error;
mod facts;
mod gate;
#[cfg(feature = "tower")]
mod layer;
mod replay;
mod revocation;
mod sources;

pub use crate::grant::plan::Provider;

pub use self::{
    admission::{Admission, Admitted, Answer, BodyCheck, Question},
    error::{GateError, Refusal, StoreError},
    facts::Facts,
    gate::{Gate, Limit, SingleUse},
    replay::{ReplayCache, ReplayStore},
    revocation::{Revocation, RevocationError, RevocationList, RevocationStore, StoreKey},
};
#[cfg(feature = "tower")]
pub use self::{
    body::{BodyError, CheckedBody},
    layer::{Connection, GateLayer, GateService, Keeper, OwnStores},
};
