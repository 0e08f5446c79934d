//! The slow reading: one rule after the other, nothing shared with the crate under test.
//!
//! Each function gives what is signed of one part of a request, and what is wrong with that part in the
//! words of `VerifyError::code`.

use std::{collections::BTreeSet, fmt::Write};
use valet_key::aws::{PathRule, Plus};

/// Why a request has to be refused, and why it may be.
#[derive(Debug, Default)]
pub(super) struct Defects {
    must: BTreeSet<&'static str>,
    may: BTreeSet<&'static str>,
}

impl Defects {
    pub(super) fn must(&mut self, code: &'static str, is_there: bool) {
        if is_there {
            self.must.insert(code);
        }
    }

    pub(super) fn may(&mut self, code: &'static str, is_there: bool) {
        if is_there {
            self.may.insert(code);
        }
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.must.extend(other.must);
        self.may.extend(other.may);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.must.is_empty() && self.may.is_empty()
    }

    /// A refusal names a defect that is there, and nothing with a defect is accepted.
    pub(super) fn judge(&self, refusal: Option<&str>) {
        match refusal {
            Some(code) => {
                assert!(self.must.contains(code) || self.may.contains(code), "refused as {code}, found {self:?}");
            }
            None => assert!(self.must.is_empty(), "accepted, found {self:?}"),
        }
    }
}

/// What S3 signs of the body of a presigned request.
pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Percent-decodes once; `None` for a `%` without two hex digits, or a byte that is not visible ASCII.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = vec![];
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            0x21..=0x7e => byte,
            _ => return None,
        });
    }
    Some(decoded)
}

/// Percent-encodes everything but the unreserved characters of RFC 3986 and `keep`.
pub(super) fn encode(bytes: &[u8], keep: &str) -> String {
    let mut text = String::new();
    for &byte in bytes {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || "-._~".contains(c) || keep.contains(c) {
            text.push(c);
        } else {
            write!(text, "%{byte:02X}").unwrap();
        }
    }
    text
}

/// One encoded parameter.
pub(super) type Pair = (String, String);

/// The parameters in canonical spelling and order. What cannot be decoded is left out.
pub(super) fn pairs(raw: &str, plus: Plus) -> Vec<Pair> {
    let text = |text: &str| {
        let text = if plus == Plus::Blank { text.replace('+', "%20") } else { text.to_owned() };
        decode(&text).map(|bytes| encode(&bytes, ""))
    };
    let mut pairs: Vec<Pair> = vec![];
    for param in raw.split('&').filter(|_| !raw.is_empty()) {
        let (name, value) = param.split_once('=').unwrap_or((param, ""));
        pairs.extend(text(name).zip(text(value)));
    }
    pairs.sort();
    pairs
}

/// The canonical query but for the parameters named in `without`.
pub(super) fn canonical_query(raw: &str, plus: Plus, without: &[&str]) -> String {
    let pairs = pairs(raw, plus).into_iter().filter(|(name, _)| !without.contains(&name.as_str()));
    pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// What is wrong with a raw query, in a request that is signed in its URL or in its headers.
pub(super) fn query_defects(raw: &str, plus: Plus, presigned: bool) -> Defects {
    const RESERVED: [&str; 8] = [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
        "X-Amz-Security-Token",
        "X-Amz-Region-Set",
    ];
    const OTHER_DIALECTS: [&str; 9] = [
        "awsaccesskeyid",
        "signature",
        "googleaccessid",
        "x-goog-algorithm",
        "x-goog-credential",
        "x-goog-date",
        "x-goog-expires",
        "x-goog-signedheaders",
        "x-goog-signature",
    ];
    let mut defects = Defects::default();
    if raw.is_empty() {
        return defects;
    }
    let params: Vec<&str> = raw.split('&').collect();
    defects.must("too_large", params.len() > 256);
    defects.must("malformed", params.contains(&""));
    let mut seen: Vec<String> = vec![];
    for param in params {
        let (name, value) = param.split_once('=').unwrap_or((param, ""));
        let (Some(plain), Some(_)) = (decode(name), decode(value)) else {
            defects.must("malformed", true);
            continue;
        };
        defects.must("ambiguous_plus", plus == Plus::Refuse && param.contains('+'));
        let plain = String::from_utf8_lossy(&plain).to_ascii_lowercase();
        defects.must("two_mechanisms", OTHER_DIALECTS.contains(&plain.as_str()));
        defects.may("two_mechanisms", plain.starts_with("x-goog-"));
        let is_hash = plain == "x-amz-content-sha256";
        defects.must("payload_mode", is_hash && value != UNSIGNED);
        let reserved = RESERVED.into_iter().find(|reserved| reserved.eq_ignore_ascii_case(&plain));
        if let Some(reserved) = reserved {
            defects.must("field_form", name != reserved);
            defects.must("two_mechanisms", !presigned && name == reserved);
            defects.must("algorithm", presigned && name == "X-Amz-Region-Set");
        }
        if is_hash || reserved.is_some() {
            defects.must("field_count", seen.contains(&plain));
            seen.push(plain);
        }
    }
    defects
}

/// A request target in its parts; an authority only where it is an absolute URL.
#[derive(Clone, Copy)]
pub(super) struct Target<'t> {
    pub(super) authority: Option<&'t str>,
    pub(super) path: &'t str,
    pub(super) query: &'t str,
}

