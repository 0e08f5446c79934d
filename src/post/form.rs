//! A form that was signed, for whoever renders it.

use crate::{clock::Timestamp, secret::Secret};
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
