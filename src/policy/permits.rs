//! Whether a grant lies within bounds.

use super::{
    bounds::{Bounds, has_dot_segment},
    decision::{Broad, Decision, Refusal},
    union::Pattern,
};
use crate::{
    grant::{Action, Actions, ContentType, Grant, Resource, Size},
    network::AddressRange,
};
use alloc::{
    borrow::ToOwned,
    boxed::Box,
    string::{String, ToString},
};

/// The actions that bring content, whose size a limit is about. The first request of a multipart upload brings none.
pub(crate) const BRINGS_CONTENT: [Action; 6] =
    [Action::Upload, Action::Create, Action::Append, Action::UploadPart, Action::CompleteMultipart, Action::Copy];

/// The actions that decide the media type of an object.
pub(crate) const SETS_CONTENT_TYPE: [Action; 4] =
    [Action::Upload, Action::Create, Action::StartMultipart, Action::Copy];

impl Bounds {
    /// Whether the grant lies within these bounds, and if not, why.
    ///
    /// What the grant leaves open is broader than what it says: with a limit, a grant without a client address, an upload
    /// without a size or media type, is refused. Each action must be allowed, on every name that the grant covers, and what a
    /// copy reads must be allowed to be read. What the grant [gives up](Grant::unenforced) for some token forms counts as not
    /// said, whatever form it is issued in.
    ///
    /// The first refusal counts, in this order: container, name, dot segments, action, source, class, lifetime, address, size,
    /// content type, justification.
    pub fn permits(&self, grant: &Grant) -> Decision {
        self.check(grant).into()
    }

    /// Whether a token may be good without TLS. A grant does not say: that is asked of the token's form.
    pub fn permits_plain_http(&self) -> Decision {
        if self.requires_https() { Decision::Refused(Refusal::PlainHttp) } else { Decision::Allowed }
    }

    fn check(&self, grant: &Grant) -> Result<(), Refusal> {
        let grant = &grant.without_given_up();
        self.check_reach(&grant.container, &names(&grant.resource), grant.actions, grant.dot_segments)?;
        if let Some(source) = &grant.source {
            let read = Pattern::Exact(source.name.clone());
            self.check_reach(&source.container, &read, Actions::READ, grant.dot_segments)
                .map_err(|why| Refusal::Source(Box::new(why)))?;
        }
        self.check_time(grant)?;
        self.check_address(grant)?;
        self.check_upload(grant)?;
        match self.first_unjustified(grant) {
            Some(what) if grant.justification.is_none() => Err(Refusal::Unjustified { what }),
            _ => Ok(()),
        }
    }

    pub(super) fn check_reach(
        &self,
        container: &str,
        asked: &Pattern,
        actions: Actions,
        dot_segments: bool,
    ) -> Result<(), Refusal> {
        let Some(names) = self.reach.names(container) else {
            return Err(Refusal::Container { asked: container.to_owned(), allowed: self.reach.containers() });
        };
        let Some(allowed) = self.reach.actions(container, asked) else {
            return Err(Refusal::Name { container: container.to_owned(), asked: asked.clone(), allowed: names });
        };
        // `42/../43/a` begins with `42/`, and is `43/a` to whoever folds it.
        if has_dot_segment(asked.text()) && !(dot_segments && self.dot_segments.is_some()) {
            return Err(Refusal::DotSegments { asked: asked.clone() });
        }
        match actions.iter().find(|action| !allowed.contains(*action)) {
            Some(asked) => Err(Refusal::Action { asked, allowed }),
            None => Ok(()),
        }
    }

    fn check_time(&self, grant: &Grant) -> Result<(), Refusal> {
        let (asked, classification) = (grant.lifetime, grant.classification);
        if classification < self.least {
            return Err(Refusal::Classification { asked: classification, least: self.least });
        }
        let limit = self.longest(classification);
        if asked > limit { Err(Refusal::Lifetime { asked, classification, limit }) } else { Ok(()) }
    }

    fn check_address(&self, grant: &Grant) -> Result<(), Refusal> {
        let Some(allowed) = &self.addresses else { return Ok(()) };
        let asked = grant.client_address.as_deref();
        if asked.and_then(AddressRange::parse).is_some_and(|asked| allowed.covers(&asked)) {
            return Ok(());
        }
        let allowed = allowed.iter().map(ToString::to_string).collect();
        Err(Refusal::ClientAddress { asked: asked.map(ToOwned::to_owned), allowed })
    }

    fn check_upload(&self, grant: &Grant) -> Result<(), Refusal> {
        let one_of = |actions: &[Action]| grant.has_one_of(actions);
        if let Some(limit) = self.largest_upload.filter(|_| one_of(&BRINGS_CONTENT)) {
            let asked = match &grant.size {
                Some(Size::Range(bytes)) => Some(bytes.clone()),
                Some(Size::Any) | None => None,
            };
            if asked.as_ref().is_none_or(|bytes| *bytes.end() > limit) {
                return Err(Refusal::Size { asked, limit });
            }
        }
        if let Some(allowed) = self.content_types.as_ref().filter(|_| one_of(&SETS_CONTENT_TYPE)) {
            let asked = match &grant.content_type {
                Some(ContentType::Exact(text)) => Some(Pattern::Exact(text.clone())),
                Some(ContentType::Prefix(text)) => Some(Pattern::Prefix(text.clone())),
                Some(ContentType::Any) | None => None,
            };
            if !asked.is_some_and(|asked| allowed.covers(&asked)) {
                let allowed = allowed.iter().cloned().collect();
                return Err(Refusal::ContentType { asked: grant.content_type.clone(), allowed });
            }
        }
        Ok(())
    }

    /// What of the grant needs a justification in these bounds.
    fn first_unjustified(&self, grant: &Grant) -> Option<Broad> {
        let needs = |what: Broad| self.justified & what as u16 != 0 && is_broad(grant, what);
        Broad::ALL.iter().map(|(what, _)| *what).find(|what| needs(*what))
    }
}

/// The names that a grant is about.
fn names(resource: &Resource) -> Pattern {
    match resource {
        Resource::Object { name, .. } | Resource::Part { name, .. } | Resource::MultipartUpload { name, .. } => {
            Pattern::Exact(name.clone())
        }
        Resource::Prefix(prefix) => Pattern::Prefix(prefix.clone()),
        // A queue has no parts.
        Resource::Queue => Pattern::Prefix(String::new()),
    }
}

fn is_broad(grant: &Grant, what: Broad) -> bool {
    let one_of = |actions: &[Action]| grant.has_one_of(actions);
    match what {
        Broad::ManyObjects => matches!(grant.resource, Resource::Prefix(_)),
        Broad::OpenPrefix => matches!(&grant.resource, Resource::Prefix(prefix) if !prefix.ends_with('/')),
        Broad::ManyActions => grant.actions.only().is_none(),
        // Only a copy has a source.
        Broad::Copy => grant.actions.contains(Action::Copy),
        Broad::LongLifetime => grant.lifetime > grant.classification.cap(),
        Broad::AnyAddress => grant.client_address.is_none(),
        Broad::AnySize => one_of(&BRINGS_CONTENT) && !matches!(grant.size, Some(Size::Range(_))),
        Broad::AnyContentType => {
            one_of(&SETS_CONTENT_TYPE)
                && !matches!(grant.content_type, Some(ContentType::Exact(_) | ContentType::Prefix(_)))
        }
        Broad::Overwrite => one_of(&[Action::Upload, Action::CompleteMultipart, Action::Copy]),
        Broad::Delete => one_of(&[Action::Delete, Action::DeleteTags]),
    }
}
