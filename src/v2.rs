//! What the old schemes of S3 and of Cloud Storage have in common: three fields in the query, and a text without escapes.
//!
//! ```text
//! METHOD \n Content-MD5 \n Content-Type \n Expires \n (x-prefix-name:value \n)* resource
//! ```
//!
//! Since the text has no escapes, everything that goes into it has to be free of line feeds.

use crate::{
    clock::Timestamp,
    encode,
    error::{KeyError, VerifyError},
    target::Target,
    v4::{
        Dialect,
        canonical::{Lines, params, put_header_value, trimmed},
        fields::Head,
    },
    view::{HeaderLine, Limits, RequestView},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};

pub(crate) const EXPIRES: &str = "Expires";
pub(crate) const SIGNATURE: &str = "Signature";
pub(crate) const SHA1_BYTES: usize = 20;

/// HMAC with SHA-1, which nothing newer than these schemes uses.
pub(crate) fn hmac_sha1(secret: &str, message: &[u8]) -> Result<[u8; SHA1_BYTES], KeyError> {
    use hmac::{KeyInit, Mac};
    let mac = hmac::Hmac::<sha1::Sha1>::new_from_slice(secret.as_bytes());
    let mut mac = mac.map_err(|_| KeyError::Invalid { what: "secret", why: "HMAC does not take it" })?;
    mac.update(message);
    Ok(mac.finalize().into_bytes().into())
}

/// The names of one of the schemes.
pub(crate) struct Scheme {
    /// The parameter that names the key.
    pub(crate) id: &'static str,
    /// Whether a decoded parameter belongs to another scheme.
    pub(crate) is_foreign: fn(&str) -> bool,
    /// Whether a signature may have so many bytes.
    pub(crate) is_signature: fn(usize) -> bool,
    pub(crate) signature_form: &'static str,
}

/// A request as it arrived: shape, size and fields were checked, nothing else.
#[derive(Clone)]
pub(crate) struct Arrived<'r> {
    pub(crate) method: &'r str,
    pub(crate) headers: &'r [HeaderLine<'r>],
    pub(crate) host: &'r str,
    pub(crate) path: &'r str,
    pub(crate) query: &'r str,
    pub(crate) canonical_path: bool,
    pub(crate) id: String,
    pub(crate) expires_at: Timestamp,
    pub(crate) signature: Vec<u8>,
}

