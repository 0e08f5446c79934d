//! Kubernetes on EKS: a bearer token that proves who somebody is, by a request that only they could have signed.

use super::{
    fields::Proof,
    login::{Carrier, Login, check_text, https},
    verify::{PresentedToken, SignedLogin},
};
use crate::{
    aws::{
        KeyRing, Scope, SigV4,
        sts::{CallerIdentity, StsEndpoint, StsError},
    },
    clock::Timestamp,
    error::{IssueError, VerifyError},
    grant::Lifetime,
    secret::Secret,
    token::Verified,
};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

const PREFIX: &str = "k8s-aws-v1.";
/// SPEC: what aws-iam-authenticator reads.
const MAX_TOKEN: usize = 4096;
const CLUSTER_HEADER: &str = "x-k8s-aws-id";
/// What `X-Amz-Expires` says, in seconds, which STS does not go by.
const SAYS: u32 = 60;
/// What a client is told, in seconds: STS takes the request for 15 minutes, less one for the way there.
const TOLD: u32 = 14 * 60;

impl Login {
    /// To a Kubernetes cluster on EKS, or any other that runs aws-iam-authenticator. The token is the bearer token of the
    /// Kubernetes API.
    ///
    /// STS takes the request in it for 15 minutes after its signing, whatever it says (60 s here, as the tools of AWS write);
    /// [`BearerToken::expires_at`](crate::token::BearerToken::expires_at) tells 14 minutes. The cluster is in a signed header,
    /// so that a token for one is none for another.
    ///
    /// ```
    /// use valet_key::{aws::{Region, StaticKey, auth_token::Login, sts::StsEndpoint}, clock::Timestamp};
    ///
    /// let now = Timestamp::parse_iso_basic("20261124T120000Z")?;
    /// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
    /// let endpoint = StsEndpoint::regional(Region::new("eu-west-1")?);
    /// let token = Login::eks("my-cluster", &endpoint)?.issue(&key, now)?;
    /// assert!(token.expose().starts_with("k8s-aws-v1.aHR0cHM6Ly9zdHMuZXUtd2VzdC0xLmFtYXpvbmF3cy5jb20v"));
    /// assert_eq!(token.expires_at().to_string(), "2026-11-24T12:14:00Z");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`IssueError::Invalid`] unless the cluster's name is 1 to 255 visible ASCII characters.
    pub fn eks(cluster: &str, endpoint: &StsEndpoint) -> Result<Self, IssueError> {
        check_text("cluster", cluster)?;
        if !cluster.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(IssueError::Invalid { what: "cluster", why: "it must be visible ASCII" });
        }
        let carrier = Carrier::Base64 { prefix: PREFIX, limit: MAX_TOKEN };
        let login = Self::new(carrier, https(endpoint.host())?, endpoint.region(), "sts", "/")?
            .param("Action", "GetCallerIdentity")
            .param("Version", "2011-06-15")
            .signed_header(CLUSTER_HEADER, cluster)
            .says(Lifetime::from_seconds(SAYS).unwrap_or(Lifetime::DEFAULT), TOLD);
        Ok(login)
    }
}

/// Tells who the bearer of an EKS token is, for one cluster.
///
/// Nobody but AWS has the caller's secret, so the usual way has two steps: [`check`](Self::check) finds that the token is
/// nothing but a request to STS for this cluster, and hands out that request; STS answers it with the caller's name, or
/// refuses it. Who does have the key (in tests, in an AWS of one's own) verifies with [`verify`](Self::verify).
///
/// ```
/// use valet_key::{aws::{Region, StaticKey, auth_token::{EksAuthenticator, Login}, sts::StsEndpoint}, clock::Timestamp};
///
/// let now = Timestamp::parse_iso_basic("20261124T120000Z")?;
/// let endpoint = StsEndpoint::regional(Region::new("eu-west-1")?);
/// let authenticator = EksAuthenticator::new("my-cluster", [endpoint.clone()])?;
/// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
/// let token = Login::eks("my-cluster", &endpoint)?.issue(&key, now)?;
///
/// // Without the key: nobody is known yet, but where to ask is.
/// let unverified = authenticator.check(token.expose(), now)?;
/// let call = unverified.sts_call();
/// assert_eq!((call.method(), call.host()), ("GET", "sts.eu-west-1.amazonaws.com"));
/// assert_eq!(call.headers()[1], ("x-k8s-aws-id", "my-cluster"));
///
/// // With the key.
/// assert!(authenticator.verify(token.expose(), &key, now).is_ok());
/// let other = EksAuthenticator::new("other-cluster", [endpoint])?;
/// assert!(other.verify(token.expose(), &key, now).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Source: kubernetes-sigs/aws-iam-authenticator, `pkg/token`.
#[derive(Clone)]
pub struct EksAuthenticator {
    /// One for each endpoint, never none.
    logins: Vec<Login>,
}

impl EksAuthenticator {
    /// For this cluster, and tokens that are requests to one of these endpoints.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] without any endpoint, and as [`Login::eks`].
    pub fn new(cluster: &str, endpoints: impl IntoIterator<Item = StsEndpoint>) -> Result<Self, IssueError> {
        let logins: Result<Vec<Login>, IssueError> =
            endpoints.into_iter().map(|endpoint| Login::eks(cluster, &endpoint)).collect();
        let logins = logins?;
        if logins.is_empty() {
            return Err(IssueError::Invalid { what: "STS endpoints", why: "there must be one at least" });
        }
        Ok(Self { logins })
    }

