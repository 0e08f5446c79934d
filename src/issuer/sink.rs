//! Where records go.

use super::AuditRecord;
#[cfg(feature = "std")]
use super::Chain;
use alloc::{boxed::Box, string::String, sync::Arc};
#[cfg(feature = "std")]
use alloc::{collections::VecDeque, string::ToString, vec::Vec};
use core::fmt;
#[cfg(feature = "std")]
use std::{
    io::Write,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A record could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit record could not be written: {why}")]
pub struct SinkFailure {
    why: String,
}

impl SinkFailure {
    /// With a reason, for the operator.
    #[must_use]
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}

/// Keeps records. A token is handed out only if its record is kept.
pub trait AuditSink: fmt::Debug + Send + Sync {
    /// Keeps one, and does not return before it is kept.
    ///
    /// # Errors
    /// [`SinkFailure`] if it is not certain to be kept.
    fn append(&self, record: &AuditRecord) -> Result<(), SinkFailure>;
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<T: AuditSink + ?Sized> AuditSink for $pointer {
            fn append(&self, record: &AuditRecord) -> Result<(), SinkFailure> {
                T::append(self, record)
            }
        }
    )*};
}
forward!(&T, Box<T>, Arc<T>);

/// A number of records in memory: for tests, and for a page that shows the latest.
///
/// ```
/// use valet_key::issuer::MemorySink;
///
/// let sink = MemorySink::new(100); // then it refuses, and so does the issuer
/// let page = MemorySink::latest(20); // the oldest goes
/// assert!(sink.records().is_empty() && page.records().is_empty());
/// ```
#[cfg(feature = "std")]
pub struct MemorySink {
    records: Mutex<VecDeque<AuditRecord>>,
    room: usize,
    forgets: bool,
}

#[cfg(feature = "std")]
impl MemorySink {
    /// With room for so many records; one more is a failure.
    #[must_use]
    pub const fn new(room: usize) -> Self {
        Self { records: Mutex::new(VecDeque::new()), room, forgets: false }
    }

    /// The latest so many records. It forgets the others: no evidence of anything.
    #[must_use]
    pub const fn latest(room: usize) -> Self {
        Self { records: Mutex::new(VecDeque::new()), room, forgets: true }
    }

    /// The records, in order.
    #[must_use]
    pub fn records(&self) -> Vec<AuditRecord> {
        lock(&self.records).iter().cloned().collect()
    }
}

#[cfg(feature = "std")]
impl AuditSink for MemorySink {
    fn append(&self, record: &AuditRecord) -> Result<(), SinkFailure> {
        let mut records = lock(&self.records);
        let is_full = records.len() >= self.room;
        if is_full && !(self.forgets && records.pop_front().is_some()) {
            return Err(SinkFailure::new("there is no room for another record"));
        }
        records.push_back(record.clone());
        Ok(())
    }
}

#[cfg(feature = "std")]
impl fmt::Debug for MemorySink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySink")
            .field("records", &lock(&self.records).len())
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}

/// One line of JSON for each record, into a file that only grows or whatever else can be written to.
///
/// Each record is written in one piece with its line break, and flushed. After a failure the end of the file is not certain, so
/// that every further record is refused until a new writer takes over. To have a record on the disk before the token is out, give it
/// a writer whose `flush` waits for that.
#[cfg(feature = "std")]
pub struct JsonLines<W> {
    state: Mutex<State<W>>,
}

#[cfg(feature = "std")]
struct State<W> {
    writer: W,
    chain: Option<Chain>,
    has_failed: bool,
}

#[cfg(feature = "std")]
impl<W: Write + Send> JsonLines<W> {
    /// Records on their own.
    #[must_use]
    pub const fn new(writer: W) -> Self {
        Self { state: Mutex::new(State { writer, chain: None, has_failed: false }) }
    }

    /// Records of which each vouches for the one before, behind those of `chain`.
    #[must_use]
    pub const fn chained(writer: W, chain: Chain) -> Self {
        Self { state: Mutex::new(State { writer, chain: Some(chain), has_failed: false }) }
    }

    /// The end of the chain, to be kept elsewhere; nothing for records on their own.
    #[must_use]
    pub fn chain(&self) -> Option<Chain> {
        lock(&self.state).chain
    }

    /// Gives the writer back.
    #[must_use]
    pub fn into_inner(self) -> W {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).writer
    }
}

#[cfg(feature = "std")]
impl<W: Write + Send> AuditSink for JsonLines<W> {
    fn append(&self, record: &AuditRecord) -> Result<(), SinkFailure> {
        let mut state = lock(&self.state);
        if state.has_failed {
            return Err(SinkFailure::new("a record before it could not be written"));
        }
        let mut chain = state.chain;
        let mut line = chain.as_mut().map_or_else(|| record.to_json(), |chain| chain.append(record));
        line.push('\n');
        // A writer that panics has failed too.
        state.has_failed = true;
        let written = state.writer.write_all(line.as_bytes()).and_then(|()| state.writer.flush());
        written.map_err(|error| SinkFailure::new(error.kind().to_string()))?;
        state.has_failed = false;
        state.chain = chain;
        Ok(())
    }
}

#[cfg(feature = "std")]
impl<W> fmt::Debug for JsonLines<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.state);
        f.debug_struct("JsonLines")
            .field("chain", &state.chain)
            .field("has_failed", &state.has_failed)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "std")]
fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
