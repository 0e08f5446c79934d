//! Issuing: prepared without a secret, finished with a signature.

#[cfg(any(feature = "rsa", feature = "ecdsa"))]
use super::SigningKey;
use super::{
    Credential, Hash, KeyKind, Pattern, PolicyRequest, PolicyToSign, Signature, SignedCookies,
    canonical::encoded,
    fields::{Field, SHA256},
    policy::{MAX_TIME, MAX_URL, Statement},
    request::{Named, check_url},
};
use crate::{
    clock::Timestamp,
    error::{IssueError, KeyError, VerifyError},
    grant::{Justification, Lifetime, OnShortCredential},
    lifetime::{Bounds, effective},
    secret::Secret,
    token::BearerUrl,
};
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

const SERVICE: &str = "CloudFront";

impl PolicyRequest {
    /// Everything but the signature, for a key of this credential.
    ///
    /// # Errors
    /// [`IssueError::Unjustified`] for a pattern, a life beyond what the class of the data allows, plain HTTP, or a network of
    /// every address, unless [`because`](Self::because) says why. [`IssueError::Invalid`] for a pattern of several hosts or
    /// protocols without [`allow_any_host`](Self::allow_any_host), and for a start that is not before the end.
    /// [`IssueError::LifetimeTooLong`] past the last second that CloudFront can read, and
    /// [`IssueError::OutlivesCredential`].
    pub fn prepare(&self, credential: &Credential, now: Timestamp) -> Result<Prepared, IssueError> {
        let resource = match &self.named {
            Named::Url(url) => exactly(url)?,
            Named::Pattern(pattern) => pattern.clone(),
        };
        check_hosts(&resource, self.any_host)?;
        if self.justification.is_none() {
            let unjustified = |what| Err(IssueError::Unjustified { what });
            if matches!(self.named, Named::Pattern(_)) {
                return unjustified("a policy for more than one URL");
            }
            if !resource.is_https() {
                return unjustified("plain HTTP");
            }
            if self.network.is_some_and(|network| network.prefix_length() == 0) {
                return unjustified("a network of every address");
            }
        }
        let left = i64::from(MAX_TIME).saturating_sub(now.unix());
        let left = u32::try_from(left).ok().and_then(|left| Lifetime::from_seconds(left).ok());
        let maximum =
            left.ok_or(IssueError::Invalid { what: "time", why: "CloudFront reads none after 2147483647" })?;
        let bounds = Bounds { cap: self.cap, is_justified: self.justification.is_some(), maximum, service: SERVICE };
        let ends = credential.expires_at();
        let (_, until) = effective(self.lifetime, &bounds, ends, self.on_short_credential, now)?;
        let until = seconds(until)?;
        let from = self.not_before.map(seconds).transpose()?;
        check_span(from, until)?;
        let statement = Statement { resource, until, from, network: self.network };
        let (policy, url) = match &self.named {
            Named::Url(url) if from.is_none() && self.network.is_none() => {
                return Ok(Prepared::new(PolicyToSign::canned(url, until), statement, Some(url), true, credential));
            }
            Named::Url(url) => (PolicyToSign::custom(&statement), Some(url)),
            Named::Pattern(_) => (PolicyToSign::custom(&statement), None),
        };
        Ok(Prepared::new(policy, statement, url, false, credential))
    }
}

/// The pattern that one URL matches and no other.
fn exactly(url: &str) -> Result<Pattern, IssueError> {
    // INVARIANT: a URL that was checked has no `*` and no `\`, so that this is all there is to escape.
    Pattern::parse(&url.replace('?', "\\?"))
        .map_err(|_| IssueError::Invalid { what: "URL", why: "it cannot be written as a resource" })
}

fn check_hosts(resource: &Pattern, any_host: bool) -> Result<(), IssueError> {
    if any_host || resource.names_one_host() {
        return Ok(());
    }
    Err(IssueError::Invalid { what: "resource", why: "it is for more than one host or protocol: see `allow_any_host`" })
}

fn check_span(from: Option<u32>, until: u32) -> Result<(), IssueError> {
    if from.is_some_and(|from| from >= until) {
        return Err(IssueError::Invalid { what: "not before", why: "it is not before the end" });
    }
    Ok(())
}

fn seconds(time: Timestamp) -> Result<u32, IssueError> {
    let seconds = u32::try_from(time.unix()).ok().filter(|seconds| (1..=MAX_TIME).contains(seconds));
    seconds.ok_or(IssueError::Invalid { what: "time", why: "CloudFront reads 1 to 2147483647 seconds after 1970" })
}

/// The moment, which every `u32` is.
fn moment(seconds: u32) -> Timestamp {
    Timestamp::EPOCH.saturating_add(seconds)
}

