//! Azure: shared access signatures of storage and of messaging, Shared Key, issued and verified.

mod messaging;

pub use self::messaging::*;
