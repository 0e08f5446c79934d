//! A name for a token that is no token.

use crate::{
    encode,
    mac::{Sha256, Sink},
    secret::Secret,
};
use alloc::{string::String, vec::Vec};
use core::{fmt, str::FromStr};

/// The longest signature, in bytes: that of an RSA key of 4,096 bits.
const LONGEST: usize = 512;
/// The most parameters that are looked through.
const PARAMS: usize = 256;

/// Names a token for revocation, replay protection, audit and logs, and is no token: the SHA-256 of its signature.
///
/// It is made of the decoded bytes, so that every spelling of one token has the same. Of an ECDSA signature it takes the first half
/// alone (`r`), since anybody can turn the second into another that is as good; the same key never makes that half for two texts.
/// The issuer takes it from the token, a verifier from the request that it has accepted, a reader of logs from the line, and
/// all find the same.
///
/// ```
/// use valet_key::token::Fingerprint;
///
/// let url = "https://a.blob.core.windows.net/c/b?sp=r&sig=4pG7l4I0TMU%2BZbpDVH2D1qR2Jd8kYvT8TAwJHg9Zl5s%3D&sv=2022-11-02";
/// let fingerprint = Fingerprint::of(url).expect("it is signed");
/// assert_eq!(Fingerprint::of(&url.replace("%2B", "%2b")), Some(fingerprint));
/// assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
/// assert_eq!(Fingerprint::of("https://a.blob.core.windows.net/c/b"), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

/// The text is not a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint has 64 lower-case hexadecimal digits")]
pub struct NotAFingerprint;

impl Fingerprint {
    /// The fingerprint of these 32 bytes, as [`as_bytes`](Self::as_bytes) told them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The fingerprint of the token in a URL, a request target or a token text, if there is exactly one signature in it that can
    /// be read. Whether it is right is for a verifier to say.
    ///
    /// It is told by the name of its parameter: `X-Amz-Signature`, `X-Goog-Signature`, `sig`, `Signature`, in that order,
    /// and `s` beside `r` and `e`.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        Token::read(text)?.signature().map(|bytes| Self::of_signature(bytes.expose()))
    }

    /// That of a signature's bytes.
    pub(crate) fn of_signature(signature: &[u8]) -> Self {
        // HMAC with SHA-1 or SHA-256, and RSA; whatever has another length can be ECDSA alone.
        let is_ecdsa = !matches!(signature.len(), 20 | 32 | 128..);
        let named = if is_ecdsa { first_half(signature).unwrap_or(signature) } else { signature };
        Self(Sha256::digest(named))
    }

    /// That of a signature in hexadecimal digits.
    #[cfg(any(feature = "aws", feature = "gcs"))]
    pub(crate) fn of_hex(digits: &[u8]) -> Option<Self> {
        let mut bytes = [0; LONGEST];
        let signature = bytes.get_mut(..digits.len() / 2)?;
        hex::decode_to_slice(digits, signature).ok()?;
        Some(Self::of_signature(signature))
    }

    /// That of a text which is a token and holds no signature that could be told from the rest.
    pub(crate) fn of_whole(text: &str) -> Self {
        let mut hash = Sha256::new();
        hash.put(b"valet-key token\n");
        hash.put(text.as_bytes());
        Self(hash.finish())
    }
}

/// `r` of an ECDSA signature in DER.
fn first_half(der: &[u8]) -> Option<&[u8]> {
    let (&[0x30, length, 0x02, r_length], rest) = der.split_first_chunk::<4>()? else { return None };
    let (r, rest) = rest.split_at_checked(usize::from(r_length))?;
    let (&[0x02, s_length], s) = rest.split_first_chunk::<2>()? else { return None };
    (usize::from(length) + 2 == der.len() && usize::from(s_length) == s.len()).then_some(r)
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    Hex,
    Base64,
    /// Base64 as `CloudFront` writes it.
    UrlSafe,
}

/// Where the signature of a token stands.
struct Token<'t> {
    value: &'t str,
    writing: Writing,
}

