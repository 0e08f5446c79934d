//! What is put on record of a token before it is handed out, and of every refusal.

use super::Subject;
use crate::{
    clock::Timestamp,
    grant::{Classification, Grant, Resource},
    redact::redact,
    token::Fingerprint,
};
use alloc::{
    borrow::{Cow, ToOwned},
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;

/// The most bytes of one text of a record. What is longer is cut, and ends with an ellipsis.
const LONGEST: usize = 1024;

/// What became of a request for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// A token is about to be handed out.
    Issued,
    /// The same, in place of one from before.
    Refreshed,
    /// There is none.
    Refused,
    /// It was authorised for a remote holder of the key, and whoever asked has let go of it.
    Abandoned,
}

impl Outcome {
    pub(super) const ALL: [Self; 4] = [Self::Issued, Self::Refreshed, Self::Refused, Self::Abandoned];

    /// Its name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Refreshed => "refreshed",
            Self::Refused => "refused",
            Self::Abandoned => "abandoned",
        }
    }
}

/// One request for a token, and what became of it, as plain data.
///
/// It holds no token, no signature and no secret: a token is told by its fingerprint. Texts are cut at 1,024 bytes, and whatever
/// in them looks like a secret is [left out](crate::redact), since names come from whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditRecord {
    /// When.
    pub at: Timestamp,
    /// What became of it.
    pub outcome: Outcome,
    /// Why there is no token, by a stable name.
    pub code: Option<Cow<'static, str>>,
    /// The same as a sentence.
    pub reason: Option<String>,
    /// The tenant; empty where there is one alone.
    pub tenant: String,
    /// The user.
    pub user: String,
    /// Where the request came from, if somebody vouches for it.
    pub client_address: Option<IpAddr>,
    /// The session in which one token follows another.
    pub session: Option<String>,
    /// The id that the provider's logs show.
    pub request_id: Option<String>,
    /// What was asked for: the names of the actions.
    pub actions: Vec<Cow<'static, str>>,
    /// The bucket, container or namespace.
    pub container: String,
    /// What kind of resource: `object`, `part`, `upload`, `prefix`, `queue`.
    pub kind: Cow<'static, str>,
    /// Its name; that of a part or an upload is the object's.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// The number of the part.
    pub part: Option<u64>,
    /// The lifetime that was asked for, in seconds.
    pub lifetime: u64,
    /// How sensitive the data is: `public`, `internal`, `confidential`, `pii`.
    pub classification: Cow<'static, str>,
    /// Why it may be broader than the default.
    pub justification: Option<String>,
    /// What a form that cannot carry it may leave out, and why: the names of constraints.
    pub given_up: Vec<(Cow<'static, str>, String)>,
    /// How many tokens were asked for at once.
    pub count: u64,
    /// The form of the token.
    pub form: Option<Cow<'static, str>>,
    /// The key that signed.
    pub key_id: Option<String>,
    /// The last second at which the token is good.
    pub expires_at: Option<Timestamp>,
    /// The name of the token.
    pub fingerprint: Option<Fingerprint>,
}

impl AuditRecord {
    /// The version of the form that records have in JSON.
    pub const SCHEMA: u32 = 1;

    pub(super) fn new(subject: &Subject, grant: &Grant, at: Timestamp) -> Self {
        let (kind, name, version, part) = match &grant.resource {
            Resource::Object { name, version } => ("object", name.as_str(), version.as_deref(), None),
            Resource::Part { name, number, .. } => ("part", name.as_str(), None, Some(u64::from(*number))),
            Resource::MultipartUpload { name, .. } => ("upload", name.as_str(), None, None),
            Resource::Prefix(prefix) => ("prefix", prefix.as_str(), None, None),
            Resource::Queue => ("queue", "", None, None),
        };
        Self {
            at,
            outcome: Outcome::Refused,
            code: None,
            reason: None,
            tenant: text(subject.tenant()),
            user: text(subject.user()),
            client_address: None,
            session: None,
            request_id: grant.request_id.as_deref().map(text),
            actions: grant.actions.iter().map(|action| Cow::Owned(action.to_string())).collect(),
            container: text(&grant.container),
            kind: Cow::Borrowed(kind),
            name: text(name),
            version: version.map(text),
            part,
            lifetime: u64::from(grant.lifetime.seconds()),
            classification: Cow::Borrowed(class(grant.classification)),
            justification: grant.justification.as_ref().map(|why| text(why.as_str())),
            given_up: grant.given_up().map(|(what, why)| (Cow::Owned(what.to_string()), text(why.as_str()))).collect(),
            count: 1,
            form: None,
            key_id: None,
            expires_at: None,
            fingerprint: None,
        }
    }
}

const fn class(class: Classification) -> &'static str {
    match class {
        Classification::Public => "public",
        Classification::Internal => "internal",
        Classification::Confidential => "confidential",
        Classification::Pii => "pii",
    }
}

/// A text as it may stand in a record.
pub(super) fn text(text: &str) -> String {
    // A secret that is cut in two could go unseen, so that comes second.
    let shown = redact(text);
    if shown.len() <= LONGEST {
        return shown.into_owned();
    }
    let end = (0..=LONGEST).rev().find(|end| shown.is_char_boundary(*end)).unwrap_or_default();
    format!("{}\u{2026}", shown.get(..end).unwrap_or_default())
}

/// The same of a text that came from a file.
pub(super) fn from_file(text: &str) -> Option<String> {
    (text.len() <= LONGEST + '\u{2026}'.len_utf8()).then(|| text.to_owned())
}
