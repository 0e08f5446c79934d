//! The text that a key signs: four short lines kept where they stand, or a longer text.

use crate::encode::{self, Inline};
use alloc::vec::Vec;

/// `N` is room for the lines of a request: algorithm, date, scope and digest with the line feeds between them.
#[derive(Clone)]
pub(crate) enum Message<const N: usize> {
    Request(Inline<N>),
    Long(Vec<u8>),
}

impl<const N: usize> Message<N> {
    /// Of a request, given the digest of its canonical form.
    pub(crate) fn of_request(algorithm: &str, date: &[u8; 16], scope: &[u8], digest: &[u8; 32]) -> Self {
        let mut text = Inline::new();
        let digest = encode::hex_lower(digest);
        let pieces: [&[u8]; 7] = [algorithm.as_bytes(), b"\n", date, b"\n", scope, b"\n", &digest];
        for piece in pieces {
            // INVARIANT: the capacity is the sum of the longest pieces.
            let _ = text.push(piece);
        }
        Self::Request(text)
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Request(text) => text.bytes_mut(),
            Self::Long(text) => text,
        }
    }

    /// Puts another digest at its end.
    pub(crate) fn set_digest(&mut self, digest: &[u8; 32]) {
        if let Some(slot) = self.bytes_mut().last_chunk_mut::<64>() {
            *slot = encode::hex_lower(digest);
        }
    }

    /// What stands before the digest at its end.
    pub(crate) fn before_digest(&self) -> &[u8] {
        self.as_bytes().split_last_chunk::<64>().map_or(&[], |(before, _)| before)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Request(text) => text.bytes(),
            Self::Long(text) => text,
        }
    }
}