impl<'t> Token<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let query = match text.split_once(['?', ' ']) {
            Some((_, query)) => query.split('#').next().unwrap_or_default(),
            None => text,
        };
        let only = |name: &str| {
            let mut values = params(query).filter(|(other, _)| *other == name).map(|(_, value)| value);
            values.next().map(|value| values.next().is_none().then_some(value))
        };
        if params(query).count() > PARAMS {
            return None;
        }
        let (value, writing) = if let Some(value) = only("X-Amz-Signature").or_else(|| only("X-Goog-Signature")) {
            (value, Writing::Hex)
        } else if let Some(value) = only("sig") {
            (value, Writing::Base64)
        } else if let Some(value) = only("Signature") {
            (value, if only("Key-Pair-Id").is_some() { Writing::UrlSafe } else { Writing::Base64 })
        } else if only("r").is_some() && only("e").is_some() {
            (only("s")?, Writing::Base64)
        } else {
            return None;
        };
        Some(Self { value: value?, writing })
    }

    fn signature(&self) -> Option<Secret<Vec<u8>>> {
        if self.value.is_empty() || self.value.len() > 4 * LONGEST {
            return None;
        }
        let text = Secret::new(encode::decode(self.value)?);
        let bytes = match self.writing {
            Writing::Hex => hex::decode(text.expose()).ok()?,
            Writing::Base64 => encode::from_base64(text.expose())?,
            Writing::UrlSafe => {
                let plain = |c| match c {
                    '-' => '+',
                    '_' => '=',
                    '~' => '/',
                    c => c,
                };
                encode::from_base64(Secret::new(text.expose().chars().map(plain).collect::<String>()).expose())?
            }
        };
        Some(Secret::new(bytes)).filter(|bytes| (8..=LONGEST).contains(&bytes.expose().len()))
    }
}

fn params(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').map(|param| param.split_once('=').unwrap_or((param, "")))
}

/// 64 lower-case hexadecimal digits.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&encode::hex_lower(&self.0)).unwrap_or_default())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        encode::from_hex_lower(text.as_bytes()).map(Self).ok_or(NotAFingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::ToString};

    fn hex_of(byte: u8, length: usize) -> String {
        hex::encode(alloc::vec![byte; length])
    }

    #[test]
    fn every_spelling_of_a_signature_has_one_name() {
        let hmac = Fingerprint::of_signature(&[0xab; 32]);
        assert_eq!(hmac.to_string(), hex::encode(Sha256::digest(&[0xab; 32])));
        let (lower, upper) = (hex_of(0xab, 32), hex_of(0xab, 32).to_uppercase());
        for text in [
            format!("https://h/p?X-Amz-Date=1&X-Amz-Signature={lower}"),
            format!("/p?X-Amz-Signature={lower}&x-request-id=1#fragment"),
            format!("X-Goog-Signature={lower}"),
            format!("?X-Goog-Signature={upper}"),
            format!("/p?X-Amz-Signature={lower}&sig=elsewhere&Signature=elsewhere"),
            "?sig=q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=".into(),
            "?sig=q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s%3D".into(),
            "SharedAccessSignature sr=x&sig=q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s%3d&se=1".into(),
            "r=x&e=1&s=q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s%3D".into(),
            "/p?Signature=q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s_&Key-Pair-Id=K".into(),
        ] {
            assert_eq!(Fingerprint::of(&text), Some(hmac), "{text}");
        }
    }

    #[test]
    fn what_has_no_one_signature_has_no_name() {
        let digits = hex_of(0xab, 32);
        for text in [
            String::new(),
            "/p".into(),
            "/p?".into(),
            "/p?X-Amz-Signature=".into(),
            "/p?X-Amz-Signature=abc".into(),
            "/p?X-Amz-Signature=XXXXX".into(),
            "/p?sig=XXXXX".into(),
            "/p?s=q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s%3D".into(),
            format!("/p?X-Amz-Signature={digits}&X-Amz-Signature={digits}"),
            format!("/p?x-amz-signature={digits}"),
            format!("/p?X-Amz-Signature={}", hex_of(0xab, LONGEST + 1)),
            format!("/p?{}X-Amz-Signature={digits}", "a&".repeat(PARAMS)),
        ] {
            assert_eq!(Fingerprint::of(&text), None, "{text}");
        }
    }

    #[test]
    fn the_half_that_anybody_can_change_names_nothing() {
        let der = |s: u8| {
            let mut der = alloc::vec![0x30, 68, 2, 32];
            der.extend([0x55; 32]);
            der.extend([2, 32]);
            der.extend([s; 32]);
            der
        };
        assert_eq!(Fingerprint::of_signature(&der(1)), Fingerprint::of_signature(&der(2)));
        assert_eq!(Fingerprint::of_signature(&der(1)), Fingerprint(Sha256::digest(&[0x55; 32])));
        // Whatever is no signature of that kind is named by all of its bytes.
        let mut longer = der(1);
        longer.push(0);
        assert_eq!(Fingerprint::of_signature(&longer), Fingerprint(Sha256::digest(&longer)));
        assert_eq!(first_half(&[0x30]), None);
        assert_eq!(first_half(&[0x30, 4, 2, 9, 2, 0]), None);
    }

    #[test]
    fn the_text_of_a_fingerprint_has_one_spelling() {
        let text = Fingerprint::of_whole("token").to_string();
        assert_eq!(text.parse::<Fingerprint>().unwrap().to_string(), text);
        for other in ["", &text[1..], &text.to_uppercase(), &format!("{text} ")] {
            assert_eq!(other.parse::<Fingerprint>(), Err(NotAFingerprint), "{other}");
        }
    }
}
