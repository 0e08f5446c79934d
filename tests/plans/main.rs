//! Plans: what they say is what issuing does and what verifiers hold a client to, for every form and every constraint.

#![cfg(all(feature = "aws", feature = "gcs", feature = "azure", feature = "ecdsa", feature = "sigv4a"))]

mod agree;
mod arrive;
#[path = "../aws_policy/evaluate.rs"]
mod evaluate;
mod given_up;
mod hold;
mod issue;
mod table;
mod wish;

use std::path::Path;
use valet_key::{clock::Timestamp, grant::Justification};

pub(crate) const NOW: i64 = 1_795_521_600;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(NOW + seconds).unwrap()
}

pub(crate) fn why() -> Justification {
    Justification::new("a test").unwrap()
}

pub(crate) fn key_file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/aws/keys").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// The text behind padded base64.
pub(crate) fn decoded(base64: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let value = |letter: u8| LETTERS.iter().position(|known| *known == letter).unwrap();
    let letters = base64.trim_end_matches('=').as_bytes().chunks(4);
    let bytes = letters.flat_map(|four| {
        let bits = four.iter().fold(0, |bits, letter| bits << 6 | value(*letter)) << (6 * (4 - four.len()));
        [16, 8, 0].map(|shift| u8::try_from(bits >> shift & 0xff).unwrap()).into_iter().take(four.len() - 1)
    });
    String::from_utf8(bytes.collect()).unwrap()
}
