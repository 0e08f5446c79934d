//! Short-lived, narrowly scoped cloud tokens: issued and verified, without I/O.
//!
//! In the Valet Key pattern a server never touches file bytes. It authorises a user, then hands the
//! client a token for one action on one object, and the client talks to the cloud directly. This crate
//! makes those tokens and checks them. It speaks AWS Signature Version 4 with its forms, streams and logins, CloudFront,
//! the shared access signatures of Azure, and Google Cloud Storage V4.
//!
//! ```text
//! issue    Grant ──▶ Request ──prepare(identity, now)──▶ Prepared ──finish(signature)──▶ Token
//! verify   bytes ──parse──▶ Presented ──check(expect, now)──▶ Pending ──accept(signature)──▶ Verified
//! ```
//!
//! Around the two lines stand [`policy`] with the limits of an application, `issuer` and `gateway` with what a service needs
//! beside a key, `upload` for large files, `multi` for several clouds, and [`ticket`], [`redact`](mod@redact) and [`explain`].
//! [`manual::guide`] goes through them by examples, [`manual`] says what a verifier checks and where servers differ.
//!
//! Each arrow is one function, each noun is one type, and nothing opens a socket, reads a clock or needs
//! a runtime. A key can therefore live anywhere: the two halves of either line are all that a remote
//! signer needs.
//!
//! ```
//! use valet_key::aws::{Expect, KeyRing, SigV4, StaticKey, UrlRequest, Verifier};
//! use valet_key::{clock::Timestamp, grant::Grant, view::RequestView};
//!
//! let now = Timestamp::from_unix(1_700_000_000)?;
//!
//! // Issue: one action, one object, 15 minutes.
//! let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
//! let grant = Grant::read("photos", "2026/cat.jpg");
//! let url = key.presign(&UrlRequest::s3(&grant, "eu-west-1")?, now)?;
//!
//! // Verify: the request as it arrived, untouched.
//! let verifier = Verifier::new(KeyRing::new().with(key), Expect::new("eu-west-1", "s3"));
//! let target = url.expose().strip_prefix("https://photos.s3.eu-west-1.amazonaws.com").unwrap();
//! let headers: [(&str, &[u8]); 1] = [("host", b"photos.s3.eu-west-1.amazonaws.com")];
//! let verified = verifier.verify(&RequestView::new("GET", target, &headers), now)?;
//! assert_eq!(verified.decoded_path()?, "/2026/cat.jpg");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Promises
//!
//! 1. A restriction that was asked for is enforced by the token, or issuing fails with
//!    [`IssueError::NotEnforceable`](error::IssueError::NotEnforceable).
//! 2. What a verifier accepts, the cloud would accept too. Where servers differ, the stricter reading is
//!    the default and a named option relaxes it.
//! 3. No secret, computed signature or whole token reaches a `Debug`, an error or a panic.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `std` | yes | the system clock, conversions from `std::time`, a cache of derived keys in [`aws::StaticKey`], [`gateway`], the stores and sinks of [`issuer`], the counters of [`metrics`] |
//! | `aws` | yes | [`aws`]: Signature Version 4, POST policies, SQS, STS, login tokens, CloudFront |
//! | `azure` | yes | [`azure`]: shared access signatures of storage and messaging, Shared Key |
//! | `gcs` | yes | [`gcs`]: Google Cloud Storage V4, POST policies |
//! | `checksums` | yes | [`aws::Checksum`]: CRC-32, CRC-32C and CRC-64/NVME in the trailer of a payload stream |
//! | `rsa` | no | `gcs::ServiceAccountKey` and `gcs::PublicKey`, RSA keys of [`aws::cloudfront`]: RSA in this process |
//! | `ecdsa` | no | ECDSA keys on P-256 of [`aws::cloudfront`] in this process |
//! | `sigv4a` | no | `aws::v4a`: requests signed with ECDSA on P-256, good in a set of regions |
//! | `legacy` | no | `aws::LegacyUrlRequest` and `gcs::LegacyUrlRequest`: V2 signed URLs, some of them with SHA-1; CloudFront policies with SHA-1 |
//! | `http` | no | `view::HttpHead`: a request view from the parts of an `http::Request` |
//! | `serde` | no | `Serialize` and `Deserialize` of [`grant::Grant`] and [`policy::Bounds`], of what they hold, and of [`upload::UploadSession`] |
//! | `tower` | no | `gateway::GateLayer`: the gate in front of an HTTP service, for axum, hyper and what else speaks `tower` |
//!
//! Without `std` the crate needs `alloc` alone.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "aws", feature = "azure", feature = "gcs")),
    allow(dead_code, unreachable_pub, reason = "what the providers share has parts that one of them does not use")
)]
#![cfg_attr(
    not(all(
        feature = "std",
        feature = "aws",
        feature = "azure",
        feature = "gcs",
        feature = "sigv4a",
        feature = "serde",
        feature = "tower"
    )),
    allow(rustdoc::broken_intra_doc_links, reason = "the guide names what a build with fewer features leaves out")
)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo,
        clippy::unimplemented,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::get_unwrap
    )
)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "azure")]
pub mod azure;
pub mod clock;
mod encode;
pub mod error;
#[cfg(any(feature = "aws", feature = "azure", feature = "gcs"))]
pub mod explain;
#[cfg(all(feature = "std", any(feature = "aws", feature = "azure", feature = "gcs")))]
pub mod gateway;
#[cfg(feature = "gcs")]
pub mod gcs;
pub mod grant;
mod head;
pub mod issuer;
mod json;
pub mod lifetime;
mod mac;
pub mod manual;
pub mod metrics;
#[cfg(any(feature = "aws", feature = "azure", feature = "gcs"))]
pub mod multi;
mod network;
mod origin;
pub mod policy;
#[cfg(any(feature = "aws", feature = "gcs"))]
mod post;
pub mod redact;
#[cfg(feature = "rsa")]
mod rsa;
mod scan;
pub mod secret;
mod target;
pub mod ticket;
pub mod token;
pub mod upload;
#[cfg(all(feature = "legacy", any(feature = "aws", feature = "gcs")))]
mod v2;
#[cfg(any(feature = "aws", feature = "gcs"))]
mod v4;
pub mod view;
#[cfg(any(feature = "aws", feature = "azure", feature = "gcs"))]
mod xml;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
