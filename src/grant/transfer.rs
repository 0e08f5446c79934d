//! Grants beyond one object read or written: multipart uploads, copies, tags, versions and listings.

use super::{
    Action, BroadGrant, Constraint, ContentType, CopySource, Encryption, Grant, Listing, Resource, ResponseHeader,
};
use crate::error::IssueError;
use alloc::string::String;

impl Grant {
    /// Begin a multipart upload of one object. Say its media type, or waive it by name: the parts have none.
    #[must_use]
    pub fn start_multipart(container: impl Into<String>, name: impl Into<String>) -> Self {
        Self::on_object(Action::StartMultipart, container, name)
    }

    /// Make an object of the parts of a multipart upload. The client names the parts; the size of the whole can be
    /// bound.
    #[must_use]
    pub fn complete_multipart(
        container: impl Into<String>,
        name: impl Into<String>,
        upload_id: impl Into<String>,
    ) -> Self {
        Self::on_upload(Action::CompleteMultipart, container, name, upload_id)
    }

    /// List the parts of a multipart upload.
    #[must_use]
    pub fn list_parts(container: impl Into<String>, name: impl Into<String>, upload_id: impl Into<String>) -> Self {
        Self::on_upload(Action::ListParts, container, name, upload_id)
    }

    pub(super) fn on_upload(
        action: Action,
        container: impl Into<String>,
        name: impl Into<String>,
        upload_id: impl Into<String>,
    ) -> Self {
        let resource = Resource::MultipartUpload { name: name.into(), upload_id: upload_id.into() };
        Self::new(action.into(), container, resource)
    }

    /// Create or overwrite one object with the content of another: it reads and writes, so it needs a reason.
    ///
    /// The copy keeps the media type and metadata of its source unless the grant says both or waives the type by
    /// name.
    pub fn copy(source: CopySource, container: impl Into<String>, name: impl Into<String>) -> BroadGrant {
        let grant = Self::on_object(Action::Copy, container, name);
        BroadGrant(Self { source: Some(source), ..grant })
    }

    /// Fill part `number` (from 1) of a multipart upload from another object: it reads and writes, so it needs a
    /// reason.
    pub fn copy_part(
        source: CopySource,
        container: impl Into<String>,
        name: impl Into<String>,
        upload_id: impl Into<String>,
        number: u16,
    ) -> BroadGrant {
        let resource = Resource::Part { name: name.into(), upload_id: upload_id.into(), number };
        let grant = Self::new(Action::Copy.into(), container, resource);
        BroadGrant(Self { source: Some(source), ..grant })
    }

    /// Read the tags of one object.
    #[must_use]
    pub fn read_tags(container: impl Into<String>, name: impl Into<String>) -> Self {
        Self::on_object(Action::ReadTags, container, name)
    }

    /// Replace the tags of one object. Access rules may go by tags: whoever sets them decides who reads.
    #[must_use]
    pub fn write_tags(container: impl Into<String>, name: impl Into<String>) -> Self {
        Self::on_object(Action::WriteTags, container, name)
    }

    /// Remove the tags of one object.
    #[must_use]
    pub fn delete_tags(container: impl Into<String>, name: impl Into<String>) -> Self {
        Self::on_object(Action::DeleteTags, container, name)
    }

    /// List the versions of the objects under a prefix: broader than one object, so it needs a reason.
    pub fn list_versions(container: impl Into<String>, prefix: impl Into<String>) -> BroadGrant {
        Self::under(container, prefix, Action::ListVersions)
    }

    /// List the multipart uploads under a prefix that are under way: broader than one object, so it needs a reason.
    pub fn list_uploads(container: impl Into<String>, prefix: impl Into<String>) -> BroadGrant {
        Self::under(container, prefix, Action::ListUploads)
    }

    /// Which part of a listing is asked for. It applies to listings alone: any other grant with it is
    /// [`NotEnforceable`](IssueError::NotEnforceable).
    #[must_use]
    pub fn listing(mut self, listing: Listing) -> Self {
        self.listing = Some(listing);
        self
    }

    /// Refuses what was said of this grant and does not apply to what it is about, or is said twice or with no text, so
    /// that it is not dropped.
    pub(crate) fn refuse_misplaced(
        &self,
        not_enforceable: fn(Constraint, &'static str) -> IssueError,
    ) -> Result<(), IssueError> {
        self.refuse_empty()?;
        if self.stray_version.is_some() {
            return Err(not_enforceable(Constraint::Resource, "a version is of one object"));
        }
        let lists = [Action::List, Action::ListParts, Action::ListUploads, Action::ListVersions];
        let twice = |(at, (header, _)): (usize, &(ResponseHeader, String))| {
            self.response_headers.iter().take(at).any(|(other, _)| other == header)
        };
        if self.response_headers.iter().enumerate().any(twice) {
            return Err(not_enforceable(Constraint::ResponseHeaders, "one of them is said twice: servers obey either"));
        }
        if self.listing.is_some() && !self.actions.only().is_some_and(|action| lists.contains(&action)) {
            return Err(not_enforceable(Constraint::Listing, "it applies to a listing and nothing else"));
        }
        if !self.response_headers.is_empty() && !self.has_any(&[Action::Read, Action::Head]) {
            return Err(not_enforceable(Constraint::ResponseHeaders, "it applies to reading an object only"));
        }
        let writes = [
            Action::Upload,
            Action::Create,
            Action::Append,
            Action::UploadPart,
            Action::StartMultipart,
            Action::CompleteMultipart,
            Action::Copy,
            Action::Send,
            Action::Receive,
        ];
        if !self.has_any(&writes) {
            let of_uploads = [
                Constraint::ContentType,
                Constraint::Size,
                Constraint::Checksum,
                Constraint::Encryption,
                Constraint::StorageClass,
                Constraint::Metadata,
            ];
            if let Some(constraint) = of_uploads.into_iter().find(|constraint| self.asks_for(*constraint)) {
                return Err(not_enforceable(constraint, "it applies to uploads only"));
            }
        }
        Ok(())
    }

    /// An empty text binds nothing, or is taken for none by servers.
    fn refuse_empty(&self) -> Result<(), IssueError> {
        let is_empty = |text: &Option<String>| text.as_ref().is_some_and(String::is_empty);
        let kind =
            matches!(&self.content_type, Some(ContentType::Exact(text) | ContentType::Prefix(text)) if text.is_empty());
        let key = matches!(&self.encryption, Some(Encryption::ManagedKey(key)) if key.is_empty());
        for (empty, what) in [
            (kind, "content type"),
            (key, "encryption key"),
            (is_empty(&self.storage_class), "storage class"),
            (is_empty(&self.request_id), "request id"),
            (self.response_headers.iter().any(|(_, value)| value.is_empty()), "response header"),
        ] {
            if empty {
                return Err(IssueError::Invalid { what, why: "it is empty" });
            }
        }
        Ok(())
    }

    fn has_any(&self, actions: &[Action]) -> bool {
        actions.iter().any(|action| self.actions.contains(*action))
    }
}
