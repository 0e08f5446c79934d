//! Verifying a request: what was presented, what is pending a signature, what was verified.

use super::{
    super::{
        Plus, Sas,
        addressed::check_path,
        canonical::StringToSign,
        fields::{Params, text},
        key::{AccountKey, AccountKeys, Credential, Signature, is_account},
        version::Version,
    },
    canonical::{Canonical, Form, LINES, Query, check_value},
    date,
    expect::ExpectSharedKey,
    facts::SharedKeyFacts,
    head::Head,
    sign::is_method,
};
use crate::{
    clock::Timestamp,
    encode,
    error::VerifyError,
    head, mac,
    target::{Target, has_dot_segment},
    token::Verified,
    view::{Limits, RequestView},
};
use core::fmt;

const AUTHORIZATION: &str = "Authorization";
const OURS: &str = "Shared Key";

/// A request with a Shared Key signature as it arrived: shape, size and fields were checked, nothing else.
#[derive(Clone)]
pub struct PresentedRequest<'r> {
    pub(super) view: RequestView<'r>,
    host: &'r str,
    pub(super) path: &'r str,
    params: Params<'r>,
    pub(super) head: Head<'r>,
    pub(super) account: &'r str,
    pub(super) signature: [u8; 32],
    date: &'r [u8],
    pub(super) signed_at: Timestamp,
    pub(super) version: Version,
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
fn read_authorization(value: &[u8]) -> Result<(&str, [u8; 32]), VerifyError> {
    const FORM: &str = "`SharedKey account:signature`, the signature in padded base64 of 32 bytes";
    let wrong = VerifyError::FieldForm { field: AUTHORIZATION, expected: FORM };
    let Ok(value) = core::str::from_utf8(value) else { return Err(wrong) };
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if scheme != "SharedKey" {
        return Err(VerifyError::Algorithm { field: AUTHORIZATION, expected: "SharedKey" });
    }
    let Some((account, signature)) = rest.split_once(':') else { return Err(wrong) };
    // No escapes here: they would make it longer.
    let signature = encode::digest_from_base64(signature).filter(|_| signature.len() == 44 && is_account(account));
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
        mac::equal(expected, &self.facts.presented.signature)
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::ToOwned;

    #[test]
    fn authorization_has_one_spelling() {
        let signature = encode::base64(&[7; 32]);
        let good = alloc::format!("SharedKey myaccount:{signature}");
        assert_eq!(read_authorization(good.as_bytes()), Ok(("myaccount", [7; 32])));
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
}
