//! What the peer is told.

use crate::error::VerifyError;

/// The answer of a service to a token that it refused: a status and a sentence.
///
/// The same numbers stand in an HTTP answer, in the answer to an AMQP `put-token` (`status-code` and
/// `status-description`), and in the refusal of a WebSocket handshake by Relay. An unknown rule and a wrong
/// signature are the same answer.
///
/// | status | for |
/// |---|---|
/// | 401 | a token that is missing, malformed, expired or good for too long, or that no known key signed |
/// | 403 | a token that does not reach the entity, or a rule without the right |
/// | 500 | a holder of a key that failed |
///
/// ```
/// use valet_key::{azure::MessagingError, error::VerifyError};
///
/// let answer = MessagingError::from(&VerifyError::UnknownKey);
/// assert_eq!(answer, MessagingError::from(&VerifyError::SignatureMismatch));
/// assert_eq!((answer.status, answer.amqp_condition()), (401, "amqp:unauthorized-access"));
/// ```
///
/// Source: Relay documentation, "Hybrid Connections protocol guide", the tables of errors; the REST
/// interface of Service Bus follows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessagingError {
    /// The HTTP status.
    pub status: u16,
    /// What is wrong, and nothing that a stranger could use.
    pub description: &'static str,
}

impl MessagingError {
    /// The condition of an AMQP error.
    #[must_use]
    pub const fn amqp_condition(self) -> &'static str {
        if self.status == 500 { "amqp:internal-error" } else { "amqp:unauthorized-access" }
    }
}

impl From<&VerifyError> for MessagingError {
    fn from(error: &VerifyError) -> Self {
        let (status, description) = match error {
            VerifyError::NotSigned => (401, "the token is missing"),
            VerifyError::Expired { .. } => (401, "the token has expired"),
            VerifyError::Lifetime { .. } => (401, "the token lives too long"),
            VerifyError::UnknownKey | VerifyError::OtherKey | VerifyError::SignatureMismatch => {
                (401, "the signature of the token is not right")
            }
            VerifyError::NotCovered { .. } => (403, "the token is not for this resource"),
            VerifyError::Permission { .. } | VerifyError::Operation { .. } => (403, "the token does not allow this"),
            VerifyError::Key(_) => (500, "the token could not be checked"),
            _ => (401, "the token is malformed"),
        };
        Self { status, description }
    }
}
