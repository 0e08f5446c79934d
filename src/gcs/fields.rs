//! Reading the fields of a signature.
//!
//! Everything here is about shape. Whatever can be read in two ways is refused, whatever is repeated is
//! refused, and nothing is decoded twice.

use super::{
    canonical::{DATE, Goog},
    key::{Algorithm, RSA_BYTES, Scope, is_id, read_credential},
};
use crate::{
    clock::Timestamp,
    encode,
    error::VerifyError,
    v4::{
        P_ALGORITHM, P_CREDENTIAL, P_DATE, P_EXPIRES, P_SIGNATURE, P_SIGNED_HEADERS,
        canonical::SignedNames,
        fields::{Head, Reserved, read_date, read_digits},
    },
    view::Limits,
};
use alloc::borrow::{Cow, ToOwned};

/// The fields of a signature.
#[derive(Clone)]
pub(super) struct Claim<'r> {
    pub(super) algorithm: Algorithm,
    pub(super) id: Cow<'r, str>,
    pub(super) scope: Scope,
    pub(super) signed_at: Timestamp,
    pub(super) date: [u8; 16],
    pub(super) lifetime: u32,
    /// As sent, or decoded if a name holds an escape.
    signed: Cow<'r, str>,
    pub(super) signs_content_sha256: bool,
    /// Lower-case hex of the length that the algorithm has.
    pub(super) signature: &'r str,
}

const ALGORITHM_FORM: &str = "GOOG4-RSA-SHA256 or GOOG4-HMAC-SHA256";
const DATE_FORM: &str = "a calendar date and time in the form `YYYYMMDDTHHMMSSZ`";
const LIFETIME_FORM: &str = "1 to 6 digits";
pub(super) const SIGNATURE_FORM: &str = "lower-case hex digits, 64 for HMAC and 512 to 1024 for RSA";
pub(super) const CREDENTIAL_FORM: &str = "`<account or access id>/<YYYYMMDD>/<location>/storage/goog4_request`";

impl<'r> Claim<'r> {
    pub(super) fn from_query(
        query: &Reserved<'r, Goog>,
        head: &Head<'r>,
        limits: &Limits,
    ) -> Result<Self, VerifyError> {
        const SIGNED_HEADERS: &str = "X-Goog-SignedHeaders";
        let form = |field, expected| VerifyError::FieldForm { field, expected };
        let algorithm = Algorithm::parse(&query.decoded(P_ALGORITHM, ALGORITHM_FORM)?)
            .ok_or(VerifyError::Algorithm { field: "X-Goog-Algorithm", expected: ALGORITHM_FORM })?;
        for at in [P_CREDENTIAL, P_DATE, P_EXPIRES, P_SIGNED_HEADERS, P_SIGNATURE] {
            query.required(at)?;
        }
        let date = query.decoded(P_DATE, DATE_FORM)?;
        let (signed_at, date) = read_date(date.as_bytes()).ok_or_else(|| form("X-Goog-Date", DATE_FORM))?;
        let lifetime = query.decoded(P_EXPIRES, LIFETIME_FORM)?;
        let lifetime = read_digits(lifetime.as_bytes()).ok_or_else(|| form("X-Goog-Expires", LIFETIME_FORM))?;
        let credential = match query.credential {
            Some([id, date, location, "storage"]) => parts_of_credential(id, date, location),
            _ => split_credential(query.required(P_CREDENTIAL)?),
        };
        let Some((id, scope)) = credential else { return Err(form("X-Goog-Credential", CREDENTIAL_FORM)) };
        let raw = query.required(P_SIGNED_HEADERS)?;
        let signed = if has_escaped_name(raw) {
            let list = encode::decode(raw).filter(|list| !list.contains('%'));
            Cow::Owned(list.ok_or_else(|| form(SIGNED_HEADERS, "header names, percent-encoded once"))?)
        } else {
            Cow::Borrowed(raw)
        };
        let names = SignedNames::parse::<Goog>(&signed, SIGNED_HEADERS, limits.signed_headers)?;
        if !names.host {
            return Err(VerifyError::UnsignedHeader { name: "host".to_owned() });
        }
        let signs_content_sha256 = names.content_sha256;
        let signature = query.required(P_SIGNATURE)?;
        if !is_signature(signature, algorithm) {
            return Err(form("X-Goog-Signature", SIGNATURE_FORM));
        }
        if head.date.is_some_and(|header| header != date) {
            return Err(form(DATE, "the same as `X-Goog-Date`"));
        }
        Ok(Self { algorithm, id, scope, signed_at, date, lifetime, signed, signs_content_sha256, signature })
    }

    /// The names of the signed headers.
    pub(super) fn signed(&self) -> SignedNames<'_> {
        SignedNames::written(&self.signed)
    }
}

