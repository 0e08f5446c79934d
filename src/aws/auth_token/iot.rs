//! AWS IoT: MQTT over WebSocket.

use super::login::{Carrier, Login, https};
use crate::{
    aws::{Region, TokenPlacement},
    error::IssueError,
};

impl Login {
    /// To an endpoint of AWS IoT, with MQTT over WebSocket. The token is the address to connect to.
    ///
    /// `endpoint` is the account's own, such as `abc-ats.iot.eu-west-1.amazonaws.com`. A session token is not signed here but
    /// added after signing, as this service wants it. A connection may last for 24 hours.
    ///
    /// ```
    /// use valet_key::{aws::{StaticKey, auth_token::Login}, clock::Timestamp};
    ///
    /// let now = Timestamp::parse_iso_basic("20261124T120000Z")?;
    /// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
    /// let url = Login::iot("abc-ats.iot.eu-west-1.amazonaws.com", "eu-west-1")?.issue(&key, now)?;
    /// assert!(url.expose().starts_with("wss://abc-ats.iot.eu-west-1.amazonaws.com/mqtt?X-Amz-Algorithm="));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A server that sees the WebSocket upgrade itself verifies that request with [`Login::expect`].
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for an endpoint or region that is none.
    pub fn iot(endpoint: &str, region: &str) -> Result<Self, IssueError> {
        let region = Region::new(region)?;
        let login = Self::new(Carrier::WebSocket, https(endpoint)?, &region, "iotdevicegateway", "/mqtt")?;
        Ok(login.session_token(TokenPlacement::AfterSigning))
    }
}
