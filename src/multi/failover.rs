//! The next cloud when a holder fails, and never a weaker token.

use super::{Cloud, Token};
use crate::{
    clock::Timestamp,
    error::{IssueError, KeyError},
    grant::{Grant, Lifetime},
};
use alloc::{string::String, vec, vec::Vec};

/// Remembers that a holder failed, so that it is left alone for a while: longer after each failure in a row.
///
/// It is plain data. [`Failover`] keeps one for each cloud; a caller whose holders are remote keeps its own.
///
/// ```
/// use valet_key::{clock::Timestamp, multi::Circuit};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let mut circuit = Circuit::new();
/// circuit.failed(now);
/// assert_eq!(circuit.open_until(now), Some(now.saturating_add(5)));
/// // When the time is over it is tried again; a second failure in a row doubles the time.
/// let now = now.saturating_add(5);
/// assert_eq!(circuit.open_until(now), None);
/// circuit.failed(now);
/// assert_eq!(circuit.open_until(now), Some(now.saturating_add(10)));
/// circuit.worked();
/// assert_eq!(circuit, Circuit::new());
/// # Ok::<(), valet_key::error::TimestampError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circuit {
    shortest: Lifetime,
    longest: Lifetime,
    failures: u8,
    until: Option<Timestamp>,
}

impl Default for Circuit {
    fn default() -> Self {
        Self::new()
    }
}

impl Circuit {
    const SHORTEST: u32 = 5;
    const LONGEST: u16 = 5;

    /// Waits 5 seconds after the first failure, and 5 minutes at most.
    #[must_use]
    pub const fn new() -> Self {
        match (Lifetime::from_seconds(Self::SHORTEST), Lifetime::minutes(Self::LONGEST)) {
            (Ok(shortest), Ok(longest)) => Self::waiting(shortest, longest),
            _ => Self::waiting(Lifetime::DEFAULT, Lifetime::DEFAULT),
        }
    }

    /// Waits so long after the first failure, and so long at most.
    #[must_use]
    pub const fn waiting(shortest: Lifetime, longest: Lifetime) -> Self {
        Self { shortest, longest, failures: 0, until: None }
    }

    /// Until when the holder is to be left alone; nothing if it can be tried.
    #[must_use]
    pub fn open_until(&self, now: Timestamp) -> Option<Timestamp> {
        // A clock that was set back must not keep a holder out for longer than any wait.
        let latest = now.saturating_add(self.longest.seconds());
        self.until.filter(|until| now < *until && *until <= latest)
    }

    /// The holder failed at `now`.
    pub fn failed(&mut self, now: Timestamp) {
        let factor = 1u32.checked_shl(u32::from(self.failures)).unwrap_or(u32::MAX);
        let wait = self.shortest.seconds().saturating_mul(factor).min(self.longest.seconds());
        self.failures = self.failures.saturating_add(1);
        self.until = Some(now.saturating_add(wait));
    }

    /// The holder signed.
    pub const fn worked(&mut self) {
        self.failures = 0;
        self.until = None;
    }
}

/// One of several clouds, with the names that containers have there.
#[derive(Clone, Debug)]
pub struct Site<'k> {
    name: String,
    cloud: Cloud<'k>,
    containers: Vec<(String, String)>,
    circuit: Circuit,
}

impl<'k> Site<'k> {
    /// A cloud by a name for logs. Its containers are called as in the grant, until one is said to have
    /// [another name](Self::container).
    #[must_use]
    pub fn new(name: impl Into<String>, cloud: Cloud<'k>) -> Self {
        Self { name: name.into(), cloud, containers: Vec::new(), circuit: Circuit::new() }
    }

    /// What the grant calls `ours` is called `theirs` here.
    ///
    /// Once a name is given, there are no containers here but those that are named: a bucket that has the same name
    /// elsewhere by chance may be anybody's.
    #[must_use]
    pub fn container(mut self, ours: impl Into<String>, theirs: impl Into<String>) -> Self {
        self.containers.push((ours.into(), theirs.into()));
        self
    }

    /// With another patience after failures of its holder.
    #[must_use]
    pub const fn circuit(mut self, circuit: Circuit) -> Self {
        self.circuit = circuit;
        self
    }

    fn name_of(&self, ours: &str) -> Option<String> {
        if self.containers.is_empty() {
            return Some(ours.into());
        }
        self.containers.iter().find(|(name, _)| name == ours).map(|(_, theirs)| theirs.clone())
    }

    /// The grant in the names of this place.
    fn grant(&self, grant: &Grant) -> Option<Grant> {
        let mut there = grant.clone();
        there.container = self.name_of(&grant.container)?;
        if let Some(source) = &mut there.source {
            source.container = self.name_of(&source.container)?;
        }
        Some(there)
    }
}

