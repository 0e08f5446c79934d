//! Verifying a request: what was presented, what is pending a signature, what was verified.

use super::{
    super::{
        Plus, Sas,
        addressed::check_path,
        canonical::StringToSign,
        fields::{Params, text},
        key::{AccountKey, AccountKeys, Credential, Signature, is_account},
        resource::Service,
        version::Version,
    },
    canonical::{CONTENT_LENGTH, CONTENT_MD5, CONTENT_TYPE, Canonical, Form, LINES, PREFIX, Query, check_value},
    date,
    sign::is_method,
};
use crate::{
    clock::Timestamp,
    encode,
    error::{KeyError, VerifyError},
    head::{self, trimmed},
    mac,
    target::{Target, has_dot_segment},
    token::Verified,
    view::{Limits, RequestView},
};
use alloc::{string::String, vec::Vec};
use core::fmt;

/// How far the time of a request may be from that of the service, in seconds.
const SKEW: u32 = 15 * 60;

/// What a verifier requires of the requests that it accepts.
///
/// ```
/// use valet_key::azure::{ExpectSharedKey, Service};
///
/// let expect = ExpectSharedKey::new("myaccount", Service::Blob)?.host("myaccount.blob.core.windows.net").skew(60);
/// # let _ = expect;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each relaxes one reading, and none excludes another")]
pub struct ExpectSharedKey {
    account: String,
    service: Service,
    host: Option<String>,
    account_in_path: bool,
    oldest: Version,
    skew: u32,
    plus: Plus,
    dot_segments: bool,
    escaped_slashes: bool,
    blanks_as_sent: bool,
}

impl ExpectSharedKey {
    /// One service of one account, in the strictest reading of everything.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] unless the account is 3 to 24 letters and digits.
    pub fn new(account: impl Into<String>, service: Service) -> Result<Self, KeyError> {
        let account = account.into();
        if !is_account(&account) {
            return Err(KeyError::Invalid { what: "account name", why: "it must be 3 to 24 letters and digits" });
        }
        Ok(Self {
            account,
            service,
            host: None,
            account_in_path: false,
            oldest: Version::V2018_11_09,
            skew: SKEW,
            plus: Plus::Refuse,
            dot_segments: false,
            escaped_slashes: false,
            blanks_as_sent: false,
        })
    }

    /// Requests for this host alone, with its port if it is not the default one; compared without regard to ASCII case.
    /// The host is not part of what is signed, so without this any host is accepted.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// The account is the first segment of the path, as with an emulator.
    #[must_use]
    pub const fn account_in_path(mut self) -> Self {
        self.account_in_path = true;
        self
    }

    /// The oldest service version that a request may name, from 2018-11-09 on, which is the default.
    #[must_use]
    pub fn oldest(mut self, version: Version) -> Self {
        self.oldest = version.max(Version::V2018_11_09);
        self
    }

    /// How far the time of a request may lie before or after now, in seconds: at most 900, which is the default and what
    /// the service allows.
    #[must_use]
    pub const fn skew(mut self, seconds: u32) -> Self {
        self.skew = if seconds < SKEW { seconds } else { SKEW };
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

    /// Reads `%2F` in a path as a slash, as the service does: some clients write every slash of a name so.
    #[must_use]
    pub const fn escaped_slashes(mut self) -> Self {
        self.escaped_slashes = true;
        self
    }

    /// Accepts `x-ms-*` headers with two blanks in a row or a tab in their values, and reads them as they were sent, which
    /// is what the official clients sign. The documents say that such runs are folded, so without this they are refused.
    #[must_use]
    pub const fn blanks_as_sent(mut self) -> Self {
        self.blanks_as_sent = true;
        self
    }
}

const AUTHORIZATION: &str = "Authorization";
const OURS: &str = "Shared Key";

/// A header that is signed without a line of its own: its name in lower case, and its trimmed value.
type Signed<'r> = (String, &'r [u8]);

