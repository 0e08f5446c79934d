//! The order of checks, the readings on which servers differ, and how to embed the crate. Documentation only.
//!
//! [`guide`] is the way through the crate by examples, [`mistakes`] what went wrong elsewhere.
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
//! | a body in signed chunks | refused, since its frames would be stored by who does not read them | [`allow_streams`](crate::aws::Expect::allow_streams) |
//! | a body in chunks that are not signed | refused: a checksum that anybody can compute is all that vouches for it | [`allow_unsigned_trailers`](crate::aws::Expect::allow_unsigned_trailers) |
//! | `UNSIGNED-PAYLOAD` for another service than S3 | refused | [`allow_unsigned_payload`](crate::aws::Expect::allow_unsigned_payload) |
//! | `X-Amz-Expires` of a URL for SQS or STS | 15 minutes from its date, whatever it says | [`max_lifetime`](crate::aws::Expect::max_lifetime) makes it less |
//! | a source of a copy, or another `x-amz-*` header that decides, in the query | [`s3_request`](crate::aws::SignedRequest::s3_request) refuses it | none |
//!
//! # Where other forms of AWS differ
//!
//! | question | what the verifier does | option |
//! |---|---|---|
//! | a form: `.` and `..` segments in the key | refused | [`allow_dot_segments`](crate::aws::ExpectForm::allow_dot_segments) |
//! | a form: a policy without an upper bound on the file | held to what S3 takes, 5 GiB | [`max_size`](crate::aws::ExpectForm::max_size) |
//! | a form: `bucket` among its fields | never decides; the bucket of the URL does | none |
//! | a form: a policy that leaves bucket, date, credential or algorithm open | refused | none |
//! | CloudFront: a token in the URL and another in cookies | refused | [`url_decides`](crate::aws::cloudfront::Expect::url_decides), as CloudFront does |
//! | CloudFront: several cookies of one name | refused | [`first_cookie_counts`](crate::aws::cloudfront::Expect::first_cookie_counts) |
//! | CloudFront: an `Authorization` line beside the token | refused | [`allow_authorization`](crate::aws::cloudfront::Expect::allow_authorization) |
//! | CloudFront: other methods than `GET` and `HEAD` | refused: a token says nothing of methods | [`any_method`](crate::aws::cloudfront::Expect::any_method) |
//! | CloudFront: the hash that a token names | must be that of the key | none |
//! | `SigV4a`: the larger of the two `s` of an ECDSA signature | accepted, as AWS does; replay goes by [`replay_key`](crate::aws::SignedRequest::replay_key) | none |
//! | a login token: a parameter that is not part of its login | refused | none |
//! | EKS: an endpoint of STS that is not of the list | refused | the list of [`EksAuthenticator::new`](crate::aws::auth_token::EksAuthenticator::new) |
//! | Signature Version 2: a parameter that it does not sign | refused | `LegacyExpect::allow_unsigned_query` |
//! | Signature Version 2: the host, which it does not sign | that of `LegacyExpect::new` | none |
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
//! | V2: which parameters are signed | the documented sub-resources | `LegacyExpect::signed_query` |
//!
//! # Where Azure differs
//!
//! | question | what the verifier does | option |
//! |---|---|---|
//! | the path | decoded, as it is signed; two spellings of one name are one request, so route on [`name`](crate::azure::SignedRequest::name) | none |
//! | `%2F` in a path | refused; the service reads a slash | [`escaped_slashes`](crate::azure::Expect::escaped_slashes) |
//! | a backslash in a path | refused: clients differ on what it is | none |
//! | `spr=https` | refused unless the caller says that the client came over HTTPS | [`over_https`](crate::view::RequestView::over_https) |
//! | `sip` | refused unless the caller gives the client's address; IPv4 only, as the service documents | [`from_address`](crate::view::RequestView::from_address) |
//! | a start in the future | refused to the second | [`skew`](crate::azure::Expect::skew) |
//! | versions before 2018-11-09 | refused, since they do not sign the kind of resource | [`oldest`](crate::azure::Expect::oldest) |
//! | a field in the token and in its stored policy | refused | none |
//! | a parameter that tokens of this kind and version do not sign | refused | none |
//! | permission letters | each once, in the order of the documentation or of the JavaScript client | none |
//! | `sduoid`, `suoid` | refused: who the user is and what his access control lists say is not in the token | [`identities_are_checked`](crate::azure::Expect::identities_are_checked) |
//! | the rights of whoever owns a user delegation key | not known here: the service also asks for them | none |
//! | `c` without `w` | accepted for what makes something new, and [`must_not_overwrite`](crate::azure::SignedRequest::must_not_overwrite) says that the caller has to look | none |
//! | batches, renames, access control lists of containers | no token allows them | none |
//! | queries of a table | accepted, and [`key_range`](crate::azure::SignedRequest::key_range) says what the answer has to be held to | none |
//!
//! A name can be made again: a token follows the name, not the blob that had it when the token was made.
//!
//! # What a signature costs
//!
//! Nearly all of it is SHA-256. A presigned URL for an object of S3 takes nine compressions, one of which is the same for all URLs of
//! one second and is done once for them; the first URL of a day takes eighteen more for the key of that day. A
//! [`Presigner`](crate::aws::Presigner) keeps what stays the same, and its [`presign_many`](crate::aws::Presigner::presign_many)
//! does so for a list of names. Clones of a presigner share nothing that is written to, so that threads do not wait for each other.
//!
//! The compressions are those of the crate `sha2`. It uses the SHA extensions of x86-64 and `AArch64` processors where it finds them
//! at run time, without any setting. What to expect where there are none is seen on a machine that has them with
//! `RUSTFLAGS='--cfg sha2_backend="soft"' cargo bench --bench aws`.
//!
//! # Published mistakes
//!
//! [`mistakes`] lists what went wrong elsewhere, with what is done here and the tests that show it.
//!
//! # Embedding a verifier
//!
//! - Hand over the raw request target and the header lines as they arrived. A router that normalised the
//!   path before has already lost what was signed.
//! - Act on the [`Verified`](crate::token::Verified) value and on nothing else of the request.
//! - Route on [`SignedRequest::path`](crate::aws::SignedRequest::path).
//! - Write a body to a temporary place until [`PayloadCheck::finish`](crate::aws::PayloadCheck::finish)
//!   has agreed. A body in chunks goes through [`SignedRequest::chunks`](crate::aws::SignedRequest::chunks), and only
//!   [`ChunkVerifier::finish`](crate::aws::ChunkVerifier::finish) says that it is whole.
//! - A form is read up to its file, in 20,480 bytes, and whatever stands behind the file is passed over; the bucket is the one that
//!   its URL names. The file is held to [`SignedForm::payload_check`](crate::aws::SignedForm::payload_check).
//! - On S3, ask [`SignedRequest::s3_request`](crate::aws::SignedRequest::s3_request) what the request does, and
//!   [`S3Request::covered_by`](crate::aws::S3Request::covered_by) whether its user may.
//! - Protect against replay by [`SignedRequest::replay_key`](crate::aws::SignedRequest::replay_key), not by the signature.
//! - Answer a refusal with [`S3Error`](crate::aws::S3Error), and log the
//!   [`VerifyError`](crate::error::VerifyError) and its `code`.
//!
//! # The life of a token
//!
//! ```text
//! Subject, Grant ──Issuer: Bounds, rate, signature, record──▶ Issued ──▶ client ──▶ cloud
//!                                                                            └───▶ Gate: signature, Bounds, revocation, rate, use
//! ```
//!
//! - A constraint that leaves no mark in a token is not enforced, and its [plan](crate::grant::plan) says so. What a caller
//!   [gives up](crate::grant::Grant::unenforced) counts as not said wherever limits are compared.
//! - Set [`Bounds`](crate::policy::Bounds) where the application is configured and let every grant pass them: a mistake in one
//!   handler then costs a refusal.
//! - [`Issuer`](crate::issuer::Issuer) writes the record before it hands out the token, and hands out nothing if that fails.
//! - A link that a browser follows sends no headers: put no signed header on it, so not the request id of Cloud Storage either.
//! - Save an [`UploadSession`](crate::upload::UploadSession), then act: what a crash leaves in doubt is looked at and never done twice.
//!   The session URI of a resumable upload is a secret, saved by `exposed` alone.
//! - Revocation works in a `gateway::Gate` and not in the cloud. For tokens that go to the cloud itself, revoke what signed them:
//!   disable the access key, delete the stored access policy, revoke the user delegation keys, remove the public key from its
//!   CloudFront key group.
//! - No cloud enforces a single use, and a gate does: say `behind_gate` of the endpoint that it serves, and sign with a key that the
//!   gate knows and the cloud does not, since S3 itself passes the mark over.
//! - Put the last revocation id of a [ticket](crate::ticket) on a list to revoke it with all that were made from it, and refuse every
//!   ticket one of whose ids is listed. Issue an exchanged grant at the time at which its ticket was redeemed.
//! - Send what is logged through [`redact`](mod@crate::redact): a URL in an error of an HTTP client is a token.
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

pub mod guide;
pub mod mistakes;
