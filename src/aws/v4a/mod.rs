//! `SigV4a`: the same requests, signed with ECDSA on P-256 and good in a set of regions.
//!
//! ```text
//! issue    Grant ──▶ UrlRequest ──prepare_v4a(credential, now)──▶ Prepared ──finish(signature)──▶ BearerUrl
//! verify   RequestView ──parse──▶ Presented ──check(credential, expect, now)──▶ Pending ──accept_public(key)──▶ Verified<SignedRequest>
//! ```
//!
//! The canonical request is that of Signature Version 4. The key pair is derived from the secret access key once and for
//! all, so a verifier needs only the public half, and the scope names no region: the regions are listed in
//! `X-Amz-Region-Set`, which is signed.
//!
//! An ECDSA signature is malleable: from `(r, s)` anybody makes `(r, -s)`, which is as good. AWS takes both, and half of
//! what its libraries sign has the larger `s`, so both are accepted here. Replay protection must therefore go by
//! [`SignedRequest::replay_key`](super::SignedRequest::replay_key) and never by the text of a signature.
//!
//! ```
//! use valet_key::aws::{Expect, RegionSet, UrlRequest, v4a};
//! use valet_key::{clock::Timestamp, grant::Grant, view::RequestView};
//!
//! let now = Timestamp::from_unix(1_700_000_000)?;
//! let key = v4a::StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
//! let request = UrlRequest::s3(&Grant::read("photos", "cat.jpg"), "eu-west-1")?
//!     .region_set(RegionSet::new("eu-west-1,eu-central-1")?);
//! let url = key.presign(&request, now)?;
//!
//! // The verifier has the public half alone.
//! let ring = v4a::KeyRing::new().with(key.credential().clone(), key.public_key());
//! let target = url.expose().strip_prefix("https://photos.s3.eu-west-1.amazonaws.com").unwrap();
//! let headers: [(&str, &[u8]); 1] = [("host", b"photos.s3.eu-west-1.amazonaws.com")];
//! let presented = v4a::Presented::parse(&RequestView::new("GET", target, &headers))?;
//! let verified = ring.verify(presented, &Expect::new("eu-central-1", "s3"), now)?;
//! assert_eq!(verified.decoded_path()?, "/cat.jpg");
//! assert_eq!(verified.region_set(), Some("eu-west-1,eu-central-1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Source: AWS Identity and Access Management User Guide, "AWS Signature Version 4 for API requests"; AWS Common Runtime
//! (aws-c-auth) for the derivation of the key.

mod key;
mod ring;
mod sign;
mod verify;

pub use self::{
    key::{PublicKey, Signature, StaticKey},
    ring::KeyRing,
    sign::{Prepared, PreparedHeaders},
    verify::{Pending, Presented},
};
