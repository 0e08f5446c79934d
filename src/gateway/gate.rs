//! The gate: everything that is known without a store, then the stores of one process.

use super::{
    Provider, StoreKey,
    admission::{Admission, Admitted, Answer, Question},
    error::{GateError, StoreError},
    facts::Facts,
    replay::{ReplayCache, ReplayStore},
    revocation::{RevocationList, RevocationStore, keys_of},
    sources::Source,
};
use crate::{
    clock::Timestamp,
    grant::{Action, Lifetime},
    issuer::{Limited, RateLimiter, Subject},
    metrics::{Event, Metrics},
    policy::{Asked, Bounds, Decision, Pattern},
    view::RequestView,
};
use std::{
    boxed::Box,
    fmt,
    string::{String, ToString},
    sync::Arc,
};

/// What a gate allows at all, whoever signed: an upper limit on verified requests.
///
/// A closure is one.
pub trait Limit: Send + Sync {
    /// Whether a verified request is within it.
    ///
    /// # Errors
    /// Why not, in words for the operator; the sender is not told.
    fn permits(&self, facts: &Facts) -> Result<(), String>;
}

impl<F: Fn(&Facts) -> Result<(), String> + Send + Sync> Limit for F {
    fn permits(&self, facts: &Facts) -> Result<(), String> {
        self(facts)
    }
}

/// Which requests use their token up. One whose token is [marked](Facts::is_marked_single_use) always does: that of a grant for
/// a [single use](crate::grant::Grant::single_use), issued for an endpoint that is said to be behind a gate.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum SingleUse {
    /// Those alone whose token says so. The default.
    #[default]
    Marked,
    /// All.
    Always,
    /// Those too that this says, for example uploads, or whatever is below a prefix.
    When(Arc<dyn Fn(&Facts) -> bool + Send + Sync>),
}

impl fmt::Debug for SingleUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Marked => "Marked",
            Self::Always => "Always",
            Self::When(_) => "When",
        })
    }
}

/// How long beyond the end of a token its use is remembered, in seconds: for clocks that differ and requests that are checked
/// slowly.
const MARGIN: u32 = 15 * 60;

/// Takes one request into account.
fn limit(limiter: &dyn RateLimiter, question: &Question) -> Result<(), Limited> {
    // INVARIANT: 64 hexadecimal digits are a name.
    let subject = Subject::new("gateway", &question.rate_key.to_string()).map_err(|_| Limited::Unavailable)?;
    limiter.take(&subject, 1, question.now)
}

/// A lifetime that no bounds allow.
const FOR_EVER: Lifetime = match Lifetime::from_seconds(u32::MAX) {
    Ok(lifetime) => lifetime,
    Err(_) => Lifetime::WEEK,
};

/// What an upload says of its media type, if it says it in one way.
fn content_type<'r>(facts: &Facts, view: &RequestView<'r>) -> Option<&'r str> {
    let only = |wanted: &str| {
        let mut lines = view.headers().iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let line = lines.next().map(|(_, value)| core::str::from_utf8(value).ok().map(str::trim));
        if lines.next().is_some() { Some(None) } else { line }
    };
    if facts.provider() != Provider::Azure {
        return only("content-type").flatten();
    }
    if facts.stores_own_type {
        return only(STORED_TYPE).flatten();
    }
    // SPEC: this header prevails over `Content-Type`, which with a list of blocks is the type of the list.
    let own = only("x-ms-blob-content-type");
    if facts.action() == Some(Action::CompleteMultipart) {
        own.flatten()
    } else {
        own.or_else(|| only("content-type")).flatten()
    }
}

/// The type that Data Lake and Files store, also with the flush that ends an append.
const STORED_TYPE: &str = "x-ms-content-type";

/// Whether a request of Azure decides a media type although its action does not say so.
fn sets_type(facts: &Facts, view: &RequestView<'_>) -> bool {
    let says_it = || view.headers().iter().any(|(name, _)| name.eq_ignore_ascii_case(STORED_TYPE));
    match facts.action() {
        Some(Action::CompleteMultipart) => facts.provider() == Provider::Azure,
        _ => facts.stores_own_type && says_it(),
    }
}

/// A verifier with everything around it: bounds, revocation, rate, replay.
///
/// See the [module](super) for an example.
pub struct Gate {
    source: Source,
    bounds: Option<Bounds>,
    limit: Option<Box<dyn Limit>>,
    single_use: SingleUse,
    all_operations: bool,
    revocations: Arc<dyn RevocationStore>,
    replays: Arc<dyn ReplayStore>,
    rate_limit: Option<Arc<dyn RateLimiter>>,
    metrics: Option<Arc<dyn Metrics>>,
}

