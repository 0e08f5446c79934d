//! Shared Key: whole requests that are signed with the key of an account, in their headers.
//!
//! ```text
//! issue    SharedKeyRequest ──prepare(credential, now)──▶ PreparedRequest ──finish(signature)──▶ AuthorizedRequest
//! verify   RequestView ──parse──▶ PresentedRequest ──check(credential, expect, now)──▶ PendingRequest ──accept(signature)──▶ Verified<SharedKeyFacts>
//! ```
//!
//! Blobs, Data Lake Storage, files and queues sign the method, eleven headers, every `x-ms-*` header, the path and the whole
//! query. Tables sign the method, the hash and type of the content, the date, the path and `comp`, and nothing else.
//!
//! Where the documents and the official clients disagree, nothing is issued and the rule of the documents is what is
//! verified; `SharedKeyLite` is refused.
//!
//! Source: Azure Storage REST reference, "Authorize with Shared Key".

mod canonical;
mod date;
mod expect;
mod facts;
mod head;
mod sign;
mod verify;

pub(super) use self::canonical::line_names;
pub(crate) use self::date::read as http_date;
pub use self::{
    expect::ExpectSharedKey,
    facts::SharedKeyFacts,
    sign::{AuthorizedRequest, PreparedRequest, SharedKeyRequest},
    verify::{PendingRequest, PresentedRequest},
};
