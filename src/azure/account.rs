//! Account SAS: rights over whole services, for what no service SAS can do.
//!
//! Source: Azure Storage REST reference, "Create an account SAS".

use super::{
    Protocol, Sas,
    address::AddressRange,
    canonical::{Field, Layout, StringToSign},
    key::{Credential, Signature},
    permissions::{AccountPermissions, ResourceTypes, Services},
    sign::{WRITTEN, check_texts, push_signature},
    time,
    version::Version,
};
use crate::{
    clock::Timestamp,
    encode,
    error::IssueError,
    grant::{Constraint, Justification, Lifetime},
    token::BearerToken,
};
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use core::{convert::Infallible, fmt};

/// An account SAS: what it allows, it allows on every container, blob, queue, table and file of the services that it
/// names, and nothing but another account key takes it back. So it always needs a justification, and a
/// [`UrlRequest`](super::UrlRequest) is right for nearly everything.
///
/// ```
/// use valet_key::azure::{AccountKey, AccountPermissions, AccountRequest, ResourceTypes, Services};
/// use valet_key::{clock::Timestamp, grant::Justification};
///
/// let key = AccountKey::new("myaccount", "c2VjcmV0")?;
/// let why = Justification::new("creates the containers of new customers")?;
/// let request = AccountRequest::new(Services::BLOB, ResourceTypes::CONTAINER, AccountPermissions::CREATE, why);
/// let token = request.issue(&key, Timestamp::from_unix(1_700_000_000)?)?;
/// assert!(token.expose().starts_with("sv=2020-12-06&ss=b&srt=c&se=2023-11-14T22%3A28%3A20Z&sp=c&spr=https&sig="));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct AccountRequest {
    services: Services,
    types: ResourceTypes,
    permissions: AccountPermissions,
    lifetime: Lifetime,
    start: Option<Timestamp>,
    address: Option<AddressRange>,
    protocol: Protocol,
    version: Option<Version>,
    encryption_scope: Option<String>,
    justification: Justification,
}

impl AccountRequest {
    /// For fifteen minutes, over HTTPS.
    #[must_use]
    pub const fn new(
        services: Services,
        types: ResourceTypes,
        permissions: AccountPermissions,
        why: Justification,
    ) -> Self {
        Self {
            services,
            types,
            permissions,
            lifetime: Lifetime::DEFAULT,
            start: None,
            address: None,
            protocol: Protocol::Https,
            version: None,
            encryption_scope: None,
            justification: why,
        }
    }

    /// Lives this long from the time of issue, or from its start.
    #[must_use]
    pub const fn lives(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Begins then. Leave a start out unless it is meant to lie in the future: clocks differ.
    #[must_use]
    pub const fn start(mut self, at: Timestamp) -> Self {
        self.start = Some(at);
        self
    }

    /// Only for clients from this address or range.
    #[must_use]
    pub const fn address(mut self, range: AddressRange) -> Self {
        self.address = Some(range);
        self
    }

    /// Over these protocols.
    #[must_use]
    pub const fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// With this service version; by default 2020-12-06.
    #[must_use]
    pub const fn version(mut self, version: Version) -> Self {
        self.version = Some(version);
        self
    }

    /// Uploads are encrypted in this scope.
    #[must_use]
    pub fn encryption_scope(mut self, name: impl Into<String>) -> Self {
        self.encryption_scope = Some(name.into());
        self
    }

    /// Why it is as broad as it is.
    #[must_use]
    pub const fn justification(&self) -> &Justification {
        &self.justification
    }

    /// Prepares the token: no secret, no I/O.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for a user delegation key, which makes no such tokens, or an encryption scope that is none;
    /// [`IssueError::NotEnforceable`] for an encryption scope in a version before 2020-12-06;
    /// [`IssueError::TimeOverflow`].
    pub fn prepare(&self, credential: &Credential, now: Timestamp) -> Result<PreparedAccountSas, IssueError> {
        if credential.delegation().is_some() {
            return Err(IssueError::Invalid { what: "key", why: "an account SAS needs an account key" });
        }
        let begins = self.start.unwrap_or(now).max(now);
        let expires_at = begins.checked_add(self.lifetime.seconds()).ok_or(IssueError::TimeOverflow)?;
        let version = self.version.unwrap_or(Version::V2020_12_06);
        if self.encryption_scope.is_some() && version < Version::V2020_12_06 {
            return Err(IssueError::NotEnforceable {
                constraint: Constraint::Encryption,
                form: "an account SAS of that version",
                instead: "a newer signed version can",
            });
        }
        let fields = [
            (Field::Version, Some(version.as_str().to_owned())),
            (Field::Services, Some(self.services.to_string())),
            (Field::ResourceTypes, Some(self.types.to_string())),
            (Field::Permissions, Some(self.permissions.to_string())),
            (Field::Start, self.start.map(time::write)),
            (Field::Expiry, Some(time::write(expires_at))),
            (Field::Address, self.address.map(|range| range.to_string())),
            (Field::Protocol, self.protocol.value().map(ToString::to_string)),
            (Field::EncryptionScope, self.encryption_scope.clone()),
        ];
        let fields: Vec<(Field, String)> =
            fields.into_iter().filter_map(|(field, text)| Some((field, text?))).collect();
        check_texts(&fields)?;
        let value = |wanted: Field| fields.iter().find(|(field, _)| *field == wanted).map(|(_, text)| text.as_str());
        let mut text = Vec::new();
        let Ok(_) = Layout::Account.put(version, u64::MAX, &mut text, |field, text| {
            text.extend_from_slice(match field {
                Field::Account => credential.account_name().as_bytes(),
                field => value(field).unwrap_or_default().as_bytes(),
            });
            Ok::<_, Infallible>(())
        });
        let mut token = String::new();
        for (field, value) in WRITTEN.iter().filter_map(|field| Some((field, value(*field)?))) {
            if !token.is_empty() {
                token.push('&');
            }
            token.extend([field.name(), "="]);
            token.extend(encode::component(value.as_bytes()));
        }
        Ok(PreparedAccountSas {
            token,
            account: credential.account_name().to_owned(),
            expires_at,
            string_to_sign: StringToSign::new(text),
        })
    }

    /// Makes the token, good from `now`.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare), and [`IssueError::Key`].
    pub fn issue(&self, key: &impl Sas, now: Timestamp) -> Result<BearerToken, IssueError> {
        let prepared = self.prepare(key.credential(), now)?;
        let signature = key.sign(prepared.string_to_sign())?;
        Ok(prepared.finish(&signature))
    }
}

/// An account SAS that lacks only its signature.
#[derive(Clone)]
pub struct PreparedAccountSas {
    token: String,
    account: String,
    expires_at: Timestamp,
    string_to_sign: StringToSign,
}

impl PreparedAccountSas {
    /// What has to be signed: HMAC-SHA256 with the account key, decoded from base64.
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.string_to_sign
    }

    /// Makes the token: the query of any request to the account.
    #[must_use]
    pub fn finish(mut self, signature: &Signature) -> BearerToken {
        push_signature(&mut self.token, signature);
        BearerToken::new(self.token, self.account, self.expires_at)
    }
}

impl fmt::Debug for PreparedAccountSas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedAccountSas")
            .field("account", &self.account)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
