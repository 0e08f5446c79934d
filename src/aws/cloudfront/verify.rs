//! Verifying: what was presented, what is pending a signature, what was verified.
//!
//! Source: CloudFront Developer Guide, "How signed URLs work", "How signed cookies work", and "When does CloudFront check
//! the expiration date and time".

#[cfg(any(feature = "rsa", feature = "ecdsa"))]
use super::PublicKey;
use super::{
    Carrier, Credential, Hash, KeyKind, Network, PolicyToSign, Signature, cookie,
    fields::{Fields, Query, Terms},
    policy::{MAX_URL, Statement},
};
use crate::{
    clock::Timestamp,
    encode,
    error::{KeyError, VerifyError},
    grant::Lifetime,
    head, mac,
    target::Target,
    token::{Fingerprint, Verified},
    view::{Limits, RequestView},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, net::IpAddr};

/// What a verifier requires of the requests that it accepts.
///
/// ```
/// use valet_key::aws::cloudfront::Expect;
///
/// let expect = Expect::new("d111111abcdef8.cloudfront.net").host("cdn.example.com");
/// # let _ = expect;
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Expect {
    hosts: Vec<String>,
    max_lifetime: Option<Lifetime>,
    any_method: bool,
    dot_segments: bool,
    url_decides: bool,
    first_cookie_counts: bool,
    authorization: bool,
}

impl Expect {
    /// Requests to `GET` or `HEAD` something from this host, which is what the `Host` line says, with its port if that
    /// has one.
    #[must_use]
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            hosts: Vec::from([host.into()]),
            max_lifetime: None,
            any_method: false,
            dot_segments: false,
            url_decides: false,
            first_cookie_counts: false,
            authorization: false,
        }
    }

    /// Or from this one: another name of the same distribution.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// Refuses a token that would be good for longer than this from now on. A token does not say when it was made, and
    /// CloudFront has no longest life, so that there is no limit by default.
    #[must_use]
    pub const fn max_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.max_lifetime = Some(lifetime);
        self
    }

    /// Accepts every method. A token says nothing of methods, so that one for reading would also be one for `DELETE`.
    #[must_use]
    pub const fn any_method(mut self) -> Self {
        self.any_method = true;
        self
    }

    /// Accepts `.` and `..` as whole segments of the path. A server that folds them serves something else than the policy
    /// was held against.
    #[must_use]
    pub const fn allow_dot_segments(mut self) -> Self {
        self.dot_segments = true;
        self
    }

    /// Looks at the URL alone when the token of a request stands both there and in cookies, as CloudFront does. Without it
    /// such a request is refused: a server before or behind this one may go by the other token.
    #[must_use]
    pub const fn url_decides(mut self) -> Self {
        self.url_decides = true;
        self
    }

    /// Takes the first of several cookies of one name, which is the one with the longest path in every browser. Without it
    /// such a request is refused, since servers differ.
    #[must_use]
    pub const fn first_cookie_counts(mut self) -> Self {
        self.first_cookie_counts = true;
        self
    }

    /// Accepts an `Authorization` line beside the token: it is for the origin, and nothing here checks it.
    #[must_use]
    pub const fn allow_authorization(mut self) -> Self {
        self.authorization = true;
        self
    }
}

/// A request with a token as it arrived: shape, size and fields were checked, nothing else.
#[derive(Clone)]
pub struct Presented<'r> {
    method: &'r str,
    host: &'r str,
    path: &'r str,
    /// Path and query without the token.
    target: String,
    url: String,
    client_address: Option<IpAddr>,
    has_authorization: bool,
    carrier: Carrier,
    /// Cookies are there beside a token in the URL.
    has_both: bool,
    repeated_cookie: Option<&'static str>,
    fields: Fields<'r>,
    statement: Option<Statement>,
}

