//! Answers of STS: credentials, or a refusal with its code.

use super::{
    check::iam_arn,
    request::{SessionRequest, What},
};
use crate::{
    aws::{Credential, StaticKey},
    clock::Timestamp,
    xml,
};
use alloc::{borrow::ToOwned, string::String};
use core::fmt;
use roxmltree::Node;

/// The largest answer that is read. A session token may take some KiB of it.
const MAX_ANSWER: usize = 64 << 10;
/// The most nodes of an answer. A real one has less than 60.
const MAX_NODES: u32 = 256;
/// How far the clock of STS may be from ours, in seconds.
const SKEW: u32 = 15 * 60;
/// The digits of a fraction of a second, which some answers have.
const FRACTION: core::ops::RangeInclusive<usize> = 1..=9;
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Why there are no credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StsError {
    /// STS said no.
    #[error("STS refused with `{code}`")]
    Refused {
        /// Why.
        code: StsCode,
    },
    /// What was read is not the answer to the request.
    #[error("the answer of STS {why}")]
    Answer {
        /// What is wrong with it; it is not quoted.
        why: &'static str,
    },
}

/// The codes of STS that a caller can do something about, and the others by name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StsCode {
    /// `AccessDenied`: the caller may not do that, or the role does not trust it.
    AccessDenied,
    /// `ExpiredToken` or `ExpiredTokenException`: the session or identity token is over.
    ExpiredToken,
    /// `IDPCommunicationError`: the identity provider did not answer. Try again.
    IdpCommunicationError,
    /// `IDPRejectedClaim`: the identity provider refused the identity token.
    IdpRejectedClaim,
    /// `InvalidClientTokenId`: the access key is unknown, or its session token is.
    InvalidClientTokenId,
    /// `InvalidIdentityToken`: the identity token cannot be checked.
    InvalidIdentityToken,
    /// `MalformedPolicyDocument`: the session policy is no policy.
    MalformedPolicyDocument,
    /// `PackedPolicyTooLarge`: policies and tags are too large once packed.
    PackedPolicyTooLarge,
    /// `RegionDisabledException`: the account does not use this region.
    RegionDisabled,
    /// `SignatureDoesNotMatch`: also for a clock that is wrong.
    SignatureDoesNotMatch,
    /// `Throttling` or `ThrottlingException`: too many requests. Try later.
    Throttling,
    /// Another one: 1 to 64 letters, digits, `.`, `-` or `_`.
    Other(String),
}

impl StsCode {
    const KNOWN: [(&'static str, Self); 13] = [
        ("AccessDenied", Self::AccessDenied),
        ("ExpiredToken", Self::ExpiredToken),
        ("ExpiredTokenException", Self::ExpiredToken),
        ("IDPCommunicationError", Self::IdpCommunicationError),
        ("IDPRejectedClaim", Self::IdpRejectedClaim),
        ("InvalidClientTokenId", Self::InvalidClientTokenId),
        ("InvalidIdentityToken", Self::InvalidIdentityToken),
        ("MalformedPolicyDocument", Self::MalformedPolicyDocument),
        ("PackedPolicyTooLarge", Self::PackedPolicyTooLarge),
        ("RegionDisabledException", Self::RegionDisabled),
        ("SignatureDoesNotMatch", Self::SignatureDoesNotMatch),
        ("Throttling", Self::Throttling),
        ("ThrottlingException", Self::Throttling),
    ];

    fn parse(text: &str) -> Option<Self> {
        if let Some((_, known)) = Self::KNOWN.iter().find(|(name, _)| *name == text) {
            return Some(known.clone());
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        (text.len() <= 64 && text.bytes().all(plain)).then(|| Self::Other(text.to_owned()))
    }

    /// The code as STS writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(name) => name,
            known => Self::KNOWN.iter().find(|(_, code)| code == known).map_or("", |(name, _)| name),
        }
    }
}

impl fmt::Display for StsCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A session: its key, and what STS says about it.
#[derive(Debug)]
pub struct Session {
    key: StaticKey,
    expires_at: Timestamp,
    arn: Option<String>,
    packed_policy_percent: Option<u32>,
}

impl Session {
    /// The key, with its session token and its end: no token that is signed with it outlives it.
    #[must_use]
    pub const fn key(&self) -> &StaticKey {
        &self.key
    }

    /// The key alone.
    #[must_use]
    pub fn into_key(self) -> StaticKey {
        self.key
    }

    /// The last second at which it is good.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The session's own ARN, which is that of the role or user that was asked for. `GetSessionToken` tells none.
    #[must_use]
    pub fn arn(&self) -> Option<&str> {
        self.arn.as_deref()
    }

    /// How much of the room for policies and tags is used, once they are packed.
    #[must_use]
    pub const fn packed_policy_percent(&self) -> Option<u32> {
        self.packed_policy_percent
    }
}

