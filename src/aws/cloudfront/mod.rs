//! Amazon CloudFront: signed URLs and signed cookies, issued and verified.
//!
//! ```text
//! issue    Grant ──▶ PolicyRequest ──prepare(credential, now)──▶ Prepared ──finish(signature)──▶ SignedPolicy ──▶ BearerUrl, SignedCookies
//! verify   RequestView ──parse──▶ Presented ──check(credential, expect, now)──▶ Pending ──accept_public(key)──▶ Verified<SignedRequest>
//! ```
//!
//! What is signed is a policy: a URL or a pattern of URLs, an end, and if need be a start and a network of clients. A *canned*
//! policy has a URL and an end only and is not sent, since the edge can write it again; a *custom* one is sent. Nothing else
//! is signed: no method, no header, no body.
//!
//! Keys are RSA with 2,048 bits or ECDSA on P-256, in this process (features `rsa` and `ecdsa`) or anywhere else through
//! [`PolicyRequest::prepare`] and [`Prepared::finish`]. The hash is SHA-256, which tokens name; SHA-1, which they do not, is
//! behind the feature `legacy`.
//!
//! Source: CloudFront Developer Guide, "Serve private content with signed URLs and signed cookies".

mod answer;
mod canonical;
mod cookie;
#[cfg(feature = "ecdsa")]
mod ecdsa;
mod fields;
mod key;
mod pattern;
mod policy;
mod request;
#[cfg(any(feature = "rsa", feature = "ecdsa"))]
mod ring;
mod sign;
mod verify;

pub use crate::network::{Network, NotANetwork};

pub use self::{
    answer::CloudFrontError,
    canonical::PolicyToSign,
    cookie::{CookieScope, SignedCookies},
    fields::Carrier,
    key::{Credential, Hash, KeyKind, Signature},
    pattern::{NotAPattern, Pattern},
    request::{Distribution, PolicyRequest},
    sign::{PolicyDocument, Prepared, SignedPolicy},
    verify::{Expect, Pending, Presented, SignedRequest},
};
#[cfg(any(feature = "rsa", feature = "ecdsa"))]
pub use self::{
    key::{PublicKey, SigningKey},
    ring::{KeyRing, Verifier},
};
