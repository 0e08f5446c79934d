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
//! # Published mistakes
//!
//! What went wrong elsewhere, what this crate does, and the test that says so. The number of a test is that of its rule.
//!
//! | published | what went wrong | what is done here | test |
//! |---|---|---|---|
//! | CVE-2026-41145 | of two mechanisms in one request, one was checked and the other obeyed | one mechanism, or refused | `tests/threats.rs`: `r01_two_mechanisms_at_once_are_refused` |
//! | CVE-2022-2385 | of two parameters that differ in letter case, the checker of an EKS token read one and STS the other | a parameter is there once in any letter case, and none is there that does not belong to the token | `tests/aws_tokens/threats.rs`: `r02_a_parameter_that_is_there_twice_is_refused_in_any_letter_case` and `r02_a_parameter_that_does_not_belong_to_the_token_is_refused` |
//! | CVE-2026-54330, CVE-2026-71191 | an unsigned `x-amz-copy-source` turned the URL of one upload into a read of any object | every `x-amz-*` header that arrives is signed, and a grant for a copy is a grant for its source | `tests/aws_operations/threats.rs`: `r09_the_source_of_a_copy_must_be_signed`, `r09_a_source_in_the_query_is_refused_although_it_is_signed`, `r09_a_source_belongs_to_a_copy_alone_and_is_read_in_one_way` and `r40_a_copy_is_covered_by_a_grant_for_the_same_source` |
//! | prefixes compared as text | a grant for `42` reached `420/` | a prefix ends at `/`, or says that it is open; a listing stays within it | `tests/aws_operations/threats.rs`: `r40_a_grant_covers_its_prefix_by_raw_text_and_whole_segments` and `r40_a_listing_is_covered_by_a_prefix_that_it_stays_within` |
//! | Keystone bug 1872737 | a missing time skipped the check of time | it is refused | `tests/threats.rs`: `r15_a_missing_time_is_refused` |
//! | CVE-2025-68671 | the signature was checked and the clock forgotten | good to the last second and no longer | `tests/threats.rs`: `r18_a_token_is_good_from_the_skew_before_to_its_last_second` |
//! | CVE-2026-44394, CVE-2020-25816 | a token outlived the credential that it came from | it ends with its credential, when it is issued and when it is verified | `tests/threats.rs`: `r20_no_token_outlives_its_credential` |
//! | CVE-2026-33322 | an algorithm was believed that the token named, not the key | the key has one algorithm; a token names that or is refused | `tests/sigv4a/threats.rs`: `r21_neither_algorithm_is_taken_for_the_other` and `r21_a_key_signs_only_what_belongs_to_its_algorithm` |
//! | Swift bug 1765834 | a signed hash was not held against the body | it is, as the body is read | `tests/threats.rs`: `r27_a_body_is_held_to_its_signed_hash` |
//! | CVE-2025-31489, CVE-2026-40344 | with a body in unsigned chunks, the signature of the head went unchecked too | the mode of a body is part of what was signed, and never a way around the signature | `tests/aws_streams/threats.rs`: `r28_the_mode_is_the_signed_one_and_only_where_it_was_allowed` and `r28_a_presigned_url_never_switches_to_a_stream` |
//! | versitygw#1147 | the signature of the last, empty chunk went unchecked | it is checked like every other, and so is that of a trailer | `tests/aws_streams/threats.rs`: `r29_the_last_chunk_is_verified_too` and `r30_a_signed_trailer_needs_its_signature` |
//! | aws-proxy#130 | bytes went on before their chunk was verified, and lengths did not have to agree | nothing comes out before its signature is right; the chunks add up to the signed length | `tests/aws_streams/threats.rs`: `r29_every_chunk_is_verified_before_it_is_handed_out` and `r29_the_sum_of_the_chunks_is_the_signed_length` |
//! | CVE-2026-49017 | input that ends before the last chunk kept the reader in a loop | the end of the input is an error | `tests/aws_streams/threats.rs`: `r29_the_end_of_the_input_is_not_the_end_of_the_body` |
//! | GHSA-v2ch-c8v8-fgr7 | the size of a chunk was not bounded | 1 to 16 digits, and no more than the announced length and the limit | `tests/aws_streams/threats.rs`: `r29_a_size_is_one_to_sixteen_hex_digits_and_bounded` |
//! | GHSA-w5fh-f8xh-5x3p | the conditions of a form were signed but not held to | every field is covered and every condition is met | `tests/aws_post/threats.rs`: `r31_every_field_is_covered_and_every_condition_is_met` |
//! | CVE-2023-43040, CVE-2023-28434 | a form field named another bucket than the one that was checked | the bucket of the URL is the one that is checked | `tests/aws_post/threats.rs`: `r32_the_bucket_of_the_url_decides` |
//! | s3s#616 | date and credential of a form were not fixed by its policy | algorithm, credential and date have equal conditions | `tests/aws_post/threats.rs`: `r33_whoever_signed_is_fixed_by_the_policy` |
//! | minio#11894 | a policy was read leniently | JSON is read in one way or not at all | `tests/aws_post/threats.rs`: `r34_a_policy_is_read_in_one_way_or_not_at_all` |
//! | minio-java#1174 | a quote in the name of an object wrote conditions of its own | policies are written by a writer that escapes | `tests/aws_post/threats.rs`: `r35_a_quote_in_a_name_stays_in_it` |
//! | CloudFront policies | several statements, names that occur twice, or a resource compared in part have two readings | exactly one statement, held against the whole URL without the token; network and address; `Policy` or `Expires` | `tests/cloudfront/threats.rs`: `r43_exactly_one_statement_without_a_second_reading`, `r43_the_resource_is_held_against_the_whole_url_without_the_token`, `r43_network_and_address` and `r43_policy_and_expires_are_exclusive` |
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
