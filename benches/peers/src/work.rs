//! What everyone works on.

use std::time::Duration;
use valet_key::clock::Timestamp;

pub const ID: &str = "AKIAIOSFODNN7EXAMPLE";
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub const REGION: &str = "us-east-1";
pub const BUCKET: &str = "examplebucket";
/// 24 bytes.
pub const OBJECT: &str = "photos/2026/11/cat-1.jpg";
pub const PATH: &str = "/photos/2026/11/cat-1.jpg";
pub const HOST: &str = "examplebucket.s3.us-east-1.amazonaws.com";
pub const URL: &str = "https://examplebucket.s3.us-east-1.amazonaws.com/photos/2026/11/cat-1.jpg";
pub const LIFE: Duration = Duration::from_secs(900);

pub const ACCOUNT: &str = "examplestorage";
pub const ACCOUNT_KEY: &str =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";
pub const BLOB_URL: &str = "https://examplestorage.blob.core.windows.net/examplebucket/photos/2026/11/cat-1.jpg";

/// A service account made for tests.
pub const KEY_FILE: &str = include_str!("../../../tests/vectors/gcs/keys/dummy-service-account.json");

pub const SECONDS: i64 = 1_700_000_000;
pub const AMZ_DATE: &str = "20231114T221320Z";

/// The time of everyone whose interface takes one.
///
/// # Panics
/// Never.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::from_unix(SECONDS).unwrap()
}

/// The time of the others.
///
/// # Panics
/// If the clock is before 1970.
#[must_use]
pub fn clock() -> Timestamp {
    Timestamp::from_unix(jiff::Timestamp::now().as_second()).unwrap()
}

/// `2023-11-14T22:13:20Z`.
///
/// # Panics
/// Never.
#[must_use]
pub fn iso(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.unix()).unwrap().to_string()
}

/// Reads it.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn from_iso(text: &str) -> Timestamp {
    Timestamp::from_unix(text.parse::<jiff::Timestamp>().unwrap().as_second()).unwrap()
}