/// Whether anything but the `;` between names is written as an escape.
fn has_escaped_name(list: &str) -> bool {
    list.split('%').skip(1).any(|after| !(after.starts_with("3B") || after.starts_with("3b")))
}

/// Reads a percent-encoded credential.
fn split_credential(raw: &str) -> Option<(Cow<'_, str>, Scope)> {
    // Usually only the separators are escapes, with an `@` in an account's address.
    let cut = raw.bytes().position(|byte| byte == b'%' || byte == b'/');
    if let Some((id, rest)) = cut.and_then(|cut| raw.split_at_checked(cut))
        && let Some((date, rest)) = rest.strip_prefix("%2F").and_then(|rest| rest.split_at_checked(8))
        && let Some(rest) = rest.strip_prefix("%2F")
        && let Some(location) = rest.strip_suffix("%2Fstorage%2Fgoog4_request")
        && let Some(credential) = parts_of_credential(id, date, location)
    {
        return Some(credential);
    }
    let decoded = encode::decode(raw)?;
    let (id, scope) = read_credential(&decoded)?;
    Some((Cow::Owned(id.to_owned()), scope))
}

/// A credential of these parts, in which nothing is an escape.
fn parts_of_credential<'r>(id: &'r str, date: &str, location: &str) -> Option<(Cow<'r, str>, Scope)> {
    let scope = Scope::from_parts(date.as_bytes().try_into().ok()?, location)?;
    is_id(id).then_some((Cow::Borrowed(id), scope))
}

/// Whether this is a signature that the algorithm can make, in its one spelling.
pub(super) fn is_signature(hex: &str, algorithm: Algorithm) -> bool {
    let length = match algorithm {
        Algorithm::HmacSha256 => hex.len() == 64,
        Algorithm::RsaSha256 => hex.len().is_multiple_of(2) && RSA_BYTES.contains(&(hex.len() / 2)),
    };
    length && !encode::any(hex.as_bytes(), |byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_has_exactly_five_parts() {
        let good = "me%40p.iam.gserviceaccount.com%2F20190201%2Fauto%2Fstorage%2Fgoog4_request";
        let (id, scope) = split_credential(good).unwrap();
        assert_eq!((&*id, scope.as_str()), ("me@p.iam.gserviceaccount.com", "20190201/auto/storage/goog4_request"));
        assert_eq!(split_credential("GOOG1%2F20190201%2Fauto%2Fstorage%2Fgoog4_request").unwrap().0, "GOOG1");
        assert!(split_credential("GOOG1/20190201/auto/storage/goog4_request").is_some());
        // Decoded once, whichever part has an escape that it does not need, and however the others are written.
        for text in [
            "G%4FOG1%2F20190201%2Fauto%2Fstorage%2Fgoog4_request",
            "GOOG1%2F2019020%31%2Fauto%2Fstorage%2Fgoog4_request",
            "GOOG1%2F20190201%2F%61uto%2Fstorage%2Fgoog4_request",
            "GOOG1/20190201/%61uto/storage/goog4_request",
            "GOOG1%2F20190201%2Fauto%2F%73torage%2Fgoog4_request",
        ] {
            let (id, scope) = split_credential(text).unwrap();
            assert_eq!((&*id, scope.as_str()), ("GOOG1", "20190201/auto/storage/goog4_request"), "{text}");
        }
        for text in [
            "GOOG1%2F20190201%2Fauto%2Fs3%2Fgoog4_request",
            "GOOG1%2F20190201%2Fauto%2Fstorage%2Faws4_request",
            "GOOG1%2F20190201%2Fauto%2Fstorage%2Fgoog4_request%2F",
            "GO%2FOG1%2F20190201%2Fauto%2Fstorage%2Fgoog4_request",
            "%2F20190201%2Fauto%2Fstorage%2Fgoog4_request",
            "GOOG1%2F2019020%2Fauto%2Fstorage%2Fgoog4_request",
            "GOOG1%2F20190201%2F%2Fstorage%2Fgoog4_request",
            "GOOG1%252F20190201%252Fauto%252Fstorage%252Fgoog4_request",
            "GO%20OG1%2F20190201%2Fauto%2Fstorage%2Fgoog4_request",
            "",
        ] {
            assert!(split_credential(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_signature_has_the_length_of_its_algorithm_and_one_spelling() {
        let hmac = "0a".repeat(32);
        assert!(is_signature(&hmac, Algorithm::HmacSha256));
        assert!(!is_signature(&hmac, Algorithm::RsaSha256));
        assert!(!is_signature(&hmac.to_uppercase(), Algorithm::HmacSha256));
        for (digits, accepted) in [(510, false), (512, true), (513, false), (1024, true), (1026, false)] {
            assert_eq!(is_signature(&"a".repeat(digits), Algorithm::RsaSha256), accepted, "{digits}");
            assert!(!is_signature(&"a".repeat(digits), Algorithm::HmacSha256));
        }
    }
}
