//! A form as it arrived.

use super::shown;
use crate::error::VerifyError;
use alloc::{string::String, vec::Vec};
use core::fmt;

/// The most fields that are read.
const MAX_FIELDS: usize = 100;

/// A form as it arrived: the bucket that its URL names, and the fields before the file.
///
/// Reading `multipart/form-data` is the caller's. Whatever comes behind the file is not part of the form, so a
/// reader stops there; more than one file is refused by it.
#[derive(Clone, Copy)]
pub struct FormView<'r> {
    bucket: &'r str,
    fields: &'r [(&'r str, &'r str)],
    file_name: Option<&'r str>,
    bytes_before_file: usize,
}

impl<'r> FormView<'r> {
    /// A form posted to the URL of that bucket. The URL decides: a `bucket` field never does.
    #[must_use]
    pub const fn new(bucket: &'r str, fields: &'r [(&'r str, &'r str)]) -> Self {
        Self { bucket, fields, file_name: None, bytes_before_file: 0 }
    }

    /// The name of the file as the client gave it, for a key that ends in `${filename}`.
    #[must_use]
    pub const fn file_name(mut self, name: &'r str) -> Self {
        self.file_name = Some(name);
        self
    }

    /// How many bytes of the body stood before the file, boundaries and part headers among them, where its reader
    /// counts them. S3 takes 20,480; without this, names and values alone are held to that. Cloud Storage documents
    /// no such limit, and there it has no effect.
    #[must_use]
    pub const fn bytes_before_file(mut self, bytes: usize) -> Self {
        self.bytes_before_file = bytes;
        self
    }

    /// How many bytes there were at least.
    pub(crate) fn size(&self) -> usize {
        let size = |(name, value): &(&str, &str)| name.len().saturating_add(value.len());
        self.fields.iter().map(size).fold(0, usize::saturating_add).max(self.bytes_before_file)
    }

    pub(crate) const fn bucket(&self) -> &'r str {
        self.bucket
    }

    pub(crate) const fn fields(&self) -> &'r [(&'r str, &'r str)] {
        self.fields
    }

    /// The name of the file without the folders that some browsers send before it.
    pub(crate) fn base_name(&self) -> Option<&'r str> {
        self.file_name.and_then(|name| name.rsplit(['/', '\\']).next())
    }

    /// The value of a field, by its name in any letter case.
    pub(crate) fn value(&self, name: &str) -> Option<&'r str> {
        self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// At most 100 fields, before anything looks at them.
    pub(crate) fn check_count(&self) -> Result<(), VerifyError> {
        if self.fields.len() > MAX_FIELDS {
            return Err(VerifyError::TooLarge { what: "form fields", found: self.fields.len(), limit: MAX_FIELDS });
        }
        Ok(())
    }

    /// Each field once, and none that breaks the line of a header or of a log.
    pub(crate) fn check_fields(&self) -> Result<(), VerifyError> {
        // A name that is there twice is read by some servers as its first and by others as its last value.
        let mut names: Vec<String> = self.fields.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(VerifyError::Malformed { what: "form", why: "a field is there twice" });
        }
        let broken = |text: &str| crate::encode::any(text.as_bytes(), |byte| matches!(byte, b'\r' | b'\n' | 0));
        if self.fields.iter().any(|(name, value)| broken(name) || broken(value)) {
            return Err(VerifyError::Malformed { what: "form", why: "a field holds CR, LF or NUL" });
        }
        Ok(())
    }
}

impl fmt::Debug for FormView<'_> {
    /// Values may hold a token or a customer's encryption key, so they are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormView")
            .field("bucket", &shown(self.bucket))
            .field("fields", &self.fields.len())
            .finish_non_exhaustive()
    }
}
