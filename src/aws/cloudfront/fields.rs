//! Reading a request: the parameters and cookies that belong to CloudFront.
//!
//! Everything here is about shape. Whatever is repeated, spelled in another way, or there in two forms is refused.

use super::{
    canonical::decoded,
    key::is_id,
    policy::{MAX_POLICY, seconds},
};
use crate::{encode, error::VerifyError};
use alloc::{string::String, vec::Vec};

/// The five fields of a token, in the order of [`Field`].
pub(super) const FIELDS: usize = 5;

/// One field of a token, a parameter or a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Field {
    Expires,
    Policy,
    Signature,
    KeyPairId,
    HashAlgorithm,
}

impl Field {
    pub(super) const ALL: [Self; FIELDS] =
        [Self::Expires, Self::Policy, Self::Signature, Self::KeyPairId, Self::HashAlgorithm];

    pub(super) const fn parameter(self) -> &'static str {
        match self {
            Self::Expires => "Expires",
            Self::Policy => "Policy",
            Self::Signature => "Signature",
            Self::KeyPairId => "Key-Pair-Id",
            Self::HashAlgorithm => "Hash-Algorithm",
        }
    }

    pub(super) const fn cookie(self) -> &'static str {
        match self {
            Self::Expires => "CloudFront-Expires",
            Self::Policy => "CloudFront-Policy",
            Self::Signature => "CloudFront-Signature",
            Self::KeyPairId => "CloudFront-Key-Pair-Id",
            Self::HashAlgorithm => "CloudFront-Hash-Algorithm",
        }
    }
}

/// The value that names SHA-256. Nothing names SHA-1.
pub(super) const SHA256: &str = "SHA256";

/// Whether a parameter of that (decoded) name belongs to CloudFront, in any letter case.
pub(super) fn is_reserved(name: &str) -> bool {
    Field::ALL.iter().any(|field| name.eq_ignore_ascii_case(field.parameter()))
}

/// Whether a parameter of that (decoded) name belongs to another signature.
pub(super) fn is_foreign(name: &[u8]) -> bool {
    let begins =
        |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()));
    let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    begins("X-Amz-") || begins("X-Goog-") || is("AWSAccessKeyId") || is("GoogleAccessId")
}

/// Where a token stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// In the query of the URL.
    Url,
    /// In cookies.
    Cookies,
}

impl Carrier {
    const fn name(self, field: Field) -> &'static str {
        match self {
            Self::Url => field.parameter(),
            Self::Cookies => field.cookie(),
        }
    }
}

/// The values of the fields as they are sent.
#[derive(Clone, Copy, Default)]
pub(super) struct Raw<'r> {
    values: [Option<&'r str>; FIELDS],
    /// A field that is there more than once, of which the first is kept.
    pub(super) repeated: Option<&'static str>,
}

impl<'r> Raw<'r> {
    pub(super) fn put(&mut self, field: Field, carrier: Carrier, value: &'r str) {
        match self.values.get_mut(field as usize) {
            Some(slot @ None) => *slot = Some(value),
            _ => self.repeated = Some(carrier.name(field)),
        }
    }

    fn get(&self, field: Field) -> Option<&'r str> {
        self.values.get(field as usize).copied().flatten()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }
}

/// A query: the fields in it, and what is left without them.
pub(super) struct Query<'r> {
    pub(super) raw: Raw<'r>,
    /// What the URL of the resource has behind its `?`, byte for byte.
    pub(super) own: Option<String>,
    /// A parameter of another signature scheme.
    pub(super) foreign: Option<&'static str>,
}