/// The header lines that matter, each at most once.
#[derive(Clone)]
struct Head<'r> {
    host: Option<&'r [u8]>,
    hosts: usize,
    authorization: Option<&'r [u8]>,
    authorizations: usize,
    lines: [Option<&'r [u8]>; LINES.len()],
    /// In the order of their names.
    signed: Vec<Signed<'r>>,
    is_chunked: bool,
    foreign: Option<&'static str>,
}

impl<'r> Head<'r> {
    fn read(view: &RequestView<'r>, limits: &Limits) -> Result<Self, VerifyError> {
        let mut head = Self {
            host: None,
            hosts: 0,
            authorization: None,
            authorizations: 0,
            lines: [None; LINES.len()],
            signed: Vec::new(),
            is_chunked: false,
            foreign: None,
        };
        for &(name, value) in head::lines(view, limits)? {
            head::check_line(name, value, limits)?;
            head.take(name, trimmed(value))?;
        }
        head.signed.sort_unstable();
        let names = || head.signed.iter().map(|(name, _)| name.as_str());
        if names().zip(names().skip(1)).any(|(name, next)| name == next) {
            return Err(VerifyError::FieldCount { field: "x-ms-*", found: 2 });
        }
        Ok(head)
    }

    fn take(&mut self, name: &str, value: &'r [u8]) -> Result<(), VerifyError> {
        let name = name.to_ascii_lowercase();
        if name.starts_with(PREFIX) {
            self.signed.push((name, value));
        } else if let Some((line, slot)) = LINES.iter().zip(&mut self.lines).find(|(line, _)| **line == name) {
            if slot.replace(value).is_some() {
                return Err(VerifyError::FieldCount { field: line, found: 2 });
            }
        } else if name == "host" {
            self.hosts = self.hosts.saturating_add(1);
            self.host = Some(value);
        } else if name == "authorization" {
            self.authorizations = self.authorizations.saturating_add(1);
            self.authorization = Some(value);
        } else if name == "transfer-encoding" {
            self.is_chunked = true;
        } else if name.starts_with("x-amz-") || name.starts_with("x-goog-") {
            self.foreign = Some("headers of another provider");
        }
        Ok(())
    }

    fn signed(&self, name: &str) -> Option<&'r [u8]> {
        let at = self.signed.binary_search_by(|(other, _)| other.as_str().cmp(name)).ok()?;
        self.signed.get(at).map(|(_, value)| *value)
    }

    fn line(&self, line: usize) -> Option<&'r [u8]> {
        self.lines.get(line).copied().flatten()
    }

    /// Holds the values that are looked at to their forms.
    fn check(&self) -> Result<(), VerifyError> {
        for (field, value) in LINES.iter().zip(&self.lines) {
            if value.is_some_and(|value| check_value(value, false).is_err()) {
                return Err(VerifyError::FieldForm { field, expected: "visible ASCII" });
            }
        }
        let is_md5 = |value: &[u8]| md5(value).is_some();
        if self.line(CONTENT_MD5).is_some_and(|value| !is_md5(value)) {
            return Err(VerifyError::FieldForm { field: "content-md5", expected: "padded base64 of 16 bytes" });
        }
        if self.line(CONTENT_LENGTH).is_some_and(|value| length(value).is_none()) {
            return Err(VerifyError::FieldForm { field: "content-length", expected: "a number of bytes" });
        }
        Ok(())
    }
}

fn md5(value: &[u8]) -> Option<[u8; 16]> {
    let bytes = encode::from_base64(core::str::from_utf8(value).ok()?)?;
    bytes.try_into().ok()
}

/// A number in its one spelling.
fn length(value: &[u8]) -> Option<u64> {
    let plain = (1..=20).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    let plain = plain && (value.len() == 1 || !value.starts_with(b"0"));
    plain.then(|| core::str::from_utf8(value).ok()?.parse().ok()).flatten()
}

