//! Around a key: bounds, rate, audit and refresh, so that no token leaves without all of them.
//!
//! ```text
//! here      Ask ──Issuer::issue──▶ Issued<Token>            bounds, rate, sign, record, return
//! remote    Ask ──authorise──▶ Pass ──complete(token)──▶ Issued<Token>
//! later     (Lease, Ask) ──refresh──▶ Issued<Token>         the same grant or a narrower one, for 24 hours
//! ```
//!
//! ```
//! use std::sync::Arc;
//! use valet_key::aws::StaticKey;
//! use valet_key::clock::Timestamp;
//! use valet_key::grant::{Action, Grant};
//! use valet_key::issuer::{Ask, Gcra, Issuer, MemorySink, RateLimit, Subject};
//! use valet_key::multi::Cloud;
//! use valet_key::policy::Bounds;
//!
//! let now = Timestamp::from_unix(1_700_000_000)?; // a service has `SystemClock`
//! let cloud = Cloud::aws(StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?, "eu-west-1")?;
//! let bounds = Bounds::new().container("photos", Action::Read);
//! let sink = Arc::new(MemorySink::new(1000));
//! let issuer = Issuer::new(cloud, bounds, RateLimit::new(Gcra::HOURLY), Arc::clone(&sink), now);
//!
//! let jane = Subject::new("acme", "jane")?;
//! let grant = Grant::read("photos", "cat.jpg");
//! let issued = issuer.issue(&Ask::new(&jane, &grant))?;
//! assert_eq!(issued.refresh_at(), now.saturating_add(720));
//!
//! let grant = Grant::read("payroll", "2026.xlsx");
//! let refused = issuer.issue(&Ask::new(&jane, &grant)).unwrap_err();
//! assert_eq!(refused.code(), "bounds_container");
//!
//! // Both are on record, and the token is not.
//! let records = sink.records();
//! assert_eq!(records.len(), 2);
//! assert_eq!(records[0].fingerprint, Some(issued.fingerprint()));
//! assert!(!records[0].to_json().contains("X-Amz-Signature"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chain;
mod desk;
mod error;
mod gcra;
mod holder;
mod json_record;
mod lease;
mod limit;
pub mod logs;
mod pass;
mod record;
mod sink;
mod subject;

pub use self::{
    chain::{BrokenChain, Chain},
    error::{Denied, NotRefreshable, Refused},
    gcra::{Gcra, Step, Verdict},
    holder::{Bearer, Holder},
    json_record::NotARecord,
    lease::Lease,
    limit::{Limited, RateLimiter, Unlimited},
    pass::{Issued, Pass},
    record::{AuditRecord, Outcome},
    sink::{AuditSink, SinkFailure},
    subject::Subject,
};
#[cfg(feature = "std")]
pub use self::{
    limit::RateLimit,
    sink::{JsonLines, MemorySink},
};

use self::desk::Desk;
use crate::{clock::Clock, grant::Grant, metrics::Metrics, policy::Bounds};
use alloc::{boxed::Box, string::ToString, sync::Arc, vec::Vec};
use core::{fmt, net::IpAddr};

/// Says whether a subject may have what a grant allows: the bounds that an application sets, and whatever else it knows, such as who
/// owns an object.
///
/// Any function does. It is asked for every token, a refreshed one too.
pub trait Permit: Send + Sync {
    /// Whether it may, and why not.
    ///
    /// # Errors
    /// [`Denied`].
    fn permits(&self, subject: &Subject, grant: &Grant) -> Result<(), Denied>;
}

impl<F: Fn(&Subject, &Grant) -> Result<(), Denied> + Send + Sync> Permit for F {
    fn permits(&self, subject: &Subject, grant: &Grant) -> Result<(), Denied> {
        self(subject, grant)
    }
}

/// The same bounds for every subject. The reason goes on record, with what the bounds are.
impl Permit for Bounds {
    fn permits(&self, _: &Subject, grant: &Grant) -> Result<(), Denied> {
        self.permits(grant).into_result().map_err(|why| Denied::new(why.code(), why.to_string()))
    }
}

impl fmt::Debug for dyn Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}

