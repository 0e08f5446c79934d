//! The order of checks, what is trusted, and how to embed the crate. Documentation only.
//!
//! # What a verifier checks, in this order
//!
//! | step | what | where |
//! |---|---|---|
//! | size | target, parameters, header lines, values, before any work on them | [`Limits`](crate::view::Limits) |
//! | fields | one mechanism, each field once, each in its one form | [`Presented::parse`](crate::aws::Presented::parse) |
//! | algorithm | compared whole, never by prefix | the same |
//! | scope | region, service, and the date against the request time | [`Presented::check`](crate::aws::Presented::check) |
//! | time | lifetime 1 s to the maximum; from `date - skew` to `date + lifetime` | the same |
//! | host, path, payload mode | one reading, or refused | the same |
//! | signed headers | `host`, every `x-amz-*` that arrived, each name once and present | the same |
//! | signature | constant time | [`Pending::accept`](crate::aws::Pending::accept) |
//! | session token, end of the credential | told only to those whose signature held | the same |
//! | body | as it is read | [`PayloadCheck`](crate::aws::PayloadCheck) |
//!
//! Nothing is kept for a request before its signature was accepted.
//!
//! # Readings on which servers differ
//!
//! | question | default | option |
//! |---|---|---|
//! | a bare `+` in the query | refused | [`Plus`](crate::aws::Plus) |
//! | a path in another spelling than the one that is signed | refused | [`recode_path`](crate::aws::Expect::recode_path) |
//! | `%2F` in an S3 path | refused | none: it is not `/` |
//! | `.` and `..` segments | refused, issuing too | [`allow_dot_segments`](crate::aws::Expect::allow_dot_segments) |
//! | a reserved parameter in other letter case | refused | none |
//! | an upper-case signature or payload hash | refused | none |
//! | a `Date` header in place of `x-amz-date` | refused | none |
//! | `x-amz-content-sha256` that is not signed, on a presigned URL | the payload line stays `UNSIGNED-PAYLOAD`; the body is held to a plain hash, and a streaming mode is refused | none |
//! | a session token added after signing | refused | [`session_token`](crate::aws::Expect::session_token) |
//!
//! # Where Cloud Storage differs
//!
//! | question | what the verifier does | option |
//! |---|---|---|
//! | the port of `Host` | it is not part of what is signed, as in Google's conformance tests | [`sign_port`](crate::gcs::Expect::sign_port) |
//! | the location in the scope | any, as Google does | [`location`](crate::gcs::Expect::location) |
//! | `x-goog-*` headers | every one must be signed, `x-goog-content-sha256` too | none |
//! | `x-amz-*` beside `x-goog-*` | refused | none |
//! | `POST` | starts a resumable upload, with a signed `x-goog-resumable: start`, and does nothing else | none |
//! | a form field twice, in any letter case | refused | none |
//! | `${filename}` in the key of a form | put in before the conditions are looked at | [`template_keys`](crate::gcs::ExpectForm::template_keys) |
//! | a policy that leaves the bucket open | refused | none |
//! | several keys of one account | all are tried, 16 at most: a URL does not name its key | none |
//! | V2: which parameters are signed | the documented sub-resources | [`signed_query`](crate::gcs::LegacyExpect::signed_query) |
//!
//! # Embedding a verifier
//!
//! - Hand over the raw request target and the header lines as they arrived. A router that normalised the
//!   path before has already lost what was signed.
//! - Act on the [`Verified`](crate::token::Verified) value and on nothing else of the request.
//! - Route on [`SignedRequest::path`](crate::aws::SignedRequest::path).
//! - Write a body to a temporary place until [`PayloadCheck::finish`](crate::aws::PayloadCheck::finish)
//!   has agreed.
//! - Answer a refusal with [`S3Error`](crate::aws::S3Error), and log the
//!   [`VerifyError`](crate::error::VerifyError) and its `code`.
//!
//! # A key that lives elsewhere
//!
//! ```
//! use valet_key::aws::{Credential, SigV4, Signature, StaticKey, UrlRequest};
//! use valet_key::{clock::Timestamp, grant::Grant};
//! # let now = Timestamp::from_unix(1_700_000_000)?;
//! # let vault = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
//!
//! let request = UrlRequest::s3(&Grant::read("photos", "cat.jpg"), "eu-west-1")?;
//! let prepared = request.prepare(&Credential::new("AKIAIOSFODNN7EXAMPLE")?, now)?;
//! // In any runtime: HMAC-SHA256 of `prepared.string_to_sign()` with the key of `prepared.scope()`.
//! let signature: Signature = vault.sign(prepared.scope(), prepared.string_to_sign())?;
//! let url = prepared.finish(&signature);
//! assert_eq!(url.method(), "GET");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Cloud Storage through the S3 protocol
//!
//! An HMAC key of Google's also signs by Amazon's rules, with the service `s3` and the region `auto`. The
//! request then has `x-amz-*` headers and no `x-goog-*` ones.
//!
//! ```
//! use valet_key::aws::{Endpoint, Expect, Presented, Region, SigV4, StaticKey, UrlRequest};
//! use valet_key::{clock::Timestamp, grant::Grant, view::RequestView};
//! # let now = Timestamp::from_unix(1_700_000_000)?;
//!
//! let key = StaticKey::new("GOOG1EXAMPLE", "secret")?;
//! let google = Endpoint::custom("https://storage.googleapis.com", Region::new("auto")?)?;
//! let url = key.presign(&UrlRequest::at(&google, &Grant::read("photos", "cat.jpg"))?, now)?;
//! assert!(url.expose().starts_with("https://storage.googleapis.com/photos/cat.jpg?X-Amz-Algorithm=AWS4-HMAC-SHA256&"));
//!
//! let headers: [(&str, &[u8]); 1] = [("host", b"storage.googleapis.com")];
//! let target = url.expose().strip_prefix("https://storage.googleapis.com").unwrap();
//! let presented = Presented::parse(&RequestView::new("GET", target, &headers))?;
//! assert!(key.verify(presented, &Expect::new("auto", "s3"), now).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
