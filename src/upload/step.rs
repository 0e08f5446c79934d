//! What is to be done next at the cloud, and with which permission.

use crate::{clock::Timestamp, error::IssueError, grant::Grant, lifetime::refresh_after, secret::Secret};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::{fmt, ops::Range};

/// What a step does at the cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Task {
    /// Begins the upload. The answer has the upload id of S3, or the session URI of Cloud Storage.
    Start,
    /// Sends these bytes as this part, the first being 1.
    Part {
        /// Its number. Numbers rise with the bytes, and some may be left out. Of a resumable upload it is always 1.
        number: u32,
        /// Which bytes of the object.
        bytes: Range<u64>,
    },
    /// Makes the object. On Cloud Storage these last bytes do that; elsewhere the range is empty.
    Commit {
        /// Which bytes of the object.
        bytes: Range<u64>,
    },
    /// Lists the uploads under way whose name begins with that of the object. Those of exactly this name count.
    LookForUploads,
    /// Lists the parts, the uncommitted blocks, or what a resumable upload has received.
    LookAtParts,
    /// Asks for the properties of the object, its size and its mark among them: see [`MARK`](super::MARK).
    LookAtObject,
    /// Gives up the upload with this id.
    Abort {
        /// The upload id of S3.
        upload_id: String,
    },
    /// Lists the uploads under way as [`LookForUploads`](Self::LookForUploads) does, and gives up those of exactly this name:
    /// see [`UploadSession::abort`](super::UploadSession::abort). It catches what a start made whose answer was lost.
    Sweep,
    /// Gives up the resumable upload. Cloud Storage answers 499, or 404 or 410 if there is none any more.
    Cancel,
    /// Puts an empty blob in place of blocks that nobody committed, which drops them. The token cannot overwrite: 409 says that
    /// there is an object, and then the blocks are dropped after a week.
    DropBlocks,
    /// Deletes the object if the properties that were just looked at have the mark of this session: with their `ETag` in
    /// `If-Match`, or their generation in `x-goog-if-generation-match`, so that nothing else is deleted.
    DeleteOwn,
}

#[derive(Clone)]
enum Permit {
    Grant(Box<Grant>),
    /// The session URI of Cloud Storage, which is a permission in itself.
    Uri(Secret<String>),
}

/// One request to the cloud: its grant, which any key holder turns into a token, or the session URI that needs none.
///
/// ```text
/// S3           aws::UrlRequest    ◀── step.s3(&endpoint)
/// Cloud Storage gcs::UrlRequest   ◀── step.gcs(&endpoint)     step.session_uri()
/// Azure        azure::UrlRequest  ◀── step.azure(&endpoint)   step.azure_bound(&endpoint)
/// ```
#[derive(Clone)]
pub struct Step {
    task: Task,
    permit: Permit,
    ends_at: Timestamp,
    refresh_at: Timestamp,
    query: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
}

impl Step {
    pub(super) fn with_grant(task: Task, grant: Grant, now: Timestamp) -> Self {
        let lifetime = grant.lifetime.seconds();
        Self {
            task,
            permit: Permit::Grant(Box::new(grant)),
            ends_at: now.saturating_add(lifetime),
            refresh_at: now.saturating_add(refresh_after(lifetime)),
            query: Vec::new(),
            headers: Vec::new(),
        }
    }

    pub(super) fn with_uri(task: Task, uri: Secret<String>, ends_at: Timestamp) -> Self {
        let permit = Permit::Uri(uri);
        Self { task, permit, ends_at, refresh_at: ends_at, query: Vec::new(), headers: Vec::new() }
    }