/// A custom policy that was written elsewhere, to be signed as it is.
///
/// It says itself until when it is good, so that it always needs a justification.
///
/// ```
/// use valet_key::aws::cloudfront::{Credential, PolicyDocument};
/// use valet_key::{clock::Timestamp, grant::Justification};
///
/// let text = r#"{"Statement":[{"Resource":"https://cdn.example.com/a/*","Condition":{"DateLessThan":{"AWS:EpochTime":1767290400}}}]}"#;
/// let document = PolicyDocument::parse(text)?.because(Justification::new("written by the CMS")?);
/// let prepared = document.prepare(&Credential::rsa("K2JCJMDEHXQW5F")?, Timestamp::from_unix(1_767_290_000)?)?;
/// assert_eq!(prepared.string_to_sign().as_bytes(), text.as_bytes());
/// assert!(PolicyDocument::parse(&text.replace("DateLessThan", "DateGreaterThan")).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PolicyDocument {
    text: String,
    statement: Statement,
    justification: Option<Justification>,
    any_host: bool,
}

impl PolicyDocument {
    /// Reads a policy as an edge would.
    ///
    /// # Errors
    /// [`VerifyError::Policy`] that says what is wrong with it, [`VerifyError::TooLarge`].
    pub fn parse(text: &str) -> Result<Self, VerifyError> {
        // What is sent is a third longer.
        let limit = super::policy::MAX_POLICY / 4 * 3;
        if text.len() > limit {
            return Err(VerifyError::TooLarge { what: "policy", found: text.len(), limit });
        }
        Ok(Self { text: text.to_owned(), statement: Statement::read(text)?, justification: None, any_host: false })
    }

    /// Says why it is right.
    #[must_use]
    pub fn because(mut self, why: Justification) -> Self {
        self.justification = Some(why);
        self
    }

    /// As [`PolicyRequest::allow_any_host`].
    #[must_use]
    pub const fn allow_any_host(mut self) -> Self {
        self.any_host = true;
        self
    }

    /// Why it is right, if somebody said so.
    #[must_use]
    pub const fn justification(&self) -> Option<&Justification> {
        self.justification.as_ref()
    }

    /// Everything but the signature, for a key of this credential.
    ///
    /// # Errors
    /// [`IssueError::Unjustified`] without [`because`](Self::because), [`IssueError::Invalid`] if it is over, never begins, or is
    /// for more than one host or protocol without [`allow_any_host`](Self::allow_any_host), and
    /// [`IssueError::OutlivesCredential`].
    pub fn prepare(&self, credential: &Credential, now: Timestamp) -> Result<Prepared, IssueError> {
        check_hosts(&self.statement.resource, self.any_host)?;
        if self.justification.is_none() {
            return Err(IssueError::Unjustified { what: "a policy that was written elsewhere" });
        }
        let token_ends = moment(self.statement.until);
        let left = u32::try_from(token_ends.seconds_since(now)).ok().and_then(|left| Lifetime::from_seconds(left).ok());
        let left = left.ok_or(IssueError::Invalid { what: "policy", why: "it has ended" })?;
        check_span(self.statement.from, self.statement.until)?;
        let bounds = Bounds { cap: left, is_justified: true, maximum: left, service: SERVICE };
        effective(left, &bounds, credential.expires_at(), OnShortCredential::Refuse, now)?;
        let policy = PolicyToSign::given(self.text.clone());
        Ok(Prepared::new(policy, self.statement.clone(), None, false, credential))
    }
}

impl fmt::Debug for PolicyDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyDocument")
            .field("resource", &self.statement.resource.as_str())
            .field("justification", &self.justification)
            .finish_non_exhaustive()
    }
}

/// A policy that lacks only its signature.
#[derive(Clone)]
pub struct Prepared {
    policy: PolicyToSign,
    statement: Statement,
    /// The one URL that it is for.
    url: Option<String>,
    is_canned: bool,
    credential: Credential,
}

impl Prepared {
    fn new(
        policy: PolicyToSign,
        statement: Statement,
        url: Option<&String>,
        is_canned: bool,
        credential: &Credential,
    ) -> Self {
        Self { policy, statement, url: url.cloned(), is_canned, credential: credential.clone() }
    }

    /// What to sign, by the kind of key and the hash of the credential.
    #[must_use]
    pub const fn string_to_sign(&self) -> &PolicyToSign {
        &self.policy
    }

    /// The hash to sign.
    #[must_use]
    pub const fn hash(&self) -> Hash {
        self.credential.hash()
    }

