//! The operations that are measured, each with everyone who does it.
//!
//! Building them compares every output with ours first, so that nothing is timed that does other work: see [`agree`].

pub mod agree;
pub mod aws;
pub mod aws_verify;
pub mod azure;
#[path = "../../common/floor.rs"]
#[expect(dead_code, reason = "its own ways to measure compare two, and here there are more")]
mod floor;
pub mod gcs;
pub mod http;
pub mod work;

/// One who does an operation.
pub struct Contender {
    pub name: &'static str,
    /// In what the output differs from ours, which does the same.
    pub differs: &'static str,
    pub run: Box<dyn FnMut()>,
}

/// One operation, and everyone who does it. Ours come first.
pub struct Operation {
    pub name: &'static str,
    /// What the floor is, in words.
    pub floor_is: String,
    pub floor: Box<dyn FnMut()>,
    pub contenders: Vec<Contender>,
}

impl Operation {
    /// One whose floor is a number of SHA-256 compressions.
    #[must_use]
    pub fn hashing(name: &'static str, blocks: usize) -> Self {
        Self::above(name, format!("{blocks} SHA-256 compressions"), move || floor::floor(blocks))
    }

    /// One with another floor.
    #[must_use]
    pub fn above(name: &'static str, floor_is: String, floor: impl FnMut() + 'static) -> Self {
        Self { name, floor_is, floor: Box::new(floor), contenders: Vec::new() }
    }

    /// Adds one whose output is the same as ours.
    #[must_use]
    pub fn with(self, name: &'static str, run: impl FnMut() + 'static) -> Self {
        self.differing(name, "", run)
    }

    /// Adds one whose output means the same as ours.
    #[must_use]
    pub fn differing(mut self, name: &'static str, differs: &'static str, run: impl FnMut() + 'static) -> Self {
        self.contenders.push(Contender { name, differs, run: Box::new(run) });
        self
    }
}

/// Every operation.
///
/// # Panics
/// If a peer's output is not ours.
#[must_use]
pub fn operations() -> Vec<Operation> {
    vec![
        aws::presign_warm(),
        aws::presign_cold(),
        aws::sign_headers(),
        aws_verify::presigned(),
        aws_verify::headers(),
        azure::service(),
        azure::service_with_start(),
        azure::delegation(),
        azure::delegation_of_2026(),
        azure::delegation_with_start(),
        gcs::hmac(),
        gcs::rsa(),
    ]
}
