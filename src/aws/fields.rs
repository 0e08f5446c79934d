//! Reading a request: its target, the header lines and parameters that belong to the signature.
//!
//! Everything here is about shape. Whatever can be read in two ways is refused, whatever is repeated is
//! refused, and nothing is decoded twice.

use super::{
    canonical::{ALGORITHM, Query, SignedNames, trimmed},
    key::{MAX_KEY_ID, Scope, same_token},
    request::{RESERVED_PARAMS, is_method, is_of_another_scheme},
    verify::Form,
};
use crate::{
    clock::Timestamp,
    encode::{self, Inline, PlusSign, Spelling},
    error::VerifyError,
    view::{Limits, RequestView},
};
use alloc::{borrow::Cow, vec::Vec};

/// A request target in its parts.
#[derive(Clone, Copy)]
pub(super) struct Target<'r> {
    /// From an absolute form only.
    pub(super) authority: Option<&'r str>,
    pub(super) path: &'r str,
    pub(super) path_spelling: Spelling,
    pub(super) query: &'r str,
}

impl<'r> Target<'r> {
    pub(super) fn split(target: &'r str, limits: &Limits) -> Result<Self, VerifyError> {
        let malformed = |why| VerifyError::Malformed { what: "target", why };
        if target.len() > limits.target {
            return Err(VerifyError::TooLarge { what: "request target", found: target.len(), limit: limits.target });
        }
        let absolute = target.strip_prefix("https://").or_else(|| target.strip_prefix("http://"));
        let (authority, rest) = match absolute {
            Some(rest) => match rest.find(['/', '?']).and_then(|cut| rest.split_at_checked(cut)) {
                Some((authority, rest)) => (Some(authority), rest),
                None => (Some(rest), ""),
            },
            None => (None, target),
        };
        let scanned = encode::scan(rest.as_bytes(), 0, [b'?'; 2], Some(b'/'));
        let (path, query) = rest.split_at_checked(scanned.end).unwrap_or_default();
        let path = if authority.is_some() && path.is_empty() { "/" } else { path };
        if scanned.spelling == Spelling::Malformed {
            return Err(malformed("its path holds a bad escape, a `#`, or a byte that is not visible ASCII"));
        }
        if !path.starts_with('/') {
            return Err(malformed("it must be a path or an absolute URL"));
        }
        let query = query.strip_prefix('?').unwrap_or(query);
        Ok(Self { authority, path, path_spelling: scanned.spelling, query })
    }
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
        if !is_method(view.method()) {
            return Err(VerifyError::Malformed { what: "method", why: "it must be 1 to 32 letters" });
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
            if name.is_empty() || encode::any(name.as_bytes(), |byte| !byte.is_ascii_graphic() || byte == b':') {
                return Err(VerifyError::Malformed { what: "header name", why: "it must be visible ASCII" });
            }
            for (what, found) in [("header name", name.len()), ("header value", value.len())] {
                if found > limits.header_value {
                    return Err(VerifyError::TooLarge { what, found, limit: limits.header_value });
                }
            }
            if encode::any(value, |byte| matches!(byte, b'\r' | b'\n' | 0)) {
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
            if slot.replace(trimmed(value)).is_some() {
                return Err(VerifyError::FieldCount { field, found: 2 });
            }
        }
        Ok(head)
    }

    pub(super) fn host(&self) -> Result<&'r str, VerifyError> {
        let Some(host) = self.host.filter(|_| self.hosts == 1) else {
            return Err(VerifyError::FieldCount { field: "Host", found: self.hosts });
        };
        let visible = core::str::from_utf8(trimmed(host)).ok();
        visible
            .filter(|host| !host.is_empty() && !encode::any(host.as_bytes(), |byte| !byte.is_ascii_graphic()))
            .ok_or(VerifyError::FieldForm { field: "Host", expected: "a host with an optional port" })
    }
}

/// The query as sent.
#[derive(Clone, Copy)]
pub(super) struct RawQuery<'r> {
    pub(super) raw: &'r str,
    pub(super) content_sha256: Option<&'r str>,
    /// Whether the query without the signature is canonical as it stands.
    is_canonical: bool,
    pub(super) has_plus: bool,
    /// What stands before and after the signature.
    around_signature: [&'r str; 2],
}

/// The parameters that belong to a signature.
pub(super) struct Reserved<'r> {
    /// The values of [`RESERVED_PARAMS`], in that order.
    values: [Option<&'r str>; RESERVED_PARAMS.len()],
    /// A parameter of another signature scheme.
    pub(super) other_dialect: Option<&'static str>,
}