impl<'r> Query<'r> {
    /// `query` is `None` without a `?`.
    pub(super) fn read(query: Option<&'r str>, most: usize) -> Result<Self, VerifyError> {
        let mut read = Self { raw: Raw::default(), own: None, foreign: None };
        let Some(query) = query else { return Ok(read) };
        let found = query.split('&').count();
        if found > most {
            return Err(VerifyError::TooLarge { what: "query parameters", found, limit: most });
        }
        for param in query.split('&') {
            if encode::spelling(param, None) == encode::Spelling::Malformed || param.contains(['"', '\\']) {
                let why = "it holds a bad escape, or a byte that no URL may hold";
                return Err(VerifyError::Malformed { what: "query", why });
            }
            let (name, value) = param.split_once('=').unwrap_or((param, ""));
            let plain: Vec<u8> = encode::Decoded::of(name).collect();
            let is = |known: &str| plain.eq_ignore_ascii_case(known.as_bytes());
            let Some(field) = Field::ALL.into_iter().find(|field| is(field.parameter())) else {
                if is_foreign(&plain) {
                    read.foreign = Some("the parameters of another signature");
                }
                match &mut read.own {
                    Some(own) => {
                        own.push('&');
                        own.push_str(param);
                    }
                    None => read.own = Some(param.into()),
                }
                continue;
            };
            if name != field.parameter() {
                return Err(VerifyError::FieldForm { field: field.parameter(), expected: "spelled exactly like this" });
            }
            read.raw.put(field, Carrier::Url, value);
        }
        Ok(read)
    }
}

/// Which policy was signed.
#[derive(Clone)]
pub(super) enum Terms {
    /// That of the URL, until then.
    Canned(u32),
    /// This one.
    Custom(String),
}

/// The fields of a token, read.
#[derive(Clone)]
pub(super) struct Fields<'r> {
    pub(super) terms: Terms,
    pub(super) signature: Vec<u8>,
    pub(super) key_pair_id: &'r str,
    /// Whether the token names SHA-256.
    pub(super) names_sha256: bool,
}

impl<'r> Fields<'r> {
    /// Reads each field that must be there, and refuses those that cannot be there together.
    pub(super) fn read(raw: &Raw<'r>, carrier: Carrier) -> Result<Self, VerifyError> {
        let form = |field, expected| VerifyError::FieldForm { field: carrier.name(field), expected };
        let required = |field| raw.get(field).ok_or(VerifyError::FieldCount { field: carrier.name(field), found: 0 });
        let terms = match (raw.get(Field::Expires), raw.get(Field::Policy)) {
            (Some(_), Some(_)) => {
                let (first, second) = (carrier.name(Field::Expires), carrier.name(Field::Policy));
                return Err(VerifyError::TwoMechanisms { first, second });
            }
            (Some(expires), None) => Terms::Canned(
                seconds(expires).ok_or(form(Field::Expires, "whole seconds since 1970 in digits, up to 2147483647"))?,
            ),
            (None, policy) => {
                let missing = VerifyError::FieldCount { field: carrier.name(Field::Expires), found: 0 };
                let policy = policy.ok_or(missing)?;
                if policy.len() > MAX_POLICY {
                    return Err(VerifyError::TooLarge { what: "policy", found: policy.len(), limit: MAX_POLICY });
                }
                let text = decoded(policy).and_then(|bytes| String::from_utf8(bytes).ok());
                Terms::Custom(text.ok_or(form(Field::Policy, "UTF-8 in padded base64 with `-`, `_` and `~`"))?)
            }
        };
        let signature = required(Field::Signature)?;
        // An RSA signature has 344 characters, one of ECDSA at most 96.
        let signature = (signature.len() <= 344).then(|| decoded(signature)).flatten();
        let signature = signature.ok_or(form(Field::Signature, "padded base64 with `-`, `_` and `~`"))?;
        let key_pair_id = required(Field::KeyPairId)?;
        if !is_id(key_pair_id) {
            return Err(form(Field::KeyPairId, "1 to 64 letters and digits"));
        }
        let names_sha256 = match raw.get(Field::HashAlgorithm) {
            None => false,
            Some(SHA256) => true,
            Some(_) => return Err(form(Field::HashAlgorithm, "`SHA256`, or not there")),
        };
        Ok(Self { terms, signature, key_pair_id, names_sha256 })
    }
}
