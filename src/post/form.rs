//! A form that was signed, for whoever renders it.

use crate::{clock::Timestamp, secret::Secret, token::Fingerprint};
use alloc::{string::String, vec::Vec};
use core::fmt;

/// A form that is itself the permission: whoever has its fields can upload.
#[derive(Clone)]
pub struct PostForm {
    pub(crate) url: String,
    pub(crate) fields: Vec<(String, Secret<String>)>,
    pub(crate) expires_at: Timestamp,
}

impl PostForm {
    /// Where the form is posted, as `multipart/form-data`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The fields of the form, in order, by name and value; the `file` comes last, behind them, since servers pass
    /// over whatever follows it. A field of which the policy fixes the beginning alone is the client's to add. Do not
    /// log them.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.expose().as_str()))
    }

    /// Names the form for audit and revocation, and is no permission: a verifier finds the same of a form that it accepts.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let named = |wanted| self.fields().find_map(|(name, value)| (name == wanted).then_some(value));
        let signature = named("x-amz-signature").or_else(|| named("x-goog-signature"));
        // INVARIANT: a form is signed by one of those two.
        signature
            .and_then(|digits| Fingerprint::of_hex(digits.as_bytes()))
            .unwrap_or_else(|| Fingerprint::of_whole(named("policy").unwrap_or_default()))
    }

    /// The last second at which an upload may begin.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

impl fmt::Debug for PostForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.fields.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("PostForm")
            .field("url", &self.url)
            .field("field_names", &names)
            .field("expires_at", &self.expires_at)
            .finish()
    }
}