/// How many parameters [`RawQuery::read_usual`] reads.
const USUAL_PARAMS: usize = 6;
const P_ALGORITHM: usize = 0;
const P_CREDENTIAL: usize = 1;
const P_DATE: usize = 2;
const P_EXPIRES: usize = 3;
const P_SIGNED_HEADERS: usize = 4;
const P_SIGNATURE: usize = 5;
const P_SECURITY_TOKEN: usize = 6;
const P_REGION_SET: usize = 7;

impl<'r> RawQuery<'r> {
    pub(super) fn read(raw: &'r str, limits: &Limits) -> Result<(Self, Reserved<'r>), VerifyError> {
        if raw.is_empty() {
            let query =
                Self { raw, content_sha256: None, is_canonical: true, has_plus: false, around_signature: [raw, ""] };
            return Ok((query, Reserved { values: [None; RESERVED_PARAMS.len()], other_dialect: None }));
        }
        if let Some(usual) = Self::read_usual(raw).filter(|_| limits.params >= USUAL_PARAMS) {
            return Ok(usual);
        }
        Self::read_any(raw, limits)
    }

    fn read_any(raw: &'r str, limits: &Limits) -> Result<(Self, Reserved<'r>), VerifyError> {
        let malformed = |why| VerifyError::Malformed { what: "query", why };
        let mut query =
            Self { raw, content_sha256: None, is_canonical: true, has_plus: false, around_signature: [raw, ""] };
        let mut reserved = Reserved { values: [None; RESERVED_PARAMS.len()], other_dialect: None };
        let bytes = raw.as_bytes();
        let mut before = ("", "");
        let (mut start, mut count) = (0, 0);
        loop {
            let name = encode::scan(bytes, start, [b'=', b'&'], None);
            // The canonical spelling of `name` is `name=`.
            let has_value = bytes.get(name.end) == Some(&b'=');
            let value_at = if has_value { name.end + 1 } else { name.end };
            let value = encode::scan(bytes, value_at, [b'&'; 2], None);
            if name.spelling == Spelling::Malformed || value.spelling == Spelling::Malformed {
                return Err(malformed("it holds a bad escape, a `#`, or a byte that is not visible ASCII"));
            }
            if value.end == start {
                return Err(malformed("a parameter is empty"));
            }
            count += 1;
            if count > limits.params {
                let found = raw.split('&').count();
                return Err(VerifyError::TooLarge { what: "query parameters", found, limit: limits.params });
            }
            let text = |from, to| raw.get(from..to).unwrap_or_default();
            let param = (text(start, name.end), text(value_at, value.end));
            query.is_canonical &=
                has_value && name.spelling == Spelling::Canonical && value.spelling == Spelling::Canonical;
            query.has_plus |= name.has_plus || value.has_plus;
            if query.take(&mut reserved, param, name.has_escape)? == Some(P_SIGNATURE) {
                query.around_signature = [text(0, start.saturating_sub(1)), text(value.end + 1, bytes.len())];
            } else {
                query.is_canonical = query.is_canonical && is_ascending(before, param);
                before = param;
            }
            if value.end >= bytes.len() {
                return Ok((query, reserved));
            }
            start = value.end + 1;
        }
    }

