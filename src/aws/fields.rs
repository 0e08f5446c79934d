//! Reading the fields of a signature, wherever they stood.
//!
//! Everything here is about shape. Whatever can be read in two ways is refused, whatever is repeated is
//! refused, and nothing is decoded twice.

use super::{
    canonical::{Algorithm, Amz, P_REGION_SET, P_S3_SESSION_TOKEN, P_SECURITY_TOKEN, REGION_SET, REGION_SET_PARAM},
    key::{MAX_KEY_ID, Scope, TokenKind, same_token},
    region_set::{REGION_SET_FORM, is_region_set},
    verify::Form,
};
use crate::{
    clock::Timestamp,
    encode,
    error::VerifyError,
    scan::{self, Marks},
    v4::{
        P_ALGORITHM, P_CREDENTIAL, P_DATE, P_EXPIRES, P_SIGNATURE, P_SIGNED_HEADERS,
        canonical::{SignedNames, trimmed},
        checks::is_key_id,
        fields::{Head, Reserved, read_date, read_digits, read_signature},
    },
    view::{HeaderLine, Limits},
};
use alloc::{borrow::Cow, vec::Vec};

/// The fields of a signature, wherever they stood.
#[derive(Clone)]
pub(super) struct Claim<'r> {
    pub(super) form: Form,
    pub(super) access_key_id: Cow<'r, str>,
    pub(super) scope: Scope,
    pub(super) signed_at: Timestamp,
    pub(super) amz_date: [u8; 16],
    pub(super) lifetime: u32,
    pub(super) signed: SignedNames<'r>,
    /// Lower-case hex digits: exactly 64 of an HMAC, up to 144 of ECDSA.
    pub(super) signature: &'r [u8],
    /// Where a signature of `SigV4a` is good.
    pub(super) region_set: Option<Cow<'r, str>>,
    pub(super) session_token: Option<SessionToken<'r>>,
}

const DATE_FORM: &str = "a calendar date and time in the form `YYYYMMDDTHHMMSSZ`";
const LIFETIME_FORM: &str = "1 to 6 digits";
const SIGNATURE_FORM: &str = "64 lower-case hex digits";
pub(super) const CREDENTIAL_FORM: &str = "`<access key id>/<YYYYMMDD>/<region>/<service>/aws4_request`";
const REGIONLESS_FORM: &str = "`<access key id>/<YYYYMMDD>/<service>/aws4_request`";
const DER_FORM: &str = "16 to 144 lower-case hex digits";

/// What differs in the fields of the two algorithms.
impl Algorithm {
    const fn credential_form(self) -> &'static str {
        match self {
            Self::HmacSha256 => CREDENTIAL_FORM,
            Self::EcdsaP256Sha256 => REGIONLESS_FORM,
        }
    }

    const fn signature_form(self) -> &'static str {
        match self {
            Self::HmacSha256 => SIGNATURE_FORM,
            Self::EcdsaP256Sha256 => DER_FORM,
        }
    }

    fn read_signature(self, text: &[u8]) -> Option<&[u8]> {
        match self {
            Self::HmacSha256 => read_signature(text).map(<[u8; 64]>::as_slice),
            // Whether these are the bytes of a signature at all is for the key to say.
            Self::EcdsaP256Sha256 => {
                let is_hex = !encode::any(text, |byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                (is_hex && (16..=144).contains(&text.len()) && text.len().is_multiple_of(2)).then_some(text)
            }
        }
    }
}

