//! Which record an entry of a log belongs to.

use super::LogEntry;
use crate::{
    issuer::{AuditRecord, Outcome},
    token::Fingerprint,
};
use alloc::{collections::BTreeMap, vec::Vec};
use core::fmt;

/// The records of tokens that were handed out, to be found by what a log tells.
///
/// ```
/// use valet_key::issuer::{AuditRecord, logs::{Join, LogEntry, Match}};
///
/// # fn joined(records: &[AuditRecord], line: &str) -> Result<(), valet_key::issuer::logs::NotALogLine> {
/// let join = Join::new(records);
/// match join.find(&LogEntry::s3_access(line)?) {
///     Match::Token(record) => println!("{} used the token of {}", record.user, record.at),
///     Match::Request(records) => println!("one of {} tokens", records.len()),
///     Match::Contradiction(record) => println!("the token of {} with the id of another", record.user),
///     Match::Unknown => println!("no token of ours"),
/// }
/// # Ok(())
/// # }
/// ```
pub struct Join<'r> {
    by_fingerprint: BTreeMap<Fingerprint, &'r AuditRecord>,
    by_request_id: BTreeMap<&'r str, Vec<&'r AuditRecord>>,
}

/// What an entry belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match<'j, 'r> {
    /// This token: the signature in the log is its own.
    Token(&'r AuditRecord),
    /// A token with this id: at least one record has it.
    Request(&'j [&'r AuditRecord]),
    /// The log shows the signature of this token beside another id. No provider accepts that of a token with an id.
    Contradiction(&'r AuditRecord),
    /// None of these records.
    Unknown,
}

impl<'r> Join<'r> {
    /// Of the records that tell of a token; the others are passed over.
    #[must_use]
    pub fn new(records: impl IntoIterator<Item = &'r AuditRecord>) -> Self {
        let (mut by_fingerprint, mut by_request_id) = (BTreeMap::new(), BTreeMap::<_, Vec<_>>::new());
        for record in records {
            if !matches!(record.outcome, Outcome::Issued | Outcome::Refreshed) {
                continue;
            }
            if let Some(fingerprint) = record.fingerprint {
                by_fingerprint.insert(fingerprint, record);
            }
            if let Some(id) = record.request_id.as_deref() {
                by_request_id.entry(id).or_default().push(record);
            }
        }
        Self { by_fingerprint, by_request_id }
    }

    /// Finds what an entry belongs to: by the signature that it shows, and by the id where it shows none of ours.
    #[must_use]
    pub fn find(&self, entry: &LogEntry) -> Match<'_, 'r> {
        let by_id = entry.request_id.as_deref().and_then(|id| self.by_request_id.get(id));
        match entry.fingerprint.map(|name| self.by_fingerprint.get(&name)) {
            Some(Some(record)) => match (entry.request_id.as_deref(), record.request_id.as_deref()) {
                (Some(seen), Some(given)) if seen != given => Match::Contradiction(record),
                _ => Match::Token(record),
            },
            // It shows a signature that none of the tokens with this id has.
            Some(None) => Match::Unknown,
            None => by_id.map_or(Match::Unknown, |records| Match::Request(records)),
        }
    }
}

impl fmt::Debug for Join<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").field("tokens", &self.by_fingerprint.len()).finish_non_exhaustive()
    }
}