/// No bounds here: somebody else has asked before.
///
/// # Errors
/// None.
pub const fn unbounded(_: &Subject, _: &Grant) -> Result<(), Denied> {
    Ok(())
}

/// A request for a token: who asks, and for what.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Ask<'a> {
    subject: &'a Subject,
    grant: &'a Grant,
    client_address: Option<IpAddr>,
    session: Option<&'a str>,
}

impl<'a> Ask<'a> {
    /// One grant for one subject, whom the application has authenticated.
    pub const fn new(subject: &'a Subject, grant: &'a Grant) -> Self {
        Self { subject, grant, client_address: None, session: None }
    }

    /// Where the request came from, if somebody vouches for it. It goes on record, and bounds nothing: for that see
    /// [`Grant::client_address`].
    pub const fn from(mut self, address: IpAddr) -> Self {
        self.client_address = Some(address);
        self
    }

    /// The session that the token belongs to, such as an upload in parts. It goes on record, and a token is refreshed in the same
    /// session alone.
    pub const fn session(mut self, id: &'a str) -> Self {
        self.session = Some(id);
        self
    }
}

/// What became of each request of a batch, in their order.
pub type Batch<T> = Vec<Result<Issued<T>, Refused>>;

/// Hands out tokens, each of them within bounds, within the rate of its subject, and on record before it leaves.
///
/// `H` is what signs: a [`Holder`], or `()` where the keys are somewhere else and [`authorise`](Self::authorise) is all that
/// is used.
///
/// An issuer has no state of its own. Threads share one by reference.
pub struct Issuer<H> {
    holder: H,
    desk: Desk,
}

impl<H> Issuer<H> {
    /// Of everything that it needs; nothing has a default that would let something through.
    #[must_use]
    pub fn new(
        holder: H,
        bounds: impl Permit + 'static,
        limiter: impl RateLimiter + 'static,
        sink: impl AuditSink + 'static,
        clock: impl Clock + 'static,
    ) -> Self {
        let desk = Desk {
            bounds: Box::new(bounds),
            limiter: Box::new(limiter),
            sink: Box::new(sink),
            clock: Box::new(clock),
            metrics: Box::new(()),
        };
        Self { holder, desk }
    }

    /// Who hears of what happens.
    #[must_use]
    pub fn metrics(mut self, metrics: impl Metrics + 'static) -> Self {
        self.desk.metrics = Box::new(metrics);
        self
    }

    /// Asks bounds and rate for a token that is made somewhere else: the first half of [`issue`](Self::issue), of which
    /// [`Pass::complete`] is the second.
    ///
    /// ```
    /// use valet_key::{aws, clock::Timestamp, grant::Grant};
    /// use valet_key::issuer::{Ask, Gcra, Issuer, MemorySink, RateLimit, Subject, unbounded};
    /// # fn sign_elsewhere(prepared: &aws::Prepared) -> aws::Signature {
    /// #     use aws::SigV4;
    /// #     aws::StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret").unwrap().sign(prepared.scope(), prepared.string_to_sign()).unwrap()
    /// # }
    ///
    /// let now = Timestamp::from_unix(1_700_000_000)?;
    /// let issuer = Issuer::new((), unbounded, RateLimit::new(Gcra::HOURLY), MemorySink::new(9), now);
    /// let (jane, grant) = (Subject::new("acme", "jane")?, Grant::read("photos", "cat.jpg"));
    ///
    /// let pass = issuer.authorise(&Ask::new(&jane, &grant))?;
    /// let credential = aws::Credential::new("AKIAIOSFODNN7EXAMPLE")?;
    /// let prepared = aws::UrlRequest::s3(pass.grant(), "eu-west-1")?.prepare(&credential, pass.at())?;
    /// let signature = sign_elsewhere(&prepared); // with `.await`, in any runtime
    /// let issued = pass.complete(prepared.finish(&signature))?;
    /// assert_eq!(issued.expires_at(), now.saturating_add(900));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Refused::Bounds`], [`Refused::Limited`], both on record; [`Refused::Audit`] if they could not be put there.
    pub fn authorise<'a>(&'a self, ask: &Ask<'a>) -> Result<Pass<'a>, Refused> {
        self.desk.authorise(ask, self.desk.now())
    }