impl<'r> Presented<'r> {
    /// Reads a request within the default [`Limits`].
    ///
    /// The view has to say whether the client came [`over_https`](RequestView::over_https), which is part of what is signed.
    ///
    /// # Errors
    /// [`VerifyError::NotSigned`] without a token, [`VerifyError::TooLarge`] past a limit, [`VerifyError::Policy`] for a
    /// policy that an edge would not read, and for a request that cannot be read in one way only:
    /// [`VerifyError::TwoMechanisms`], [`VerifyError::FieldCount`], [`VerifyError::FieldForm`], [`VerifyError::Malformed`].
    pub fn parse(view: &RequestView<'r>) -> Result<Self, VerifyError> {
        Self::parse_within(view, &Limits::DEFAULT)
    }

    /// The same within other limits.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_within(view: &RequestView<'r>, limits: &Limits) -> Result<Self, VerifyError> {
        let malformed = |what, why| Err(VerifyError::Malformed { what, why });
        let lines = head::lines(view, limits)?;
        for (name, value) in lines {
            head::check_line(name, value, limits)?;
        }
        let named = |wanted: &'static str| lines.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted));
        let host = head::host(named("host").next_back().map(|(_, value)| *value), named("host").count())?;
        let target = Target::split(view.target(), limits)?;
        let protocol = if view.came_over_https() { "https" } else { "http" };
        if target.authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(host)) {
            return malformed("target", "its authority is not the Host header");
        }
        if target.authority.is_some() && view.target().split("://").next() != Some(protocol) {
            return malformed("target", "its scheme is not that of the connection");
        }
        if target.path.contains(['"', '\\']) || host.contains(['"', '\\', '/', '?', '@']) {
            return malformed("target", "it holds a byte that no URL may hold");
        }
        let before = if target.authority.is_some() { 0 } else { format!("{protocol}://{host}").len() };
        let found = before.saturating_add(view.target().len());
        if found > MAX_URL {
            return Err(VerifyError::TooLarge { what: "URL", found, limit: MAX_URL });
        }
        let query = Query::read(view.target().contains('?').then_some(target.query), limits.params)?;
        let cookies = cookie::read(lines)?;
        let (carrier, raw) = match (query.raw.is_empty(), cookies.is_empty()) {
            (true, true) => return Err(VerifyError::NotSigned),
            (false, _) => (Carrier::Url, query.raw),
            (true, false) => (Carrier::Cookies, cookies),
        };
        // Which of several cookies counts is up to what is expected.
        if let Some(field) = raw.repeated.filter(|_| carrier == Carrier::Url) {
            return Err(VerifyError::FieldCount { field, found: 2 });
        }
        if let Some(second) = query.foreign {
            return Err(VerifyError::TwoMechanisms { first: "Signature", second });
        }
        let fields = Fields::read(&raw, carrier)?;
        let statement = match &fields.terms {
            Terms::Canned(_) => None,
            Terms::Custom(text) => Some(Statement::read(text)?),
        };
        let own = query.own.map(|own| format!("?{own}")).unwrap_or_default();
        let target_text = format!("{}{own}", target.path);
        Ok(Self {
            method: view.method(),
            host,
            path: target.path,
            url: format!("{protocol}://{host}{target_text}"),
            target: target_text,
            client_address: view.client_address(),
            has_authorization: named("authorization").next().is_some(),
            carrier,
            has_both: carrier == Carrier::Url && !cookies.is_empty(),
            repeated_cookie: cookies.repeated,
            fields,
            statement,
        })
    }

    /// The key that the token names. Nobody vouches for it yet.
    #[must_use]
    pub const fn key_pair_id(&self) -> &'r str {
        self.fields.key_pair_id
    }

    /// Where the token stands.
    #[must_use]
    pub const fn carrier(&self) -> Carrier {
        self.carrier
    }

    /// The first second at which the token is over.
    fn until(&self) -> u32 {
        match (&self.fields.terms, &self.statement) {
            (Terms::Canned(until), _) => *until,
            (_, Some(statement)) => statement.until,
            // INVARIANT: terms that are not canned have a statement.
            _ => 0,
        }
    }

    /// Checks everything that needs no key and that a stranger may be told: host, method, path and time.
    ///
    /// # Errors
    /// [`VerifyError::OtherKey`] if the token names another key; [`VerifyError::Algorithm`] if it names another hash than the
    /// credential's, or has a signature of another kind; [`VerifyError::TwoMechanisms`], [`VerifyError::FieldCount`],
    /// [`VerifyError::Host`], [`VerifyError::Operation`], [`VerifyError::AmbiguousPath`], [`VerifyError::Expired`],
    /// [`VerifyError::NotYetValid`], [`VerifyError::Lifetime`].
    pub fn check(self, credential: &Credential, expect: &Expect, now: Timestamp) -> Result<Pending<'r>, VerifyError> {
        self.examine(expect, now)?;
        if self.key_pair_id() != credential.key_pair_id() {
            return Err(VerifyError::OtherKey);
        }
        self.agrees(credential)?;
        let policy = self.string_to_sign();
        Ok(Pending { policy, key_ends: credential.expires_at(), hash: credential.hash(), presented: self, now })
    }

    /// The part of [`check`](Self::check) that is the same for every key.
    pub(super) fn examine(&self, expect: &Expect, now: Timestamp) -> Result<(), VerifyError> {
        if self.has_both && !expect.url_decides {
            return Err(VerifyError::TwoMechanisms { first: "Signature", second: "CloudFront-Signature" });
        }
        if self.has_authorization && !expect.authorization {
            return Err(VerifyError::TwoMechanisms { first: "Signature", second: "Authorization" });
        }
        if let (Carrier::Cookies, Some(field), false) = (self.carrier, self.repeated_cookie, expect.first_cookie_counts)
        {
            return Err(VerifyError::FieldCount { field, found: 2 });
        }
        if !expect.hosts.iter().any(|host| host.eq_ignore_ascii_case(self.host)) {
            return Err(VerifyError::Host);
        }
        if !expect.any_method && !matches!(self.method, "GET" | "HEAD") {
            return Err(VerifyError::Operation { why: "a token is for GET and HEAD" });
        }
        if !expect.dot_segments && folds(self.path) {
            return Err(VerifyError::AmbiguousPath { why: "a segment is `.` or `..`, which clients and servers fold" });
        }
        let until = Timestamp::EPOCH.saturating_add(self.until());
        // SPEC: good while it is earlier than `DateLessThan`.
        if now >= until {
            return Err(VerifyError::Expired { expired_at: until.saturating_sub(1), now });
        }
        let from = self.statement.as_ref().and_then(|statement| statement.from);
        if let Some(valid_from) = from.map(|from| Timestamp::EPOCH.saturating_add(from)).filter(|from| now < *from) {
            return Err(VerifyError::NotYetValid { valid_from, now });
        }
        let left = u32::try_from(until.seconds_since(now)).unwrap_or(u32::MAX);
        match expect.max_lifetime.map(Lifetime::seconds) {
            Some(maximum) if left > maximum => Err(VerifyError::Lifetime { found: left, maximum }),
            _ => Ok(()),
        }
    }

    /// INVARIANT: kind and hash are those of the credential. What a token says of them is not signed, so it may only agree.
    pub(super) fn agrees(&self, credential: &Credential) -> Result<(), VerifyError> {
        if self.fields.names_sha256 != credential.hash().is_named() {
            let expected = if credential.hash().is_named() { "SHA256" } else { "no hash named" };
            return Err(VerifyError::Algorithm { field: "Hash-Algorithm", expected });
        }
        let expected = match credential.kind() {
            KeyKind::Rsa2048 => "256 bytes of RSA",
            KeyKind::EcdsaP256 => "ECDSA in DER",
        };
        match Signature::new(credential.kind(), self.fields.signature.clone()) {
            Ok(_) => Ok(()),
            Err(_) => Err(VerifyError::Algorithm { field: "Signature", expected }),
        }
    }

    pub(super) fn string_to_sign(&self) -> PolicyToSign {
        match &self.fields.terms {
            Terms::Canned(until) => PolicyToSign::canned(&self.url, *until),
            // INVARIANT: the bytes that were sent. Writing them again would sign another text.
            Terms::Custom(text) => PolicyToSign::given(text.clone()),
        }
    }

    #[cfg(any(feature = "rsa", feature = "ecdsa"))]
    pub(super) fn signature(&self) -> &[u8] {
        &self.fields.signature
    }

    /// Holds the request to what the policy says beside its time. Told only to whoever has its signature.
    ///
    /// INVARIANT: called only after the signature was found to be right.
    pub(super) fn verified(
        self,
        key_ends: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        if let Some(ended_at) = key_ends.filter(|ends| now > *ends) {
            return Err(VerifyError::CredentialExpired { ended_at, now });
        }
        if let Some(statement) = &self.statement {
            if !statement.resource.matches(&self.url) {
                return Err(VerifyError::NotCovered { field: "Resource", what: "URL" });
            }
            match (statement.network, self.client_address) {
                (Some(_), None) => {
                    return Err(VerifyError::ClientAddress {
                        problem: "is not known, and the policy is for a network",
                    });
                }
                (Some(network), Some(address)) if !network.contains(address) => {
                    return Err(VerifyError::ClientAddress { problem: "is not in the network of the policy" });
                }
                _ => {}
            }
        }
        Ok(Verified::new(SignedRequest { presented: self }))
    }
}

