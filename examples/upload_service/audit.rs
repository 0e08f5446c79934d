//! Who was given what, and who was not: written before a token leaves, without the token.

use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};
use valet_key::clock::Timestamp;

/// How many records the page shows. A real service keeps them all, somewhere that nobody can change.
const KEPT: usize = 100;

/// One decision.
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) at: Timestamp,
    pub(crate) decision: &'static str,
    pub(crate) user: String,
    pub(crate) action: &'static str,
    pub(crate) resource: String,
    pub(crate) form: &'static str,
    pub(crate) classification: &'static str,
    pub(crate) lifetime: Option<u32>,
    pub(crate) fingerprint: String,
    pub(crate) request_id: String,
    pub(crate) client: String,
    pub(crate) why: String,
}

impl Record {
    fn to_json(&self) -> Value {
        json!({
            "at": self.at.unix(), "decision": self.decision, "user": self.user, "action": self.action,
            "resource": self.resource, "form": self.form, "classification": self.classification, "lifetime": self.lifetime,
            "fingerprint": self.fingerprint, "request_id": self.request_id, "client": self.client, "why": self.why,
        })
    }
}

/// The last records, newest first.
#[derive(Default)]
pub(crate) struct Log(Mutex<VecDeque<Record>>);

impl Log {
    pub(crate) fn write(&self, record: Record) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.truncate(KEPT - 1);
        records.push_front(record);
    }

    pub(crate) fn to_json(&self) -> Value {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(Record::to_json).collect()
    }
}