impl<'r> Claim<'r> {
    pub(super) fn from_query(
        algorithm: Algorithm,
        query: &Reserved<'r, Amz>,
        head: &Head<'r>,
        lines: &'r [HeaderLine<'r>],
        limits: &Limits,
    ) -> Result<Self, VerifyError> {
        let form = |field, expected| VerifyError::FieldForm { field, expected };
        let expected = algorithm.as_str();
        if query.decoded(P_ALGORITHM, expected)? != expected {
            return Err(VerifyError::Algorithm { field: "X-Amz-Algorithm", expected });
        }
        let region_set = match algorithm {
            Algorithm::HmacSha256 if query.required(P_REGION_SET).is_ok() => {
                // A region set belongs to the asymmetric algorithm.
                return Err(VerifyError::Algorithm { field: REGION_SET_PARAM, expected });
            }
            Algorithm::HmacSha256 => None,
            Algorithm::EcdsaP256Sha256 => {
                let found = region_set_lines(lines).count();
                if found > 0 {
                    return Err(VerifyError::FieldCount { field: REGION_SET_PARAM, found: found.saturating_add(1) });
                }
                let text = query.decoded(P_REGION_SET, REGION_SET_FORM)?;
                Some(text)
                    .filter(|text| is_region_set(text))
                    .ok_or_else(|| form(REGION_SET_PARAM, REGION_SET_FORM))?
                    .into()
            }
        };
        for at in [P_CREDENTIAL, P_DATE, P_EXPIRES, P_SIGNED_HEADERS, P_SIGNATURE] {
            query.required(at)?;
        }
        let date = query.decoded(P_DATE, DATE_FORM)?;
        let (signed_at, amz_date) = read_date(date.as_bytes()).ok_or_else(|| form("X-Amz-Date", DATE_FORM))?;
        let lifetime = query.decoded(P_EXPIRES, LIFETIME_FORM)?;
        let lifetime = read_digits(lifetime.as_bytes()).ok_or_else(|| form("X-Amz-Expires", LIFETIME_FORM))?;
        let credential = match query.credential {
            // The usual query names the symmetric algorithm.
            Some([id, date, region, service]) => parts_of_credential(id, date, Some(region), service),
            None => read_credential(algorithm, query.required(P_CREDENTIAL)?, true),
        };
        let Some((access_key_id, scope)) = credential else {
            return Err(form("X-Amz-Credential", algorithm.credential_form()));
        };
        let signed =
            SignedNames::parse::<Amz>(query.required(P_SIGNED_HEADERS)?, "X-Amz-SignedHeaders", limits.signed_headers)?;
        let signature = algorithm
            .read_signature(query.required(P_SIGNATURE)?.as_bytes())
            .ok_or_else(|| form("X-Amz-Signature", algorithm.signature_form()))?;
        if head.date.is_some_and(|header| header != amz_date) {
            return Err(form("x-amz-date", "the same as `X-Amz-Date`"));
        }
        let in_query = |at| query.required(at).ok();
        let session_token = SessionToken::only([
            (TokenKind::Security, in_query(P_SECURITY_TOKEN).map(SentToken::InQuery)),
            (TokenKind::S3Session, in_query(P_S3_SESSION_TOKEN).map(SentToken::InQuery)),
            (TokenKind::Security, head.session_token.map(SentToken::InHeader)),
            (TokenKind::S3Session, head.zonal_token.map(SentToken::InHeader)),
        ])?;
        Ok(Self {
            form: Form::Presigned,
            access_key_id,
            scope,
            signed_at,
            amz_date,
            lifetime,
            signed,
            signature,
            region_set,
            session_token,
        })
    }

    pub(super) fn from_header(
        algorithm: Algorithm,
        authorization: &'r [u8],
        head: &Head<'r>,
        lines: &'r [HeaderLine<'r>],
        limits: &Limits,
    ) -> Result<Self, VerifyError> {
        const FIELD: &str = "Authorization";
        let form = |field, expected| VerifyError::FieldForm { field, expected };
        let text = core::str::from_utf8(authorization)
            .ok()
            .filter(|text| text.is_ascii())
            .ok_or_else(|| form(FIELD, "visible ASCII"))?;
        let (scheme, fields) =
            scan::split_once(text, b' ').ok_or_else(|| form(FIELD, "a scheme, a blank and its fields"))?;
        let expected = algorithm.as_str();
        let is_scheme = match algorithm {
            Algorithm::HmacSha256 => scheme.eq_ignore_ascii_case(expected),
            // SPEC: S3 signs the name as it was written, so that another spelling never has this signature.
            Algorithm::EcdsaP256Sha256 => scheme == expected,
        };
        if !is_scheme {
            return Err(VerifyError::Algorithm { field: FIELD, expected });
        }
        let (mut credential, mut signed, mut signature) = (None, None, None);
        let mut rest = Some(fields);
        while let Some(fields) = rest {
            let (field, behind) =
                scan::split_once(fields, b',').map_or((fields, None), |(field, behind)| (field, Some(behind)));
            rest = behind;
            let blanks = field.bytes().take_while(|byte| *byte == b' ').count();
            let field = field.get(blanks..).unwrap_or_default();
            let (slot, name, value) = if let Some(value) = field.strip_prefix("Credential=") {
                (&mut credential, "Credential", value)
            } else if let Some(value) = field.strip_prefix("SignedHeaders=") {
                (&mut signed, "SignedHeaders", value)
            } else if let Some(value) = field.strip_prefix("Signature=") {
                (&mut signature, "Signature", value)
            } else {
                return Err(form(FIELD, "`Credential=..., SignedHeaders=..., Signature=...`"));
            };
            if slot.replace(value).is_some() {
                return Err(VerifyError::FieldCount { field: name, found: 2 });
            }
        }
        let missing = |field| VerifyError::FieldCount { field, found: 0 };
        let credential = credential.ok_or_else(|| missing("Credential"))?;
        let signed = signed.ok_or_else(|| missing("SignedHeaders"))?;
        let signature = signature.ok_or_else(|| missing("Signature"))?;
        let (access_key_id, scope) = read_credential(algorithm, credential, false)
            .ok_or_else(|| form("Credential", algorithm.credential_form()))?;
        if signed.contains('%') {
            return Err(form("SignedHeaders", "header names separated by `;`"));
        }
        let signed = SignedNames::parse::<Amz>(signed, "SignedHeaders", limits.signed_headers)?;
        let signature = algorithm
            .read_signature(signature.as_bytes())
            .ok_or_else(|| form("Signature", algorithm.signature_form()))?;
        let date = head.date.ok_or_else(|| missing("x-amz-date"))?;
        let (signed_at, amz_date) = read_date(date).ok_or_else(|| form("x-amz-date", DATE_FORM))?;
        let session_token = SessionToken::only([
            (TokenKind::Security, head.session_token.map(SentToken::InHeader)),
            (TokenKind::S3Session, head.zonal_token.map(SentToken::InHeader)),
        ])?;
        let region_set = match algorithm {
            Algorithm::HmacSha256 => None,
            Algorithm::EcdsaP256Sha256 => Some(Cow::Borrowed(region_set_header(lines)?)),
        };
        Ok(Self {
            form: Form::Header,
            access_key_id,
            scope,
            signed_at,
            amz_date,
            lifetime: 0,
            signed,
            signature,
            region_set,
            session_token,
        })
    }
}

