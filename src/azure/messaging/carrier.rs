//! Where a token goes: headers, an AMQP request, a query, a message.

use super::{
    EntityLevel, MessagingEntity,
    canonical::{PREFIX, encoded},
    uri::check_version,
};
use crate::{
    clock::Timestamp,
    encode,
    error::{IssueError, VerifyError},
    secret::Secret,
    token::BearerToken,
};
use alloc::{
    format,
    string::{String, ToString},
};
use core::fmt;

/// A token in the places that the services look for it.
///
/// ```
/// use valet_key::azure::{AccessRule, MessagingEntity, MessagingSas, Right, ServiceBusKey, TokenCarrier, TokenRequest};
/// use valet_key::clock::Timestamp;
///
/// let relay = MessagingEntity::namespace("contoso.servicebus.windows.net")?.hybrid_connection("printer")?;
/// let key = ServiceBusKey::new(AccessRule::service_bus(&relay, "listen", Right::Listen)?, "key")?;
/// let token = key.token(&TokenRequest::new(&relay, Right::Listen), Timestamp::from_unix(1_700_000_000)?)?;
/// let carrier = TokenCarrier::new(&token);
/// assert_eq!(carrier.authorization().0, "Authorization");
/// assert!(carrier.relay_query().expose().starts_with("sb-hc-token=SharedAccessSignature%20sr%3Dhttps%253A"));
/// assert!(carrier.relay_renewal().expose().starts_with(r#"{"renewToken":{"token":"SharedAccessSignature sr="#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TokenCarrier<'t> {
    token: &'t BearerToken,
}

impl<'t> TokenCarrier<'t> {
    /// For this token.
    #[must_use]
    pub const fn new(token: &'t BearerToken) -> Self {
        Self { token }
    }

    /// The `Authorization` header, which every service takes.
    #[must_use]
    pub fn authorization(&self) -> (&'static str, Secret<String>) {
        let text = self.token.expose();
        let value = if text.starts_with(PREFIX) { text.to_string() } else { format!("{PREFIX}{text}") };
        ("Authorization", Secret::new(value))
    }

    /// The `aeg-sas-token` header of Event Grid.
    ///
    /// Source: Event Grid documentation, "Authenticate clients with SAS token".
    #[must_use]
    pub fn event_grid_header(&self) -> (&'static str, Secret<String>) {
        ("aeg-sas-token", self.token.expose().into())
    }

    /// The `ServiceBusAuthorization` header of Relay, which leaves `Authorization` to the listener.
    ///
    /// Source: Relay documentation, "Hybrid Connections protocol guide".
    #[must_use]
    pub fn relay_header(&self) -> (&'static str, Secret<String>) {
        ("ServiceBusAuthorization", self.token.expose().into())
    }

    /// The `sb-hc-token` parameter for the query of a Relay address, percent-encoded.
    ///
    /// Source: as [`relay_header`](Self::relay_header).
    #[must_use]
    pub fn relay_query(&self) -> Secret<String> {
        Secret::new(format!("sb-hc-token={}", encoded(self.token.expose())))
    }

    /// The message that renews a token on the control channel of a Relay listener.
    ///
    /// Source: as [`relay_header`](Self::relay_header).
    #[must_use]
    pub fn relay_renewal(&self) -> Secret<String> {
        // INVARIANT: a token holds nothing that JSON would write as an escape.
        Secret::new(format!(r#"{{"renewToken":{{"token":"{}"}}}}"#, self.token.expose()))
    }

    /// The `put-token` request to the AMQP node `$cbs`, for the Service Bus family.
    ///
    /// Source: OASIS, "AMQP Claims-based Security"; the clients of Service Bus.
    #[must_use]
    pub fn service_bus_put_token(&self) -> PutToken<'t> {
        self.put_token("servicebus.windows.net:sastoken")
    }

    /// The same for IoT Hub.
    ///
    /// Source: IoT Hub documentation, "Communicate with your IoT hub by using the AMQP protocol".
    #[must_use]
    pub fn iot_hub_put_token(&self) -> PutToken<'t> {
        self.put_token("azure-devices.net:sastoken")
    }

