//! Verifying: what was presented, what is pending a signature, what was verified.

use super::{
    canonical::{self, ALGORITHM, CanonicalRequest, Lines, MustSign, PathRule, Query, SignedNames, StringToSign},
    key::{Credential, MAX_KEY_ID, Scope, Signature, same_token},
    payload::{Payload, PayloadCheck, PayloadLine, UNSIGNED},
    sign::{RESERVED_PARAMS, TokenPlacement, has_dot_segment},
};
use crate::{
    clock::Timestamp,
    encode::{self, Inline, PlusSign, Spelling},
    error::VerifyError,
    grant::Lifetime,
    mac,
    token::Verified,
    view::{Limits, RequestView},
};
use alloc::{
    borrow::{Cow, ToOwned},
    string::String,
    vec::Vec,
};
use core::fmt;

/// Where the signature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In the query: a presigned URL.
    Presigned,
    /// In the `Authorization` header.
    Header,
}

/// How a bare `+` in a query is read. Servers differ, so the default is not to guess.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plus {
    /// Refuse the request. The default.
    #[default]
    Refuse,
    /// It is a plus sign, as RFC 3986 says.
    Literal,
    /// It is a blank, as in HTML forms.
    Blank,
}

/// What a verifier requires of the requests that it accepts.
///
/// ```
/// use valet_key::{aws::Expect, grant::Lifetime};
///
/// let expect = Expect::new("eu-west-1", "s3")
///     .host("photos.s3.eu-west-1.amazonaws.com")
///     .max_lifetime(Lifetime::minutes(15)?);
/// # let _ = expect;
/// # Ok::<(), valet_key::error::GrantError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Expect {
    region: String,
    service: String,
    host: Option<String>,
    path_rule: PathRule,
    skew: u32,
    max_lifetime: Lifetime,
    plus: Plus,
    dot_segments: bool,
    recode_path: bool,
    unsigned_payload: bool,
    token_placement: TokenPlacement,
}

impl Expect {
    /// Requests signed for that region and service, under the strictest reading of everything else.
    #[must_use]
    pub fn new(region: &str, service: &str) -> Self {
        Self {
            region: region.to_owned(),
            service: service.to_owned(),
            host: None,
            path_rule: PathRule::of_service(service),
            skew: 15 * 60,
            max_lifetime: Lifetime::WEEK,
            plus: Plus::Refuse,
            dot_segments: false,
            recode_path: false,
            unsigned_payload: canonical::is_s3(service),
            token_placement: TokenPlacement::Signed,
        }
    }

    /// Requests for this host alone, with its port if it is not the default one; compared without
    /// regard to ASCII case. Without it any signed host is accepted, and the caller has to look at
    /// [`SignedRequest::host`].
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Another path rule than that of the service.
    #[must_use]
    pub const fn path_rule(mut self, rule: PathRule) -> Self {
        self.path_rule = rule;
        self
    }

    /// How far the clocks may differ, in seconds: at most 900, which is the default. It never extends
    /// the life of a URL.
    #[must_use]
    pub const fn skew(mut self, seconds: u32) -> Self {
        self.skew = if seconds < 900 { seconds } else { 900 };
        self
    }

    /// The longest lifetime of a presigned URL, at most a week, which is the default.
    #[must_use]
    pub fn max_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.max_lifetime = lifetime.min(Lifetime::WEEK);
        self
    }

    /// How a bare `+` in the query is read.
    #[must_use]
    pub const fn plus(mut self, plus: Plus) -> Self {
        self.plus = plus;
        self
    }

    /// Accepts `.` and `..` as whole segments of the path. Only for a store that takes them as names.
    #[must_use]
    pub const fn allow_dot_segments(mut self) -> Self {
        self.dot_segments = true;
        self
    }

    /// Accepts paths that are not in canonical spelling, decoded once and encoded again: then several
    /// spellings of a path share a signature. `%2F` stays refused.
    #[must_use]
    pub const fn recode_path(mut self) -> Self {
        self.recode_path = true;
        self
    }

    /// Accepts `UNSIGNED-PAYLOAD` from a service other than S3.
    #[must_use]
    pub const fn allow_unsigned_payload(mut self) -> Self {
        self.unsigned_payload = true;
        self
    }

    /// Where the session token of temporary credentials is expected.
    #[must_use]
    pub const fn session_token(mut self, placement: TokenPlacement) -> Self {
        self.token_placement = placement;
        self
    }
}