impl<'r> Arrived<'r> {
    pub(crate) fn read<D: Dialect>(view: &RequestView<'r>, scheme: &Scheme) -> Result<(Self, Head<'r>), VerifyError> {
        let limits = Limits::DEFAULT;
        let head = Head::read::<D>(view, &limits)?;
        let target = Target::split(view.target(), &limits)?;
        let host = head.host()?;
        if target.authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(host)) {
            return Err(VerifyError::Malformed { what: "target", why: "its authority is not the Host header" });
        }
        let is_malformed = |text: &str| encode::spelling(text, None) == encode::Spelling::Malformed;
        if params(target.query).any(|(name, value)| is_malformed(name) || is_malformed(value)) {
            return Err(VerifyError::Malformed {
                what: "query",
                why: "it holds a bad escape or a byte that is not visible ASCII",
            });
        }
        let found = target.query.split('&').count();
        if found > limits.params {
            return Err(VerifyError::TooLarge { what: "query parameters", found, limit: limits.params });
        }
        let mut fields: [(&'static str, Option<String>); 3] = [(scheme.id, None), (EXPIRES, None), (SIGNATURE, None)];
        for (name, value) in params(target.query) {
            let name = encode::decode(name).unwrap_or_default();
            if (scheme.is_foreign)(&name) {
                return Err(VerifyError::TwoMechanisms { first: scheme.id, second: "a parameter of another scheme" });
            }
            let Some((field, slot)) = fields.iter_mut().find(|(field, _)| name.eq_ignore_ascii_case(field)) else {
                continue;
            };
            if name != *field {
                return Err(VerifyError::FieldForm { field, expected: "spelled exactly like this" });
            }
            // A `+` in a signature has to be written as an escape, or it might be a blank.
            let value = if value.contains('+') { None } else { encode::decode(value) };
            let value = value.ok_or(VerifyError::FieldForm { field, expected: "percent-encoded text" })?;
            if slot.replace(value).is_some() {
                return Err(VerifyError::FieldCount { field, found: 2 });
            }
        }
        let any = fields.iter().any(|(_, value)| value.is_some());
        match (head.authorization, any) {
            (Some(_), true) => return Err(VerifyError::TwoMechanisms { first: "Authorization", second: SIGNATURE }),
            (_, false) => return Err(VerifyError::NotSigned),
            (None, true) => {}
        }
        let [id, expires, signature] =
            fields.map(|(field, value)| value.ok_or(VerifyError::FieldCount { field, found: 0 }));
        let (id, expires, signature) = (id?, expires?, signature?);
        // The digits are signed as they are sent, so that zeros before them would be signed too. They are written again here.
        let digits = (1..=12).contains(&expires.len())
            && expires.bytes().all(|byte| byte.is_ascii_digit())
            && !expires.starts_with('0');
        let expires_at = expires.parse().ok().filter(|_| digits).and_then(|seconds| Timestamp::from_unix(seconds).ok());
        let expires_at =
            expires_at.ok_or(VerifyError::FieldForm { field: EXPIRES, expected: "seconds since 1970 in digits" })?;
        let signature = encode::from_base64(&signature).filter(|bytes| (scheme.is_signature)(bytes.len()));
        let signature =
            signature.ok_or(VerifyError::FieldForm { field: SIGNATURE, expected: scheme.signature_form })?;
        for name in ["content-md5", "content-type"] {
            let found = view.headers().iter().filter(|(line, _)| line.eq_ignore_ascii_case(name)).count();
            if found > 1 {
                let field = if name == "content-md5" { "Content-MD5" } else { "Content-Type" };
                return Err(VerifyError::FieldCount { field, found });
            }
        }
        let arrived = Self {
            method: view.method(),
            headers: view.headers(),
            host,
            path: target.path,
            query: target.query,
            canonical_path: target.path_spelling == encode::Spelling::Canonical,
            id,
            expires_at,
            signature,
        };
        Ok((arrived, head))
    }
}

pub(crate) fn is_content(name: &str) -> bool {
    name.eq_ignore_ascii_case("content-md5") || name.eq_ignore_ascii_case("content-type")
}

/// Everything before the resource. Lines of names that are not signed are passed over.
pub(crate) fn push_head(
    text: &mut Vec<u8>,
    method: &str,
    lines: &[HeaderLine<'_>],
    expires_at: Timestamp,
    is_signed: fn(&str) -> bool,
) {
    let content = |wanted: &str| {
        let line = lines.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        line.map(|(_, value)| trimmed(value)).unwrap_or_default()
    };
    for part in
        [method.as_bytes(), content("content-md5"), content("content-type"), expires_at.unix().to_string().as_bytes()]
    {
        text.extend_from_slice(part);
        text.push(b'\n');
    }
    let signed: Vec<HeaderLine<'_>> =
        lines.iter().filter(|(name, _)| is_signed(name) && !is_content(name)).copied().collect();
    let sorted = Lines::new(&signed, &[]).sorted();
    let mut before = "";
    for (name, value) in sorted.iter() {
        if name.eq_ignore_ascii_case(before) {
            text.push(b',');
        } else {
            if !before.is_empty() {
                text.push(b'\n');
            }
            text.extend(name.bytes().map(|byte| byte.to_ascii_lowercase()));
            text.push(b':');
        }
        put_header_value(text, value);
        before = name;
    }
    if !before.is_empty() {
        text.push(b'\n');
    }
}