fn region_set_lines<'r>(lines: &'r [HeaderLine<'r>]) -> impl Iterator<Item = &'r [u8]> {
    lines.iter().filter(|(name, _)| name.eq_ignore_ascii_case(REGION_SET)).map(|(_, value)| *value)
}

/// The one region set in a header. That it is signed is held to it as to every other `x-amz-*` header.
fn region_set_header<'r>(lines: &'r [HeaderLine<'r>]) -> Result<&'r str, VerifyError> {
    let mut all = region_set_lines(lines);
    let (Some(value), None) = (all.next(), all.next()) else {
        return Err(VerifyError::FieldCount { field: REGION_SET, found: region_set_lines(lines).count() });
    };
    core::str::from_utf8(trimmed(value))
        .ok()
        .filter(|text| is_region_set(text))
        .ok_or(VerifyError::FieldForm { field: REGION_SET, expected: REGION_SET_FORM })
}

/// Reads a credential as it stands in a header or, percent-encoded, in a query.
pub(super) fn read_credential(algorithm: Algorithm, raw: &str, in_query: bool) -> Option<(Cow<'_, str>, Scope)> {
    let (mut parts, mut from, mut found) = ([""; 5], 0, 0);
    let bytes = raw.as_bytes();
    for (at, byte) in Marks::of(bytes, 0, scan::unusual) {
        let separator = match byte {
            b'/' => 1,
            b'%' if in_query && matches!(bytes.get(at + 1..at + 3), Some(b"2F" | b"2f")) => 3,
            _ => continue,
        };
        *parts.get_mut(found).filter(|_| found < 4)? = raw.get(from..at)?;
        found += 1;
        from = at + separator;
    }
    *parts.get_mut(found)? = raw.get(from..)?;
    let (id, date, region, service, terminator) = match (algorithm, parts, found) {
        (Algorithm::HmacSha256, [id, date, region, service, terminator], 4) => {
            (id, date, Some(region), service, terminator)
        }
        (Algorithm::EcdsaP256Sha256, [id, date, service, terminator, _], 3) => (id, date, None, service, terminator),
        _ => return None,
    };
    if terminator != "aws4_request" {
        return None;
    }
    if in_query && id.contains('%') {
        let id = encode::decode(id)?;
        let (_, scope) = parts_of_credential(&id, date, region, service)?;
        return Some((Cow::Owned(id), scope));
    }
    parts_of_credential(id, date, region, service)
}

/// A credential of these parts, in which nothing is an escape any more. One without a region is of `SigV4a`.
#[inline]
fn parts_of_credential<'r>(
    id: &'r str,
    date: &str,
    region: Option<&str>,
    service: &str,
) -> Option<(Cow<'r, str>, Scope)> {
    if !is_key_id(id, MAX_KEY_ID) {
        return None;
    }
    let date = date.as_bytes().try_into().ok()?;
    let scope = match region {
        Some(region) => Scope::from_parts(date, region, service),
        None => Scope::regionless_from_parts(date, service),
    };
    Some((Cow::Borrowed(id), scope?))
}

/// A session token by the name that it was sent by.
#[derive(Clone, Copy)]
pub(super) struct SessionToken<'r> {
    pub(super) kind: TokenKind,
    sent: SentToken<'r>,
}

