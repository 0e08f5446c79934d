//! What each bucket takes, how sensitive it is, and so how long its tokens live: the bounds of every grant.

use crate::gateway::BODY_LIMIT;
use valet_key::{
    error::IssueError,
    grant::{Action, Actions, Classification, Justification, Lifetime},
    lifetime::Transfer,
    policy::Bounds,
};

/// The speed that 95 of 100 uploads reach: 2 Mbit/s, in bytes per second. A real service measures its own.
const SLOW_CLIENT: u64 = 256_000;
/// Why tokens may be used without TLS.
pub(crate) const PLAIN_HTTP: &str = "plain HTTP on loopback, for this demonstration";

/// What may be stored in a bucket.
pub(crate) struct Rule {
    /// The least sensitive that anything in it can be.
    least: Classification,
    /// Any, if there are none.
    types: &'static [&'static str],
    limit: u64,
}

impl Rule {
    pub(crate) fn of(bucket: &str) -> Self {
        let (least, types, limit): (_, &[&str], _) = match bucket {
            "media-uploads" => (Classification::Public, &[], BODY_LIMIT as u64),
            "secure-invoices" => (Classification::Confidential, &["application/pdf"], 10 << 20),
            "user-profiles" => (Classification::Pii, &["image/png", "image/jpeg", "image/webp"], 5 << 20),
            _ => (Classification::Confidential, &[], BODY_LIMIT as u64),
        };
        Self { least, types, limit }
    }

    /// How sensitive a file of that type is: what is shown to anyone anyway, and what is not.
    pub(crate) fn class_of(&self, content_type: &str) -> Classification {
        let is_shown = ["image/", "video/", "audio/"].iter().any(|kind| content_type.starts_with(kind));
        match self.least {
            Classification::Public if !is_shown => Classification::Internal,
            least => least,
        }
    }

    /// The most that a user may do in this bucket.
    ///
    /// The parts of a large file say nothing of the whole, so they are held to the rest of this, and the whole to all of it when it
    /// begins.
    pub(crate) fn bounds(&self, bucket: &str, user: &str, of_parts: bool) -> Result<Bounds, IssueError> {
        let invalid = |_| IssueError::Invalid { what: "justification", why: "it is none" };
        let actions = [
            Action::Create,
            Action::Upload,
            Action::StartMultipart,
            Action::UploadPart,
            Action::ListParts,
            Action::CompleteMultipart,
            Action::Head,
        ];
        let actions = actions.into_iter().fold(Actions::READ, |all, action| all | Actions::from(action));
        let bounds = Bounds::new()
            .under(bucket, format!("users/{user}/"), actions)?
            .at_least(self.least)
            .allow_plain_http(Justification::new(PLAIN_HTTP).map_err(invalid)?);
        if of_parts {
            return Ok(bounds);
        }
        Ok(self.types.iter().fold(bounds.largest_upload(self.limit), |bounds, name| bounds.content_type(*name)))
    }

    /// In words.
    pub(crate) fn describe(&self) -> String {
        let types = if self.types.is_empty() { "any type".to_owned() } else { self.types.join(", ") };
        let open = |class: Classification| format!("links live {} s", class.cap().seconds());
        let class = match self.least {
            Classification::Public => format!(
                "pictures, films and sound are public ({}), all else is internal ({})",
                open(Classification::Public),
                open(Classification::Internal)
            ),
            Classification::Pii => format!("about a person ({})", open(self.least)),
            _ => format!("confidential ({})", open(self.least)),
        };
        format!("Takes {types}, at most {} MiB; {class}.", self.limit >> 20)
    }
}

/// Long enough for a slow client to send so much, and never longer than the data may be open.
pub(crate) fn upload_lifetime(class: Classification, size: u64) -> Result<Lifetime, IssueError> {
    Transfer::new(size, SLOW_CLIENT).classified(class).lifetime(None)
}
