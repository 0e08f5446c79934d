//! V4 POST policies: what a browser form may upload, issued and verified.
//!
//! ```text
//! issue    Grant ──▶ PostPolicy ──prepare(credential, now)──▶ PreparedForm ──finish(signature)──▶ PostForm
//! verify   FormView ──parse──▶ PresentedForm ──check(credential, expect, now)──▶ PendingForm ──accept(signature)──▶ Verified<SignedForm>
//! ```
//!
//! One description yields the fields and the conditions, so that neither is ever written without the
//! other.
//!
//! Source: Cloud Storage documentation, "POST object" and "Signatures with policy documents".

mod sign;
mod verify;

pub use self::{
    sign::{PostPolicy, PreparedForm},
    verify::{ExpectForm, PendingForm, PresentedForm, SignedForm},
};
pub use crate::post::{form::PostForm, view::FormView};

use crate::post::{Rules, is_extension};

/// The fields that belong to the signer.
const POLICY: &str = "policy";
const KEY: &str = "key";
const ALGORITHM: &str = "x-goog-algorithm";
const CREDENTIAL: &str = "x-goog-credential";
const DATE: &str = "x-goog-date";
const SIGNATURE: &str = "x-goog-signature";

const RULES: Rules =
    Rules { is_field, takes_prefix: |_| true, absent_is_empty: true, odd_is_unmet: false, fraction: 1..=9 };

/// Whether a form can have a field of this name, beside the file, the policy and its signature.
///
/// Source: Cloud Storage documentation, "POST object", form fields.
fn is_field(name: &str) -> bool {
    const FIELDS: [&str; 12] = [
        "acl",
        "bucket",
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-md5",
        "content-type",
        "expires",
        "key",
        "success_action_redirect",
        "success_action_status",
    ];
    is_extension(name, "x-goog-") || FIELDS.iter().any(|field| name.eq_ignore_ascii_case(field))
}
