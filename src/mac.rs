//! SHA-256 and HMAC with a reusable key, and the crate's one constant-time comparison.
//!
//! Signing a short message costs only a handful of SHA-256 compressions, so the layers around them
//! would be most of the work. This module therefore drives the compression function of `sha2`
//! directly: nothing but padding and block boundaries is written here, and the tests hold both
//! against the `hmac` and `sha2` crates for every length around a block boundary.
//!
//! Source: FIPS 180-4 (SHA-256), RFC 2104 and RFC 4231 (HMAC and its test cases).

use alloc::boxed::Box;
use core::ops::Range;
use ctutils::CtEq;
use sha2::block_api::compress256;
use zeroize::Zeroize;

const BLOCK: usize = 64;
const INNER_PAD: u8 = 0x36;
const OUTER_PAD: u8 = 0x5c;

const INITIAL_STATE: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Somewhere that signed bytes go: a hash, or a buffer when a person wants to read them.
pub(crate) trait Sink {
    fn put(&mut self, bytes: &[u8]);

    /// One byte, which is what most separators are.
    fn put_byte(&mut self, byte: u8) {
        self.put(&[byte]);
    }

    /// A piece of a longer text, which is cheaper to copy where more of it may be copied.
    #[inline]
    fn put_part(&mut self, text: &[u8], part: Range<usize>) {
        self.put(text.get(part).unwrap_or_default());
    }

    /// So many line feeds, which is what most empty lines are.
    #[inline]
    fn put_line_feeds(&mut self, count: usize) {
        for _ in 0..count {
            self.put_byte(b'\n');
        }
    }
}

impl Sink for alloc::vec::Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A text of at most `N` bytes that is written piece by piece where it stands.
pub(crate) struct Text<const N: usize> {
    bytes: [u8; N],
    /// More than `N` once something had no room.
    length: usize,
}

impl<const N: usize> Text<N> {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; N], length: 0 }
    }

    /// What was written, if there was room for it.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        self.bytes.get(..self.length)
    }

    /// Room for `M` bytes, of which `count` are to stay; the others are overwritten or left out.
    #[inline]
    fn room<const M: usize>(&mut self, count: usize) -> Option<&mut [u8; M]> {
        let room = self.bytes.get_mut(self.length..)?.first_chunk_mut()?;
        self.length += count;
        Some(room)
    }
}

impl<const N: usize> Sink for Text<N> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let end = self.length.saturating_add(bytes.len());
        if let Some(slot) = self.bytes.get_mut(self.length..end) {
            slot.copy_from_slice(bytes);
        }
        self.length = end;
    }

    #[inline]
    fn put_byte(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
        }
        self.length = self.length.saturating_add(1);
    }

    #[inline]
    fn put_part(&mut self, text: &[u8], part: Range<usize>) {
        // Sixteen bytes at a time are a load and a store, whatever their number is a call.
        let mut start = part.start;
        while start < part.end
            && let Some(sixteen) = text.get(start..).and_then(<[u8]>::first_chunk::<16>)
            && let Some(room) = self.room(sixteen.len().min(part.end - start))
        {
            *room = *sixteen;
            start += sixteen.len();
        }
        if start < part.end {
            self.put(text.get(start..part.end).unwrap_or_default());
        }
    }

    #[inline]
    fn put_line_feeds(&mut self, count: usize) {
        if count <= 8
            && let Some(room) = self.room(count)
        {
            *room = [b'\n'; 8];
            return;
        }
        for _ in 0..count {
            self.put_byte(b'\n');
        }
    }
}

/// An incremental SHA-256.
#[derive(Clone)]
pub(crate) struct Sha256 {
    state: [u32; 8],
    block: [u8; BLOCK],
    /// Bytes waiting in `block`. INVARIANT: less than `BLOCK` between calls.
    filled: usize,
    /// Bytes taken in so far.
    length: u64,
}

impl Sha256 {
    pub(crate) const fn new() -> Self {
        Self { state: INITIAL_STATE, block: [0; BLOCK], filled: 0, length: 0 }
    }

    /// Goes on from a state that has already swallowed one block.
    const fn after_one_block(state: [u32; 8]) -> Self {
        Self { state, block: [0; BLOCK], filled: 0, length: BLOCK as u64 }
    }

    /// The SHA-256 of one piece.
    pub(crate) fn digest(bytes: &[u8]) -> [u8; 32] {
        let mut hash = Self::new();
        hash.put(bytes);
        hash.finish()
    }

