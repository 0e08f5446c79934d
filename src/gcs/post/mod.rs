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

mod conditions;
mod sign;
mod verify;

pub use self::{
    sign::{PostForm, PostPolicy, PreparedForm},
    verify::{ExpectForm, FormView, PendingForm, PresentedForm, SignedForm},
};

/// The fields that belong to the signer.
const POLICY: &str = "policy";
const KEY: &str = "key";
const ALGORITHM: &str = "x-goog-algorithm";
const CREDENTIAL: &str = "x-goog-credential";
const DATE: &str = "x-goog-date";
const SIGNATURE: &str = "x-goog-signature";
/// What a form's server replaces with the name of the file.
const FILE_NAME: &str = "${filename}";
