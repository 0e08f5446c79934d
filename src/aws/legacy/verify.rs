//! Verifying: what was presented, what is pending a signature, what was verified.

use super::{
    LegacySignature, LegacyStringToSign,
    canonical::{
        ACCESS_ID, METHODS, SCHEME, SUB_RESOURCES, WITH_VALUE, has_odd_blanks, is_amz, is_signed, push_resource,
        stands_for_itself,
    },
};
use crate::{
    aws::{
        Credential, SigV4, StaticKey,
        canonical::{Amz, SECURITY_TOKEN},
        key::{TokenKind, same_token},
    },
    clock::Timestamp,
    encode,
    error::VerifyError,
    grant::Lifetime,
    mac,
    secret::Secret,
    target::has_dot_segment,
    token::Verified,
    v2::{Arrived, EXPIRES, SIGNATURE, push_head},
    v4::canonical::{params, trimmed},
    view::RequestView,
};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

impl StaticKey {
    /// Checks a URL of Signature Version 2 against this key.
    ///
    /// # Errors
    /// Those of [`LegacyPresented::check`] and [`LegacyPending::accept`].
    pub fn legacy_verify<'r>(
        &self,
        presented: LegacyPresented<'r>,
        expect: &LegacyExpect,
        now: Timestamp,
    ) -> Result<Verified<LegacySignedRequest<'r>>, VerifyError> {
        let pending = presented.check(SigV4::credential(self), expect, now)?;
        let expected = self.legacy_sign(pending.string_to_sign())?;
        pending.accept(&expected)
    }
}

/// What a verifier requires of the URLs of Version 2 that it accepts.
///
/// Version 2 signs neither the host nor most of the query. So the host is said here, and a parameter that is not signed is
/// refused unless it is named here.
#[derive(Clone, Debug)]
pub struct LegacyExpect {
    host: String,
    bucket_in_host: Option<String>,
    unsigned_query: Vec<String>,
    max_lifetime: Lifetime,
    dot_segments: bool,
}

impl LegacyExpect {
    /// Requests for this host, with the bucket in the path.
    #[must_use]
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            bucket_in_host: None,
            unsigned_query: Vec::new(),
            max_lifetime: Lifetime::WEEK,
            dot_segments: false,
        }
    }

    /// The host serves this bucket, whose name is then not part of the path.
    #[must_use]
    pub fn bucket_in_host(mut self, bucket: impl Into<String>) -> Self {
        self.bucket_in_host = Some(bucket.into());
        self
    }

    /// Accepts one more parameter that Version 2 does not sign, such as `prefix` of a listing. Anybody can change it.
    #[must_use]
    pub fn allow_unsigned_query(mut self, name: impl Into<String>) -> Self {
        self.unsigned_query.push(name.into());
        self
    }

    /// The longest time that may be left, at most a week, which is the default.
    #[must_use]
    pub fn max_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.max_lifetime = lifetime.min(Lifetime::WEEK);
        self
    }

    /// Accepts `.` and `..` as whole segments of the path.
    #[must_use]
    pub const fn allow_dot_segments(mut self) -> Self {
        self.dot_segments = true;
        self
    }
}

/// A URL of Version 2 as it arrived: shape, size and fields were checked, nothing else.
#[derive(Clone)]
pub struct LegacyPresented<'r> {
    arrived: Arrived<'r>,
    /// The session token in a header.
    token_line: Option<&'r [u8]>,
}

impl<'r> LegacyPresented<'r> {
    /// Reads a request within the default [`Limits`](crate::view::Limits).
    ///
    /// # Errors
    /// [`VerifyError::NotSigned`] without a signature, [`VerifyError::TooLarge`] past a limit, and for a request that
    /// cannot be read in one way only: [`VerifyError::TwoMechanisms`], [`VerifyError::FieldCount`],
    /// [`VerifyError::FieldForm`], [`VerifyError::Malformed`].
    pub fn parse(view: &RequestView<'r>) -> Result<Self, VerifyError> {
        let (arrived, head) = Arrived::read::<Amz>(view, &SCHEME)?;
        if head.zonal_token.is_some() {
            return Err(VerifyError::TwoMechanisms { first: ACCESS_ID, second: "x-amz-s3session-token" });
        }
        Ok(Self { arrived, token_line: head.session_token })
    }

