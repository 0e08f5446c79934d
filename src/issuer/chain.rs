//! Records of which each vouches for the one before, so that none can be changed or taken out unseen.

use super::{AuditRecord, NotARecord, json_record::Members};
use crate::{encode, mac::Sha256};
use alloc::string::String;
use core::fmt;

/// The end of a chain of records: how many there are, and the SHA-256 of the last line.
///
/// Each line holds the number of its record and the SHA-256 of the line before it, without line breaks. Who changes, removes,
/// inserts or moves a line breaks the chain behind it. Whoever can write the whole file can also write all of it anew, or cut
/// lines off at the end: keep the [head](Self::head) elsewhere from time to time, and compare.
///
/// ```
/// use valet_key::clock::Timestamp;
/// use valet_key::grant::Grant;
/// use valet_key::issuer::{Ask, Chain, Issuer, MemorySink, Subject, Unlimited, unbounded};
///
/// # fn records() -> Result<Vec<valet_key::issuer::AuditRecord>, Box<dyn std::error::Error>> {
/// #     let sink = std::sync::Arc::new(MemorySink::new(2));
/// #     let now = Timestamp::from_unix(1_700_000_000)?;
/// #     let issuer = Issuer::new((), unbounded, Unlimited, sink.clone(), now);
/// #     let (jane, grant) = (Subject::new("acme", "jane")?, Grant::read("photos", "cat.jpg"));
/// #     drop(issuer.authorise(&Ask::new(&jane, &grant))?);
/// #     drop(issuer.authorise(&Ask::new(&jane, &grant))?);
/// #     Ok(sink.records())
/// # }
/// let mut chain = Chain::new();
/// let lines: Vec<String> = records()?.iter().map(|record| chain.append(record)).collect();
///
/// let mut seen = Chain::new();
/// for line in &lines {
///     seen.check(line)?;
/// }
/// assert_eq!(seen, chain); // nothing is missing at the end
///
/// // One word changed in the first line shows in the second.
/// let mut seen = Chain::new();
/// seen.check(&lines[0].replace("jane", "joe"))?;
/// assert!(seen.check(&lines[1]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    count: u64,
    head: [u8; 32],
}

/// Why a line does not go on with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokenChain {
    /// The line is no record.
    #[error("line {line}: {why}")]
    Line {
        /// Which line, the first of the chain being 1.
        line: u64,
        /// What is wrong with it.
        why: NotARecord,
    },
    /// The line has another number.
    #[error("line {line} has another number, or none")]
    Sequence {
        /// Which line.
        line: u64,
    },
    /// The line before it is not the one that it was written behind.
    #[error("line {line} was not written behind the line before it")]
    Previous {
        /// Which line.
        line: u64,
    },
}

impl Chain {
    /// A chain without records. Its head is 32 zeros.
    #[must_use]
    pub const fn new() -> Self {
        Self { count: 0, head: [0; 32] }
    }

    /// Goes on behind a chain of so many records with that head, as [`count`](Self::count) and [`head`](Self::head) told them.
    #[must_use]
    pub const fn resume(count: u64, head: [u8; 32]) -> Self {
        Self { count, head }
    }

    /// How many records there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The SHA-256 of the last line.
    #[must_use]
    pub const fn head(&self) -> &[u8; 32] {
        &self.head
    }

    /// The next line: a record in JSON, tied to the one before.
    #[must_use = "the chain goes on from this line"]
    pub fn append(&mut self, record: &AuditRecord) -> String {
        let line = record.to_line(Some((self.count.saturating_add(1), &hex::encode(self.head))));
        self.advance(&line);
        line
    }

    /// Reads the next line, and goes on from it.
    ///
    /// # Errors
    /// [`BrokenChain`], after which the chain is where it was.
    pub fn check(&mut self, line: &str) -> Result<AuditRecord, BrokenChain> {
        let number = self.count.saturating_add(1);
        let not_a_record = |why| BrokenChain::Line { line: number, why };
        let mut members = Members::read(line).map_err(not_a_record)?;
        if members.number("sequence").map_err(not_a_record)? != Some(number) {
            return Err(BrokenChain::Sequence { line: number });
        }
        let previous = members.text("previous").map_err(not_a_record)?;
        if previous.and_then(|hex| encode::from_hex_lower(hex.as_bytes())) != Some(self.head) {
            return Err(BrokenChain::Previous { line: number });
        }
        let record = AuditRecord::from_json(line).map_err(not_a_record)?;
        self.advance(line);
        Ok(record)
    }

    fn advance(&mut self, line: &str) {
        self.count = self.count.saturating_add(1);
        self.head = Sha256::digest(line.as_bytes());
    }
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("count", &self.count).field("head", &hex::encode(self.head)).finish()
    }
}
