//! A session policy as it is sent.

use super::request::MAX_POLICIES;
use crate::{error::IssueError, json::Value};
use alloc::string::String;

/// A session policy: what a session may do at most, as the JSON text that is sent.
///
/// STS counts 2,048 characters for this policy and the ARNs of managed policies together, so that is what this crate takes,
/// also where a newer STS may take more. A session can do what both its policy and the role (or the user) allow, so a policy narrows and never widens.
///
/// ```
/// use valet_key::{aws::sts::SessionPolicy, error::IssueError};
///
/// let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/k"}]}"#;
/// assert_eq!(SessionPolicy::new(text)?.as_str(), text);
/// let long = format!("{{\"Id\":\"{}\"}}", "x".repeat(2048));
/// assert_eq!(SessionPolicy::new(long), Err(IssueError::TooLong { what: "session policy", found: 2057, limit: 2048 }));
/// # Ok::<(), IssueError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionPolicy(String);

impl SessionPolicy {
    /// Takes a policy of 1 to 2,048 characters. STS packs it together with managed policies and tags, and that may become
    /// too large although it is not: [`Session::packed_policy_percent`](super::Session::packed_policy_percent) tells.
    ///
    /// # Errors
    /// [`IssueError::TooLong`] with the number of its characters, and [`IssueError::Invalid`] unless it is one JSON object
    /// without repeated names, and of the characters that STS takes: tab, line ends, and U+0020 to U+00FF.
    pub fn new(json: impl Into<String>) -> Result<Self, IssueError> {
        let json = json.into();
        let found = json.chars().count();
        if found > MAX_POLICIES {
            return Err(IssueError::TooLong { what: "session policy", found, limit: MAX_POLICIES });
        }
        let taken = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}');
        if !json.chars().all(taken) {
            return Err(IssueError::Invalid {
                what: "session policy",
                why: "STS takes tab, line ends, and U+0020 to U+00FF: write the rest as `\\u` escapes",
            });
        }
        match Value::parse(&json) {
            Ok(Value::Object(_)) => Ok(Self(json)),
            _ => Err(IssueError::Invalid { what: "session policy", why: "it must be one JSON object" }),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