impl<'t> Target<'t> {
    pub(super) fn split(target: &'t str) -> Self {
        let (before, query) = target.split_once('?').unwrap_or((target, ""));
        match ["https://", "http://"].into_iter().find_map(|scheme| before.strip_prefix(scheme)) {
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                Self { authority: Some(authority), path: if path.is_empty() { "/" } else { path }, query }
            }
            None => Self { authority: None, path: before, query },
        }
    }
}

/// What is signed of a path.
pub(super) fn canonical_path(path: &str, rule: PathRule) -> String {
    let (normalize, encode_again) = match rule {
        PathRule::AsSent => (false, false),
        PathRule::EncodedTwice => (false, true),
        PathRule::Normalized => (true, false),
        PathRule::NormalizedEncodedTwice => (true, true),
        other => unreachable!("{other:?}"),
    };
    let path = if normalize { normalized(path) } else { path.to_owned() };
    if encode_again {
        return encode(path.as_bytes(), "/");
    }
    let segments = path.split('/').map(|segment| encode(&decode(segment).unwrap_or_default(), ""));
    segments.collect::<Vec<_>>().join("/")
}

/// Drops empty and `.` segments and resolves `..`, one at a time, until nothing changes.
pub(super) fn normalized(path: &str) -> String {
    let mut segments: Vec<&str> = path.split('/').filter(|segment| !matches!(*segment, "" | ".")).collect();
    while let Some(at) = segments.iter().position(|segment| *segment == "..") {
        segments.drain(at.saturating_sub(1)..=at);
    }
    let slash = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    format!("/{}{slash}", segments.join("/"))
}

/// What is wrong with a path.
pub(super) fn path_defects(path: &str, rule: PathRule, dot_segments: bool, recode: bool) -> Defects {
    let mut defects = Defects::default();
    defects.must("malformed", !path.starts_with('/') || path.contains('#') || decode(path).is_none());
    let decoded = |segment: &str| decode(segment).unwrap_or_default();
    let dots = path.split('/').any(|segment| matches!(decoded(segment).as_slice(), b"." | b".."));
    defects.must("ambiguous_path", dots && !dot_segments);
    if matches!(rule, PathRule::AsSent | PathRule::Normalized) {
        defects.must("ambiguous_path", path.to_ascii_lowercase().contains("%2f"));
        defects.must("ambiguous_path", !recode && canonical_path(path, PathRule::AsSent) != path);
    }
    defects
}

/// A header value without blanks around it and with single ones inside.
pub(super) fn header_value(value: &[u8]) -> Vec<u8> {
    let mut tidy: Vec<u8> = vec![];
    for &byte in value {
        match byte {
            b' ' | b'\t' if matches!(tidy.last(), None | Some(b' ')) => {}
            b'\t' => tidy.push(b' '),
            _ => tidy.push(byte),
        }
    }
    if tidy.last() == Some(&b' ') {
        tidy.pop();
    }
    tidy
}

/// The header lines of one name, in arrival order, as they are signed.
pub(super) fn header<'l>(lines: impl IntoIterator<Item = (&'l str, &'l [u8])>, name: &str) -> Option<Vec<u8>> {
    let lines = lines.into_iter().filter(|(line, _)| line.to_ascii_lowercase() == name);
    let values: Vec<Vec<u8>> = lines.map(|(_, value)| header_value(value)).collect();
    (!values.is_empty()).then(|| values.join(&b","[..]))
}