/// Whether a server could fold a segment away: `.` or `..` between slashes of any kind, escaped or not.
pub(super) fn folds(path: &str) -> bool {
    let mut dots = Some(0u8);
    let is_dots = |dots| matches!(dots, Some(1 | 2));
    for byte in encode::Decoded::of(path) {
        dots = match (byte, dots) {
            (b'/' | b'\\', _) if is_dots(dots) => return true,
            (b'/' | b'\\', _) => Some(0),
            (b'.', Some(count)) => count.checked_add(1),
            _ => None,
        };
    }
    is_dots(dots)
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("key_pair_id", &self.key_pair_id())
            .field("carrier", &self.carrier)
            .field("host", &self.host)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// A request that lacks only the check of its signature, and of what its policy says beside the time.
#[derive(Clone)]
pub struct Pending<'r> {
    presented: Presented<'r>,
    policy: PolicyToSign,
    hash: Hash,
    key_ends: Option<Timestamp>,
    now: Timestamp,
}

impl<'r> Pending<'r> {
    /// What was signed, if the signature is right: the policy of the URL, or the one that was sent.
    #[must_use]
    pub const fn string_to_sign(&self) -> &PolicyToSign {
        &self.policy
    }

    /// The hash that was signed, which is the credential's.
    #[must_use]
    pub const fn hash(&self) -> Hash {
        self.hash
    }