    /// The access key id that the request names. Nobody vouches for it yet.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.arrived.id
    }

    /// Checks everything that needs no key: host, time, path, query, and what the text is.
    ///
    /// # Errors
    /// [`VerifyError::OtherKey`] if the request names another key; [`VerifyError::Host`], [`VerifyError::Expired`],
    /// [`VerifyError::Lifetime`], [`VerifyError::AmbiguousPath`], [`VerifyError::AmbiguousPlus`],
    /// [`VerifyError::FieldCount`], and [`VerifyError::Malformed`] for a parameter that is not signed.
    pub fn check(
        self,
        credential: &Credential,
        expect: &LegacyExpect,
        now: Timestamp,
    ) -> Result<LegacyPending<'r>, VerifyError> {
        let Self { arrived, token_line } = self;
        if arrived.id != credential.access_key_id() {
            return Err(VerifyError::OtherKey);
        }
        let maximum = expect.max_lifetime.seconds();
        if now > arrived.expires_at {
            return Err(VerifyError::Expired { expired_at: arrived.expires_at, now });
        }
        let left = arrived.expires_at.seconds_since(now);
        if left > i64::from(maximum) {
            return Err(VerifyError::Lifetime { found: u32::try_from(left).unwrap_or(u32::MAX), maximum });
        }
        if !expect.host.eq_ignore_ascii_case(arrived.host) {
            return Err(VerifyError::Host);
        }
        if !arrived.canonical_path {
            return Err(VerifyError::AmbiguousPath { why: "it is not percent-encoded as it is signed" });
        }
        if !expect.dot_segments && has_dot_segment(arrived.path) {
            return Err(VerifyError::AmbiguousPath { why: "a segment is `.` or `..`, which clients and servers fold" });
        }
        if !METHODS.contains(&arrived.method) {
            return Err(VerifyError::Malformed { what: "method", why: "it must be DELETE, GET, HEAD, POST or PUT" });
        }
        let query = SignedQuery::read(&arrived, expect)?;
        let mut text = Vec::new();
        let mut lines = arrived.headers.to_vec();
        lines.extend(query.lines.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        if lines.iter().any(|(name, value)| is_amz(name) && has_odd_blanks(value)) {
            return Err(VerifyError::Malformed {
                what: "header value",
                why: "blanks in a row, or a tab, are signed in two ways by Version 2",
            });
        }
        push_head(&mut text, arrived.method, &lines, arrived.expires_at, is_signed);
        push_resource(&mut text, expect.bucket_in_host.as_deref(), arrived.path, query.resources);
        let token_param = query.lines.iter().find(|(name, _)| name == SECURITY_TOKEN);
        let token = token_param.map(|(_, value)| value.as_bytes().to_vec()).or(token_line.map(<[u8]>::to_vec));
        Ok(LegacyPending {
            arrived,
            token: token.map(Secret::new),
            text: LegacyStringToSign(text),
            credential: credential.clone(),
            now,
        })
    }
}

impl fmt::Debug for LegacyPresented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyPresented")
            .field("access_key_id", &self.arrived.id)
            .field("expires_at", &self.arrived.expires_at)
            .finish_non_exhaustive()
    }
}

/// What of a query is signed.
struct SignedQuery<'r> {
    resources: Vec<(&'r str, Option<String>)>,
    /// SPEC: S3 signs an `x-amz-*` parameter as if it were a header.
    lines: Vec<(String, String)>,
}

impl<'r> SignedQuery<'r> {
    fn read(arrived: &Arrived<'r>, expect: &LegacyExpect) -> Result<Self, VerifyError> {
        let malformed = |why| VerifyError::Malformed { what: "query", why };
        let mut query = Self { resources: Vec::new(), lines: Vec::new() };
        for (name, value) in params(arrived.query) {
            if [ACCESS_ID, EXPIRES, SIGNATURE].contains(&name) {
                continue;
            }
            let is = |other: &&&str| **other == name;
            let text = || {
                if value.contains('+') {
                    return Err(VerifyError::AmbiguousPlus);
                }
                let text = encode::decode(value).ok_or(malformed("it is not UTF-8"))?;
                if text.chars().any(char::is_control) {
                    return Err(malformed("a value that is signed holds a control character"));
                }
                Ok(text)
            };
            if let Some(resource) = WITH_VALUE.iter().find(is) {
                let text = text()?;
                if !stands_for_itself(&text) {
                    return Err(malformed("a value that is signed without escapes holds `&`"));
                }
                query.resources.push((resource, Some(text)));
            } else if let Some(resource) = SUB_RESOURCES.iter().find(is) {
                if !value.is_empty() {
                    return Err(malformed("a sub-resource that is signed by its name alone has a value"));
                }
                query.resources.push((resource, None));
            } else if is_amz(name) {
                let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
                let text = text()?;
                // S3 takes the parameter for the header and forgets the header.
                let again = query.lines.iter().any(|(other, _)| other == name)
                    || arrived.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
                if !plain || again || text.trim_matches([' ', '\t']) != text {
                    return Err(malformed("an `x-amz-*` parameter is repeated, or not spelled as it is signed"));
                }
                query.lines.push((name.to_owned(), text));
            } else if !expect.unsigned_query.iter().any(|other| other == name) {
                return Err(malformed("Version 2 does not sign one of its parameters: see `allow_unsigned_query`"));
            }
        }
        let mut names: Vec<&str> = query.resources.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| matches!(pair, [left, right] if left == right)) {
            return Err(malformed("a sub-resource is there twice"));
        }
        Ok(query)
    }
}

