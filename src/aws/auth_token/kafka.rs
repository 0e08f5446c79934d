//! Kafka: Amazon MSK, by `OAUTHBEARER` and by `AWS_MSK_IAM`.

use super::{
    login::{Carrier, Login, MAX_TOKEN, https},
    sign::MSK_ACTION,
};
use crate::{aws::Region, error::IssueError};
use alloc::{borrow::ToOwned, format};

/// What a client calls itself unless it is told otherwise.
const USER_AGENT: &str = "valet-key";

impl Login {
    /// To MSK clusters of a region, by SASL `OAUTHBEARER`.
    ///
    /// The token names no cluster and no broker, so whoever has it can log in to every cluster of the region that lets its
    /// owner in. Behind the signature stands the client's name, which nothing vouches for: a verifier passes over it.
    ///
    /// ```
    /// use valet_key::{aws::{StaticKey, auth_token::Login}, clock::Timestamp};
    ///
    /// let now = Timestamp::parse_iso_basic("20261124T120000Z")?;
    /// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
    /// let login = Login::msk("eu-west-1")?;
    /// let token = login.issue(&key, now)?;
    /// assert_eq!(token.expires_at().to_string(), "2026-11-24T12:15:00Z");
    /// assert!(login.verify(token.expose(), &key, now).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for a region that is none.
    pub fn msk(region: &str) -> Result<Self, IssueError> {
        let region = Region::new(region)?;
        let carrier = Carrier::Base64 { prefix: "", limit: MAX_TOKEN };
        let origin = https(&format!("kafka.{}.amazonaws.com", region.as_str()))?;
        let mut login = Self::new(carrier, origin, &region, "kafka-cluster", "/")?.param("Action", MSK_ACTION);
        login.user_agent = Some(USER_AGENT.to_owned());
        Ok(login)
    }

    /// To one broker of an MSK cluster, by SASL `AWS_MSK_IAM`: the token is the JSON object that the client sends.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for a host or region that is none.
    pub fn msk_iam(broker: &str, region: &str) -> Result<Self, IssueError> {
        let login = Self::new(Carrier::Json, https(broker)?, &Region::new(region)?, "kafka-cluster", "/")?;
        let mut login = login.param("Action", MSK_ACTION);
        login.user_agent = Some(USER_AGENT.to_owned());
        Ok(login)
    }

    /// What the client of an MSK cluster calls itself, unsigned. Without effect on other logins.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] unless it is 1 to 255 bytes of visible ASCII and blanks.
    pub fn user_agent(mut self, name: &str) -> Result<Self, IssueError> {
        let plain = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        if name.is_empty() || name.len() > 255 || !name.bytes().all(plain) {
            return Err(IssueError::Invalid {
                what: "user agent",
                why: "it must be 1 to 255 bytes of visible ASCII and blanks",
            });
        }
        if let Some(agent) = &mut self.user_agent {
            name.clone_into(agent);
        }
        Ok(self)
    }
}