    /// Checks the signature with the public key of the credential, and then holds the request to its policy.
    ///
    /// # Errors
    /// [`VerifyError::SignatureMismatch`] if it is wrong. If it is right, [`VerifyError::CredentialExpired`],
    /// [`VerifyError::NotCovered`] if the policy is not for the URL, and [`VerifyError::ClientAddress`] if it is not for the
    /// client.
    #[cfg(any(feature = "rsa", feature = "ecdsa"))]
    pub fn accept_public(self, key: &PublicKey) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        key.verify(self.hash, &self.policy, self.presented.signature())?;
        self.presented.verified(self.key_ends, self.now)
    }

    /// Compares the signature with the expected one, in constant time: for a holder of the private key, since RSA signs the
    /// same text in one way only. One of ECDSA has to be checked with a public key.
    ///
    /// # Errors
    /// As [`accept_by`](Self::accept_by), and [`VerifyError::Key`] for a signature of ECDSA.
    pub fn accept(self, expected: &Signature) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        if expected.kind() != KeyKind::Rsa2048 {
            let why = "a signature of ECDSA is not made the same twice, so it cannot be compared";
            return Err(VerifyError::Key(KeyError::Invalid { what: "signature", why }));
        }
        self.accept_by(|_, found| mac::equal(expected.bytes(), found))
    }

    /// Asks other code whether the signature is right: a key management service, or another implementation. It gets what
    /// was signed, and the signature: 256 bytes of RSA PKCS #1 v1.5, or ECDSA in DER.
    ///
    /// # Errors
    /// [`VerifyError::SignatureMismatch`] if it says no. If it says yes, [`VerifyError::CredentialExpired`],
    /// [`VerifyError::NotCovered`] if the policy is not for the URL, and [`VerifyError::ClientAddress`] if it is not for the
    /// client.
    pub fn accept_by(
        self,
        is_right: impl FnOnce(&PolicyToSign, &[u8]) -> bool,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        if !is_right(&self.policy, &self.presented.fields.signature) {
            return Err(VerifyError::SignatureMismatch);
        }
        self.presented.verified(self.key_ends, self.now)
    }
}