    /// Reads the query that most presigned URLs have: these parameters in this order, canonical, and no
    /// other. By its layout that costs a fraction of reading it name by name; any other query is `None`
    /// and goes the general way, which says the same of this one.
    fn read_usual(raw: &'r str) -> Option<(Self, Reserved<'r>)> {
        let value = |text: &'r str| {
            let scanned = encode::scan(text.as_bytes(), 0, [b'&'; 2], None);
            text.split_at_checked(scanned.end).filter(|_| scanned.spelling == Spelling::Canonical)
        };
        let (head, signature) = raw.split_at_checked(raw.len().checked_sub(64)?)?;
        let head = head.strip_suffix("&X-Amz-Signature=")?;
        read_signature(signature.as_bytes())?;
        let rest = head.strip_prefix("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=")?;
        let (credential, rest) = value(rest)?;
        let (date, rest) = rest.strip_prefix("&X-Amz-Date=")?.split_at_checked(16)?;
        if encode::any(date.as_bytes(), |byte| !byte.is_ascii_alphanumeric()) {
            return None;
        }
        let (expires, rest) = value(rest.strip_prefix("&X-Amz-Expires=")?)?;
        let (signed_headers, rest) = value(rest.strip_prefix("&X-Amz-SignedHeaders=")?)?;
        let values = [
            Some(ALGORITHM),
            Some(credential),
            Some(date),
            Some(expires),
            Some(signed_headers),
            Some(signature),
            None,
            None,
        ];
        let around_signature = [head, ""];
        rest.is_empty().then_some((
            Self { raw, content_sha256: None, is_canonical: true, has_plus: false, around_signature },
            Reserved { values, other_dialect: None },
        ))
    }

    /// Takes the value of a reserved parameter, and tells which one it was.
    #[inline]
    fn take(
        &mut self,
        reserved: &mut Reserved<'r>,
        (name, value): (&'r str, &'r str),
        has_escape: bool,
    ) -> Result<Option<usize>, VerifyError> {
        // No name that matters begins with another letter, unless it is written as an escape.
        if !matches!(name.as_bytes().first(), Some(b'X' | b'x' | b'A' | b'a' | b'S' | b's' | b'G' | b'g' | b'%')) {
            return Ok(None);
        }
        let Some(at) = reserved_index(name) else {
            return self.take_unusual(reserved, name, value, has_escape).map(|()| None);
        };
        let field = RESERVED_PARAMS.get(at).copied().unwrap_or_default();
        if reserved.values.get_mut(at).is_some_and(|slot| slot.replace(value).is_some()) {
            return Err(VerifyError::FieldCount { field, found: 2 });
        }
        Ok(Some(at))
    }

    /// Looks at a name that is not exactly a reserved one: it may be one in another spelling, or belong
    /// to another scheme.
    fn take_unusual(
        &mut self,
        reserved: &mut Reserved<'r>,
        name: &'r str,
        value: &'r str,
        has_escape: bool,
    ) -> Result<(), VerifyError> {
        let decoded;
        let mut plain = name;
        if has_escape {
            decoded = Inline::<64>::decoded(name);
            match decoded.as_ref().and_then(Inline::as_str) {
                Some(text) => plain = text,
                // Longer than any name that matters, or not text.
                None => return Ok(()),
            }
        }
        let is = |other: &str| plain.eq_ignore_ascii_case(other);
        if let Some(field) = RESERVED_PARAMS.iter().find(|known| is(known)) {
            return Err(VerifyError::FieldForm { field, expected: "spelled exactly like this" });
        }
        if is("X-Amz-Content-Sha256") && self.content_sha256.replace(value).is_some() {
            return Err(VerifyError::FieldCount { field: "X-Amz-Content-Sha256", found: 2 });
        }
        if is_of_another_scheme(plain) {
            reserved.other_dialect = Some("a parameter of another scheme");
        }
        Ok(())
    }

    /// What is signed of it.
    pub(super) const fn canonical(&self, without: &'static [&'static str], plus: PlusSign) -> Query<'r> {
        if self.is_canonical && without.len() <= 1 {
            Query::Canonical(self.around_signature)
        } else {
            Query::Equivalent { raw: self.raw, without, plus }
        }
    }
}

impl<'r> Reserved<'r> {
    /// Whether any parameter of a signature is there.
    pub(super) fn any(&self) -> bool {
        self.values.iter().any(Option::is_some)
    }

    fn required(&self, at: usize) -> Result<&'r str, VerifyError> {
        let field = RESERVED_PARAMS.get(at).copied().unwrap_or_default();
        match self.values.get(at) {
            Some(Some(value)) => Ok(value),
            _ => Err(VerifyError::FieldCount { field, found: 0 }),
        }
    }

    /// The decoded value. None of these needs an escape, so that nothing is copied unless somebody on the
    /// way wrote one.
    fn decoded(&self, at: usize, expected: &'static str) -> Result<Cow<'r, str>, VerifyError> {
        let raw = self.required(at)?;
        if !raw.as_bytes().contains(&b'%') {
            return Ok(Cow::Borrowed(raw));
        }
        let field = RESERVED_PARAMS.get(at).copied().unwrap_or_default();
        encode::decode(raw).map(Cow::Owned).ok_or(VerifyError::FieldForm { field, expected })
    }
}