    fn put_token(&self, token_type: &'static str) -> PutToken<'t> {
        PutToken {
            operation: "put-token",
            token_type,
            name: self.token.resource(),
            expiration: self.token.expires_at(),
            body: self.token.expose(),
        }
    }
}

/// The properties and the body of an AMQP `put-token` request. A token is renewed by sending another one.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct PutToken<'t> {
    /// The application property `operation`.
    pub operation: &'static str,
    /// The application property `type`.
    pub token_type: &'static str,
    /// The application property `name`: the audience, which is what the token is for.
    pub name: &'t str,
    /// The application property `expiration`.
    pub expiration: Timestamp,
    /// The body: the token. Do not log it.
    pub body: &'t str,
}

impl fmt::Debug for PutToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutToken")
            .field("token_type", &self.token_type)
            .field("name", &self.name)
            .field("expiration", &self.expiration)
            .finish_non_exhaustive()
    }
}

impl MessagingEntity {
    /// The user name of a device or module at the MQTT broker of its IoT hub; the token is the password.
    ///
    /// ```
    /// use valet_key::azure::MessagingEntity;
    ///
    /// let device = MessagingEntity::iot_hub("contoso.azure-devices.net")?.device("dev1")?;
    /// assert_eq!(device.mqtt_username("2021-04-12")?, "contoso.azure-devices.net/dev1/?api-version=2021-04-12");
    /// # Ok::<(), valet_key::error::IssueError>(())
    /// ```
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if this is not a device or module, or the version is not 1 to 32 letters,
    /// digits or `-`.
    ///
    /// Source: IoT Hub documentation, "Communicate with your IoT hub using the MQTT protocol".
    pub fn mqtt_username(&self, api_version: &str) -> Result<String, IssueError> {
        check_version(api_version).map_err(|why| IssueError::Invalid { what: "API version", why })?;
        if !matches!(self.level(), EntityLevel::Device | EntityLevel::Module) {
            return Err(IssueError::Invalid { what: "entity", why: "only a device or module has an MQTT user name" });
        }
        let ids = self.path().split('/').skip(1).step_by(2);
        let ids = ids.fold(String::new(), |path, id| format!("{path}/{id}"));
        Ok(format!("{}{ids}/?api-version={api_version}", self.host()))
    }
}

/// The one token of a request to Relay: in the query (`sb-hc-token`, as it stands there), in
/// `ServiceBusAuthorization`, or, if neither is there, in `Authorization`.
///
/// With one of the first two, `Authorization` belongs to the listener.
///
/// ```
/// use valet_key::{azure::relay_token, error::VerifyError};
///
/// let token = "SharedAccessSignature sr=a";
/// assert_eq!(relay_token(None, Some(token), Some("Bearer of the listener"))?.expose(), token);
/// assert_eq!(relay_token(Some("SharedAccessSignature%20sr%3Da"), None, None)?.expose(), token);
/// assert!(matches!(relay_token(Some(token), Some(token), None), Err(VerifyError::TwoMechanisms { .. })));
/// # Ok::<(), VerifyError>(())
/// ```
///
/// # Errors
/// [`VerifyError::NotSigned`] if there is none, [`VerifyError::TwoMechanisms`] if both of the first two are
/// there, [`VerifyError::FieldForm`] if the parameter cannot be decoded.
///
/// Source: Relay documentation, "Hybrid Connections protocol guide".
pub fn relay_token(
    query: Option<&str>,
    service_bus_authorization: Option<&str>,
    authorization: Option<&str>,
) -> Result<Secret<String>, VerifyError> {
    match (query, service_bus_authorization) {
        (Some(_), Some(_)) => {
            Err(VerifyError::TwoMechanisms { first: "sb-hc-token", second: "ServiceBusAuthorization" })
        }
        (Some(raw), None) => {
            let readable = !raw.contains('+') && encode::spelling(raw, None) != encode::Spelling::Malformed;
            let text = readable.then(|| encode::decode(raw)).flatten();
            let expected = "a percent-encoded token";
            text.map(Secret::new).ok_or(VerifyError::FieldForm { field: "sb-hc-token", expected })
        }
        (None, header) => header.or(authorization).map(Secret::from).ok_or(VerifyError::NotSigned),
    }
}