/// A request that claims a signature: shape, size and fields were checked, nothing else.
///
/// Tells the access key id and the scope so that the caller can look the key up, in whatever way.
#[derive(Clone)]
pub struct Presented<'r> {
    view: RequestView<'r>,
    form: Form,
    host: &'r str,
    path: &'r str,
    query: RawQuery<'r>,
    access_key_id: Inline<MAX_KEY_ID>,
    scope: Scope,
    signed_at: Timestamp,
    amz_date: [u8; 16],
    /// In seconds; 0 for a header-signed request.
    lifetime: u32,
    signed: SignedNames<'r>,
    signature: [u8; 64],
    session_token: Option<SessionToken<'r>>,
    content_sha256: Option<&'r [u8]>,
}

#[derive(Clone, Copy)]
enum SessionToken<'r> {
    /// Percent-encoded.
    InQuery(&'r str),
    InHeader(&'r [u8]),
}

impl<'r> Presented<'r> {
    /// Reads a request within the default [`Limits`].
    ///
    /// # Errors
    /// [`VerifyError::NotSigned`] without a signature, [`VerifyError::TooLarge`] past a limit, and for a
    /// request that cannot be read in one way only: [`VerifyError::TwoMechanisms`],
    /// [`VerifyError::FieldCount`], [`VerifyError::FieldForm`], [`VerifyError::Malformed`],
    /// [`VerifyError::Algorithm`].
    pub fn parse(view: &RequestView<'r>) -> Result<Self, VerifyError> {
        Self::parse_within(view, &Limits::DEFAULT)
    }

    /// Reads a request within other limits.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_within(view: &RequestView<'r>, limits: &Limits) -> Result<Self, VerifyError> {
        let head = Head::read(view, limits)?;
        let (authority, path, raw_query) = split_target(view.target(), limits)?;
        if head.authorization.is_none() && raw_query.is_empty() {
            return Err(VerifyError::NotSigned);
        }
        let query = RawQuery::read(raw_query, limits)?;
        let host = head.host()?;
        if authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(host)) {
            return Err(VerifyError::Malformed { what: "target", why: "its authority is not the Host header" });
        }
        let claim = match (head.authorization, query.is_reserved()) {
            (Some(_), true) => {
                return Err(VerifyError::TwoMechanisms { first: "Authorization", second: "X-Amz-* parameters" });
            }
            (Some(authorization), false) => Claim::from_header(authorization, &head, limits)?,
            (None, true) => Claim::from_query(&query, &head, limits)?,
            (None, false) if query.other_dialect.is_some() => {
                return Err(VerifyError::Algorithm { field: "X-Amz-Algorithm", expected: ALGORITHM });
            }
            (None, false) => return Err(VerifyError::NotSigned),
        };
        if let Some(second) = query.other_dialect {
            return Err(VerifyError::TwoMechanisms { first: ALGORITHM, second });
        }
        if !claim.signed.contains("host") {
            return Err(VerifyError::UnsignedHeader { name: "host".to_owned() });
        }
        Ok(Self {
            view: *view,
            form: claim.form,
            host,
            path,
            query,
            access_key_id: claim.access_key_id,
            scope: claim.scope,
            signed_at: claim.signed_at,
            amz_date: claim.amz_date,
            lifetime: claim.lifetime,
            signed: claim.signed,
            signature: claim.signature,
            session_token: claim.session_token,
            content_sha256: head.content_sha256,
        })
    }

    /// The access key id that the request names. Nobody vouches for it yet.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.access_key_id.as_str().unwrap_or_default()
    }

    /// The scope that the request names. Nobody vouches for it yet.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Where the signature stands.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// Checks everything that needs no secret: scope, time, host, path, payload mode, signed headers.
    ///
    /// # Errors
    /// [`VerifyError::OtherKey`] if the request names another key than `credential`;
    /// [`VerifyError::Scope`], [`VerifyError::ScopeDate`], [`VerifyError::Lifetime`],
    /// [`VerifyError::Expired`], [`VerifyError::NotYetValid`], [`VerifyError::Skewed`],
    /// [`VerifyError::Host`], [`VerifyError::AmbiguousPath`], [`VerifyError::AmbiguousPlus`],
    /// [`VerifyError::PayloadMode`], [`VerifyError::UnsignedHeader`],
    /// [`VerifyError::SignedHeaderMissing`].
    pub fn check(self, credential: &Credential, expect: &Expect, now: Timestamp) -> Result<Pending<'r>, VerifyError> {
        if self.access_key_id() != credential.access_key_id() {
            return Err(VerifyError::OtherKey);
        }
        Ok(self.check_unkeyed(expect, now)?.held_to(credential, now))
    }

    /// The part of [`check`](Self::check) that is the same for every key.
    pub(super) fn check_unkeyed(self, expect: &Expect, now: Timestamp) -> Result<Pending<'r>, VerifyError> {
        self.check_scope(expect)?;
        let expires_at = self.check_time(expect, now)?;
        if expect.host.as_ref().is_some_and(|host| !host.eq_ignore_ascii_case(self.host)) {
            return Err(VerifyError::Host);
        }
        self.check_path(expect)?;
        if self.query.has_plus && expect.plus == Plus::Refuse {
            return Err(VerifyError::AmbiguousPlus);
        }
        let body = self.check_payload(expect)?;
        let mut pending = Pending {
            string_to_sign: StringToSign::new(&self.amz_date, &self.scope, &[0; 32]),
            presented: self,
            rule: expect.path_rule,
            plus: expect.plus,
            token_placement: expect.token_placement,
            expires_at,
            body,
            problem: None,
        };
        let digest = pending.with_canonical(|request| request.digest())?;
        pending.string_to_sign.set_digest(&digest);
        Ok(pending)
    }

    const fn scope_field(&self) -> &'static str {
        match self.form {
            Form::Presigned => "X-Amz-Credential",
            Form::Header => "Authorization",
        }
    }

    fn check_scope(&self, expect: &Expect) -> Result<(), VerifyError> {
        let parts =
            [("region", &expect.region, self.scope.region()), ("service", &expect.service, self.scope.service())];
        for (part, expected, found) in parts {
            if expected != found {
                let (expected, found) = (expected.clone(), found.to_owned());
                return Err(VerifyError::Scope { field: self.scope_field(), part, expected, found });
            }
        }
        if self.scope.date().as_bytes() != self.amz_date.get(..8).unwrap_or_default() {
            return Err(VerifyError::ScopeDate { field: self.scope_field(), signed_at: self.signed_at });
        }
        Ok(())
    }

    /// Holds the request to its time, and tells the last second at which it is good.
    fn check_time(&self, expect: &Expect, now: Timestamp) -> Result<Timestamp, VerifyError> {
        match self.form {
            Form::Presigned => {
                let maximum = expect.max_lifetime.seconds();
                if !(1..=maximum).contains(&self.lifetime) {
                    return Err(VerifyError::Lifetime { found: self.lifetime, maximum });
                }
                let valid_from = self.signed_at.saturating_sub(expect.skew);
                let expired_at = self.signed_at.saturating_add(self.lifetime);
                if now < valid_from {
                    return Err(VerifyError::NotYetValid { valid_from, now });
                }
                if now > expired_at {
                    return Err(VerifyError::Expired { expired_at, now });
                }
                Ok(expired_at)
            }
            Form::Header => {
                if now.seconds_since(self.signed_at).unsigned_abs() > u64::from(expect.skew) {
                    return Err(VerifyError::Skewed { signed_at: self.signed_at, now, allowed: expect.skew });
                }
                Ok(self.signed_at.saturating_add(expect.skew))
            }
        }
    }

    fn check_path(&self, expect: &Expect) -> Result<(), VerifyError> {
        if !expect.dot_segments && has_dot_segment(self.path) {
            return Err(VerifyError::AmbiguousPath { why: "a segment is `.` or `..`, which clients and servers fold" });
        }
        if expect.path_rule.encodes_twice() {
            return Ok(());
        }
        // `%2F` is a byte of a name to some servers and a separator to others.
        if self.path.as_bytes().windows(3).any(|escape| escape.eq_ignore_ascii_case(b"%2f")) {
            return Err(VerifyError::AmbiguousPath { why: "`%2F` is not `/`" });
        }
        if !expect.recode_path && encode::spelling(self.path, Some(b'/')) != Spelling::Canonical {
            return Err(VerifyError::AmbiguousPath { why: "it is not percent-encoded as it is signed" });
        }
        Ok(())
    }

    /// Finds the payload line and what the body will be held to.
    fn check_payload(&self, expect: &Expect) -> Result<Body, VerifyError> {
        let declared = self.content_sha256.map(PayloadLine::parse).transpose()?;
        let is_s3 = canonical::is_s3(&expect.service);
        let hashed = || match self.view.body_digest() {
            Some(digest) => Payload::Sha256(digest).line(),
            None => Payload::Empty.line(),
        };
        let line = match (self.form, declared) {
            (Form::Header, None) if is_s3 => {
                return Err(VerifyError::FieldCount { field: "x-amz-content-sha256", found: 0 });
            }
            (Form::Header, Some(declared)) => declared,
            // SPEC: only a signed header changes what a presigned URL says about its body.
            (Form::Presigned, Some(declared)) if self.signed.contains("x-amz-content-sha256") => declared,
            (Form::Presigned, _) if is_s3 => PayloadLine::Unsigned,
            _ => hashed(),
        };
        if matches!(line, PayloadLine::Unsigned) && !expect.unsigned_payload {
            return Err(VerifyError::PayloadMode { mode: UNSIGNED });
        }
        if self.query.content_sha256.is_some_and(|value| value != UNSIGNED) {
            // Some servers take the parameter as the payload line and others ignore it.
            return Err(VerifyError::PayloadMode { mode: "X-Amz-Content-Sha256 parameter" });
        }
        let held_to = |line: PayloadLine| line.payload().digest();
        let content = held_to(line).or_else(|| declared.and_then(held_to));
        Ok(Body { line, content, checksum: self.signed_checksum()? })
    }

    fn signed_checksum(&self) -> Result<Option<[u8; 32]>, VerifyError> {
        const NAME: &str = "x-amz-checksum-sha256";
        if !self.signed.contains(NAME) {
            return Ok(None);
        }
        let mut values = self.view.headers().iter().filter(|(name, _)| name.eq_ignore_ascii_case(NAME));
        let (Some((_, value)), None) = (values.next(), values.next()) else {
            return Err(VerifyError::FieldCount { field: NAME, found: values.count().saturating_add(2) });
        };
        let mut digest = [0; 32];
        match <base64ct::Base64 as base64ct::Encoding>::decode(value.trim_ascii(), &mut digest) {
            Ok(decoded) if decoded.len() == 32 => Ok(Some(digest)),
            _ => Err(VerifyError::FieldForm { field: NAME, expected: "32 bytes in base64" }),
        }
    }
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("form", &self.form)
            .field("access_key_id", &self.access_key_id())
            .field("scope", &self.scope)
            .field("signed_at", &self.signed_at)
            .finish_non_exhaustive()
    }
}

