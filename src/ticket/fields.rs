//! How tickets and second checks are written and read: fields with their length in front, in base64url.

use crate::{clock::Timestamp, encode, error::VerifyError, secret::Secret};
use alloc::{string::String, vec::Vec};

/// The most characters of a text.
pub(super) const MAX_TEXT: usize = 8 << 10;
/// The length of an HMAC.
pub(super) const MAC: usize = 32;

/// Appends fields.
pub(super) trait Write {
    /// Bytes with their number in front, as two bytes.
    fn bytes(&mut self, bytes: &[u8]);

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn number(&mut self, number: u32) {
        self.bytes(&number.to_be_bytes());
    }

    fn long(&mut self, number: u64) {
        self.bytes(&number.to_be_bytes());
    }

    fn time(&mut self, time: Timestamp) {
        // INVARIANT: a timestamp is not negative.
        self.long(time.unix().unsigned_abs());
    }
}

impl Write for Vec<u8> {
    fn bytes(&mut self, bytes: &[u8]) {
        // INVARIANT: every field was held to its limit, which is far below 64 KiB.
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        self.extend_from_slice(&length.to_be_bytes());
        self.extend_from_slice(bytes);
    }
}

/// Why a text cannot be read.
pub(super) const fn malformed(what: &'static str, why: &'static str) -> VerifyError {
    VerifyError::Malformed { what, why }
}

/// What stands in a text behind its prefix: all but the HMAC, and the HMAC.
pub(super) struct Body {
    pub(super) fields: Secret<Vec<u8>>,
    pub(super) mac: Secret<[u8; MAC]>,
}

impl Body {
    pub(super) fn read(text: &str, prefix: &str, what: &'static str) -> Result<Self, VerifyError> {
        if text.len() > MAX_TEXT {
            return Err(VerifyError::TooLarge { what, found: text.len(), limit: MAX_TEXT });
        }
        let encoded =
            text.strip_prefix(prefix).ok_or(malformed(what, "it begins otherwise, or has another version"))?;
        let bytes = encode::from_base64url(encoded).ok_or(malformed(what, "it must be base64url without padding"))?;
        let bytes = Secret::<Vec<u8>>::new(bytes);
        let (fields, mac) = bytes.expose().split_last_chunk::<MAC>().ok_or(malformed(what, "it is too short"))?;
        Ok(Self { fields: Secret::new(fields.to_vec()), mac: Secret::new(*mac) })
    }

    pub(super) fn write(prefix: &str, fields: &[u8], mac: &[u8; MAC]) -> Secret<String> {
        let mut bytes = Vec::with_capacity(fields.len() + MAC);
        bytes.extend_from_slice(fields);
        bytes.extend_from_slice(mac);
        let bytes = Secret::<Vec<u8>>::new(bytes);
        Secret::new([prefix, Secret::new(encode::base64url(bytes.expose())).expose().as_str()].concat())
    }
}

/// Reads fields one after the other.
pub(super) struct Reader<'b> {
    rest: &'b [u8],
    what: &'static str,
}

impl<'b> Reader<'b> {
    pub(super) const fn new(fields: &'b [u8], what: &'static str) -> Self {
        Self { rest: fields, what }
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) const fn error(&self, why: &'static str) -> VerifyError {
        malformed(self.what, why)
    }

    pub(super) fn byte(&mut self) -> Result<u8, VerifyError> {
        let (&byte, rest) = self.rest.split_first().ok_or(self.error("it ends within a field"))?;
        self.rest = rest;
        Ok(byte)
    }

    pub(super) fn bytes(&mut self) -> Result<&'b [u8], VerifyError> {
        let ends = self.error("it ends within a field");
        let (length, rest) = self.rest.split_first_chunk::<2>().ok_or(ends.clone())?;
        let (bytes, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into()).ok_or(ends)?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], VerifyError> {
        let wrong = self.error("a field has another length than it must have");
        self.bytes()?.try_into().map_err(|_| wrong)
    }

    pub(super) fn number(&mut self) -> Result<u32, VerifyError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn long(&mut self) -> Result<u64, VerifyError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn time(&mut self) -> Result<Timestamp, VerifyError> {
        let seconds = i64::try_from(self.long()?).ok();
        let time = seconds.and_then(|seconds| Timestamp::from_unix(seconds).ok());
        time.ok_or(self.error("a time lies after the year 9999"))
    }

    /// A text that keeps to its rule.
    pub(super) fn text(&mut self, rule: TextRule) -> Result<String, VerifyError> {
        let text = core::str::from_utf8(self.bytes()?).ok().filter(|text| rule.allows(text));
        text.map(String::from).ok_or(self.error(rule.why))
    }
}

/// What a text may be.
#[derive(Clone, Copy)]
pub(super) struct TextRule {
    most: usize,
    is_visible_ascii: bool,
    pub(super) why: &'static str,
}

impl TextRule {
    pub(super) const KEY_ID: Self =
        Self { most: 64, is_visible_ascii: true, why: "the id of a key is 1 to 64 visible characters of ASCII" };
    pub(super) const SUBJECT: Self =
        Self { most: 255, is_visible_ascii: false, why: "a subject is 1 to 255 bytes without control characters" };
    pub(super) const CONTAINER: Self =
        Self { most: 255, is_visible_ascii: false, why: "a container is 1 to 255 bytes without control characters" };
    pub(super) const NAME: Self =
        Self { most: 1024, is_visible_ascii: false, why: "a name is 1 to 1,024 bytes without control characters" };
    pub(super) const CONTENT_TYPE: Self =
        Self { most: 255, is_visible_ascii: false, why: "a media type is 1 to 255 bytes without control characters" };
    pub(super) const ADDRESS: Self =
        Self { most: 64, is_visible_ascii: true, why: "a client address is 1 to 64 visible characters of ASCII" };
    pub(super) const WHY: Self =
        Self { most: 500, is_visible_ascii: false, why: "a justification is one line of 1 to 500 bytes" };

    pub(super) fn allows(self, text: &str) -> bool {
        (1..=self.most).contains(&text.len())
            && !text.chars().any(char::is_control)
            && !(self.is_visible_ascii && text.bytes().any(|byte| !byte.is_ascii_graphic()))
    }
}
