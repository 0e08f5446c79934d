//! What each bucket takes, how sensitive it is, and so how long its tokens live.

use crate::gateway::BODY_LIMIT;
use valet_key::{
    error::IssueError,
    grant::{Classification, Lifetime},
    lifetime::Transfer,
};

/// The speed that 95 of 100 uploads reach: 2 Mbit/s, in bytes per second. A real service measures its own.
const SLOW_CLIENT: u64 = 256_000;

/// What may be stored somewhere.
pub(crate) struct Rule {
    pub(crate) classification: Classification,
    /// Any, if there are none.
    pub(crate) types: &'static [&'static str],
    pub(crate) limit: u64,
}

impl Rule {
    /// The rule of a bucket for a content type.
    pub(crate) fn of(bucket: &str, content_type: &str) -> Self {
        let shown_to_anyone = ["image/", "video/", "audio/"].iter().any(|kind| content_type.starts_with(kind));
        let (classification, types, limit): (_, &[&str], _) = match bucket {
            "media-uploads" if shown_to_anyone => (Classification::Public, &[], BODY_LIMIT as u64),
            "media-uploads" => (Classification::Internal, &[], BODY_LIMIT as u64),
            "secure-invoices" => (Classification::Confidential, &["application/pdf"], 10 << 20),
            "user-profiles" => (Classification::Pii, &["image/png", "image/jpeg", "image/webp"], 5 << 20),
            _ => (Classification::Confidential, &[], BODY_LIMIT as u64),
        };
        Self { classification, types, limit }
    }

    /// Long enough for a slow client to send so much, and never longer than the data may be open.
    pub(crate) fn upload_lifetime(&self, size: u64) -> Result<Lifetime, IssueError> {
        Transfer::new(size, SLOW_CLIENT).classified(self.classification).lifetime(None)
    }

    /// Links to read live as long as their data allows.
    pub(crate) fn read_lifetime(&self) -> Lifetime {
        self.classification.cap()
    }

    /// Why a file of that size and type is not taken.
    pub(crate) fn refuses(&self, size: u64, content_type: &str) -> Option<String> {
        if !(1..=self.limit).contains(&size) {
            return Some(format!("a file here has 1 to {} bytes", self.limit));
        }
        if !self.types.is_empty() && !self.types.contains(&content_type) {
            return Some(format!("a file here is one of: {}", self.types.join(", ")));
        }
        None
    }
}

/// The rule of a bucket in words.
pub(crate) fn describe(bucket: &str) -> String {
    let rule = Rule::of(bucket, "");
    let types = if rule.types.is_empty() { "any type".to_owned() } else { rule.types.join(", ") };
    let open = |rule: &Rule| format!("{} s", rule.read_lifetime().seconds());
    let class = match bucket {
        "media-uploads" => {
            let public = Rule::of(bucket, "image/png");
            format!(
                "pictures, films and sound are public (links live {}), all else internal ({})",
                open(&public),
                open(&rule)
            )
        }
        _ => format!("{} (links live {})", class_name(rule.classification), open(&rule)),
    };
    format!("{types}, at most {} MiB; {class}", rule.limit >> 20)
}

/// A class in a word.
pub(crate) fn class_name(class: Classification) -> &'static str {
    match class {
        Classification::Public => "public",
        Classification::Internal => "internal",
        Classification::Pii => "about a person",
        _ => "confidential",
    }
}