/// What is wrong with a list of signed headers.
pub(super) fn list_defects(list: &[&str]) -> Defects {
    let mut defects = Defects::default();
    let plain =
        |name: &&str| !name.is_empty() && name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_' | '.'));
    defects.must("field_form", !list.iter().all(plain));
    defects.must("field_form", list.windows(2).any(|pair| pair[0] >= pair[1]));
    defects.must("too_large", list.len() > 64);
    defects.must("unsigned_header", !list.contains(&"host"));
    defects
}

/// What is wrong with the lines of a header-signed request, given the list of signed ones.
pub(super) fn line_defects(lines: &[(&str, &[u8])], list: &[&str], is_s3: bool) -> Defects {
    const CHECKSUM: &str = "x-amz-checksum-sha256";
    let mut defects = Defects::default();
    defects.must("too_large", lines.len() > 128);
    let count = |name: &str| lines.iter().filter(|(line, _)| line.to_ascii_lowercase() == name).count();
    for (name, value) in lines {
        defects.must("malformed", name.is_empty() || name.chars().any(|c| !('!'..='~').contains(&c) || c == ':'));
        defects.must("malformed", value.iter().any(|byte| b"\r\n\0".contains(byte)));
        defects.must("too_large", value.len() > 16 << 10);
        let name = name.to_ascii_lowercase();
        let must_be_signed = name.starts_with("x-amz-") || (is_s3 && name == "content-md5");
        let is_listed = list.contains(&name.as_str()) || name == "x-amz-content-sha256";
        defects.must("unsigned_header", must_be_signed && !is_listed);
    }
    for name in ["host", "authorization", "x-amz-date", "x-amz-content-sha256"] {
        defects.must("field_count", count(name) != 1);
    }
    defects.must("field_count", count("x-amz-security-token") > 1);
    for name in list {
        defects.must("signed_header_missing", count(name) == 0);
    }
    if list.contains(&CHECKSUM) {
        defects.must("field_count", count(CHECKSUM) != 1);
        let value = header(lines.iter().copied(), CHECKSUM).unwrap_or_default();
        defects.must("field_form", !is_base64_of_32_bytes(trimmed(&value)));
    }
    defects
}

/// 43 digits and one `=`, with nothing in the two bits that are left over.
fn is_base64_of_32_bytes(text: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    let Some((digits, b"=")) = text.split_at_checked(43) else { return false };
    digits.iter().all(is_digit) && digits.last().is_some_and(|last| b"AEIMQUYcgkosw048".contains(last))
}

/// What an `Authorization` header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) access_key_id: String,
    pub(super) scope: String,
    pub(super) names: Vec<String>,
    pub(super) signature: String,
}

impl Claim {
    /// Reads it; `None` unless it is exactly in the documented form.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(trimmed(value)).ok()?;
        let (scheme, fields) = text.split_once(' ')?;
        if !text.is_ascii() || !scheme.eq_ignore_ascii_case("AWS4-HMAC-SHA256") || value.len() > 16 << 10 {
            return None;
        }
        if value.iter().any(|byte| b"\r\n\0".contains(byte)) {
            return None;
        }
        let fields: Vec<&str> = fields.split(',').map(|field| field.trim_start_matches(' ')).collect();
        let one = |name: &str| {
            let mut values = fields.iter().filter_map(|field| field.strip_prefix(name)?.strip_prefix('='));
            values.next().filter(|_| values.next().is_none())
        };
        if fields.len() != 3 {
            return None;
        }
        let signature = one("Signature")?;
        let is_hex = signature.len() == 64 && signature.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
        let names: Vec<&str> = one("SignedHeaders")?.split(';').collect();
        let mut defects = list_defects(&names);
        let parts: Vec<&str> = one("Credential")?.split('/').collect();
        let &[id, date, region, service, "aws4_request"] = parts.as_slice() else { return None };
        let is_id = (1..=128).contains(&id.len()) && id.chars().all(|c| ('!'..='~').contains(&c));
        let is_date = date.len() == 8 && date.chars().all(|c| c.is_ascii_digit());
        let is_name = |name: &str| {
            (1..=40).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        };
        defects.must("field_form", !(is_hex && is_id && is_date && is_name(region) && is_name(service)));
        defects.must.is_empty().then(|| Self {
            access_key_id: id.to_owned(),
            scope: parts[1..].join("/"),
            names: names.into_iter().map(str::to_owned).collect(),
            signature: signature.to_owned(),
        })
    }
}

/// Without the blanks and tabs around it, which are the white space of HTTP; a form feed is not.
fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
