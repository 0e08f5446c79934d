//! How a grant becomes the description of a form.

use super::PostPolicy;
use crate::{
    aws::{
        Endpoint,
        canonical::CHECKSUM_SHA256,
        s3::{object_properties, refuse_what_no_url_can_carry},
    },
    encode,
    error::IssueError,
    grant::{Action, Constraint, ContentType, Grant, Resource, Size, plan::Form},
    v4::single_use::refuse_single_use,
};

/// The name of this token form in errors.
const FORM: &str = Form::S3PostPolicy.name();

fn not_enforceable(constraint: Constraint, instead: &'static str) -> IssueError {
    IssueError::NotEnforceable { constraint, form: FORM, instead }
}

impl PostPolicy {
    /// The form that allows exactly this grant: an upload of one object, or of any under a prefix. What the grant
    /// says of size, type, checksum, encryption, class and metadata becomes a condition each.
    ///
    /// # Errors
    /// [`IssueError::NotEnforceable`] for whatever a POST policy cannot enforce, [`IssueError::Unbounded`]
    /// for a grant that neither says nor waives size and type, and [`IssueError::Invalid`] for names that
    /// S3 does not take.
    pub fn at(endpoint: &Endpoint, grant: &Grant) -> Result<Self, IssueError> {
        grant.lowered(|grant| Self::lower(endpoint, grant))
    }

    fn lower(endpoint: &Endpoint, grant: &Grant) -> Result<Self, IssueError> {
        refuse_what_no_url_can_carry(grant, not_enforceable)?;
        refuse_single_use(grant, not_enforceable)?;
        let asked = |asked: bool, constraint, instead| {
            if asked { Err(not_enforceable(constraint, instead)) } else { Ok(()) }
        };
        asked(
            grant.actions.only() != Some(Action::Upload),
            Constraint::Action,
            "a form creates or overwrites: a presigned URL does the rest",
        )?;
        asked(!grant.response_headers.is_empty(), Constraint::ResponseHeaders, "it applies to reading an object only")?;
        asked(grant.request_id.is_some(), Constraint::RequestId, "a presigned URL can with a signed parameter")?;
        let mut policy = match &grant.resource {
            Resource::Object { name, version: None } => Self::new(endpoint, &grant.container, name)?,
            Resource::Prefix(prefix) if grant.open_prefix => {
                Self::under(endpoint, &grant.container, prefix)?.allow_open_prefix()
            }
            Resource::Prefix(prefix) => Self::under(endpoint, &grant.container, prefix)?,
            _ => return Err(not_enforceable(Constraint::Resource, "a form creates one object, or any under a prefix")),
        };
        if grant.dot_segments {
            policy = policy.allow_dot_segments();
        }
        policy = match &grant.content_type {
            None => return Err(IssueError::Unbounded { constraint: Constraint::ContentType }),
            Some(ContentType::Any) => policy.starts_with("Content-Type", ""),
            Some(ContentType::Exact(exact)) => policy.field("Content-Type", exact.as_str()),
            Some(ContentType::Prefix(prefix)) => policy.starts_with("Content-Type", prefix.as_str()),
        };
        policy = match &grant.size {
            None => return Err(IssueError::Unbounded { constraint: Constraint::Size }),
            Some(Size::Any) => policy.any_size(),
            Some(Size::Range(bytes)) => policy.size(bytes.clone()),
        };
        if let Some(digest) = &grant.sha256 {
            policy = policy.field(CHECKSUM_SHA256, encode::base64(digest));
        }
        for (name, value) in object_properties(grant) {
            policy = policy.field(name, value);
        }
        policy.lifetime = grant.lifetime;
        policy.cap = grant.classification.cap();
        policy.justification.clone_from(&grant.justification);
        Ok(policy)
    }
}