    pub(super) fn query(mut self, name: &'static str, value: &str) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// What it does.
    #[must_use]
    pub const fn task(&self) -> &Task {
        &self.task
    }

    /// What it needs to be allowed: nothing if it goes to the session URI.
    #[must_use]
    pub const fn grant(&self) -> Option<&Grant> {
        match &self.permit {
            Permit::Grant(grant) => Some(grant),
            Permit::Uri(_) => None,
        }
    }

    /// Where it goes without any token. Whoever has it can finish or give up the upload: do not log it.
    #[must_use]
    pub fn session_uri(&self) -> Option<&str> {
        match &self.permit {
            Permit::Grant(_) => None,
            Permit::Uri(uri) => Some(uri.expose()),
        }
    }

    /// The last second at which the request may begin.
    #[must_use]
    pub const fn ends_at(&self) -> Timestamp {
        self.ends_at
    }

    /// When to ask for a new token: after four fifths of its life. A session URI needs none.
    #[must_use]
    pub const fn refresh_at(&self) -> Timestamp {
        self.refresh_at
    }

    /// Parameters that the client adds to the URL, raw: `comp` and `blockid` on Azure, whose tokens are for a blob as a whole
    /// unless a user delegation SAS binds them.
    #[must_use]
    pub fn params(&self) -> &[(&'static str, String)] {
        &self.query
    }

    /// Headers that the client sends beside those that its token requires.
    #[must_use]
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.headers
    }

    fn needs_grant(&self) -> Result<&Grant, IssueError> {
        self.grant()
            .ok_or(IssueError::Invalid { what: "step", why: "it goes to the session URI, which needs no token" })
    }

    /// The request for its presigned URL.
    ///
    /// # Errors
    /// Those of [`aws::UrlRequest::at`](crate::aws::UrlRequest::at).
    #[cfg(feature = "aws")]
    pub fn s3(&self, endpoint: &crate::aws::Endpoint) -> Result<crate::aws::UrlRequest, IssueError> {
        crate::aws::UrlRequest::at(endpoint, self.needs_grant()?)
    }

    /// The request for its signed URL.
    ///
    /// # Errors
    /// Those of [`gcs::UrlRequest::at`](crate::gcs::UrlRequest::at), and [`IssueError::Invalid`] for a step that goes to the
    /// session URI.
    #[cfg(feature = "gcs")]
    pub fn gcs(&self, endpoint: &crate::gcs::Endpoint) -> Result<crate::gcs::UrlRequest, IssueError> {
        let grant = self.needs_grant()?;
        match self.task {
            Task::Start => crate::gcs::UrlRequest::resumable(endpoint, grant),
            _ => crate::gcs::UrlRequest::at(endpoint, grant),
        }
    }

    /// The request for its shared access signature. [`params`](Self::params) go behind it.
    ///
    /// # Errors
    /// Those of [`azure::UrlRequest::at`](crate::azure::UrlRequest::at).
    #[cfg(feature = "azure")]
    pub fn azure(&self, endpoint: &crate::azure::Endpoint) -> Result<crate::azure::UrlRequest, IssueError> {
        crate::azure::UrlRequest::at(endpoint, self.needs_grant()?)
    }

    /// The same with [`params`](Self::params) in it and bound, so that the token is for this block alone. Only a user delegation
    /// SAS of version 2026-04-06 or later can do that.
    ///
    /// # Errors
    /// Those of [`azure::UrlRequest::at`](crate::azure::UrlRequest::at).
    #[cfg(feature = "azure")]
    pub fn azure_bound(&self, endpoint: &crate::azure::Endpoint) -> Result<crate::azure::UrlRequest, IssueError> {
        let bind = |request: crate::azure::UrlRequest, (name, value): &(&'static str, String)| {
            request.required_query(*name, value.as_str())
        };
        Ok(self.query.iter().fold(self.azure(endpoint)?, bind))
    }
}

impl fmt::Debug for Step {
    /// Headers and parameters hold nothing secret, and the session URI is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("task", &self.task)
            .field("ends_at", &self.ends_at)
            .field("query", &self.query)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// What may be done once the session is saved, and not before.
///
/// A server that dies between the two finds in the saved session that it may have been done, and looks. One that dies before
/// it saved has done nothing.
#[derive(Clone, Debug)]
#[must_use = "save the session, then call `once_saved`"]
pub struct WriteAhead<T>(T);

impl<T> WriteAhead<T> {
    pub(super) const fn new(then: T) -> Self {
        Self(then)
    }

    /// What may be done now that the session is saved.
    pub fn once_saved(self) -> T {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_after_four_fifths_of_its_life() {
        for (lifetime, after) in [(900, 720), (5400, 4320), (300, 240), (3600, 2880), (1, 0), (u32::MAX, 3_435_973_836)]
        {
            assert_eq!(refresh_after(lifetime), after);
        }
    }
}