/// A request with a Shared Key signature as it arrived: shape, size and fields were checked, nothing else.
#[derive(Clone)]
pub struct PresentedRequest<'r> {
    view: RequestView<'r>,
    host: &'r str,
    path: &'r str,
    params: Params<'r>,
    head: Head<'r>,
    account: &'r str,
    signature: [u8; 44],
    date: &'r [u8],
    signed_at: Timestamp,
    version: Version,
}

impl<'r> PresentedRequest<'r> {
    /// Reads a request within the default [`Limits`].
    ///
    /// # Errors
    /// [`VerifyError::NotSigned`] without `Authorization`, [`VerifyError::Algorithm`] if it is not `SharedKey`,
    /// [`VerifyError::TooLarge`] past a limit, and for a request that cannot be read in one way only:
    /// [`VerifyError::TwoMechanisms`], [`VerifyError::FieldCount`], [`VerifyError::FieldForm`],
    /// [`VerifyError::Malformed`].
    pub fn parse(view: &RequestView<'r>) -> Result<Self, VerifyError> {
        Self::parse_within(view, &Limits::DEFAULT)
    }

    /// Reads a request within other limits.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_within(view: &RequestView<'r>, limits: &Limits) -> Result<Self, VerifyError> {
        let head = Head::read(view, limits)?;
        let target = Target::split(view.target(), limits)?;
        let host = head::host(head.host, head.hosts)?;
        if target.authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(host)) {
            return Err(VerifyError::Malformed { what: "target", why: "its authority is not the Host header" });
        }
        if !is_method(view.method()) {
            return Err(VerifyError::Malformed { what: "method", why: "it must be 1 to 32 upper-case letters" });
        }
        let params = Params::read(target.query, limits)?;
        let Some(authorization) = head.authorization else { return Err(VerifyError::NotSigned) };
        if head.authorizations != 1 {
            return Err(VerifyError::FieldCount { field: AUTHORIZATION, found: head.authorizations });
        }
        if params.present() != 0 {
            return Err(VerifyError::TwoMechanisms { first: "a shared access signature", second: AUTHORIZATION });
        }
        if let Some(first) = head.foreign.or(params.foreign) {
            return Err(VerifyError::TwoMechanisms { first, second: OURS });
        }
        let (account, signature) = read_authorization(authorization)?;
        let date = head.signed("x-ms-date").ok_or(VerifyError::FieldCount { field: "x-ms-date", found: 0 })?;
        let version = head.signed("x-ms-version").ok_or(VerifyError::FieldCount { field: "x-ms-version", found: 0 })?;
        let signed_at = date::read(date).ok_or(VerifyError::FieldForm {
            field: "x-ms-date",
            expected: "a date such as `Sun, 06 Nov 1994 08:49:37 GMT`",
        })?;
        let version = core::str::from_utf8(version).ok().and_then(Version::parse);
        let version = version
            .ok_or(VerifyError::FieldForm { field: "x-ms-version", expected: "a known version of the service" })?;
        head.check()?;
        let (view, path) = (*view, target.path);
        Ok(Self { view, host, path, params, head, account, signature, date, signed_at, version })
    }

    /// The account that the request names. Nobody vouches for it yet.
    #[must_use]
    pub const fn account(&self) -> &'r str {
        self.account
    }

    /// Checks everything that needs no secret: account, version, host, path, query, headers, time.
    ///
    /// # Errors
    /// [`VerifyError::OtherKey`] if the request names another account, or the key is a user delegation key;
    /// [`VerifyError::FieldForm`], [`VerifyError::Host`], [`VerifyError::Malformed`], [`VerifyError::AmbiguousPath`],
    /// [`VerifyError::AmbiguousPlus`]; [`VerifyError::UnsignedHeader`] for an `x-ms-*` header that tables do not sign; and
    /// [`VerifyError::Skewed`] if its time is more than fifteen minutes from `now`.
    pub fn check(
        self,
        credential: &Credential,
        expect: &ExpectSharedKey,
        now: Timestamp,
    ) -> Result<PendingRequest<'r>, VerifyError> {
        let named = credential.account_name();
        if credential.delegation().is_some() || self.account != named || expect.account != named {
            return Err(VerifyError::OtherKey);
        }
        if expect.host.as_ref().is_some_and(|host| !host.eq_ignore_ascii_case(self.host)) {
            return Err(VerifyError::Host);
        }
        let path = self.checked_path(expect)?;
        let query = self.query(expect)?;
        let string_to_sign = self.canonical(&query, expect)?;
        // Both lie between 1970 and 9999.
        if now.seconds_since(self.signed_at).unsigned_abs() > u64::from(expect.skew) {
            return Err(VerifyError::Skewed { signed_at: self.signed_at, now, allowed: expect.skew });
        }
        let expires_at = self.signed_at.saturating_add(expect.skew);
        let facts = SharedKeyFacts { service: expect.service, path, query, expires_at, presented: self };
        Ok(PendingRequest { facts, string_to_sign })
    }

    /// What would have been signed, as this verifier reads the request, whether or not it is in time. For finding out why
    /// two sides disagree.
    ///
    /// # Errors
    /// Those of [`check`](Self::check) for headers and query.
    pub fn string_to_sign(&self, expect: &ExpectSharedKey) -> Result<StringToSign, VerifyError> {
        self.canonical(&self.query(expect)?, expect)
    }

    /// The path behind the account, if that stands in it.
    fn checked_path(&self, expect: &ExpectSharedKey) -> Result<&'r str, VerifyError> {
        check_path(self.path, expect.escaped_slashes)?;
        if !expect.dot_segments && has_dot_segment(self.path) {
            return Err(VerifyError::AmbiguousPath { why: "a segment is `.` or `..`, which clients and servers fold" });
        }
        if !expect.account_in_path {
            return Ok(self.path);
        }
        let rest = self.path.strip_prefix('/').and_then(|path| path.strip_prefix(expect.account.as_str()));
        let rest = rest.filter(|rest| rest.is_empty() || rest.starts_with('/'));
        rest.ok_or(VerifyError::Malformed { what: "path", why: "its first segment is not the account" })
    }

    fn query(&self, expect: &ExpectSharedKey) -> Result<Query, VerifyError> {
        if self.params.has_plus && expect.plus == Plus::Refuse {
            return Err(VerifyError::AmbiguousPlus);
        }
        let decoded = |part| text(part, expect.plus, "query");
        let pairs = self.params.iter().map(|(name, value)| Ok((decoded(name)?, decoded(value)?)));
        let query = Query::new(pairs.collect::<Result<_, VerifyError>>()?);
        query.map_err(|why| VerifyError::Malformed { what: "query", why })
    }

    fn canonical(&self, query: &Query, expect: &ExpectSharedKey) -> Result<StringToSign, VerifyError> {
        let form = Form::of(expect.service);
        if self.version < expect.oldest {
            return Err(VerifyError::FieldForm { field: "x-ms-version", expected: "a version that is not too old" });
        }
        match form {
            Form::Full if self.head.is_chunked => {
                let expected = "absent: the length of the body is signed";
                return Err(VerifyError::FieldForm { field: "transfer-encoding", expected });
            }
            Form::Full => {
                let is_good = |value: &[u8]| check_value(value, !expect.blanks_as_sent).is_ok();
                if !self.head.signed.iter().all(|(_, value)| is_good(value)) {
                    let expected = "visible ASCII with single blanks: see `blanks_as_sent`";
                    return Err(VerifyError::FieldForm { field: "x-ms-*", expected });
                }
            }
            Form::Table => {
                // They change nothing but the log of the service.
                const FREE: [&str; 4] =
                    ["x-ms-client-request-id", "x-ms-date", "x-ms-return-client-request-id", "x-ms-version"];
                let mut names = self.head.signed.iter().map(|(name, _)| name.as_str());
                if let Some(name) = names.find(|name| !FREE.contains(name)) {
                    return Err(VerifyError::UnsignedHeader { name: name.chars().take(64).collect() });
                }
            }
        }
        let mut lines = self.head.lines.map(Option::unwrap_or_default);
        if let Some(date) = LINES.iter().zip(&mut lines).find(|(name, _)| **name == "date") {
            // SPEC: the line is empty beside `x-ms-date`.
            *date.1 = b"";
        }
        let canonical = Canonical {
            form,
            method: self.view.method(),
            lines,
            date: self.date,
            account: self.account,
            path: self.path,
            query,
        };
        let headers = self.head.signed.iter().map(|(name, value)| (name.as_str(), *value));
        canonical.write(headers).map_err(|why| VerifyError::Malformed { what: "query", why })
    }
}