    /// The kind of key to sign with.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.credential.kind()
    }

    /// The hash of what to sign, for signers that take no more than that.
    #[must_use]
    pub fn digest(&self) -> Vec<u8> {
        self.hash().digest(self.policy.as_bytes())
    }

    /// The last second at which a request may begin: one before `DateLessThan`.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        moment(self.statement.until.saturating_sub(1))
    }

    /// Takes the signature in.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if it was made by another kind of key than the credential says. Whether it is the right one is
    /// not looked at.
    pub fn finish(self, signature: &Signature) -> Result<SignedPolicy, KeyError> {
        if signature.kind() != self.credential.kind() {
            return Err(KeyError::Invalid { what: "signature", why: "it was made by another kind of key" });
        }
        let terms = if self.is_canned {
            (Field::Expires, self.statement.until.to_string())
        } else {
            (Field::Policy, encoded(self.policy.as_bytes()))
        };
        let mut fields = Vec::from([
            terms,
            (Field::Signature, encoded(signature.bytes())),
            (Field::KeyPairId, self.credential.key_pair_id().to_owned()),
        ]);
        if self.credential.hash().is_named() {
            fields.push((Field::HashAlgorithm, SHA256.to_owned()));
        }
        let expires_at = self.expires_at();
        let fields = fields.into_iter().map(|(field, value)| (field, Secret::new(value))).collect();
        Ok(SignedPolicy { fields, resource: self.statement.resource, url: self.url, expires_at })
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("resource", &self.statement.resource.as_str())
            .field("credential", &self.credential)
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}

/// A policy with its signature, to be carried by a URL or by cookies.
///
/// `Debug` shows what it is for and until when.
#[derive(Clone)]
pub struct SignedPolicy {
    fields: Vec<(Field, Secret<String>)>,
    resource: Pattern,
    url: Option<String>,
    expires_at: Timestamp,
}

impl SignedPolicy {
    /// The signed URL.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if it is for more than one: see [`signed_url_for`](Self::signed_url_for); or if it is longer than
    /// 8,192 bytes with its token, which CloudFront does not take.
    pub fn signed_url(&self) -> Result<BearerUrl, IssueError> {
        let url = self
            .url
            .as_deref()
            .ok_or(IssueError::Invalid { what: "policy", why: "it is for more than one URL: see `signed_url_for`" })?;
        self.carried_by(url)
    }

    /// One of the URLs that it is for, signed. The holder can use what is behind it with the others too.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if it is not for this URL, clients would send it in another way, or it becomes too long;
    /// [`IssueError::Reserved`] for a parameter of CloudFront's.
    pub fn signed_url_for(&self, url: &str) -> Result<BearerUrl, IssueError> {
        check_url(url)?;
        let is_for = match &self.url {
            Some(only) => only == url,
            None => self.resource.matches(url),
        };
        if !is_for {
            return Err(IssueError::Invalid { what: "URL", why: "the policy is not for it" });
        }
        self.carried_by(url)
    }

    fn carried_by(&self, url: &str) -> Result<BearerUrl, IssueError> {
        let mut signed = url.to_owned();
        let mut separator = if url.contains('?') { '&' } else { '?' };
        for (field, value) in &self.fields {
            signed.push(separator);
            signed.push_str(field.parameter());
            signed.push('=');
            signed.push_str(value.expose());
            separator = '&';
        }
        if signed.len() > MAX_URL {
            return Err(IssueError::Invalid { what: "URL", why: "with its token it is longer than 8,192 bytes" });
        }
        Ok(BearerUrl::new(signed, "GET".to_owned(), self.expires_at, Vec::new()))
    }

    /// The signed cookies. Those of one URL are good for that URL alone.
    #[must_use]
    pub fn cookies(&self) -> SignedCookies {
        let cookies = self.fields.iter().map(|(field, value)| (field.cookie(), value.clone())).collect();
        SignedCookies::new(cookies, self.expires_at)
    }

    /// What it is for: a URL, or a pattern of URLs.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.url.as_deref().unwrap_or(self.resource.as_str())
    }

    /// The last second at which a request may begin: one before `DateLessThan`.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

impl fmt::Debug for SignedPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedPolicy")
            .field("resource", &self.resource())
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(any(feature = "rsa", feature = "ecdsa"))]
impl SigningKey {
    /// Signs what was asked for.
    ///
    /// # Errors
    /// Those of [`PolicyRequest::prepare`], and [`IssueError::Key`].
    pub fn signed_policy(&self, request: &PolicyRequest, now: Timestamp) -> Result<SignedPolicy, IssueError> {
        let prepared = request.prepare(self.credential(), now)?;
        let signature = self.sign(prepared.string_to_sign())?;
        Ok(prepared.finish(&signature)?)
    }

    /// Makes the signed URL of one object, good from `now`.
    ///
    /// # Errors
    /// Those of [`signed_policy`](Self::signed_policy) and [`SignedPolicy::signed_url`].
    pub fn signed_url(&self, request: &PolicyRequest, now: Timestamp) -> Result<BearerUrl, IssueError> {
        self.signed_policy(request, now)?.signed_url()
    }

    /// Makes signed cookies, good from `now`.
    ///
    /// # Errors
    /// Those of [`signed_policy`](Self::signed_policy).
    pub fn signed_cookies(&self, request: &PolicyRequest, now: Timestamp) -> Result<SignedCookies, IssueError> {
        Ok(self.signed_policy(request, now)?.cookies())
    }
}
