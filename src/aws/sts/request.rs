//! Requests for temporary credentials.

use super::{
    VERSION,
    answer::{self, Session, StsError},
    check,
    endpoint::StsEndpoint,
    policy::SessionPolicy,
};
use crate::{
    aws::{Call, Request, UrlRequest, query},
    clock::Timestamp,
    error::IssueError,
    grant::Lifetime,
    secret::Secret,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// The shortest session in seconds.
const SHORTEST: u32 = 900;
/// The most characters of a session policy and the ARNs of managed ones together.
pub(super) const MAX_POLICIES: usize = 2048;
/// The longest identity token in characters.
const MAX_IDENTITY: usize = 20_000;

fn invalid(what: &'static str, why: &'static str) -> IssueError {
    IssueError::Invalid { what, why }
}

/// A request for temporary credentials.
///
/// What is asked for is checked when the request is written, and what an action does not take is refused then.
///
/// ```
/// use valet_key::aws::{Region, StaticKey, sts::{SessionPolicy, SessionRequest, StsEndpoint}};
/// use valet_key::{clock::Timestamp, grant::Lifetime};
///
/// let now = Timestamp::parse_iso_basic("20261124T120000Z")?;
/// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
/// let endpoint = StsEndpoint::regional(Region::new("eu-west-1")?);
///
/// let request = SessionRequest::assume_role("arn:aws:iam::123456789012:role/uploader", "user-42")
///     .lives(Lifetime::minutes(15)?)
///     .policy(SessionPolicy::new(r#"{"Version":"2012-10-17","Statement":[]}"#)?);
/// let call = request.as_form(&endpoint)?;
/// assert_eq!(call.url()?, "https://sts.eu-west-1.amazonaws.com/");
/// assert!(call.expose_body().starts_with("Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012"));
/// let headers = call.sign(&key, now)?;
///
/// // ... the caller posts it and hands the answer over:
/// # let answer = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
/// #   <AssumedRoleUser><AssumedRoleId>AROA:user-42</AssumedRoleId>\
/// #   <Arn>arn:aws:sts::123456789012:assumed-role/uploader/user-42</Arn></AssumedRoleUser>\
/// #   <Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
/// #   <SessionToken>token</SessionToken><Expiration>2026-11-24T12:15:00Z</Expiration></Credentials>\
/// #   </AssumeRoleResult></AssumeRoleResponse>";
/// let session = request.read_answer(answer, now)?;
/// assert_eq!(session.expires_at().to_string(), "2026-11-24T12:15:00Z");
/// let temporary: &StaticKey = session.key();
/// # let _ = (headers, temporary);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SessionRequest {
    what: What,
    lifetime: Option<Lifetime>,
    is_chained: bool,
    policy: Option<SessionPolicy>,
    policy_arns: Vec<String>,
    tags: Vec<Tag>,
    external_id: Option<String>,
    mfa: Option<(String, Secret<String>)>,
    source_identity: Option<String>,
}

#[derive(Clone)]
pub(super) enum What {
    AssumeRole { role: String, name: String },
    WebIdentity { role: String, name: String, token: Secret<String> },
    FederationToken { name: String },
    SessionToken,
}

#[derive(Clone)]
struct Tag {
    key: String,
    value: String,
    is_transitive: bool,
}

/// What an action takes beside what it must have.
#[expect(clippy::struct_excessive_bools, reason = "a row of a table of independent facts")]
struct Takes {
    action: &'static str,
    longest: u32,
    default: u32,
    policies: bool,
    tags: bool,
    mfa: bool,
    /// External id, source identity, and tags that a role which is assumed next inherits.
    role: bool,
}

impl What {
    const fn takes(&self) -> Takes {
        match self {
            Self::AssumeRole { .. } => Takes {
                action: "AssumeRole",
                longest: 43_200,
                default: 3600,
                policies: true,
                tags: true,
                mfa: true,
                role: true,
            },
            Self::WebIdentity { .. } => Takes {
                action: "AssumeRoleWithWebIdentity",
                longest: 43_200,
                default: 3600,
                policies: true,
                tags: false,
                mfa: false,
                role: false,
            },
            Self::FederationToken { .. } => Takes {
                action: "GetFederationToken",
                longest: 129_600,
                default: 43_200,
                policies: true,
                tags: true,
                mfa: false,
                role: false,
            },
            Self::SessionToken => Takes {
                action: "GetSessionToken",
                longest: 129_600,
                default: 43_200,
                policies: false,
                tags: false,
                mfa: true,
                role: false,
            },
        }
    }
}