/// Clouds in the order in which they are asked.
///
/// The next one is asked when the *holder* of the one before fails, is still [backing off](Circuit) or has a credential
/// that ends too early. The first one decides what can be granted: if it cannot carry a constraint, or the grant lacks
/// something, that is the answer, whether its holder is up or down. A later one that cannot carry the grant is passed
/// over. No restriction is ever dropped to get a token.
///
/// Where the data is when the first cloud is back is a matter of the caller: [`Issued::site`] says where an upload went.
///
/// Several threads each have a copy, which share their holders, or lock one.
///
/// ```
/// # #[cfg(all(feature = "aws", feature = "gcs"))] {
/// use valet_key::error::KeyError;
/// use valet_key::multi::{Cloud, Failover, Outcome, Site};
/// use valet_key::{aws, clock::Timestamp, gcs, grant::Grant};
///
/// #[derive(Debug)]
/// struct Down(aws::Credential);
///
/// impl aws::SigV4 for Down {
///     fn credential(&self) -> &aws::Credential {
///         &self.0
///     }
///     fn sign(&self, _: &aws::Scope, _: &aws::StringToSign) -> Result<aws::Signature, KeyError> {
///         Err(KeyError::Holder("the HSM does not answer".into()))
///     }
/// }
///
/// let down = Down(aws::Credential::new("AKIAIOSFODNN7EXAMPLE")?);
/// let amazon = Site::new("amazon", Cloud::aws(down, "eu-west-1")?);
/// let google = Site::new("google", Cloud::gcs(gcs::HmacKey::new("GOOG1EXAMPLE", "secret")?));
/// let mut clouds = Failover::new(amazon).or(google.container("photos", "photos-standby"));
///
/// let issued = clouds.issue(&Grant::read("photos", "cat.jpg"), Timestamp::from_unix(1_700_000_000)?)?;
/// assert_eq!(issued.site, "google");
/// assert!(issued.token.expose_url().starts_with("https://storage.googleapis.com/photos-standby/cat.jpg?"));
/// assert!(matches!(issued.tried[0].outcome, Outcome::Holder(KeyError::Holder(_))));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Failover<'k> {
    /// INVARIANT: never empty.
    sites: Vec<Site<'k>>,
}

/// A token, and where it is good.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Issued {
    /// The token.
    pub token: Token,
    /// The cloud that it is for.
    pub site: String,
    /// Those that were asked before, in order.
    pub tried: Vec<Attempt>,
}

/// A cloud that did not issue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// Its name.
    pub site: String,
    /// Why not.
    pub outcome: Outcome,
}

/// Why a cloud did not issue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Outcome {
    /// Its holder failed.
    #[error(transparent)]
    Holder(KeyError),
    /// Its holder failed before, and was not asked again.
    #[error("its holder failed before and is left alone until {until}")]
    BackingOff {
        /// Until when.
        until: Timestamp,
    },
    /// Its credential ends before the token would.
    #[error(transparent)]
    Credential(IssueError),
    /// It cannot carry the grant.
    #[error(transparent)]
    NotCarried(IssueError),
    /// It has no such container.
    #[error("it has no such container")]
    NoContainer,
}

/// Why no cloud issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FailoverError {
    /// The first cloud does not carry the grant, so that no other was asked.
    #[error("{site}: {error}")]
    Refused {
        /// The first cloud.
        site: String,
        /// What is wrong with the grant.
        error: IssueError,
    },
    /// No cloud issued.
    #[error("no cloud issued a token, {} tried", tried.len())]
    Exhausted {
        /// All of them, in order.
        tried: Vec<Attempt>,
        /// When the first of the holders that failed will be asked again, if one did.
        retry_at: Option<Timestamp>,
    },
}

impl<'k> Failover<'k> {
    /// The cloud that is asked first.
    #[must_use]
    pub fn new(first: Site<'k>) -> Self {
        Self { sites: vec![first] }
    }

    /// The cloud that is asked next.
    #[must_use]
    pub fn or(mut self, next: Site<'k>) -> Self {
        self.sites.push(next);
        self
    }

    /// Issues the token of the first cloud whose holder signs.
    ///
    /// # Errors
    /// [`FailoverError::Refused`] with what the first cloud says of the grant, [`FailoverError::Exhausted`] if no holder
    /// signed that can carry it.
    pub fn issue(&mut self, grant: &Grant, now: Timestamp) -> Result<Issued, FailoverError> {
        let mut tried = Vec::new();
        for site in &mut self.sites {
            let outcome = match site.try_issue(grant, now) {
                Ok(token) => return Ok(Issued { token, site: site.name.clone(), tried }),
                Err(outcome) => outcome,
            };
            let is_first = tried.is_empty();
            tried.push(Attempt { site: site.name.clone(), outcome });
            if is_first && let Some(Attempt { site, outcome }) = tried.first() {
                let error = match outcome {
                    Outcome::NotCarried(error) => error.clone(),
                    Outcome::NoContainer => {
                        IssueError::Invalid { what: "container", why: "the first cloud has none of this name" }
                    }
                    _ => continue,
                };
                return Err(FailoverError::Refused { site: site.clone(), error });
            }
        }
        let retry_at = self.sites.iter().filter_map(|site| site.circuit.open_until(now)).min();
        Err(FailoverError::Exhausted { tried, retry_at })
    }
}

impl Site<'_> {
    fn try_issue(&mut self, grant: &Grant, now: Timestamp) -> Result<Token, Outcome> {
        let there = self.grant(grant).ok_or(Outcome::NoContainer)?;
        // Needs no holder, so the answer is the same whether that is up or down.
        let prepared = self.cloud.account().prepare(&there, now).map_err(|error| match error {
            IssueError::OutlivesCredential { .. } => Outcome::Credential(error),
            _ => Outcome::NotCarried(error),
        })?;
        if let Some(until) = self.circuit.open_until(now) {
            return Err(Outcome::BackingOff { until });
        }
        let signed = self.cloud.finish(prepared);
        match &signed {
            Ok(_) => self.circuit.worked(),
            Err(_) => self.circuit.failed(now),
        }
        signed.map_err(Outcome::Holder)
    }
}
