//! What an issuer asks before and writes after, whoever holds the key.

use super::{Ask, AuditRecord, AuditSink, Pass, Permit, RateLimiter, Refused, SinkFailure, record::text};
use crate::{
    clock::{Clock, Timestamp},
    metrics::{Event, Metrics},
};
use alloc::{
    borrow::{Cow, ToOwned},
    boxed::Box,
    string::ToString,
};

#[derive(Debug)]
pub(super) struct Desk {
    pub(super) bounds: Box<dyn Permit>,
    pub(super) limiter: Box<dyn RateLimiter>,
    pub(super) sink: Box<dyn AuditSink>,
    pub(super) clock: Box<dyn Clock>,
    pub(super) metrics: Box<dyn Metrics>,
}

impl Desk {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn count(&self, event: &Event<'_>) {
        self.metrics.record(event);
    }

    /// A record of which the outcome is open.
    pub(super) fn draft(ask: &Ask<'_>, now: Timestamp) -> AuditRecord {
        let mut draft = AuditRecord::new(ask.subject, ask.grant, now);
        draft.client_address = ask.client_address;
        draft.session = ask.session.map(text);
        draft
    }

    /// Bounds, and then the rate. What lies outside the bounds costs a token too, so that nobody can try without end.
    pub(super) fn authorise<'a>(&'a self, ask: &Ask<'a>, now: Timestamp) -> Result<Pass<'a>, Refused> {
        let mut draft = Self::draft(ask, now);
        let permitted = self.bounds.permits(ask.subject, ask.grant);
        let taken = self.limiter.take(ask.subject, 1, now);
        // The first reason is the one to tell.
        if let Err(why) = permitted.map_err(Refused::from).and_then(|()| Ok(taken?)) {
            return Err(self.refuse(&mut draft, why));
        }
        Ok(Pass::new(self, ask.grant, draft))
    }

    /// Bounds alone: the rate was asked for the whole batch.
    pub(super) fn permit<'a>(&'a self, ask: &Ask<'a>, now: Timestamp) -> Result<Pass<'a>, Refused> {
        let mut draft = Self::draft(ask, now);
        match self.bounds.permits(ask.subject, ask.grant) {
            Ok(()) => Ok(Pass::new(self, ask.grant, draft)),
            Err(denied) => Err(self.refuse(&mut draft, denied.into())),
        }
    }

    /// Writes a refusal, and gives it back; a failure to write takes its place.
    pub(super) fn refuse(&self, draft: &mut AuditRecord, why: Refused) -> Refused {
        draft.code = Some(Cow::Owned(why.code().to_owned()));
        draft.reason = Some(text(&why.to_string()));
        self.count(&Event::Refused { code: why.code() });
        match self.append(draft) {
            Ok(()) => why,
            Err(failure) => failure.into(),
        }
    }

    pub(super) fn append(&self, record: &AuditRecord) -> Result<(), SinkFailure> {
        self.sink.append(record).inspect_err(|_| self.count(&Event::Unaudited))
    }
}