/// Reads `SharedKey account:signature`, in its one spelling.
fn read_authorization(value: &[u8]) -> Result<(&str, [u8; 44]), VerifyError> {
    const FORM: &str = "`SharedKey account:signature`, the signature in padded base64 of 32 bytes";
    let wrong = VerifyError::FieldForm { field: AUTHORIZATION, expected: FORM };
    let Ok(value) = core::str::from_utf8(value) else { return Err(wrong) };
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if scheme != "SharedKey" {
        return Err(VerifyError::Algorithm { field: AUTHORIZATION, expected: "SharedKey" });
    }
    let Some((account, signature)) = rest.split_once(':') else { return Err(wrong) };
    // No escapes here: they would make it longer.
    let signature = encode::digest_base64(signature).filter(|_| signature.len() == 44 && is_account(account));
    signature.map(|signature| (account, signature)).ok_or(wrong)
}

impl fmt::Debug for PresentedRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedRequest")
            .field("account", &self.account)
            .field("host", &self.host)
            .field("signed_at", &self.signed_at)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// A request that lacks only the check of its signature.
#[derive(Clone)]
pub struct PendingRequest<'r> {
    facts: SharedKeyFacts<'r>,
    string_to_sign: StringToSign,
}

impl<'r> PendingRequest<'r> {
    /// What was signed, if the signature is right.
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.string_to_sign
    }

    /// Compares the presented signature with the expected one, in constant time.
    ///
    /// # Errors
    /// [`VerifyError::SignatureMismatch`] if they differ.
    pub fn accept(self, expected: &Signature) -> Result<Verified<SharedKeyFacts<'r>>, VerifyError> {
        let is_right = self.is(expected.bytes());
        self.conclude(is_right)
    }

    fn is(&self, expected: &[u8; 32]) -> bool {
        mac::equal(&encode::base64_of_digest(expected), &self.facts.presented.signature)
    }

    fn conclude(self, is_right: bool) -> Result<Verified<SharedKeyFacts<'r>>, VerifyError> {
        if is_right { Ok(Verified::new(self.facts)) } else { Err(VerifyError::SignatureMismatch) }
    }
}

