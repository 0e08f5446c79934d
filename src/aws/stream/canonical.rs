//! The bytes that are signed of a stream: one text for each chunk, and one for the trailer.
//!
//! ```text
//! AWS4-HMAC-SHA256-PAYLOAD \n date \n scope \n signature before \n hex(sha256("")) \n hex(sha256(chunk))
//! AWS4-HMAC-SHA256-TRAILER \n date \n scope \n signature before \n hex(sha256((name:value \n)*))
//! ```

use crate::{
    aws::{
        canonical::StringToSign,
        key::{Scope, ScopedKey, Signature},
    },
    encode,
    error::KeyError,
    mac::{self, Sha256, Sink},
    v4::payload::EMPTY_SHA256,
};
use alloc::vec::Vec;

/// How a signature stands in a frame: lower-case hex.
pub(super) const SIGNATURE_LENGTH: usize = 64;
pub(super) type SignatureText = [u8; SIGNATURE_LENGTH];

const CHUNK_ALGORITHM: &str = "AWS4-HMAC-SHA256-PAYLOAD";
const TRAILER_ALGORITHM: &str = "AWS4-HMAC-SHA256-TRAILER";

/// What all texts of one stream have in common.
#[derive(Clone)]
pub(super) struct Chain {
    pub(super) amz_date: [u8; 16],
    pub(super) scope: Scope,
}

impl Chain {
    /// The text of a chunk, in which [`set_previous`] and [`StringToSign::set_digest`] then put what changes
    /// from one chunk to the next.
    pub(super) fn chunk(&self, previous: &SignatureText) -> StringToSign {
        let mut text = self.begin(CHUNK_ALGORITHM, previous);
        text.put(EMPTY_SHA256.as_bytes());
        text.put_byte(b'\n');
        text.put(EMPTY_SHA256.as_bytes());
        StringToSign::of_piece(text)
    }

    /// The text of a trailer: its lines in the order in which they are sent.
    pub(super) fn trailer(&self, previous: &SignatureText, lines: &[(&str, &str)]) -> StringToSign {
        let mut hash = Sha256::new();
        for (name, value) in lines {
            hash.put(name.as_bytes());
            hash.put_byte(b':');
            hash.put(value.as_bytes());
            hash.put_byte(b'\n');
        }
        let mut text = self.begin(TRAILER_ALGORITHM, previous);
        text.put(&encode::hex_lower(&hash.finish()));
        StringToSign::of_piece(text)
    }

    fn begin(&self, algorithm: &str, previous: &SignatureText) -> Vec<u8> {
        let mut text = Vec::with_capacity(384);
        for piece in [algorithm.as_bytes(), &self.amz_date, self.scope.as_bytes(), previous] {
            text.put(piece);
            text.put_byte(b'\n');
        }
        text
    }
}

/// Puts another signature before a chunk.
pub(super) fn set_previous(chunk: &mut StringToSign, previous: &SignatureText) {
    // From its end the text of a chunk is two digests, each behind a line feed, and the signature before them.
    const BEHIND: usize = 2 * (1 + 64);
    let text = chunk.bytes_mut();
    let end = text.len().saturating_sub(BEHIND);
    if let Some(slot) = text.get_mut(..end).and_then(<[u8]>::last_chunk_mut) {
        *slot = *previous;
    }
}

/// Who says whether the signature of a piece is the right one: what another algorithm would bring of its own.
pub(super) trait Judge {
    fn agrees(&self, message: &StringToSign, presented: &SignatureText) -> Result<bool, KeyError>;
}

/// The key itself.
impl Judge for ScopedKey {
    fn agrees(&self, message: &StringToSign, presented: &SignatureText) -> Result<bool, KeyError> {
        // INVARIANT: the key is the one that the head of the request was verified with, so the scope is its own.
        self.sign_in_scope(message).agrees(message, presented)
    }
}

/// What somebody who has the key says that the signature is.
impl Judge for Signature {
    fn agrees(&self, _message: &StringToSign, presented: &SignatureText) -> Result<bool, KeyError> {
        Ok(mac::equal(&self.hex(), presented))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{SigV4, StaticKey};

    fn chain() -> Chain {
        let amz_date = *b"20130524T000000Z";
        Chain { amz_date, scope: Scope::from_parts(*b"20130524", "us-east-1", "s3").unwrap() }
    }

    fn sign(message: &StringToSign) -> SignatureText {
        let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap();
        key.sign(&chain().scope, message).unwrap().hex()
    }

    fn text(hex: &str) -> SignatureText {
        hex.as_bytes().try_into().unwrap()
    }

    /// The three chunks of the example in the Amazon S3 API Reference.
    #[test]
    fn each_chunk_is_signed_with_the_signature_before_it() {
        let seed = text("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
        let mut message = chain().chunk(&seed);
        for (length, expected) in [
            (65_536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
            (1_024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
            (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
        ] {
            message.set_digest(&Sha256::digest(&alloc::vec![b'a'; length]));
            let signature = sign(&message);
            assert_eq!(signature, text(expected), "{length}");
            set_previous(&mut message, &signature);
        }
        assert!(message.as_str().starts_with("AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n20130524/us-east-1/s3/"));
    }

    #[test]
    fn a_trailer_is_signed_line_by_line() {
        for (previous, lines, expected) in [
            // The example in the Amazon S3 API Reference.
            (
                "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
                &[("x-amz-checksum-crc32c", "sOO8/Q==")][..],
                "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435",
            ),
            // AWS Common Runtime, its test of trailing headers.
            (
                "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
                &[("first", "1st"), ("second", "2nd"), ("third", "3rd")],
                "df5735bd9f3295cd9386572292562fefc93ba94e80a0a1ddcbd652c4e0a75e6c",
            ),
        ] {
            assert_eq!(sign(&chain().trailer(&text(previous), lines)), text(expected));
        }
    }
}
