//! Reading a request: its target, the header lines and parameters that belong to the signature.
//!
//! Everything here is about shape. Whatever can be read in two ways is refused, whatever is repeated is
//! refused, and nothing is decoded twice.

use super::{
    canonical::{ALGORITHM, Query, SignedNames},
    key::{MAX_KEY_ID, Scope, same_token},
    sign::RESERVED_PARAMS,
    verify::Form,
};
use crate::{
    clock::Timestamp,
    encode::{self, Inline, PlusSign, Spelling},
    error::VerifyError,
    view::{Limits, RequestView},
};
use alloc::vec::Vec;

/// Splits a target into authority (absolute form only), path and query.
pub(super) fn split_target<'r>(
    target: &'r str,
    limits: &Limits,
) -> Result<(Option<&'r str>, &'r str, &'r str), VerifyError> {
    let malformed = |why| VerifyError::Malformed { what: "target", why };
    if target.len() > limits.target {
        return Err(VerifyError::TooLarge { what: "request target", found: target.len(), limit: limits.target });
    }
    if target.contains('#') {
        return Err(malformed("it holds a `#`"));
    }
    let absolute = target.strip_prefix("https://").or_else(|| target.strip_prefix("http://"));
    let (authority, rest) = match absolute {
        Some(rest) => match rest.find(['/', '?']).and_then(|cut| rest.split_at_checked(cut)) {
            Some((authority, rest)) => (Some(authority), rest),
            None => (Some(rest), ""),
        },
        None => (None, target),
    };
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = if authority.is_some() && path.is_empty() { "/" } else { path };
    if !path.starts_with('/') {
        return Err(malformed("it must be a path or an absolute URL"));
    }
    if encode::spelling(path, Some(b'/')) == Spelling::Malformed {
        return Err(malformed("its path holds a bad escape or a byte that is not visible ASCII"));
    }
    Ok((authority, path, query))
}

/// The header lines that verification itself reads.
pub(super) struct Head<'r> {
    host: Option<&'r [u8]>,
    hosts: usize,
    pub(super) authorization: Option<&'r [u8]>,
    amz_date: Option<&'r [u8]>,
    session_token: Option<&'r [u8]>,
    pub(super) content_sha256: Option<&'r [u8]>,
}

impl<'r> Head<'r> {
    pub(super) fn read(view: &RequestView<'r>, limits: &Limits) -> Result<Self, VerifyError> {
        let lines = view.headers();
        if lines.len() > limits.header_lines {
            return Err(VerifyError::TooLarge { what: "header lines", found: lines.len(), limit: limits.header_lines });
        }
        let mut head = Self {
            host: None,
            hosts: 0,
            authorization: None,
            amz_date: None,
            session_token: None,
            content_sha256: None,
        };
        for &(name, value) in lines {
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
                return Err(VerifyError::Malformed { what: "header name", why: "it must be visible ASCII" });
            }
            if value.len() > limits.header_value {
                return Err(VerifyError::TooLarge {
                    what: "header value",
                    found: value.len(),
                    limit: limits.header_value,
                });
            }
            if value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
                return Err(VerifyError::Malformed { what: "header value", why: "it holds CR, LF or NUL" });
            }
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            let (slot, field) = match name.len() {
                4 if is("host") => {
                    head.hosts = head.hosts.saturating_add(1);
                    head.host = Some(value);
                    continue;
                }
                13 if is("authorization") => (&mut head.authorization, "Authorization"),
                10 if is("x-amz-date") => (&mut head.amz_date, "x-amz-date"),
                20 if is("x-amz-security-token") => (&mut head.session_token, "x-amz-security-token"),
                20 if is("x-amz-content-sha256") => (&mut head.content_sha256, "x-amz-content-sha256"),
                _ => continue,
            };
            if slot.replace(value.trim_ascii()).is_some() {
                return Err(VerifyError::FieldCount { field, found: 2 });
            }
        }
        Ok(head)
    }

    pub(super) fn host(&self) -> Result<&'r str, VerifyError> {
        let Some(host) = self.host.filter(|_| self.hosts == 1) else {
            return Err(VerifyError::FieldCount { field: "Host", found: self.hosts });
        };
        let visible = core::str::from_utf8(host).ok().map(str::trim_ascii);
        visible
            .filter(|host| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic()))
            .ok_or(VerifyError::FieldForm { field: "Host", expected: "a host with an optional port" })
    }
}