pub(super) fn read(request: &SessionRequest, answer: &str, now: Timestamp) -> Result<Session, StsError> {
    with_result(answer, request.action(), |result| {
        let credentials = element(result, "Credentials")?.ok_or("lacks `Credentials`")?;
        let id = required(credentials, "AccessKeyId")?;
        let secret = required(credentials, "SecretAccessKey")?;
        let token = required(credentials, "SessionToken")?;
        let end = required(credentials, "Expiration")?;
        let expires_at = Timestamp::from_iso_extended(end, &FRACTION).ok_or("has an `Expiration` that is no time")?;
        if expires_at <= now {
            return Err("is about a session that is over");
        }
        let latest = now.saturating_add(request.seconds()).saturating_add(SKEW);
        if expires_at > latest {
            return Err("is about a session that lives longer than was asked for");
        }
        let credential = Credential::new(id).and_then(|credential| credential.with_session_token(token));
        let credential = credential.map(|credential| credential.expiring(expires_at));
        let key = credential.and_then(|credential| StaticKey::from_credential(credential, secret));
        let packed = element(result, "PackedPolicySize")?.map(|_| required(result, "PackedPolicySize")).transpose()?;
        let packed = packed.map(|digits| read_percent(digits).ok_or("has a `PackedPolicySize` that is no number"));
        if let Some(asked) = request.source()
            && required(result, "SourceIdentity")? != asked
        {
            return Err("is about another source identity");
        }
        Ok(Session {
            key: key.map_err(|_| "has credentials that cannot be")?,
            expires_at,
            arn: own_arn(request.what(), result)?.map(ToOwned::to_owned),
            packed_policy_percent: packed.transpose()?,
        })
    })
}

type Read<T> = Result<T, &'static str>;

/// Finds the result of an action in an answer that is not a refusal, and reads it.
pub(super) fn with_result<T>(
    answer: &str,
    action: &str,
    read: impl for<'a> FnOnce(Node<'a, 'a>) -> Read<T>,
) -> Result<T, StsError> {
    let wrong = |why| StsError::Answer { why };
    if answer.len() > MAX_ANSWER {
        return Err(wrong("is larger than 64 KiB"));
    }
    let document = xml::parse(answer, MAX_NODES).ok_or(wrong("is not plain XML"))?;
    let root = document.root_element();
    if root.tag_name().name() == "ErrorResponse" {
        return Err(read_refusal(root).map_or_else(wrong, |code| StsError::Refused { code }));
    }
    let is_it = root.tag_name().name().strip_suffix("Response") == Some(action);
    if !is_it || root.tag_name().namespace() != Some(NAMESPACE) {
        return Err(wrong("is not the answer to such a request"));
    }
    let result = element(root, &alloc::format!("{action}Result")).map_err(wrong)?;
    let result = result.ok_or(wrong("lacks its result"))?;
    read(result).map_err(wrong)
}

fn read_refusal(root: Node<'_, '_>) -> Read<StsCode> {
    let error = element(root, "Error")?.ok_or("lacks `Error`")?;
    StsCode::parse(required(error, "Code")?).ok_or("has a `Code` that is none")
}

/// The one child of that name, if there is one.
fn element<'a, 'i>(parent: Node<'a, 'i>, name: &str) -> Read<Option<Node<'a, 'i>>> {
    if parent.children().any(xml::is_stray_text) {
        return Err("holds text between its elements");
    }
    // A refusal that does not come from STS itself has no namespace.
    let namespace = parent.tag_name().namespace();
    let mut found = parent.children().filter(|node| node.is_element() && node.tag_name().name() == name);
    let (first, again) = (found.next(), found.next());
    if again.is_some() {
        return Err("repeats an element");
    }
    match first {
        Some(node) if xml::is_plain(node, name, namespace) => Ok(Some(node)),
        Some(_) => Err("has an element of another namespace or with attributes"),
        None => Ok(None),
    }
}

/// The text of the one child of that name.
pub(super) fn required<'i>(parent: Node<'_, 'i>, name: &str) -> Read<&'i str> {
    let node = element(parent, name)?.ok_or("lacks an element")?;
    xml::plain_text(node, name, parent.tag_name().namespace()).ok_or("has an element that is not plain text")
}

fn read_percent(digits: &str) -> Option<u32> {
    let plain = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// The ARN of the session, which must be that of the role or user that was asked for.
fn own_arn<'i>(what: &What, result: Node<'_, 'i>) -> Read<Option<&'i str>> {
    let (user, kind, expected) = match what {
        What::SessionToken => return Ok(None),
        What::AssumeRole { role, name } | What::WebIdentity { role, name, .. } => {
            let (partition, account, path) = iam_arn(role, "role").ok_or("answers no request that can be sent")?;
            // A session's ARN has the name of the role without its path.
            let role = path.rsplit('/').next().unwrap_or_default();
            ("AssumedRoleUser", Some((partition, account)), alloc::format!("assumed-role/{role}/{name}"))
        }
        What::FederationToken { name } => ("FederatedUser", None, alloc::format!("federated-user/{name}")),
    };
    let user = element(result, user)?.ok_or("does not say whose session it is")?;
    let arn = required(user, "Arn")?;
    let rest = arn.strip_prefix("arn:").and_then(|rest| rest.split_once(":sts::"));
    let parts =
        rest.and_then(|(partition, rest)| rest.split_once(':').map(|(account, name)| (partition, account, name)));
    match parts {
        Some((partition, account, found))
            if found == expected && kind.is_none_or(|asked| asked == (partition, account)) =>
        {
            Ok(Some(arn))
        }
        _ => Err("is about another role, session or user"),
    }
}
