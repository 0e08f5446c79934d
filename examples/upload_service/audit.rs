//! Who was given what, who was not, and what was taken back: on record before a token leaves, without the token.

use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};
use valet_key::{
    clock::Timestamp,
    grant::Classification,
    issuer::{AuditRecord, AuditSink, Outcome, SinkFailure},
    redact::Redacted,
    token::Fingerprint,
};

/// How many entries this program keeps. A real service keeps them all, somewhere that nobody can change.
const KEPT: usize = 1000;
/// How many the page shows.
const SHOWN: usize = 100;

/// One line of the log.
enum Entry {
    Token(Box<AuditRecord>),
    Revocation { at: Timestamp, client: String, of: Box<AuditRecord> },
}

/// The latest entries. Each goes to the log of the process, too.
#[derive(Default)]
pub(crate) struct Log(Mutex<VecDeque<Entry>>);

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

impl AuditSink for Log {
    fn append(&self, record: &AuditRecord) -> Result<(), SinkFailure> {
        eprintln!("audit: {}", Redacted(&record.to_json()));
        self.push(Entry::Token(Box::new(record.clone())));
        Ok(())
    }
}

impl Log {
    fn entries(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, entry: Entry) {
        let mut entries = self.entries();
        entries.truncate(KEPT - 1);
        entries.push_front(entry);
    }

    /// The record of a token of this user.
    pub(crate) fn token(&self, user: &str, fingerprint: Fingerprint) -> Option<AuditRecord> {
        self.find(|record| record.user == user && record.fingerprint == Some(fingerprint))
    }

    /// How sensitive a file was when it was uploaded.
    pub(crate) fn class_of(&self, bucket: &str, name: &str) -> Option<Classification> {
        let upload = |record: &AuditRecord| {
            let brings =
                record.actions.iter().any(|action| matches!(&**action, "create" | "upload" | "start multipart"));
            record.outcome == Outcome::Issued && brings && record.container == bucket && record.name == name
        };
        Some(match &*self.find(upload)?.classification {
            "public" => Classification::Public,
            "internal" => Classification::Internal,
            "confidential" => Classification::Confidential,
            _ => Classification::Pii,
        })
    }

    fn find(&self, wanted: impl Fn(&AuditRecord) -> bool) -> Option<AuditRecord> {
        let entries = self.entries();
        let mut records = entries.iter().filter_map(|entry| match entry {
            Entry::Token(record) => Some(record),
            Entry::Revocation { .. } => None,
        });
        records.find(|record| wanted(record)).map(|record| (**record).clone())
    }

    /// A token was taken back.
    pub(crate) fn revoked(&self, at: Timestamp, client: String, of: AuditRecord) {
        let named = of.fingerprint.map(|fingerprint| fingerprint.to_string()).unwrap_or_default();
        eprintln!(
            "audit: {}",
            Redacted(
                &json!({ "at": at.to_string(), "outcome": "revoked", "user": of.user, "fingerprint": named })
                    .to_string()
            )
        );
        self.push(Entry::Revocation { at, client, of: Box::new(of) });
    }

    /// The latest, newest first.
    pub(crate) fn to_json(&self) -> Value {
        self.entries().iter().take(SHOWN).map(Entry::to_json).collect()
    }
}

impl Entry {
    fn to_json(&self) -> Value {
        let (at, decision, client, record) = match self {
            Self::Token(record) => {
                let client = record.client_address.map(|address| address.to_string()).unwrap_or_default();
                (record.at, record.outcome.as_str(), client, record)
            }
            Self::Revocation { at, client, of } => (*at, "revoked", client.clone(), of),
        };
        let part = record.part.map(|part| format!(", part {part}")).unwrap_or_default();
        let mut why = match &record.reason {
            Some(reason) => reason.clone(),
            None => record.justification.clone().unwrap_or_default(),
        };
        if !record.given_up.is_empty() {
            let all: Vec<&str> = record.given_up.iter().map(|(constraint, _)| &**constraint).collect();
            why = format!("{why}; gives up {}", all.join(", "));
        }
        // The first digits are enough to tell tokens apart on a page.
        let fingerprint = record.fingerprint.map(|fingerprint| fingerprint.to_string()).unwrap_or_default();
        json!({
            "at": at.unix(), "decision": decision, "user": record.user, "action": record.actions.join(", "),
            "resource": format!("{}/{}{part}", record.container, record.name), "form": record.form,
            "classification": record.classification, "lifetime": record.lifetime, "fingerprint": fingerprint.get(..12),
            "request_id": record.request_id, "session": record.session, "client": client, "why": why,
        })
    }
}