impl SessionRequest {
    const fn new(what: What) -> Self {
        Self {
            what,
            lifetime: None,
            is_chained: false,
            policy: None,
            policy_arns: Vec::new(),
            tags: Vec::new(),
            external_id: None,
            mfa: None,
            source_identity: None,
        }
    }

    /// `AssumeRole`: the role by its ARN, and a name for the session of 2 to 64 letters, digits, or `_+=,.@-`, which the logs
    /// of AWS show.
    #[must_use]
    pub fn assume_role(role_arn: impl Into<String>, session_name: impl Into<String>) -> Self {
        Self::new(What::AssumeRole { role: role_arn.into(), name: session_name.into() })
    }

    /// `AssumeRoleWithWebIdentity`: the same, proved by the identity token of an OpenID Connect provider that the role
    /// trusts, such as a Kubernetes service account's. Nothing signs this request: see [`unsigned`](Self::unsigned).
    #[must_use]
    pub fn web_identity(
        role_arn: impl Into<String>,
        session_name: impl Into<String>,
        identity_token: impl Into<Secret<String>>,
    ) -> Self {
        Self::new(What::WebIdentity { role: role_arn.into(), name: session_name.into(), token: identity_token.into() })
    }

    /// `GetFederationToken`: for a user of one's own, named by 2 to 32 letters, digits, or `_+=,.@-`. Without a policy the
    /// session can do next to nothing. It is signed with the long-term key of an IAM user.
    #[must_use]
    pub fn federation_token(name: impl Into<String>) -> Self {
        Self::new(What::FederationToken { name: name.into() })
    }

    /// `GetSessionToken`: the same rights for a while, as after a second factor. It is signed with the long-term key of an
    /// IAM user.
    #[must_use]
    pub const fn session_token() -> Self {
        Self::new(What::SessionToken)
    }

    /// Lives this long. See the [table](super) for how long an action allows.
    #[must_use]
    pub const fn lives(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// The key that signs is itself a role's: then a session lives for an hour at most.
    #[must_use]
    pub const fn chained(mut self) -> Self {
        self.is_chained = true;
        self
    }

    /// Narrows the session to a policy.
    #[must_use]
    pub fn policy(mut self, policy: SessionPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Narrows the session to a managed policy, or one more of them: ten at most.
    #[must_use]
    pub fn policy_arn(mut self, arn: impl Into<String>) -> Self {
        self.policy_arns.push(arn.into());
        self
    }

    /// A session tag, which policies can refer to: fifty at most.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push(Tag { key: key.into(), value: value.into(), is_transitive: false });
        self
    }

    /// A session tag that a role which is assumed with this session inherits.
    #[must_use]
    pub fn transitive_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push(Tag { key: key.into(), value: value.into(), is_transitive: true });
        self
    }

    /// What the role's owner gave the caller, so that nobody else's request is taken for the caller's.
    #[must_use]
    pub fn external_id(mut self, id: impl Into<String>) -> Self {
        self.external_id = Some(id.into());
        self
    }

    /// A second factor: the serial number or ARN of the device, and its six digits.
    #[must_use]
    pub fn mfa(mut self, serial: impl Into<String>, code: impl Into<Secret<String>>) -> Self {
        self.mfa = Some((serial.into(), code.into()));
        self
    }

    /// Who stands behind the session: 2 to 64 letters, digits, or `_+=,.@-`. It stays through every role that is assumed next.
    #[must_use]
    pub fn source_identity(mut self, name: impl Into<String>) -> Self {
        self.source_identity = Some(name.into());
        self
    }