/// Splits a target into authority (absolute form only), path and query.
fn split_target<'r>(target: &'r str, limits: &Limits) -> Result<(Option<&'r str>, &'r str, &'r str), VerifyError> {
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
struct Head<'r> {
    host: Option<&'r [u8]>,
    hosts: usize,
    authorization: Option<&'r [u8]>,
    amz_date: Option<&'r [u8]>,
    session_token: Option<&'r [u8]>,
    content_sha256: Option<&'r [u8]>,
}

impl<'r> Head<'r> {
    fn read(view: &RequestView<'r>, limits: &Limits) -> Result<Self, VerifyError> {
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

    fn host(&self) -> Result<&'r str, VerifyError> {
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
    raw: &'r str,
    /// The values of [`RESERVED_PARAMS`], in that order.
    reserved: [Option<&'r str>; RESERVED_PARAMS.len()],
    content_sha256: Option<&'r str>,
    /// Whether the query without the signature is canonical as it stands.
    is_canonical: bool,
    /// What stands before and after the signature.
    around_signature: [&'r str; 2],
    has_plus: bool,
    other_dialect: Option<&'static str>,
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
            let (name, value) = match param.split_once('=') {
                Some(pair) => pair,
                None => {
                    query.is_canonical = false;
                    (param, "")
                }
            };
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

    pub(super) const fn has_plus(&self) -> bool {
        self.has_plus
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
struct Claim<'r> {
    form: Form,
    access_key_id: Inline<MAX_KEY_ID>,
    scope: Scope,
    signed_at: Timestamp,
    amz_date: [u8; 16],
    lifetime: u32,
    signed: SignedNames<'r>,
    signature: [u8; 64],
    session_token: Option<SessionToken<'r>>,
}

const DATE_FORM: &str = "a calendar date and time in the form `YYYYMMDDTHHMMSSZ`";
const SIGNATURE_FORM: &str = "64 lower-case hex digits";
const CREDENTIAL_FORM: &str = "`<access key id>/<YYYYMMDD>/<region>/<service>/aws4_request`";

impl<'r> Claim<'r> {
    fn from_query(query: &RawQuery<'r>, head: &Head<'r>, limits: &Limits) -> Result<Self, VerifyError> {
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

    fn from_header(authorization: &'r [u8], head: &Head<'r>, limits: &Limits) -> Result<Self, VerifyError> {
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

/// What is signed of the body, and what the body will be held to.
#[derive(Clone, Copy)]
struct Body {
    line: PayloadLine,
    content: Option<[u8; 32]>,
    checksum: Option<[u8; 32]>,
}

/// A request that lacks only the comparison of its signature.
#[derive(Clone)]
pub struct Pending<'r> {
    presented: Presented<'r>,
    rule: PathRule,
    plus: Plus,
    token_placement: TokenPlacement,
    expires_at: Timestamp,
    body: Body,
    string_to_sign: StringToSign,
    /// What is wrong with the credential. It is told only to those who know the key.
    problem: Option<VerifyError>,
}

impl<'r> Pending<'r> {
    /// The scope that the signature belongs to: its region and service are the expected ones, its date
    /// that of the request.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.presented.scope
    }

    /// What the expected signature is made from, with the key derived for [`scope`](Self::scope).
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.string_to_sign
    }

    /// The access key id that the request names. Nobody vouches for it yet.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.presented.access_key_id()
    }

    /// The canonical request as this verifier reads it. Header values may hold any byte.
    #[must_use]
    pub fn canonical_request(&self) -> Vec<u8> {
        self.with_canonical(|request| request.to_vec()).unwrap_or_default()
    }

    /// Compares the presented signature with the expected one, in constant time.
    ///
    /// # Errors
    /// [`VerifyError::SignatureMismatch`] if they differ. If they agree,
    /// [`VerifyError::SessionToken`] or [`VerifyError::CredentialExpired`] if the credential does not
    /// go with the request.
    pub fn accept(self, expected: &Signature) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        if !mac::equal(&expected.hex(), &self.presented.signature) {
            return Err(VerifyError::SignatureMismatch);
        }
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        Ok(Verified::new(SignedRequest {
            presented: self.presented,
            rule: self.rule,
            plus: self.plus,
            expires_at: self.expires_at,
            body: self.body,
        }))
    }

    /// Notes what is wrong with the credential, to be told once the signature has shown who asks.
    pub(super) fn held_to(mut self, credential: &Credential, now: Timestamp) -> Self {
        let token = match (credential.session_token(), self.presented.session_token) {
            (None, None) => None,
            (None, Some(_)) => Some("is not expected with a long-term key"),
            (Some(_), None) => Some("is missing"),
            (Some(ours), Some(theirs)) => (!theirs.equals(ours.expose())).then_some("is not that of the key"),
        };
        self.problem = token.map(|problem| VerifyError::SessionToken { problem }).or_else(|| {
            let ended_at = credential.expires_at().filter(|ended_at| now > *ended_at)?;
            Some(VerifyError::CredentialExpired { ended_at, now })
        });
        self
    }

    fn with_canonical<T>(&self, read: impl FnOnce(&CanonicalRequest<'_>) -> T) -> T {
        const SIGNATURE: &[&str] = &["X-Amz-Signature"];
        const SIGNATURE_AND_TOKEN: &[&str] = &["X-Amz-Signature", "X-Amz-Security-Token"];
        let presented = &self.presented;
        let after = self.token_placement == TokenPlacement::AfterSigning;
        let token_in_query = matches!(presented.session_token, Some(SessionToken::InQuery(_)));
        let without = match presented.form {
            Form::Header => &[],
            Form::Presigned if after && token_in_query => SIGNATURE_AND_TOKEN,
            Form::Presigned => SIGNATURE,
        };
        let plus = if self.plus == Plus::Blank { PlusSign::Blank } else { PlusSign::Plus };
        read(&CanonicalRequest {
            method: presented.view.method(),
            path: presented.path,
            rule: self.rule,
            query: presented.query.canonical(without, plus),
            lines: Lines::new(presented.view.headers(), &[]),
            signed: presented.signed,
            must_sign: MustSign { content_md5: self.rule == PathRule::AsSent, session_token: !after },
            payload: self.body.line.as_str(),
        })
    }
}

impl fmt::Debug for Pending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("presented", &self.presented)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl SessionToken<'_> {
    fn equals(self, ours: &str) -> bool {
        match self {
            Self::InHeader(theirs) => same_token(ours, theirs),
            Self::InQuery(theirs) => same_token(ours, &encode::Decoded::of(theirs).collect::<Vec<u8>>()),
        }
    }
}

/// The facts about a request that its signature covers.
///
/// Inside a [`Verified`], they are true. Anything of the request that is not to be found here was not
/// signed, and must not decide anything.
#[derive(Clone)]
pub struct SignedRequest<'r> {
    presented: Presented<'r>,
    rule: PathRule,
    plus: Plus,
    expires_at: Timestamp,
    body: Body,
}

impl<'r> SignedRequest<'r> {
    /// Where the signature stood.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.presented.form
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &'r str {
        self.presented.view.method()
    }