impl fmt::Debug for PendingRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingRequest").field("presented", &self.facts.presented).finish_non_exhaustive()
    }
}

fn verify_with<'r>(
    credential: &Credential,
    keys: &[&mac::HmacKey],
    presented: PresentedRequest<'r>,
    expect: &ExpectSharedKey,
    now: Timestamp,
) -> Result<Verified<SharedKeyFacts<'r>>, VerifyError> {
    let pending = presented.check(credential, expect, now)?;
    // Every key is tried, whichever is right.
    let is_right =
        keys.iter().fold(false, |found, key| found | pending.is(&key.mac(pending.string_to_sign.as_bytes())));
    pending.conclude(is_right)
}

impl AccountKey {
    /// Checks a request that is signed by Shared Key.
    ///
    /// # Errors
    /// [`VerifyError`], see [`PresentedRequest::check`] and [`PendingRequest::accept`].
    pub fn verify_request<'r>(
        &self,
        presented: PresentedRequest<'r>,
        expect: &ExpectSharedKey,
        now: Timestamp,
    ) -> Result<Verified<SharedKeyFacts<'r>>, VerifyError> {
        verify_with(self.credential(), &[self.hmac()], presented, expect, now)
    }
}

impl AccountKeys {
    /// Checks a request that is signed by Shared Key with either key, in the same time whichever it is.
    ///
    /// # Errors
    /// [`VerifyError`], see [`PresentedRequest::check`] and [`PendingRequest::accept`].
    pub fn verify_request<'r>(
        &self,
        presented: PresentedRequest<'r>,
        expect: &ExpectSharedKey,
        now: Timestamp,
    ) -> Result<Verified<SharedKeyFacts<'r>>, VerifyError> {
        verify_with(self.credential(), &self.hmacs(), presented, expect, now)
    }
}

