//! The grants of an upload: one for each request, made from what the whole upload may do.

use super::Protocol;
use crate::{
    error::IssueError,
    grant::{Constraint, ContentType, Grant, Justification, Lifetime, Resource, Size},
    mac::Sha256,
};
use alloc::string::{String, ToString};

/// The name of the metadata that marks what a session made with the id of the session: `x-amz-meta-uploadsession`,
/// `x-goog-meta-uploadsession`, `x-ms-meta-uploadsession`.
pub const MARK: &str = "uploadsession";
/// That header of Azure.
pub(super) const AZURE_MARK: &str = "x-ms-meta-uploadsession";
/// Why the uploads of one name may be listed.
const SWEEP: &str = "find uploads of this object whose start was not answered";

const FORM: &str = "an upload in parts";

/// What is uploaded, and how it may be.
#[derive(Clone, Debug)]
pub(super) struct Template {
    pub(super) protocol: Protocol,
    /// For the object as a whole.
    pub(super) grant: Grant,
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) id: String,
}

impl Template {
    /// Refuses what cannot be said of an upload in parts, so that it is not dropped.
    pub(super) fn new(protocol: Protocol, grant: Grant, id: String) -> Result<Self, IssueError> {
        let refuse = |constraint, instead| Err(IssueError::NotEnforceable { constraint, form: FORM, instead });
        let invalid = |what, why| Err(IssueError::Invalid { what, why });
        grant.refuse_misplaced(|constraint, instead| IssueError::NotEnforceable { constraint, form: FORM, instead })?;
        if grant.actions.only() != Some(crate::grant::Action::Upload) {
            return refuse(Constraint::Action, "it creates or overwrites an object: begin with `Grant::upload`");
        }
        let Resource::Object { name, version: None } = &grant.resource else {
            return refuse(Constraint::Resource, "an upload makes a version of its own");
        };
        let name = name.clone();
        let bytes = match &grant.size {
            Some(Size::Range(bytes)) if bytes.start() == bytes.end() => *bytes.start(),
            Some(_) => return refuse(Constraint::Size, "parts are cut from an exact size"),
            None => return Err(IssueError::Unbounded { constraint: Constraint::Size }),
        };
        if bytes > Protocol::MOST_BYTES {
            return invalid("size", "an object has at most 5 TiB");
        }
        match &grant.content_type {
            None => return Err(IssueError::Unbounded { constraint: Constraint::ContentType }),
            Some(ContentType::Prefix(_)) => return refuse(Constraint::ContentType, "the upload of one form can"),
            Some(_) => {}
        }
        if grant.sha256.is_some() {
            return refuse(Constraint::Checksum, "the digest of a whole object is not that of its parts");
        }
        if grant.not_before.is_some() {
            return refuse(Constraint::NotBefore, "begin the session then");
        }
        if grant.single_use {
            return refuse(Constraint::SingleUse, "a part is sent again when its answer is lost");
        }
        if !grant.response_headers.is_empty() {
            return refuse(Constraint::ResponseHeaders, "it applies to reading an object only");
        }
        if grant.metadata.iter().any(|(name, _)| name.eq_ignore_ascii_case(MARK)) {
            return Err(IssueError::Reserved { name: MARK.to_string() });
        }
        if grant.lifetime > grant.classification.cap() && grant.justification.is_none() {
            return Err(IssueError::Unjustified { what: "a lifetime beyond the default" });
        }
        if grant.lifetime > crate::lifetime::Transfer::LONGEST {
            return invalid("lifetime", "a token of an upload lives four hours at most: it can be renewed");
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if !(16..=64).contains(&id.len()) || !id.bytes().all(is_plain) {
            return invalid("session id", "it must be 16 to 64 letters, digits or `-`, and random");
        }
        Ok(Self { protocol, grant, name, bytes, id })
    }

    /// What holds of every request.
    fn dressed(&self, mut grant: Grant, lifetime: Lifetime) -> Grant {
        let whole = &self.grant;
        grant = grant.lives(lifetime).classified(whole.classification);
        grant.client_address.clone_from(&whole.client_address);
        grant.request_id.clone_from(&whole.request_id);
        grant.dot_segments = whole.dot_segments;
        grant.given_up.clone_from(&whole.given_up);
        if grant.justification.is_none() {
            grant.justification.clone_from(&whole.justification);
        }
        grant
    }

    /// What is said of the object that is made.
    fn with_properties(&self, mut grant: Grant) -> Grant {
        let whole = &self.grant;
        grant.content_type.clone_from(&whole.content_type);
        grant.encryption.clone_from(&whole.encryption);
        grant.storage_class.clone_from(&whole.storage_class);
        grant.metadata.clone_from(&whole.metadata);
        grant
    }

    fn place(&self) -> (&str, &str) {
        (&self.grant.container, &self.name)
    }

    pub(super) fn start(&self, lifetime: Lifetime) -> Grant {
        let (container, name) = self.place();
        let grant = match self.protocol {
            Protocol::S3Multipart => Grant::start_multipart(container, name),
            _ => Grant::upload(container, name).exact_size(self.bytes),
        };
        self.dressed(self.with_properties(grant).metadata(MARK, self.id.as_str()), lifetime)
    }

    pub(super) fn part(&self, upload_id: Option<&str>, number: u32, bytes: u64, lifetime: Lifetime) -> Grant {
        let (container, name) = self.place();
        let grant = if let Some(id) = upload_id {
            // INVARIANT: a plan for S3 has at most 10,000 numbers. No token is made for 0.
            let number = u16::try_from(number).unwrap_or_default();
            Grant::upload_part(container, name, id, number).exact_size(bytes)
        } else {
            // A block is encrypted as its blob is.
            let mut grant = Grant::upload(container, name).any_size().any_content_type();
            grant.encryption.clone_from(&self.grant.encryption);
            grant
        };
        self.dressed(grant, lifetime)
    }

    pub(super) fn commit(&self, upload_id: Option<&str>, lifetime: Lifetime) -> Grant {
        let (container, name) = self.place();
        let grant = match upload_id {
            Some(id) => Grant::complete_multipart(container, name, id).exact_size(self.bytes),
            None => self.with_properties(Grant::upload(container, name).any_size()),
        };
        self.dressed(grant, lifetime)
    }

    pub(super) fn look_for_uploads(&self, lifetime: Lifetime) -> Grant {
        let (container, name) = self.place();
        let listing = Grant::list_uploads(container, name);
        // INVARIANT: the text is a justification.
        let why = self.grant.justification.clone().or_else(|| Justification::new(SWEEP).ok());
        let grant = match why {
            Some(why) => listing.because(why).allow_open_prefix(),
            None => Grant::head(container, name),
        };
        self.dressed(grant, lifetime)
    }

    pub(super) fn look_at_parts(&self, upload_id: Option<&str>, lifetime: Lifetime) -> Grant {
        let (container, name) = self.place();
        let grant = match upload_id {
            Some(id) => Grant::list_parts(container, name, id),
            None => Grant::read(container, name),
        };
        self.dressed(grant, lifetime)
    }

    pub(super) fn look_at_object(&self, lifetime: Lifetime) -> Grant {
        let (container, name) = self.place();
        // The permission to read a blob is that to read its properties too, and there is no lesser one.
        let grant = match self.protocol {
            Protocol::AzureBlocks => Grant::read(container, name),
            _ => Grant::head(container, name),
        };
        self.dressed(grant, lifetime)
    }

    pub(super) fn abort(&self, upload_id: &str, lifetime: Lifetime) -> Grant {
        let (container, name) = self.place();
        self.dressed(Grant::abort(container, name, upload_id), lifetime)
    }

    pub(super) fn drop_blocks(&self, lifetime: Lifetime) -> Grant {
        let (container, name) = self.place();
        let mut grant = Grant::create(container, name).any_size().any_content_type();
        grant.encryption.clone_from(&self.grant.encryption);
        self.dressed(grant, lifetime)
    }

    pub(super) fn delete(&self, lifetime: Lifetime) -> Grant {
        let (container, name) = self.place();
        self.dressed(Grant::delete(container, name), lifetime)
    }

    /// The id of a block, in base64 of always 24 characters: blocks of one blob must have ids of one length, and those of two
    /// sessions differ.
    pub(super) fn block_id(&self, number: u32) -> String {
        let digest = Sha256::digest(self.id.as_bytes());
        let mut id = [0; 18];
        let (session, counter) = id.split_at_mut(14);
        for (to, from) in session.iter_mut().zip(digest) {
            *to = from;
        }
        counter.copy_from_slice(&number.to_be_bytes());
        crate::encode::base64(&id)
    }

    /// The number of a block of this session.
    pub(super) fn block_number(&self, id: &str) -> Option<u32> {
        let bytes = crate::encode::from_base64(id)?;
        let number = u32::from_be_bytes(*bytes.last_chunk()?);
        (self.block_id(number) == id).then_some(number)
    }
}