#[derive(Clone, Copy)]
enum SentToken<'r> {
    /// Percent-encoded.
    InQuery(&'r str),
    InHeader(&'r [u8]),
}

impl<'r> SessionToken<'r> {
    /// The one that is there.
    fn only<const N: usize>(all: [(TokenKind, Option<SentToken<'r>>); N]) -> Result<Option<Self>, VerifyError> {
        let mut found = all.into_iter().filter_map(|(kind, sent)| sent.map(|sent| Self { kind, sent }));
        match (found.next(), found.next()) {
            (_, Some(second)) => Err(VerifyError::FieldCount { field: second.kind.param(), found: 2 }),
            (token, None) => Ok(token),
        }
    }

    pub(super) const fn is_in_query(self) -> bool {
        matches!(self.sent, SentToken::InQuery(_))
    }

    /// In time that depends on the lengths alone.
    pub(super) fn equals(self, ours: &str) -> bool {
        match self.sent {
            SentToken::InHeader(theirs) => same_token(ours, theirs),
            SentToken::InQuery(theirs) => same_token(ours, &encode::Decoded::of(theirs).collect::<Vec<u8>>()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_has_exactly_five_parts() {
        fn read_credential(text: &str, in_query: bool) -> Option<(Cow<'_, str>, Scope)> {
            super::read_credential(Algorithm::HmacSha256, text, in_query)
        }
        assert!(read_credential("AKID/20150830/us-east-1/s3/aws4_request", false).is_some());
        let (id, scope) = read_credential("test%3Atester%2F20150830/us-east-1%2fs3%2Faws4_request", true).unwrap();
        assert_eq!((&*id, scope.as_str()), ("test:tester", "20150830/us-east-1/s3/aws4_request"));
        assert!(read_credential("AKID%2F20150830%2Fus-east-1%2Fs3%2Faws4_request", false).is_none());
        for text in [
            "AKID%252F/20150830/us-east-1/s3/aws4_request%",
            "AKID/20150830/us-east-1/s3",
            "AKID/20150830/us-east-1/s3/aws4_request/",
            "AK/ID/20150830/us-east-1/s3/aws4_request",
            "/20150830/us-east-1/s3/aws4_request",
            "AKID/2015083/us-east-1/s3/aws4_request",
            "AKID/20150830//s3/aws4_request",
            "AKID/20150830/us-east-1/s3/aws4_request2",
            "A KID/20150830/us-east-1/s3/aws4_request",
        ] {
            assert!(read_credential(text, false).is_none(), "{text}");
            let encoded = text.replace('/', "%2F");
            assert!(read_credential(&encoded, true).is_none(), "{text}");
        }
    }

    #[test]
    fn a_credential_of_the_asymmetric_algorithm_has_exactly_four_parts() {
        let read = |text| read_credential(Algorithm::EcdsaP256Sha256, text, true);
        let (id, scope) = read("AKID%2F20150830%2Fs3%2Faws4_request").unwrap();
        assert_eq!(
            (&*id, scope.as_str(), scope.region(), scope.service()),
            ("AKID", "20150830/s3/aws4_request", "", "s3")
        );
        for text in
            ["AKID/20150830/us-east-1/s3/aws4_request", "AKID/20150830/aws4_request", "AKID/20150830//aws4_request"]
        {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