/// The facts about a request that its signature covers.
///
/// Inside a [`Verified`], they are true. Route on these and on no other reading of the request. What tables do not sign is
/// not told for them: for a table, hold the request to what else you need by yourself.
///
/// ```
/// use valet_key::azure::{AccountKey, ExpectSharedKey, PresentedRequest, Service, SharedKeyRequest};
/// use valet_key::{clock::Timestamp, view::RequestView};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let key = AccountKey::new("myaccount", "c2VjcmV0")?;
/// let request = SharedKeyRequest::new("PUT", Service::Blob, "/photos/a b.txt")?
///     .header("x-ms-blob-type", "BlockBlob")
///     .content_length(3);
/// let signed = key.authorize(&request, now)?;
///
/// let mut headers: Vec<(&str, &[u8])> =
///     signed.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
/// headers.push(("Host", b"myaccount.blob.core.windows.net"));
/// headers.push(("Content-Length", b"3"));
/// headers.push(("Authorization", signed.expose_authorization().as_bytes()));
/// let view = RequestView::new("PUT", "/photos/a%20b.txt", &headers);
///
/// let expect = ExpectSharedKey::new("myaccount", Service::Blob)?.host("myaccount.blob.core.windows.net");
/// let facts = key.verify_request(PresentedRequest::parse(&view)?, &expect, now)?;
/// assert_eq!(facts.path()?, "/photos/a b.txt");
/// assert_eq!(facts.header("x-ms-blob-type"), Some(&b"BlockBlob"[..]));
/// assert_eq!(facts.content_length(), Some(3)); // hold the body to it
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SharedKeyFacts<'r> {
    presented: PresentedRequest<'r>,
    service: Service,
    /// Behind the account, as sent.
    path: &'r str,
    query: Query,
    expires_at: Timestamp,
}