/// The place of a name in [`RESERVED_PARAMS`]. Written out because comparing with constants is so much
/// cheaper than searching a table; a test holds it to the table.
fn reserved_index(name: &str) -> Option<usize> {
    Some(match name {
        "X-Amz-Algorithm" => P_ALGORITHM,
        "X-Amz-Credential" => P_CREDENTIAL,
        "X-Amz-Date" => P_DATE,
        "X-Amz-Expires" => P_EXPIRES,
        "X-Amz-SignedHeaders" => P_SIGNED_HEADERS,
        "X-Amz-Signature" => P_SIGNATURE,
        "X-Amz-Security-Token" => P_SECURITY_TOKEN,
        "X-Amz-Region-Set" => P_REGION_SET,
        _ => return None,
    })
}

/// Whether two parameters in canonical spelling stand in canonical order.
fn is_ascending(left: (&str, &str), right: (&str, &str)) -> bool {
    // Most names differ in their first eight bytes, which compare as one number.
    match (left.0.as_bytes().first_chunk::<8>(), right.0.as_bytes().first_chunk::<8>()) {
        (Some(left), Some(right)) if left != right => u64::from_be_bytes(*left) < u64::from_be_bytes(*right),
        _ => left.0.cmp(right.0).then_with(|| left.1.cmp(right.1)).is_le(),
    }
}

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
    /// Exactly 64 lower-case hex digits.
    pub(super) signature: &'r [u8; 64],
    pub(super) session_token: Option<SessionToken<'r>>,
}

const DATE_FORM: &str = "a calendar date and time in the form `YYYYMMDDTHHMMSSZ`";
const LIFETIME_FORM: &str = "1 to 6 digits";
const SIGNATURE_FORM: &str = "64 lower-case hex digits";
const CREDENTIAL_FORM: &str = "`<access key id>/<YYYYMMDD>/<region>/<service>/aws4_request`";