/// A URL of Version 2 that lacks only the comparison of its signature.
#[derive(Clone)]
pub struct LegacyPending<'r> {
    arrived: Arrived<'r>,
    token: Option<Secret<Vec<u8>>>,
    text: LegacyStringToSign,
    credential: Credential,
    now: Timestamp,
}

impl<'r> LegacyPending<'r> {
    /// What was signed, if the signature is right.
    #[must_use]
    pub const fn string_to_sign(&self) -> &LegacyStringToSign {
        &self.text
    }

    /// Compares the presented signature with the expected one, in constant time.
    ///
    /// # Errors
    /// [`VerifyError::SignatureMismatch`] if they differ. If they agree, [`VerifyError::SessionToken`] or
    /// [`VerifyError::CredentialExpired`] if the credential does not go with the request.
    pub fn accept(self, expected: &LegacySignature) -> Result<Verified<LegacySignedRequest<'r>>, VerifyError> {
        if !mac::equal(expected.0.expose(), &self.arrived.signature) {
            return Err(VerifyError::SignatureMismatch);
        }
        let problem = match (self.credential.token(), &self.token) {
            (None, None) => None,
            (None, Some(_)) => Some("is not expected with a long-term key"),
            (Some(_), None) => Some("is missing"),
            (Some((kind, ours)), Some(theirs)) => {
                let same = kind == TokenKind::Security && same_token(ours, theirs.expose());
                (!same).then_some("is not that of the key")
            }
        };
        if let Some(problem) = problem {
            return Err(VerifyError::SessionToken { problem });
        }
        match self.credential.expires_at() {
            Some(ended_at) if self.now > ended_at => Err(VerifyError::CredentialExpired { ended_at, now: self.now }),
            _ => Ok(Verified::new(LegacySignedRequest(self.arrived))),
        }
    }
}

impl fmt::Debug for LegacyPending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyPending")
            .field("access_key_id", &self.arrived.id)
            .field("expires_at", &self.arrived.expires_at)
            .finish_non_exhaustive()
    }
}

/// The facts about a request of Version 2 that its signature covers: not the host, and of the query only what S3 signs.
#[derive(Clone)]
pub struct LegacySignedRequest<'r>(Arrived<'r>);

impl<'r> LegacySignedRequest<'r> {
    /// The method.
    #[must_use]
    pub const fn method(&self) -> &'r str {
        self.0.method
    }

    /// The path that was signed, percent-encoded.
    #[must_use]
    pub const fn path(&self) -> &'r str {
        self.0.path
    }

    /// Who signed.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.0.id
    }

    /// The last second at which the same request is accepted again.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.0.expires_at
    }

    /// The signed sub-resources with their decoded values: nothing for those that are signed by their name alone.
    pub fn sub_resources(&self) -> impl Iterator<Item = (&'r str, Option<String>)> {
        params(self.0.query).filter_map(|(name, value)| {
            let is = |other: &&str| *other == name;
            if WITH_VALUE.iter().any(is) {
                encode::decode(value).map(|value| (name, Some(value)))
            } else {
                SUB_RESOURCES.iter().any(is).then_some((name, None))
            }
        })
    }

    /// The signed `x-amz-*` parameters, which count as headers, with their decoded values.
    pub fn header_params(&self) -> impl Iterator<Item = (&'r str, String)> {
        let signed = params(self.0.query).filter(|(name, _)| is_amz(name) && *name != SECURITY_TOKEN);
        signed.filter_map(|(name, value)| encode::decode(value).map(|value| (name, value)))
    }

    /// The lines of a header in arrival order, or nothing if Version 2 does not sign that header.
    pub fn header(&self, name: &str) -> impl Iterator<Item = &'r [u8]> {
        let signed = is_signed(name);
        let lines = self.0.headers.iter().filter(move |_| signed);
        lines.filter(move |(line, _)| line.eq_ignore_ascii_case(name)).map(|(_, value)| trimmed(value))
    }
}

impl fmt::Debug for LegacySignedRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacySignedRequest")
            .field("method", &self.method())
            .field("path", &self.path())
            .field("access_key_id", &self.access_key_id())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}