impl fmt::Debug for Pending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("presented", &self.presented).finish_non_exhaustive()
    }
}

/// The facts about a request that the policy and its signature vouch for: not the method, and no header.
#[derive(Clone)]
pub struct SignedRequest<'r> {
    presented: Presented<'r>,
}

impl<'r> SignedRequest<'r> {
    /// The URL that was asked for, without what belongs to CloudFront.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.presented.url
    }

    /// Its path and query, which is what an origin should be asked for.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.presented.target
    }

    /// Its path as it was sent, percent-encoded.
    #[must_use]
    pub const fn path(&self) -> &'r str {
        self.presented.path
    }

    /// What the policy is for: this URL, or a pattern of URLs.
    #[must_use]
    pub fn resource(&self) -> &str {
        match &self.presented.statement {
            Some(statement) => statement.resource.as_str(),
            None => &self.presented.url,
        }
    }

    /// The key that signed.
    #[must_use]
    pub const fn key_pair_id(&self) -> &'r str {
        self.presented.key_pair_id()
    }

    /// Where the token stood.
    #[must_use]
    pub const fn carrier(&self) -> Carrier {
        self.presented.carrier
    }

    /// Whether the policy was canned: for this URL alone, and nothing more than an end.
    #[must_use]
    pub const fn is_canned(&self) -> bool {
        self.presented.statement.is_none()
    }

    /// The last second at which the same request is accepted again: one before `DateLessThan`.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        Timestamp::EPOCH.saturating_add(self.presented.until().saturating_sub(1))
    }

    /// The first second at which it is accepted, if the policy says so.
    #[must_use]
    pub fn not_before(&self) -> Option<Timestamp> {
        let from = self.presented.statement.as_ref().and_then(|statement| statement.from);
        from.map(|from| Timestamp::EPOCH.saturating_add(from))
    }

    /// The network that the policy is for, if it is for one.
    #[must_use]
    pub fn network(&self) -> Option<Network> {
        self.presented.statement.as_ref().and_then(|statement| statement.network)
    }

    /// Names the token for revocation, replay protection and audit: what
    /// [`BearerUrl::fingerprint`](crate::token::BearerUrl::fingerprint) told when it was issued. All URLs of one policy have the
    /// same.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_signature(&self.presented.fields.signature)
    }
}

impl fmt::Debug for SignedRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest")
            .field("path", &self.path())
            .field("resource", &self.resource())
            .field("key_pair_id", &self.key_pair_id())
            .field("expires_at", &self.expires_at().to_string())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_that_a_server_could_fold_are_seen() {
        for path in
            ["/.", "/..", "/a/../b", "/a/%2e%2E/b", "/a/..%2Fb", "/a%2f..%2fb", "/a/..%5Cb", "/a/.%2e", "/./", "/%2E"]
        {
            assert!(folds(path), "{path}");
        }
        for path in ["/", "/a", "/...", "/.a", "/a.", "/a..b/c", "/a/..b", "//", "/a%2Fb", "/%252e%252e/"] {
            assert!(!folds(path), "{path}");
        }
    }
}
