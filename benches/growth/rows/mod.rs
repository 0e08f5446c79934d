//! The worst inputs that we can think of, for everything that reads what a peer, a log or a service says.
//!
//! Each reader asserts how far its input got, so that no early refusal passes for a short time. Only what RSA and ECDSA decide is
//! left out: one such operation outweighs all reading around it.

#![expect(clippy::format_collect, reason = "what is read is made before anything is counted")]

mod aws;
mod azure;
mod gcs;
mod texts;

use valet_key::clock::Timestamp;
use valet_key::view::{HeaderLine, Limits};

/// A name, the smaller size in its own units, and what makes an input of a size.
pub(crate) type Row = (&'static str, usize, fn(usize) -> Input);

pub(crate) fn all() -> impl Iterator<Item = &'static Row> {
    [aws::ROWS, azure::ROWS, gcs::ROWS, texts::ROWS].into_iter().flatten()
}

/// An input, and what reads it.
pub(crate) struct Input {
    pub(crate) bytes: usize,
    /// Whether it is JSON, in which a list of numbers takes two bytes for each and is read as that many values.
    #[allow(dead_code, reason = "how much it allocates is another question than how long it takes")]
    pub(crate) is_json: bool,
    pub(crate) read: Box<dyn Fn()>,
}

impl Input {
    fn new(bytes: usize, read: impl Fn() + 'static) -> Self {
        Self { bytes, is_json: false, read: Box::new(read) }
    }

    fn json(bytes: usize, read: impl Fn() + 'static) -> Self {
        Self { is_json: true, ..Self::new(bytes, read) }
    }
}

fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000).unwrap()
}

/// As much as a verifier can be told to take.
fn widest() -> Limits {
    Limits::DEFAULT.target(usize::MAX).params(usize::MAX).header_lines(usize::MAX).signed_headers(usize::MAX)
}

/// Header lines, to be borrowed.
struct Lines(Vec<(String, Vec<u8>)>);

impl Lines {
    fn new(host: &str, more: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self(std::iter::once(("Host".to_owned(), host.as_bytes().to_vec())).chain(more).collect())
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    fn borrowed(&self) -> Vec<HeaderLine<'_>> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
    }
}

/// The fields of a form, to be borrowed.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn new<'f>(fields: impl Iterator<Item = (&'f str, &'f str)>) -> Self {
        Self(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The same with a signature that is wrong, and with more that nobody asked for.
    fn forged(mut self, signature: &str, count: usize) -> Self {
        self.0.iter_mut().find(|(name, _)| name == signature).unwrap().1 = "0".repeat(64);
        let more = (0..count).rev().map(|at| (format!("X-Ignore-{}-{at}", "a".repeat(30)), "${filename}".to_owned()));
        self.0.extend(more);
        self
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    fn borrowed(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

/// Parameters with `&` between each two.
fn joined(count: usize, param: impl Fn(usize) -> String) -> String {
    (0..count).map(param).collect::<Vec<_>>().join("&")
}
