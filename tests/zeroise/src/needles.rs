//! What is looked for: eight bytes of anything that must not stay behind.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, block_api::compress256};

/// What a find is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    /// A secret, a key derived from it, or the state of a pad: it must never be found.
    Key,
    /// A session token or another bearer text that is handed in.
    Token,
    /// A signature, which is handed out.
    Signature,
}

/// Every eight bytes in a row of what is looked for.
#[derive(Clone)]
pub(crate) struct Needles {
    sorted: Vec<(u64, Kind)>,
    /// Whether some needle begins with these two bytes.
    begins: Vec<bool>,
}

impl Needles {
    pub(crate) fn new() -> Self {
        Self { sorted: Vec::new(), begins: vec![false; 1 << 16] }
    }

    pub(crate) fn with(mut self, kind: Kind, bytes: &[u8]) -> Self {
        for window in bytes.windows(8) {
            let mut distinct = window.to_vec();
            distinct.sort_unstable();
            distinct.dedup();
            // What has hardly any content, as zeros and padding, is found anywhere.
            if distinct.len() >= 5 {
                let window: [u8; 8] = window.try_into().expect("eight bytes");
                self.begins[usize::from(u16::from_le_bytes([window[0], window[1]]))] = true;
                self.sorted.push((u64::from_le_bytes(window), kind));
            }
        }
        self.sorted.sort_unstable();
        self.sorted.dedup_by_key(|(window, _)| *window);
        self
    }

    /// A secret as it is, and what HMAC makes of it: its pads, compressed.
    pub(crate) fn with_hmac_key(self, key: &[u8]) -> Self {
        let mut padded = [0u8; 64];
        if key.len() > 64 {
            padded[..32].copy_from_slice(&<sha2::Sha256 as sha2::Digest>::digest(key));
        } else {
            padded[..key.len()].copy_from_slice(key);
        }
        let mut all = self.with(Kind::Key, key);
        for pad in [0x36, 0x5c] {
            let block = padded.map(|byte| byte ^ pad);
            let used = block.get(..key.len().min(64)).unwrap_or_default();
            all = all.with(Kind::Key, used);
            let mut state: [u32; 8] = [
                0x6a09_e667,
                0xbb67_ae85,
                0x3c6e_f372,
                0xa54f_f53a,
                0x510e_527f,
                0x9b05_688c,
                0x1f83_d9ab,
                0x5be0_cd19,
            ];
            compress256(&mut state, &[block]);
            let bytes: Vec<u8> = state.iter().flat_map(|word| word.to_ne_bytes()).collect();
            all = all.with(Kind::Key, &bytes);
        }
        all
    }

    /// A secret that keys are derived from, one part after the other.
    pub(crate) fn with_chain(self, prefix: &str, secret: &str, parts: &[&str]) -> Self {
        let mut key = [prefix, secret].concat().into_bytes();
        let mut all = self.with_hmac_key(&key);
        for part in parts {
            key = hmac(&key, part.as_bytes()).to_vec();
            all = all.with_hmac_key(&key);
        }
        all
    }

    /// The big numbers of a private key, whose limbs may stand in either order.
    pub(crate) fn with_number(self, bytes: &[u8]) -> Self {
        let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
        self.with(Kind::Key, bytes).with(Kind::Key, &reversed)
    }

    /// Which kinds a block holds.
    pub(crate) fn found_in(&self, block: &[u8]) -> [bool; 3] {
        let mut found = [false; 3];
        for window in block.windows(8) {
            let &[a, b, ..] = window else { continue };
            if self.begins[usize::from(u16::from_le_bytes([a, b]))] {
                let window = u64::from_le_bytes(window.try_into().unwrap_or_default());
                if let Ok(at) = self.sorted.binary_search_by_key(&window, |(other, _)| *other) {
                    found[self.sorted[at].1 as usize] = true;
                }
            }
        }
        found
    }
}

pub(crate) fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// What base64 stands for, in steps of four letters.
pub(crate) fn from_base64(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|byte| LETTERS.iter().position(|letter| *letter == byte));
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0usize, 0);
    for digit in digits {
        (bits, count) = (bits << 6 | digit, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).expect("a byte"));
        }
        bits &= 0xffff;
    }
    bytes
}

/// The private key that `SigV4a` derives from a secret, at its first attempt.
pub(crate) fn v4a_scalar(id: &str, secret: &str) -> [u8; 32] {
    let mut input = vec![0, 0, 0, 1];
    input.extend(b"AWS4-ECDSA-P256-SHA256\0");
    input.extend(id.as_bytes());
    input.extend([1, 0, 0, 1, 0]);
    let mut scalar = hmac(format!("AWS4A{secret}").as_bytes(), &input);
    for byte in scalar.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            break;
        }
    }
    scalar
}
