//! POST policies: what a browser form may upload to S3, issued and verified.
//!
//! ```text
//! issue    Grant ──▶ PostPolicy ──prepare(credential, now)──▶ PreparedForm ──finish(signature)──▶ PostForm
//! verify   FormView ──parse──▶ PresentedForm ──check(credential, expect, now)──▶ PendingForm ──accept(signature)──▶ Verified<SignedForm>
//! ```
//!
//! One description yields the fields and the conditions, so that neither is ever written without the
//! other.
//!
//! Source: Amazon S3 API Reference, "Browser-Based Uploads Using POST (AWS Signature Version 4)",
//! "Creating a POST Policy" and "POST Object".

mod expect;
mod grant;
mod sign;
mod verify;

pub use self::{
    expect::ExpectForm,
    sign::{PostForm, PostPolicy, PreparedForm},
    verify::{PendingForm, PresentedForm, SignedForm},
};
pub use crate::post::view::FormView;

use super::canonical::SECURITY_TOKEN;
use crate::post::{Rules, is_extension};

/// The fields that belong to the signer.
const POLICY: &str = "policy";
const KEY: &str = "key";
const BUCKET: &str = "bucket";
const FILE: &str = "file";
const ALGORITHM_FIELD: &str = "x-amz-algorithm";
const CREDENTIAL: &str = "x-amz-credential";
const DATE: &str = "x-amz-date";
const SIGNATURE: &str = "x-amz-signature";
const SIZE: &str = "content-length-range";

const RULES: Rules = Rules { is_field, takes_prefix, absent_is_empty: false, odd_is_unmet: true, fraction: 3..=3 };

/// The most bytes that S3 takes of a form before its file.
///
/// Source: Amazon S3 API Reference, "POST Object" and "Error responses".
const MAX_FORM_DATA: usize = 20_480;
/// The largest file that S3 takes in one POST: 5 GiB.
///
/// Source: Amazon S3 User Guide, "Uploading objects".
const MAX_FILE: u64 = 5 << 30;

fn is(name: &str, fields: &[&str]) -> bool {
    fields.iter().any(|field| name.eq_ignore_ascii_case(field))
}

/// Fields that a condition may ask a beginning of, beside user metadata.
const PREFIXED: [&str; 9] = [
    "acl",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-type",
    "expires",
    KEY,
    "redirect",
    "success_action_redirect",
];

/// Whether a form can have a field of this name, beside the file, the policy and its signature.
///
/// Source: Amazon S3 API Reference, "POST Object", form fields.
fn is_field(name: &str) -> bool {
    is(name, &PREFIXED) || is(name, &[BUCKET, "success_action_status", "tagging"]) || is_extension(name, "x-amz-")
}

/// Source: Amazon S3 API Reference, "Creating a POST Policy", the table of conditions.
fn takes_prefix(name: &str) -> bool {
    is(name, &PREFIXED) || is_extension(name, "x-amz-meta-")
}
