//! One URL after the other in which a single piece changes: what stands around it is hashed and written once.

use crate::{
    encode,
    mac::{Sha256, Sink},
};
use alloc::{string::String, vec::Vec};
use core::fmt;

/// A URL and its canonical request, each with a gap where the piece goes.
#[derive(Clone)]
pub struct Varied {
    /// Has taken in the canonical request before the piece.
    pub(super) hash: Sha256,
    /// The canonical request behind the piece.
    behind: Vec<u8>,
    pub(super) url_before: String,
    /// Up to the signature.
    pub(super) url_behind: String,
}

impl Varied {
    pub(crate) const fn new() -> Self {
        Self { hash: Sha256::new(), behind: Vec::new(), url_before: String::new(), url_behind: String::new() }
    }

    /// Begins anew in the same memory.
    pub(super) fn begin(&mut self) {
        self.hash = Sha256::new();
        self.url_before.clear();
    }

    /// Goes on with what the URL does not have.
    pub(super) fn put_signed(&mut self, bytes: &[u8]) {
        self.hash.put(bytes);
    }

    /// Goes on with what is in the URL as it is signed.
    pub(super) fn put_both(&mut self, text: &str) {
        self.hash.put(text.as_bytes());
        self.url_before.push_str(text);
    }

    /// What follows the piece: a separator, which is not the same in both, then the query, then what is signed alone.
    pub(super) fn end(&mut self, signed_separator: &str, separator: &str, query: &str, tail: &[u8]) {
        self.behind.clear();
        for part in [signed_separator.as_bytes(), query.as_bytes(), tail] {
            self.behind.extend_from_slice(part);
        }
        self.url_behind.clear();
        self.url_behind.push_str(separator);
        self.url_behind.push_str(query);
    }

    /// The digest of the canonical request with that piece, which is in canonical spelling.
    #[inline]
    pub(crate) fn digest(&self, piece: &str) -> [u8; 32] {
        let mut hash = self.hash.clone();
        hash.put(piece.as_bytes());
        hash.put(&self.behind);
        hash.finish()
    }

    /// Writes the URL with that piece, and makes room for a signature of that length.
    #[inline]
    pub(crate) fn write_url(&self, piece: &str, signature: usize, url: &mut String) {
        url.clear();
        url.reserve(self.url_before.len() + piece.len() + self.url_behind.len() + signature);
        url.push_str(&self.url_before);
        url.push_str(piece);
        url.push_str(&self.url_behind);
    }
}

impl fmt::Debug for Varied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Varied").finish_non_exhaustive()
    }
}

/// The end of a path that is an object's name, one name after the other.
#[derive(Clone)]
pub(crate) struct PathEnd {
    /// The beginning of the segment that the name goes on with, the slash before it included, and the encoded name.
    text: String,
    start: usize,
}

impl PathEnd {
    /// Behind an encoded beginning of the path.
    pub(crate) fn behind(beginning: &str) -> Self {
        let segment = beginning.rfind('/').and_then(|slash| beginning.get(slash..)).unwrap_or(beginning);
        Self { text: segment.into(), start: segment.len() }
    }

    pub(crate) fn set(&mut self, name: &str) {
        self.text.truncate(self.start);
        encode::push_path(&mut self.text, name);
    }

    /// The encoded name.
    pub(crate) fn as_str(&self) -> &str {
        self.text.get(self.start..).unwrap_or_default()
    }

    /// The segments that the name has a part in, each behind its slash.
    pub(crate) fn segments(&self) -> &str {
        &self.text
    }
}