/// The query as sent, with the fields that belong to the signature.
#[derive(Clone)]
pub(super) struct RawQuery<'r> {
    pub(super) raw: &'r str,
    /// The values of [`RESERVED_PARAMS`], in that order.
    reserved: [Option<&'r str>; RESERVED_PARAMS.len()],
    pub(super) content_sha256: Option<&'r str>,
    /// Whether the query without the signature is canonical as it stands.
    is_canonical: bool,
    /// What stands before and after the signature.
    around_signature: [&'r str; 2],
    pub(super) has_plus: bool,
    pub(super) other_dialect: Option<&'static str>,
}

const P_ALGORITHM: usize = 0;
const P_CREDENTIAL: usize = 1;
const P_DATE: usize = 2;
const P_EXPIRES: usize = 3;
const P_SIGNED_HEADERS: usize = 4;
const P_SIGNATURE: usize = 5;
const P_SECURITY_TOKEN: usize = 6;

impl<'r> RawQuery<'r> {
    pub(super) fn read(raw: &'r str, limits: &Limits) -> Result<Self, VerifyError> {
        let malformed = |why| VerifyError::Malformed { what: "query", why };
        let mut query = Self {
            raw,
            reserved: [None; RESERVED_PARAMS.len()],
            content_sha256: None,
            is_canonical: true,
            around_signature: [raw, ""],
            has_plus: false,
            other_dialect: None,
        };
        if raw.is_empty() {
            return Ok(query);
        }
        let mut before = ("", "");
        let mut start = 0usize;
        for (at, param) in raw.split('&').enumerate() {
            if at >= limits.params {
                return Err(VerifyError::TooLarge {
                    what: "query parameters",
                    found: raw.split('&').count(),
                    limit: limits.params,
                });
            }
            if param.is_empty() {
                return Err(malformed("a parameter is empty"));
            }
            let pair = param.split_once('=');
            // The canonical spelling of `name` is `name=`.
            query.is_canonical &= pair.is_some();
            let (name, value) = pair.unwrap_or((param, ""));
            for text in [name, value] {
                match encode::spelling(text, None) {
                    Spelling::Canonical => {}
                    Spelling::Equivalent => {
                        query.is_canonical = false;
                        query.has_plus |= text.contains('+');
                    }
                    Spelling::Malformed => {
                        return Err(malformed("it holds a bad escape or a byte that is not visible ASCII"));
                    }
                }
            }
            if query.take_reserved(name, value)? == Some(P_SIGNATURE) {
                let end = start.saturating_add(param.len());
                query.around_signature = [
                    raw.get(..start).unwrap_or_default().trim_end_matches('&'),
                    raw.get(end..).unwrap_or_default().trim_start_matches('&'),
                ];
            } else {
                query.is_canonical &= before <= (name, value);
                before = (name, value);
            }
            start = start.saturating_add(param.len()).saturating_add(1);
        }
        Ok(query)
    }

    /// Takes the value of a reserved parameter, and tells which one it was.
    fn take_reserved(&mut self, name: &str, value: &'r str) -> Result<Option<usize>, VerifyError> {
        let decoded;
        let plain = if name.contains('%') {
            decoded = Inline::<32>::decoded(name);
            match decoded.as_ref().and_then(Inline::as_str) {
                Some(plain) => plain,
                // Longer than any reserved name, or not text.
                None => return Ok(None),
            }
        } else {
            name
        };
        let is = |other: &str| plain.eq_ignore_ascii_case(other);
        let Some(first) = plain.bytes().next() else { return Ok(None) };
        match first {
            b'X' | b'x' => {}
            b'A' | b'a' if is("AWSAccessKeyId") => {
                self.other_dialect = Some("AWSAccessKeyId");
                return Ok(None);
            }
            b'S' | b's' if is("Signature") => {
                self.other_dialect = Some("Signature");
                return Ok(None);
            }
            b'G' | b'g' if is("GoogleAccessId") => {
                self.other_dialect = Some("GoogleAccessId");
                return Ok(None);
            }
            _ => return Ok(None),
        }
        if plain.get(..7).is_some_and(|prefix| prefix.eq_ignore_ascii_case("X-Goog-")) {
            self.other_dialect = Some("X-Goog-*");
            return Ok(None);
        }
        if is("X-Amz-Content-Sha256") {
            if self.content_sha256.replace(value).is_some() {
                return Err(VerifyError::FieldCount { field: "X-Amz-Content-Sha256", found: 2 });
            }
            return Ok(None);
        }
        let Some((at, field)) = RESERVED_PARAMS.iter().enumerate().find(|(_, reserved)| is(reserved)) else {
            return Ok(None);
        };
        if name != *field {
            return Err(VerifyError::FieldForm { field, expected: "spelled exactly like this" });
        }
        if self.reserved.get_mut(at).is_some_and(|slot| slot.replace(value).is_some()) {
            return Err(VerifyError::FieldCount { field, found: 2 });
        }
        Ok(Some(at))
    }

    /// Whether any parameter of a signature is there.
    pub(super) fn is_reserved(&self) -> bool {
        self.reserved.iter().any(Option::is_some)
    }

    /// What is signed of it.
    pub(super) const fn canonical(&self, without: &'static [&'static str], plus: PlusSign) -> Query<'r> {
        if self.is_canonical && without.len() <= 1 {
            Query::Canonical(self.around_signature)
        } else {
            Query::Equivalent { raw: self.raw, without, plus }
        }
    }

    fn required(&self, at: usize) -> Result<&'r str, VerifyError> {
        let field = RESERVED_PARAMS.get(at).copied().unwrap_or_default();
        self.reserved.get(at).copied().flatten().ok_or(VerifyError::FieldCount { field, found: 0 })
    }

    fn decoded<const N: usize>(&self, at: usize, expected: &'static str) -> Result<Inline<N>, VerifyError> {
        let field = RESERVED_PARAMS.get(at).copied().unwrap_or_default();
        Inline::decoded(self.required(at)?).ok_or(VerifyError::FieldForm { field, expected })
    }
}