    /// The action.
    #[must_use]
    pub const fn action(&self) -> &'static str {
        self.what.takes().action
    }

    /// As a form, to be signed in its headers.
    ///
    /// # Errors
    /// [`IssueError::LifetimeTooLong`] for a session beyond what the action allows, [`IssueError::TooLong`] if policy and ARNs
    /// of managed policies have more than 2,048 characters together, and [`IssueError::Invalid`] for what STS or this action
    /// does not take, and for `AssumeRoleWithWebIdentity`, which nothing signs.
    pub fn as_form(&self, endpoint: &StsEndpoint) -> Result<Call, IssueError> {
        self.refuse_unsigned()?;
        let request = Request::to("POST", endpoint.origin(), endpoint.region().clone(), "sts")?;
        Ok(Call::new(request, query::FORM, None, self.params()?.into_form()))
    }

    /// As a URL, to be presigned. It lives for 15 minutes, and whoever has it can ask for credentials with it: what it asks
    /// for is fixed by its signature.
    ///
    /// # Errors
    /// As [`as_form`](Self::as_form).
    pub fn in_url(&self, endpoint: &StsEndpoint) -> Result<UrlRequest, IssueError> {
        self.refuse_unsigned()?;
        let request = Request::to("GET", endpoint.origin(), endpoint.region().clone(), "sts")?;
        Ok(UrlRequest::new(self.params()?.into_query(request)))
    }

    fn refuse_unsigned(&self) -> Result<(), IssueError> {
        if matches!(self.what, What::WebIdentity { .. }) {
            return Err(invalid("AssumeRoleWithWebIdentity", "nothing signs it: see `unsigned`"));
        }
        Ok(())
    }

    /// `AssumeRoleWithWebIdentity` as it is sent: a form without a signature, in which the identity token is the proof. Whoever
    /// reads it can send it again until that token ends.
    ///
    /// # Errors
    /// As [`as_form`](Self::as_form), and [`IssueError::Invalid`] for the other actions, which have to be signed.
    pub fn unsigned(&self, endpoint: &StsEndpoint) -> Result<UnsignedCall, IssueError> {
        if !matches!(self.what, What::WebIdentity { .. }) {
            return Err(invalid("request", "only `AssumeRoleWithWebIdentity` is sent without a signature"));
        }
        Ok(UnsignedCall { url: format!("{}/", endpoint.origin()), body: Secret::new(self.params()?.into_form()) })
    }

    /// Reads the answer to this request. It holds a secret, so do not log it, and wipe it when you are done.
    ///
    /// Every element that is known must be there once, as plain text without escapes. Elements that are not known are passed
    /// over. There is no document type, no more than 256 nodes, and no more than 64 KiB.
    ///
    /// # Errors
    /// [`StsError::Refused`] with STS's code if it said no, and [`StsError::Answer`] if it is no such answer, or not the answer
    /// to this request: another role, session or user, a session that is over, or one that lives longer than was asked for.
    pub fn read_answer(&self, answer: &str, now: Timestamp) -> Result<Session, StsError> {
        answer::read(self, answer, now)
    }

    /// How long a session lives that STS gives for this request, in seconds.
    pub(super) fn seconds(&self) -> u32 {
        self.lifetime.map_or(self.what.takes().default, Lifetime::seconds)
    }

    pub(super) const fn what(&self) -> &What {
        &self.what
    }

    pub(super) fn source(&self) -> Option<&str> {
        self.source_identity.as_deref()
    }

    fn check(&self) -> Result<(), IssueError> {
        let takes = self.what.takes();
        let longest = if self.is_chained && takes.role { 3600 } else { takes.longest };
        if self.seconds() > longest {
            return Err(IssueError::LifetimeTooLong {
                requested: self.seconds(),
                maximum: longest,
                service: takes.action.into(),
            });
        }
        if self.seconds() < SHORTEST {
            return Err(invalid("lifetime", "a session lives for 900 s at least"));
        }
        for (asked, taken, what) in [
            (self.policy.is_some() || !self.policy_arns.is_empty(), takes.policies, "policy"),
            (!self.tags.is_empty(), takes.tags, "tag"),
            (self.tags.iter().any(|tag| tag.is_transitive), takes.role, "transitive tag"),
            (self.mfa.is_some(), takes.mfa, "MFA"),
            (self.external_id.is_some(), takes.role, "external id"),
            (self.source_identity.is_some(), takes.role, "source identity"),
            (self.is_chained, takes.role, "chaining"),
        ] {
            if asked && !taken {
                return Err(invalid(what, "this action does not take it"));
            }
        }
        match &self.what {
            What::AssumeRole { role, name } => {
                check::role(role)?;
                check::name("session name", name, 64)?;
            }
            What::WebIdentity { role, name, token } => {
                check::role(role)?;
                check::name("session name", name, 64)?;
                let token = token.expose();
                let visible = token.bytes().all(|byte| byte.is_ascii_graphic());
                if !(4..=MAX_IDENTITY).contains(&token.len()) || !visible {
                    return Err(invalid("identity token", "it must be 4 to 20000 visible ASCII characters"));
                }
            }
            What::FederationToken { name } => check::name("user name", name, 32)?,
            What::SessionToken => {}
        }
        if let Some(id) = &self.external_id {
            check::external_id(id)?;
        }
        if let Some((serial, code)) = &self.mfa {
            check::mfa(serial, code.expose())?;
        }
        if let Some(name) = &self.source_identity {
            check::name("source identity", name, 64)?;
        }
        check::policy_arns(&self.policy_arns)?;
        let policy = self.policy.as_ref().map_or(0, |policy| policy.as_str().chars().count());
        // SPEC: what counts is the policy and the ARNs together.
        let found = self.policy_arns.iter().map(String::len).sum::<usize>() + policy;
        if found > MAX_POLICIES {
            return Err(IssueError::TooLong { what: "session policies", found, limit: MAX_POLICIES });
        }
        check::tags(&self.tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())))
    }

    fn params(&self) -> Result<query::Params, IssueError> {
        self.check()?;
        let mut params = query::Params::new(self.action(), VERSION);
        match &self.what {
            What::AssumeRole { role, name } => {
                params.push("RoleArn", role.as_str());
                params.push("RoleSessionName", name.as_str());
            }
            What::WebIdentity { role, name, token } => {
                params.push("RoleArn", role.as_str());
                params.push("RoleSessionName", name.as_str());
                params.push("WebIdentityToken", token.expose().as_str());
            }
            What::FederationToken { name } => params.push("Name", name.as_str()),
            What::SessionToken => {}
        }
        if let Some(lifetime) = self.lifetime {
            params.push("DurationSeconds", lifetime.seconds().to_string());
        }
        if let Some(policy) = &self.policy {
            params.push("Policy", policy.as_str());
        }
        for (at, arn) in (1..).zip(&self.policy_arns) {
            params.push(format!("PolicyArns.member.{at}.arn"), arn.as_str());
        }
        for (at, tag) in (1..).zip(&self.tags) {
            params.push(format!("Tags.member.{at}.Key"), tag.key.as_str());
            params.push(format!("Tags.member.{at}.Value"), tag.value.as_str());
        }
        for (at, tag) in (1..).zip(self.tags.iter().filter(|tag| tag.is_transitive)) {
            params.push(format!("TransitiveTagKeys.member.{at}"), tag.key.as_str());
        }
        if let Some(id) = &self.external_id {
            params.push("ExternalId", id.as_str());
        }
        if let Some((serial, code)) = &self.mfa {
            params.push("SerialNumber", serial.as_str());
            params.push("TokenCode", code.expose().as_str());
        }
        if let Some(name) = &self.source_identity {
            params.push("SourceIdentity", name.as_str());
        }
        Ok(params)
    }
}

impl fmt::Debug for SessionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (role, name) = match &self.what {
            What::AssumeRole { role, name } | What::WebIdentity { role, name, .. } => (role.as_str(), name.as_str()),
            What::FederationToken { name } => ("", name.as_str()),
            What::SessionToken => ("", ""),
        };
        f.debug_struct("SessionRequest")
            .field("action", &self.action())
            .field("role", &role)
            .field("name", &name)
            .field("seconds", &self.seconds())
            .finish_non_exhaustive()
    }
}

/// `AssumeRoleWithWebIdentity` as it is sent: with an identity token, and without a signature.
#[derive(Clone)]
pub struct UnsignedCall {
    url: String,
    body: Secret<String>,
}

impl UnsignedCall {
    /// The method.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        "POST"
    }

    /// Where to post it, over HTTPS.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The header to send.
    #[must_use]
    pub const fn headers(&self) -> [(&'static str, &'static str); 1] {
        [("content-type", query::FORM)]
    }

    /// What to post. It holds the identity token: do not log it.
    #[must_use]
    pub fn expose_body(&self) -> &str {
        self.body.expose()
    }
}

impl fmt::Debug for UnsignedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsignedCall").field("url", &self.url).finish_non_exhaustive()
    }
}
