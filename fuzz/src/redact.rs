//! A secret that was planted in any text.

use std::borrow::Cow;
use valet_key::redact::{Redacted, Redactor, redact_bytes};

/// No sixteen of its characters in a row are anywhere else.
const SECRET: &str = "uJ0n3Yd8KcR5w2bQvXhT7mLsPzA9fEoGi1NtVx4CkB6W";

/// What may stand before a secret. No name begins like the digits of an escape.
const BEFORE: [&str; 24] = [
    "X-Amz-Signature=",
    "x-amz-security-token:",
    "x-amz-security-token%3D",
    "X-Amz-S3session-Token%253d",
    "X-Goog-Signature=",
    "Signature: ",
    "sig=",
    "sig%3D",
    "Policy=",
    "\"SecretAccessKey\":\"",
    "\\\"SessionToken\\\":\\\"",
    "<SessionToken>",
    "&lt;SecretAccessKey&gt;",
    "SharedAccessKey=",
    "Authorization: Bearer ",
    "SharedKey account:",
    "AWS4-HMAC-SHA256 Credential=AKID/x, SignedHeaders=host, Signature=",
    "k8s-aws-v1.",
    "upload_id=",
    "name=\"policy\"\r\n\r\n",
    "-----BEGIN PRIVATE KEY-----\n",
    "x-amz-trailer-signature:",
    "r=t&e=1&s=",
    "The MAC signature found in the HTTP request '",
];

fn in_pieces(text: &[u8], size: usize) -> Vec<u8> {
    let (mut redactor, mut output) = (Redactor::new(), Vec::new());
    for piece in text.chunks(size) {
        redactor.push(piece, &mut output);
        assert!(output.len() <= 2 * text.len() + 8);
    }
    redactor.finish(&mut output);
    output
}

/// A choice of name, a length of pieces and a place, then the text.
///
/// The secret does not show when it is put into the text at that place, behind a sign that ends a word. Whatever
/// the text, it is read alike at once, in pieces and as it is formatted, and is borrowed if nothing in it is marked.
///
/// # Panics
/// If it does not hold.
pub fn redact(data: &[u8]) {
    let [choice, size, place, text @ ..] = data else { return };
    let size = usize::from(*size).max(1);
    let whole = redact_bytes(text);
    assert_eq!(in_pieces(text, size), *whole);
    match &whole {
        Cow::Borrowed(same) => assert!(core::ptr::eq(*same, text)),
        Cow::Owned(shown) => assert!(shown.windows(8).any(|part| part == b"REDACTED")),
    }
    if let Ok(text) = core::str::from_utf8(text) {
        assert_eq!(Redacted(text).to_string().as_bytes(), &*whole);
    }

    let place = usize::from(*place).min(text.len());
    let (before, after) = text.split_at(place);
    let name = BEFORE[usize::from(*choice) % BEFORE.len()];
    let planted = [before, b" ", name.as_bytes(), SECRET.as_bytes(), b"\n", after].concat();
    let shown = in_pieces(&planted, size);
    assert_eq!(shown, *redact_bytes(&planted));
    let secret = SECRET.as_bytes();
    let is_elsewhere = |piece: &[u8]| text.windows(16).any(|part| part == piece);
    for piece in secret.windows(16).filter(|piece| !is_elsewhere(piece)) {
        assert!(!shown.windows(16).any(|part| part == piece), "{} shows", String::from_utf8_lossy(piece));
    }
}