    pub(crate) fn finish(mut self) -> [u8; 32] {
        let room = self.block.get_mut(self.filled..).unwrap_or_default();
        let space = room.len();
        if let Some((marker, rest)) = room.split_first_mut() {
            *marker = 0x80;
            rest.fill(0);
        }
        // The marker and the length in bits need nine bytes.
        if space < 9 {
            compress256(&mut self.state, core::slice::from_ref(&self.block));
            self.block.fill(0);
        }
        if let Some(bits) = self.block.last_chunk_mut::<8>() {
            *bits = self.length.wrapping_mul(8).to_be_bytes();
        }
        compress256(&mut self.state, core::slice::from_ref(&self.block));
        to_bytes(&self.state)
    }
}

impl Sink for Sha256 {
    #[inline]
    fn put_byte(&mut self, byte: u8) {
        if self.filled == BLOCK - 1 {
            return self.put(&[byte]);
        }
        if let Some(slot) = self.block.get_mut(self.filled) {
            *slot = byte;
        }
        self.filled += 1;
        self.length = self.length.wrapping_add(1);
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.length = self.length.wrapping_add(bytes.len() as u64);
        let mut bytes = bytes;
        if self.filled > 0 {
            let take = bytes.len().min(BLOCK - self.filled);
            let (head, rest) = bytes.split_at(take);
            if let Some(slot) = self.block.get_mut(self.filled..self.filled + take) {
                slot.copy_from_slice(head);
            }
            self.filled += take;
            if self.filled < BLOCK {
                return;
            }
            compress256(&mut self.state, core::slice::from_ref(&self.block));
            self.filled = 0;
            bytes = rest;
        }
        let (blocks, tail) = bytes.as_chunks::<BLOCK>();
        if !blocks.is_empty() {
            compress256(&mut self.state, blocks);
        }
        if let Some(slot) = self.block.get_mut(..tail.len()) {
            slot.copy_from_slice(tail);
        }
        self.filled = tail.len();
    }
}

fn to_bytes(state: &[u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (slot, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *slot = word.to_be_bytes();
    }
    bytes
}

/// An HMAC-SHA256 key whose two padded blocks are already hashed: the inner and the outer one.
///
/// The states are as secret as the key, so they are wiped on drop, and stay where they were made: when a list of keys grows, or
/// one is taken out of it, what is left behind is no more than an address.
#[derive(Clone)]
pub(crate) struct HmacKey(Box<[[u32; 8]; 2]>);

impl HmacKey {
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut keyed = Self(Box::new([INITIAL_STATE; 2]));
        keyed.set(key);
        keyed
    }

    /// Becomes the key of these bytes.
    pub(crate) fn set(&mut self, key: &[u8]) {
        let mut padded = [0; BLOCK];
        if key.len() > BLOCK {
            // SPEC: RFC 2104 section 2, a key longer than a block is hashed first.
            if let Some(slot) = padded.first_chunk_mut::<32>() {
                *slot = Sha256::digest(key);
            }
        } else if let Some(slot) = padded.get_mut(..key.len()) {
            slot.copy_from_slice(key);
        }
        // One block is wiped, whichever pad it has at the time.
        for (state, pad) in self.0.iter_mut().zip([INNER_PAD, INNER_PAD ^ OUTER_PAD]) {
            for byte in &mut padded {
                *byte ^= pad;
            }
            *state = INITIAL_STATE;
            compress256(state, core::slice::from_ref(&padded));
        }
        padded.zeroize();
    }

    pub(crate) fn mac(&self, message: &[u8]) -> [u8; 32] {
        self.mac_of(|inner| inner.put(message))
    }

    /// The same of a message that is written where it is hashed.
    #[inline]
    pub(crate) fn mac_of(&self, write: impl FnOnce(&mut Sha256)) -> [u8; 32] {
        let [inner, outer] = &*self.0;
        let mut inner = Sha256::after_one_block(*inner);
        write(&mut inner);
        outer_hash(outer, inner)
    }

    /// Begins a message that has the same beginning every time, in the memory of one that is over if there is one.
    pub(crate) fn begin(&self, beginning: &[u8], over: Option<BegunMac>) -> BegunMac {
        let [inner, outer] = &*self.0;
        let states = (Sha256::after_one_block(*inner), *outer);
        let mut begun = match over {
            Some(mut over) => {
                *over.0 = states;
                over
            }
            None => BegunMac(Box::new(states)),
        };
        begun.0.0.put(beginning);
        begun
    }
}