/// The fields of a signature, wherever they stood.
pub(super) struct Claim<'r> {
    pub(super) form: Form,
    pub(super) access_key_id: Inline<MAX_KEY_ID>,
    pub(super) scope: Scope,
    pub(super) signed_at: Timestamp,
    pub(super) amz_date: [u8; 16],
    pub(super) lifetime: u32,
    pub(super) signed: SignedNames<'r>,
    pub(super) signature: [u8; 64],
    pub(super) session_token: Option<SessionToken<'r>>,
}

const DATE_FORM: &str = "a calendar date and time in the form `YYYYMMDDTHHMMSSZ`";
const SIGNATURE_FORM: &str = "64 lower-case hex digits";
const CREDENTIAL_FORM: &str = "`<access key id>/<YYYYMMDD>/<region>/<service>/aws4_request`";

impl<'r> Claim<'r> {
    pub(super) fn from_query(query: &RawQuery<'r>, head: &Head<'r>, limits: &Limits) -> Result<Self, VerifyError> {
        let form = |field, expected| VerifyError::FieldForm { field, expected };
        let algorithm: Inline<32> = query.decoded(P_ALGORITHM, ALGORITHM)?;
        if algorithm.bytes() != ALGORITHM.as_bytes() {
            return Err(VerifyError::Algorithm { field: "X-Amz-Algorithm", expected: ALGORITHM });
        }
        if query.reserved.last().is_some_and(Option::is_some) {
            // A region set belongs to the asymmetric algorithm.
            return Err(VerifyError::Algorithm { field: "X-Amz-Region-Set", expected: ALGORITHM });
        }
        for at in [P_CREDENTIAL, P_DATE, P_EXPIRES, P_SIGNED_HEADERS, P_SIGNATURE] {
            query.required(at)?;
        }
        let date: Inline<16> = query.decoded(P_DATE, DATE_FORM)?;
        let (signed_at, amz_date) = read_date(date.bytes()).ok_or(form("X-Amz-Date", DATE_FORM))?;
        let lifetime = query.decoded::<8>(P_EXPIRES, "1 to 6 digits")?;
        let lifetime = read_digits(lifetime.bytes()).ok_or(form("X-Amz-Expires", "1 to 6 digits"))?;
        let credential: Inline<320> = query.decoded(P_CREDENTIAL, CREDENTIAL_FORM)?;
        let (access_key_id, scope) =
            credential.as_str().and_then(read_credential).ok_or(form("X-Amz-Credential", CREDENTIAL_FORM))?;
        let signed =
            SignedNames::parse(query.required(P_SIGNED_HEADERS)?, "X-Amz-SignedHeaders", limits.signed_headers)?;
        let signature = query.required(P_SIGNATURE)?;
        let signature = read_signature(signature.as_bytes()).ok_or(form("X-Amz-Signature", SIGNATURE_FORM))?;
        if head.amz_date.is_some_and(|header| header != amz_date) {
            return Err(form("x-amz-date", "the same as `X-Amz-Date`"));
        }
        let in_query = query.reserved.get(P_SECURITY_TOKEN).copied().flatten();
        if in_query.is_some() && head.session_token.is_some() {
            return Err(VerifyError::FieldCount { field: "X-Amz-Security-Token", found: 2 });
        }
        let session_token = in_query.map(SessionToken::InQuery).or(head.session_token.map(SessionToken::InHeader));
        let form = Form::Presigned;
        Ok(Self { form, access_key_id, scope, signed_at, amz_date, lifetime, signed, signature, session_token })
    }

