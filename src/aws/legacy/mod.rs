//! Presigned URLs of Signature Version 2, for those who still need them.
//!
//! ```text
//! METHOD \n Content-MD5 \n Content-Type \n Expires \n (x-amz-name:value \n)* /bucket/object[?sub-resources]
//! ```
//!
//! Version 2 signs little: neither the host nor the region nor most of the query, with SHA-1, and its text has no escapes.
//! Newer regions of S3 refuse it. It has no limit on its life; this crate holds it to that of Signature Version 4.
//!
//! Source: Amazon S3 User Guide, "Signing and authenticating REST requests"; what S3 was seen to sign of each parameter.

mod canonical;
mod sign;
mod verify;

pub use self::{
    canonical::{LegacySignature, LegacyStringToSign},
    sign::{LegacyPrepared, LegacyUrlRequest},
    verify::{LegacyExpect, LegacyPending, LegacyPresented, LegacySignedRequest},
};
