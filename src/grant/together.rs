//! Several grants in one, where one token can carry them.

use super::{Action, BroadGrant, Constraint, Grant};
use crate::{
    error::IssueError,
    policy::{BRINGS_CONTENT, SETS_CONTENT_TYPE},
};

/// The name of what carries them in errors.
const FORM: &str = "one token";
const SEVERAL: &str = "a session policy or an access boundary carries several grants, else it takes a token for each";

fn apart(constraint: Constraint) -> IssueError {
    IssueError::NotEnforceable { constraint, form: FORM, instead: SEVERAL }
}

impl Grant {
    /// One grant that allows what all of these allow, and nothing else: several actions on one resource, under the same
    /// conditions. It is broader than each of them, so it needs a reason.
    ///
    /// That is what one shared access signature of Azure carries. A signed URL of the other providers is for one action, the
    /// policy of a form for one upload, and that of CloudFront has one statement for one pattern: for several resources there,
    /// see `SessionGrants` of AWS and `AccessBoundary` of Google Cloud Storage, which take any number of grants.
    ///
    /// What is said of an upload alone, its size and media type, need not be said of the grants that upload nothing.
    ///
    /// # Errors
    /// [`IssueError::NotEnforceable`] with the constraint in which they differ, [`Constraint::Resource`] before all, for then the
    /// token would allow what nobody asked for, or drop a condition; [`Constraint::Action`] for copies, whose source is part of
    /// the action; [`IssueError::Invalid`] for no grant at all.
    ///
    /// ```
    /// # #[cfg(feature = "azure")] {
    /// use valet_key::{azure::UrlRequest, grant::{Grant, Justification}};
    ///
    /// let draft = [
    ///     Grant::read("drafts", "42/a.txt"),
    ///     Grant::upload("drafts", "42/a.txt").any_size().any_content_type(),
    ///     Grant::delete("drafts", "42/a.txt"),
    /// ];
    /// let draft = Grant::together(&draft)?.because(Justification::new("the editor, ticket 4711")?);
    /// let request = UrlRequest::storage(&draft)?; // sp=rcwd
    /// # let _ = request;
    ///
    /// let two = [Grant::read("drafts", "42/a.txt"), Grant::read("drafts", "42/b.txt")];
    /// assert_eq!(Grant::together(&two).unwrap_err().code(), "not_enforceable");
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn together(grants: &[Self]) -> Result<BroadGrant, IssueError> {
        let Some((first, others)) = grants.split_first() else {
            return Err(IssueError::Invalid { what: "a token", why: "it must allow at least one grant" });
        };
        let mut all = first.clone();
        for grant in others {
            all.take_in(grant)?;
        }
        if all.source.is_some() {
            return Err(apart(Constraint::Action));
        }
        Ok(BroadGrant(all))
    }

    /// Adds the actions of a grant that is the same in all else.
    fn take_in(&mut self, grant: &Self) -> Result<(), IssueError> {
        // Every member by its name, so that a new one cannot be forgotten here.
        let Self {
            actions,
            container,
            resource,
            lifetime,
            classification,
            justification,
            content_type,
            size,
            sha256,
            encryption,
            storage_class,
            metadata,
            response_headers,
            client_address,
            not_before,
            single_use,
            request_id,
            dot_segments,
            open_prefix,
            source,
            listing,
            given_up,
            stray_version,
        } = grant;
        let dotted = *dot_segments == self.dot_segments && *open_prefix == self.open_prefix;
        let is_same_place = *container == self.container && *resource == self.resource && dotted;
        for (is_same, constraint) in [
            (is_same_place && *stray_version == self.stray_version, Constraint::Resource),
            (*source == self.source, Constraint::Action),
            (*lifetime == self.lifetime && *classification == self.classification, Constraint::Lifetime),
            (*client_address == self.client_address, Constraint::ClientAddress),
            (*not_before == self.not_before, Constraint::NotBefore),
            (*sha256 == self.sha256, Constraint::Checksum),
            (*encryption == self.encryption, Constraint::Encryption),
            (*storage_class == self.storage_class, Constraint::StorageClass),
            (*metadata == self.metadata, Constraint::Metadata),
            (*response_headers == self.response_headers, Constraint::ResponseHeaders),
            (*single_use == self.single_use, Constraint::SingleUse),
            (*request_id == self.request_id, Constraint::RequestId),
            (*listing == self.listing, Constraint::Listing),
        ] {
            if !is_same {
                return Err(apart(constraint));
            }
        }
        // What one of them insists on, the other must not give up for both.
        let gives_way = |grant: &Self, constraint| !grant.asks_for(constraint) || grant.has_given_up(constraint);
        for (constraint, why) in given_up {
            if !gives_way(self, *constraint) {
                return Err(apart(*constraint));
            }
            if !self.has_given_up(*constraint) {
                self.given_up.push((*constraint, why.clone()));
            }
        }
        if let Some((constraint, _)) = self.given_up().find(|(constraint, _)| !gives_way(grant, *constraint)) {
            return Err(apart(constraint));
        }
        let of = |which: &[Action]| [self.has_one_of(which), grant.has_one_of(which)];
        let (brings, sets) = (of(&BRINGS_CONTENT), of(&SETS_CONTENT_TYPE));
        self.content_type = joint(self.content_type.take(), content_type.as_ref(), sets, Constraint::ContentType)?;
        self.size = joint(self.size.take(), size.as_ref(), brings, Constraint::Size)?;
        self.actions = self.actions | *actions;
        if self.justification.is_none() {
            self.justification.clone_from(justification);
        }
        Ok(())
    }

    pub(crate) fn has_one_of(&self, actions: &[Action]) -> bool {
        actions.iter().any(|action| self.actions.contains(*action))
    }
}

/// What both say of an upload, or what one says of it if the other uploads nothing.
fn joint<T: Clone + PartialEq>(
    mine: Option<T>,
    theirs: Option<&T>,
    [i_upload, they_upload]: [bool; 2],
    constraint: Constraint,
) -> Result<Option<T>, IssueError> {
    match (mine, theirs) {
        (mine, theirs) if mine.as_ref() == theirs => Ok(mine),
        (None, Some(theirs)) if !i_upload => Ok(Some(theirs.clone())),
        (Some(mine), None) if !they_upload => Ok(Some(mine)),
        _ => Err(apart(constraint)),
    }
}
