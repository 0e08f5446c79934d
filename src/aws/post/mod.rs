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
mod fields;
mod grant;
mod sign;
mod verify;

pub use self::{
    expect::ExpectForm,
    sign::{PostPolicy, PreparedForm},
    verify::{PendingForm, PresentedForm, SignedForm},
};
pub use crate::post::{form::PostForm, view::FormView};

/// The most bytes that S3 takes of a form before its file.
///
/// Source: Amazon S3 API Reference, "POST Object" and "Error responses".
const MAX_FORM_DATA: usize = 20_480;
/// The largest file that S3 takes in one POST: 5 GiB.
///
/// Source: Amazon S3 User Guide, "Uploading objects".
const MAX_FILE: u64 = 5 << 30;