impl Gate {
    fn new(source: Source) -> Self {
        Self {
            source,
            bounds: None,
            limit: None,
            single_use: SingleUse::Marked,
            all_operations: false,
            revocations: Arc::new(RevocationList::new(1 << 16)),
            replays: Arc::new(ReplayCache::new(1 << 20)),
            rate_limit: None,
            metrics: None,
        }
    }

    /// For S3, as `endpoint` is addressed.
    #[cfg(feature = "aws")]
    #[must_use]
    pub fn aws(verifier: crate::aws::Verifier, endpoint: crate::aws::Endpoint) -> Self {
        Self::new(Source::Aws(verifier, endpoint))
    }

    /// For Cloud Storage, as `endpoint` is addressed.
    #[cfg(feature = "gcs")]
    #[must_use]
    pub fn gcs(verifier: crate::gcs::Verifier, endpoint: crate::gcs::Endpoint) -> Self {
        Self::new(Source::Gcs(verifier, endpoint))
    }

    /// For one service of an account of Azure Storage.
    #[cfg(feature = "azure")]
    #[must_use]
    pub fn azure(verifier: crate::azure::Verifier) -> Self {
        Self::new(Source::Azure(verifier))
    }

    /// What is allowed at all: whatever a key signed, a request outside of these bounds is refused.
    ///
    /// Enforced are: container, names and actions; what a copy reads; the lifetime of the token; the address of the client and
    /// HTTPS, as the [`RequestView`] vouches for them; the size of a body, as it arrives, and its media type. A copy, the
    /// completion of an upload in parts, what is appended, and the start of a resumable upload without a signed size have none
    /// that could be counted here, so that bounds with a largest upload refuse them. An upload that Cloud Storage starts is
    /// for whoever takes its bytes to hold to the signed size. Justifications were asked for when the token was issued.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = Some(bounds);
        self
    }

    /// A limit of the application's own, beside the bounds.
    #[must_use]
    pub fn within(mut self, limit: impl Limit + 'static) -> Self {
        self.limit = Some(Box::new(limit));
        self
    }

    /// Which requests use their token up.
    #[must_use]
    pub fn single_use(mut self, single_use: SingleUse) -> Self {
        self.single_use = single_use;
        self
    }

    /// Also operations that no grant can be for, such as those on the configuration of a bucket. What they name in their bodies
    /// (a request to delete many objects does) nobody looks up in revocations or bounds.
    #[must_use]
    pub const fn allow_all_operations(mut self) -> Self {
        self.all_operations = true;
        self
    }

    /// Where [`admit`](Self::admit) looks revocations up. The default is a [`RevocationList`] that nobody else can add to. In front
    /// of Azure, say how long tokens can live: see [`RevocationList::longest_lifetime`], and
    #[cfg_attr(feature = "azure", doc = "[`Expect::max_lifetime`](crate::azure::Expect::max_lifetime).")]
    #[cfg_attr(not(feature = "azure"), doc = "the verifier's own limit.")]
    #[must_use]
    pub fn revocations(mut self, store: Arc<impl RevocationStore + 'static>) -> Self {
        self.revocations = store;
        self
    }

    /// Where [`admit`](Self::admit) remembers uses. The default is a [`ReplayCache`] with room for a million.
    #[must_use]
    pub fn replays(mut self, store: Arc<impl ReplayStore + 'static>) -> Self {
        self.replays = store;
        self
    }

    /// What limits the rate of [`admit`](Self::admit): one for each request that is verified, on behalf of the subject of its token
    /// or else of its key. By default nothing does.
    #[must_use]
    pub fn rate_limit(mut self, limiter: Arc<impl RateLimiter + 'static>) -> Self {
        self.rate_limit = Some(limiter);
        self
    }

    /// What hears of each request that was admitted or not.
    #[must_use]
    pub fn metrics(mut self, metrics: Arc<impl Metrics + 'static>) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// Whose rules its requests follow.
    #[must_use]
    pub const fn provider(&self) -> Provider {
        self.source.provider()
    }

    /// Checks everything that needs no store: size, fields, algorithm, scope, time, signature, bounds.
    ///
    /// # Errors
    /// [`GateError::Unverified`] and [`GateError::OutOfBounds`].
    pub fn check(&self, view: &RequestView<'_>, now: Timestamp) -> Result<Admission, GateError> {
        let checked = self.check_unheard(view, now);
        if let Err(error) = &checked {
            self.heard(&Event::Rejected { code: error.code() });
        }
        checked
    }

    fn check_unheard(&self, view: &RequestView<'_>, now: Timestamp) -> Result<Admission, GateError> {
        let (facts, body) = self.source.verify(view, now)?;
        let largest = self.bound(&facts, view, now)?;
        let body = body.within(largest);
        let question = self.question(&facts, now);
        Ok(Admission { facts, body, question, metrics: self.metrics.clone() })
    }

    pub(super) fn heard(&self, event: &Event<'_>) {
        if let Some(metrics) = &self.metrics {
            metrics.record(event);
        }
    }

    /// Checks everything, with the stores of this process.
    ///
    /// # Errors
    /// [`GateError`].
    pub fn admit(&self, view: &RequestView<'_>, now: Timestamp) -> Result<Admitted, GateError> {
        let admission = self.check(view, now)?;
        let answer = self.ask(admission.question());
        admission.decide(answer)
    }

    /// What the stores of this process say.
    #[must_use]
    pub fn ask(&self, question: &Question) -> Answer {
        let lost = |error: StoreError| match error {
            StoreError::Full => Answer::Full,
            StoreError::Lost => Answer::Lost,
        };
        match self.revocations.watermark(&question.revocations, question.now) {
            Ok(Some(watermark)) if question.is_revoked_by(watermark) => return Answer::Revoked,
            Ok(_) => {}
            Err(error) => return lost(error),
        }
        match self.rate_limit.as_ref().map(|limiter| limit(&**limiter, question)) {
            None | Some(Ok(())) => {}
            Some(Err(Limited::Later { seconds })) => return Answer::RateLimited { retry_after: seconds },
            Some(Err(Limited::Full)) => return Answer::Full,
            Some(Err(_)) => return Answer::Lost,
        }
        let Some((key, seconds)) = &question.single_use else { return Answer::Clear };
        match self.replays.is_first(key, question.now.saturating_add(*seconds), question.now) {
            Ok(true) => Answer::Clear,
            Ok(false) => Answer::Replayed,
            Err(error) => lost(error),
        }
    }

    /// The largest body that is allowed.
    fn bound(&self, facts: &Facts, view: &RequestView<'_>, now: Timestamp) -> Result<Option<u64>, GateError> {
        let refused = |why: String| GateError::OutOfBounds { code: "out_of_bounds", why };
        let actions = facts.actions();
        if actions.is_none() && !self.all_operations {
            return Err(refused("no grant can be for this operation".into()));
        }
        if let Some(limit) = &self.limit {
            limit.permits(facts).map_err(refused)?;
        }
        let Some(bounds) = &self.bounds else { return Ok(None) };
        let (Some(action), Some(actions)) = (facts.action(), actions) else {
            return Err(refused("bounds allow nothing that no grant can be for".into()));
        };
        let life = facts.expires_at().seconds_since(facts.issued_at().unwrap_or(now)).max(1);
        let names = match (facts.object(), facts.prefix()) {
            (Some(name), _) => Pattern::Exact(name.into()),
            (None, prefix) => Pattern::Prefix(prefix.unwrap_or_default().into()),
        };
        let asked = Asked {
            container: facts.container(),
            names,
            actions,
            source: facts.source().map(|source| (source.container(), source.name())),
            lifetime: u32::try_from(life).ok().and_then(|life| Lifetime::from_seconds(life).ok()).unwrap_or(FOR_EVER),
            address: view.client_address(),
            over_https: view.came_over_https(),
            content_type: content_type(facts, view),
            sets_type: sets_type(facts, view),
            brings: facts.brings,
        };
        match bounds.permits_request(&asked) {
            Decision::Allowed => Ok(bounds.largest_body(action)),
            Decision::Refused(why) => Err(GateError::OutOfBounds { code: why.code(), why: why.to_string() }),
        }
    }

    fn question(&self, facts: &Facts, now: Timestamp) -> Question {
        let provider = facts.provider().as_str().as_bytes();
        let once = match &self.single_use {
            _ if facts.is_marked_single_use() => true,
            SingleUse::Marked => false,
            SingleUse::Always => true,
            SingleUse::When(is_so) => is_so(facts),
        };
        let left = u32::try_from(facts.expires_at().seconds_since(now).max(0)).unwrap_or(u32::MAX);
        Question {
            revocations: keys_of(facts),
            issued_at: facts.issued_at().map_or(-1, Timestamp::unix),
            rate_key: match facts.subject() {
                Some(subject) => StoreKey::of("rate of subject", &[subject.as_bytes()]),
                None => StoreKey::of("rate of key", &[provider, facts.key_id().as_bytes()]),
            },
            single_use: once
                .then(|| (StoreKey::of("use", &[provider, &facts.replay_key]), left.saturating_add(MARGIN))),
            now,
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("source", &self.source)
            .field("bounds", &self.bounds)
            .field("single_use", &self.single_use)
            .field("revocations", &self.revocations)
            .field("replays", &self.replays)
            .finish_non_exhaustive()
    }
}