/// The outer hash, which is always one block: the inner digest, and padding for 96 bytes, 768 bits.
#[inline]
fn outer_hash(outer: &[u32; 8], inner: Sha256) -> [u8; 32] {
    let mut block = [0; BLOCK];
    if let Some((digest, padding)) = block.split_first_chunk_mut::<32>() {
        *digest = inner.finish();
        if let [marker, .., high, low] = padding {
            *marker = 0x80;
            [*high, *low] = 768u16.to_be_bytes();
        }
    }
    let mut state = *outer;
    compress256(&mut state, core::slice::from_ref(&block));
    to_bytes(&state)
}

impl Drop for HmacKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// An HMAC whose message has begun, in the way in which many messages begin; whole blocks of the beginning are hashed once
/// for all of them.
///
/// The inner hash that has begun and the state of the outer pad: as secret as the key, so they are kept as its states are.
#[derive(Clone)]
pub(crate) struct BegunMac(Box<(Sha256, [u32; 8])>);

impl BegunMac {
    /// The MAC of the message that ends like this.
    #[inline]
    pub(crate) fn mac(&self, end: &[u8]) -> [u8; 32] {
        let (inner, outer) = &*self.0;
        let mut inner = inner.clone();
        inner.put(end);
        outer_hash(outer, inner)
    }
}

impl Drop for BegunMac {
    fn drop(&mut self) {
        let (inner, outer) = &mut *self.0;
        inner.state.zeroize();
        outer.zeroize();
    }
}

/// Whether two byte strings are equal, in time that depends on their lengths alone.
pub(crate) fn equal(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).to_bool()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{KeyInit, Mac};
    use sha2::Digest;

    #[test]
    fn sha256_equals_the_sha2_crate_around_every_block_boundary() {
        let bytes: alloc::vec::Vec<u8> = (0..=255u8).cycle().map(|i| i.wrapping_mul(7)).take(400).collect();
        for length in 0..bytes.len() {
            for cut in [0, 1, 63, 64, 65, length / 2] {
                let (head, tail) = bytes[..length].split_at(cut.min(length));
                let mut ours = Sha256::new();
                ours.put(head);
                ours.put(tail);
                assert_eq!(ours.finish()[..], sha2::Sha256::digest(&bytes[..length])[..], "{length} cut at {cut}");
            }
        }
    }

    #[test]
    fn a_text_is_what_was_put_or_nothing() {
        fn put(sink: &mut impl Sink, bytes: &[u8], part: Range<usize>) {
            sink.put_byte(b'x');
            sink.put_line_feeds(part.len() % 11);
            sink.put_part(bytes, part);
            sink.put(b"end");
        }
        let bytes: alloc::vec::Vec<u8> = (b'!'..=b'~').collect();
        for room in 0..60 {
            for start in [0, 1, 60, 78, 90] {
                let part = start..(start + room).min(bytes.len());
                let (mut text, mut expected) = (Text::<64>::new(), alloc::vec::Vec::new());
                put(&mut text, &bytes, part.clone());
                put(&mut expected, &bytes, part);
                assert_eq!(text.bytes(), Some(expected.as_slice()).filter(|it| it.len() <= 64), "{room} {start}");
            }
        }
    }

    #[test]
    fn hmac_equals_the_hmac_crate_for_every_key_length_up_to_two_blocks() {
        for length in 0..=130 {
            let key = alloc::vec![0xa5; length];
            let mut theirs = hmac::Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
            theirs.update(b"message");
            assert_eq!(HmacKey::new(&key).mac(b"message")[..], theirs.finalize().into_bytes()[..], "{length}");
        }
    }

    #[test]
    fn a_message_that_was_begun_has_the_mac_of_the_whole() {
        let message: alloc::vec::Vec<u8> = (0..=200).collect();
        let key = HmacKey::new(b"key");
        for beginning in 0..message.len() {
            let (head, tail) = message.split_at(beginning);
            for over in [None, Some(HmacKey::new(b"another").begin(&message, None))] {
                let begun = key.begin(head, over);
                assert_eq!(begun.mac(tail), key.mac(&message), "begun with {beginning}");
                assert_eq!(
                    begun.mac(b"another end"),
                    key.mac(&[head, b"another end"].concat()),
                    "begun with {beginning}"
                );
            }
        }
    }

    #[test]
    fn rfc_4231_test_cases() {
        let cases: [(&[u8], &[u8], &str); 4] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ];
        for (key, message, expected) in cases {
            assert_eq!(hex::encode(HmacKey::new(key).mac(message)), expected);
        }
    }

    #[test]
    fn comparison_sees_every_byte_and_the_length() {
        let secret = [7u8; 64];
        assert!(equal(&secret, &secret));
        assert!(!equal(&secret, &secret[..63]));
        for at in 0..64 {
            let mut other = secret;
            other[at] ^= 0x80;
            assert!(!equal(&secret, &other), "byte {at}");
        }
    }
}