    pub(super) fn from_header(authorization: &'r [u8], head: &Head<'r>, limits: &Limits) -> Result<Self, VerifyError> {
        const FIELD: &str = "Authorization";
        let form = |field, expected| VerifyError::FieldForm { field, expected };
        let text = core::str::from_utf8(authorization)
            .ok()
            .filter(|text| text.is_ascii())
            .ok_or(form(FIELD, "visible ASCII"))?;
        let (scheme, fields) = text.split_once(' ').ok_or(form(FIELD, "a scheme, a blank and its fields"))?;
        if !scheme.eq_ignore_ascii_case(ALGORITHM) {
            return Err(VerifyError::Algorithm { field: FIELD, expected: ALGORITHM });
        }
        let (mut credential, mut signed, mut signature) = (None, None, None);
        for field in fields.split(',') {
            let (name, value) = field
                .trim_start_matches(' ')
                .split_once('=')
                .ok_or(form(FIELD, "`Credential=..., SignedHeaders=..., Signature=...`"))?;
            let (slot, name) = match name {
                "Credential" => (&mut credential, "Credential"),
                "SignedHeaders" => (&mut signed, "SignedHeaders"),
                "Signature" => (&mut signature, "Signature"),
                _ => return Err(form(FIELD, "`Credential=..., SignedHeaders=..., Signature=...`")),
            };
            if slot.replace(value).is_some() {
                return Err(VerifyError::FieldCount { field: name, found: 2 });
            }
        }
        let missing = |field| VerifyError::FieldCount { field, found: 0 };
        let credential = credential.ok_or(missing("Credential"))?;
        let signed = signed.ok_or(missing("SignedHeaders"))?;
        let signature = signature.ok_or(missing("Signature"))?;
        let (access_key_id, scope) = read_credential(credential).ok_or(form("Credential", CREDENTIAL_FORM))?;
        if signed.contains('%') {
            return Err(form("SignedHeaders", "header names separated by `;`"));
        }
        let signed = SignedNames::parse(signed, "SignedHeaders", limits.signed_headers)?;
        let signature = read_signature(signature.as_bytes()).ok_or(form("Signature", SIGNATURE_FORM))?;
        let date = head.amz_date.ok_or(missing("x-amz-date"))?;
        let (signed_at, amz_date) = read_date(date).ok_or(form("x-amz-date", DATE_FORM))?;
        let session_token = head.session_token.map(SessionToken::InHeader);
        let form = Form::Header;
        Ok(Self { form, access_key_id, scope, signed_at, amz_date, lifetime: 0, signed, signature, session_token })
    }
}

