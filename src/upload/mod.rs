//! Large uploads: parts that fit into the lives of their tokens, from the first byte to an object that is made once.
//!
//! A large file does not fit into one token: a token that lives long enough for a slow client lives too long for everybody
//! else. So it goes up in parts, each with a token of its own that is made when the part is sent. [`UploadSession`] keeps the
//! books of that, for multipart uploads of S3, resumable uploads of Cloud Storage, and block blobs of Azure.
//!
//! | | S3 multipart | Cloud Storage resumable | Azure block blobs |
//! |---|---|---|---|
//! | part | 5 MiB to 5 GiB | any multiple of 256 KiB | at most 4,000 MiB |
//! | parts | 10,000 | no limit, one after the other | 50,000 |
//! | token of a part | this part of this upload, of exactly this size | none: the session URI is one | this blob; with a user delegation SAS this block |
//! | who compares | S3, by tag and size | Cloud Storage, by the size | this session, by the list of blocks |
//! | makes the object | `CompleteMultipartUpload` | the last chunk | `Put Block List` |
//! | left if given up | the upload | nothing, after a week | blocks, for a week |
//!
//! A session URI of Cloud Storage is a secret that lives for a week whatever its session says, so it is saved by
//! [`UploadSession::exposed`] alone, and a session that ends asks for it to be cancelled.
//!
//! A token outlives nothing: not its part, not the class of its data, not the 24 hours of the session. A slow client gets more
//! time as far as that allows, then smaller parts, and then [`UploadError::DoesNotFit`] until somebody
//! [says why](UploadSession::extend) a token may live longer.
//!
//! Source: Amazon S3 User Guide, "Uploading and copying objects using multipart upload"; Cloud Storage documentation, "Resumable
//! uploads"; Azure Storage REST reference, "Put Block", "Put Block List", "Get Block List".

mod error;
mod finish;
mod grants;
mod parts;
mod plan;
#[cfg(feature = "serde")]
mod saved;
mod session;
mod step;

#[cfg(feature = "serde")]
pub use self::saved::Exposed;
pub use self::{
    error::UploadError,
    finish::{Next, Seen, SeenPart},
    grants::MARK,
    plan::Protocol,
    session::{Upload, UploadSession},
    step::{Step, Task, WriteAhead},
};
