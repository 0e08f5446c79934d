//! Least privilege: the upper limit that an application sets, and whether a grant lies within it.
//!
//! ```text
//! Grant ──Bounds::permits──▶ Decision: Allowed, or Refused with what was asked and what the limit is
//! Bounds ──Bounds::narrow(other)──▶ Bounds that permit what both permit
//! ```
//!
//! Bounds are not part of a token. Whoever issues one asks them first, whoever verifies one asks them again, since they may
//! have become narrower in between.
//!
//! # As configuration
//!
//! With the feature `serde`, grants and bounds are read and written in any of its formats. What is read goes through the same
//! constructors as what is made in code; unknown and repeated members are refused. Names are those of the methods and variants,
//! in `snake_case`. Lifetimes are seconds, times `2015-08-30T12:36:00Z`, digests lower-case hexadecimal. A grant must say
//! `actions`, `container` and `resource`, bounds must say `reach`; all else has the default of its constructor. A text has at
//! most 4,096 bytes, bounds at most 1,000 areas and 256 members in each other list.
//!
//! ```
//! # #[cfg(feature = "serde")] {
//! use valet_key::{grant::Grant, policy::Bounds};
//!
//! let bounds: Bounds = serde_json::from_str(r#"{
//!     "reach": [
//!         {"container": "media-uploads", "names": {"prefix": "users/42/"}, "actions": ["upload", "read"]},
//!         {"container": "media-uploads", "names": {"exact": "logo.png"}, "actions": ["read"]},
//!         {"container": "123456789012/jobs", "names": "all", "actions": ["send"]}
//!     ],
//!     "caps": {
//!         "public": {"seconds": 5400, "because": "films are long, ticket 4711"},
//!         "internal": {"seconds": 1800},
//!         "confidential": {"seconds": 600},
//!         "pii": {"seconds": 120}
//!     },
//!     "at_least": "internal",
//!     "client_addresses": ["198.51.100.0/24", "203.0.113.4-203.0.113.9", "2001:db8::/32"],
//!     "largest_upload": 5242880,
//!     "content_types": [{"prefix": "image/"}, {"exact": "application/pdf"}],
//!     "plain_http": null,
//!     "dot_segments": null,
//!     "justify": ["overwrite"]
//! }"#)?;
//! let grant: Grant = serde_json::from_str(r#"{
//!     "actions": ["upload"],
//!     "container": "media-uploads",
//!     "resource": {"object": {"name": "users/42/a.png"}},
//!     "lifetime": 600,
//!     "content_type": {"exact": "image/png"},
//!     "size": {"range": {"start": 1, "end": 48213}},
//!     "client_address": "198.51.100.7"
//! }"#)?;
//! assert_eq!(bounds.permits(&grant).code(), "bounds_unjustified"); // it may overwrite
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bounds;
mod decision;
mod permits;
mod reach;
#[cfg(all(feature = "std", any(feature = "aws", feature = "azure", feature = "gcs")))]
mod request;
#[cfg(feature = "serde")]
mod stored;
mod union;

#[cfg(all(feature = "std", any(feature = "aws", feature = "azure", feature = "gcs")))]
pub(crate) use self::request::{Asked, Brings};
pub use self::{
    bounds::Bounds,
    decision::{Broad, Decision, Refusal},
    union::Pattern,
};
pub(crate) use self::{
    bounds::has_dot_segment,
    permits::{BRINGS_CONTENT, SETS_CONTENT_TYPE},
};