impl<'r> Claim<'r> {
    pub(super) fn from_query(query: &Reserved<'r>, head: &Head<'r>, limits: &Limits) -> Result<Self, VerifyError> {
        let form = |field, expected| VerifyError::FieldForm { field, expected };
        if query.decoded(P_ALGORITHM, ALGORITHM)? != ALGORITHM {
            return Err(VerifyError::Algorithm { field: "X-Amz-Algorithm", expected: ALGORITHM });
        }
        if query.required(P_REGION_SET).is_ok() {
            // A region set belongs to the asymmetric algorithm.
            return Err(VerifyError::Algorithm { field: "X-Amz-Region-Set", expected: ALGORITHM });
        }
        for at in [P_CREDENTIAL, P_DATE, P_EXPIRES, P_SIGNED_HEADERS, P_SIGNATURE] {
            query.required(at)?;
        }
        let date = query.decoded(P_DATE, DATE_FORM)?;
        let (signed_at, amz_date) = read_date(date.as_bytes()).ok_or_else(|| form("X-Amz-Date", DATE_FORM))?;
        let lifetime = query.decoded(P_EXPIRES, LIFETIME_FORM)?;
        let lifetime = read_digits(lifetime.as_bytes()).ok_or_else(|| form("X-Amz-Expires", LIFETIME_FORM))?;
        let (access_key_id, scope) = read_credential(query.required(P_CREDENTIAL)?, true)
            .ok_or_else(|| form("X-Amz-Credential", CREDENTIAL_FORM))?;
        let signed =
            SignedNames::parse(query.required(P_SIGNED_HEADERS)?, "X-Amz-SignedHeaders", limits.signed_headers)?;
        let signature = read_signature(query.required(P_SIGNATURE)?.as_bytes())
            .ok_or_else(|| form("X-Amz-Signature", SIGNATURE_FORM))?;
        if head.amz_date.is_some_and(|header| header != amz_date) {
            return Err(form("x-amz-date", "the same as `X-Amz-Date`"));
        }
        let in_query = query.values.get(P_SECURITY_TOKEN).copied().flatten();
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
            .ok_or_else(|| form(FIELD, "visible ASCII"))?;
        let (scheme, fields) = text.split_once(' ').ok_or_else(|| form(FIELD, "a scheme, a blank and its fields"))?;
        if !scheme.eq_ignore_ascii_case(ALGORITHM) {
            return Err(VerifyError::Algorithm { field: FIELD, expected: ALGORITHM });
        }
        let (mut credential, mut signed, mut signature) = (None, None, None);
        for field in fields.split(',') {
            let (name, value) = field
                .trim_start_matches(' ')
                .split_once('=')
                .ok_or_else(|| form(FIELD, "`Credential=..., SignedHeaders=..., Signature=...`"))?;
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
        let credential = credential.ok_or_else(|| missing("Credential"))?;
        let signed = signed.ok_or_else(|| missing("SignedHeaders"))?;
        let signature = signature.ok_or_else(|| missing("Signature"))?;
        let (access_key_id, scope) =
            read_credential(credential, false).ok_or_else(|| form("Credential", CREDENTIAL_FORM))?;
        if signed.contains('%') {
            return Err(form("SignedHeaders", "header names separated by `;`"));
        }
        let signed = SignedNames::parse(signed, "SignedHeaders", limits.signed_headers)?;
        let signature = read_signature(signature.as_bytes()).ok_or_else(|| form("Signature", SIGNATURE_FORM))?;
        let date = head.amz_date.ok_or_else(|| missing("x-amz-date"))?;
        let (signed_at, amz_date) = read_date(date).ok_or_else(|| form("x-amz-date", DATE_FORM))?;
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

/// Reads a credential as it stands in a header or, percent-encoded, in a query.
fn read_credential(raw: &str, in_query: bool) -> Option<(Cow<'_, str>, Scope)> {
    let mut parts = [""; 5];
    let (mut from, mut at, mut found) = (0, 0, 0);
    let bytes = raw.as_bytes();
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(skip) = rest.iter().position(|byte| matches!(byte, b'/' | b'%')) else { break };
        at += skip;
        let separator = match bytes.get(at..).unwrap_or_default() {
            [b'/', ..] => 1,
            [b'%', b'2', b'F' | b'f', ..] if in_query => 3,
            _ => {
                at += 1;
                continue;
            }
        };
        *parts.get_mut(found).filter(|_| found < 4)? = raw.get(from..at)?;
        found += 1;
        at += separator;
        from = at;
    }
    *parts.get_mut(found)? = raw.get(from..)?;
    let [id, date, region, service, terminator] = parts;
    if terminator != "aws4_request" {
        return None;
    }
    let id = if in_query && id.contains('%') { Cow::Owned(encode::decode(id)?) } else { Cow::Borrowed(id) };
    let visible = id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    if id.is_empty() || id.len() > MAX_KEY_ID || !visible {
        return None;
    }
    Some((id, Scope::from_parts(date.as_bytes().try_into().ok()?, region, service)?))
}

fn read_signature(text: &[u8]) -> Option<&[u8; 64]> {
    let signature: &[u8; 64] = text.try_into().ok()?;
    (!encode::any(signature, |byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f'))).then_some(signature)
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
    fn every_reserved_parameter_is_found_at_its_place() {
        for (at, name) in RESERVED_PARAMS.iter().enumerate() {
            assert_eq!(reserved_index(name), Some(at), "{name}");
            assert_eq!(reserved_index(&name.to_ascii_lowercase()), None, "{name}");
        }
    }

    #[test]
    fn the_usual_query_is_read_the_same_both_ways() {
        let signature = "0123456789abcdef".repeat(4);
        let usual = alloc::format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20150830%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20150830T123600Z&X-Amz-Expires=900&X-Amz-SignedHeaders=a%3Bhost&X-Amz-Signature={signature}"
        );
        assert!(RawQuery::read_usual(&usual).is_some());
        // With any byte changed, the short way either says what the general one says, or nothing.
        for at in 0..usual.len() {
            for with in [b'&', b'=', b'%', b'+', b'f', b'F', b'0', b'~', b'#', b' ', b'X'] {
                let mut bytes = usual.clone().into_bytes();
                bytes[at] = with;
                let changed = alloc::string::String::from_utf8(bytes).unwrap();
                let Some((query, reserved)) = RawQuery::read_usual(&changed) else { continue };
                let (general, fields) = RawQuery::read_any(&changed, &Limits::DEFAULT).ok().unwrap();
                assert_eq!(reserved.values, fields.values, "{changed}");
                assert_eq!(reserved.other_dialect, fields.other_dialect, "{changed}");
                assert_eq!(query.around_signature, general.around_signature, "{changed}");
                assert!(general.is_canonical && !general.has_plus && general.content_sha256.is_none(), "{changed}");
            }
        }
    }

    #[test]
    fn order_is_by_name_then_value() {
        let sorted = [("A", ""), ("Param", "2"), ("Param-3", "1"), ("X-Amz-Date", "1"), ("X-Amz-Date", "2"), ("a", "")];
        for (at, left) in sorted.iter().enumerate() {
            for (other, right) in sorted.iter().enumerate() {
                assert_eq!(is_ascending(*left, *right), at <= other, "{left:?} {right:?}");
            }
        }
    }

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
            assert!(read_credential(&text.replace('/', "%2F"), true).is_none(), "{text}");
        }
    }
}
