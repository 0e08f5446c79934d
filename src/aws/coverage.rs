//! Whether a grant covers what a verified request asks of S3.
//!
//! A request is covered if it could have been issued from the grant, narrowed to what the request is about: so there is
//! one place, the lowering of a grant, that knows how each condition is enforced.

use super::{
    Form, Operation, S3Request, copy_source::COPY_SOURCE, operations::is_extension, s3::lower, s3_request::amz,
    stream::DECODED_LENGTH,
};
use crate::{
    error::VerifyError,
    grant::{Action, Grant, Lifetime, Resource},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};

/// How those begin that say who asks, how the bytes are checked or what must be the case, and change nothing that is
/// stored. What a copy reads is compared for itself.
const HARMLESS: [&str; 15] = [
    "checksum-",
    "content-sha256",
    "copy-source",
    "date",
    "decoded-content-length",
    "expected-bucket-owner",
    "if-match-",
    "mfa",
    "mp-object-size",
    "request-payer",
    "sdk-checksum-algorithm",
    "security-token",
    "source-expected-bucket-owner",
    "trailer",
    "user-agent",
];

impl S3Request<'_> {
    /// Whether a grant allows this request: the action, what it is about, and every condition.
    ///
    /// Names are compared as raw text, whole, or by the prefix of the grant, which ends with `/` unless the grant says
    /// otherwise. Each operation needs its own action: reading does not include asking for metadata. A version is covered
    /// by a grant for that version alone, and permissions that the headers need (an ACL, tags) by nothing but an action
    /// for them. The conditions of the grant must be signed in the request as they would be in one made from it; one that
    /// a request alone cannot meet (an address; a single use, unless the endpoint is [behind a
    /// gate](super::Endpoint::behind_gate)) covers nothing here.
    ///
    /// # Errors
    /// [`VerifyError::Permission`] if the grant lacks the action, and [`VerifyError::NotCovered`] if it is about something
    /// else or has a condition that the request does not meet.
    pub fn covered_by(&self, grant: &Grant) -> Result<(), VerifyError> {
        let action = self.granted_action(grant)?;
        if self.bucket() != Some(grant.container()) {
            return Err(not_covered("bucket"));
        }
        // The same grant, for nothing but what the request is about.
        let mut narrow = grant.clone();
        narrow.actions = action.into();
        narrow.resource = self.resource(grant)?;
        narrow.open_prefix = true;
        if self.source() != grant.source() {
            return Err(not_covered("source of a copy"));
        }
        if self.signed.form() == Form::Presigned {
            let lifetime = self.signed.expires_at().seconds_since(self.signed.signed_at());
            // Without a reason no URL lives longer than its class of data.
            let cap = if grant.justification.is_some() { Lifetime::WEEK } else { grant.classification.cap() };
            if lifetime > i64::from(grant.lifetime().min(cap).seconds()) {
                return Err(not_covered("lifetime"));
            }
        }
        let condition = |_| not_covered("conditions: no single request can meet them");
        let asked = lower(self.endpoint, &narrow).map_err(condition)?;
        asked.wire_path().map_err(condition)?;
        self.meets_params(&asked.query, grant)?;
        for (name, value) in asked.headers.iter().filter(|(name, _)| !name.starts_with(COPY_SOURCE)) {
            // Of a body in chunks the data is stored, and its frames are not.
            let framed = name == "content-length" && self.signed.payload().is_none();
            let mut lines = self.signed.header(if framed { DECODED_LENGTH } else { name });
            if !(lines.next() == Some(value.as_slice()) && lines.next().is_none()) {
                return Err(not_covered("headers"));
            }
        }
        self.meets_headers(&asked.headers, grant)
    }

    /// Holds the headers of S3, and the parameters that stand for them, to those of a request made from the grant.
    fn meets_headers(&self, asked: &[(String, Vec<u8>)], grant: &Grant) -> Result<(), VerifyError> {
        let in_query = self.params.iter().map(|(name, _)| name.to_ascii_lowercase());
        for name in self.signed.header_names("x-amz-").chain(in_query) {
            let Some(header) = amz(&name) else { continue };
            let tags = header == "tagging" && grant.actions().contains(Action::WriteTags);
            let harmless = tags || HARMLESS.iter().any(|family| header.starts_with(family));
            if !harmless && !asked.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                return Err(not_covered("headers"));
            }
        }
        Ok(())
    }

    /// The action that the operation needs, if the grant has it.
    fn granted_action(&self, grant: &Grant) -> Result<Action, VerifyError> {
        let missing = |needed| VerifyError::Permission { field: "grant", needed };
        let action = self.operation().action().ok_or(missing(self.operation().permission()))?;
        let has = |action| grant.actions().contains(action);
        let action = match action {
            // What may only create must say so, which the conditions below look at.
            Action::Upload if !has(action) && has(Action::Create) => Action::Create,
            action if has(action) => action,
            _ => return Err(missing(self.operation().permission())),
        };
        let base = [self.operation().permission(), self.operation().versioned_permission()];
        for needed in self.permissions().into_iter().filter(|needed| !base.contains(needed)) {
            if !(needed == "s3:PutObjectTagging" && has(Action::WriteTags)) {
                return Err(missing(needed));
            }
        }
        Ok(action)
    }

    /// What the request is about, if the grant reaches so far.
    fn resource(&self, grant: &Grant) -> Result<Resource, VerifyError> {
        let own = match (self.key(), self.upload_id(), self.part_number()) {
            (None, ..) => Resource::Prefix(self.prefix().unwrap_or_default().to_string()),
            (Some(name), None, _) => {
                Resource::Object { name: name.to_string(), version: self.version().map(ToString::to_string) }
            }
            (Some(name), Some(id), None) => {
                Resource::MultipartUpload { name: name.to_string(), upload_id: id.to_string() }
            }
            (Some(name), Some(id), Some(number)) => {
                Resource::Part { name: name.to_string(), upload_id: id.to_string(), number }
            }
        };
        let covered = match (grant.resource(), &own) {
            (Resource::Prefix(prefix), own) => {
                let is_prefix = !prefix.is_empty() && (prefix.ends_with('/') || grant.open_prefix);
                let name = match own {
                    Resource::Object { version: Some(_), .. } | Resource::Queue => return Err(not_covered("version")),
                    Resource::Object { name, .. }
                    | Resource::Part { name, .. }
                    | Resource::MultipartUpload { name, .. }
                    | Resource::Prefix(name) => name,
                };
                is_prefix && name.starts_with(prefix.as_str())
            }
            (granted, own) => granted == own,
        };
        if covered { Ok(own) } else { Err(not_covered("resource")) }
    }

    /// Holds the parameters to those of a request made from the grant.
    fn meets_params(&self, asked: &[(String, String)], grant: &Grant) -> Result<(), VerifyError> {
        // The older listing is asked for by saying nothing.
        let says_itself = |name: &str| name == "list-type" && self.operation() == Operation::ListObjects;
        for (name, value) in asked.iter().filter(|(name, _)| !says_itself(name)) {
            if self.param(name) != Some(value.as_str()) {
                return Err(not_covered("parameters"));
            }
        }
        let lists = self.key().is_none() || self.operation() == Operation::ListParts;
        for (name, _) in self.params.iter().filter(|(name, _)| !is_extension(name)) {
            // Another page or grouping shows no other names, and one part of an object no more than the whole.
            let harmless = (lists && grant.listing.is_none()) || name == "partNumber";
            if !harmless && asked.iter().all(|(known, _)| known != name) {
                return Err(not_covered("parameters"));
            }
        }
        Ok(())
    }
}

fn not_covered(what: &'static str) -> VerifyError {
    VerifyError::NotCovered { field: "grant", what }
}