    /// The host, as the client wrote it.
    #[must_use]
    pub const fn host(&self) -> &'r str {
        self.presented.host
    }

    /// The path that was signed, percent-encoded: normalised where the service normalises it. Route on
    /// this one and on no other reading.
    #[must_use]
    pub fn path(&self) -> Cow<'r, str> {
        match self.rule {
            PathRule::AsSent | PathRule::EncodedTwice => Cow::Borrowed(self.presented.path),
            PathRule::Normalized | PathRule::NormalizedEncodedTwice => {
                Cow::Owned(canonical::normalized(self.presented.path))
            }
        }
    }

    /// The path decoded once.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] if it is not UTF-8.
    pub fn decoded_path(&self) -> Result<String, VerifyError> {
        encode::decode(&self.path()).ok_or(VerifyError::Malformed { what: "path", why: "it is not UTF-8" })
    }

    /// The signed query parameters, decoded once, without those of the signature scheme.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] in place of a parameter that is not UTF-8.
    pub fn params(&self) -> impl Iterator<Item = Result<(String, String), VerifyError>> {
        let blank = self.plus == Plus::Blank;
        let text = move |text: &str| {
            let text = if blank { encode::decode(&text.replace('+', " ")) } else { encode::decode(text) };
            text.ok_or(VerifyError::Malformed { what: "query", why: "it is not UTF-8" })
        };
        canonical::params(self.presented.query.raw)
            .filter(|(name, _)| !RESERVED_PARAMS.contains(name))
            .map(move |(name, value)| Ok((text(name)?, text(value)?)))
    }

    /// The lines of a header in arrival order, or nothing if that header was not signed.
    pub fn header(&self, name: &str) -> impl Iterator<Item = &'r [u8]> {
        let signed = self.presented.signed.iter().any(|signed| signed.eq_ignore_ascii_case(name));
        let lines = self.presented.view.headers().iter().filter(move |_| signed);
        lines.filter(move |(line, _)| line.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim_ascii())
    }

    /// Who signed.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.presented.access_key_id()
    }

    /// The scope that was signed for.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.presented.scope
    }

    /// When it was signed, by the clock of the signer.
    #[must_use]
    pub const fn signed_at(&self) -> Timestamp {
        self.presented.signed_at
    }

    /// The last second at which the same request is accepted again.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// What the signature says about the body.
    #[must_use]
    pub fn payload(&self) -> Payload {
        self.body.line.payload()
    }

    /// Holds the body to it.
    #[must_use]
    pub fn payload_check(&self) -> PayloadCheck {
        PayloadCheck::new(self.body.content, self.body.checksum)
    }
}

impl fmt::Debug for SignedRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest")
            .field("form", &self.form())
            .field("method", &self.method())
            .field("host", &self.host())
            .field("path", &self.path())
            .field("access_key_id", &self.access_key_id())
            .field("scope", self.scope())
            .field("signed_at", &self.signed_at())
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
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