    /// The same for a token in place of one from before: see [`refresh`](Self::refresh). The refresh is counted whether or not the
    /// pass is completed, and its token ends with the session however late that is. One that is refused uses up as much of the rate
    /// as any other.
    ///
    /// # Errors
    /// As [`authorise`](Self::authorise), and [`Refused::Refresh`].
    pub fn authorise_refresh<'a>(&'a self, lease: &mut Lease, ask: &Ask<'a>) -> Result<Pass<'a>, Refused> {
        let now = self.desk.now();
        if let Err(why) = lease.check(ask, now) {
            // It costs as much as one within the bounds or without, so that nobody can try without end. The first reason is told.
            drop(self.desk.limiter.take(ask.subject, 1, now));
            return Err(self.desk.refuse(&mut Desk::draft(ask, now), why.into()));
        }
        let pass = self.desk.authorise(ask, now)?;
        lease.count();
        Ok(pass.for_refresh(lease.ends_at()))
    }
}

impl<H: Holder> Issuer<H> {
    /// Issues a token: bounds, rate, signature, record, and then the token.
    ///
    /// Every call is put on record, with its outcome. A grant outside the bounds uses up as much of the rate as one within, and
    /// nothing is given back if the holder fails.
    ///
    /// # Errors
    /// [`Refused`]. If the record cannot be kept it is [`Refused::Audit`], and the token is dropped.
    pub fn issue(&self, ask: &Ask<'_>) -> Result<Issued<H::Token>, Refused> {
        self.authorise(ask)?.issue(&self.holder)
    }

    /// The same, with a lease to [`refresh`](Self::refresh) the token later.
    ///
    /// # Errors
    /// As [`issue`](Self::issue).
    pub fn issue_leased(&self, ask: &Ask<'_>) -> Result<(Issued<H::Token>, Lease), Refused> {
        let issued = self.issue(ask)?;
        let lease = Lease::new(ask, issued.issued_at());
        Ok((issued, lease))
    }

    /// Issues a token in place of one from before, when its [time](Issued::refresh_at) has come.
    ///
    /// It allows what the first one did or less, for the same subject in the same session, and ends within 24 hours after the first
    /// one began: near the end [`Lease::longest`] tells what is left. Bounds and rate are asked again.
    ///
    /// # Errors
    /// As [`issue`](Self::issue), and [`Refused::Refresh`].
    pub fn refresh(&self, lease: &mut Lease, ask: &Ask<'_>) -> Result<Issued<H::Token>, Refused> {
        self.authorise_refresh(lease, ask)?.issue(&self.holder)
    }

    /// Issues several tokens to one subject, such as those of the parts of an upload. They count as many: the rate allows all of them
    /// or none.
    ///
    /// # Errors
    /// [`Refused::SeveralSubjects`] and [`Refused::Limited`] for all of them, on record once. Everything else is the result of
    /// one.
    pub fn issue_batch(&self, asks: &[Ask<'_>]) -> Result<Batch<H::Token>, Refused> {
        let Some(first) = asks.first() else { return Ok(Vec::new()) };
        let now = self.desk.now();
        let count = u32::try_from(asks.len()).unwrap_or(u32::MAX);
        let taken = if asks.iter().any(|ask| ask.subject != first.subject) {
            Err(Refused::SeveralSubjects)
        } else {
            self.desk.limiter.take(first.subject, count, now).map_err(Refused::from)
        };
        if let Err(why) = taken {
            let mut draft = Desk::draft(first, now);
            draft.count = u64::from(count);
            return Err(self.desk.refuse(&mut draft, why));
        }
        Ok(asks.iter().map(|ask| self.desk.permit(ask, now)?.issue(&self.holder)).collect())
    }
}

impl<H> fmt::Debug for Issuer<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("desk", &self.desk).finish_non_exhaustive()
    }
}

impl<T: Permit + ?Sized> Permit for Arc<T> {
    fn permits(&self, subject: &Subject, grant: &Grant) -> Result<(), Denied> {
        T::permits(self, subject, grant)
    }
}