impl<'r> SharedKeyFacts<'r> {
    /// The account.
    #[must_use]
    pub const fn account(&self) -> &'r str {
        self.presented.account
    }

    /// The service.
    #[must_use]
    pub const fn service(&self) -> Service {
        self.service
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &'r str {
        self.presented.view.method()
    }

    /// The whole path as sent, with the account of an emulator.
    #[must_use]
    pub const fn raw_path(&self) -> &'r str {
        self.presented.path
    }

    /// The path behind the account of an emulator, decoded once.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] if it is not UTF-8.
    pub fn path(&self) -> Result<String, VerifyError> {
        let path = if self.path.is_empty() { "/" } else { self.path };
        encode::decode(path).ok_or(VerifyError::Malformed { what: "path", why: "it is not UTF-8" })
    }

    /// The value of a query parameter by its name in lower case, decoded once. For a table it is `comp` alone.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).filter(|_| self.signs_all() || name == "comp")
    }

    /// Every query parameter that is signed: names in lower case and values, decoded once, in the order of the names.
    pub fn queries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().filter(|(name, _)| self.signs_all() || *name == "comp")
    }

    /// The value of a signed header by its name in lower case, without the blanks around it: `x-ms-*`, `content-*`, `if-*` or
    /// `range`; for a table `content-md5`, `content-type` and `x-ms-date` alone.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'r [u8]> {
        let form = Form::of(self.service);
        match LINES.iter().position(|line| *line == name) {
            _ if name == "date" => None,
            Some(line) => self.presented.head.line(line).filter(|_| form.signs(line)),
            None => self.presented.head.signed(name).filter(|_| self.signs_all() || name == "x-ms-date"),
        }
    }

    /// The number of bytes that the body has to have; nothing for a table, which does not sign it. Hold the body to it.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        let value = self.presented.head.line(CONTENT_LENGTH);
        self.signs_all().then(|| value.and_then(length).unwrap_or_default())
    }

    /// The MD5 hash that the body has to have, if the request says one. Hold the body to it.
    #[must_use]
    pub fn content_md5(&self) -> Option<[u8; 16]> {
        self.presented.head.line(CONTENT_MD5).and_then(md5)
    }

    /// The type of the content, if the request says one.
    #[must_use]
    pub fn content_type(&self) -> Option<&'r str> {
        let value = self.presented.head.line(CONTENT_TYPE);
        value.and_then(|value| core::str::from_utf8(value).ok())
    }

    /// The service version; nothing for a table, which does not sign it.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.signs_all().then_some(self.presented.version)
    }

    /// When it was signed, by the clock of whoever did.
    #[must_use]
    pub const fn signed_at(&self) -> Timestamp {
        self.presented.signed_at
    }

    /// The last second at which the same request is accepted again.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    fn signs_all(&self) -> bool {
        Form::of(self.service) == Form::Full
    }
}

impl fmt::Debug for SharedKeyFacts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedKeyFacts")
            .field("account", &self.account())
            .field("service", &self.service)
            .field("method", &self.method())
            .field("signed_at", &self.signed_at())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::ToOwned;

    #[test]
    fn authorization_has_one_spelling() {
        let signature = encode::base64(&[7; 32]);
        let good = alloc::format!("SharedKey myaccount:{signature}");
        assert_eq!(read_authorization(good.as_bytes()), Ok(("myaccount", encode::base64_of_digest(&[7; 32]))));
        for value in [
            "SharedKey".to_owned(),
            good.replace(' ', "  "),
            good.replace(' ', "\t"),
            good.replace(':', ": "),
            good.replace(':', ""),
            good.replace("myaccount", "my"),
            good.replace("myaccount", "my-account"),
            good.trim_end_matches('=').to_owned(),
            good.replace("SharedKey", "sharedkey"),
            good.replace("SharedKey", "SharedKeyLite"),
            good.replace("SharedKey", "Bearer"),
            alloc::format!("{good}, {good}"),
            alloc::format!("SharedKey myaccount:{}", encode::base64(&[7; 31])),
        ] {
            assert!(read_authorization(value.as_bytes()).is_err(), "{value}");
        }
        assert!(read_authorization(b"SharedKey \xff:").is_err());
        assert_eq!(
            read_authorization(b"SharedKeyLite a:b"),
            Err(VerifyError::Algorithm { field: AUTHORIZATION, expected: "SharedKey" })
        );
    }

    #[test]
    fn lengths_have_one_spelling() {
        assert_eq!((length(b"0"), length(b"10")), (Some(0), Some(10)));
        assert_eq!(length(b"18446744073709551615"), Some(u64::MAX));
        for text in ["", "00", "01", "+1", "-1", "1 ", "1,1", "0x1", "18446744073709551616", "\u{661}"] {
            assert_eq!(length(text.as_bytes()), None, "{text}");
        }
    }
}