fn read_date(text: &[u8]) -> Option<(Timestamp, [u8; 16])> {
    let bytes = text.try_into().ok()?;
    Some((Timestamp::from_iso_basic(&bytes).ok()?, bytes))
}

/// One to six digits: no sign, no blank, no unit.
fn read_digits(text: &[u8]) -> Option<u32> {
    if !(1..=6).contains(&text.len()) {
        return None;
    }
    text.iter().try_fold(0u32, |number, digit| {
        digit.is_ascii_digit().then(|| number.saturating_mul(10).saturating_add(u32::from(digit & 15)))
    })
}

fn read_credential(text: &str) -> Option<(Inline<MAX_KEY_ID>, Scope)> {
    let mut parts = text.split('/');
    let (id, date, region, service) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if parts.next() != Some("aws4_request") || parts.next().is_some() {
        return None;
    }
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let mut access_key_id = Inline::new();
    access_key_id.push(id.as_bytes())?;
    Some((access_key_id, Scope::from_parts(date.as_bytes().try_into().ok()?, region, service)?))
}

fn read_signature(text: &[u8]) -> Option<[u8; 64]> {
    let signature: [u8; 64] = text.try_into().ok()?;
    signature.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).then_some(signature)
}

/// A session token as it was sent.
#[derive(Clone, Copy)]
pub(super) enum SessionToken<'r> {
    /// Percent-encoded.
    InQuery(&'r str),
    InHeader(&'r [u8]),
}

impl SessionToken<'_> {
    /// In time that depends on the lengths alone.
    pub(super) fn equals(self, ours: &str) -> bool {
        match self {
            Self::InHeader(theirs) => same_token(ours, theirs),
            Self::InQuery(theirs) => same_token(ours, &encode::Decoded::of(theirs).collect::<Vec<u8>>()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_one_to_six_digits_and_nothing_else() {
        for (text, expected) in
            [("1", Some(1)), ("604800", Some(604_800)), ("000300", Some(300)), ("999999", Some(999_999))]
        {
            assert_eq!(read_digits(text.as_bytes()), expected, "{text}");
        }
        for text in ["", "+300", "-1", " 300", "300 ", "3e2", "0x12c", "300.0", "1234567", "\u{663}"] {
            assert_eq!(read_digits(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_credential_has_exactly_five_parts() {
        assert!(read_credential("AKID/20150830/us-east-1/s3/aws4_request").is_some());
        for text in [
            "AKID/20150830/us-east-1/s3",
            "AKID/20150830/us-east-1/s3/aws4_request/",
            "AK/ID/20150830/us-east-1/s3/aws4_request",
            "/20150830/us-east-1/s3/aws4_request",
            "AKID/2015083/us-east-1/s3/aws4_request",
            "AKID/20150830//s3/aws4_request",
            "AKID/20150830/us-east-1/s3/aws4_request2",
            "A KID/20150830/us-east-1/s3/aws4_request",
        ] {
            assert!(read_credential(text).is_none(), "{text}");
        }
    }
}