    /// Reads a token. Tells the access key id and the scope, of which nobody vouches for anything yet.
    ///
    /// # Errors
    /// [`VerifyError::Host`] for an endpoint that is not of the list, [`VerifyError::UnsignedHeader`] if the cluster is not
    /// signed, and those of [`Login::parse`].
    pub fn parse(&self, text: &str) -> Result<PresentedToken<'_>, VerifyError> {
        let (login, proof) = self.read(text)?;
        PresentedToken::new(login, proof)
    }

    fn read(&self, text: &str) -> Result<(&Login, Proof), VerifyError> {
        let Some(any) = self.logins.first() else { return Err(VerifyError::Host) };
        let proof = Proof::take_apart(any, text)?;
        let login = self.logins.iter().find(|login| proof.is_for(login)).ok_or(VerifyError::Host)?;
        proof.check(login)?;
        Ok((login, proof))
    }

    /// Checks everything about a token but its signature, and hands out the request that tells whether that is good.
    ///
    /// # Errors
    /// Those of [`parse`](Self::parse), and of [`Presented::check`](crate::aws::Presented::check).
    pub fn check(&self, text: &str, now: Timestamp) -> Result<UnverifiedCaller, VerifyError> {
        let (login, proof) = self.read(text)?;
        let cluster = login.header.as_ref().map(|(_, cluster)| cluster.clone()).unwrap_or_default();
        proof.presented(login, |presented| {
            Ok(UnverifiedCaller {
                access_key_id: presented.access_key_id().to_owned(),
                scope: *presented.scope(),
                expires_at: presented.examine(login.expect(), now)?.expires_at,
                call: StsCall { url: proof.url(), host: login.host().to_owned(), cluster },
            })
        })
    }

    /// Checks a token against this key.
    ///
    /// # Errors
    /// Those of [`check`](Self::check), and of [`PendingToken::accept`](super::PendingToken::accept).
    pub fn verify(
        &self,
        text: &str,
        key: &(impl SigV4 + ?Sized),
        now: Timestamp,
    ) -> Result<Verified<SignedLogin>, VerifyError> {
        let (login, proof) = self.read(text)?;
        proof.verified(login, |presented| key.verify(presented, login.expect(), now))
    }

    /// Checks a token against the key that it names.
    ///
    /// # Errors
    /// Those of [`verify`](Self::verify), and [`VerifyError::UnknownKey`].
    pub fn verify_among(
        &self,
        text: &str,
        keys: &KeyRing,
        now: Timestamp,
    ) -> Result<Verified<SignedLogin>, VerifyError> {
        let (login, proof) = self.read(text)?;
        proof.verified(login, |presented| keys.verify(presented, login.expect(), now))
    }
}

impl fmt::Debug for EksAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.logins.iter().map(Login::host)).finish()
    }
}

/// Somebody who may or may not be the owner of an access key: everything about their token is in order, except that
/// nobody has looked at its signature.
///
/// Nothing here says who they are. Send [`sts_call`](Self::sts_call) and let STS say so; the answer to anything but a
/// status of 200 is no.
#[derive(Clone, Debug)]
pub struct UnverifiedCaller {
    access_key_id: String,
    scope: Scope,
    expires_at: Timestamp,
    call: StsCall,
}

impl UnverifiedCaller {
    /// The access key id that the token claims. For rate limits and logs: it decides nothing.
    #[must_use]
    pub fn claimed_access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The scope that the token claims.
    #[must_use]
    pub const fn claimed_scope(&self) -> &Scope {
        &self.scope
    }

    /// The last second at which STS takes the request: 15 minutes after the date that the token claims.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The request to send.
    #[must_use]
    pub const fn sts_call(&self) -> &StsCall {
        &self.call
    }

    /// Takes the answer of STS to [`sts_call`](Self::sts_call), which says who the caller is.
    ///
    /// The answer must have come over HTTPS from [`StsCall::host`] itself. Whether that caller, and an account of that number, may
    /// log in is another question.
    ///
    /// # Errors
    /// [`StsError::Refused`] with STS's code, and [`StsError::Answer`] for a status other than 200 without one, and for an
    /// answer that cannot be read.
    pub fn confirm(self, status: u16, answer: &str) -> Result<CallerIdentity, StsError> {
        match (CallerIdentity::read(answer), status) {
            (Ok(identity), 200) => Ok(identity),
            (Ok(_), _) => Err(StsError::Answer { why: "has a status other than 200" }),
            (Err(error), _) => Err(error),
        }
    }
}

/// A request that STS answers with the identity of the one who signed it.
///
/// Send it as it is, follow no redirect, and read no more than a few KiB of the answer. It is the bearer's token in
/// another form: do not log it.
#[derive(Clone)]
pub struct StsCall {
    url: Secret<String>,
    host: String,
    cluster: String,
}

impl StsCall {
    /// The method.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        "GET"
    }

    /// Where to send it: over HTTPS, to one of the endpoints of the list. Do not log it.
    #[must_use]
    pub fn expose_url(&self) -> &str {
        self.url.expose()
    }

    /// The host, which is one of the endpoints of the list.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The headers to send.
    #[must_use]
    pub fn headers(&self) -> [(&'static str, &str); 3] {
        [("host", &self.host), (CLUSTER_HEADER, &self.cluster), ("accept", "application/xml")]
    }
}

impl fmt::Debug for StsCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StsCall").field("host", &self.host).field("cluster", &self.cluster).finish_non_exhaustive()
    }
}
