//! No secret, session token, signature or string to sign shows in any `Debug`, `Display` or error: what each provider has, and
//! that no public type was forgotten.

#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "azure")]
mod azure;
#[cfg(all(feature = "rsa", feature = "ecdsa", feature = "legacy", feature = "sigv4a", feature = "tower"))]
#[path = "../aws_post/secrets.rs"]
mod forms;
#[cfg(feature = "rsa")]
mod gcs;
#[cfg(all(feature = "rsa", feature = "ecdsa", feature = "legacy", feature = "sigv4a", feature = "tower"))]
#[path = "../azure_messaging/secrets.rs"]
mod messaging;
mod planted;
#[cfg(all(feature = "rsa", feature = "ecdsa", feature = "legacy", feature = "sigv4a", feature = "tower"))]
mod rest;
#[cfg(all(feature = "rsa", feature = "ecdsa", feature = "legacy", feature = "sigv4a", feature = "tower"))]
#[path = "../aws_tokens/secrets.rs"]
mod tokens;
#[cfg(all(feature = "rsa", feature = "ecdsa", feature = "legacy", feature = "sigv4a", feature = "tower"))]
mod types;
